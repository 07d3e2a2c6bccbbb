"""The lab "Why": lab.py lists its experiments, one file each."""
