r"""# Context vectors

Now the reading happens. For each token, every value row it may read is multiplied by its weight, and the results are added up:
one new row, the token's mix of what it and the tokens before it hand over (context vector). The weights say how much; the
context vector is what was read.

Each head makes its own mix. The mixes of all heads are laid side by side into one long row, as wide as the model.

$$z_i = \sum_{j \le i} \tilde a_{ij}\, v_j, \qquad \text{concat}_i = [\,z_i^{(1)} \mid z_i^{(2)} \mid \dots\,]$$
"""

import numpy as np

from ..figures import covering, style
from ..figures.matrix import Grid, Panel
from ..seen import Seen
from ..words import percent, size
from .stage import Notes, Question, stage

MOST_KEYS = 20  # value rows that can be told apart in one picture
PRESENTED_KEYS = 8


def strongest(weights: np.ndarray, count: int) -> tuple[int, ...]:
    """The keys with the largest weights, back in the order of the text."""
    return tuple(sorted(np.argsort(-weights, kind="stable")[:count].tolist()))


def picture(seen: Seen) -> Grid:
    at = f"blocks.{seen.block}.att."
    row = seen.row
    names = seen.labels
    reads = seen.readable(row)
    weights = seen.array(at + "dropped")[row, :reads]
    values = seen.array(at + "value")[:reads]
    context = seen.array(at + "context")[row]
    keys = strongest(weights, PRESENTED_KEYS if seen.present else MOST_KEYS)
    weighted = weights[list(keys), None] * values[list(keys)]
    limits = style.robust_limits(np.concatenate([weighted.ravel(), context]), "signed")
    left_out = ""
    if len(keys) < reads:
        held = weights[list(keys)].sum() / (weights.sum() or 1)
        left_out = (
            f"The {len(keys)} largest of {reads} weights, {percent(float(held))} of their sum; the sum runs over all {reads}."
        )
    return Grid(
        panels=(
            Panel(
                title=f"{seen.quoted(row)}: weight × value of each token it reads",
                values=weighted,
                rows=tuple(names[key] for key in keys),
                row_axis="key: is read",
                column_axis="channel of the head",
                limits=limits,
                point=f"weighted_value:blocks.{seen.block}",
                prefix=(seen.item, seen.head, row),
                row_index=keys,
                side=tuple(f"× {weights[key]:.2f}" for key in keys),
                side_title="weight",
                part="value",
                printed=False,
            ),
            Panel(
                title=f"context vector, head {seen.head + 1}",
                values=context[None],
                rows=(names[row],),
                row_axis="token",
                column_axis="channel of the head",
                limits=limits,
                point=at + "context",
                prefix=seen.prefix(at + "context"),
                row_index=(row,),
                side=(f"{np.linalg.norm(context):.2f}",),
                side_title="length",
                part="attention",
                joiner="added up =",
                printed=False,
            ),
        ),
        per_row=1,
        left_out=left_out,
        alt=f"Weighted value rows that {seen.quoted(row)} reads in block {seen.block + 1}, head {seen.head + 1}, "
        "and their sum, the context vector.",
        height=seen.height_beside,
    )


def overview(seen: Seen) -> Grid:
    return seen.heads(f"blocks.{seen.block}.att.context")


def caption(seen: Seen) -> tuple[str, ...]:
    at = f"blocks.{seen.block}.att."
    row = seen.row
    reads = seen.readable(row)
    weights = seen.array(at + "dropped")[row, :reads]
    value = seen.array(at + "value")
    context = seen.array(at + "context")[row]
    who = seen.quoted(row)
    owned = f"Of the {seen.trace.config.n_embd} numbers side by side, head {seen.head + 1} fills {seen.head * len(context)} to "
    owned += f"{(seen.head + 1) * len(context) - 1}."
    if reads == 1 and not seen.trace.dropout and at + "context" not in seen.trace.edited:
        return f"{who} is the first token and reads only itself: its context vector is its own value row.", owned
    if not weights.any():
        return f"Dropout set every weight of {who} to 0: its context vector is a row of zeros.", owned
    best = int((weights * np.linalg.norm(value[:reads], axis=1)).argmax())
    source = "itself" if best == row else seen.quoted(best)
    return (
        f"{who} takes most from {source}: weight {size(float(weights[best]))} times a value of length "
        f"{size(float(np.linalg.norm(value[best])))}.",
        f"The mix has length {size(float(np.linalg.norm(context)))}.",
        owned,
    )


STAGE = stage(
    __doc__,
    key="context-vectors",
    notes=Notes(
        say="The values are mixed with those shares. What a head hands over is a row made of what it read.",
        ask="One share is 1 and the others are 0. What does the mix look like then?",
        trap="The scores do not come through to here: only values are mixed, the scores decide the parts.",
    ),
    deeper=("Attention/toy", "Parts/heads"),
    number="5.2f",
    short="Mix",
    so_far="Who reads whom, and how much.",
    missing="The reading itself.",
    part="value",
    points=("blocks.{block}.att.concat", "blocks.{block}.att.context"),
    switch="head:{block}.{head}",
    inputs=("blocks.{block}.att.dropped", "blocks.{block}.att.value"),
    lines=("self.hook_context(", "self.hook_concat("),
    per_block=True,
    per_head=True,
    picture=picture,
    covers=covering.rows,
    caption=caption,
    overview=overview,
    question=Question(
        ask="A token gives all its attention to itself. What is its context vector in that head?",
        choices=("Its own value row", "Its token embedding", "A row of zeros"),
        answer=0,
        why="1 times its own value plus 0 times the others is its own value row. The first token always does this.",
        trial="the first token",
        tries={"token": 0},
    ),
)
