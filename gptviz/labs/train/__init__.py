"""The lab "Train it yourself": its words and what can be chosen before a run."""
