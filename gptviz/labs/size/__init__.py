"""The lab "Size and cost": lab.py lists its experiments, one file each."""
