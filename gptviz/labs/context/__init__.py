"""The lab "Context and batch": lab.py lists its experiments, one file each."""
