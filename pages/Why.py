"""The lab on why a word was chosen."""

from gptviz.labs.why import lab as why
from gptviz.ui import navigation

navigation.lab(why.LAB)
