"""The training lab."""

from gptviz.labs import training
from gptviz.ui import shell

shell.lab(training.LAB)
