"""Training, replayed: one model at several moments of its training, on the reader's own sentence."""

from .base import Lab
from .training_heads import HEADS
from .training_loss import LOSS
from .training_predictions import PREDICTIONS
from .training_words import MAP, PAIR

LAB = Lab(
    key="Training",
    title="Training, replayed",
    about="The weights begin as random numbers. Move through the training of a model and watch your sentence, its words and a head.",
    experiments=(LOSS, PREDICTIONS, MAP, PAIR, HEADS),
    own_state=True,
)
