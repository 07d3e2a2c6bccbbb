"""Tensor-as-cells pictures: strips of features, squares of attention.

A `Grid` is the picture as data. The page draws it on a canvas (gptviz.canvas); `forms.to_plotly` gives the same numbers as
a Plotly figure for tests, export and print.
"""

from dataclasses import dataclass

import numpy as np

from . import style

MASKED, DROPPED, PADDING = 1, 2, 3
"""Codes in `Panel.marks`: not readable because of the causal mask (hatched), zeroed by dropout (crossed), no number here."""


@dataclass(frozen=True)
class Tiles:
    """A panel as a table of equal tiles, each one thing to choose: all heads of all blocks, or the columns each head owns.

    rows, columns: cells of one tile; gap: blank cells between two. across: tiles beside each other. names: of the tiles, line
    by line. field, values: a click on tile n sets `field` to values[n]; below 0, it can not be chosen. chosen: the outlined one. row_names, column_names:
    what stands beside the lines and under the columns of tiles instead of the labels of single rows and columns.
    """

    rows: int
    columns: int
    across: int
    names: tuple[str, ...]
    field: str
    values: tuple[int, ...]
    gap: int = 0
    chosen: int | None = None
    row_names: tuple[str, ...] = ()
    column_names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Panel:
    """One matrix: rows and columns of cells, every cell one number of a tensor.

    values: (rows, columns) float32; cells that are not finite are blank. rows, columns: labels (columns empty = numbered).
    kind: "weight" (0..1, one hue) or "signed" (centred at 0). limits: of the colours; None = robust ones from the values.
    point, prefix: where the numbers live: cell (r, c) is tensor[point][(*prefix, r, c)], with r and c looked up in
    row_index and column_index where those are given. point may also be a derived name that `recompute` knows.
    marks: (rows, columns) codes MASKED, DROPPED or 0. side: one short text per row, shown right of it, under side_title.
    tiles: the panel is a table of equal parts. part: whose colour the title takes. dim: the step before, shown for continuity. joiner: sign drawn before the panel.
    pick: ("head", 3) makes the whole panel a choice: a click on its title sets that. printed: write values into cells.
    told: what rows are and their names, what columns are and theirs, told of a cell where there is no room to write them beside.
    texts: of every cell, row by row, written into it instead of its value. framed: cells that stand out together, [first row, row after
    the last, first column, column after the last].
    """

    title: str
    values: np.ndarray
    rows: tuple[str, ...]
    columns: tuple[str, ...] = ()
    row_axis: str = "token"
    column_axis: str = "feature"
    kind: str = "signed"
    limits: tuple[float, float] | None = None
    point: str = ""
    prefix: tuple[int, ...] = ()
    row_index: tuple[int, ...] | None = None
    column_index: tuple[int, ...] | None = None
    marks: np.ndarray | None = None
    side: tuple[str, ...] = ()
    side_title: str = ""
    part: str = "residual"
    dim: bool = False
    joiner: str = ""
    pick: tuple[str, int] | None = None
    chosen: bool = False
    printed: bool = True
    tiles: Tiles | None = None
    told: tuple[tuple[str, tuple[str, ...]], tuple[str, tuple[str, ...]]] | None = None
    texts: tuple[str, ...] = ()
    framed: tuple[int, int, int, int] | None = None

    def __post_init__(self):
        if self.values.ndim != 2:
            raise ValueError(f"panel {self.title!r}: values must be (rows, columns), got shape {self.values.shape}")
        rows, columns = self.values.shape
        if len(self.rows) != rows or (self.columns and len(self.columns) != columns):
            raise ValueError(
                f"panel {self.title!r}: {rows} x {columns} values need as many labels, "
                f"got {len(self.rows)} row and {len(self.columns)} column labels"
            )
        if self.side and len(self.side) != rows:
            raise ValueError(f"panel {self.title!r}: {rows} rows need {rows} side texts, got {len(self.side)}")
        if self.texts and len(self.texts) != rows * columns:
            raise ValueError(f"panel {self.title!r}: {rows} x {columns} cells need as many texts, got {len(self.texts)}")

    @property
    def shown_limits(self) -> tuple[float, float]:
        return self.limits or style.robust_limits(self.values, self.kind)

    @property
    def prints(self) -> bool:
        """Whether cells carry their values: small enough, and asked for."""
        return self.printed and max(self.values.shape) <= style.PRINTED

    def cell(self, row: int, column: int) -> tuple[str, tuple[int, ...]]:
        """The point and full index of the number in this cell."""
        r = self.row_index[row] if self.row_index else row
        c = self.column_index[column] if self.column_index else column
        return self.point, (*self.prefix, r, c)

    def find(self, point: str, index: tuple[int, ...]) -> tuple[int, int] | None:
        """The (row, column) that shows this number, or None when the panel does not show it."""
        if point != self.point or tuple(index[:-2]) != tuple(self.prefix):
            return None
        row = _position(self.row_index, index[-2], self.values.shape[0])
        column = _position(self.column_index, index[-1], self.values.shape[1])
        return None if row is None or column is None else (row, column)

    def column_label(self, column: int) -> str:
        if self.columns:
            return self.columns[column]
        return str(self.column_index[column] if self.column_index else column)

    def range_text(self) -> str:
        """The true range of the numbers, and how much of it the colours cover."""
        finite = self.values[np.isfinite(self.values)]
        if finite.size == 0:
            return "no values"
        low, high = self.shown_limits
        return f"{finite.min():.3g} to {finite.max():.3g}, colours {low:.3g} to {high:.3g}"


def _position(index: tuple[int, ...] | None, wanted: int, size: int) -> int | None:
    if index is None:
        return wanted if 0 <= wanted < size else None
    return index.index(wanted) if wanted in index else None


@dataclass(frozen=True, eq=False)
class Grid:
    """Panels drawn together. per_row: panels beside each other before the next line (1 = stacked).

    selected: the row (token) outlined in every panel that has it. note: one line under the picture (sampling, binning,
    what a view is not). left_out: what of the numbers is not in the picture, said after it. alt: the picture in words. to_scale: strips are as wide as they have columns, the widest as wide as fits.
    plays: a button shows the rows one after another.
    """

    panels: tuple[Panel, ...]
    per_row: int = 1
    selected: int | None = None
    note: str = ""
    left_out: str = ""
    alt: str = ""
    height: int = style.PICTURE_HEIGHT
    to_scale: bool = False
    plays: bool = False

    @property
    def remarks(self) -> str:
        """What stands under the picture."""
        return f"{self.note} {self.left_out}".strip()

    @property
    def main(self) -> Panel:
        """The panel this step is about: the last one that is not dimmed."""
        return [panel for panel in self.panels if not panel.dim][-1]
