"""Edits by name: plain words for what is changed in a pass, such as "head:5.1" or "no-mask", there and back.

A name is a kind, its place after a colon, and how it is changed after another where there is a choice:

    no-mask          no-mask:3        scores of later tokens are not hidden (in every block, in block 3)
    zero-mask        zero-mask:3      they become 0 before the softmax, in the place of minus infinity
    no-scale         no-scale:3       scores are not divided by sqrt(head size)
    head:5.1         head:5.1:mean    what head 1 of block 5 hands on is 0; is its mean over the sentence;
                     head:5.1:even    comes from equal weights on everything it may read
    attention:5      feed-forward:5   what the sublayer adds to the stream is 0 (:mean: its mean over the sentence)
    unit:5.17        unit:5.17:mean   feed-forward unit 17 (counted from 0) of block 5
    norm:3.1         norm:final       the LayerNorm hands on what it is given (3.1: before attention, 3.2: before feed-forward)
    post-norm                         every LayerNorm stands behind its sum, and none at the end
    shortcut:2.2                      the sum takes what its sublayer made, alone (2.1: around attention)
    block:4                           the block hands on what it is given
    position         position:100     the position vectors are 0; token t gets row t + 100 (position:mean: their mean)
    weight:5.1.3.2   weight:5.1.3.2:0.5  what token 3 gives token 2 in head 5.1 is 0, or that number; the rest of the row stays
    row:5.3:464-3797-3332-319        what block 5 hands on for token 3 is what it makes of these ids in that place (patching)
    entry:5.expand.3.17              the learned number in row 3 and column 17 of a matrix of block 5 counts as 0 (query, key, value,
                                     output, expand, contract: as in y = x W, rows are what goes in)
    table:464.17                     so does number 17 in the row of token 464 in the token table; where the output head is that table
                                     too, there as well

Blocks and heads count from 1, as readers see them, units, tokens, rows and columns from 0; `*` in the place of a block means every
block. No learned number is ever changed: a pass goes on as if it were.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from . import tokenizer
from .config import GPTConfig
from .hooks import Edit, Recorder, Using, recording, unknown
from .model import GPT, Attention
from .points import stream_in

MOST = 64  # edits in one pass
EVERY = "*"
FROM_0 = ("unit", "token", "query", "key", "row", "column")  # what counts from 0
MATRICES = ("query", "key", "value", "output", "expand", "contract")
"""The matrices of a block that hold an entry, in the order of the pass."""
OF_HEADS = MATRICES[:3]  # whose columns are divided among the heads
QUOTED = 24  # characters of another sentence that are said


@dataclass(frozen=True)
class Named:
    """One edit by name. kind: a key of KINDS. at: its place as it is written, () for the whole model. how: "" where there is
    no choice."""

    kind: str
    at: tuple[str, ...] = ()
    how: str = ""

    def __str__(self) -> str:
        how = "" if self.how == KINDS[self.kind].hows[0] else self.how
        return ":".join(filter(None, (self.kind, ".".join(self.at), how)))

    @property
    def words(self) -> str:
        """What is changed, to stand alone or in a list: "head 5.1 is off"."""
        kind = KINDS[self.kind]
        return kind.words(*self.at, how=self.how) if kind.has_ways else kind.words(*self.at)

    @property
    def first_row(self) -> int:
        """The first token it reaches: every row to the left is bit-equal, whatever the pass makes of it."""
        named = dict(zip(KINDS[self.kind].places, self.at))
        return int(named.get("query", named.get("token", 0)))


@dataclass(frozen=True)
class Kind:
    """What a kind of edit needs and does. places: the names of its numbers, such as ("block", "head"); optional: it can stand
    without. hows: the ways to do it, the usual one first; free: what else a way can be, as it is written from then on, or ValueError.
    make: (model, numbers from 0, how) -> hook edits, for one block
    where there is one. words: (*as written, how) -> what it does."""

    places: tuple[str, ...]
    make: Callable[..., Sequence[Edit]]
    words: Callable[..., str]
    optional: bool = False
    hows: tuple[str, ...] = ("",)
    free: Callable[[str], str] | None = None

    @property
    def has_ways(self) -> bool:
        return len(self.hows) > 1 or self.free is not None


# what each kind does --------------------------------------------------------------------------------------------------


def _mean(x: Tensor) -> Tensor:
    """(..., token, feature): every token gets the mean over all of them."""
    return x.mean(dim=-2, keepdim=True).expand_as(x)


def _part(change: Callable[[Tensor], Tensor], place: tuple) -> Callable[[Tensor], Tensor]:
    """A change of one part of a tensor, the rest left as it is."""

    def changed(x: Tensor) -> Tensor:
        x[place] = change(x[place])
        return x

    return changed


def _even(weights: Tensor) -> Tensor:
    """(..., query, key): every query reads all it may read, itself and what is before it, in equal parts."""
    size = weights.shape[-1]
    return torch.ones(size, size).tril().div(torch.arange(1, size + 1)[:, None]).expand_as(weights)


REPLACED = {"zero": torch.zeros_like, "mean": _mean}


def _head(model: GPT, block: int, head: int, how: str) -> list[Edit]:
    at = f"blocks.{block}.att."
    if how == "even":
        return [(at + "weights", _part(_even, (slice(None), head)))]
    return [(at + "context", _part(REPLACED[how], (slice(None), head)))]


def _sublayer(point: str) -> Callable[..., list[Edit]]:
    return lambda model, block, how: [(f"blocks.{block}.{point}", REPLACED[how])]


def _unit(model: GPT, block: int, unit: int, how: str) -> list[Edit]:
    return [(f"blocks.{block}.ff.active", _part(REPLACED[how], (..., slice(unit, unit + 1))))]


def _norm(model: GPT, block: int, which: int) -> list[Edit]:
    entering = stream_in(block) if which == 0 else f"blocks.{block}.shortcut1"
    return [(f"blocks.{block}.norm{which + 1}", entering)]


def _final_norm(model: GPT) -> list[Edit]:
    return [("final_norm", stream_in(model.config.n_layer))]


def _post_norm(model: GPT) -> list[Edit]:
    """Each LayerNorm, with its own scale and shift, moved from its sublayer's input to the sum behind it (Vaswani et al. 2017);
    that wiring has none after the last block."""
    found = _final_norm(model)
    for number, block in enumerate(model.blocks):
        found += [*_norm(model, number, 0), *_norm(model, number, 1)]
        found += [(f"blocks.{number}.shortcut1", block.norm1), (f"blocks.{number}.shortcut2", block.norm2)]
    return found


def _zero_mask(model: GPT, block: int) -> list[Edit]:
    return [(f"blocks.{block}.att.masked", lambda scores: scores.masked_fill(Attention.future(scores[0].mT), 0.0))]


def _position(model: GPT, how: str) -> list[Edit]:
    if how.isdecimal():
        return [("pos_emb", lambda rows: _rows(model, len(rows), int(how)))]
    return [("pos_emb", REPLACED[how])]


def _rows(model: GPT, tokens: int, by: int) -> Tensor:
    """Rows `by` to `by + tokens - 1` of the position table. Raises ValueError when it ends before."""
    size = model.config.context_length
    if by + tokens > size:
        raise ValueError(f"position:{by}: {tokens} tokens would need {by + tokens} rows, the position table has {size}")
    return model.pos_emb.weight[by : by + tokens]


def _weight(model: GPT, block: int, head: int, query: int, key: int, how: str) -> list[Edit]:
    def changed(weights: Tensor) -> Tensor:
        _reaches(f"weight:{block + 1}.{head + 1}.{query}.{key}", query, weights.shape[-2])
        weights[:, head, query, key] = 0.0 if how == "zero" else float(how)
        return weights

    return [(f"blocks.{block}.att.weights", changed)]


def _patch(model: GPT, block: int, token: int, how: str) -> list[Edit]:
    """A row as the model makes it of other ids, dropout off. What comes behind it there cannot reach it, and is not computed."""
    point = f"blocks.{block}.shortcut2"
    ids = torch.tensor([[int(one) for one in how.split("-")]])[:, : token + 1]

    def changed(x: Tensor) -> Tensor:
        _reaches(f"row:{block + 1}.{token}", token, x.shape[1])
        recorder = Recorder(model.config.sizes(*ids.shape), [point])
        with torch.inference_mode(), recording(recorder):
            model(ids)
        x[:, token] = recorder.tensors[point][0, token]
        return x

    return [(point, changed)]


class _Through(NamedTuple):
    """A matrix of a block: the points of what goes in and what comes out, and its numbers, (row, column)."""

    goes_in: str
    comes_out: str
    weight: Tensor


def _through(model: GPT, block: int, matrix: str) -> _Through:
    at, layer = f"blocks.{block}.", model.blocks[block]
    match matrix:
        case "output":
            return _Through(at + "att.concat", at + "att_out", layer.att.out_proj.weight)
        case "expand":
            return _Through(at + "norm2", at + "ff.hidden", layer.ff.expand.weight)
        case "contract":
            return _Through(at + "ff.active", at + "ff_out", layer.ff.contract.weight)
    all_three = layer.att.qkv.weight.chunk(3, dim=-1)
    return _Through(at + "norm1", f"{at}att.{matrix}", all_three[MATRICES.index(matrix)])


def _entry(model: GPT, block: int, matrix: str, row: int, column: int) -> list[Edit]:
    """What goes in at a row of the matrix, times its number there, is missing from the column of what comes out."""
    goes_in, comes_out, weight = _through(model, block, matrix)
    head, channel = divmod(column, model.config.head_size)
    place = (slice(None), head, slice(None), channel) if matrix in OF_HEADS else (..., column)
    return [(comes_out, _less(goes_in, row, place, weight[row, column]))]


def largest_entry(model: GPT, point: str, index: Sequence[int], pass_: Mapping[str, Tensor]) -> str:
    """The name of the entry that counts most in a number of a pass, tensor[point][index]: of all products that are summed up there the
    one farthest from 0. "" where the number is no such sum. pass_: point -> tensor."""
    if point == "tok_emb":
        return f"table:{int(pass_['ids'][index[0], index[1]])}.{index[2]}"
    if not point.startswith("blocks."):
        return ""
    block = int(point.split(".")[1])
    for matrix in MATRICES:
        goes_in, comes_out, weight = _through(model, block, matrix)
        if comes_out == point:
            item, *between, last = index
            token, column = (
                (between[1], between[0] * model.config.head_size + last) if matrix in OF_HEADS else (between[0], last)
            )
            row = int((pass_[goes_in][item, token] * weight[:, column]).abs().argmax())
            return f"entry:{block + 1}.{matrix}.{row}.{column}"
    return ""


def _less(goes_in: str, row: int, place: tuple, weight: Tensor) -> Using:
    def change(x: Tensor, given: Tensor) -> Tensor:
        x[place] -= given[..., row] * weight
        return x

    return Using(goes_in, change)


def _table(model: GPT, row: int, column: int) -> list[Edit]:
    def without(x: Tensor, ids: Tensor) -> Tensor:
        x[..., column] = x[..., column].masked_fill(ids == row, 0.0)
        return x

    found: list[Edit] = [("tok_emb", Using("ids", without))]
    if model.config.tied_head:
        found.append(("logits", _less("final_norm", column, (..., row), model.tok_emb.weight[row, column])))
    return found


def _reaches(name: str, token: int, tokens: int) -> None:
    if token >= tokens:
        raise ValueError(f"{name}: the text has {tokens} token{'s' * (tokens > 1)}, counted from 0; there is no token {token}")


def _ids(how: str) -> str:
    if not re.fullmatch(r"[0-9]{1,6}(-[0-9]{1,6}){0,1023}", how):
        raise ValueError(
            f"row takes the ids of another sentence with - between them, such as row:5.3:464-3797-3332-319, got {how[:40]!r}"
        )
    return "-".join(str(int(one)) for one in how.split("-"))


def _share(how: str) -> str:
    if not re.fullmatch(r"0|1|[01]?\.[0-9]{1,6}", how) or not 0 <= float(how) <= 1:
        raise ValueError(f"a weight can be set to a number from 0 to 1, got {how[:20]!r}")
    return "zero" if float(how) == 0 else f"{float(how):g}"


# in words -------------------------------------------------------------------------------------------------------------


def _where(block: str) -> str:
    return "in every block" if block in ("", EVERY) else f"in block {block}"


def _whole(what: str, rest: str = "") -> Callable[..., str]:
    """Words of a kind for one block or all of them."""
    return lambda block="": f"{what} {_where(block)}{rest}"


def _of(block: str) -> str:
    return "every block" if block == EVERY else f"block {block}"


def _head_words(block: str, head: str, how: str) -> str:
    name = f"head {head} of every block" if block == EVERY else f"head {block}.{head}"
    does = {"zero": "is off", "mean": "hands on its mean over the sentence", "even": "reads everything evenly"}
    return f"{name} {does[how]}"


def _off_or_mean(name: str) -> Callable[..., str]:
    return lambda block, how: f"{name} of {_of(block)} {'is off' if how == 'zero' else 'is its mean over the sentence'}"


def _unit_words(block: str, unit: str, how: str) -> str:
    return f"unit {unit} of {_of(block)} {'is off' if how == 'zero' else 'is its mean over the sentence'}"


def _norm_words(block: str, which: str) -> str:
    return f"the LayerNorm before {'attention' if which == '1' else 'feed-forward'} is off {_where(block)}"


def _shortcut_words(block: str, which: str) -> str:
    return f"the shortcut around {'attention' if which == '1' else 'feed-forward'} is off {_where(block)}"


def _position_words(how: str) -> str:
    if how.isdecimal():
        return f"positions are shifted by {how}"
    return "positions are off" if how == "zero" else "every position is the mean of all"


def _weight_words(block: str, head: str, query: str, key: str, how: str) -> str:
    where = f"head {head} of every block" if block == EVERY else f"head {block}.{head}"
    return f"token {query} gives token {key} the weight {0 if how == 'zero' else how} in {where}"


def _patch_words(block: str, token: str, how: str) -> str:
    read = tokenizer.in_one_line(tokenizer.decode([int(one) for one in how.split("-") if int(one) < tokenizer.SIZE]))
    shown = read if len(read) <= QUOTED else f"{read[:QUOTED]}..."
    return f'after {_of(block)} token {token} has its row of "{shown}"'


def _entry_words(block: str, matrix: str, row: str, column: str) -> str:
    return f"row {row}, column {column} of the {matrix} matrix is 0 {_where(block)}"


def _table_words(row: str, column: str) -> str:
    name = tokenizer.printable(int(row)) if int(row) < tokenizer.SIZE else row
    return f'number {column} of "{name}" in the token table is 0'


KINDS: dict[str, Kind] = {
    "entry": Kind(("block", "matrix", "row", "column"), _entry, _entry_words),
    "table": Kind(("row", "column"), _table, _table_words),
    "no-mask": Kind(
        ("block",),
        lambda model, block: [(f"blocks.{block}.att.masked", f"blocks.{block}.att.scaled")],
        _whole("later tokens are not hidden"),
        optional=True,
    ),
    "zero-mask": Kind(("block",), _zero_mask, _whole("hidden scores are 0, not minus infinity,"), optional=True),
    "no-scale": Kind(
        ("block",),
        lambda model, block: [(f"blocks.{block}.att.scaled", f"blocks.{block}.att.scores")],
        _whole("scores are not divided"),
        optional=True,
    ),
    "head": Kind(("block", "head"), _head, _head_words, hows=("zero", "mean", "even")),
    "attention": Kind(("block",), _sublayer("att_out"), _off_or_mean("attention"), hows=("zero", "mean")),
    "feed-forward": Kind(("block",), _sublayer("ff_out"), _off_or_mean("the feed-forward layer"), hows=("zero", "mean")),
    "unit": Kind(("block", "unit"), _unit, _unit_words, hows=("zero", "mean")),
    "norm": Kind(("block", "which"), _norm, _norm_words),
    "norm:final": Kind((), _final_norm, lambda: "the final LayerNorm is off"),
    "post-norm": Kind((), _post_norm, lambda: "every LayerNorm stands behind its sum"),
    "shortcut": Kind(
        ("block", "which"),
        lambda model, block, which: [(f"blocks.{block}.shortcut{which + 1}", f"blocks.{block}.drop{which + 1}")],
        _shortcut_words,
    ),
    "block": Kind(
        ("block",),
        lambda model, block: [(f"blocks.{block}.shortcut2", stream_in(block))],
        lambda block: f"{_of(block)} is off",
    ),
    "position": Kind((), _position, _position_words, hows=("zero", "mean", "rows")),
    "weight": Kind(("block", "head", "query", "key"), _weight, _weight_words, hows=("zero",), free=_share),
    "row": Kind(("block", "token"), _patch, _patch_words, free=_ids),
}
ORDER = {kind: number for number, kind in enumerate(KINDS)}


# there and back -------------------------------------------------------------------------------------------------------


def parse(text: str) -> tuple[Named, ...]:
    """Names separated by commas -> the edits, each once, in one order. Raises ValueError on a name there is none for."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if len(names) > MOST:
        raise ValueError(f"names {len(names)} edits, at most {MOST} go into one pass")
    return ordered(map(_one, names))


