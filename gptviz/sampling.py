"""From logits to the next token, and the loop that writes a text."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from . import tokenizer, trace
from .model import GPT


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the whole last axis, in double precision: exp(l - max) / sum of exp(l - max)."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def top(values: np.ndarray, count: int) -> np.ndarray:
    """Indices of the `count` largest values, largest first; of equal values the lower index first."""
    count = min(count, values.size)
    least = np.partition(values, -count)[-count] if count else np.inf
    candidates = np.flatnonzero(values >= least)
    return candidates[np.argsort(-values[candidates], kind="stable")][:count]


def rank(values: np.ndarray, index: int) -> int:
    """Place of one index when values are sorted from largest to smallest: 1 is the largest."""
    return 1 + int((values > values[index]).sum())


def generate(
    model: GPT, ids: list[int], count: int, *, dropout: float = 0.0, seed: int = 0, edits: Sequence = ()
) -> Iterator[int]:
    """Append `count` tokens by argmax, one at a time, yielding each. edits: changes of every pass, as `trace.run` takes them.

    Before every step the text is cropped to the last `context_length` tokens, as GPT-2 must.
    """
    ids = list(ids)
    for _ in range(count):
        window = ids[-model.config.context_length :]
        logits = trace.run(model, window, dropout=dropout, seed=seed, edits=edits, points=["logits"])["logits"]
        token = int(logits[0, -1].argmax())
        ids.append(token)
        yield token


def tempered(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax of logits / temperature over the whole last axis; at temperature 0 the argmax has 1 and the others 0.

    Of equal highest logits the lower index is the argmax.
    """
    if not temperature >= 0:
        raise ValueError(f"temperature must be 0 or more, got {temperature}")
    if temperature == 0:
        first = logits.argmax(axis=-1, keepdims=True)
        return (np.arange(logits.shape[-1]) == first).astype(np.float64)
    below = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):  # a gap too large for a number becomes -inf, whose share is 0
        return softmax(below / temperature)


def top_k(logits: np.ndarray, k: int) -> np.ndarray:
    """Indices of the k highest logits, highest first; all of them when there are no more than k."""
    if k < 1:
        raise ValueError(f"top-k must leave at least 1 token, got {k}")
    return top(logits, k)


def top_p(probabilities: np.ndarray, p: float) -> np.ndarray:
    """The nucleus (Holtzman et al. 2020): indices of the smallest set of most probable tokens whose mass reaches p.

    The mass is counted over all the probabilities given, which sum to 1. p = 1 keeps every token.
    """
    if not 0 < p <= 1:
        raise ValueError(f"top-p must be above 0 and at most 1, got {p}")
    if p == 1:
        return top(probabilities, probabilities.size)
    for count in (1024, 16 * 1024, probabilities.size):  # few tokens hold most of the mass: sorting all of them is slow
        order = top(probabilities, count)
        reached = np.cumsum(probabilities[order])
        if reached[-1] >= p:
            break
    return order[: 1 + int(np.searchsorted(reached, p))]


@dataclass(frozen=True, eq=False)
class Pool:
    """The tokens the next draw can choose, most probable first.

    words: (size,) token ids. before: (size,) their probabilities at this temperature among the whole vocabulary.
    probabilities: (size,) what they are drawn with, the same scaled up to sum to 1.
    """

    words: np.ndarray
    before: np.ndarray

    @property
    def size(self) -> int:
        return len(self.words)

    @property
    def kept(self) -> float:
        """The share of the whole vocabulary's probability that is in the pool."""
        return float(self.before.sum())

    @property
    def probabilities(self) -> np.ndarray:
        return self.before / self.before.sum()

    def places(self, numbers: np.ndarray) -> np.ndarray:
        """Where numbers from 0 to below 1 fall when the probabilities lie end to end: places in `words`."""
        return np.minimum(np.searchsorted(np.cumsum(self.probabilities), numbers, side="right"), self.size - 1)


def chained(logits: np.ndarray, *, temperature: float = 1.0, k: int, p: float) -> int:
    """How many tokens are left where top-k comes first and top-p counts over what it left, scaled up to sum to 1: the rule of
    `transformers` and others. Never more than in `pool`, because the scaled shares reach p sooner."""
    shares = tempered(logits, temperature)[top_k(logits, k)]
    shares = shares[shares > 0]
    return top_p(shares / shares.sum(), p).size


def pool(logits: np.ndarray, *, temperature: float = 1.0, k: int | None = None, p: float = 1.0) -> Pool:
    """What is left to draw from: logits (word,) through temperature, then top-k and top-p.

    Both count over the whole vocabulary at this temperature, so the pool is the smaller of the two sets. A token whose
    probability is 0 is never in it, so temperature 0 leaves the argmax alone.
    """
    probabilities = tempered(logits, temperature)
    nucleus = logits.size if p == 1 else top_p(probabilities, p).size
    words = top_k(logits, nucleus if k is None else min(k, nucleus))
    words = words[probabilities[words] > 0]
    return Pool(words, probabilities[words])


def numbers(seed: int, count: int) -> np.ndarray:
    """(count,) random numbers from 0 to below 1; with the same seed a longer row begins with the shorter one."""
    return np.random.default_rng(seed).random(count)


@dataclass(frozen=True, eq=False)
class Step:
    """One token written. ids: what the model read. left_out: earlier tokens that did not fit. number: the random number;
    place: where it fell in the pool."""

    ids: tuple[int, ...]
    left_out: int
    pool: Pool
    number: float
    place: int

    @property
    def token(self) -> int:
        return int(self.pool.words[self.place])


def write(
    last_logits: Callable[[tuple[int, ...]], np.ndarray],
    ids: Sequence[int],
    count: int,
    *,
    limit: int,
    temperature: float = 1.0,
    k: int | None = None,
    p: float = 1.0,
    seed: int = 0,
    stop: int | None = tokenizer.END_OF_TEXT_ID,
) -> Iterator[Step]:
    """Append up to `count` drawn tokens, one at a time, yielding each step; `stop` is written and ends it, None never does.

    last_logits: ids -> logits after the last of them, (word,). Before every step the text is cropped to its last `limit`
    tokens. Token n is drawn with random number n of the seed, so fewer tokens are the beginning of more.
    """
    ids = tuple(ids)
    for number in numbers(seed, count):
        window = ids[-limit:]
        found = pool(last_logits(window), temperature=temperature, k=k, p=p)
        step = Step(window, len(ids) - len(window), found, float(number), int(found.places(number)))
        yield step
        ids = (*ids, step.token)
        if step.token == stop:
            return
