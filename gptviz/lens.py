"""The logit lens (nostalgebraist 2020): what the model would answer if it stopped here.

The stream of every token at every depth goes through the final LayerNorm, with that row's own mean and variance, and the output
head. The last depth is the model's own answer; earlier ones are a view that the model itself never takes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .hooks import Edit
from .model import GPT
from .points import stream_in
from .trace import Trace, run

CHUNK = 32  # rows that are compared with the whole vocabulary at a time: 50,257 words in double precision are 13 MB


def points(layers: int) -> tuple[str, ...]:
    """The points of the stream at every depth: after the embedding, then after attention and after feed-forward of each block."""
    return (stream_in(0), *(f"blocks.{block}.shortcut{half}" for block in range(layers) for half in (1, 2)))


def block_points(layers: int) -> tuple[str, ...]:
    """The same after the embedding and after each block."""
    return tuple(stream_in(block) for block in range(layers + 1))


def stream(trace: Trace, names: Sequence[str], item: int = 0) -> Tensor:
    """(depth, token, feature): the stream of one sentence at these points."""
    return torch.stack([trace[name][item] for name in names])


@torch.inference_mode()
def logits(model: GPT, rows: Tensor) -> Tensor:
    """(row, word): rows of the stream, (row, feature), through the final LayerNorm and the output head."""
    return model.out_head(model.final_norm(rows))


@dataclass(frozen=True, eq=False)
class Lens:
    """What rows of the stream answer. best: (depth, token) ids of the most probable words. shares: (depth, token) their
    probabilities. difference: the largest |lens - model| among the logits of the last depth; None where nothing was compared."""

    best: np.ndarray
    shares: np.ndarray
    difference: float | None = None

    @property
    def nbytes(self) -> int:
        return self.best.nbytes + self.shares.nbytes


def read(model: GPT, rows: Tensor, output: Tensor | None = None) -> Lens:
    """rows: (depth, token, feature). output: (token, word), the model's own logits, which the last depth is held against.

    Nothing as wide as the vocabulary is kept: rows go through it CHUNK at a time, depth by depth, so that a row's answer does not
    depend on which others are asked for.
    """
    depths, tokens, _ = rows.shape
    best, shares = np.empty((depths, tokens), dtype=np.int64), np.empty((depths, tokens), dtype=np.float32)
    difference = None if output is None else 0.0
    for depth in range(depths):
        for start in range(0, tokens, CHUNK):
            part = slice(start, start + CHUNK)
            found = logits(model, rows[depth, part])
            if output is not None and depth == depths - 1:
                difference = max(difference, float((found - output[part]).abs().max()))
            wide = found.double()
            top, at = wide.max(dim=-1)
            best[depth, part] = at.numpy()
            shares[depth, part] = (top - wide.logsumexp(dim=-1)).exp().numpy()
    return Lens(best, shares, difference)


def follow(model: GPT, rows: Tensor, words: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """One token's stream at every depth, (depth, feature) -> probability and rank (1 is the highest) of some words at every depth,
    both (depth, word)."""
    shares, ranks = (np.empty((len(rows), len(words)), dtype=kind) for kind in (np.float64, np.int64))
    for start in range(0, len(rows), CHUNK):
        part = slice(start, start + CHUNK)
        wide = logits(model, rows[part]).double()
        total = wide.logsumexp(dim=-1)
        for n, word in enumerate(words):
            own = wide[:, word]
            shares[part, n] = (own - total).exp().numpy()
            ranks[part, n] = 1 + (wide > own[:, None]).sum(dim=-1).numpy()
    return shares, ranks


def moved(model: GPT, first: Tensor, second: Tensor) -> np.ndarray:
    """(depth, token): the share of all probability that changes hands between the answers of two streams of one shape, (depth, token,
    feature): half the sum of |differences|, 0 for equal answers, 1 where they have nothing in common."""
    if first.shape != second.shape:
        raise ValueError(f"streams of shapes {tuple(first.shape)} and {tuple(second.shape)} have no rows in common to compare")
    found = np.zeros(first.shape[:2], dtype=np.float32)
    other = torch.nonzero((first != second).any(dim=-1))  # equal rows have equal answers
    for part in other.split(CHUNK) if len(other) else ():
        at = part[:, 0], part[:, 1]
        one, two = (logits(model, rows[at]).double().softmax(dim=-1) for rows in (first, second))
        found[at[0].numpy(), at[1].numpy()] = ((one - two).abs().sum(dim=-1) / 2).numpy()
    return found


def copied(point: str, token: int, row: Tensor) -> Edit:
    """An edit that puts a row, (feature,), of another pass in the place of one token's at a point of the stream (activation
    patching): every later row of that token, and of those that read it, is computed from it."""

    def put(x: Tensor) -> Tensor:
        if row.shape != x.shape[-1:] or not 0 <= token < x.shape[-2]:
            raise ValueError(
                f"a row of {tuple(row.shape)} does not fit at token {token} of {point}: it has {x.shape[-2]} tokens of {x.shape[-1]} numbers"
            )
        x[:, token] = row
        return x

    return point, put


def patched(model: GPT, ids: Sequence[int], point: str, token: int, row: Tensor, keep: Sequence[str]) -> Trace:
    """The pass over ids in which one token's row at a point is another one."""
    return run(model, ids, edits=[copied(point, token, row)], points=keep)
