"""The shapes a recomputation takes most often: a row times a column, a row times a table, two numbers added."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from .cell import Cell, Recomputation
from .latex import long_sum, number, placed, signed


def doubles(tensor: Tensor) -> np.ndarray:
    """A slice of a tensor, in float64."""
    return tensor.detach().double().numpy()


def answer(cell: Cell, *, shown: float | None = None, value: float, sentence: str, numbers: str, **fields) -> Recomputation:
    """The recomputation of a cell; the number shown is the traced one unless given."""
    if shown is None:
        shown = float(cell.trace[cell.point][cell.index])
    return Recomputation(
        point=cell.point,
        index=cell.index,
        shown=float(shown),
        value=float(value),
        sentence=sentence[0].upper() + sentence[1:],
        numbers=f"{numbers} = {number(float(value))}",
        **fields,
    )


def dot_product(
    cell: Cell,
    left: tuple[str, np.ndarray],
    right: tuple[str, np.ndarray],
    names: Sequence[str],
    *,
    bias: float | None = None,
    formula: str,
    **fields,
) -> Recomputation:
    """A sum of products, plus a bias where there is one. left, right: column title and numbers."""
    (x_title, x), (w_title, w) = left, right
    products = x * w
    numbers = long_sum(products, lambda n: rf"{signed(x[n])} \cdot {signed(w[n])}")
    value = products.sum()
    names = tuple(names)
    if bias is not None:
        numbers += rf" + \underbrace{{{signed(bias)}}}_{{b}}"
        formula += " + b"
        value += bias
        names += ("bias",)
        x, w, products = np.append(x, np.nan), np.append(w, np.nan), np.append(products, bias)
    operands = {x_title: x, w_title: w, "product": products}
    return answer(cell, value=value, formula=formula, numbers=numbers, operands=operands, names=names, **fields)


def linear(
    cell: Cell, source: str, layer: str, column: int, names: Sequence[str], *, formula: str, sentence: str
) -> Recomputation:
    """One output of a Linear layer of this block: a traced row times one column of its weight, plus its bias."""
    item, token = cell.index[0], cell.index[-2]
    module = cell.module.get_submodule(layer)
    path = f"{cell.path}.{layer}"
    code = f"{placed(source, item, token)} @ {path}.weight[:, {column}]"
    bias = None
    if module.bias is not None:
        code += f" + {path}.bias[{column}]"
        bias = float(module.bias[column])
    return dot_product(
        cell,
        ("x", doubles(cell.trace[source][item, token])),
        ("W", doubles(module.weight[:, column])),
        names,
        bias=bias,
        formula=formula,
        code=code,
        sentence=f"{cell.where}{sentence}: {len(module.weight)} products, added up{'' if bias is None else ', plus the bias'}.",
    )


def times(
    cell: Cell, number: Tensor, factor: Tensor, *, names: tuple[str, str], formula: str, sentence: str, code: str
) -> Recomputation:
    """The product of two numbers, which is drawn and stands in no tensor."""
    a, b = float(number), float(factor)
    return answer(
        cell,
        shown=number * factor,
        value=a * b,
        sentence=sentence,
        formula=formula,
        numbers=rf"{signed(a)} \cdot {signed(b)}",
        code=code,
        operands={"number": np.array([a, b])},
        names=names,
    )


def plus(cell: Cell, names: tuple[str, str], formula: str, sentence: str) -> Recomputation:
    """The sum of the same cell at two points (the position table's point has no batch axis)."""
    where = [cell.index if "batch" in cell.trace.axes(name) else cell.index[1:] for name in names]
    a, b = (float(cell.trace[name][index]) for name, index in zip(names, where))
    return answer(
        cell,
        value=a + b,
        sentence=sentence,
        formula=formula,
        numbers=f"{signed(a)} + {signed(b)}",
        code=f"{placed(names[0], *where[0])} + {placed(names[1], *where[1])}",
        operands={"number": np.array([a, b])},
        names=names,
    )
