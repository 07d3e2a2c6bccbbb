r"""# How many heads?

One learned table makes the queries, keys and values of all heads. A head is a slice of its columns: every head reads all the
features of a token, and what is divided among the heads is the result.

So the number of heads must divide the width, and it changes no count: eight slices of 32 columns are as many numbers as four
of 64. (Where code says d_out, it is mostly that of all heads together.) Choose another number of heads and see whose the same column is now. Click a slice to choose it.

$$\text{head } h\text{: columns } h\,d_{\text{head}} \text{ to } (h+1)\,d_{\text{head}} - 1$$
"""

from dataclasses import dataclass, replace

import numpy as np

from ...config import GPTConfig
from ...figures.forms import Picture
from ...figures.matrix import Grid, Panel, Tiles
from ...figures.table import Table
from ...stages.queries_keys_values import LETTERS
from ...stages.stage import Notes, Question
from ..lab import Control, Setting, experiment

TABLE_ROWS = 64  # rows of W in the picture
TOKENS = 12  # rows of the picture of queries


def divisors(width: int) -> tuple[int, ...]:
    """Every number of heads a width can be divided into."""
    return tuple(heads for heads in range(1, width + 1) if width % heads == 0)


@dataclass(frozen=True, eq=False)
class Slice:
    """A head's slice of the columns when the width is divided among `heads`. head: counted from 0. columns: of W_q; W_k's and
    W_v's are one and two widths further on. again: (token, channel) the queries from these columns alone; queries: the same
    numbers of the model's own tensor."""

    heads: int
    head: int
    columns: range
    again: np.ndarray
    queries: np.ndarray


def owned(setting: Setting) -> Slice:
    """Who owns the chosen column of W_q, and the queries its columns make."""
    block = setting["block"] - 1
    size = setting.config.n_embd // setting["heads"]
    head = setting["column"] // size
    columns = range(head * size, (head + 1) * size)
    made = setting.trace(points=[f"blocks.{block}.norm1", f"blocks.{block}.att.query"])
    shown = slice(columns.start, columns.stop)
    table = setting.model.blocks[block].att.qkv
    again = made.array(f"blocks.{block}.norm1")[0] @ table.weight[:, shown].numpy(force=True)
    if table.bias is not None:
        again = again + table.bias[shown].numpy(force=True)
    own = made.array(f"blocks.{block}.att.query")[0]  # (head, token, channel)
    queries = own.swapaxes(0, 1).reshape(own.shape[1], -1)[:, shown]
    return Slice(setting["heads"], head, columns, again, queries)


