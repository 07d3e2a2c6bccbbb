"""The name that Replay had before."""

from gptviz.ui import navigation

navigation.moved("Training")
