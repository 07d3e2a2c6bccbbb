"""The training of a model, replayed."""

from gptviz.labs.replay import lab as replay
from gptviz.ui import navigation

navigation.lab(replay.LAB)
