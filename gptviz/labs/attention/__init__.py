"""The lab "Attention": lab.py lists its experiments, one file each."""
