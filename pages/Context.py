"""The context and batch lab."""

from gptviz.labs.context import lab as context
from gptviz.ui import shell

shell.lab(context.LAB)
