"""The walk: every stage from text to next token."""

from gptviz.ui import navigation, walk

navigation.inside(walk.page)
