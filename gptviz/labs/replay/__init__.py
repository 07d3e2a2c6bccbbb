"""The lab "Training, replayed": lab.py lists its experiments, one file each."""
