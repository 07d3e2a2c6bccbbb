"""The lab "Gradients": lab.py lists its experiments, one file each."""
