"""What is drawn, and the same picture in another form: one function a form, chosen by the picture's type.

The page's own form is `gptviz.ui.picture.show`.
"""

import html
import re
from collections.abc import Iterable, Sequence
from functools import singledispatch
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .. import verbatim
from . import style
from .chips import Chips
from .matrix import Grid, Panel
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
            text=[list(map(verbatim.chart, line)) for line in _texts(panel)] if panel.texts else None,
            texttemplate="%{text}" if panel.texts else "%{z:.2f}" if panel.prints else None,
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


@singledispatch
def table(picture: Picture) -> tuple[Table, ...]:
    """The picture's numbers, exactly those it shows, one table a panel or trace: axes and tokens as titles of rows and columns.

    Raises TypeError for what is no picture."""
    raise TypeError(f"{type(picture).__name__} is no picture: it must be one of {Picture}")


@table.register
def _(made: Table) -> tuple[Table, ...]:
    return (made,)


@table.register
def _(grid: Grid) -> tuple[Table, ...]:
    """Rows down and columns across; a cell without a number is empty. The note says where the first number lives."""
    return tuple(_panel(panel) for panel in grid.panels)


def _panel(panel: Panel) -> Table:
    rows, columns = panel.values.shape
    columns_ = {panel.row_axis or "row": list(panel.rows)}
    if panel.row_index or not any(panel.rows):
        columns_["row number"] = list(panel.row_index or range(rows))
    for column in range(columns):
        columns_[_free(columns_, panel.column_label(column), column)] = panel.values[:, column]
        if panel.texts:
            columns_[_free(columns_, f"text of {panel.column_label(column)}", column)] = [
                line[column] for line in _texts(panel)
            ]
    if panel.side:
        columns_[_free(columns_, panel.side_title or "beside", "beside")] = list(panel.side)
    where = f"; first number: {panel.point}[{', '.join(map(str, panel.cell(0, 0)[1]))}]" if panel.point else ""
    axis = panel.column_axis or "column"
    return Table(columns_, f"{panel.joiner} {panel.title}".strip(), f"{panel.row_axis or 'row'} down, {axis} across{where}")


def _texts(panel: Panel) -> list[tuple[str, ...]]:
    """What is written into the cells, row by row."""
    rows, columns = panel.values.shape
    return [panel.texts[row * columns : (row + 1) * columns] for row in range(rows)]


def _free(taken: Iterable[str], name: str, other: Any) -> str:
    """A name for a column that none has yet."""
    return name if name.strip() and name not in taken else f"{name} [{other}]".strip()


@table.register
def _(chips: Chips) -> tuple[Table, ...]:
    rows = [
        (heading, f'"{chip.text}"', " ".join(map(str, chip.ids)), chip.note) for heading, line in chips.lines for chip in line
    ]
    return (Table(dict(zip(("line", "piece", "ids", "note"), zip(*rows)))) if rows else Table({}),)


@table.register
def _(strips: DropoutStrips) -> tuple[Table, ...]:
    """Before, factors and after, at the pass's own p."""
    kept = strips.kept(strips.p) & strips.open
    factors = kept / np.float32(1 - strips.p if strips.on else 1)
    parts = (("before", strips.values), ("factors", factors), ("after", strips.after(strips.p)))
    return tuple(
        Table({"token": list(strips.rows)} | {str(n): column for n, column in enumerate(values.T)}, f"{strips.title}: {name}")
        for name, values in parts
    )


_PLACES = ("x", "y", "z", "base", "values", "labels", "ids", "parents", "text", "customdata")


@table.register
def _(figure: go.Figure) -> tuple[Table, ...]:
    """One table a trace: a line's, a dot's or a bar's numbers in a row; of a heatmap its cells."""
    found = []
    for n, trace in enumerate(figure.data, 1):
        given = {name: np.asarray(trace[name]) for name in _PLACES if name in trace and trace[name] is not None}
        given |= {
            f"{name} +": np.asarray(trace[name].array)
            for name in ("error_x", "error_y")
            if name in trace and trace[name].array is not None
        }
        title = said(trace.name or f"{trace.type} {n}")
        if trace.type == "table":
            names = [said(name) for name in trace.header.values]
            found.append(Table(dict(zip(names, ([said(one) for one in column] for column in trace.cells.values))), title))
        elif "z" in given and given["z"].ndim == 2:
            found.append(_cells(given, title))
        else:
            found.append(Table(_lines(figure, trace, given), title))
    return tuple(one for one in found if one.columns)


def _cells(given: dict[str, np.ndarray], title: str) -> Table:
    rows, columns = given["z"].shape
    down, across = (given.get(name, ()) for name in ("y", "x"))
    columns_: dict[str, Sequence[Any]] = {"row": [said(one) for one in down] if len(down) == rows else list(range(rows))}
    named = "text" in given and given["text"].shape == given["z"].shape
    for column in range(columns):
        label = str(said(across[column])) if len(across) == columns else str(column)
        columns_[_free(columns_, label, column)] = given["z"][:, column]
        if named:
            columns_[_free(columns_, f"text of {label}", column)] = [said(one) for one in given["text"][:, column]]
    return Table(columns_, title)


def _lines(figure: go.Figure, trace: Any, given: dict[str, np.ndarray]) -> dict[str, Sequence[Any]]:
    size = max((len(values) for values in given.values() if values.ndim), default=0)
    columns: dict[str, Sequence[Any]] = {}
    for name, values in given.items():
        axis = (
            figure.layout[f"{name}axis{(trace[f'{name}axis'] or name)[1:]}"].title.text
            if name in "xy" and f"{name}axis" in trace
            else None
        )
        label = f"{name} ({said(axis)})" if axis else name
        if values.ndim == 0:
            columns[label] = [said(values.item())] * size
        elif values.ndim == 1 and len(values) == size:
            columns[label] = values if values.dtype.kind in "fiu" else [said(one) for one in values]
        elif values.ndim == 2 and len(values) == size:
            columns |= {f"{label} {n}": [said(one) for one in column] for n, column in enumerate(values.T, 1)}
    return columns


def heading(figure: go.Figure) -> str:
    """A chart's title as it reads; empty where it has none."""
    return said(figure.layout.title.text or "")


def said(value: Any) -> Any:
    """A text of a chart as it reads, without the marks a chart writes itself; anything else as it is."""
    if not isinstance(value, str):
        return value
    return html.unescape(
        re.sub(r"</?(?:b|i|sub|sup)>|<span style='color:#\w{6}'>|</span>", "", re.sub(r"<br ?/?>", " ", value))
    )
