"""Hook points: the places where a forward pass can be read and changed.

A `HookPoint` is an identity module that is part of the model for good and does nothing on its own.
What a run wants (which tensors to keep, which to replace, how much dropout) travels in a `ContextVar`,
so that readers who share one model in one process never see each other's numbers: nothing on the model,
no global random state and no default is ever changed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Using:
    """A change that needs the tensor of an earlier point too: change(the tensor here, that of `point`)."""

    point: str
    change: Callable[[Tensor, Tensor], Tensor]


Change = Tensor | Callable[[Tensor], Tensor] | str | Using
Edit = tuple[str, Change]
"""A point's name, and what replaces the tensor the model computed there: a tensor, a function of that tensor, the name of
a point of equal shape earlier in the pass, whose tensor is taken (a shortcut that takes its sublayer's output is off), or a function
of both."""


def source(change: Change) -> str:
    """The earlier point whose tensor a change needs, "" for none."""
    return change if isinstance(change, str) else change.point if isinstance(change, Using) else ""


def changed(change: Change, x: Tensor, other: Tensor | None) -> Tensor:
    """What a change makes of a point's tensor, of which it gets a copy: an edit in place must not reach what was recorded. other: that of
    its source."""
    if isinstance(change, str):
        return other
    if isinstance(change, Using):
        return change.change(x.clone(), other)
    return change(x.clone()) if callable(change) else change


LARGEST = 1e12
"""Beyond this a number is not shown: pictures need sums of squares and cubes, and 32 bits end at 3.4e38. A GPT-2's stay below 1e4."""

_current: ContextVar["Recorder | None"] = ContextVar("gptviz_recorder", default=None)


def within(x: Tensor) -> bool:
    """Whether every number can be shown and computed with: none infinite, not a number or beyond LARGEST."""
    least, most = torch.aminmax(x.detach())  # NaN where there is one
    return -LARGEST <= float(least) <= float(most) <= LARGEST


class HookPoint(nn.Module):
    """Identity that knows its name and its axes, such as "batch head query key".

    The name is the module path with the noun last (`blocks.0.att.scores`); `name_points` fills it in.
    """

    def __init__(self, axes: str):
        super().__init__()
        self.axes = tuple(axes.split())
        self.name = ""

    def forward(self, x: Tensor) -> Tensor:
        recorder = _current.get()
        return x if recorder is None else recorder.visit(self, x)

    def shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape this point must have, given the length of every axis."""
        return tuple(sizes[axis] for axis in self.axes)


class Dropout(nn.Module):
    """Dropout (Srivastava et al. 2014) whose rate and seed belong to the run, not to the model.

    Outside a run, or at rate 0, it is the identity. `site` numbers the places of one model from 0.
    """

    def __init__(self):
        super().__init__()
        self.site = 0

    def forward(self, x: Tensor) -> Tensor:
        recorder = _current.get()
        if recorder is None or recorder.dropout == 0:
            return x
        kept = noise(x.shape, recorder.seed, self.site) >= recorder.dropout
        return x * kept / (1 - recorder.dropout)


def noise(shape: Sequence[int], seed: int, site: int) -> Tensor:
    """The uniform numbers in [0, 1) that decide what dropout keeps at one site: kept where noise >= p.

    They depend on the seed, the site and the shape only, never on p: raising p only adds zeros. PCG64 gives the same
    numbers on every machine, and no two pairs of seed and site share a stream.
    """
    generator = np.random.Generator(np.random.PCG64((site, seed)))
    return torch.from_numpy(generator.random(tuple(shape), dtype=np.float32))


class Recorder:
    """One run's wishes, and the tensors it kept, in the order the forward pass made them.

    watch: points that are looked at even where they are not kept; the first whose numbers are not `within` bounds is `broken`, and
    what is kept from there on is `lost`. grad: let gradients be taken at every kept point. No parameter needs to ask for one: a kept
    tensor that depends on no earlier kept one becomes a leaf of its own, and everything after it follows. told: called with the name
    of every point the pass comes to; what it raises ends the pass.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        keep: Iterable[str],
        edits: Sequence[Edit] = (),
        dropout: float = 0.0,
        seed: int = 0,
        grad: bool = False,
        watch: Iterable[str] = (),
        told: Callable[[str], None] | None = None,
    ):
        self.sizes = sizes
        self.keep = frozenset(keep)
        self.edits: dict[str, list[Change]] = {}
        for name, change in edits:
            self.edits.setdefault(name, []).append(change)
        self.taken: dict[str, Tensor | None] = {source(change): None for _, change in edits if source(change)}
        self.grad = grad
        self.told = told
        self.dropout = dropout
        self.seed = seed
        self.tensors: dict[str, Tensor] = {}
        self.watch = frozenset(watch)
        self.broken = ""
        self.lost: set[str] = set()

    def visit(self, point: HookPoint, x: Tensor) -> Tensor:
        if self.told is not None:
            self.told(point.name)
        for change in self.edits.get(point.name, ()):
            x = _replace(point, x, changed(change, x, self.tensor(point, source(change)) if source(change) else None))
        if self.grad and point.name in self.keep and x.is_floating_point() and not x.requires_grad:
            x = x.detach().requires_grad_()  # a leaf: gradients start to be followed here
        if point.name in self.taken:
            self.taken[point.name] = x
        if point.name in self.keep:
            if point.name in self.tensors:
                raise RuntimeError(f"hook point {point.name} fired twice in one pass; every point fires exactly once")
            expected = point.shape(self.sizes)
            if tuple(x.shape) != expected:
                raise RuntimeError(
                    f"hook point {point.name} ({' x '.join(point.axes)}): expected shape {expected}, got {tuple(x.shape)}"
                )
            self.tensors[point.name] = x
        if not self.broken and point.name in self.watch and not within(x):
            self.broken = point.name
        if self.broken and point.name in self.keep:
            self.lost.add(point.name)
        return x

    def tensor(self, point: HookPoint, name: str) -> Tensor:
        """What the point called `name` saw in this pass, for an edit at `point`."""
        found = self.taken[name]
        if found is None:
            raise ValueError(f"edit at {point.name}: {name} comes later in the pass; name a point before it")
        return found


def _replace(point: HookPoint, x: Tensor, new: object) -> Tensor:
    if not isinstance(new, Tensor) or new.shape != x.shape:
        got = tuple(new.shape) if isinstance(new, Tensor) else type(new).__name__
        raise ValueError(
            f"edit at {point.name}: the replacement must be a tensor of shape {tuple(x.shape)} "
            f"({' x '.join(point.axes)}), got {got}"
        )
    return new.to(x.dtype, copy=True)


@contextmanager
def recording(recorder: Recorder):
    """Let every hook point and dropout of this thread's forward passes answer to `recorder`."""
    token = _current.set(recorder)
    try:
        yield recorder
    finally:
        _current.reset(token)


def name_points(model: nn.Module) -> dict[str, HookPoint]:
    """Give every hook point its name and every dropout its site number; return the points by name."""
    points = {}
    sites = 0
    for path, module in model.named_modules():
        if isinstance(module, HookPoint):
            module.name = path.replace("hook_", "")
            points[module.name] = module
        elif isinstance(module, Dropout):
            module.site = sites
            sites += 1
    return points


def unknown(kind: str, name: str, valid: Iterable[str]) -> str:
    """Message for a name that does not exist: what was asked for, and the nearest names that do."""
    near = get_close_matches(name, list(valid), n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"no {kind} called {name!r}{hint}"
