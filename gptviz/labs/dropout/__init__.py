"""The lab "Dropout": lab.py lists its experiments, one file each."""
