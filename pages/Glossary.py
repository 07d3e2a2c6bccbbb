"""The words of the walk, and its letters."""

from gptviz.ui import glossary, navigation

navigation.inside(glossary.show)
