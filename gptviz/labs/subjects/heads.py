"""What the heads of a model do on one sentence: how much of their weight lies where, and which head is looked at.

A pattern is a set of cells (query, key) of an attention map. A head's score for it is the mean, over the rows that have such
cells, of the weight in them. Nothing here is a property of a head: another sentence, other numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import tokenizer, trace
from ...figures.matrix import MASKED, Panel
from ...words import percent
from ..lab import Control, Setting

FIRST_ROW = 2  # the first row in which the first token, the previous token and the token itself are three different keys
HALF = 0.5  # of a row's weight: from here on a head is named after the pattern
BROAD = 0.9  # of the largest possible entropy: from here on a head without a pattern is called broad
WINDOW = 24  # tokens of one head in the picture of all heads

PATTERNS: Mapping[str, str] = {
    "previous": "the token before",
    "first": "the first token",
    "self": "the token itself",
    "same": "earlier copies of the same token",
    "after": "what followed an earlier copy",
}
"""Name of a pattern -> what such a head reads, as the end of "reads mostly ..."."""

RANKED: Mapping[str, str] = {
    "previous": "previous token",
    "first": "first token",
    "self": "itself",
    "same": "same token before",
    "after": "after same token",
    "broad": "broad (entropy)",
}
"""Everything heads can be ranked by -> its short name."""


def cells(ids: Sequence[int]) -> dict[str, np.ndarray]:
    """Pattern -> the cells it counts, (query, key) of bool. Rows before FIRST_ROW count for no fixed place."""
    row = np.asarray(ids)
    query, key = np.indices((len(row), len(row)))
    late = query >= FIRST_ROW
    same = row[:, None] == row[None, :]
    follows = np.zeros_like(same)
    follows[:, 1:] = same[:, :-1]  # key k stands right after a copy of the query's token
    return {
        "previous": late & (key == query - 1),
        "first": late & (key == 0),
        "self": late & (key == query),
        "same": same & (key < query),
        "after": follows & (key < query),
    }


def scores(weights: np.ndarray, ids: Sequence[int]) -> dict[str, np.ndarray]:
    """Attention weights (head, query, key) -> for each pattern, and "broad", one number a head; NaN when no row counts.

    broad: a row's entropy divided by the logarithm of the number of tokens it may read, mean over the rows from FIRST_ROW on:
    1 is an even spread, 0 is all weight on one token.
    """
    found = {}
    for name, counted in cells(ids).items():
        rows = counted.any(1)
        taken = np.where(counted[rows], weights[:, rows], 0).sum(2)
        found[name] = taken.mean(1) if rows.any() else np.full(len(weights), np.nan)
    late = weights[:, FIRST_ROW:].astype(np.float64)
    entropy = -(late * np.log(np.where(late > 0, late, 1))).sum(2)
    most = np.log(np.arange(FIRST_ROW + 1, weights.shape[1] + 1))
    found["broad"] = (entropy / most).mean(1) if late.shape[1] else np.full(len(weights), np.nan)
    return found


def even(ids: Sequence[int]) -> dict[str, float]:
    """The score of a head that spreads every row evenly over the tokens it may read; NaN when no row counts."""
    size = len(ids)
    flat = np.tril(np.ones((1, size, size))) / np.arange(1, size + 1)[:, None]
    return {name: float(values[0]) for name, values in scores(flat, ids).items()}


@dataclass(frozen=True, eq=False)
class Survey:
    """All heads on one sentence. scores: name -> (block, head). even: name -> score of an even spread. rows: name -> how many
    rows count. window: (block, head, query, key) the weights of the tokens from `start` on."""

    scores: Mapping[str, np.ndarray]
    even: Mapping[str, float]
    rows: Mapping[str, int]
    window: np.ndarray
    start: int

    @property
    def nbytes(self) -> int:
        return self.window.nbytes

    def best(self, block: int, head: int) -> str:
        """The pattern that holds the most of this head's weight; "" when no row counts for any."""
        known = {name: self.scores[name][block, head] for name in PATTERNS if np.isfinite(self.scores[name][block, head])}
        return max(known, key=known.get) if known else ""

    def name(self, block: int, head: int) -> str:
        """The pattern with at least HALF of this head's weight, else "broad" from BROAD on, else ""."""
        best = self.best(block, head)
        if best and self.scores[best][block, head] >= HALF:
            return best
        return "broad" if self.scores["broad"][block, head] >= BROAD else ""

    def ranking(self, name: str) -> list[tuple[int, int]]:
        """(block, head) of every head, the highest score first; heads without a score in their own order."""
        values = self.scores[name]
        order = np.argsort(-np.nan_to_num(values, nan=-1.0).ravel(), kind="stable")
        return [divmod(int(n), values.shape[1]) for n in order]


def survey(setting: Setting, start: int = 0) -> Survey:
    """Every head's scores on the whole sentence, and its weights among the WINDOW tokens from `start` on."""
    ids = setting.ids
    shown = slice(start, start + WINDOW)

    def make() -> Survey:
        made = trace.run(setting.model, ids, points=["blocks.*.att.weights"], edits=setting.edits)
        maps = [made.array(f"blocks.{block}.att.weights")[0] for block in range(setting.config.n_layer)]
        by_block = []
        for block, weights in enumerate(maps):
            setting.told(block / len(maps))
            by_block.append(scores(weights, ids))
        return Survey(
            scores={name: np.stack([found[name] for found in by_block]) for name in RANKED},
            even=even(ids),
            rows={name: int(counted.any(1).sum()) for name, counted in cells(ids).items()},
            window=np.stack([weights[:, shown, shown] for weights in maps]),
            start=start,
        )

    return setting.once(("heads", setting.model_key, ids, start), make)


