"""A picture without its picture: one sentence made of its data, and its numbers as tables that can be listened to.

Both are functions of the picture alone, chosen by its type as its other forms are. A table holds no more than can be read: of many
rows those that end at the selected one, of many columns what sums a row up.
"""

import math
from collections.abc import Iterable, Sequence
from functools import singledispatch
from typing import Any

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from ..verbatim import Html
from . import forms
from .chips import Chips
from .forms import Picture
from .matrix import DROPPED, MASKED, PADDING, Grid, Panel
from .strips import DropoutStrips
from .table import Table

ROWS, COLUMNS, TABLES = 16, 12, 4
"""Of a table, and tables of a picture: no more than these are read out."""
NAMED = 12  # chips that a sentence names
TRACES = 3  # of a chart, that a sentence is about
SAID = {MASKED: "masked", DROPPED: "0, dropped", PADDING: "no number"}


def number(value: Any) -> str:
    """A number in few digits, as it is read out; anything else as it is written."""
    if not isinstance(value, (int, float, np.number)) or isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, np.integer)):
        return f"{int(value):,}".replace("-", "−")
    if not math.isfinite(value):
        return "no number" if math.isnan(value) else "∞" if value > 0 else "−∞"
    return f"{float(value) + 0.0:.4g}".replace("-", "−")


def listed(parts: Sequence[str], most: int, more: str) -> str:
    """The first parts, with commas between them, and how many are left."""
    left = len(parts) - most
    return ", ".join(parts[:most]) + (f" and {left:,} more {more}" if left > 0 else "")


# one sentence ---------------------------------------------------------------------------------------------------------


@singledispatch
def sentence(picture: Picture) -> str:
    """What is to be seen, from the numbers that are drawn. Raises TypeError for what is no picture."""
    raise TypeError(f"{type(picture).__name__} is no picture: it must be one of {Picture}")


@sentence.register
def _(grid: Grid) -> str:
    """The panel this step is about: its size, its largest and its smallest number and where they stand; then the others."""
    main, others = grid.main, [panel for panel in grid.panels if panel is not grid.main]
    beside = listed([f'"{panel.title}"' for panel in others], TRACES, "panels") if others else ""
    return f"{_panel(main)}{f'; beside it {beside}' if beside else ''}."


def _panel(panel: Panel) -> str:
    rows, columns = panel.values.shape
    size = f'"{panel.title}" has {rows:,} by {columns:,} numbers: {axis(panel.row_axis, "row")} down, {axis(panel.column_axis, "column")} across'
    read = np.isfinite(panel.values) & (True if panel.marks is None else panel.marks == 0)
    if not read.any():
        return f"{size}, none of them to be read"

    def place(at: int) -> str:
        row, column = divmod(int(at), columns)
        where = f"{axis(panel.row_axis, 'row')} {panel.rows[row] or row}, {axis(panel.column_axis, 'column')} {panel.column_label(column)}"
        return f"{number(panel.values[row, column])} at {where}"

    high, low = (place(np.where(read, sign * panel.values, -np.inf).argmax()) for sign in (1, -1))
    hidden = 0 if panel.marks is None else int((panel.marks == MASKED).sum())
    dropped = 0 if panel.marks is None else int((panel.marks == DROPPED).sum())
    marked = "".join(f", {count:,} {what}" for count, what in ((hidden, "masked"), (dropped, "dropped")) if count)
    return f"{size}{marked}; the largest is {high}, the smallest {low}"


def axis(name: str, otherwise: str) -> str:
    """What the places of an axis are, without what they do: "query" of "query: reads"."""
    return name.partition(":")[0] or otherwise


@sentence.register
def _(chips: Chips) -> str:
    lines = [
        (heading, [f'"{chip.text}" {" ".join(map(str, chip.ids))}'.strip() for chip in line]) for heading, line in chips.lines
    ]
    told = [f"{heading or 'pieces'}: {len(line):,}, {listed(line, NAMED, 'pieces')}" for heading, line in lines if line]
    return f"{'; '.join(told[:TRACES])}{f'; and {len(told) - TRACES:,} more lines' if len(told) > TRACES else ''}."


