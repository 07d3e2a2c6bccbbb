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

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from . import sampling, tokenizer, verbatim
from .hooks import noise, unknown
from .likeness import cosines
from .model import LayerNorm
from .points import dropout_site, stream_in
from .trace import Trace

SHARES = {
    "head_out": ("batch", "token", "row", "feature"),
    "weighted_value": ("batch", "head", "query", "key", "channel"),
    "unit_out": ("batch", "token", "unit", "feature"),
}
"""The axes of derived points that are parts of a sum inside a block."""

TERMS = 3  # terms of a long sum that are written out; the rest is one ellipsis with its count and total
WORDS = 20  # rows of a softmax over the vocabulary that are listed; the rest is one row
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


def recompute(trace: Trace, point: str, index: tuple[int, ...]) -> Recomputation:
    """Recompute tensor[point][index]; index counts from 0 on every axis.

    Raises KeyError for a point there is no recipe for and for an operand that the trace did not keep, IndexError for an index
    outside the tensor.
    """
    cell = _cell(trace, point, tuple(int(n) for n in index))
    if point in trace.model.points and point not in trace.tensors:
        raise KeyError(f"{point} was not kept in this trace, so there is no number to recompute")
    with torch.no_grad(), np.errstate(invalid="ignore", divide="ignore"):
        return _noted(trace, point, RECIPES[cell.kind](cell))


def _noted(trace: Trace, point: str, found: Recomputation) -> Recomputation:
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
    known = _known(points)
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


def _cell(trace: Trace, point: str, index: tuple[int, ...]) -> Cell:
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


def _known(points: Mapping[str, tuple[str, ...]]) -> list[str]:
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


# --- numbers and text in LaTeX ---------------------------------------------------------------------------------------------


def number(x: float, digits: int = 4) -> str:
    r"""A number in LaTeX, rounded to significant digits: 0.1234, 1.2 \times 10^{-7}, -\infty."""
    if math.isnan(x):
        return r"\text{undefined}"
    if math.isinf(x):
        return r"\infty" if x > 0 else r"-\infty"
    if x == 0:
        return "0"
    if float(x).is_integer() and abs(x) < 1e6:
        return str(int(x))
    mantissa, _, exponent = f"{x:.{digits}g}".partition("e")
    if not exponent:
        return mantissa
    power = f"10^{{{int(exponent)}}}"
    return {"1": power, "-1": f"-{power}"}.get(mantissa, rf"{mantissa} \times {power}")


def signed(x: float) -> str:
    """A number inside a sum or product: in parentheses when negative."""
    return f"({number(x)})" if x < 0 else number(x)


def _sum(products: np.ndarray, term: Callable[[int], str]) -> str:
    """The terms of a sum in LaTeX: all of them when few, else the largest first, then how many more and their total."""
    if len(products) <= TERMS + 1:
        return " + ".join(term(n) for n in range(len(products)))
    largest = sampling.top(np.abs(products), TERMS)
    rest = products.sum() - products[largest].sum()
    count = f"{len(products) - TERMS:,}".replace(",", "{,}")
    more = rf"\underbrace{{\cdots}}_{{{count} \text{{ more: }} {number(rest)}}}"
    return " + ".join([*(term(n) for n in largest), more])


def _share(scores: np.ndarray, raised: np.ndarray, at: int) -> str:
    """One softmax in LaTeX. raised: e to every score minus the largest score."""
    above = f"e^{{{number(scores[at])} - {signed(scores.max())}}}"
    below = _sum(raised, lambda n: number(raised[n]))
    return rf"\frac{{{above}}}{{{below}}} = \frac{{{number(raised[at])}}}{{{number(raised.sum())}}}"


def _at(name: str, *index: int | str) -> str:
    """A traced number (or row) in code."""
    return f'trace["{name}"][{", ".join(map(str, index))}]'


def _numbers(tensor: Tensor) -> np.ndarray:
    """A slice of a tensor, in float64."""
    return tensor.detach().double().numpy()


def _answer(cell: Cell, *, shown: float | None = None, value: float, sentence: str, numbers: str, **fields) -> Recomputation:
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


