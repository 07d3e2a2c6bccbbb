"""Pictures that answer while a slider is dragged: the browser gets all it needs at once, Python is asked on release."""

from dataclasses import dataclass

import numpy as np

KINDS = ("strips", "weights")
"""strips: a token's features in a row. weights: attention, row = query, column = key; later keys hold nothing to drop."""


@dataclass(frozen=True, eq=False)
class DropoutStrips:
    """Before x mask = after, and the slider that moves p.

    values, noise: (rows, columns) float32: what dropout gets, and the uniform numbers that decide: kept where noise >= p.
    rows: labels. first: the row number of the first one in the tensor, for keys that come later. p: the rate of the pass the
    numbers are from. on: False in EVAL, where nothing is dropped at any p. title: of the numbers before. point, prefix: where
    the result lives: cell (r, c) is tensor[point][(*prefix, first + r, c)]. limits: of the colours. chosen: the cell whose
    arithmetic is written out. control: the name of the control the slider sets; span: its lowest and highest value
    and step. source: what the numbers come from, in words. note: what is left out.
    """

    title: str
    values: np.ndarray
    noise: np.ndarray
    rows: tuple[str, ...]
    p: float
    limits: tuple[float, float]
    chosen: tuple[int, int]
    on: bool = True
    kind: str = "strips"
    first: int = 0
    point: str = ""
    prefix: tuple[int, ...] = ()
    part: str = "residual"
    control: str = "p"
    span: tuple[float, float, float] = (0.0, 0.9, 0.01)
    source: str = ""
    note: str = ""
    alt: str = ""

    def __post_init__(self):
        if self.values.ndim != 2 or self.noise.shape != self.values.shape or len(self.rows) != len(self.values):
            raise ValueError(
                f"values and noise must be (rows, columns) with one label a row, got {self.values.shape}, {self.noise.shape} "
                f"and {len(self.rows)} labels"
            )
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {self.kind!r}")

    @property
    def open(self) -> np.ndarray:
        """(rows, columns): True where there is a number to drop: everywhere, or at keys that do not come later."""
        if self.kind == "strips":
            return np.ones(self.values.shape, dtype=bool)
        return np.tri(*self.values.shape, self.first, dtype=bool)

    def kept(self, p: float) -> np.ndarray:
        """(rows, columns): True where a number survives the rate p."""
        return self.noise >= np.float32(p) if self.on else np.ones(self.values.shape, dtype=bool)

    def after(self, p: float) -> np.ndarray:
        """(rows, columns) float32: what dropout at rate p makes of the values."""
        return (self.values * self.kept(p) / np.float32(1 - p if self.on else 1)).astype(np.float32)

    def zeros(self, p: float) -> np.ndarray:
        """(rows,): how many numbers of every row fall."""
        return (~self.kept(p) & self.open).sum(1)
