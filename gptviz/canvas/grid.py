"""A `Grid` as bytes: the panels with their labels, limits and places in the header, then panel by panel the raw numbers, marks and winners.

Up to `EXACT_CELLS` cells the numbers are float32. Beyond that they are one byte each, and the picture says so: 254 levels
between the colour limits, one code below them and one above.
"""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from ..figures import style
from ..figures.matrix import PADDING, Grid, Panel
from .packing import pack

EXACT_CELLS = 300_000  # a grid of at most this many cells travels as float32
PANEL_CELLS = 1024 * 1024  # a larger panel is pooled
GRID_CELLS = 4_000_000  # so are the panels of a larger grid
LEVELS = 254  # codes 1 to 254 of a byte lie inside the colour limits; 0 is below, 255 above


def payload(grid: Grid, cell: tuple[str, tuple[int, ...]] | None = None, present: bool = False) -> bytes:
    """The grid as bytes. cell: the (point, index) outlined wherever it is shown. present: type for a projector."""
    exact = sum(panel.values.size for panel in grid.panels) <= EXACT_CELLS
    labels: dict[tuple[str, ...], int] = {}
    panels, arrays = [], []
    for panel, k in zip(grid.panels, _pooling([panel.values.shape for panel in grid.panels]), strict=True):
        numbers, marks, winners = _numbers(panel, k, exact)
        head = _head(panel, labels) | {
            "rows": numbers.shape[0],
            "cols": numbers.shape[1],
            "pool": k,
            "marked": marks is not None,
            "selected": _selected(panel, grid.selected),
            "cell": panel.find(*cell) if cell else None,
        }
        panels.append(head)
        arrays.extend(array.tobytes() for array in (numbers, marks, winners) if array is not None)
    header = {
        "exact": exact,
        "levels": LEVELS,
        "per_row": grid.per_row,
        "height": grid.height,
        "to_scale": grid.to_scale,
        "note": grid.remarks,
        "alt": grid.alt,
        "present": present,
        "plays": grid.plays,
        "labels": list(labels),
        "panels": panels,
    }
    return pack("grid", header, arrays)


def _numbers(panel: Panel, k: int, exact: bool) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """What travels of a panel's cells: numbers (float32 or codes), marks, and where in its block each number stood."""
    values, marks, winners = (panel.values, panel.marks, None) if k == 1 else pool(panel.values, panel.marks, k)
    if not exact:
        low, high = panel.shown_limits
        return quantise(values, float(low), float(high)), blanked(values, marks), winners
    return values.astype("<f4"), None if marks is None else marks.astype("u1"), winners


def _head(panel: Panel, labels: dict[tuple[str, ...], int]) -> dict[str, Any]:
    """What is said of a panel. labels: the lists of labels so far; equal ones are sent once, panels hold their number."""
    low, high = map(float, panel.shown_limits)
    finite = panel.values[np.isfinite(panel.values)]
    return {
        "title": panel.title,
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
        "told": [[axis, labels.setdefault(names, len(labels)) if names else None] for axis, names in panel.told or ()],
        "tiles": asdict(panel.tiles) if panel.tiles else None,
        "texts": labels.setdefault(panel.texts, len(labels)) if panel.texts else None,
        "framed": list(panel.framed) if panel.framed else None,
        "square": _square(panel),
    }


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
