"""A logit taken apart into what wrote it, and each part again, down to rows of the two tables (direct attribution; Elhage et al.
2021, "A Mathematical Framework for Transformer Circuits").

The stream is a sum: token row + position row + what every head, bias and feed-forward layer wrote. The last LayerNorm subtracts
the row's mean, divides by its spread, scales and shifts; with the spread as it was in this pass that is linear, and so is the
product with a row of the output head. So a logit is a sum of one number for each part, in logits.

A part is the product of what was written, (feature,), with a direction of the same shape. What wrote it is linear too, once three
things are held as they were in this pass: the weights of attention, the spread of each LayerNorm, and how far each GELU is open
(its output over its input). Then every part is again a sum, and so on, until only rows of the two tables and biases are left.
`Level.terms` is one such sum; `step` goes to one of its terms. Two doors lead aside, from a weight of attention to its score
(query . key / sqrt(head size)), and from a product of a query's and a key's number to the key's side.

All of it is computed in double precision, the pass included (`doubled`), so that a level's terms and the number above it are one sum
however many of them cancel. The model's own pass is in single precision: what that rounds is `Level.remainder` of a logit.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from .hooks import Recorder, recording
from .model import GPT, LayerNorm, Linear
from .points import stream_in
from .trace import Pass, Trace, allowed

KEPT = ("logits",)
"""The points a pass must keep to be taken apart."""
DOUBLED = ("drop_emb", "att.concat", "shortcut1", "shortcut2")
"""How the points end that are kept of the same pass in double precision: no head's square, so that a long text fits."""


def double(x: Tensor) -> np.ndarray:
    return x.detach().double().numpy()


@dataclass(frozen=True, eq=False)
class Doubled:
    """The stream, and what heads wrote into it, in double precision. tensors: point -> (batch, token, feature)."""

    tensors: dict[str, np.ndarray]

    @property
    def nbytes(self) -> int:
        return sum(one.nbytes for one in self.tensors.values())


def doubled(model: GPT, ids: Tensor) -> Doubled:
    """The plain pass over ids, (batch, token), in double precision, up to the last block: the model's own modules, one block at a time
    with a copy of its weights."""
    model.check(ids)
    keep = [name for name in model.points if name.endswith(DOUBLED)]
    largest = max(sum(one.numel() for one in block.parameters()) for block in model.blocks)
    needed = 8 * (ids.numel() * model.config.n_embd * (len(keep) + 16) + 2 * largest)

    def go(told: Callable[[str], None] | None) -> Doubled:
        recorder = Recorder(model.config.sizes(*ids.shape), keep, told=told)
        with torch.inference_mode(), recording(recorder):
            x = model.tok_emb(ids).double() + model.pos_emb.weight[: ids.shape[1]].double()
            x = model.hook_drop_emb(x)
            for block in model.blocks:
                x = copy.deepcopy(block).double()(x)
        return Doubled({name: tensor.numpy() for name, tensor in recorder.tensors.items()})

    twice = 2 * ids.shape[0]  # in double precision a pass is twice the work
    return allowed(Pass(model.config, twice, ids.shape[1], len(model.points), needed), go)


@dataclass(frozen=True)
class Part:
    """Something that wrote into the stream. kind: "token", "position", "head", "bias" (of attention's output) or "feed-forward" (its
    bias included). block, head: counted from 0, -1 where there is none."""

    kind: str
    block: int = -1
    head: int = -1

    @property
    def name(self) -> str:
        match self.kind:
            case "head":
                return f"head {self.block + 1}.{self.head + 1}"
            case "bias":
                return f"bias {self.block + 1}"
            case "feed-forward":
                return f"feed-forward {self.block + 1}"
        return f"{self.kind} row"


