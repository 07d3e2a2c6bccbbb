"""The notes of whoever leads a room."""

from gptviz.ui import navigation, notes

navigation.inside(notes.show)
