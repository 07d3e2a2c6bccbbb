"""The dropout lab."""

from gptviz.labs.dropout import lab as dropout
from gptviz.ui import navigation

navigation.lab(dropout.LAB)