def _dot(
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
    numbers = _sum(products, lambda n: rf"{signed(x[n])} \cdot {signed(w[n])}")
    value = products.sum()
    names = tuple(names)
    if bias is not None:
        numbers += rf" + \underbrace{{{signed(bias)}}}_{{b}}"
        formula += " + b"
        value += bias
        names += ("bias",)
        x, w, products = np.append(x, np.nan), np.append(w, np.nan), np.append(products, bias)
    operands = {x_title: x, w_title: w, "product": products}
    return _answer(cell, value=value, formula=formula, numbers=numbers, operands=operands, names=names, **fields)


def _linear(
    cell: Cell, source: str, layer: str, column: int, names: Sequence[str], *, formula: str, sentence: str
) -> Recomputation:
    """One output of a Linear layer of this block: a traced row times one column of its weight, plus its bias."""
    item, token = cell.index[0], cell.index[-2]
    module = cell.module.get_submodule(layer)
    path = f"{cell.path}.{layer}"
    code = f"{_at(source, item, token)} @ {path}.weight[:, {column}]"
    bias = None
    if module.bias is not None:
        code += f" + {path}.bias[{column}]"
        bias = float(module.bias[column])
    return _dot(
        cell,
        ("x", _numbers(cell.trace[source][item, token])),
        ("W", _numbers(module.weight[:, column])),
        names,
        bias=bias,
        formula=formula,
        code=code,
        sentence=f"{cell.where}{sentence}: {len(module.weight)} products, added up{'' if bias is None else ', plus the bias'}.",
    )


def _plus(cell: Cell, names: tuple[str, str], formula: str, sentence: str) -> Recomputation:
    """The sum of the same cell at two points (the position table's point has no batch axis)."""
    where = [cell.index if "batch" in cell.trace.axes(name) else cell.index[1:] for name in names]
    a, b = (float(cell.trace[name][index]) for name, index in zip(names, where))
    return _answer(
        cell,
        value=a + b,
        sentence=sentence,
        formula=formula,
        numbers=f"{signed(a)} + {signed(b)}",
        code=f"{_at(names[0], *where[0])} + {_at(names[1], *where[1])}",
        operands={"number": np.array([a, b])},
        names=names,
    )


# --- from text to the residual stream --------------------------------------------------------------------------------------


def _ids(cell: Cell) -> Recomputation:
    item, token = cell.index
    row = int(cell.trace.ids[item, token])
    if row >= tokenizer.SIZE:
        return _answer(
            cell,
            value=row,
            sentence=f"Token {token} is a row of this model's table beyond the {tokenizer.SIZE:,} pieces of GPT-2's vocabulary. Text "
            "never becomes it: the model chose it itself.",
            formula=r"\mathrm{id} = \text{number of the row}",
            numbers=rf"\text{{row }} {row}",
            code=f"trace.ids[{item}, {token}]",
            operands={"number": np.array([row], dtype=np.float64)},
            names=("row of the table",),
        )
    encoding = tokenizer.encoding()
    raw = tokenizer.token_bytes(row)
    value = encoding.encode_single_token(raw)
    piece = cell.trace.tokens[item][token]
    size = "1 byte" if len(raw) == 1 else f"{len(raw)} bytes"
    return _answer(
        cell,
        value=value,
        sentence=f"Token {token} is a piece of {size}; in the vocabulary of {encoding.n_vocab:,} pieces its number is {value}.",
        formula=r"\mathrm{id} = \mathrm{vocabulary}[\text{piece}]",
        numbers=rf"\mathrm{{vocabulary}}[\text{{{verbatim.latex(piece)}}}]",
        code=f"trace.ids[{item}, {token}]",
        operands={"byte": np.array(list(raw), dtype=np.float64)},
        names=tuple(tokenizer.printable(bytes([byte])) for byte in raw),
    )


def _tok_emb(cell: Cell) -> Recomputation:
    item, token, feature = cell.index
    edited = "ids" in cell.trace.edited
    row = int((cell.trace["ids"] if edited else cell.trace.ids)[item, token])
    ids = _at("ids", item, token) if edited else f"trace.ids[{item}, {token}]"
    return _answer(
        cell,
        value=float(cell.trace.model.tok_emb.weight[row, feature]),
        sentence=f"Column {feature} of row {row} of the token table: looked up, nothing to add.",
        formula=r"\mathrm{tok}_{t,j} = W_{\text{token}}[\mathrm{id}_t,\, j]",
        numbers=rf"W_{{\text{{token}}}}[{row},\, {feature}]",
        code=f"model.tok_emb.weight[{ids}, {feature}]",
        operands={"number": np.array([row, feature], dtype=np.float64)},
        names=("row: id of the token", "column: feature"),
    )


def _pos_emb(cell: Cell) -> Recomputation:
    token, feature = cell.index
    return _answer(
        cell,
        value=float(cell.trace.model.pos_emb.weight[token, feature]),
        sentence=f"Column {feature} of row {token} of the position table: looked up, the same whatever the text.",
        formula=r"\mathrm{pos}_{t,j} = W_{\text{position}}[t,\, j]",
        numbers=rf"W_{{\text{{position}}}}[{token},\, {feature}]",
        code=f"model.pos_emb.weight[{token}, {feature}]",
        operands={"number": np.array([token, feature], dtype=np.float64)},
        names=("row: position", "column: feature"),
    )


def _input_emb(cell: Cell) -> Recomputation:
    return _plus(
        cell,
        ("tok_emb", "pos_emb"),
        r"x_{t,j} = \mathrm{tok}_{t,j} + \mathrm{pos}_{t,j}",
        "What the token says plus what its place says: two numbers, added.",
    )


DROPPED_FROM = {"drop_emb": "input_emb", "att.dropped": "att.weights", "drop1": "att_out", "drop2": "ff_out"}
"""What each dropout reads, within its block."""


def _luck(cell: Cell, point: str) -> tuple[float, bool, str, str]:
    """The noise that decided over a cell of a dropout's point: its value, whether it keeps the number,
    the comparison in LaTeX, and in code."""
    trace, p = cell.trace, cell.trace.dropout
    shape, site = trace.model.points[point].shape(trace.config.sizes(*trace.ids.shape)), dropout_site(point)
    drawn = noise(shape, trace.seed, site)[cell.index]
    u, kept = float(drawn), bool(drawn >= p)
    digits = 4
    while number(u, digits) == number(p, digits) and u != np.float32(p):
        digits += 1
    sign = r"\ge" if kept else "<"
    return (
        u,
        kept,
        f"u = {number(u, digits)} {sign} {number(p, digits)}",
        f"(noise({shape}, {trace.seed}, {site})[{', '.join(map(str, cell.index))}] >= {p!r})",
    )


def _dropout(cell: Cell) -> Recomputation:
    source = DROPPED_FROM[cell.kind]
    source = source if cell.block is None else cell.here(source)
    p = cell.trace.dropout
    x = float(cell.trace[source][cell.index])
    formula = r"y = \begin{cases} \dfrac{x}{1-p} & u \ge p \\ 0 & u < p \end{cases}"
    code = _at(source, *cell.index)
    if not p:
        return _answer(
            cell,
            value=x,
            sentence=f"{cell.where}dropout is off, so the number passes unchanged.",
            formula=formula,
            numbers=r"p = 0: \quad y = x",
            code=code,
            operands={"number": np.array([x])},
            names=(source,),
        )
    u, kept, compared, keeps = _luck(cell, cell.point)
    return _answer(
        cell,
        value=x / (1 - p) if kept else 0.0,
        sentence=cell.where
        + (
            f"kept by dropout, because its noise is not below p = {p:g}; what is kept grows by 1/(1 - p)."
            if kept
            else f"zeroed by dropout, because its noise is below p = {p:g}."
        ),
        formula=formula,
        numbers=rf"{compared}: \quad {signed(x)} \cdot " + (rf"\frac{{1}}{{1 - {number(p)}}}" if kept else "0"),
        code=f"{code} * {keeps} / (1 - {p!r})",
        operands={"number": np.array([x, u, p])},
        names=(source, "noise u", "rate p"),
    )


# --- LayerNorm -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Normalised:
    """A row of the stream and its LayerNorm, before scale and shift."""

    source: str
    module: LayerNorm
    path: str
    x: np.ndarray
    mean: float
    variance: float


def _norm(cell: Cell, norm: str) -> _Normalised:
    model, (item, token, _) = cell.trace.model, cell.index
    if norm == "final_norm":
        source, module, path = stream_in(cell.trace.config.n_layer), model.final_norm, "model.final_norm"
    elif norm.endswith("norm1"):
        source, module, path = stream_in(cell.block), cell.module.norm1, f"{cell.path}.norm1"
    else:
        source, module, path = cell.here("shortcut1"), cell.module.norm2, f"{cell.path}.norm2"
    x = _numbers(cell.trace[source][item, token])
    return _Normalised(source, module, path, x, x.mean(), ((x - x.mean()) ** 2).mean())


def _norm_fields(norm: _Normalised, feature: int) -> dict:
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


def _layer_norm(cell: Cell) -> Recomputation:
    item, token, feature = cell.index
    norm = _norm(cell, cell.kind)
    scale, shift = float(norm.module.weight[feature]), float(norm.module.bias[feature])
    fields = _norm_fields(norm, feature)
    fields["numbers"] += rf" \cdot {signed(scale)} + {signed(shift)}"
    width = len(norm.x)
    return _answer(
        cell,
        value=(norm.x[feature] - norm.mean) / math.sqrt(norm.variance + norm.module.eps) * scale + shift,
        sentence=f"{cell.where}feature {feature} minus the mean of its token's {width} numbers, divided by their standard "
        "deviation, then scaled and shifted by two learned numbers.",
        formula=rf"y_j = {NORMALISED}\, \gamma_j + \beta_j" + MOMENTS,
        code=f"F.layer_norm({_at(norm.source, item, token)}, ({width},), {norm.path}.weight, {norm.path}.bias, "
        f"model.config.eps)[{feature}]",
        **fields,
    )


def _inner_norm(cell: Cell) -> Recomputation:
    item, token, feature = cell.index
    norm = _norm(cell, cell.base)
    x = cell.trace[norm.source][item, token]
    shown = (x[feature] - x.mean()) / torch.sqrt(x.var(correction=0) + norm.module.eps)
    width = len(norm.x)
    return _answer(
        cell,
        shown=shown,
        value=(norm.x[feature] - norm.mean) / math.sqrt(norm.variance + norm.module.eps),
        sentence=f"{cell.where}feature {feature} minus the mean of its token's {width} numbers, divided by their standard "
        "deviation; scale and shift come next.",
        formula=rf"\hat{{x}}_j = {NORMALISED}" + MOMENTS,
        code=f"F.layer_norm({_at(norm.source, item, token)}, ({width},), eps=model.config.eps)[{feature}]",
        **_norm_fields(norm, feature),
    )


def _moments(cell: Cell) -> Recomputation:
    """The mean or the variance that a LayerNorm takes of one token's numbers."""
    item, token, moment = cell.index
    norm = _norm(cell, cell.base)
    x = cell.trace[norm.source][item, token]
    width, row = len(norm.x), _at(norm.source, item, token)
    names = tuple(f"feature {n}" for n in range(width))
    if MOMENTS_OF[moment] == "mean":
        return _answer(
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
    return _answer(
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


# --- attention -------------------------------------------------------------------------------------------------------------


def _projection(cell: Cell) -> Recomputation:
    """Query, key or value: one column of the fused matrix, whose columns are Q's, then K's, then V's."""
    _, head, token, channel = cell.index
    config = cell.trace.config
    third = ("att.query", "att.key", "att.value").index(cell.kind)
    letter, offset = "QKV"[third], ("", "d + ", "2d + ")[third]
    column = third * config.n_embd + head * config.head_size + channel
    return _linear(
        cell,
        cell.here("norm1"),
        "att.qkv",
        column,
        [f"feature {n}" for n in range(config.n_embd)],
        formula=rf"{letter.lower()}_{{t,c}} = \sum_j y_{{t,j}}\, W_{{j,\; {offset}h\, d_{{\text{{head}}}} + c}}",
        sentence=f"row {token} of the normalised stream times column {column} of the fused Q K V matrix "
        f"(column {head * config.head_size + channel} of its {letter} part)",
    )


def _scores(cell: Cell) -> Recomputation:
    item, head, query, key = cell.index
    q, k = cell.here("att.query"), cell.here("att.key")
    size = cell.trace.config.head_size
    return _dot(
        cell,
        ("q", _numbers(cell.trace[q][item, head, query])),
        ("k", _numbers(cell.trace[k][item, head, key])),
        [f"channel {n}" for n in range(size)],
        formula=r"s_{i,j} = q_i \cdot k_j = \sum_c q_{i,c}\, k_{j,c}",
        sentence=f"{cell.where}row {query} of Q times row {key} of K: {size} products, added up.",
        code=f"{_at(q, item, head, query)} @ {_at(k, item, head, key)}",
    )


def _scaled(cell: Cell) -> Recomputation:
    source = cell.here("att.scores")
    size = cell.trace.config.head_size
    score = float(cell.trace[source][cell.index])
    return _answer(
        cell,
        value=score / math.sqrt(size),
        sentence=f"{cell.where}the score divided by the square root of the head's size, {size}.",
        formula=r"s'_{i,j} = \frac{s_{i,j}}{\sqrt{d_{\text{head}}}}",
        numbers=rf"\frac{{{number(score)}}}{{\sqrt{{{size}}}}}",
        code=f"{_at(source, *cell.index)} / math.sqrt(model.config.head_size)",
        operands={"number": np.array([score, size])},
        names=("score", "size of the head"),
    )


def _masked(cell: Cell) -> Recomputation:
    query, key = cell.index[-2:]
    source = cell.here("att.scaled")
    scaled = float(cell.trace[source][cell.index])
    future = key > query
    sign = ">" if future else r"\le"
    return _answer(
        cell,
        value=-math.inf if future else scaled,
        sentence=cell.where
        + (
            f"token {key} comes after token {query}, which must not read it, so the score becomes minus infinity."
            if future
            else f"token {query} may read token {key}, so the scaled score stays."
        ),
        formula=r"m_{i,j} = \begin{cases} s'_{i,j} & j \le i \\ -\infty & j > i \end{cases}",
        numbers=rf"j = {key} {sign} {query} = i: \quad m_{{{query},\,{key}}}",
        code=f"-math.inf if {key} > {query} else {_at(source, *cell.index)}",
        operands={"number": np.array([scaled, key, query], dtype=np.float64)},
        names=("scaled score", "key j", "query i"),
    )


def _weights(cell: Cell) -> Recomputation:
    item, head, query, key = cell.index
    source = cell.here("att.masked")
    scores = _numbers(cell.trace[source][item, head, query])
    read = [n for n in range(len(scores)) if scores[n] > -np.inf or n == key]
    scores = scores[read]
    top = scores.max()
    raised = np.exp(scores - top)
    total = raised.sum()
    at = read.index(key)
    return _answer(
        cell,
        value=raised[at] / total,
        sentence=f"{cell.where}the share of token {key} in what token {query} reads: e to its score, divided by the sum of "
        f"that over all tokens read ({len(read)}). The largest score is taken off first, which changes no share."
        if scores[at] > -np.inf
        else f"{cell.where}token {key} is masked for token {query}: e to minus infinity is 0, so its share is 0.",
        formula=r"a_{i,j} = \frac{e^{m_{i,j} - \max_k m_{i,k}}}{\sum_k e^{m_{i,k} - \max_k m_{i,k}}}",
        numbers=_share(scores, raised, at),
        code=f"{_at(source, item, head, query)}.softmax(-1)[{key}]",
        operands={"score": scores, "exp(score - max)": raised},
        names=tuple(cell.label(n) for n in read),
    )


def _context(cell: Cell) -> Recomputation:
    item, head, query, channel = cell.index
    weights, values = cell.here("att.dropped"), cell.here("att.value")
    shares = _numbers(cell.trace[weights][item, head, query])
    mixed = _numbers(cell.trace[values][item, head, :, channel])
    read = [n for n in range(len(shares)) if n <= query or shares[n]]
    return _dot(
        cell,
        ("weight", shares[read]),
        ("v", mixed[read]),
        [cell.label(n) for n in read],
        formula=r"z_{i,c} = \sum_j \tilde a_{i,j}\, v_{j,c}",
        sentence=f"{cell.where}channel {channel} of the values, mixed with token {query}'s attention weights: "
        f"{len(read)} {'products' if len(read) > 1 else 'product'}, added up.",
        code=f"{_at(weights, item, head, query)} @ {_at(values, item, head, ':', channel)}",
    )


def _weighted_value(cell: Cell) -> Recomputation:
    item, head, query, key, channel = cell.index
    weights, values = cell.here("att.dropped"), cell.here("att.value")
    share, v = cell.trace[weights][item, head, query, key], cell.trace[values][item, head, key, channel]
    return _answer(
        cell,
        shown=share * v,
        value=float(share) * float(v),
        sentence=f"Block {cell.block + 1}, head {head + 1}: what token {key} hands to token {query} in channel {channel}, "
        "its attention weight times its value.",
        formula=r"\tilde a_{i,j}\, v_{j,c}",
        numbers=rf"{signed(float(share))} \cdot {signed(float(v))}",
        code=f"{_at(weights, item, head, query, key)} * {_at(values, item, head, key, channel)}",
        operands={"number": np.array([float(share), float(v)])},
        names=("attention weight", "value"),
    )


def _concat(cell: Cell) -> Recomputation:
    item, token, feature = cell.index
    source = cell.here("att.context")
    head, channel = divmod(feature, cell.trace.config.head_size)
    value = float(cell.trace[source][item, head, token, channel])
    return _answer(
        cell,
        value=value,
        sentence=f"{cell.where}the heads stand side by side, so feature {feature} is a copy: "
        f"channel {channel} of head {head + 1}.",
        formula=r"\mathrm{concat}_{t,\; h\, d_{\text{head}} + c} = z^{(h)}_{t,c}",
        numbers=rf"z^{{(\text{{head }}{head + 1})}}_{{{token},\,{channel}}}",
        code=_at(source, item, head, token, channel),
        operands={"number": np.array([value])},
        names=(f"head {head + 1}, channel {channel}",),
    )


def _channels(cell: Cell, heads: Sequence[int]) -> list[str]:
    return [f"head {h + 1}, channel {c}" for h in heads for c in range(cell.trace.config.head_size)]


def _att_out(cell: Cell) -> Recomputation:
    _, token, feature = cell.index
    return _linear(
        cell,
        cell.here("att.concat"),
        "att.out_proj",
        feature,
        _channels(cell, range(cell.trace.config.n_head)),
        formula=r"o_{t,j} = \sum_c \mathrm{concat}_{t,c}\, W_{c,j}",
        sentence=f"row {token} of the heads side by side times column {feature} of the output projection",
    )


def _head_out(cell: Cell) -> Recomputation:
    """One head's share of the attention output, the bias, or all of them added."""
    item, token, row, feature = cell.index
    config, layer, path = cell.trace.config, cell.module.att.out_proj, f"{cell.path}.att.out_proj"
    source, size = cell.here("att.concat"), config.head_size
    block = f"Block {cell.block + 1}"
    if row == config.n_head:
        bias = float(layer.bias[feature])
        return _answer(
            cell,
            shown=bias,
            value=bias,
            sentence=f"{block}: the output projection's bias for feature {feature}, which belongs to no head.",
            formula="b_j",
            numbers=f"b_{{{feature}}}",
            code=f"{path}.bias[{feature}]",
            operands={"number": np.array([bias])},
            names=("bias",),
        )
    x, w = cell.trace[source][item, token], layer.weight[:, feature].detach()
    if row < config.n_head:
        mine = slice(row * size, (row + 1) * size)
        return _dot(
            cell,
            ("x", _numbers(x[mine])),
            ("W", _numbers(w[mine])),
            _channels(cell, [row]),
            shown=x[mine] @ w[mine],
            formula=r"o^{(h)}_{t,j} = \sum_{c\, \in\, \text{head } h} \mathrm{concat}_{t,c}\, W_{c,j}",
            sentence=f"{block}: head {row + 1}'s share of feature {feature}, its {size} channels times its rows of the output "
            "projection, added up.",
            code=f"{_at(source, item, token, f'{mine.start}:{mine.stop}')} @ "
            f"{path}.weight[{mine.start}:{mine.stop}, {feature}]",
        )
    parts = (_numbers(x) * _numbers(w)).reshape(config.n_head, size).sum(axis=1)
    parts = np.append(parts, float(layer.bias[feature]))
    whole = cell.here("att_out")
    added = _answer(
        cell,
        shown=cell.trace[whole][item, token, feature],
        value=parts.sum(),
        sentence=f"{block}: the shares of all {config.n_head} heads and the bias, added: feature {feature} of what attention "
        "puts out.",
        formula=r"o_{t,j} = \sum_h o^{(h)}_{t,j} + b_j",
        numbers=_sum(parts, lambda n: signed(parts[n])),
        code=f"{_at(source, item, token)} @ {path}.weight[:, {feature}] + {path}.bias[{feature}]",
        operands={"share": parts},
        names=(*(f"head {h + 1}" for h in range(config.n_head)), "bias"),
    )
    return _noted(cell.trace, whole, added)


# --- shortcuts, feed-forward, output ---------------------------------------------------------------------------------------


def _shortcut(cell: Cell) -> Recomputation:
    first = cell.kind == "shortcut1"
    entering = stream_in(cell.block) if first else cell.here("shortcut1")
    change = cell.here("drop1" if first else "drop2")
    layer = "attention" if first else "the feed-forward layer"
    return _plus(
        cell,
        (entering, change),
        r"x'_{t,j} = x_{t,j} + \Delta_{t,j}",
        f"{cell.where}what went round {layer} plus what came out of it: two numbers, added.",
    )


def _hidden(cell: Cell) -> Recomputation:
    _, token, unit = cell.index
    return _linear(
        cell,
        cell.here("norm2"),
        "ff.expand",
        unit,
        [f"feature {n}" for n in range(cell.trace.config.n_embd)],
        formula=r"h_{t,u} = \sum_j y_{t,j}\, W_{j,u}",
        sentence=f"row {token} of the normalised stream times column {unit} of the expanding matrix",
    )


def _active(cell: Cell) -> Recomputation:
    source = cell.here("ff.hidden")
    x = float(cell.trace[source][cell.index])
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    bent = math.tanh(inner)
    return _answer(
        cell,
        value=0.5 * x * (1 + bent),
        sentence=f"{cell.where}unit {cell.index[-1]} bent by GELU (tanh form): the number times a factor between 0 and 1, here "
        f"{0.5 * (1 + bent):.3f}.",
        formula=r"\mathrm{GELU}(x) = \tfrac{1}{2}\, x \bigl(1 + \tanh\bigl(\sqrt{2/\pi}\, (x + 0.044715\, x^3)\bigr)\bigr)",
        numbers=rf"\tfrac{{1}}{{2}} \cdot {signed(x)} \cdot \bigl(1 + \tanh\bigl(\sqrt{{2/\pi}} \cdot "
        rf"({number(x)} + 0.044715 \cdot ({number(x)})^3)\bigr)\bigr)",
        code=f'F.gelu({_at(source, *cell.index)}, approximate="tanh")',
        operands={"number": np.array([x, inner, bent])},
        names=("x", "inside tanh", "tanh"),
    )


def _ff_out(cell: Cell) -> Recomputation:
    _, token, feature = cell.index
    return _linear(
        cell,
        cell.here("ff.active"),
        "ff.contract",
        feature,
        [f"unit {n}" for n in range(cell.trace.config.hidden_size)],
        formula=r"\mathrm{ff}_{t,j} = \sum_u g_{t,u}\, W_{u,j}",
        sentence=f"row {token} of the units after GELU times column {feature} of the contracting matrix",
    )


def _unit_out(cell: Cell) -> Recomputation:
    item, token, unit, feature = cell.index
    point = cell.here("ff.active")
    active = cell.trace[point][item, token, unit]
    weight = cell.trace.model.blocks[cell.block].ff.contract.weight[unit, feature].detach()
    return _answer(
        cell,
        shown=active * weight,
        value=float(active) * float(weight),
        sentence=f"Block {cell.block + 1}: what hidden unit {unit} adds to feature {feature} of token {token}, "
        "its activation times its row of the contracting matrix.",
        formula=r"g_{t,u}\, W_{u,j}",
        numbers=rf"{signed(float(active))} \cdot {signed(float(weight))}",
        code=f"{_at(point, item, token, unit)} * model.blocks[{cell.block}].ff.contract.weight[{unit}, {feature}]",
        operands={"number": np.array([float(active), float(weight)])},
        names=("activation", "weight"),
    )


def _logits(cell: Cell) -> Recomputation:
    item, token, word = cell.index
    config, model = cell.trace.config, cell.trace.model
    table, path = ("token table", "model.tok_emb") if config.tied_head else ("output head", "model.out_head")
    return _dot(
        cell,
        ("x", _numbers(cell.trace["final_norm"][item, token])),
        ("W", _numbers(model.out_head.weight[word])),
        [f"feature {n}" for n in range(config.n_embd)],
        formula=r"\mathrm{logit}_{t,w} = \sum_j y_{t,j}\, W_{w,j}",
        sentence=f"Row {token} of the normalised stream times row {word} of the {table}: {config.n_embd} products, added up.",
        code=f"{_at('final_norm', item, token)} @ {path}.weight[{word}]",
    )


def _logit_part(cell: Cell) -> Recomputation:
    item, token, word, feature = cell.index
    table, path = ("token table", "model.tok_emb") if cell.trace.config.tied_head else ("output head", "model.out_head")
    number_, weight = cell.trace["final_norm"][item, token, feature], cell.trace.model.out_head.weight[word, feature].detach()
    return _answer(
        cell,
        shown=number_ * weight,
        value=float(number_) * float(weight),
        sentence=f"What feature {feature} of row {token} adds to the logit of word {word}: its number times that of row {word} of "
        f"the {table}.",
        formula=r"y_{t,j}\, W_{w,j}",
        numbers=rf"{signed(float(number_))} \cdot {signed(float(weight))}",
        code=f"{_at('final_norm', item, token, feature)} * {path}.weight[{word}, {feature}]",
        operands={"number": np.array([float(number_), float(weight)])},
        names=("row of the stream", "row of the table"),
    )


def _exponential(cell: Cell) -> Recomputation:
    item, token, word = cell.index
    logits = cell.trace["logits"][item, token].detach()
    top = logits.max()
    return _answer(
        cell,
        shown=(logits[word] - top).exp(),
        value=math.exp(float(logits[word]) - float(top)),
        sentence=f"e to the power of the logit of word {word}, from which the largest of the row was taken off.",
        formula=r"e^{\mathrm{logit}_w - \max_k \mathrm{logit}_k}",
        numbers=rf"e^{{{number(float(logits[word]))} - {signed(float(top))}}}",
        code=f"({_at('logits', item, token)}[{word}] - {_at('logits', item, token)}.max()).exp()",
        operands={"logit": np.array([float(logits[word]), float(top)])},
        names=(f"word {word}", "the largest"),
    )


def _probabilities(cell: Cell) -> Recomputation:
    item, token, word = cell.index
    row = cell.trace["logits"][item, token].detach().numpy()
    logits = row.astype(np.float64)
    top = logits.max()
    raised = np.exp(logits - top)
    total = raised.sum()
    listed = np.argpartition(-logits, WORDS)[:WORDS] if len(logits) > WORDS + 1 else np.arange(len(logits))
    listed = listed[np.argsort(-logits[listed], kind="stable")].tolist()
    if word not in listed:
        listed.append(word)
    names = [f"{n} {cell.trace.word(n)}" for n in listed]
    columns = {"logit": logits[listed], "exp(logit - max)": raised[listed]}
    if rest := len(logits) - len(listed):
        names.append(f"the other {rest:,} words")
        unlisted = {"logit": np.nan, "exp(logit - max)": total - raised[listed].sum()}
        columns = {title: np.append(column, unlisted[title]) for title, column in columns.items()}
    return _answer(
        cell,
        shown=sampling.softmax(row)[word].astype(np.float32),
        value=raised[word] / total,
        sentence=f"The share of word {word}: e to its logit, divided by the sum of that over all {len(logits):,} words. "
        "The largest logit is taken off first, which changes no share.",
        formula=r"P_w = \frac{e^{\mathrm{logit}_w - \max_k \mathrm{logit}_k}}{\sum_v e^{\mathrm{logit}_v - \max_k \mathrm{logit}_k}}",
        numbers=_share(logits, raised, word),
        code=f"{_at('logits', item, token)}.softmax(-1)[{word}]",
        operands=columns,
        names=tuple(names),
    )


# --- what stages derive at any point ---------------------------------------------------------------------------------------


def _cosine(cell: Cell) -> Recomputation:
    *leading, a, b = cell.index
    rows = cell.trace[cell.base][tuple(leading)].detach()[[a, b]]
    x, y = _numbers(rows)
    left, right = (_at(cell.base, *leading, row) for row in (a, b))
    lengths = np.linalg.norm(x), np.linalg.norm(y)
    products = x * y
    dot = products.sum()
    return _answer(
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


def _mask(cell: Cell) -> Recomputation:
    p = cell.trace.dropout
    formula = r"f = \begin{cases} \dfrac{1}{1-p} & u \ge p \\ 0 & u < p \end{cases}"
    if not p:
        return _answer(
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
    u, kept, compared, keeps = _luck(cell, cell.base)
    return _answer(
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


def _stream(cell: Cell) -> Recomputation:
    item, token, row, feature = cell.index
    found = recompute(cell.trace, stream_in(row), (item, token, feature))
    return replace(found, point=cell.point, index=cell.index)


RECIPES: dict[str, Callable[[Cell], Recomputation]] = {
    "ids": _ids,
    "tok_emb": _tok_emb,
    "pos_emb": _pos_emb,
    "input_emb": _input_emb,
    "drop_emb": _dropout,
    "norm1": _layer_norm,
    "att.query": _projection,
    "att.key": _projection,
    "att.value": _projection,
    "att.scores": _scores,
    "att.scaled": _scaled,
    "att.masked": _masked,
    "att.weights": _weights,
    "att.dropped": _dropout,
    "att.context": _context,
    "att.concat": _concat,
    "att_out": _att_out,
    "drop1": _dropout,
    "shortcut1": _shortcut,
    "norm2": _layer_norm,
    "ff.hidden": _hidden,
    "ff.active": _active,
    "ff_out": _ff_out,
    "drop2": _dropout,
    "shortcut2": _shortcut,
    "final_norm": _layer_norm,
    "logits": _logits,
    "cosine": _cosine,
    "normalised": _inner_norm,
    "mask": _mask,
    "head_out": _head_out,
    "weighted_value": _weighted_value,
    "unit_out": _unit_out,
    "moments": _moments,
    "logit_part": _logit_part,
    "exponential": _exponential,
    "probabilities": _probabilities,
    "stream": _stream,
}
"""The recipe of every point, named without its block, and of every derived one, named by what stands before the colon."""
