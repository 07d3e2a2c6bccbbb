"""What frames the walk: the whole trip in one picture, examples that show something, what was seen at the end, and the words used.

No Streamlit here; every number is computed from a trace of the model that is chosen.
"""

from .cards import CARDS, Card

__all__ = ["CARDS", "Card"]
