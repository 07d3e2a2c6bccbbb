"""One forward pass, written down: `run` and the `Trace` it returns."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from . import edits as named
from . import tokenizer
from .config import GPTConfig
from .edits import Named
from .hooks import LARGEST, Edit, Recorder, noise, recording, source, unknown, within
from .model import GPT, Attention
from .points import dropout_site

BUDGET = 3 << 30
"""Bytes one trace may hold unless the caller says otherwise: all points of 512 tokens of GPT-2 small, not of 1,024."""
STREAM = ("input_emb", "shortcut1", "shortcut2", "final_norm")
"""Points through which everything before the logits passes: numbers too large show in one of them, whichever points are kept."""
DAMAGED = (
    "The weights are finite, but too large for one another: the checkpoint may be damaged, or its training broke down. Take an earlier "
    "one, or another model."
)


class NotFinite(ValueError):
    """Numbers that are infinite, not a number, or too large to compute with; the message says where, and what to do."""


@dataclass(frozen=True, eq=False)
class Trace:
    """Every tensor one pass produced, by hook point name, in the order the pass made them.

    Asked for a point where a number is infinite, not a number or beyond LARGEST, or for one that is made of such numbers, it
    raises NotFinite, so that nothing is drawn or computed from them; the points before are there. (Hidden scores are minus
    infinity on purpose, and are let pass.) `tensors` holds all of them as they are. broken: the first point of the stream that
    is so, kept or not; lost: the points kept from there on.

    ids: (batch, token). tokens: the same ids, printable. tensors: name -> tensor, not to be written to.
    dropout, seed and edits are the state the numbers come from, edits by their names (of one without a name, its point's);
    edited: the points where an edit is in force. `model` gives the parameters for recomputation.
    loss, grads: of a run with `grad`: its value, and name -> the loss's gradient at that point, in the point's shape.
    """

    model: GPT
    ids: Tensor
    tokens: tuple[tuple[str, ...], ...]
    tensors: Mapping[str, Tensor]
    dropout: float = 0.0
    seed: int = 0
    edits: tuple[str, ...] = ()
    edited: frozenset[str] = frozenset()
    loss: float | None = None
    grads: Mapping[str, Tensor] = field(default_factory=lambda: MappingProxyType({}))
    broken: str = ""
    lost: frozenset[str] = frozenset()
    _finite: dict[str, bool] = field(default_factory=dict, init=False, repr=False)

    @property
    def config(self) -> GPTConfig:
        return self.model.config

    def word(self, token: int) -> str:
        """A token id of this model, printable."""
        return tokenizer.printable(token, self.model.extra)

    def finite(self, name: str) -> bool:
        """Whether a point can be shown and computed with. Looked at once, when first asked for."""
        if name not in self._finite:
            self._finite[name] = name not in self.lost and within(self._visible(name))
        return self._finite[name]

    def _visible(self, name: str) -> Tensor:
        """The numbers at a point, with 0 in the place of scores that the causal mask hides."""
        numbers = self.tensors[name].detach()
        masked = name.endswith(".masked") and name not in self.edited
        return numbers.masked_fill(Attention.future(self.ids), 0.0) if masked else numbers

    def require_finite(self) -> None:
        """Raise NotFinite where any point of this pass cannot be shown, naming the first one the pass made."""
        first = next((name for name in self.tensors if not self.finite(name)), None)
        if first is None:
            return
        place = self.broken if first in self.lost else first
        bad = "numbers"
        if place in self.tensors:
            numbers = self._visible(place)
            bad = f"{int((~(numbers.abs() <= LARGEST)).sum()):,} of {numbers.numel():,} numbers"
        if place.startswith("blocks."):
            place = f"{place} (block {int(place.split('.')[1]) + 1})"
        why = "The edit in force does it: without it they may stay in bounds." if self.edits else DAMAGED
        raise NotFinite(
            f"The numbers of this pass grow too large to be shown: at {place}, {bad} are infinite, not a number or beyond "
            f"{LARGEST:,.0f}, and everything after it is made of them. In the walk the steps before it can be seen. {why}"
        )

    def __getitem__(self, name: str) -> Tensor:
        if name in self.tensors:
            if not self.finite(name):
                self.require_finite()
            return self.tensors[name]
        if name in self.model.points:
            raise KeyError(
                f"{name} was not kept in this trace: it holds {len(self.tensors)} of {len(self.model.points)} points"
            )
        raise KeyError(unknown("hook point", name, self.model.points))

    def array(self, name: str) -> np.ndarray:
        """The tensor at a point as numpy, without a copy and so not to be written to."""
        values = self[name].numpy(force=True)
        values.flags.writeable = False
        return values

    def axes(self, name: str) -> tuple[str, ...]:
        """The axes of the tensor at a point, such as ("batch", "token", "feature")."""
        return self.model.points[name].axes

    def factors(self, name: str) -> np.ndarray:
        """What dropout multiplied each number by to get a point, in the point's whole shape: 0, or 1 / (1 - p); all 1 when
        dropout is off."""
        shape = tuple(self[name].shape)
        if not self.dropout:
            return np.ones(shape, dtype=np.float32)
        kept = noise(shape, self.seed, dropout_site(name)).numpy() >= self.dropout
        return (kept / (1 - self.dropout)).astype(np.float32)

    @property
    def state(self) -> str:
        """What was done to the pass, in words: dropout and edits."""
        parts = [f"dropout ON, p = {self.dropout:g}, seed {self.seed}" if self.dropout else "dropout OFF"]
        return ", ".join(parts + [f"edited: {name}" for name in self.edits])

    @property
    def nbytes(self) -> int:
        """Bytes the trace keeps alive, counting shared storage once and the model's own parameters not at all."""
        owned = {p.untyped_storage().data_ptr() for p in self.model.parameters()}
        held = (*self.tensors.values(), *self.grads.values())
        storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in held}
        return sum(size for pointer, size in storages.items() if pointer not in owned)


