"""The parts lab."""

from gptviz.labs.parts import lab as parts
from gptviz.ui import navigation

navigation.lab(parts.LAB)
