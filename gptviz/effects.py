"""What an edit did: two passes over the same ids, one with it and one without, held against each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import sampling
from .hooks import unknown
from .trace import Trace


def first_edited(trace: Trace) -> int:
    """The place, among all points of the pass in their order, of the first one an edit changes; their number where none does.
    What stands before it cannot have changed."""
    return min((at for at, name in enumerate(trace.model.points) if name in trace.edited), default=len(trace.model.points))


def before_edit(trace: Trace, point: str) -> bool:
    """Whether the pass makes a point before anything is changed in it."""
    names = list(trace.model.points)
    if point not in trace.model.points:
        raise KeyError(unknown("hook point", point, names))
    return names.index(point) < first_edited(trace)


def change(plain: np.ndarray, edited: np.ndarray) -> float:
    """How far two tensors of one shape are apart, relative to the plain one: |edited - plain| / |plain|, lengths over all their
    numbers, in double precision. 1 where a number is infinite in one and another one in the other, or where the plain tensor is
    all zeros and the edited one is not."""
    if np.array_equal(plain, edited):
        return 0.0
    apart = whole = 0.0
    for one, other in zip(plain, edited, strict=True):  # by rows: a copy of all in double precision can be large
        same = one == other
        left, right = np.where(same, 0, one).astype(np.float64), np.where(same, 0, other).astype(np.float64)
        if not (np.isfinite(left).all() and np.isfinite(right).all()):
            return 1.0
        apart += float(np.square(right - left).sum())
        kept = np.where(np.isfinite(one), one, 0).astype(np.float64)
        whole += float(np.square(kept).sum())
    return float(np.sqrt(apart / whole)) if whole else 1.0


@dataclass(frozen=True)
class Effect:
    """What an edit did to the prediction after one token. word: the best token without the edit, best: with it. shares: its
    probability without and with; ranks: its rank, 1 for the best. divergence: how many nats the edited distribution is away
    from the plain one, sum p ln(p / q)."""

    word: int
    best: int
    shares: tuple[float, float]
    ranks: tuple[int, int]
    divergence: float


def effect(plain: np.ndarray, edited: np.ndarray) -> Effect:
    """From the logits after one token, (word,), without and with the edit."""
    word = int(plain.argmax())
    before, after = sampling.softmax(plain), sampling.softmax(edited)
    return Effect(
        word,
        int(edited.argmax()),
        (float(before[word]), float(after[word])),
        (sampling.rank(plain, word), sampling.rank(edited, word)),
        divergence(plain, edited),
    )


def divergence(plain: np.ndarray, edited: np.ndarray) -> float:
    """Kullback-Leibler divergence of the edited distribution from the plain one in nats, from their logits, (word,), in double
    precision; never below 0, which rounding alone could do."""
    before, after = _logarithms(plain), _logarithms(edited)
    return max(0.0, float(np.sum(np.exp(before) * (before - after))))


def _logarithms(logits: np.ndarray) -> np.ndarray:
    """Logarithms of the softmax, which do not vanish where a probability does."""
    below = logits.astype(np.float64) - logits.max()
    return below - np.log(np.exp(below).sum())


@dataclass(frozen=True)
class Reached:
    """What an edit reached of one tensor. before: the pass makes it before the edit, so it cannot have changed. share: how far it
    is from the plain one, see `change`."""

    before: bool
    share: float


def reached(plain: Trace, edited: Trace, points: Sequence[str], item: int, size: int) -> tuple[Reached, ...]:
    """Each point of one sentence (its first `size` tokens, every head), with and without the edit."""
    found = []
    for point in points:
        if before_edit(edited, point):
            found.append(Reached(True, 0.0))
            continue
        if not (plain.finite(point) and edited.finite(point)):
            found.append(Reached(False, 1.0))
            continue
        found.append(Reached(False, change(*(_one(trace, point, item, size) for trace in (plain, edited)))))
    return tuple(found)


def _one(trace: Trace, point: str, item: int, size: int) -> np.ndarray:
    """A point's numbers for one sentence, padding cut off."""
    cut = {"batch": item, "token": slice(size), "query": slice(size), "key": slice(size)}
    return trace.array(point)[tuple(cut.get(axis, slice(None)) for axis in trace.axes(point))]
