r"""# Attention weights

The scores of each row become shares (attention weights): exponentiate, then divide by the row's sum. The bigger a score,
the bigger its share, and every row adds up to 1. A hidden score is minus infinity; its exponential is exactly 0, so nothing
flows from the future. The first token can only read itself: its row is always 1, 0, 0, ... in any model. A weight says how
much one token takes from another here, in this head; it is a route, not a reason.

$$w_{qk} = \frac{e^{m_{qk}}}{\sum_{j} e^{m_{qj}}}$$
"""

import numpy as np

from ..figures.matrix import Grid
from ..seen import Seen
from .stage import Question, stage


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
        note=seen.window_note,
        alt=f"Attention weights of block {seen.block + 1}, head {seen.head + 1}, {len(weights)} rows that sum to 1.",
        height=seen.height_beside,
    )


def overview(seen: Seen) -> Grid:
    return seen.heads(f"blocks.{seen.block}.att.weights")


def caption(seen: Seen) -> str:
    weights = seen.array(f"blocks.{seen.block}.att.weights")
    row = seen.row
    reads = seen.readable(row)
    if reads == 1:
        return f"{seen.quoted(0)} is the first token: its row is 1 and nothing else, in every head of every model."
    best = int(weights[row].argmax())
    spread = float(np.exp(-(weights[row, :reads] * np.log(weights[row, :reads] + 1e-30)).sum()))
    target = "itself" if best == row else seen.quoted(best)
    return (
        f"{seen.quoted(row)} gives {weights[row, best]:.0%} of its attention to {target}; "
        f"its row is as spread as {spread:.1f} equal shares out of {reads}."
    )


STAGE = stage(
    __doc__,
    key="attention-weights",
    number="5.2d",
    short="Weights",
    part="attention",
    points=("blocks.{block}.att.weights",),
    inputs=("blocks.{block}.att.masked",),
    lines=("self.hook_weights(",),
    per_block=True,
    per_head=True,
    picture=picture,
    caption=caption,
    overview=overview,
    question=Question(
        ask="What is the first row of any causal attention map?",
        choices=("Equal shares", "1, then zeros", "It depends on the weights"),
        answer=1,
        why="The first token sees only itself, and a share of one thing is 1, trained or not.",
    ),
)
