"""Present mode: the few numbers of a picture that the last row of a room can read."""

from dataclasses import replace

import numpy as np

from ..figures import style
from ..figures.matrix import Panel
from ..seen import Seen


def tokens(seen: Seen, at_most: int = style.PRESENTED[0]) -> tuple[int, ...]:
    """The rows that are shown: the chosen token and the ones before it, or the first ones when there are too few."""
    size = seen.size
    start = max(0, min(seen.row - at_most + 1, size - at_most))
    return tuple(range(start, min(start + at_most, size)))


def crop(panel: Panel, rows: tuple[int, ...], columns: tuple[int, ...], *, printed: bool = True) -> Panel:
    """The same panel with only these rows and columns; every cell keeps its place in the tensor."""
    cells = np.ix_(rows, columns)
    return replace(
        panel,
        values=panel.values[cells],
        rows=tuple(panel.rows[row] for row in rows),
        columns=tuple(panel.columns[column] for column in columns) if panel.columns else (),
        row_index=tuple(panel.row_index[row] if panel.row_index else row for row in rows),
        column_index=tuple(panel.column_index[column] if panel.column_index else column for column in columns),
        marks=None if panel.marks is None else panel.marks[cells],
        side=tuple(panel.side[row] for row in rows) if panel.side else (),
        limits=panel.shown_limits,
        printed=printed,
    )


def strips(seen: Seen, *panels: Panel, around: int = 0) -> tuple[tuple[Panel, ...], str]:
    """Strips cut to a few tokens and the features around one, with their numbers printed, and the note that says so.

    All panels and their side texts together stay within the numbers a room can read.
    """
    lines, wide = style.PRESENTED
    rows = tokens(seen, lines // len(panels))
    size, width = panels[0].values.shape
    shown = min(width, wide - any(panel.side for panel in panels))
    start = max(0, min(around - shown // 2, width - shown))
    some = f" and {len(rows)} of {size} tokens" if len(rows) < size else ""
    note = f"Features {start} to {start + shown - 1} of {width}{some}."
    return tuple(crop(panel, rows, tuple(range(start, start + shown))) for panel in panels), note


def pairs(seen: Seen, square: Panel, strip: Panel) -> tuple[Panel, Panel, str]:
    """A (token, token) panel with its numbers printed and the strips of the same tokens without, and the note."""
    rows = tokens(seen)
    size, width = strip.values.shape
    strip = replace(crop(strip, rows, tuple(range(width)), printed=False), side=(), side_title="")
    note = f"{len(rows)} of {size} {strip.row_axis}s." if len(rows) < size else ""
    return crop(square, rows, rows), strip, note
