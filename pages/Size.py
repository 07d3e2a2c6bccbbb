"""The size lab."""

from gptviz.labs.size import lab as size
from gptviz.ui import navigation

navigation.lab(size.LAB)
