"""The lab of shortcuts, normalisation and gradients."""

from gptviz.labs.gradients import lab as gradients
from gptviz.ui import navigation

navigation.lab(gradients.LAB)
