"""From ids to the residual stream: look-ups, sums, dropout, shortcuts."""

import numpy as np

from .. import tokenizer, verbatim
from ..hooks import noise
from ..points import dropout_site, stream_in
from .cell import Cell, Recomputation
from .latex import number, placed, signed
from .sums import answer, plus


def ids(cell: Cell) -> Recomputation:
    item, token = cell.index
    row = int(cell.trace.ids[item, token])
    if row >= tokenizer.SIZE:
        return answer(
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
    return answer(
        cell,
        value=value,
        sentence=f"Token {token} is a piece of {size}; in the vocabulary of {encoding.n_vocab:,} pieces its number is {value}.",
        formula=r"\mathrm{id} = \mathrm{vocabulary}[\text{piece}]",
        numbers=rf"\mathrm{{vocabulary}}[\text{{{verbatim.latex(piece)}}}]",
        code=f"trace.ids[{item}, {token}]",
        operands={"byte": np.array(list(raw), dtype=np.float64)},
        names=tuple(tokenizer.printable(bytes([byte])) for byte in raw),
    )


def tok_emb(cell: Cell) -> Recomputation:
    item, token, feature = cell.index
    edited = "ids" in cell.trace.edited
    row = int((cell.trace["ids"] if edited else cell.trace.ids)[item, token])
    ids = placed("ids", item, token) if edited else f"trace.ids[{item}, {token}]"
    return answer(
        cell,
        value=float(cell.trace.model.tok_emb.weight[row, feature]),
        sentence=f"Column {feature} of row {row} of the token table: looked up, nothing to add.",
        formula=r"\mathrm{tok}_{t,j} = W_{\text{token}}[\mathrm{id}_t,\, j]",
        numbers=rf"W_{{\text{{token}}}}[{row},\, {feature}]",
        code=f"model.tok_emb.weight[{ids}, {feature}]",
        operands={"number": np.array([row, feature], dtype=np.float64)},
        names=("row: id of the token", "column: feature"),
    )


def pos_emb(cell: Cell) -> Recomputation:
    token, feature = cell.index
    return answer(
        cell,
        value=float(cell.trace.model.pos_emb.weight[token, feature]),
        sentence=f"Column {feature} of row {token} of the position table: looked up, the same whatever the text.",
        formula=r"\mathrm{pos}_{t,j} = W_{\text{position}}[t,\, j]",
        numbers=rf"W_{{\text{{position}}}}[{token},\, {feature}]",
        code=f"model.pos_emb.weight[{token}, {feature}]",
        operands={"number": np.array([token, feature], dtype=np.float64)},
        names=("row: position", "column: feature"),
    )


def input_emb(cell: Cell) -> Recomputation:
    return plus(
        cell,
        ("tok_emb", "pos_emb"),
        r"x_{t,j} = \mathrm{tok}_{t,j} + \mathrm{pos}_{t,j}",
        "What the token says plus what its place says: two numbers, added.",
    )


DROPPED_FROM = {"drop_emb": "input_emb", "att.dropped": "att.weights", "drop1": "att_out", "drop2": "ff_out"}
"""What each dropout reads, within its block."""


def luck(cell: Cell, point: str) -> tuple[float, bool, str, str]:
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


def dropout(cell: Cell) -> Recomputation:
    source = DROPPED_FROM[cell.kind]
    source = source if cell.block is None else cell.here(source)
    p = cell.trace.dropout
    x = float(cell.trace[source][cell.index])
    formula = r"y = \begin{cases} \dfrac{x}{1-p} & u \ge p \\ 0 & u < p \end{cases}"
    code = placed(source, *cell.index)
    if not p:
        return answer(
            cell,
            value=x,
            sentence=f"{cell.where}dropout is off, so the number passes unchanged.",
            formula=formula,
            numbers=r"p = 0: \quad y = x",
            code=code,
            operands={"number": np.array([x])},
            names=(source,),
        )
    u, kept, compared, keeps = luck(cell, cell.point)
    return answer(
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


def shortcut(cell: Cell) -> Recomputation:
    first = cell.kind == "shortcut1"
    entering = stream_in(cell.block) if first else cell.here("shortcut1")
    change = cell.here("drop1" if first else "drop2")
    layer = "attention" if first else "the feed-forward layer"
    return plus(
        cell,
        (entering, change),
        r"x'_{t,j} = x_{t,j} + \Delta_{t,j}",
        f"{cell.where}what went round {layer} plus what came out of it: two numbers, added.",
    )
