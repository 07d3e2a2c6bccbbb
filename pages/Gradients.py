"""The lab of shortcuts, normalisation and gradients."""

from gptviz.labs import gradients
from gptviz.ui import shell

shell.lab(gradients.LAB)
