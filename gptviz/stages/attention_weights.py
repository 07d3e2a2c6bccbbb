r"""# Attention weights

The scores of each row become shares (attention weights): exponentiate, then divide by the row's sum. The bigger a score, the
bigger its share, and every row adds up to 1. A hidden score is minus infinity; its exponential is exactly 0, so nothing flows
from the future. The first token can only read itself: its row is 1, 0, 0, ... in any causal model. A weight says how much one
token takes from another here, in this head. It shows where numbers flow, not why.

$$a_{ij} = \frac{e^{m_{ij}}}{\sum_{k} e^{m_{ik}}}$$
"""

import numpy as np

from ..figures import covering
from ..figures.matrix import Grid
from ..seen import Seen
from ..words import percent
from .stage import Notes, Question, among, stage

MOST = 0.9  # of a row, which few or many tokens hold


def picture(seen: Seen) -> Grid:
    at = f"blocks.{seen.block}.att."
    weights = seen.array(at + "weights")
    return Grid(
        panels=(
            seen.square(at + "masked", "Masked scores", dim=True),
            seen.square(
                at + "weights",
                "Attention weights",
                joiner="softmax →",
                side=tuple(f"{total:.2f}" for total in weights.sum(1)),
                side_title="sum",
            ),
        ),
        per_row=2,
        selected=seen.row,
        left_out=seen.window_note,
        alt=f"Attention weights of block {seen.block + 1}, head {seen.head + 1}, {len(weights)} rows that sum to 1.",
        height=seen.height_beside,
    )


def overview(seen: Seen) -> Grid:
    return seen.heads(f"blocks.{seen.block}.att.weights")


def caption(seen: Seen) -> tuple[str, ...]:
    weights = seen.array(f"blocks.{seen.block}.att.weights")
    row = seen.row
    reads = seen.readable(row)
    if reads == 1:
        return (f"{seen.quoted(0)} is the first token: its row is 1 and nothing else, in every head of every causal model.",)
    best = int(weights[row].argmax())
    enough = 1 + int(np.searchsorted(np.cumsum(np.sort(weights[row, :reads].astype(np.float64))[::-1]), MOST))
    target = "itself" if best == row else seen.quoted(best)
    return (
        f"{seen.quoted(row)} gives {percent(float(weights[row, best]))} of its attention to {target}; "
        f"{min(enough, reads)} of the {reads} tokens it may read hold {percent(MOST)} of it.",
    )


def question(seen: Seen) -> Question:
    """What one more in a score does to its share."""
    row, reads = seen.row, seen.readable(seen.row)
    scores = seen.array(f"blocks.{seen.block}.att.masked")[row, :reads].astype(np.float64)
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    best = int(shares.argmax())
    share, raised = float(shares[best]), float(shares[best] * np.e / (shares[best] * np.e + 1 - shares[best]))
    if reads == 1 or percent(raised) == percent(share):
        return Question(
            ask="All scores of a row grow by 5. What happens to its shares?",
            choices=("They stay", "They all grow", "The largest takes more"),
            answer=0,
            why="Every exponential grows by the same factor, and so does their sum. Only differences within a row count.",
        )
    choices, answer = among(percent(raised), percent(min(0.999, share * np.e)), percent(share), percent(share / 2))
    return Question(
        ask=f"The score of {seen.quoted(row)} for {'itself' if best == row else seen.quoted(best)} grows by 1. Its share is {percent(share)}: what does it become?",
        choices=choices[:3],
        answer=answer,
        why=f"Its exponential grows by e = 2.72, and so does its part of the sum: {percent(raised)}. The others share what is left.",
    )


STAGE = stage(
    __doc__,
    key="attention-weights",
    notes=Notes(
        say="Each row of scores becomes shares that sum to 1. Now it reads: of all I may look at, so much from here.",
        ask="What stands in the first row, whatever the model has learnt?",
        trap="A share says how much of a value is taken; it is no proof of what the model thinks.",
    ),
    deeper=("Attention/atlas", "Attention/first"),
    number="5.2d",
    short="Weights",
    so_far="Scores for what may be read.",
    missing="How much of each to take.",
    part="attention",
    points=("blocks.{block}.att.weights",),
    switch="head:{block}.{head}",
    inputs=("blocks.{block}.att.masked",),
    lines=("self.hook_weights(",),
    per_block=True,
    per_head=True,
    picture=picture,
    covers=covering.rows,
    caption=caption,
    overview=overview,
    question=question,
)
