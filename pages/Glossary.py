"""The words of the walk, and its letters."""

from gptviz.ui import glossary, shell

shell.inside(glossary.show)