def ordinal(n: int) -> str:
    return f"{n}{'th' if n % 100 in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def controls(setting: Setting) -> tuple[Control, ...]:
    config = setting.config
    return (
        Control("heads", "Number of heads", "choice", default=config.n_head, options=divisors(config.n_embd)),
        Control("column", "Column of W_q", "slider", default=config.n_embd // 3, options=(0, config.n_embd - 1, 1)),
        Control("block", "Block", "choice", options=tuple(range(1, config.n_layer + 1)), show=lambda n: f"block {n}"),
    )


def state(setting: Setting) -> tuple[str, ...]:
    real = setting.config.n_head
    return () if setting["heads"] == real else (f"A VIEW: {setting['heads']} heads, the model has {real}",)


def counts(config: GPTConfig) -> Table:
    """For every number of heads that divides the width: what stays and what changes."""
    choices = [replace(config, n_head=heads) for heads in divisors(config.n_embd)]
    return Table(
        {
            "heads": [one.n_head for one in choices],
            "numbers a head": [one.head_size for one in choices],
            "scores divided by": [round(float(np.sqrt(one.head_size)), 2) for one in choices],
            "maps in the model": [one.n_head * one.n_layer for one in choices],
            "parameters: attention of a block": [f"{one.parameters()['attention'] // one.n_layer:,}" for one in choices],
            "parameters: model": [f"{one.n_parameters:,}" for one in choices],
        },
        title=f"Every number of heads that divides {config.n_embd}",
    )


def pictures(setting: Setting) -> list[Picture]:
    config = setting.config
    made = owned(setting)
    block = setting["block"] - 1
    size = len(made.columns)
    step = -(-config.n_embd // TABLE_ROWS)
    rows = range(0, config.n_embd, step)
    table = setting.model.blocks[block].att.qkv.weight.numpy(force=True)
    tiles = Tiles(
        rows=len(rows),
        columns=size,
        across=made.heads,
        names=tuple(f"head {n + 1} of {made.heads}" for n in range(made.heads)),
        field="column",
        values=tuple(range(0, config.n_embd, size)),
        chosen=made.head,
    )
    panels = [
        Panel(
            title=f"W_{letter.lower()}: columns {made.columns[0] + start}-{made.columns[-1] + start}",
            values=table[::step, start : start + config.n_embd],
            rows=tuple(f"feature {row}" for row in rows),
            row_axis="reads",
            column_axis="column",
            column_index=tuple(range(start, start + config.n_embd)),
            part=part,
            printed=False,
            tiles=tiles,
        )
        for start, (part, letter) in zip(range(0, 3 * config.n_embd, config.n_embd), LETTERS.items())
    ]
    names = setting.labels()[:TOKENS]
    panels.append(
        Panel(
            title=f"Queries these {size} columns make" if size > 1 else "Query this column makes",
            values=made.queries[: len(names)],
            rows=names,
            row_axis="token",
            column_axis="column",
            column_index=tuple(made.columns),
            part="query",
            printed=False,
        )
    )
    notes = [f"Every {ordinal(step)} row of {config.n_embd}." if step > 1 else "", "Outlined: the columns of one head."]
    if len(names) < len(setting.ids):
        notes.append(f"Tokens 0 to {len(names) - 1} of {len(setting.ids)}.")
    grid = Grid(
        panels=tuple(panels),
        per_row=3,
        note=" ".join(filter(None, notes)),
        alt=f"The tables that make queries, keys and values in block {block + 1}; head {made.head + 1} of {made.heads} owns "
        f"{size} columns of each.",
        height=380,
    )
    return [grid, counts(config)]


def owners(config: GPTConfig, columns: range) -> str:
    """Which of the model's own heads hold these columns, in words."""
    first, last = columns[0] // config.head_size, columns[-1] // config.head_size
    if first != last:
        return f"The model's heads {first + 1} to {last + 1} own these columns"
    part = "" if len(columns) == config.head_size else "part of what "
    return f"They are {part}the model's head {first + 1} owns" if part else f"They are the model's head {first + 1}"


def caption(setting: Setting) -> str:
    config = setting.config
    made = owned(setting)
    first, last, width = made.columns[0], made.columns[-1], config.n_embd
    count = replace(config, n_head=made.heads).parameters()["attention"] // config.n_layer
    view = "" if made.heads == config.n_head else f" {owners(config, made.columns)}."
    return (
        f"Column {setting['column']} belongs to head {made.head + 1} of {made.heads}: columns {first}-{last} of W_q, "
        f"{first + width}-{last + width} and {first + 2 * width}-{last + 2 * width} of the whole table for its keys and "
        f"values.{view} "
        f"Its queries, computed again from these columns alone, differ from the model's by at most "
        f"{np.abs(made.again - made.queries).max():.1g} by rounding. "
        f"Attention has {count:,} parameters in each block, for every number of heads."
    )


HEAD_COLUMNS = experiment(
    __doc__,
    key="heads",
    notes=Notes(
        say="One table, cut by columns. Every head reads all features of the token.",
        ask="Twice as many heads of half the width: how many numbers are learned?",
        trap="Heads divide the result, not the input.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    state=state,
    question=Question(
        ask="Does a head of 64 numbers in a model of width 768 read only 64 of the 768 features?",
        choices=("Yes, its own 64", "No, all 768", "It depends on the block"),
        answer=1,
        why="Its 64 columns have 768 rows each, one for every feature. The result is what has 64 numbers.",
    ),
)
