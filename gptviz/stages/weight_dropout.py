r"""# Dropout on the attention weights

Trained with dropout, a model also loses whole routes between tokens: each attention weight becomes 0 with probability p, the others are
multiplied by 1/(1-p). A row then no longer adds up to 1; it does so only on average over many passes. The zeros of the
causal mask stay zeros. When a model is used, the weights pass unchanged and every row adds up to 1.

$$\tilde a_{ij} = a_{ij} \cdot \frac{r_{ij}}{1 - p}, \qquad r_{ij} = 0 \text{ with probability } p, \text{ else } 1$$
"""

from dataclasses import replace

import numpy as np

from ..figures import style
from ..figures.matrix import DROPPED, MASKED, Grid
from ..seen import Seen
from ..words import count
from . import dropout
from .stage import Notes, Question, stage


def marks(mask: np.ndarray, hides: bool) -> np.ndarray:
    """Hatched above the diagonal where later tokens are hidden, crossed where dropout cut a route the mask had left."""
    future = hides * np.triu(np.ones(mask.shape, dtype=np.uint8), 1)
    return np.where(future, MASKED, DROPPED * (mask == 0)).astype(np.uint8)


def off(seen: Seen) -> Grid:
    """Dropout is off: the weights go on as they are, and beside them what one pass in training would have made of them here."""
    point = f"blocks.{seen.block}.att.dropped"
    weights, mask = seen.array(point), dropout.sampled(seen, point)
    crossed = marks(mask, seen.hides)
    limits = (0.0, 1 / (1 - dropout.SAMPLED))
    plain = seen.square(
        point,
        "Attention weights",
        limits=limits,
        side=tuple(f"{total:.2f}" for total in weights.sum(1)),
        side_title="sum",
    )
    examples = (
        (mask, f"factors, p = {dropout.SAMPLED:g}", "×", (0.0, 2 / (1 - dropout.SAMPLED)), ()),
        (weights * mask, "would go on", "=", limits, tuple(f"{total:.2f}" for total in (weights * mask).sum(1))),
    )
    return Grid(
        panels=(
            plain,
            *(
                replace(
                    plain,
                    title=title,
                    values=values,
                    limits=own,
                    marks=crossed,
                    joiner=joiner,
                    side=side,
                    side_title="sum" if side else "",
                    dim=True,
                    point="",
                    prefix=(),
                )
                for values, title, joiner, own, side in examples
            ),
        ),
        per_row=3,
        selected=seen.row,
        note="Dropout is off: only the first picture is this pass. The others are an example, drawn for this step alone.",
        alt=f"Attention weights of block {seen.block + 1}, head {seen.head + 1}, unchanged as dropout is off; and an example of what a pass "
        f"with p = {dropout.SAMPLED:g} would cut.",
        height=seen.height_beside,
    )


def picture(seen: Seen) -> Grid:
    if not (seen.trace.dropout or seen.present):
        return off(seen)
    at = f"blocks.{seen.block}.att."
    weights, dropped = seen.array(at + "weights"), seen.array(at + "dropped")
    mask = dropout.factors(seen, at + "dropped")
    crossed = marks(mask, seen.hides)
    limits = (0.0, 1 / (1 - seen.trace.dropout))
    before = seen.square(
        at + "weights",
        "Attention weights",
        limits=limits,
        dim=True,
        side=() if seen.present else tuple(f"{total:.2f}" for total in weights.sum(1)),
        side_title="" if seen.present else "sum",
    )
    after = seen.square(
        at + "dropped",
        "After dropout",
        limits=limits,
        joiner="=",
        marks=crossed,
        side=tuple(f"{total:.2f}" for total in dropped.sum(1)),
        side_title="sum",
    )
    middle = seen.square(
        at + "dropped",
        f"0 or {1 / (1 - seen.trace.dropout):.3g}" if seen.trace.dropout else "all 1: dropout is off",
        limits=dropout.mask_limits(seen.trace),
        marks=crossed,
        joiner="×",
    )
    cut = (slice(len(mask)),) * 2 if middle.row_index is None else np.ix_(middle.row_index, middle.column_index)
    middle = replace(middle, values=mask[cut], point=f"mask:{at}dropped")
    three = not seen.present or mask.size <= style.PRESENTED[0] ** 2  # more numbers beside each other a room cannot read
    return Grid(
        panels=(before, middle, after) if three else (before, replace(after, joiner="dropout →")),
        per_row=2 + three,
        selected=seen.row,
        left_out=seen.window_note,
        alt=(
            f"Attention weights of block {seen.block + 1}, head {seen.head + 1} before and after dropout, row sums "
            f"{dropped.sum(1).min():.2f} to {dropped.sum(1).max():.2f}."
        ),
        height=seen.height_beside,
    )


def overview(seen: Seen) -> Grid:
    return seen.heads(f"blocks.{seen.block}.att.dropped")


def caption(seen: Seen) -> tuple[str, ...]:
    at = f"blocks.{seen.block}.att."
    row = seen.row
    weights, dropped = seen.array(at + "weights"), seen.array(at + "dropped")
    name = seen.quoted(row)
    if not seen.trace.dropout:
        return (
            f"Dropout is off: the weights of {name} pass unchanged and add up to {dropped[row].sum():.2f}.",
            "Switch dropout on in the bar and the sums leave 1.",
            dropout.history(seen),
        )
    routes = np.tril(np.ones(weights.shape, dtype=bool), 0 if seen.hides else seen.size)
    mask = dropout.factors(seen, at + "dropped")
    fell = int((mask[routes] == 0).sum())
    kept = dropout.survivor(weights[row], dropped[row], np.where(routes[row], mask[row], 0), seen.trace.dropout)
    example = (
        f"Its weight for {seen.quoted(kept)} survives: "
        f"{dropout.divided(float(weights[row, kept]), float(dropped[row, kept]), seen.trace.dropout)}."
        if kept is not None
        else "No route of it survived."
    )
    return (
        f"{fell:,} of {count(int(routes.sum()), 'route')} {'is' if 1 in (fell, routes.sum()) else 'are'} cut ({routes.sum() * seen.trace.dropout:,.1f} expected at p = {seen.trace.dropout:g}).",
        f"The row of {name} now adds up to {dropped[row].sum():.2f}.",
        example,
        dropout.history(seen),
    )


STAGE = stage(
    __doc__,
    key="weight-dropout",
    notes=Notes(
        say="In training some of the shares fall to 0 as well, and the rest grow. A row then need not sum to 1.",
        ask="May the share of the only token that the first row can read fall as well?",
        trap="The rows are not made to sum to 1 again afterwards.",
    ),
    deeper=("Dropout/sums",),
    number="5.2e",
    short="Drop",
    so_far="Who reads whom, and how much.",
    missing="In training, routes that may be cut.",
    part="attention",
    points=("blocks.{block}.att.dropped",),
    switch="head:{block}.{head}",
    inputs=("blocks.{block}.att.weights",),
    lines=("self.hook_dropped(",),
    per_block=True,
    per_head=True,
    picture=picture,
    overview=overview,
    caption=caption,
    question=Question(
        ask="Dropout at p = 0.1 acts on the first token's row, 1, 0, 0, ... What is the row's sum afterwards?",
        choices=("1, as always", "0 or 1.11", "0.9"),
        answer=1,
        why="Its only weight falls with probability 0.1 (sum 0); else it becomes 1/0.9 = 1.11. On average the sum is 1.",
        trial="dropout on, and the first token",
        tries={"dropout": 0.1, "token": 0},
    ),
)
