r"""# Input embedding = token + position

Here what meets where: the token's vector and its position's vector are added, number by number. Adding is a design choice: in
so many directions training can find some for places that words leave free. From here on the two parts cannot be read off apart:
the sum is all the model sees. It is the start of the residual stream, the row of numbers per token that every block adds to.

$$x_t = \mathrm{tok}_t + \mathrm{pos}_t$$
"""

import numpy as np

from ..figures.matrix import Grid
from ..seen import Seen
from ..words import size
from . import addition
from .stage import Notes, Question, stage

POINTS = ("tok_emb", "pos_emb", "input_emb")


def picture(seen: Seen) -> Grid:
    return addition.picture(
        seen,
        POINTS,
        ("Token embedding", "Positional embedding", "Input embedding"),
        ("token", "position", "residual"),
        alt="Three strips: token vectors, position vectors, and their sum, number by number.",
    )


def caption(seen: Seen) -> tuple[str, ...]:
    row = seen.row
    token, position, total = (seen.array(point)[row] for point in POINTS)
    long = [size(float(length)) for length in addition.lengths(np.stack((token, position, total)))]
    name = seen.word(row)
    return (
        f"{name} at position {row}, {addition.written_out(token, position, total, ('token', 'position'))}.",
        f"Its token vector has length {long[0]}, the position's {long[1]}, the sum {long[2]}.",
    )


STAGE = stage(
    __doc__,
    key="input-embedding",
    notes=Notes(
        say="The two rows are added, number by number. What comes out has the same width as before and knows word and place.",
        ask="Can one see in the sum which part came from the word and which from the place?",
        trap="It is a sum and no row set beside another: the width stays as it was.",
    ),
    deeper=("Context/swap",),
    number="3",
    short="Sum",
    so_far="One vector for what, one for where.",
    missing="A single row that carries both.",
    part="residual",
    points=("input_emb",),
    inputs=("tok_emb", "pos_emb"),
    lines=("self.hook_input_emb(",),
    picture=picture,
    caption=caption,
    question=Question(
        ask="Token vector and position vector are each as wide as the model. How wide is the input embedding?",
        choices=("Twice as wide", "Just as wide", "One number wider"),
        answer=1,
        why="They are added, not put side by side, so nothing after this has to grow: the stream keeps its width to the end.",
    ),
)