def _one(name: str) -> Named:
    """One edit from its name."""
    if name == "norm:final":
        return Named("norm:final")
    kind, _, rest = name.partition(":")
    if kind not in KINDS or kind == "norm:final":
        raise ValueError(unknown("edit", name[:40], KINDS))
    known = KINDS[kind]
    if kind == "position":
        how = rest or "zero"
        if how not in REPLACED and not re.fullmatch(r"[0-9]{1,6}", how):
            raise ValueError(f"position takes zero, mean or a number of rows, got {how[:40]!r}")
        return Named(kind, (), str(int(how)) if how.isdecimal() else how)
    place, _, how = rest.partition(":")
    at = tuple(place.split(".")) if place else ()
    wanted = " and ".join(known.places)
    if at and len(at) != len(known.places) or not at and known.places and not known.optional:
        raise ValueError(f"{kind} takes {wanted or 'no place'}, such as {_example(kind)}, got {name[:40]!r}")
    for number, what in zip(at, known.places, strict=True) if at else ():
        if what == "matrix":
            if number not in MATRICES:
                raise ValueError(f"{name[:40]}: {unknown('matrix', number[:20], MATRICES)}; a block has {', '.join(MATRICES)}")
            continue
        every = number == EVERY and what == "block"
        lowest = 0 if what in FROM_0 else 1
        if not every and (not re.fullmatch(r"[0-9]{1,6}", number) or int(number) < lowest):
            raise ValueError(f"{name[:40]}: the {what} must be a whole number from {lowest}, got {number[:20]!r}")
        if what == "which" and int(number) > 2:
            raise ValueError(f"{name[:40]}: 1 is before (or around) attention, 2 before (or around) feed-forward")
    how = how or known.hows[0]
    if kind == "weight" and int(at[3]) > int(at[2]):
        raise ValueError(
            f"{name[:40]}: token {at[2]} may not read token {at[3]}, which comes later; there is no weight to change"
        )
    if known.free and (how not in known.hows or not how):
        how = known.free(how)
    elif how not in known.hows:
        raise ValueError(
            f"{name[:40]}: {kind} can be {', '.join(filter(None, known.hows)) or 'switched only'}, not {how[:20]!r}"
        )
    return Named(kind, tuple(str(int(one)) if one.isdecimal() else one for one in at), how)