@dataclass(frozen=True)
class Pass:
    """A pass that is about to run. points: how many it comes to on its way there; needed: bytes it will hold at most, its trace
    and the block it is in; backward: there is a way back for gradients."""

    config: GPTConfig
    batch: int
    tokens: int
    points: int
    needed: int
    backward: bool = False

    @property
    def work(self) -> int:
        """Multiply-adds in round numbers: one for every learned number and token, and twice as many again for the way back."""
        return self.batch * self.tokens * self.config.n_parameters * (3 if self.backward else 1)


Made = TypeVar("Made")
Go = Callable[[Callable[[str], None] | None], Any]
Guard = Callable[[Pass, Go], Any]
"""What stands before every pass of a thread: it is handed the pass and `go`, lets it run when it may by calling go(told), and
returns what the pass made, a trace as a rule. told is called with the name of every hook point on the way there and back; what it raises ends the pass."""

_guard: ContextVar[Guard | None] = ContextVar("gptviz_guard", default=None)


@contextmanager
def guarded(guard: Guard) -> Iterator[None]:
    """Let every pass of this thread ask `guard` before it runs."""
    token = _guard.set(guard)
    try:
        yield
    finally:
        _guard.reset(token)


def allowed(about: Pass, go: Callable[[Callable[[str], None] | None], Made]) -> Made:
    """What a pass makes, once the guard of this thread has let it run; at once where there is none."""
    guard = _guard.get()
    return go(None) if guard is None else guard(about, go)


def select(model: GPT, points: Iterable[str] | None) -> list[str]:
    """The names a selection stands for; patterns such as "blocks.3.*" are allowed. Raises KeyError on an unknown one."""
    if points is None:
        return list(model.points)
    chosen = set()
    for pattern in points:
        found = [pattern] if pattern in model.points else [name for name in model.points if fnmatchcase(name, pattern)]
        if not found:
            raise KeyError(unknown("hook point", pattern, model.points))
        chosen.update(found)
    return [name for name in model.points if name in chosen]


def bytes_needed(model: GPT, batch: int, tokens: int, points: Iterable[str] | None = None) -> int:
    """Bytes a trace of these points would hold at most, before running anything (4 bytes a number, 8 an id).

    A block's queries, keys and values are parts of one tensor: keeping one of them keeps all three.
    """
    sizes = model.config.sizes(batch, tokens)
    held = set(select(model, points))
    for block in range(model.config.n_layer):
        together = {f"blocks.{block}.att.{name}" for name in ("query", "key", "value")}
        held |= together if held & together else set()
    return sum(math.prod(model.points[name].shape(sizes)) * (8 if name == "ids" else 4) for name in held)


def as_ids(ids: Sequence[int] | Sequence[Sequence[int]] | Tensor) -> Tensor:
    """Token ids as an own (batch, token) tensor. Raises ValueError for anything but whole numbers in equally long rows."""
    try:
        given = torch.as_tensor(ids)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"ids must be whole numbers, one sequence or a batch of equally long ones: {error}") from None
    if given.numel() and (given.is_floating_point() or given.is_complex() or given.dtype == torch.bool):
        raise ValueError(f"ids must be whole numbers, got {given.dtype}")
    rows = given[None] if given.ndim == 1 else given
    return rows.to(torch.long, copy=True)


