r"""# Contract

The wide row is folded back to the width it came from (contraction), so that it can be added to what the token already carries.
Each unit owns one row of the second table. Its strength, after GELU, says how much of that row goes into the result; all rows
together plus a bias are the output. A unit that is switched off adds almost nothing.

So a unit is a pair: a pattern to notice, and something to write when it is noticed.

$$\text{ff}_t = \sum_{u} g_{tu}\, W_{\text{down}}[u] + b_{\text{down}}, \qquad g_{tu} = \mathrm{GELU}(h_{tu})$$
"""

import numpy as np

from .. import sampling
from ..figures import style
from ..figures.matrix import Grid, Panel
from ..seen import Seen
from ..words import fixed, size
from .stage import Notes, Question, among, stage

STRONGEST = 5


def lengths(seen: Seen) -> np.ndarray:
    """(unit,): length of what each unit writes for the viewed token, |activation| x length of its row of the table."""
    active = seen.array(f"blocks.{seen.block}.ff.active")[seen.row]
    table = seen.trace.model.blocks[seen.block].ff.contract.weight.detach().numpy()
    return np.abs(active) * np.linalg.norm(table, axis=1)


def picture(seen: Seen) -> Grid:
    at = f"blocks.{seen.block}."
    output = seen.array(at + "ff_out")
    config = seen.trace.config
    return Grid(
        panels=(
            seen.strip(at + "ff.active", f"after GELU: {config.hidden_size:,} numbers a token", dim=True),
            seen.strip(
                at + "ff_out",
                "output" if seen.present else f"feed-forward output: {config.n_embd:,} numbers a token",
                joiner="× W_down + b →",
                part="feed-forward",
                side=tuple(size(float(norm)) for norm in np.linalg.norm(output, axis=1)),
                side_title="length",
            ),
        ),
        per_row=1,
        selected=seen.row,
        to_scale=True,
        alt=f"Block {seen.block + 1}: {len(output)} tokens go from {config.hidden_size} back to {config.n_embd} numbers each.",
        height=seen.height_beside,
    )


def overview(seen: Seen) -> Grid:
    """What the strongest units write for the viewed token: activation x their row of the second table."""
    row = seen.row
    units = tuple(sampling.top(lengths(seen), STRONGEST).tolist())
    active = seen.array(f"blocks.{seen.block}.ff.active")[row]
    table = seen.trace.model.blocks[seen.block].ff.contract.weight.detach().numpy()
    return Grid(
        panels=(
            Panel(
                title=f"what the {len(units)} strongest units write for {seen.quoted(row)}",
                values=active[list(units), None] * table[list(units)],
                rows=tuple(f"unit {unit}" for unit in units),
                row_axis="",
                column_axis="",
                point=f"unit_out:blocks.{seen.block}",
                prefix=(seen.item, row),
                row_index=units,
                side=tuple(f"× {fixed(active[unit])}" for unit in units),
                part="feed-forward",
                told=(("", ()), ("feature", ())),
                printed=False,
            ),
        ),
        alt=f"The rows that the {len(units)} strongest units add to {seen.quoted(row)}.",
        height=style.OVERVIEW_HEIGHT,
    )


def caption(seen: Seen) -> tuple[str, ...]:
    row = seen.row
    written = lengths(seen)
    order = sampling.top(written, len(written))
    half = 1 + int(np.searchsorted(np.cumsum(written[order]), written.sum() / 2))
    out = seen.array(f"blocks.{seen.block}.ff_out")[row]
    return (
        f"Unit {order[0]} writes most for {seen.quoted(row)}: a row of length {size(float(written[order[0]]))}.",
        f"The lengths of what {half:,} of the {len(written):,} units write make up half of all lengths; added up, all rows and the bias have "
        f"length {size(float(np.linalg.norm(out)))}.",
    )


def question(seen: Seen) -> Question:
    """What a unit at half its strength writes."""
    written = lengths(seen)
    unit = int(written.argmax())
    active = float(seen.array(f"blocks.{seen.block}.ff.active")[seen.row][unit])
    choices, answer = among(*(size(float(written[unit]) * part) for part in (0.5, 1, 0.25)))
    return Question(
        ask=f"Unit {unit} is at {fixed(active)} after GELU and writes a row of length {size(float(written[unit]))}. At {fixed(active / 2)}, how long would it be?",
        choices=choices,
        answer=answer,
        why="The same row of the table times half the number: every feature of it is halved, and so is its length.",
    )


STAGE = stage(
    __doc__,
    key="contract",
    notes=Notes(
        say="A second table takes the wide row back to the model's width. Each unit that is awake adds its own row, times how awake it is.",
        ask="Which units add nothing to this row?",
        trap="Wide in the middle does not mean wide outside: the width in and out is the same.",
    ),
    deeper=("Why/units", "Size/ledger"),
    number="5.6c",
    short="Down",
    so_far="Units that are on, more or less.",
    missing="The old width, so that it can be added.",
    part="feed-forward",
    points=("blocks.{block}.ff_out",),
    switch="feed-forward:{block}",
    inputs=("blocks.{block}.ff.active",),
    lines=("self.contract(active)", "self.hook_ff_out("),
    per_block=True,
    picture=picture,
    caption=caption,
    overview=overview,
    question=question,
)
