"""LayerNorm: mean and variance, and numbers before and after scale and shift."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from ..model import LayerNorm
from ..points import stream_in
from .cell import MOMENTS_OF, Cell, Recomputation
from .latex import number, placed, signed
from .sums import answer, doubles


@dataclass(frozen=True)
class Normalised:
    """A row of the stream and its LayerNorm, before scale and shift."""

    source: str
    module: LayerNorm
    path: str
    x: np.ndarray
    mean: float
    variance: float


def norm_of(cell: Cell, norm: str) -> Normalised:
    model, (item, token, _) = cell.trace.model, cell.index
    if norm == "final_norm":
        source, module, path = stream_in(cell.trace.config.n_layer), model.final_norm, "model.final_norm"
    elif norm.endswith("norm1"):
        source, module, path = stream_in(cell.block), cell.module.norm1, f"{cell.path}.norm1"
    else:
        source, module, path = cell.here("shortcut1"), cell.module.norm2, f"{cell.path}.norm2"
    x = doubles(cell.trace[source][item, token])
    return Normalised(source, module, path, x, x.mean(), ((x - x.mean()) ** 2).mean())


def norm_fields(norm: Normalised, feature: int) -> dict:
    """What LayerNorm and its inner half have in common."""
    mean, variance, eps = norm.mean, norm.variance, norm.module.eps
    return {
        "operands": {"x": norm.x, "x - mean": norm.x - mean, "(x - mean)²": (norm.x - mean) ** 2},
        "names": tuple(f"feature {n}" for n in range(len(norm.x))),
        "numbers": rf"\mu = {number(mean)},\ \sigma^2 = {number(variance)}: \quad "
        rf"\frac{{{number(norm.x[feature])} - {signed(mean)}}}{{\sqrt{{{number(variance)} + {number(eps)}}}}}",
    }


NORMALISED = r"\frac{x_j - \mu}{\sqrt{\sigma^2 + \epsilon}}"


MOMENTS = r",\quad \mu = \frac{1}{d}\sum_j x_j,\quad \sigma^2 = \frac{1}{d}\sum_j (x_j - \mu)^2"


def layer_norm(cell: Cell) -> Recomputation:
    item, token, feature = cell.index
    norm = norm_of(cell, cell.kind)
    scale, shift = float(norm.module.weight[feature]), float(norm.module.bias[feature])
    fields = norm_fields(norm, feature)
    fields["numbers"] += rf" \cdot {signed(scale)} + {signed(shift)}"
    width = len(norm.x)
    return answer(
        cell,
        value=(norm.x[feature] - norm.mean) / math.sqrt(norm.variance + norm.module.eps) * scale + shift,
        sentence=f"{cell.where}feature {feature} minus the mean of its token's {width} numbers, divided by their standard "
        "deviation, then scaled and shifted by two learned numbers.",
        formula=rf"y_j = {NORMALISED}\, \gamma_j + \beta_j" + MOMENTS,
        code=f"F.layer_norm({placed(norm.source, item, token)}, ({width},), {norm.path}.weight, {norm.path}.bias, "
        f"model.config.eps)[{feature}]",
        **fields,
    )


def inner_norm(cell: Cell) -> Recomputation:
    item, token, feature = cell.index
    norm = norm_of(cell, cell.base)
    x = cell.trace[norm.source][item, token]
    shown = (x[feature] - x.mean()) / torch.sqrt(x.var(correction=0) + norm.module.eps)
    width = len(norm.x)
    return answer(
        cell,
        shown=shown,
        value=(norm.x[feature] - norm.mean) / math.sqrt(norm.variance + norm.module.eps),
        sentence=f"{cell.where}feature {feature} minus the mean of its token's {width} numbers, divided by their standard "
        "deviation; scale and shift come next.",
        formula=rf"\hat{{x}}_j = {NORMALISED}" + MOMENTS,
        code=f"F.layer_norm({placed(norm.source, item, token)}, ({width},), eps=model.config.eps)[{feature}]",
        **norm_fields(norm, feature),
    )


def moments(cell: Cell) -> Recomputation:
    """The mean or the variance that a LayerNorm takes of one token's numbers."""
    item, token, moment = cell.index
    norm = norm_of(cell, cell.base)
    x = cell.trace[norm.source][item, token]
    width, row = len(norm.x), placed(norm.source, item, token)
    names = tuple(f"feature {n}" for n in range(width))
    if MOMENTS_OF[moment] == "mean":
        return answer(
            cell,
            shown=x.mean(),
            value=norm.mean,
            sentence=f"{cell.where}the mean of the {width} numbers of token {token}: added up, and divided by {width}.",
            formula=r"\mu = \frac{1}{d}\sum_j x_j",
            numbers=rf"\frac{{{number(norm.x.sum())}}}{{{width}}}",
            code=f"{row}.mean()",
            operands={"x": norm.x},
            names=names,
        )
    apart = (norm.x - norm.mean) ** 2
    return answer(
        cell,
        shown=x.var(correction=0),
        value=norm.variance,
        sentence=f"{cell.where}the variance of the {width} numbers of token {token}: how far each lies from their mean, squared, "
        f"added up, and divided by {width}.",
        formula=r"\sigma^2 = \frac{1}{d}\sum_j (x_j - \mu)^2",
        numbers=rf"\mu = {number(norm.mean)}: \quad \frac{{{number(apart.sum())}}}{{{width}}}",
        code=f"{row}.var(correction=0)",
        operands={"x": norm.x, "x - mean": norm.x - norm.mean, "(x - mean)²": apart},
        names=names,
    )
