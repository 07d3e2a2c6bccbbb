"""The context and batch lab."""

from gptviz.labs.context import lab as context
from gptviz.ui import navigation

navigation.lab(context.LAB)
