"""The size lab."""

from gptviz.labs import size
from gptviz.ui import shell

shell.lab(size.LAB)