def parts(layers: int, heads: int, half: bool = False) -> tuple[Part, ...]:
    """What has written into the stream before block number `layers` (all of it: the number of blocks), in order. half: and in that
    block's attention."""
    found = [Part("token"), Part("position")]
    for block in range(layers + half):
        found += [*(Part("head", block, head) for head in range(heads)), Part("bias", block)]
        if block < layers:
            found.append(Part("feed-forward", block))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Level:
    """One sum on the way down.

    kind: "logit", "head", "read", "score", "channel", "feed-forward", "unit" or "row". value: the number that is taken apart, as the
    level above has it. terms: (n,) float64, which add up to it. names: of the terms. parts: of the first terms, which are parts of
    the stream. doors: what leads aside from here; they are no terms, and are numbered after them. where: block, head, token, key,
    channel or unit, counted from 0, as far as they apply. columns: what else is known of each term: title -> (n,).
    """

    kind: str
    value: float
    terms: np.ndarray
    names: tuple[str, ...]
    step: Callable[[int], "Level | None"] = field(repr=False)
    parts: tuple[Part, ...] = ()
    doors: tuple[str, ...] = ()
    where: dict[str, int] = field(default_factory=dict)
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    title: str = ""

    @property
    def total(self) -> float:
        return float(self.terms.sum())

    @property
    def remainder(self) -> float:
        """What the terms leave of the value: of a logit what the model's pass rounds, which is in single precision; below that what
        double precision does."""
        return self.value - self.total

    def open(self, number: int) -> "Level | None":
        """The level under a term or behind a door; None where nothing is under it. Raises IndexError for a number there is none of."""
        if not 0 <= number < len(self.terms) + len(self.doors):
            raise IndexError(f"{self.title or self.kind}: no term {number}, there are {len(self.terms) + len(self.doors)}")
        return self.step(number)


