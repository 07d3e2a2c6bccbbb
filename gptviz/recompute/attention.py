"""Queries, keys and values, scores, mask, shares, mixes, and what each head adds."""

import math
from collections.abc import Sequence

import numpy as np

from .cell import Cell, Recomputation, noted
from .latex import long_share, long_sum, number, placed, signed
from .sums import answer, dot_product, doubles, linear, times


def projection(cell: Cell) -> Recomputation:
    """Query, key or value: one column of the fused matrix, whose columns are Q's, then K's, then V's."""
    _, head, token, channel = cell.index
    config = cell.trace.config
    third = ("att.query", "att.key", "att.value").index(cell.kind)
    letter, offset = "QKV"[third], ("", "d + ", "2d + ")[third]
    column = third * config.n_embd + head * config.head_size + channel
    return linear(
        cell,
        cell.here("norm1"),
        "att.qkv",
        column,
        [f"feature {n}" for n in range(config.n_embd)],
        formula=rf"{letter.lower()}_{{t,c}} = \sum_j y_{{t,j}}\, W_{{j,\; {offset}h\, d_{{\text{{head}}}} + c}}",
        sentence=f"row {token} of the normalised stream times column {column} of the fused Q K V matrix "
        f"(column {head * config.head_size + channel} of its {letter} part)",
    )


def scores(cell: Cell) -> Recomputation:
    item, head, query, key = cell.index
    q, k = cell.here("att.query"), cell.here("att.key")
    size = cell.trace.config.head_size
    return dot_product(
        cell,
        ("q", doubles(cell.trace[q][item, head, query])),
        ("k", doubles(cell.trace[k][item, head, key])),
        [f"channel {n}" for n in range(size)],
        formula=r"s_{i,j} = q_i \cdot k_j = \sum_c q_{i,c}\, k_{j,c}",
        sentence=f"{cell.where}row {query} of Q times row {key} of K: {size} products, added up.",
        code=f"{placed(q, item, head, query)} @ {placed(k, item, head, key)}",
    )


def scaled(cell: Cell) -> Recomputation:
    source = cell.here("att.scores")
    size = cell.trace.config.head_size
    score = float(cell.trace[source][cell.index])
    return answer(
        cell,
        value=score / math.sqrt(size),
        sentence=f"{cell.where}the score divided by the square root of the head's size, {size}.",
        formula=r"s'_{i,j} = \frac{s_{i,j}}{\sqrt{d_{\text{head}}}}",
        numbers=rf"\frac{{{number(score)}}}{{\sqrt{{{size}}}}}",
        code=f"{placed(source, *cell.index)} / math.sqrt(model.config.head_size)",
        operands={"number": np.array([score, size])},
        names=("score", "size of the head"),
    )


def masked(cell: Cell) -> Recomputation:
    query, key = cell.index[-2:]
    source = cell.here("att.scaled")
    scaled = float(cell.trace[source][cell.index])
    future = key > query
    sign = ">" if future else r"\le"
    return answer(
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
        code=f"-math.inf if {key} > {query} else {placed(source, *cell.index)}",
        operands={"number": np.array([scaled, key, query], dtype=np.float64)},
        names=("scaled score", "key j", "query i"),
    )


def weights(cell: Cell) -> Recomputation:
    item, head, query, key = cell.index
    source = cell.here("att.masked")
    scores = doubles(cell.trace[source][item, head, query])
    read = [n for n in range(len(scores)) if scores[n] > -np.inf or n == key]
    scores = scores[read]
    top = scores.max()
    raised = np.exp(scores - top)
    total = raised.sum()
    at = read.index(key)
    return answer(
        cell,
        value=raised[at] / total,
        sentence=f"{cell.where}the share of token {key} in what token {query} reads: e to its score, divided by the sum of "
        f"that over all tokens read ({len(read)}). The largest score is taken off first, which changes no share."
        if scores[at] > -np.inf
        else f"{cell.where}token {key} is masked for token {query}: e to minus infinity is 0, so its share is 0.",
        formula=r"a_{i,j} = \frac{e^{m_{i,j} - \max_k m_{i,k}}}{\sum_k e^{m_{i,k} - \max_k m_{i,k}}}",
        numbers=long_share(scores, raised, at),
        code=f"{placed(source, item, head, query)}.softmax(-1)[{key}]",
        operands={"score": scores, "exp(score - max)": raised},
        names=tuple(cell.label(n) for n in read),
    )


