"""From logits to the next token, and the loop that writes a text."""

from collections.abc import Iterator

import numpy as np

from . import trace
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


def generate(model: GPT, ids: list[int], count: int, *, dropout: float = 0.0, seed: int = 0) -> Iterator[int]:
    """Append `count` tokens by argmax, one at a time, yielding each.

    Before every step the text is cropped to the last `context_length` tokens, as GPT-2 must.
    """
    ids = list(ids)
    for _ in range(count):
        window = ids[-model.config.context_length :]
        logits = trace.run(model, window, dropout=dropout, seed=seed, points=["logits"])["logits"]
        token = int(logits[0, -1].argmax())
        ids.append(token)
        yield token
