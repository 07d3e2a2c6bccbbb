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
from ..seen import Seen
from .stage import Question, stage


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
        note=f"Own colours each: same pattern, numbers {root:.3g} times smaller. {seen.window_note}".strip(),
        alt=f"Scores of block {seen.block + 1}, head {seen.head + 1} before and after division by {root:.3g}.",
        height=seen.height_beside,
    )


def overview(seen: Seen) -> Grid:
    return seen.heads(f"blocks.{seen.block}.att.scaled")


def caption(seen: Seen) -> str:
    raw = seen.array(f"blocks.{seen.block}.att.scores")
    scaled = seen.array(f"blocks.{seen.block}.att.scaled")
    row = seen.row
    reads = seen.readable(row)
    if reads == 1:
        return (
            f"{seen.quoted(0)} with itself scores {raw[0, 0]:.2f}, after the division {scaled[0, 0]:.2f}. "
            "It is the first token: no earlier one to compare with."
        )
    best = int(scaled[row, :reads].argmax())
    target = "itself" if best == row else seen.quoted(best)
    undivided, divided = (sampling.softmax(scores[row, :reads])[best] for scores in (raw, scaled))
    return (
        f"{seen.quoted(row)} fits {target} best: {raw[row, best]:.2f}, divided {scaled[row, best]:.2f}. "
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
