"""The matrix element: a `Grid` of cells on a canvas that says which number the reader points at.

The page calls `show`; the browser runs matrix.js. What travels is `payload(grid)`: `<uint32 header length><JSON header>` and
then, panel by panel, the raw numbers, marks and winners. Up to `EXACT_CELLS` cells the numbers are float32. Beyond that they
are one byte each, and the picture says so: 254 levels between the colour limits, one code below them and one above.
"""

import json
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import streamlit as st

from ...figures import style
from ...figures.matrix import PADDING, Grid, Panel
from .. import incoming

EXACT_CELLS = 300_000  # a grid of at most this many cells travels as float32
PANEL_CELLS = 1024 * 1024  # a larger panel is pooled
GRID_CELLS = 4_000_000  # so are the panels of a larger grid
LEVELS = 254  # codes 1 to 254 of a byte lie inside the colour limits; 0 is below, 255 above

HTML = """
<div class="matrix">
  <canvas class="cells" tabindex="0" role="application" aria-roledescription="matrix"></canvas>
  <canvas class="over" aria-hidden="true"></canvas>
  <div class="tip" hidden></div>
</div>
<div class="foot"></div>
<div class="live" aria-live="polite"></div>
"""


def _source(name: str) -> str:
    """A file beside this one without comment lines and indentation: it travels with every message."""
    lines = (line.strip() for line in (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


_element = st.components.v2.component("gptviz_matrix", html=HTML, css=_source("matrix.css"), js=_source("matrix.js"))


@dataclass(frozen=True)
class Cell:
    """The reader chose a number: tensor[point][index]."""

    point: str
    index: tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """The reader chose a row by its label. axis: what the rows of that panel are ("token", "query: reads")."""

    row: int
    axis: str = field(default="", compare=False)


@dataclass(frozen=True)
class Pick:
    """The reader chose a whole panel by its title, or one tile of it: field ("head", "block") is to become value."""

    field: str
    value: int


Event = Cell | Row | Pick


def show(
    grid: Grid,
    *,
    key: str,
    cell: tuple[str, tuple[int, ...]] | None = None,
    present: bool = False,
    on_event: Callable[[Event], None] | None = None,
) -> Event | None:
    """Draw the grid, and return what the reader just did in it, or None.

    cell: the (point, index) outlined wherever it is shown. present: type for a projector. on_event: called with the event
    before the script runs again, so that the page can change its state first and draw once.
    """

    offered = [replace(panel, values=np.broadcast_to(np.float32(0), panel.values.shape), marks=None) for panel in grid.panels]

    def changed() -> None:
        event = read(key, offered)
        if event is None:
            incoming.ignored("a picture")
        elif on_event is not None:
            on_event(event)

    _element(key=key, data=payload(grid, cell, present), on_event_change=changed)
    return read(key, offered)


def read(key: str, panels: Sequence[Panel]) -> Event | None:
    """The event of the element `key` in this run, if one of the panels has that place; their numbers do not matter."""
    event = translate(incoming.sent(key, "event"))
    return event if event is not None and any(_holds(panel, event) for panel in panels) else None


def translate(message: object) -> Event | None:
    """What the browser sent, as an Event. Anything that is not one, such as a forged message, is None."""
    match message:
        case {"kind": "cell", "point": str(point), "index": list(index)} if point and index and all(map(_natural, index)):
            return Cell(point, tuple(index))
        case {"kind": "row", "row": row, "axis": str(axis)} if _natural(row):
            return Row(row, axis)
        case {"kind": "pick", "field": str(name), "value": value} if name and _natural(value):
            return Pick(name, value)
    return None


def _natural(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 31


def _holds(panel: Panel, event: Event) -> bool:
    match event:
        case Cell(point, index):
            return len(index) >= 2 and panel.find(point, index) is not None
        case Row(row, axis):
            return axis == panel.row_axis and (row in panel.row_index if panel.row_index else row < len(panel.rows))
        case Pick(name, value):
            tiles = panel.tiles
            return panel.pick == (name, value) or tiles is not None and tiles.field == name and value in tiles.values


def payload(grid: Grid, cell: tuple[str, tuple[int, ...]] | None = None, present: bool = False) -> bytes:
    """The grid as bytes for matrix.js. Equal lists of labels are sent once, panels hold their number."""
    exact = sum(panel.values.size for panel in grid.panels) <= EXACT_CELLS
    labels: dict[tuple[str, ...], int] = {}
    panels, parts = [], []
    for panel, k in zip(grid.panels, _pooling([panel.values.shape for panel in grid.panels]), strict=True):
        low, high = map(float, panel.shown_limits)
        finite = panel.values[np.isfinite(panel.values)]
        values, marks, winners = (panel.values, panel.marks, None) if k == 1 else pool(panel.values, panel.marks, k)
        if exact:
            numbers = np.ascontiguousarray(values, dtype="<f4")
        else:
            numbers, marks = quantise(values, low, high), blanked(values, marks)
        head = {
            "title": panel.title,
            "rows": values.shape[0],
            "cols": values.shape[1],
            "row_labels": labels.setdefault(panel.rows, len(labels)),
            "column_labels": labels.setdefault(panel.columns, len(labels)) if any(panel.columns) else None,
            "side": labels.setdefault(panel.side, len(labels)) if panel.side else None,
            "side_title": panel.side_title,
            "row_axis": panel.row_axis,
            "column_axis": panel.column_axis,
            "scale": panel.kind,
            "low": low,
            "high": high,
            "range": [float(finite.min()), float(finite.max())] if finite.size else None,
            "point": panel.point,
            "prefix": [int(i) for i in panel.prefix],
            "row_index": [int(i) for i in panel.row_index] if panel.row_index else None,
            "column_index": [int(i) for i in panel.column_index] if panel.column_index else None,
            "colour": style.PARTS[panel.part],
            "dim": panel.dim,
            "joiner": panel.joiner,
            "pick": list(panel.pick) if panel.pick else None,
            "chosen": panel.chosen,
            "prints": panel.prints,
            "tiles": asdict(panel.tiles) if panel.tiles else None,
            "square": _square(panel),
            "pool": k,
            "marked": marks is not None,
            "selected": _selected(panel, grid.selected),
            "cell": panel.find(*cell) if cell else None,
        }
        panels.append(head)
        parts.append(numbers.tobytes())
        if marks is not None:
            parts.append(np.ascontiguousarray(marks, dtype="u1").tobytes())
        if winners is not None:
            parts.append(winners.tobytes())
    header = {
        "exact": exact,
        "levels": LEVELS,
        "per_row": grid.per_row,
        "height": grid.height,
        "note": grid.note,
        "alt": grid.alt,
        "present": present,
        "labels": list(labels),
        "scales": {kind: dict(stops) for kind, stops in style.SCALES.items()},
        "hidden": dict(style.HIDDEN),
        "panels": panels,
    }
    encoded = json.dumps(header, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return b"".join((struct.pack("<I", len(encoded)), encoded, *parts))


def quantise(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """One byte a number: 1 to 254 evenly from low to high, 0 below, 255 above. Not finite: 0, told apart by `blanked`."""
    steps = (np.nan_to_num(values, nan=low, posinf=high, neginf=low).astype(np.float64) - low) / ((high - low) or 1.0)
    codes = 1 + np.rint(np.clip(steps, 0, 1) * (LEVELS - 1))
    return np.where(steps < 0, 0, np.where(steps > 1, 255, codes)).astype(np.uint8)


def blanked(values: np.ndarray, marks: np.ndarray | None) -> np.ndarray | None:
    """The marks, with PADDING wherever a number is not finite and nothing else says why. None when there is no mark at all."""
    hidden = ~np.isfinite(values)
    if marks is None:
        return np.where(hidden, PADDING, 0).astype(np.uint8) if hidden.any() else None
    return np.where(hidden & (marks == 0), PADDING, marks).astype(np.uint8)


def pool(values: np.ndarray, marks: np.ndarray | None, k: int) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Every k x k block as the number of largest magnitude in it: values, marks, and where in its block each one stood.

    (rows, columns) -> (rows / k, columns / k), rounded up. Marked cells and numbers that are not finite are taken only when a
    block has no others. The place is row * k + column within the block, uint16.
    """
    rows, columns = -(-values.shape[0] // k), -(-values.shape[1] // k)

    def blocks(array: np.ndarray, fill: float) -> np.ndarray:  # (rows, columns) -> (rows / k, columns / k, k * k)
        room = ((0, rows * k - array.shape[0]), (0, columns * k - array.shape[1]))
        padded = np.pad(array, room, constant_values=fill)
        return padded.reshape(rows, k, columns, k).swapaxes(1, 2).reshape(rows, columns, k * k)

    size = np.where(np.isfinite(values), np.abs(values), -2.0)
    if marks is not None:
        size = np.where(marks > 0, -1.0, size)
    winners = blocks(size, -3.0).argmax(axis=2)[..., None]

    def won(array: np.ndarray) -> np.ndarray:
        return np.take_along_axis(blocks(array, 0), winners, axis=2)[..., 0]

    return won(values), None if marks is None else won(marks), winners[..., 0].astype("<u2")


def _pooling(shapes: list[tuple[int, int]]) -> list[int]:
    """The block size of every panel: 1 where all its cells can travel."""

    def cells(shape: tuple[int, int], k: int) -> int:
        return math.ceil(shape[0] / k) * math.ceil(shape[1] / k)

    sizes = [1] * len(shapes)
    for n, shape in enumerate(shapes):
        while cells(shape, sizes[n]) > PANEL_CELLS:
            sizes[n] += 1
    while sum(map(cells, shapes, sizes)) > GRID_CELLS:
        sizes = [k + 1 for k in sizes]
    return sizes


def _square(panel: Panel) -> bool:
    """Whether rows and columns are the same things, so that a cell should be as high as it is wide."""
    if panel.tiles:
        return False
    if any(panel.columns):
        return panel.rows == panel.columns
    return panel.column_index is not None and panel.column_index == panel.row_index


def _selected(panel: Panel, row: int | None) -> int | None:
    """Where a panel shows the selected row, if it does."""
    if row is None:
        return None
    if panel.row_index:
        return panel.row_index.index(row) if row in panel.row_index else None
    return row if 0 <= row < len(panel.rows) else None
