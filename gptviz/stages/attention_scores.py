r"""# Attention scores

How well does what one token looks for fit what another offers? Multiply its query with the other's key, number by number,
and add up: one score per pair (dot product). Each row belongs to the token that reads, each column to the token it reads
from.

Long lists give big sums, so every score is divided by the square root of the head size, not of the width. The pattern
stays; the numbers shrink, and the shares made from them later stay gentle.

$$s_{qk} = \sum_{c} Q_{qc}\, K_{kc}, \qquad \text{scaled}_{qk} = \frac{s_{qk}}{\sqrt{d_{\text{head}}}}$$
"""

import math

from .. import sampling
from ..figures.matrix import Grid
from . import stage as base
from .stage import Question, stage


def picture(trace, view) -> Grid:
    at = f"blocks.{view.block}.att."
    root = math.sqrt(trace.config.head_size)
    return Grid(
        panels=(
            base.square(trace, view, at + "scores", "Scores Q · K", dim=view.present),
            base.square(trace, view, at + "scaled", "Scaled scores", joiner=f"÷ √{trace.config.head_size} = {root:.3g} →"),
        ),
        per_row=2,
        selected=base.token(trace, view),
        note=f"Own colours each: same pattern, numbers {root:.3g} times smaller. {base.window_note(trace, view)}".strip(),
        alt=f"Scores of block {view.block + 1}, head {view.head + 1} before and after division by {root:.3g}.",
        height=base.height_beside(trace, view),
    )


def overview(trace, view) -> Grid:
    return base.heads(trace, view, f"blocks.{view.block}.att.scaled")


def caption(trace, view) -> str:
    raw = base.array(trace, view, f"blocks.{view.block}.att.scores")
    scaled = base.array(trace, view, f"blocks.{view.block}.att.scaled")
    row = base.token(trace, view)
    if row == 0:
        return (
            f"{base.quoted(trace, view, 0)} with itself scores {raw[0, 0]:.2f}, after the division {scaled[0, 0]:.2f}. "
            "It is the first token: no earlier one to compare with."
        )
    best = int(scaled[row, : row + 1].argmax())
    target = "itself" if best == row else base.quoted(trace, view, best)
    undivided, divided = (sampling.softmax(scores[row, : row + 1])[best] for scores in (raw, scaled))
    return (
        f"{base.quoted(trace, view, row)} fits {target} best: {raw[row, best]:.2f}, divided {scaled[row, best]:.2f}. "
        f"Turned into shares, that is {divided:.0%} of its attention; without the division it would be {undivided:.0%}."
    )


STAGE = stage(
    __doc__,
    key="attention-scores",
    number="5.2b",
    short="Scores",
    part="attention",
    points=("blocks.{block}.att.scores", "blocks.{block}.att.scaled"),
    inputs=("blocks.{block}.att.query", "blocks.{block}.att.key"),
    lines=("self.hook_scores(", "self.hook_scaled("),
    per_block=True,
    per_head=True,
    picture=picture,
    caption=caption,
    overview=overview,
    question=Question(
        ask="GPT-2 small is 768 wide and has 12 heads. What are its scores divided by?",
        choices=("√768 ≈ 27.7", "√64 = 8", "12"),
        answer=1,
        why="A score adds up 768 / 12 = 64 products, the head size, so the sum grows like √64 = 8.",
    ),
)
