"""Logits, what they are made of, and probabilities."""

import math

import numpy as np

from .. import sampling
from .cell import Cell, Recomputation
from .latex import WORDS, long_share, number, placed, signed
from .sums import answer, dot_product, doubles, times


def logits(cell: Cell) -> Recomputation:
    item, token, word = cell.index
    config, model = cell.trace.config, cell.trace.model
    table, path = ("token table", "model.tok_emb") if config.tied_head else ("output head", "model.out_head")
    return dot_product(
        cell,
        ("x", doubles(cell.trace["final_norm"][item, token])),
        ("W", doubles(model.out_head.weight[word])),
        [f"feature {n}" for n in range(config.n_embd)],
        formula=r"\mathrm{logit}_{t,w} = \sum_j y_{t,j}\, W_{w,j}",
        sentence=f"Row {token} of the normalised stream times row {word} of the {table}: {config.n_embd} products, added up.",
        code=f"{placed('final_norm', item, token)} @ {path}.weight[{word}]",
    )


def logit_part(cell: Cell) -> Recomputation:
    item, token, word, feature = cell.index
    table, path = ("token table", "model.tok_emb") if cell.trace.config.tied_head else ("output head", "model.out_head")
    number_, weight = cell.trace["final_norm"][item, token, feature], cell.trace.model.out_head.weight[word, feature].detach()
    return times(
        cell,
        number_,
        weight,
        sentence=f"What feature {feature} of row {token} adds to the logit of word {word}: its number times that of row {word} of "
        f"the {table}.",
        formula=r"y_{t,j}\, W_{w,j}",
        code=f"{placed('final_norm', item, token, feature)} * {path}.weight[{word}, {feature}]",
        names=("row of the stream", "row of the table"),
    )


def exponential(cell: Cell) -> Recomputation:
    item, token, word = cell.index
    logits = cell.trace["logits"][item, token].detach()
    top = logits.max()
    return answer(
        cell,
        shown=(logits[word] - top).exp(),
        value=math.exp(float(logits[word]) - float(top)),
        sentence=f"e to the power of the logit of word {word}, from which the largest of the row was taken off.",
        formula=r"e^{\mathrm{logit}_w - \max_k \mathrm{logit}_k}",
        numbers=rf"e^{{{number(float(logits[word]))} - {signed(float(top))}}}",
        code=f"({placed('logits', item, token)}[{word}] - {placed('logits', item, token)}.max()).exp()",
        operands={"logit": np.array([float(logits[word]), float(top)])},
        names=(f"word {word}", "the largest"),
    )


def probabilities(cell: Cell) -> Recomputation:
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
    return answer(
        cell,
        shown=sampling.softmax(row)[word].astype(np.float32),
        value=raised[word] / total,
        sentence=f"The share of word {word}: e to its logit, divided by the sum of that over all {len(logits):,} words. "
        "The largest logit is taken off first, which changes no share.",
        formula=r"P_w = \frac{e^{\mathrm{logit}_w - \max_k \mathrm{logit}_k}}{\sum_v e^{\mathrm{logit}_v - \max_k \mathrm{logit}_k}}",
        numbers=long_share(logits, raised, word),
        code=f"{placed('logits', item, token)}.softmax(-1)[{word}]",
        operands=columns,
        names=tuple(names),
    )
