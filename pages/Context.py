"""The context and batch lab."""

from gptviz.labs import context
from gptviz.ui import shell

shell.lab(context.LAB)
