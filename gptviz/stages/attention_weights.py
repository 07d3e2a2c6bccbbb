r"""# Attention weights

The scores of each row become shares (attention weights): exponentiate, then divide by the row's sum. The bigger a score,
the bigger its share, and every row adds up to 1. A hidden score is minus infinity; its exponential is exactly 0, so nothing
flows from the future. The first token can only read itself: its row is always 1, 0, 0, ... in any model. A weight says how
much one token takes from another here, in this head; it is a route, not a reason.

$$w_{qk} = \frac{e^{m_{qk}}}{\sum_{j} e^{m_{qj}}}$$
"""

import numpy as np

from ..figures.matrix import Grid
from . import stage as base
from .stage import Question, stage


def picture(trace, view) -> Grid:
    at = f"blocks.{view.block}.att."
    weights = base.array(trace, view, at + "weights")
    return Grid(
        panels=(
            base.square(trace, view, at + "masked", "Masked scores", dim=True),
            base.square(
                trace,
                view,
                at + "weights",
                "Attention weights",
                joiner="softmax →",
                side=tuple(f"{total:.2f}" for total in weights.sum(1)),
                side_title="sum",
            ),
        ),
        per_row=2,
        selected=base.token(trace, view),
        note=base.window_note(trace, view),
        alt=f"Attention weights of block {view.block + 1}, head {view.head + 1}, {len(weights)} rows that sum to 1.",
        height=base.height_beside(trace, view),
    )


def overview(trace, view) -> Grid:
    return base.heads(trace, view, f"blocks.{view.block}.att.weights")


def caption(trace, view) -> str:
    weights = base.array(trace, view, f"blocks.{view.block}.att.weights")
    row = base.token(trace, view)
    if row == 0:
        return f"{base.quoted(trace, view, 0)} is the first token: its row is 1 and nothing else, in every head of every model."
    best = int(weights[row].argmax())
    spread = float(np.exp(-(weights[row, : row + 1] * np.log(weights[row, : row + 1] + 1e-30)).sum()))
    target = "itself" if best == row else base.quoted(trace, view, best)
    return (
        f"{base.quoted(trace, view, row)} gives {weights[row, best]:.0%} of its attention to {target}; "
        f"its row is as spread as {spread:.1f} equal shares out of {row + 1}."
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
