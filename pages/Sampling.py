"""The lab of choosing the next token."""

from gptviz.labs import choosing
from gptviz.ui import shell

shell.lab(choosing.LAB)
