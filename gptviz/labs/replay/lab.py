"""Training, replayed: one model at several moments of its training, on the reader's own sentence."""

from ..lab import Lab
from .heads import HEADS
from .loss import LOSS
from .predictions import PREDICTIONS
from .word_places import MAP, PAIR

LAB = Lab(
    key="Replay",
    title="Training, replayed",
    about="A model before, during and after its training, on your sentence",
    experiments=(LOSS, PREDICTIONS, MAP, PAIR, HEADS),
    own_state=True,
)
