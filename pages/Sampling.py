"""The lab of choosing the next token."""

from gptviz.labs.sampling import lab as choosing
from gptviz.ui import shell

shell.lab(choosing.LAB)
