"""Labs: questions people really ask, settled by pulling something on the model's real tensors.

A lab is one file here (no Streamlit) and one page under pages/. It holds experiments; an experiment is a docstring in plain
words, the controls a reader may move, and functions from a `Setting` (model, sentence, values of the controls) to pictures and
to the "look for" line.
"""

from .lab import Control, Experiment, Lab, Setting

__all__ = ["Control", "Experiment", "Lab", "Setting"]
