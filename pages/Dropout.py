"""The dropout lab."""

from gptviz.labs import dropout
from gptviz.ui import shell

shell.lab(dropout.LAB)
