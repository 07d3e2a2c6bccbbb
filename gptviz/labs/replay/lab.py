"""Training, replayed: one model at several moments of its training, on the reader's own sentence."""

from ..lab import Lab
from .heads import HEADS
from .loss import LOSS
from .predictions import PREDICTIONS
from .word_places import MAP, PAIR

LAB = Lab(
    key="Training",
    title="Training, replayed",
    about="The weights begin as random numbers. Move through the training of a model and watch your sentence, its words and a head.",
    experiments=(LOSS, PREDICTIONS, MAP, PAIR, HEADS),
    own_state=True,
)