def sentence(found: Survey, block: int, head: int) -> str:
    """One head in plain words, with its numbers on this sentence."""
    who = f"Block {block + 1}, head {head + 1}"
    best = found.best(block, head)
    if not best:
        return f"{who}: three tokens are needed before the first, the previous and the token itself are three different ones."
    share, usual = found.scores[best][block, head], found.even[best]
    where = f"{percent(share)} of a row on average, where an even spread would leave {percent(usual)}"
    rows = f"{found.rows[best]} row{'s' if found.rows[best] > 1 else ''}"
    match found.name(block, head):
        case "":
            return f"{who} follows none of these patterns here. It reads {PATTERNS[best]} most: {where} ({rows})."
        case "broad":
            spread = percent(found.scores["broad"][block, head])
            return f"{who} reads broadly: its rows reach {spread} of the entropy of an even spread."
        case _:
            return f"{who} reads mostly {PATTERNS[best]}: {where} ({rows})."


def quoted(setting: Setting, token: int) -> str:
    """A token in a sentence: its printable text in quotation marks."""
    return f'"{tokenizer.printable(setting.ids[token])}"'


# which head -----------------------------------------------------------------------------------------------------------


def head_control(setting: Setting, start: str = "previous") -> Control:
    """One choice for block and head, "block.head" counted from 1. Starts at the head with the highest score for a pattern."""
    block, head = first_head(setting, start)
    return head_choice(setting, block, head)


def first_head(setting: Setting, start: str = "previous") -> tuple[int, int]:
    """(block, head) that scores highest for a pattern, counted from 0."""
    return survey(setting).ranking(start)[0]


@dataclass(frozen=True)
class Match:
    """A query and a key that fit: both tokens' rows, and the head, counted from 0."""

    block: int
    head: int
    query: int
    key: int


def match(setting: Setting) -> Match:
    """The pair that shows best what a score is: the last token and an earlier one, in the head whose score for them is the highest of
    its row and of all heads. Without an earlier token, itself."""

    def make() -> Match:
        names = [f"blocks.{block}.att.{name}" for block in range(setting.config.n_layer) for name in ("query", "key")]
        made = trace.run(setting.model, setting.ids, points=names, edits=setting.edits)
        last = len(setting.ids) - 1
        found, best = Match(0, 0, last, max(0, last - 1)), -np.inf
        for block in range(setting.config.n_layer):
            queries, keys = (made.array(f"blocks.{block}.att.{name}")[0] for name in ("query", "key"))
            scores = np.einsum("hc,hkc->hk", queries[:, last], keys)
            for head, row in enumerate(scores):
                key = int(row.argmax())
                if key < last and row[key] > best:
                    best, found = float(row[key]), Match(block, head, last, key)
        return found

    return setting.once(("match", setting.model_key, setting.ids), make)


def head_choice(setting: Setting, block: int, head: int) -> Control:
    """One choice for block and head, "block.head" counted from 1, that starts at these, counted from 0."""
    config = setting.config
    return Control(
        "head",
        "Head",
        "choice",
        default=f"{block + 1}.{head + 1}",
        options=tuple(f"{block + 1}.{head + 1}" for block in range(config.n_layer) for head in range(config.n_head)),
        show=lambda option: "block {}, head {}".format(*option.split(".")),
        help=f"{config.n_layer} blocks in series, {config.n_head} heads side by side in each.",
    )


def token_control(setting: Setting, name: str, label: str, token: int) -> Control:
    """A choice of one token of the sentence; token: where it starts."""
    names = setting.labels()
    return Control(name, label, "choice", default=token, options=tuple(range(len(names))), show=lambda n: names[n])


def chosen_head(setting: Setting) -> tuple[int, int]:
    """(block, head), counted from 0."""
    block, head = map(int, setting["head"].split("."))
    return block - 1, head - 1


def attention(setting: Setting, *names: str) -> tuple[np.ndarray, ...]:
    """The model's own tensors of the chosen head at these points, such as "scaled": (query, key) or (token, channel)."""
    block, head = chosen_head(setting)
    points = [f"blocks.{block}.att.{name}" for name in names]
    made = setting.trace(points=points)
    return tuple(made.array(point)[0, head] for point in points)


def place(setting: Setting, name: str, row: int | None = None, columns: tuple[int, ...] | None = None) -> dict[str, Any]:
    """Where the numbers of a panel live, for a point of the chosen head such as "weights": of one row where it is given, and of some
    columns of it."""
    block, head = chosen_head(setting)
    rows = None if row is None else (row,)
    return {"point": f"blocks.{block}.att.{name}", "prefix": (0, head), "row_index": rows, "column_index": columns}


def future(size: int) -> np.ndarray:
    """Marks of the cells above the diagonal, which the model may not read: (query, key)."""
    return MASKED * np.triu(np.ones((size, size), dtype=np.uint8), 1)


def unread(weights: np.ndarray) -> np.ndarray:
    """(..., query, key): marks of what the pass did not let be read, which has the weight 0. Where an edit takes the mask away that is
    nothing."""
    later = np.triu(np.ones(weights.shape[-2:], dtype=bool), 1)
    return MASKED * (later & (weights == 0)).astype(np.uint8)


def weights_panel(setting: Setting, title: str, values: np.ndarray, **options) -> Panel:
    """One attention map of this sentence: row = the token that reads, column = the token it reads from."""
    names = setting.labels()
    options = {"marks": unread(values)} | options
    return Panel(
        title=title,
        values=values,
        rows=names,
        columns=names,
        row_axis="query: reads",
        column_axis="key: is read",
        kind="weight",
        part="attention",
        **options,
    )
