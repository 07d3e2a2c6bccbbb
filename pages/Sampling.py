"""The lab of choosing the next token."""

from gptviz.labs.sampling import lab as choosing
from gptviz.ui import navigation

navigation.lab(choosing.LAB)
