"""The training lab."""

from gptviz.labs.replay import lab as training
from gptviz.ui import shell

shell.lab(training.LAB)
