"""The dropout lab."""

from gptviz.labs.dropout import lab as dropout
from gptviz.ui import shell

shell.lab(dropout.LAB)
