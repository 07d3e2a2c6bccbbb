"""A picture whose numbers come one after the other: what is not shown yet is not in it.

Each function takes a picture and how many of its parts are shown, and returns the picture without the others, and how many there
are. Colours, axes and names stay as they are, so that nothing moves when a part comes.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from .forms import Picture
from .matrix import Grid, Panel

ALL = 1000  # more parts than any picture has
UNKNOWN = "?"
Cover = Callable[[Picture, int], tuple[Picture, int]]


def rows(grid: Grid, shown: int) -> tuple[Grid, int]:
    """Cells, row by row and panel after panel; the step before stays."""
    panels, before = [], 0
    for panel in grid.panels:
        count = len(panel.values)
        panels.append(panel if panel.dim else _rows(panel, min(max(shown - before, 0), count)))
        before += 0 if panel.dim else count
    if shown >= before:
        return grid, before
    return replace(grid, panels=tuple(panels), alt="Some of the numbers are still covered."), before


def _rows(panel: Panel, shown: int) -> Panel:
    count, across = panel.values.shape
    if shown == count:
        return panel
    values = panel.values.astype(np.float32).copy()
    values[shown:] = np.nan
    marks = None if panel.marks is None else panel.marks.copy()
    if marks is not None:
        marks[shown:] = 0
    written = tuple(f"{value:.2f}" if np.isfinite(value) else "" for value in values[:shown].ravel()) if panel.prints else ()
    texts = (*written, *(UNKNOWN,) * ((count - shown) * across)) if panel.prints else ()
    side = (*panel.side[:shown], *(UNKNOWN,) * (count - shown)) if panel.side else ()
    return replace(panel, values=values, marks=marks, texts=texts, side=side, limits=panel.shown_limits)


def bars(figure: go.Figure, shown: int) -> tuple[go.Figure, int]:
    """The trace "largest" from its smallest bar on, and at last what the bars are together."""
    count = len(figure.data[0].x)
    if shown >= count:
        return figure, count
    made, hidden = go.Figure(figure), count - shown
    first = made.data[0]
    first.x = [None] * hidden + list(first.x)[hidden:]
    first.text = [""] * hidden + list(first.text)[hidden:]
    first.customdata = [["", ""]] * hidden + [list(one) for one in first.customdata][hidden:]
    for other in made.data[1:]:
        other.update(x=[None], hovertemplate=None)
    made.layout.yaxis.ticktext = [UNKNOWN] * hidden + list(made.layout.yaxis.ticktext)[hidden:]
    made.layout.xaxis2.title.text = " "
    return made, count


def ranks(figure: go.Figure, shown: int) -> tuple[go.Figure, int]:
    """One line of words after the other, with what really came next."""
    drawn = figure.to_plotly_json()
    lines = [trace for trace in drawn["data"] if trace["type"] == "heatmap"]
    count = len(lines)
    if shown >= count:
        return figure, count
    layout = drawn["layout"]
    layout["annotations"] = [one for one in layout.get("annotations", ()) if not one["y"] >= shown]
    layout["shapes"] = [one for one in layout.get("shapes", ()) if not shown - 0.45 <= one["y0"] or one["x0"] < 0]
    return go.Figure({"data": drawn["data"][:shown] or [_nothing(lines[0])], "layout": layout}), count


def _nothing(trace: dict) -> dict:
    """Keeps the axes of a chart where they are."""
    return {"type": "scatter", "x": [None], "y": [None], "xaxis": trace.get("xaxis", "x"), "yaxis": trace.get("yaxis", "y")}


def histograms(figure: go.Figure, shown: int) -> tuple[go.Figure, int]:
    """Token after token what comes out; what comes in stays."""
    count = len(next(trace for trace in figure.data if trace.type == "scatter").x)
    if shown >= count:
        return figure, count
    made = go.Figure(figure)
    passed: Counter[str] = Counter()
    for trace in (one for one in made.data if one.yaxis != "y"):
        if trace.type == "scatter":
            trace.update(x=trace.x[:shown], y=trace.y[:shown], error_x={"array": trace.error_x.array[:shown]})
            continue
        passed[trace.yaxis] += 1
        if passed[trace.yaxis] > shown:
            trace.update(y=[0] * len(trace.y), customdata=[0] * len(trace.y))
    told: Counter[str] = Counter()
    for one in made.layout.annotations:
        told[one.yref] += 1
        if one.yref not in ("paper", "y") and told[one.yref] > shown:
            one.text = UNKNOWN
    return made, count
