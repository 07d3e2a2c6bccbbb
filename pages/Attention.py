"""The attention lab."""

from gptviz.labs.attention import lab as attention
from gptviz.ui import navigation

navigation.lab(attention.LAB)
