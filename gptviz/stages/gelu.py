r"""# GELU

Every hidden unit passes through a curve (GELU): large positive numbers pass unchanged, very negative ones become almost 0, in
other words that unit is switched off for this token. In between the curve is smooth and dips below 0: the lowest it goes is
−0.17, at −0.75. A plain cut at 0 (ReLU) has a corner instead. GPT-2 uses the form with tanh. Every unit is bent on its own.

$$\mathrm{GELU}(x) = \tfrac{x}{2}\Big(1 + \tanh\big(\sqrt{2/\pi}\,(x + 0.044715\,x^3)\big)\Big)$$
"""

import numpy as np
import plotly.graph_objects as go

from .. import sampling
from ..figures import curve, style
from ..figures.matrix import Grid, Panel
from ..seen import Seen
from ..words import fixed, percent
from .stage import Notes, Question, stage

WRITTEN = 5, 4, 3  # units written out: the strongest, those nearest the dip, the most negative
DIP = -0.7525
HEIGHT = 335  # of the chart, with the units under it
NAMED = 3  # units that carry their number in the chart


def gelu(x: np.ndarray) -> np.ndarray:
    """GELU in its tanh form, as the model computes it."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def picture(seen: Seen) -> go.Figure:
    row = seen.row
    hidden = seen.array(f"blocks.{seen.block}.ff.hidden")[row]
    active = seen.array(f"blocks.{seen.block}.ff.active")[row]
    figure = curve.units(
        hidden,
        active,
        gelu,
        title=f"The {len(hidden):,} units of {seen.quoted(row)} on the GELU curve",
        named=sampling.top(active, NAMED).tolist(),
        present=seen.present,
        narrow=seen.narrow,
    )
    return figure if seen.present else figure.update_layout(height=HEIGHT)


def overview(seen: Seen) -> Grid:
    """Some units before and after: the strongest, some near the dip, the most negative."""
    row = seen.row
    hidden, active = f"blocks.{seen.block}.ff.hidden", f"blocks.{seen.block}.ff.active"
    values = seen.array(hidden)[row]
    strong, dip, low = WRITTEN
    found = [*np.argsort(-values)[:strong], *np.argsort(np.abs(values - DIP))[:dip], *np.argsort(values)[:low]]
    units = tuple(sorted({int(unit) for unit in found}, key=lambda unit: -values[unit]))

    def line(title: str, point: str, joiner: str) -> Panel:
        return Panel(
            title=title,
            values=seen.array(point)[row : row + 1, list(units)],
            rows=(seen.labels[row],),
            columns=tuple(f"unit {unit}" for unit in units),
            row_axis="",
            column_axis="",
            point=point,
            prefix=(seen.item,),
            row_index=(row,),
            column_index=units,
            part="feed-forward",
            joiner=joiner,
        )

    return Grid(
        panels=(
            line("before: some units, from the strongest to the most negative", hidden, ""),
            line("after", active, "GELU →"),
        ),
        alt=f"{len(units)} units of {seen.quoted(row)} before and after GELU.",
        height=style.OVERVIEW_HEIGHT,
    )


def caption(seen: Seen) -> tuple[str, ...]:
    row = seen.row
    hidden = seen.array(f"blocks.{seen.block}.ff.hidden")[row]
    active = seen.array(f"blocks.{seen.block}.ff.active")[row]
    top = int(active.argmax())
    return (
        f"{percent(float((hidden <= 0).mean()))} of the units of {seen.quoted(row)} are at or below 0, so little of "
        f"them passes, at lowest {fixed(active.min())}.",
        f"The largest that passes is unit {top}: {fixed(hidden[top])} becomes {fixed(active[top])}.",
    )


STAGE = stage(
    __doc__,
    key="gelu",
    notes=Notes(
        say="A bend, number by number: what is far below 0 becomes nearly 0, what is far above stays.",
        ask="What is the smallest number that can come out?",
        trap="It is no hard switch: small negative numbers come through, a little.",
    ),
    deeper=("Gradients/gelu",),
    number="5.6b",
    short="GELU",
    so_far="A wide row of units.",
    missing="A bend, or all that width would be for nothing.",
    part="feed-forward",
    points=("blocks.{block}.ff.active",),
    switch="feed-forward:{block}",
    inputs=("blocks.{block}.ff.hidden",),
    lines=("self.hook_active(",),
    per_block=True,
    picture=picture,
    caption=caption,
    overview=overview,
    question=Question(
        ask="Leave the bend out. What would the two tables around it, W_up and W_down, be worth together?",
        choices=("One table of the model's width", "Twice one table", "The same as with the bend"),
        answer=0,
        why="The product of two tables is a table: without a bend between them, four times the width gains nothing.",
    ),
)
