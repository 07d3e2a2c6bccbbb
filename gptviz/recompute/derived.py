"""What stages derive at any point: cosines of its rows, and the factors of dropout."""

import numpy as np

from ..likeness import cosines
from .cell import Cell, Recomputation
from .latex import number, placed
from .stream import luck
from .sums import answer, doubles


def cosine(cell: Cell) -> Recomputation:
    *leading, a, b = cell.index
    rows = cell.trace[cell.base][tuple(leading)].detach()[[a, b]]
    x, y = doubles(rows)
    left, right = (placed(cell.base, *leading, row) for row in (a, b))
    lengths = np.linalg.norm(x), np.linalg.norm(y)
    products = x * y
    dot = products.sum()
    return answer(
        cell,
        shown=cosines(rows.numpy())[0, 1],
        value=dot / (lengths[0] * lengths[1]),
        sentence=f"Rows {a} and {b} of {cell.base}: their products added up, divided by both lengths. 1 is the same direction, "
        "0 at right angles.",
        formula=r"\cos(a, b) = \frac{\sum_j a_j b_j}{\lVert a \rVert\, \lVert b \rVert}",
        numbers=rf"\frac{{{number(dot)}}}{{{number(lengths[0])} \cdot {number(lengths[1])}}}",
        code=f"{left} @ {right} / ({left}.norm() * {right}.norm())",
        operands={"a": x, "b": y, "product": products},
        names=tuple(f"{cell.trace.axes(cell.base)[-1]} {n}" for n in range(len(x))),
    )


def mask(cell: Cell) -> Recomputation:
    p = cell.trace.dropout
    formula = r"f = \begin{cases} \dfrac{1}{1-p} & u \ge p \\ 0 & u < p \end{cases}"
    if not p:
        return answer(
            cell,
            shown=1.0,
            value=1.0,
            sentence="Dropout is off: every number is multiplied by 1.",
            formula=formula,
            numbers=r"p = 0: \quad f",
            code="1.0",
            operands={"number": np.array([p])},
            names=("rate p",),
        )
    u, kept, compared, keeps = luck(cell, cell.base)
    return answer(
        cell,
        shown=np.float32(kept / (1 - p)),
        value=kept / (1 - p),
        sentence=f"The noise at this place is {'not ' if kept else ''}below p = {p:g}, so dropout "
        + ("keeps the number and multiplies it by 1/(1 - p)." if kept else "multiplies the number by 0."),
        formula=formula,
        numbers=rf"{compared}: \quad " + (rf"\frac{{1}}{{1 - {number(p)}}}" if kept else "f"),
        code=f"{keeps} / (1 - {p!r})",
        operands={"number": np.array([u, p])},
        names=("noise u", "rate p"),
    )
