"""Any number on screen, computed again from its operands in double precision."""

from dataclasses import dataclass

import numpy as np

from ..trace import Trace


@dataclass(frozen=True)
class Recomputation:
    """One number and where it comes from.

    shown: the traced (or drawn) number. value: the same, recomputed in float64 from its operands. formula: LaTeX, general.
    numbers: LaTeX or plain text, the formula with this cell's numbers in it (shortened with ... when long).
    operands: column title -> numbers, all of one length, the terms the sum or maximum runs over (empty when there is no sum).
    names: a label for every row of the operands.
    """

    point: str
    index: tuple[int, ...]
    shown: float
    value: float
    formula: str
    numbers: str
    operands: dict[str, np.ndarray]
    names: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """|shown - recomputed|; equal infinities differ by 0."""
        return 0.0 if self.shown == self.value else abs(self.shown - self.value)


def recompute(trace: Trace, point: str, index: tuple[int, ...]) -> Recomputation:
    """Recompute tensor[point][index]. Raises KeyError for a point there is no recipe for, IndexError outside the tensor."""
    raise NotImplementedError
