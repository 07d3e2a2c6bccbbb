"""Embedding space: what lies near what in the token table, in the stream, and among the positions."""

from ..lab import Lab
from .position_table import POSITIONS
from .stream_maps import STREAM
from .trained_tables import TRAINING
from .word_maps import MAP
from .word_neighbours import NEIGHBOURS
from .word_pairs import COSINE

LAB = Lab(
    key="Embeddings",
    title="Embedding space",
    about="Neighbours and maps of the token table",
    experiments=(NEIGHBOURS, COSINE, MAP, STREAM, TRAINING, POSITIONS),
)