def context(cell: Cell) -> Recomputation:
    item, head, query, channel = cell.index
    weights, values = cell.here("att.dropped"), cell.here("att.value")
    shares = doubles(cell.trace[weights][item, head, query])
    mixed = doubles(cell.trace[values][item, head, :, channel])
    read = [n for n in range(len(shares)) if n <= query or shares[n]]
    return dot_product(
        cell,
        ("weight", shares[read]),
        ("v", mixed[read]),
        [cell.label(n) for n in read],
        formula=r"z_{i,c} = \sum_j \tilde a_{i,j}\, v_{j,c}",
        sentence=f"{cell.where}channel {channel} of the values, mixed with token {query}'s attention weights: "
        f"{len(read)} {'products' if len(read) > 1 else 'product'}, added up.",
        code=f"{placed(weights, item, head, query)} @ {placed(values, item, head, ':', channel)}",
    )


def weighted_value(cell: Cell) -> Recomputation:
    item, head, query, key, channel = cell.index
    weights, values = cell.here("att.dropped"), cell.here("att.value")
    share, v = cell.trace[weights][item, head, query, key], cell.trace[values][item, head, key, channel]
    return times(
        cell,
        share,
        v,
        sentence=f"Block {cell.block + 1}, head {head + 1}: what token {key} hands to token {query} in channel {channel}, "
        "its attention weight times its value.",
        formula=r"\tilde a_{i,j}\, v_{j,c}",
        code=f"{placed(weights, item, head, query, key)} * {placed(values, item, head, key, channel)}",
        names=("attention weight", "value"),
    )


def concat(cell: Cell) -> Recomputation:
    item, token, feature = cell.index
    source = cell.here("att.context")
    head, channel = divmod(feature, cell.trace.config.head_size)
    value = float(cell.trace[source][item, head, token, channel])
    return answer(
        cell,
        value=value,
        sentence=f"{cell.where}the heads stand side by side, so feature {feature} is a copy: "
        f"channel {channel} of head {head + 1}.",
        formula=r"\mathrm{concat}_{t,\; h\, d_{\text{head}} + c} = z^{(h)}_{t,c}",
        numbers=rf"z^{{(\text{{head }}{head + 1})}}_{{{token},\,{channel}}}",
        code=placed(source, item, head, token, channel),
        operands={"number": np.array([value])},
        names=(f"head {head + 1}, channel {channel}",),
    )


def channels(cell: Cell, heads: Sequence[int]) -> list[str]:
    return [f"head {h + 1}, channel {c}" for h in heads for c in range(cell.trace.config.head_size)]


def att_out(cell: Cell) -> Recomputation:
    _, token, feature = cell.index
    return linear(
        cell,
        cell.here("att.concat"),
        "att.out_proj",
        feature,
        channels(cell, range(cell.trace.config.n_head)),
        formula=r"o_{t,j} = \sum_c \mathrm{concat}_{t,c}\, W_{c,j}",
        sentence=f"row {token} of the heads side by side times column {feature} of the output projection",
    )


def head_out(cell: Cell) -> Recomputation:
    """One head's share of the attention output, the bias, or all of them added."""
    item, token, row, feature = cell.index
    config, layer, path = cell.trace.config, cell.module.att.out_proj, f"{cell.path}.att.out_proj"
    source, size = cell.here("att.concat"), config.head_size
    block = f"Block {cell.block + 1}"
    if row == config.n_head:
        bias = float(layer.bias[feature])
        return answer(
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
        return dot_product(
            cell,
            ("x", doubles(x[mine])),
            ("W", doubles(w[mine])),
            channels(cell, [row]),
            shown=x[mine] @ w[mine],
            formula=r"o^{(h)}_{t,j} = \sum_{c\, \in\, \text{head } h} \mathrm{concat}_{t,c}\, W_{c,j}",
            sentence=f"{block}: head {row + 1}'s share of feature {feature}, its {size} channels times its rows of the output "
            "projection, added up.",
            code=f"{placed(source, item, token, f'{mine.start}:{mine.stop}')} @ "
            f"{path}.weight[{mine.start}:{mine.stop}, {feature}]",
        )
    parts = (doubles(x) * doubles(w)).reshape(config.n_head, size).sum(axis=1)
    parts = np.append(parts, float(layer.bias[feature]))
    whole = cell.here("att_out")
    added = answer(
        cell,
        shown=cell.trace[whole][item, token, feature],
        value=parts.sum(),
        sentence=f"{block}: the shares of all {config.n_head} heads and the bias, added: feature {feature} of what attention "
        "puts out.",
        formula=r"o_{t,j} = \sum_h o^{(h)}_{t,j} + b_j",
        numbers=long_sum(parts, lambda n: signed(parts[n])),
        code=f"{placed(source, item, token)} @ {path}.weight[:, {feature}] + {path}.bias[{feature}]",
        operands={"share": parts},
        names=(*(f"head {h + 1}" for h in range(config.n_head)), "bias"),
    )
    return noted(cell.trace, whole, added)