@sentence.register
def _(strips: DropoutStrips) -> str:
    fallen, there = int(strips.zeros(strips.p).sum()), int(strips.open.sum())
    factor = (
        f"the others are multiplied by {number(1 / (1 - strips.p))}" if strips.on else "nothing is dropped outside training"
    )
    return f"{strips.title}: at p = {strips.p:g}, {fallen:,} of {there:,} numbers become 0 and {factor}."


@sentence.register
def _(table: Table) -> str:
    rows = max(map(len, table.columns.values()), default=0)
    return f"{table.title or 'A table'}: {rows:,} rows of {listed(list(table.columns), COLUMNS, 'columns')}."


@sentence.register
def _(figure: go.Figure) -> str:
    """Its title, what is written in it, and of its first traces how many numbers, the largest and the smallest."""
    drawn = [told for told in map(lambda trace: _trace(figure, trace), figure.data) if told]
    written = [said for note in figure.layout.annotations if (said := forms.said(note.text or "").strip())]
    parts = [
        (forms.heading(figure) or "A chart").rstrip("."),
        listed(drawn, TRACES, "lines or groups of marks"),
        f"written in it: {listed(written, NAMED, 'words')}" if written else "",
    ]
    return f"{'; '.join(filter(None, parts))}."


def _trace(figure: go.Figure, trace: Any) -> str:
    """One line, or one group of marks: how many numbers it has, and where the largest and the smallest stand."""
    lying = trace.type == "bar" and trace.orientation == "h"
    named = next((name for name in ("z", "values", "x" if lying else "y") if name in trace and trace[name] is not None), "")
    values = np.asarray(trace[named] if named else (), dtype=object).ravel()
    if not values.size or not all(isinstance(value, (int, float, np.number)) or value is None for value in values):
        return ""
    values = values.astype(np.float64)
    name = forms.said(trace.name or "")
    if not np.isfinite(values).any():
        return ""
    along = np.asarray(trace["y" if lying else "x"] if named in "xy" and trace["y" if lying else "x"] is not None else ())
    axis = (
        figure.layout[f"{'y' if lying else 'x'}axis{((trace['yaxis' if lying else 'xaxis'] or 'x')[1:])}"]
        if len(along)
        else None
    )

    def place(at: int) -> str:
        if axis is None or len(along) != len(values):
            return number(values[at])
        ticks = dict(zip(axis.tickvals or (), axis.ticktext or ()))
        return f"{number(values[at])} at {forms.said(ticks.get(along[at], number(along[at])))}"

    if values.size == 1:
        return f"{name} {place(0)}".strip()
    return f"{name or 'numbers'}: {values.size:,}, the largest {place(int(np.nanargmax(values)))}, the smallest {place(int(np.nanargmin(values)))}"


# tables ---------------------------------------------------------------------------------------------------------------


@singledispatch
def tables(picture: Picture) -> Html:
    """The picture's numbers as tables: every number stands under the heading of its column and beside that of its row."""
    made = forms.table(picture)
    return "".join(_short(one) for one in made[:TABLES]) + _left_out(len(made))


@tables.register
def _(grid: Grid) -> Html:
    """Of every panel; the one this step is about comes first."""
    ordered = sorted(grid.panels, key=lambda panel: panel is not grid.main)
    return "".join(_cells(panel, grid.selected) for panel in ordered[:TABLES]) + _left_out(len(ordered))


def _left_out(count: int) -> Html:
    return f"<p>{count - TABLES:d} more panels have no table here.</p>" if count > TABLES else ""


def window(count: int, selected: int | None) -> range:
    """The rows that are read out of so many: they end at the selected one, or a little further."""
    end = min(count, max(ROWS, (count if selected is None else selected) + 1))
    return range(max(0, end - ROWS), end)


