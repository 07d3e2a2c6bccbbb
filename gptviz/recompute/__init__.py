"""Any number on screen, computed again from its operands in double precision.

One recipe per hook point, and one per number that a stage derives on the spot. A recipe slices the float32 operands out of
the trace and the parameters first, and turns only those into float64. Derived points and their indices:

    cosine:POINT                 (*leading, a, b)              cosine similarity of rows a and b of POINT
    normalised:NORM              (item, token, feature)        LayerNorm before scale and shift; NORM is a LayerNorm's point
    mask:POINT                   as POINT                      the factor 0 or 1 / (1 - p) that dropout applied there
    head_out:blocks.i            (item, token, row, feature)   row h: head h's share of att_out; then the bias; then the sum
    weighted_value:blocks.i      (item, head, query, key, channel)
    unit_out:blocks.i            (item, token, unit, feature)  what one hidden unit adds to ff_out: its activation x its row
    probabilities                (item, token, word)
    stream                       (item, token, row, feature)   row 0: drop_emb; row i: what block i (counted from 1) hands on
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from ..points import stream_in
from ..trace import Trace
from .attention import (
    att_out,
    concat,
    context,
    head_out,
    masked,
    projection,
    scaled,
    scores,
    weighted_value,
    weights,
)
from .cell import CLOSE, Cell, Recomputation, axes, axes_among, axes_by_name, block_of, cell_of, known_points, noted, sizes
from .derived import cosine, mask
from .feed_forward import active, ff_out, hidden, unit_out
from .latex import number
from .norm import inner_norm, layer_norm, moments
from .output import exponential, logit_part, logits, probabilities
from .stream import dropout, ids, input_emb, pos_emb, shortcut, tok_emb

__all__ = [
    "CLOSE",
    "RECIPES",
    "Cell",
    "Recomputation",
    "axes",
    "axes_among",
    "axes_by_name",
    "block_of",
    "known_points",
    "number",
    "recompute",
    "sizes",
]


def recompute(trace: Trace, point: str, index: tuple[int, ...]) -> Recomputation:
    """Recompute tensor[point][index]; index counts from 0 on every axis.

    Raises KeyError for a point there is no recipe for and for an operand that the trace did not keep, IndexError for an index
    outside the tensor.
    """
    cell = cell_of(trace, point, tuple(int(n) for n in index))
    if point in trace.model.points and point not in trace.tensors:
        raise KeyError(f"{point} was not kept in this trace, so there is no number to recompute")
    with torch.no_grad(), np.errstate(invalid="ignore", divide="ignore"):
        return noted(trace, point, RECIPES[cell.kind](cell))


def _stream(cell: Cell) -> Recomputation:
    item, token, row, feature = cell.index
    found = recompute(cell.trace, stream_in(row), (item, token, feature))
    return replace(found, point=cell.point, index=cell.index)


RECIPES: dict[str, Callable[[Cell], Recomputation]] = {
    "ids": ids,
    "tok_emb": tok_emb,
    "pos_emb": pos_emb,
    "input_emb": input_emb,
    "drop_emb": dropout,
    "norm1": layer_norm,
    "att.query": projection,
    "att.key": projection,
    "att.value": projection,
    "att.scores": scores,
    "att.scaled": scaled,
    "att.masked": masked,
    "att.weights": weights,
    "att.dropped": dropout,
    "att.context": context,
    "att.concat": concat,
    "att_out": att_out,
    "drop1": dropout,
    "shortcut1": shortcut,
    "norm2": layer_norm,
    "ff.hidden": hidden,
    "ff.active": active,
    "ff_out": ff_out,
    "drop2": dropout,
    "shortcut2": shortcut,
    "final_norm": layer_norm,
    "logits": logits,
    "cosine": cosine,
    "normalised": inner_norm,
    "mask": mask,
    "head_out": head_out,
    "weighted_value": weighted_value,
    "unit_out": unit_out,
    "moments": moments,
    "logit_part": logit_part,
    "exponential": exponential,
    "probabilities": probabilities,
    "stream": _stream,
}
"""The recipe of every point, named without its block, and of every derived one, named by what stands before the colon."""
