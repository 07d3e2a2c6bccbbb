"""What is drawn, and the same picture in another form: one function a form, chosen by the picture's type.

The page's own form is `gptviz.ui.picture.show`.
"""

from functools import singledispatch

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .. import verbatim
from . import style
from .chips import Chips
from .matrix import Grid
from .strips import DropoutStrips
from .table import Table

Picture = Grid | Chips | DropoutStrips | go.Figure | Table
"""What a stage or an experiment draws: cells on the canvas, chips of text, strips under a slider, a chart, a table."""


@singledispatch
def to_plotly(picture: Picture) -> go.Figure:
    """The picture as a Plotly figure. Raises TypeError for what is no picture."""
    raise TypeError(f"{type(picture).__name__} is no picture: it must be one of {Picture}")


@to_plotly.register
def _(figure: go.Figure) -> go.Figure:
    return figure


@to_plotly.register
def _(grid: Grid) -> go.Figure:
    """One heatmap trace per panel, in order, holding exactly its values."""
    across = min(grid.per_row, len(grid.panels))
    down = -(-len(grid.panels) // across)
    figure = make_subplots(
        rows=down,
        cols=across,
        subplot_titles=[verbatim.chart(f"{panel.joiner} {panel.title}".strip()) for panel in grid.panels],
        horizontal_spacing=0.25 / across,
        vertical_spacing=0.25 / down,
    )
    for n, panel in enumerate(grid.panels):
        where = {"row": n // across + 1, "col": n % across + 1}
        low, high = panel.shown_limits
        stops = style.SCALES[panel.kind]["light"]
        values = np.where(np.isfinite(panel.values), panel.values, np.nan).astype(np.float32)
        figure.add_heatmap(
            z=values,
            zmin=low,
            zmax=high,
            colorscale=[[at / (len(stops) - 1), colour] for at, colour in enumerate(stops)],
            showscale=False,
            opacity=0.6 if panel.dim else 1.0,
            hoverongaps=False,
            texttemplate="%{z:.2f}" if panel.prints else None,
            hovertemplate=f"{verbatim.chart(panel.row_axis)} %{{y}}<br>{verbatim.chart(panel.column_axis)} %{{x}}<br>%{{z}}"
            f"<extra>{verbatim.chart(panel.title)}</extra>",
            **where,
        )
        rows, columns = panel.values.shape
        figure.update_yaxes(
            autorange="reversed",
            tickvals=list(range(rows)) if rows <= 40 else None,
            ticktext=[verbatim.chart(label) for label in panel.rows] if rows <= 40 else None,
            title_text=verbatim.chart(panel.row_axis),
            **where,
        )
        named = bool(panel.columns) and columns <= 40
        figure.update_xaxes(
            tickvals=list(range(columns)) if named else None,
            ticktext=[verbatim.chart(label) for label in panel.columns] if named else None,
            title_text=verbatim.chart(panel.column_axis),
            **where,
        )
    figure.update_layout(height=grid.height, margin={"l": 60, "r": 20, "t": 40, "b": 50})
    return figure


@to_plotly.register
def _(chips: Chips) -> go.Figure:
    """A table: line, piece, ids, note."""
    rows = [
        tuple(map(verbatim.chart, (heading, chip.text, " ".join(map(str, chip.ids)), chip.note)))
        for heading, line in chips.lines
        for chip in line
    ]
    columns = list(zip(*rows)) if rows else [(), (), (), ()]
    return go.Figure(
        go.Table(header={"values": ["line", "piece", "ids", "note"]}, cells={"values": [list(column) for column in columns]})
    )


@to_plotly.register
def _(table: Table) -> go.Figure:
    """The table's columns under their titles."""
    return go.Figure(
        go.Table(
            header={"values": [verbatim.chart(name) for name in table.columns]},
            cells={"values": [[verbatim.chart(value) for value in column] for column in table.columns.values()]},
        ),
        {"title": {"text": verbatim.chart(table.title)}},
    )


@to_plotly.register
def _(strips: DropoutStrips) -> go.Figure:
    """Before, factors and after at the pass's own p, one heatmap each."""
    kept = strips.kept(strips.p)
    factors = np.where(kept, 1 / (1 - strips.p) if strips.on else 1.0, 0.0)
    figure = make_subplots(rows=1, cols=3, subplot_titles=["before", "factors", "after"])
    low, high = strips.limits
    for column, (values, limits) in enumerate(
        ((strips.values, (low, high)), (factors, (0.0, 2.0)), (strips.values * factors, (low, high))), 1
    ):
        figure.add_heatmap(z=values, zmin=limits[0], zmax=limits[1], showscale=False, row=1, col=column)
        figure.update_yaxes(
            autorange="reversed",
            tickvals=list(range(len(strips.rows))),
            ticktext=[verbatim.chart(row) for row in strips.rows],
            row=1,
            col=column,
        )
    return figure.update_layout(title={"text": verbatim.chart(strips.title)})