class Taken:
    """One sentence of a pass, to be taken apart. exact: the same in double precision, made here where it is not at hand. Raises KeyError
    where the trace did not keep KEPT, and ValueError for a pass with dropout or edits, which is no sum of these parts."""

    def __init__(self, trace: Trace, item: int = 0, exact: Doubled | None = None):
        if trace.dropout or trace.edits:
            raise ValueError(f"only the plain pass is a sum of these parts, this one has {trace.state}")
        self.trace, self.item, self.model = trace, item, trace.model
        self.config = trace.config
        self.exact = exact or doubled(trace.model, trace.ids)

    # the pass ---------------------------------------------------------------------------------------------------------

    def row(self, point: str, token: int) -> np.ndarray:
        """One token's numbers at a point, float64."""
        return self.exact.tensors[point][self.item, token]

    def rows(self, point: str, tokens: int) -> np.ndarray:
        """The first tokens' numbers at a point, (token, feature), float64."""
        return self.exact.tensors[point][self.item, :tokens]

    def token(self, token: int) -> str:
        """A token numbered from 0, its leading space visible."""
        return f"{token} {self.trace.tokens[self.item][token]}"

    def block(self, number: int):
        return self.model.blocks[number]

    # the sum of the stream ----------------------------------------------------------------------------------------------

    def written(self, part: Part, token: int) -> np.ndarray:
        """(feature,): what a part wrote into one token's row of the stream."""
        match part.kind:
            case "token":
                return double(self.model.tok_emb.weight[self.trace.ids[self.item, token]])
            case "position":
                return double(self.model.pos_emb.weight[token])
            case "bias":
                return double(self.block(part.block).att.out_proj.bias)
            case "feed-forward":
                return self.row(f"blocks.{part.block}.shortcut2", token) - self.row(f"blocks.{part.block}.shortcut1", token)
        size = self.config.head_size
        own = slice(part.head * size, (part.head + 1) * size)
        context = self.row(f"blocks.{part.block}.att.concat", token)[own]
        return context @ double(self.block(part.block).att.out_proj.weight[own])

    def shares(self, some: Sequence[Part], token: int, along: np.ndarray) -> np.ndarray:
        """(part,): the product of what each part wrote into a token's row with a direction, (feature,)."""
        found = np.empty(len(some))
        pushed: dict[int, np.ndarray] = {}
        size = self.config.head_size
        for n, part in enumerate(some):
            if part.kind != "head":
                found[n] = self.written(part, token) @ along
                continue
            if part.block not in pushed:  # all heads of a block at once
                through = double(self.block(part.block).att.out_proj.weight) @ along
                pushed[part.block] = self.row(f"blocks.{part.block}.att.concat", token) * through
            found[n] = pushed[part.block][part.head * size : (part.head + 1) * size].sum()
        return found

    def below(self, part: Part, token: int, along: np.ndarray, value: float) -> Level:
        """The level that takes one part of the stream apart."""
        match part.kind:
            case "head":
                return self.head(part.block, part.head, token, along, value)
            case "feed-forward":
                return self.feed_forward(part.block, token, along, value)
        title = f"{part.name} of {self.token(token)}" if part.kind != "bias" else f"bias of block {part.block + 1}'s attention"
        return self.leaf(title, self.written(part, token), along, value, {"token": token, "block": part.block})

    def leaf(self, title: str, row: np.ndarray, along: np.ndarray, value: float, where: dict[str, int]) -> Level:
        """The end of a way: a row of learned numbers, feature by feature."""
        return Level(
            kind="row",
            value=value,
            terms=row * along,
            names=tuple(f"feature {n}" for n in range(len(row))),
            step=lambda number: None,
            where=where,
            columns={"row": row, "direction": along},
            title=title,
        )

    def through(self, norm: LayerNorm, x: np.ndarray, along: np.ndarray) -> tuple[np.ndarray, float]:
        """A product with a LayerNorm's output as one with its input, (feature,): the direction before it, and what its shift adds.

        The row's spread is held as it is; subtracting the mean is part of the direction.
        """
        scaled = double(norm.weight) * along / np.sqrt(x.var() + norm.eps)
        return scaled - scaled.mean(), float(double(norm.bias) @ along)

    def summed(
        self,
        kind: str,
        title: str,
        value: float,
        norm: LayerNorm,
        point: str,
        some: tuple[Part, ...],
        token: int,
        along: np.ndarray,
        bias: float | None = None,
        **fields,
    ) -> Level:
        """A number that is the product of a direction with a LayerNorm's output (and a bias), as a sum over what wrote the stream that
        goes into it. point: holds that stream. Two terms follow the parts: LayerNorm's shift, and the bias where there is one."""
        before, shift = self.through(norm, self.row(point, token), along)
        after = [shift] if bias is None else [shift, bias]
        names = tuple(part.name for part in some) + ("LayerNorm's shift", "bias")[: len(after)]
        aside = fields.pop("aside", lambda number: None)
        terms = np.append(self.shares(some, token, before), after)

        def step(number: int) -> Level | None:
            if number < len(some):
                return self.below(some[number], token, before, float(terms[number]))
            if number == len(some):
                return self.leaf("LayerNorm's shift", double(norm.bias), along, shift, {"token": token})
            return None if number < len(terms) else aside(number - len(terms))

        return Level(kind, value, terms, names, step, parts=some, title=title, **fields)

    # levels -----------------------------------------------------------------------------------------------------------

    def logit(self, token: int, word: int, against: int | None = None) -> Level:
        """The logit of a word after a token, or how far it is above another word's: every part of the last stream, and the shift of
        the last LayerNorm."""
        config, head = self.config, self.model.out_head.weight
        along, value = double(head[word]), float(self.trace["logits"][self.item, token, word])
        if against is not None:
            along, value = along - double(head[against]), value - float(self.trace["logits"][self.item, token, against])
        return self.summed(
            "logit",
            "logit" if against is None else "difference of two logits",
            value,
            self.model.final_norm,
            stream_in(config.n_layer),
            parts(config.n_layer, config.n_head),
            token,
            along,
            where={"token": token},
        )

    def head(self, block: int, head: int, token: int, along: np.ndarray, value: float) -> Level:
        """What one head wrote, as a sum over the tokens it read: weight x (value through the output projection) . direction."""
        opened = _Head(self, block, head, token)
        pushed = opened.out @ along
        terms = opened.weights * (opened.values @ pushed)
        return Level(
            kind="head",
            value=value,
            terms=terms,
            names=tuple(self.token(key) for key in range(token + 1)),
            step=lambda key: self.read(opened, key, pushed, float(terms[key])),
            where={"block": block, "head": head, "token": token},
            columns={"weight": opened.weights, "score": opened.scores},
            title=f"head {block + 1}.{head + 1} at {self.token(token)}",
        )

    def read(self, opened: "_Head", key: int, pushed: np.ndarray, value: float) -> Level:
        """What one token handed over to another in one head: its value is a projection of its stream, so it is a sum over what wrote
        that. Behind the door: the score that gave the weight."""
        block, head, token = opened.block, opened.head, opened.token
        att = self.block(block).att
        weight = float(opened.weights[key])
        along = double(att.qkv.weight[:, opened.columns(2)]) @ pushed * weight
        bias = None if att.qkv.bias is None else float(double(att.qkv.bias[opened.columns(2)]) @ pushed * weight)
        return self.summed(
            "read",
            f"what {self.token(key)} hands over to {self.token(token)}",
            value,
            self.block(block).norm1,
            stream_in(block),
            parts(block, self.config.n_head),
            key,
            along,
            bias,
            doors=("why it is read: the score",),
            aside=lambda door: self.score(opened, key),
            where={"block": block, "head": head, "token": token, "key": key},
        )

    def score(self, opened: "_Head", key: int) -> Level:
        """query . key / sqrt(head size), channel by channel."""
        query, offered = opened.query, opened.keys[key]
        terms = query * offered / np.sqrt(len(query))
        return Level(
            kind="score",
            value=float(opened.scores[key]),
            terms=terms,
            names=tuple(f"channel {n}" for n in range(len(query))),
            step=lambda channel: self.channel(opened, key, channel, float(terms[channel])),
            where={"block": opened.block, "head": opened.head, "token": opened.token, "key": key},
            columns={"query": query, "key": offered},
            title=f"score of {self.token(key)} for {self.token(opened.token)}",
        )

    def channel(self, opened: "_Head", key: int, channel: int, value: float, side: str = "query") -> Level:
        """One product of the score, as a sum over what wrote the stream of the token that reads (side "query"), the other factor held
        as it is; behind the door the same for the token that is read (side "key")."""
        size = np.sqrt(self.config.head_size)
        own = side == "query"
        token, factor = (opened.token, opened.keys[key][channel]) if own else (key, opened.query[channel])
        column = opened.columns(0 if own else 1).start + channel
        att = self.block(opened.block).att
        along = double(att.qkv.weight[:, column]) * factor / size
        bias = None if att.qkv.bias is None else float(att.qkv.bias[column]) * factor / size
        return self.summed(
            "channel",
            f"channel {channel}: {'query of' if own else 'key of'} {self.token(token)}",
            value,
            self.block(opened.block).norm1,
            stream_in(opened.block),
            parts(opened.block, self.config.n_head),
            token,
            along,
            bias,
            doors=("the key's side",) if own else (),
            aside=lambda door: self.channel(opened, key, channel, value, "key"),
            where={"block": opened.block, "head": opened.head, "token": opened.token, "key": key, "channel": channel},
        )

    def feed_forward(self, block: int, token: int, along: np.ndarray, value: float) -> Level:
        """What a feed-forward layer wrote, unit by unit: activation x (its row of the contraction) . direction; then the bias."""
        hidden, active = self.units(block, token)
        contract: Linear = self.block(block).ff.contract
        pushed = double(contract.weight) @ along
        terms = np.append(active * pushed, double(contract.bias) @ along)

        def step(number: int) -> Level:
            if number < len(active):
                return self.unit(block, number, token, float(pushed[number]), float(terms[number]))
            return self.leaf(
                f"bias of block {block + 1}'s feed-forward", double(contract.bias), along, float(terms[-1]), {"block": block}
            )

        return Level(
            kind="feed-forward",
            value=value,
            terms=terms,
            names=(*(f"unit {n}" for n in range(len(active))), "bias"),
            step=step,
            where={"block": block, "token": token},
            columns={"activation": np.append(active, np.nan), "before GELU": np.append(hidden, np.nan)},
            title=f"feed-forward {block + 1} at {self.token(token)}",
        )

    def units(self, block: int, token: int) -> tuple[np.ndarray, np.ndarray]:
        """(unit,) twice: one token's hidden units before GELU and after it, from the stream in double precision."""
        layer = self.block(block)
        x = self.row(f"blocks.{block}.shortcut1", token)
        hidden = _normed(layer.norm2, x) @ double(layer.ff.expand.weight) + double(layer.ff.expand.bias)
        return hidden, double(torch.nn.functional.gelu(torch.from_numpy(hidden), approximate="tanh"))

    def unit(self, block: int, unit: int, token: int, pushed: float, value: float) -> Level:
        """What one hidden unit adds, as a sum over what wrote the stream before it, its GELU open as far as it is in this pass."""
        layer = self.block(block)
        hidden, active = (one[unit] for one in self.units(block, token))
        opening = active / hidden if hidden else 0.5
        along = double(layer.ff.expand.weight[:, unit]) * opening * pushed
        return self.summed(
            "unit",
            f"unit {unit} of block {block + 1} at {self.token(token)}",
            value,
            layer.norm2,
            f"blocks.{block}.shortcut1",
            parts(block, self.config.n_head, half=True),
            token,
            along,
            float(layer.ff.expand.bias[unit]) * opening * pushed,
            where={"block": block, "unit": unit, "token": token},
        )


