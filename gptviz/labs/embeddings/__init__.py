"""The lab "Embedding space": lab.py lists its experiments, one file each."""
