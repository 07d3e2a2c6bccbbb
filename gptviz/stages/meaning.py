"""What the token table can say of a token: which rows are near, and of which tokens it knows nothing."""

import torch

from ..likeness import with_all
from ..model import GPT

CROWD = 0.5  # a row that is so much like all others on average says nothing of its own


def silent(model: GPT, token: int) -> str:
    """Why the vector of a token says nothing, as far as that is known; "" where it may say something."""
    if model.read is not None and not model.read[token]:
        return "this model never read this token in training"
    if model.read is None and average(model, token) > CROWD:
        return "it lies in a crowd that is like all rows alike"
    return ""


def known(model: GPT) -> int:
    """How many tokens there are to compare with."""
    return len(model.tok_emb.weight) if model.read is None else int(model.read.sum())


def average(model: GPT, token: int) -> float:
    """The mean cosine of a token's vector with those of all others that the model has read."""
    likeness = with_all(model.tok_emb.weight, token)
    among = torch.ones(len(likeness), dtype=torch.bool) if model.read is None else model.read.clone()
    among[token] = False
    return float(likeness[among].mean()) if among.any() else 0.0


def nearest(model: GPT, token: int, most: int) -> list[tuple[int, float]]:
    """The tokens whose vectors point most nearly the same way, with their cosines; never one that the model has not read, and
    none where its own vector says nothing."""
    if silent(model, token):
        return []
    likeness = with_all(model.tok_emb.weight, token).clone()
    likeness[token] = -torch.inf
    if model.read is not None:
        likeness[~model.read] = -torch.inf
    best = likeness.topk(min(most, len(likeness) - 1, known(model)))
    return [(row, near) for row, near in zip(best.indices.tolist(), best.values.tolist()) if near > -torch.inf]
