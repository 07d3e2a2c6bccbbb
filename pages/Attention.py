"""The attention lab."""

from gptviz.labs import attention
from gptviz.ui import shell

shell.lab(attention.LAB)
