r"""# Attention scores

How well does what one token looks for fit what another offers? Multiply its query with the other's key, number by number, and add up: one score a pair (dot product). Each row belongs to the token that reads, each column to the token it reads from.
Scores have any sign; only the differences within a row count.

A sum of many products grows with their number, so every score is divided by the square root of the head size. Else one share would soon be almost 1.

$$s_{ij} = q_i \cdot k_j = \sum_{c} q_{ic}\, k_{jc}, \qquad s^{\prime}_{ij} = \frac{s_{ij}}{\sqrt{d_{\text{head}}}}$$
"""

import math

import numpy as np

from .. import sampling
from ..figures import covering
from ..figures.matrix import Grid
from ..seen import Seen
from ..words import fixed, percent
from .stage import Notes, Question, among, stage


def picture(seen: Seen) -> Grid:
    at = f"blocks.{seen.block}.att."
    root = math.sqrt(seen.trace.config.head_size)
    return Grid(
        panels=(
            seen.square(at + "scores", "Scores Q · K", dim=seen.present),
            seen.square(at + "scaled", "Scaled scores", joiner=f"÷ √{seen.trace.config.head_size} = {root:.3g} →"),
        ),
        per_row=2,
        selected=seen.row,
        note=f"Own colours each: same pattern, numbers {root:.3g} times smaller.",
        left_out=seen.window_note,
        alt=f"Scores of block {seen.block + 1}, head {seen.head + 1} before and after division by {root:.3g}.",
        height=seen.height_beside,
    )


def overview(seen: Seen) -> Grid:
    return seen.heads(f"blocks.{seen.block}.att.scaled")


def caption(seen: Seen) -> tuple[str, ...]:
    raw = seen.array(f"blocks.{seen.block}.att.scores")
    scaled = seen.array(f"blocks.{seen.block}.att.scaled")
    row = seen.row
    reads = seen.readable(row)
    if reads == 1:
        return (
            f"{seen.quoted(0)} with itself scores {fixed(raw[0, 0])}, after the division {fixed(scaled[0, 0])}.",
            "It is the first token: no earlier one to compare with.",
        )
    best = int(scaled[row, :reads].argmax())
    target = "itself" if best == row else seen.quoted(best)
    second = float(np.partition(scaled[row, :reads], reads - 2)[reads - 2])
    lead = f", {fixed(scaled[row, best] - second)} more than the next"
    undivided, divided = (sampling.softmax(scores[row, :reads])[best] for scores in (raw, scaled))
    return (
        f"{seen.quoted(row)} fits {target} best: {fixed(raw[row, best])}, divided {fixed(scaled[row, best])}{lead}.",
        f"Turned into shares, that is {percent(divided)} of its attention; without the division it would be {percent(undivided)}.",
    )


def question(seen: Seen) -> Question:
    """What larger heads would change."""
    size = seen.trace.config.head_size
    root = math.sqrt(size)
    choices, answer = among(*(f"{number:.3g}" for number in (2 * root, 4 * root, root, 4 * size)))
    return Question(
        ask=f"A score here is a sum of {size} products, divided by {root:.3g}. With heads four times as large, by what?",
        choices=choices[:3],
        answer=answer,
        why=f"By the square root of {4 * size}, which is {2 * root:.3g}: four times as many products make sums about twice as large.",
    )


STAGE = stage(
    __doc__,
    key="attention-scores",
    notes=Notes(
        say="Each query meets each key: product by product, summed, divided by the root of the head's width. One cell is one meeting.",
        ask="Which of these cells may the model use, when it reads from left to right?",
        trap="A large score is no weight yet; scores can be below 0 and do not sum to anything.",
    ),
    deeper=("Attention/score",),
    number="5.2b",
    short="Scores",
    so_far="A query, a key and a value for each token.",
    missing="How well each query fits each key.",
    part="attention",
    points=("blocks.{block}.att.scores", "blocks.{block}.att.scaled"),
    switch="no-scale:{block}",
    inputs=("blocks.{block}.att.query", "blocks.{block}.att.key"),
    lines=("self.hook_scores(", "self.hook_scaled("),
    per_block=True,
    per_head=True,
    picture=picture,
    covers=covering.rows,
    caption=caption,
    overview=overview,
    question=question,
)