def _example(kind: str) -> str:
    numbers = {"block": "2", "head": "3", "which": "1", "unit": "17", "token": "3", "query": "3", "key": "1"}
    numbers |= {"matrix": "expand", "row": "3", "column": "17"}
    return ":".join(
        filter(None, (kind, ".".join(numbers[place] for place in KINDS[kind].places), "464-3797-3332-319" * (kind == "row")))
    )


def write(edits: Iterable[Named]) -> str:
    """The text that `parse` reads, the same for the same edits in any order."""
    return ",".join(map(str, ordered(edits)))


def ordered(edits: Iterable[Named]) -> tuple[Named, ...]:
    """Each edit once, in the order the pass meets them as far as the kinds go; so the same choice is the same value."""

    def place(edit: Named) -> tuple:
        return ORDER[edit.kind], [_rank(one) for one in edit.at], edit.how

    return tuple(sorted(set(edits), key=place))


def _rank(place: str) -> int:
    return -1 if place == EVERY else MATRICES.index(place) if place in MATRICES else int(place)


def words(edits: Iterable[Named]) -> str:
    """All of them in one line: "head 5.1 is off, positions are off"."""
    return ", ".join(edit.words for edit in edits)


def check(edit: Named, config: GPTConfig) -> None:
    """Raise ValueError when a model of this shape has no such place, naming what it has."""
    most = {"block": config.n_layer, "head": config.n_head, "which": 2, "unit": config.hidden_size - 1}
    most |= dict.fromkeys(("token", "query", "key"), config.context_length - 1)
    rows, columns = size_of(edit, config)
    most |= {"matrix": 0, "row": rows - 1, "column": columns - 1}
    for number, what in zip(edit.at, KINDS[edit.kind].places):
        if number.isdecimal() and int(number) > most[what]:
            if what in ("token", "query", "key"):
                raise ValueError(f"{edit}: this model reads at most {config.context_length:,} tokens, counted from 0")
            if what in ("row", "column"):
                raise ValueError(f"{edit}: here this model has {what}s 0 to {most[what]:,}")
            has = f"units 0 to {most[what]:,}" if what == "unit" else f"{most[what]} {what}{'s' * (most[what] > 1)}"
            raise ValueError(f"{edit}: this model has {has}")
    if edit.kind == "row":
        ids = [int(one) for one in edit.how.split("-")]
        if len(ids) <= edit.first_row:
            rows = f"{len(ids)} token{'s' * (len(ids) > 1)}"
            raise ValueError(
                f"{edit}: the other sentence has {rows}, counted from 0, so it has no row for token {edit.first_row}"
            )
        if max(ids) >= config.vocab_size:
            raise ValueError(f"{edit}: this model has no token {max(ids)}")
    if edit.kind == "position" and edit.how.isdecimal() and int(edit.how) >= config.context_length:
        raise ValueError(f"{edit}: the position table of this model has {config.context_length:,} rows")