def told_apart(given: Sequence[Edit | Named | str]) -> tuple[tuple[Named, ...], tuple[Edit, ...]]:
    """The edits by name, each once and in their own order, and the others. Raises ValueError for a name there is none for."""
    names: list[Named] = []
    for one in given:
        names += named.parse(one) if isinstance(one, str) else [one] if isinstance(one, Named) else []
    return named.ordered(names), tuple(one for one in given if not isinstance(one, str | Named))


def run(
    model: GPT,
    ids: Sequence[int] | Sequence[Sequence[int]] | Tensor,
    *,
    dropout: float = 0.0,
    seed: int = 0,
    edits: Sequence[Edit | Named | str] = (),
    points: Iterable[str] | None = None,
    budget: int = BUDGET,
    grad: Callable[[Trace], Tensor] | None = None,
) -> Trace:
    """Send token ids through the model once and keep what the named points saw.

    ids: one sequence or a batch of equally long ones. dropout: the rate at all its places, 0 <= p < 1; the same seed gives
    the same masks. edits: by name ("head:5.1", see `gptviz.edits`), or pairs (point, tensor or function or earlier point's name)
    that replace what the model computed there. points: names or patterns to keep; None keeps all. grad: a function from the trace to one number, the loss, made of
    kept tensors; the trace that comes back has its gradient at every kept point (the ids have none). Safe to call from many
    threads on one model: nothing shared is changed, neither parameters nor their gradients.

    Raises ValueError for ids, a rate, a seed or an edit that cannot work, KeyError for an unknown point, MemoryError when the
    trace would hold more than `budget` bytes (nothing has run by then).
    """
    with torch.inference_mode(False):  # ids made in the caller's inference mode could not be used in a loss
        ids = as_ids(ids)
    model.check(ids)
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout rate must be at least 0 and below 1, got {dropout}")
    if seed < 0:
        raise ValueError(f"the seed must be 0 or a positive whole number, got {seed}")
    keep = select(model, points)
    names, others = told_apart(edits)
    changes = (*named.apply(names, model), *others)
    for name, change in changes:
        for point in filter(None, (name, source(change))):
            if point not in model.points:
                raise KeyError(unknown("hook point", point, model.points))
    needed = bytes_needed(model, *ids.shape, keep)
    if grad is not None:  # the way back needs everything, and a gradient for all that is kept
        needed += bytes_needed(model, *ids.shape)
    if needed > budget:
        raise MemoryError(
            f"this trace would hold {needed / 2**20:,.0f} MiB and the budget is {budget / 2**20:,.0f} MiB: "
            f"keep fewer points or fewer than {ids.shape[1]} tokens"
        )
    watch = [name for name in model.points if name.endswith(STREAM)]

    def go(told: Callable[[str], None] | None) -> Trace:
        recorder = Recorder(model.config.sizes(*ids.shape), keep, changes, dropout, seed, grad is not None, watch, told)
        with torch.inference_mode(grad is None), torch.set_grad_enabled(grad is not None), recording(recorder):
            model(ids)
        made = Trace(
            model=model,
            ids=ids,
            tokens=tuple(tuple(tokenizer.printable(token, model.extra) for token in row) for row in ids.tolist()),
            tensors=MappingProxyType(recorder.tensors),
            dropout=dropout,
            seed=seed,
            edits=(*map(str, names), *(name for name, _ in others)),
            edited=frozenset(name for name, _ in changes),
            broken=recorder.broken,
            lost=frozenset(recorder.lost),
        )
        return made if grad is None else _with_gradients(made, grad, told)

    needed += bytes_needed(model, *ids.shape, ["blocks.0.*"])
    return allowed(Pass(model.config, *ids.shape, len(model.points), needed, grad is not None), go)


def _with_gradients(made: Trace, grad: Callable[[Trace], Tensor], told: Callable[[str], None] | None) -> Trace:
    """The same trace with the loss, its gradient at every point that has one, and nothing that still holds the way back."""
    points = {name: tensor for name, tensor in made.tensors.items() if tensor.requires_grad}
    with torch.inference_mode(False), torch.enable_grad():
        loss = grad(made)
        if not isinstance(loss, Tensor) or loss.ndim or not loss.requires_grad:
            got = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else repr(loss)
            raise ValueError(f"grad must make one number (a tensor of shape ()) from tensors of the trace, got {got}")
        if told is not None:
            for name, tensor in points.items():
                tensor.register_hook(lambda _, name=name: told(name))
        gradients = torch.autograd.grad(loss, list(points.values()), materialize_grads=True)
    return replace(
        made,
        tensors=MappingProxyType({name: tensor.detach() for name, tensor in made.tensors.items()}),
        loss=loss.item(),
        grads=MappingProxyType(dict(zip(points, gradients))),
    )
