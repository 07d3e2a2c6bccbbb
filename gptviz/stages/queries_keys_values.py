r"""# Queries, keys, values

Every token turns its normalised vector into three short lists: what it looks for (query), what it offers (key), and what it
hands over when it is read (value). One learned table makes all three: a third of its columns each, and each third is cut into
one slice per head.

Every head reads all the features of the vector; what is split is the result. Several heads can look for several things at once:
the word before, the verb, a copy of itself.

$$[\,Q \mid K \mid V\,] = y\, W_{qkv} + b_{qkv}, \qquad y = \mathrm{LN}(x)$$
"""

from dataclasses import replace

import numpy as np

from ..figures.matrix import Grid, Panel
from ..seen import Seen
from .stage import Notes, Question, among, stage

LETTERS = {"query": "Q", "key": "K", "value": "V"}


def columns(config, part: str, head: int) -> range:
    """The columns of the fused table that make one head's queries, keys or values."""
    first = list(LETTERS).index(part) * config.n_embd + head * config.head_size
    return range(first, first + config.head_size)


def strip(seen: Seen, part: str, multiplied: bool = False) -> Panel:
    """One of the three, of the viewed head. multiplied: what it is made of stands before it."""
    point = f"blocks.{seen.block}.att.{part}"
    made_by = columns(seen.trace.config, part, seen.head)
    return seen.strip(
        point,
        LETTERS[part]
        if multiplied
        else f"{LETTERS[part]}: {made_by[0]}-{made_by[-1]}"
        if seen.present
        else f"{LETTERS[part]}: {part}, columns {made_by[0]}-{made_by[-1]}",
        part=part,
        joiner=f"× W_{LETTERS[part]} →" if multiplied else "",
        side=tuple(f"{norm:.1f}" for norm in np.linalg.norm(seen.array(point), axis=1)),
        side_title="length",
    )


def slices(seen: Seen) -> str:
    """Which columns of the one table make what is shown of this head."""
    config = seen.trace.config
    own = {part: columns(config, part, seen.head) for part in LETTERS}
    said = ", ".join(f"W_{LETTERS[part]} columns {some[0]:,}-{some[-1]:,}" for part, some in own.items())
    return f"One row, three slices of W_qkv ({config.n_embd:,} rows, {3 * config.n_embd:,} columns for all heads): {said}."


def picture(seen: Seen) -> Grid:
    config = seen.trace.config
    shown = tuple(LETTERS)
    wide = not (seen.present or seen.narrow)
    source = seen.strip(f"blocks.{seen.block}.norm1", "y = LN(x)", dim=True)
    return Grid(
        panels=(*[source] * wide, *(strip(seen, part, wide) for part in shown)),
        per_row=len(shown) + wide,
        selected=seen.row,
        note=slices(seen)
        if wide
        else f"Columns of W_qkv, which has {config.n_embd} rows and {3 * config.n_embd} columns for all {config.n_head} heads.",
        alt=f"Queries, keys and values of block {seen.block + 1}, head {seen.head + 1}: "
        f"{config.head_size} numbers each for {seen.size} tokens.",
        height=seen.height_beside,
    )


def overview(seen: Seen) -> Grid:
    return replace(seen.heads(f"blocks.{seen.block}.att.query"), note="Every head's queries.")


def caption(seen: Seen) -> tuple[str, ...]:
    config = seen.trace.config
    row = seen.row
    lengths = [float(np.linalg.norm(seen.array(f"blocks.{seen.block}.att.{part}")[row])) for part in LETTERS]
    return (
        f"{seen.quoted(row)} has a query of length {lengths[0]:.1f}, a key of length {lengths[1]:.1f} and a value "
        f"of length {lengths[2]:.1f} in head {seen.head + 1}: {config.head_size} numbers each, every one made from all "
        f"{config.n_embd} features.",
    )


def question(seen: Seen) -> Question:
    """Where in the fused table another head's keys are made."""
    config = seen.trace.config
    head = (seen.head + 1) % config.n_head

    def written(part: str, head: int) -> str:
        made_by = columns(config, part, head)
        return f"{made_by[0]:,} to {made_by[-1]:,}"

    right, query, value = (written(part, head) for part in ("key", "query", "value"))
    choices, answer = among(right, query, value, written("key", seen.head))
    return Question(
        ask=f"W_qkv has {3 * config.n_embd:,} columns. Which of them make the keys of head {head + 1}?",
        choices=choices,
        answer=answer,
        why=f"Keys are the second third, from {config.n_embd:,} on, and head {head + 1} owns {config.head_size} columns of it: {right}.",
    )


STAGE = stage(
    __doc__,
    key="queries-keys-values",
    notes=Notes(
        say="The row is multiplied by three tables: what I look for, what I can be found by, what I hand over. Each head has its share of the three.",
        ask="A token wants to read itself. Which two of the three meet in that?",
        trap="The three names are pictures. There is no search in it: three products with learnt tables, nothing else.",
    ),
    deeper=("Attention/score",),
    number="5.2a",
    short="Q K V",
    so_far="Rows on a common scale.",
    missing="A way to ask, to be found, and to hand something over.",
    part="query",
    points=("blocks.{block}.att.query", "blocks.{block}.att.key", "blocks.{block}.att.value"),
    switch="head:{block}.{head}",
    inputs=("blocks.{block}.norm1",),
    lines=("self.qkv(x)", "self.hook_query(", "self.hook_key(", "self.hook_value("),
    per_block=True,
    per_head=True,
    picture=picture,
    caption=caption,
    overview=overview,
    question=question,
)