def size_of(edit: Named, config: GPTConfig) -> tuple[int, int]:
    """Rows and columns of the matrix an entry is in; (0, 0) for any other edit."""
    wide, hidden = config.n_embd, config.hidden_size
    if edit.kind == "table":
        return config.vocab_size, wide
    return (
        {"expand": (wide, hidden), "contract": (hidden, wide)}.get(edit.at[1], (wide, wide)) if edit.kind == "entry" else (0, 0)
    )


def suits(edit: Named, config: GPTConfig, tokens: int) -> None:
    """Raise ValueError when an edit asks for a token or a position that a text of so many tokens has not, saying what it has."""
    tokens = min(tokens, config.context_length)
    _reaches(str(edit), edit.first_row, tokens)
    if edit.kind == "position" and edit.how.isdecimal() and int(edit.how) + tokens > config.context_length:
        raise ValueError(
            f"{edit}: this text would need {int(edit.how) + tokens:,} rows of a position table that has {config.context_length:,}; "
            "shift by less, or shorten the text"
        )


def apply(edits: Iterable[Named], model: GPT) -> tuple[Edit, ...]:
    """What the named edits are at the model's hook points. Raises ValueError where the model has no such place."""
    found: list[Edit] = []
    for edit in ordered(edits):
        check(edit, model.config)
        kind = KINDS[edit.kind]
        how = {"how": edit.how} if kind.has_ways else {}
        places = dict(zip(kind.places, edit.at))
        block = places.pop("block", EVERY)
        others = [int(one) - (what not in FROM_0) if one.isdecimal() else one for what, one in places.items()]
        if "block" not in kind.places:
            found += kind.make(model, *others, **how)
            continue
        blocks = range(model.config.n_layer) if block == EVERY else (int(block) - 1,)
        for number in blocks:
            found += kind.make(model, number, *others, **how)
    return tuple(found)
