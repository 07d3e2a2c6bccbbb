"""Hidden units, their activation, and what they write."""

import math

import numpy as np

from .cell import Cell, Recomputation
from .latex import number, placed, signed
from .sums import answer, linear, times


def hidden(cell: Cell) -> Recomputation:
    _, token, unit = cell.index
    return linear(
        cell,
        cell.here("norm2"),
        "ff.expand",
        unit,
        [f"feature {n}" for n in range(cell.trace.config.n_embd)],
        formula=r"h_{t,u} = \sum_j y_{t,j}\, W_{j,u}",
        sentence=f"row {token} of the normalised stream times column {unit} of the expanding matrix",
    )


def active(cell: Cell) -> Recomputation:
    source = cell.here("ff.hidden")
    x = float(cell.trace[source][cell.index])
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    bent = math.tanh(inner)
    return answer(
        cell,
        value=0.5 * x * (1 + bent),
        sentence=f"{cell.where}unit {cell.index[-1]} bent by GELU (tanh form): the number times a factor between 0 and 1, here "
        f"{0.5 * (1 + bent):.3f}.",
        formula=r"\mathrm{GELU}(x) = \tfrac{1}{2}\, x \bigl(1 + \tanh\bigl(\sqrt{2/\pi}\, (x + 0.044715\, x^3)\bigr)\bigr)",
        numbers=rf"\tfrac{{1}}{{2}} \cdot {signed(x)} \cdot \bigl(1 + \tanh\bigl(\sqrt{{2/\pi}} \cdot "
        rf"({number(x)} + 0.044715 \cdot ({number(x)})^3)\bigr)\bigr)",
        code=f'F.gelu({placed(source, *cell.index)}, approximate="tanh")',
        operands={"number": np.array([x, inner, bent])},
        names=("x", "inside tanh", "tanh"),
    )


def ff_out(cell: Cell) -> Recomputation:
    _, token, feature = cell.index
    return linear(
        cell,
        cell.here("ff.active"),
        "ff.contract",
        feature,
        [f"unit {n}" for n in range(cell.trace.config.hidden_size)],
        formula=r"\mathrm{ff}_{t,j} = \sum_u g_{t,u}\, W_{u,j}",
        sentence=f"row {token} of the units after GELU times column {feature} of the contracting matrix",
    )


def unit_out(cell: Cell) -> Recomputation:
    item, token, unit, feature = cell.index
    point = cell.here("ff.active")
    active = cell.trace[point][item, token, unit]
    weight = cell.trace.model.blocks[cell.block].ff.contract.weight[unit, feature].detach()
    return times(
        cell,
        active,
        weight,
        sentence=f"Block {cell.block + 1}: what hidden unit {unit} adds to feature {feature} of token {token}, "
        "its activation times its row of the contracting matrix.",
        formula=r"g_{t,u}\, W_{u,j}",
        code=f"{placed(point, item, token, unit)} * model.blocks[{cell.block}].ff.contract.weight[{unit}, {feature}]",
        names=("activation", "weight"),
    )