def _cells(panel: Panel, selected: int | None) -> Html:
    rows, columns = panel.values.shape
    shown = window(rows, selected)
    some = f"rows {shown.start} to {shown.stop - 1} of {rows}" if len(shown) < rows else ""
    title = f"{panel.joiner} {panel.title}".strip()
    labels = [panel.rows[row] or str(row) for row in shown]
    if columns > COLUMNS:
        heads = [
            "mean",
            "spread",
            "smallest",
            f"at {panel.column_axis or 'column'}",
            "largest",
            f"at {panel.column_axis or 'column'}",
        ]
        lines = [_profile(panel, row) for row in shown]
        return _table(title, [some, f"each row of {columns} numbers summed up"], panel.row_axis, "", heads, labels, lines)
    lines = [[_cell(panel, row, column) for column in range(columns)] for row in shown]
    heads = [panel.column_label(column) for column in range(columns)]
    if panel.side:
        heads.append(panel.side_title or "beside")
        lines = [[*line, panel.side[row]] for row, line in zip(shown, lines)]
    return _table(title, [some], panel.row_axis, panel.column_axis, heads, labels, lines)


def _cell(panel: Panel, row: int, column: int) -> str:
    mark = 0 if panel.marks is None else int(panel.marks[row, column])
    if mark:
        return SAID[mark]
    return panel.texts[row * panel.values.shape[1] + column] if panel.texts else number(panel.values[row, column])


def _profile(panel: Panel, row: int) -> list[str]:
    """What sums a row up: of the numbers in it that can be read."""
    read = np.isfinite(panel.values[row]) & (True if panel.marks is None else panel.marks[row] == 0)
    places = np.flatnonzero(read)
    if not places.size:
        return ["no number"] * 6
    values = panel.values[row][places]
    low, high = int(values.argmin()), int(values.argmax())
    ends = [(number(values[at]), panel.column_label(int(places[at]))) for at in (low, high)]
    return [number(values.mean()), number(values.std()), *ends[0], *ends[1]]


def _short(made: Table) -> Html:
    """A table's first rows and columns; what is in its first column names the rows."""
    names = list(made.columns)
    if not names:
        return ""
    first, *others = names
    count = len(made.columns[first])
    some = f"the first {ROWS} of {count:,} rows" if count > ROWS else ""
    wide = f"the first {COLUMNS} of {len(others)} columns" if len(others) > COLUMNS else ""
    shown = range(min(count, ROWS))
    lines = [[number(made.columns[name][row]) for name in others[:COLUMNS]] for row in shown]
    return _table(
        made.title, [some, wide], first, "", others[:COLUMNS], [number(made.columns[first][row]) for row in shown], lines
    )


def _table(
    title: str,
    notes: Iterable[str],
    down: str,
    across: str,
    heads: Sequence[str],
    labels: Sequence[str],
    lines: Sequence[Sequence[str]],
) -> Html:
    """down, across: what rows and columns are; said in the corner and above the columns."""
    told = "; ".join(filter(None, (title, *notes)))
    corner = f"<th scope='col'{' rowspan=2' if across else ''}>{verbatim.html(down or 'row')}</th>"
    group = f"<tr>{corner}<th scope='colgroup' colspan='{len(heads):d}'>{verbatim.html(across)}</th></tr>" if across else ""
    named = "".join(f"<th scope='col'>{verbatim.html(head)}</th>" for head in heads)
    body = "".join(
        f"<tr><th scope='row'>{verbatim.html(label)}</th>{''.join(f'<td>{verbatim.html(cell)}</td>' for cell in line)}</tr>"
        for label, line in zip(labels, lines)
    )
    first = f"{group}<tr>{named}</tr>" if across else f"<tr>{corner}{named}</tr>"
    return f"<table class='read'><caption>{verbatim.html(told)}</caption><thead>{first}</thead><tbody>{body}</tbody></table>"