def _normed(norm: LayerNorm, x: np.ndarray) -> np.ndarray:
    """A LayerNorm of rows, (..., feature), in double precision."""
    spread = np.sqrt(x.var(axis=-1, keepdims=True) + norm.eps)
    return (x - x.mean(axis=-1, keepdims=True)) / spread * double(norm.weight) + double(norm.bias)


class _Head:
    """One head as one token reads through it, computed from the stream in double precision: query (channel,), keys and values
    (token, channel), scores and weights (token,), of the token and those before it. out: (channel, feature), its rows of the
    output projection."""

    def __init__(self, taken: Taken, block: int, head: int, token: int):
        self.taken, self.block, self.head, self.token = taken, block, head, token
        self.size = taken.config.head_size

    def columns(self, which: int) -> slice:
        """The head's columns of the fused projection: 0 queries, 1 keys, 2 values."""
        start = which * self.taken.config.n_embd + self.head * self.size
        return slice(start, start + self.size)

    @cached_property
    def entered(self) -> np.ndarray:
        return _normed(self.taken.block(self.block).norm1, self.taken.rows(stream_in(self.block), self.token + 1))

    def _projected(self, which: int, x: np.ndarray) -> np.ndarray:
        layer, own = self.taken.block(self.block).att.qkv, self.columns(which)
        made = x @ double(layer.weight[:, own])
        return made if layer.bias is None else made + double(layer.bias[own])

    @cached_property
    def query(self) -> np.ndarray:
        return self._projected(0, self.entered[-1])

    @cached_property
    def keys(self) -> np.ndarray:
        return self._projected(1, self.entered)

    @cached_property
    def values(self) -> np.ndarray:
        return self._projected(2, self.entered)

    @cached_property
    def scores(self) -> np.ndarray:
        return self.keys @ self.query / np.sqrt(self.size)

    @cached_property
    def weights(self) -> np.ndarray:
        raised = np.exp(self.scores - self.scores.max())
        return raised / raised.sum()

    @cached_property
    def out(self) -> np.ndarray:
        own = slice(self.head * self.size, (self.head + 1) * self.size)
        return double(self.taken.block(self.block).att.out_proj.weight[own])


