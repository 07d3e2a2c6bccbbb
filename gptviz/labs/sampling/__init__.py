"""The lab "Choosing the next token": lab.py lists its experiments, one file each."""
