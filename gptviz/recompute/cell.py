"""One number by its point and index: where it lies, which axes and sizes it has, and what a recomputation of it says."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..hooks import unknown
from ..trace import Trace

SHARES = {
    "head_out": ("batch", "token", "row", "feature"),
    "weighted_value": ("batch", "head", "query", "key", "channel"),
    "unit_out": ("batch", "token", "unit", "feature"),
}
"""The axes of derived points that are parts of a sum inside a block."""


NORMS = ("norm1", "norm2", "final_norm")  # how the names of points that a LayerNorm makes end


MOMENTS_OF = ("mean", "variance")  # of a token's numbers, as its LayerNorm takes them


VECTORS = ("feature", "channel", "unit")  # last axes of points whose rows have a direction worth comparing


CLOSE = 1e-4  # a number further than this from its recomputation (relative above 1) is not the model's own


@dataclass(frozen=True, eq=False)
class Recomputation:
    """One number and where it comes from.

    point, index: what was asked for. shown: the traced (or drawn) float32 number. value: the same, recomputed in float64 from
    its operands. sentence: the computation in one plain line, without any of the reader's text in it. formula: LaTeX, general.
    numbers: LaTeX, the formula with this cell's numbers in it, shortened where the sum is long, ending in `= value`. code: an
    expression over `trace`, `model`, `torch`, `F`, `math` and (dropout) `hooks.noise` that gives the number. operands: column
    title -> numbers, all of one length; in a sum of products the last column holds the terms, and adds up to the value (NaN:
    this row has no such number). names: a label for every row of the operands. edited: an edit replaced the number, so that
    value is what it would be without.
    """

    point: str
    index: tuple[int, ...]
    shown: float
    value: float
    sentence: str
    formula: str
    numbers: str
    code: str
    operands: dict[str, np.ndarray]
    names: tuple[str, ...] = ()
    edited: bool = False

    @property
    def difference(self) -> float:
        """|shown - recomputed|; equal infinities differ by 0, and so do two numbers that are both undefined."""
        if self.shown == self.value or (math.isnan(self.shown) and math.isnan(self.value)):
            return 0.0
        return abs(self.shown - self.value)


@dataclass(frozen=True)
class Cell:
    """The number asked for. kind: the point without its block ("att.scores"); block: None outside the blocks.

    base: in a derived point, the part after the colon.
    """

    trace: Trace
    point: str
    index: tuple[int, ...]
    kind: str
    block: int | None = None
    base: str = ""

    @property
    def path(self) -> str:
        """The block in code."""
        return f"model.blocks[{self.block}]"

    @property
    def module(self):
        return self.trace.model.blocks[self.block]

    def here(self, name: str) -> str:
        """A point of the same block."""
        return f"blocks.{self.block}.{name}"

    def label(self, row: int) -> str:
        """A token numbered from 0, its leading space visible."""
        return f"{row} {self.trace.tokens[self.index[0]][row]}"

    @property
    def where(self) -> str:
        """Block and head as readers count them, from 1, to start a sentence with."""
        head = f", head {self.index[1] + 1}" if self.kind.startswith("att.") and self.kind != "att.concat" else ""
        return "" if self.block is None else f"Block {self.block + 1}{head}: "


def axes_by_name(trace: Trace) -> dict[str, tuple[str, ...]]:
    """The axes of every hook point of a trace's model, as plain values."""
    return {name: point.axes for name, point in trace.model.points.items()}


def axes(trace: Trace, point: str) -> tuple[str, ...]:
    """The names of a point's axes, also of one that a stage derives. Raises KeyError for a point there is no recipe for."""
    known = trace.model.points
    return known[point].axes if point in known else axes_among(axes_by_name(trace), point)


def axes_among(points: Mapping[str, tuple[str, ...]], point: str) -> tuple[str, ...]:
    """The same of hook points that are known by their axes alone."""
    derived, _, base = point.partition(":")
    if point in points:
        return points[point]
    if point == "stream":
        return ("batch", "token", "row", "feature")
    if point in ("probabilities", "exponential"):
        return points["logits"]
    if point == "logit_part":
        return ("batch", "token", "word", "feature")
    if derived == "cosine" and base in points and points[base][-1] in VECTORS:
        *leading, rows, _ = points[base]
        return (*leading, rows, rows)
    if derived in ("normalised", "moments") and base in points and base.endswith(NORMS):
        return points[base] if derived == "normalised" else ("batch", "token", "moment")
    if derived == "mask" and base in points and base.endswith(("drop_emb", "att.dropped", "drop1", "drop2")):
        return points[base]
    if derived in SHARES and f"{base}.att_out" in points:
        return SHARES[derived]
    known = known_points(points)
    alike = [name for name in known if name.startswith(f"{derived}:")]
    raise KeyError(unknown("point", point, alike or known))


def sizes(trace: Trace, point: str) -> tuple[int, ...]:
    """How long each axis of a point is."""
    of = trace.config.sizes(*trace.ids.shape)
    of["moment"] = len(MOMENTS_OF)
    of["row"] = trace.config.n_layer + 1 if point == "stream" else trace.config.n_head + 2
    return tuple(of[axis] for axis in axes(trace, point))


def block_of(point: str) -> int | None:
    """The block a point lies in, from 0; None outside the blocks."""
    _, _, base = point.rpartition(":")
    return int(base.split(".")[1]) if base.startswith("blocks.") else None


def cell_of(trace: Trace, point: str, index: tuple[int, ...]) -> Cell:
    """Take the name of a point apart, and check the index against its axes."""
    names, most = axes(trace, point), sizes(trace, point)
    derived, _, base = point.partition(":")
    kind = derived if base else point.split(".", 2)[2] if point.startswith("blocks.") else point
    if len(index) != len(names):
        raise IndexError(f"{point} has {len(names)} axes ({' x '.join(names)}), the index {index} has {len(index)}")
    for axis, n, size in zip(names, index, most):
        if not 0 <= n < size:
            raise IndexError(f"{point}: {axis} {n} is outside 0 to {size - 1}, there are {size}")
    return Cell(trace, point, index, kind, block_of(point), base)


def known_points(points: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Every name there is a recipe for."""
    blocks = [name.removesuffix(".att_out") for name in points if name.endswith(".att_out")]
    return [
        *points,
        "probabilities",
        "exponential",
        "logit_part",
        "stream",
        *(f"cosine:{name}" for name, axes in points.items() if axes[-1] in VECTORS),
        *(f"{kind}:{name}" for kind in ("normalised", "moments") for name in points if name.endswith(NORMS)),
        *(f"mask:{name}" for name in points if name.endswith(("drop_emb", "att.dropped", "drop1", "drop2"))),
        *(f"{kind}:{block}" for kind in SHARES for block in blocks),
    ]


def noted(trace: Trace, point: str, found: Recomputation) -> Recomputation:
    """The same recomputation, saying so where an edit is in force at the point whose number is shown."""
    if point not in trace.edited:
        return found
    edited = not found.difference <= CLOSE * max(1.0, abs(found.value))
    says = (
        "An edit replaced this number; what follows is what it would be without the edit. "
        if edited
        else "An edit is in force at this point, and leaves this number as it was. "
    )
    return replace(found, edited=edited, sentence=says + found.sentence)