# ways -----------------------------------------------------------------------------------------------------------------


def walk(start: Level, way: Iterable[int]) -> list[Level]:
    """The levels along a way of terms, the start first. It ends early where there is no such term, or nothing under it."""
    levels = [start]
    for number in way:
        if not 0 <= number < len(levels[-1].terms) + len(levels[-1].doors):
            break
        below = levels[-1].open(number)
        if below is None:
            break
        levels.append(below)
    return levels


# units ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Unit:
    """A hidden unit at one token. activation: after GELU. length: of what it writes, |activation| x |its row|. promotes, suppresses:
    ids of words whose logits it raises and lowers most, with by how much here (the last LayerNorm's spread held as it is)."""

    block: int
    unit: int
    activation: float
    length: float
    promotes: tuple[tuple[int, float], ...]
    suppresses: tuple[tuple[int, float], ...]


def strongest(taken: Taken, token: int, count: int, words: int, block: int | None = None) -> list[Unit]:
    """The units that write the longest vectors into a token's row, of one block or of all: the longest first. Where it is known which
    words the model's training text had, only those are named."""
    model, config = taken.model, taken.config
    blocks = range(config.n_layer) if block is None else (block,)
    active = np.stack([taken.units(one, token)[1] for one in blocks])
    rows = np.stack([model.blocks[one].ff.contract.weight.norm(dim=-1).double().numpy() for one in blocks])
    lengths = np.abs(active) * rows
    order = np.argsort(-lengths.ravel(), kind="stable")[:count]
    places = [(blocks[n // config.hidden_size], int(n % config.hidden_size)) for n in order.tolist()]
    x = taken.row(stream_in(config.n_layer), token)
    spread = float(np.sqrt(x.var() + model.final_norm.eps))
    written = torch.stack([model.blocks[one].ff.contract.weight[unit] for one, unit in places])
    scale = torch.tensor(active.ravel()[order] / spread, dtype=torch.float32)[:, None]
    with torch.inference_mode():
        centred = written - written.mean(dim=-1, keepdim=True)
        pushed = model.out_head(centred * model.final_norm.weight * scale)
        most = min(words, pushed.shape[-1])
        never = torch.zeros_like(pushed[0], dtype=torch.bool) if model.read is None else ~model.read
        most = min(most, int((~never).sum()))
        up = pushed.masked_fill(never, -torch.inf).topk(most)
        down = pushed.masked_fill(never, torch.inf).topk(most, largest=False)
    return [
        Unit(
            one,
            unit,
            float(active.ravel()[order[n]]),
            float(lengths.ravel()[order[n]]),
            tuple(zip(up.indices[n].tolist(), up.values[n].tolist())),
            tuple(zip(down.indices[n].tolist(), down.values[n].tolist())),
        )
        for n, (one, unit) in enumerate(places)
    ]
