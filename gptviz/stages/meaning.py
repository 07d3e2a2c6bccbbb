"""What the token table can say of a token: which rows are near, and of which tokens it knows nothing."""

import threading
from collections import OrderedDict
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ..likeness import with_all
from ..model import GPT

KEPT = 32  # tokens of a model whose likenesses are kept: a class asks for the same ones
_kept: WeakKeyDictionary[GPT, OrderedDict[tuple[int, int], Tensor]] = WeakKeyDictionary()
_lock = threading.Lock()
CROWD = 0.5  # a row that is so much like all others on average says nothing of its own


def _likeness(model: GPT, token: int) -> Tensor:
    """Cosine of a token's vector with those of all, (vocabulary,), kept for whoever asks next: nobody may write into it."""
    table = model.tok_emb.weight
    key = token, table._version
    with _lock:
        known = _kept.setdefault(model, OrderedDict())
        if (found := known.get(key)) is not None:
            known.move_to_end(key)
            return found
    found = with_all(table, token)
    with _lock:
        known[key] = found
        while len(known) > KEPT:
            known.popitem(last=False)
    return found


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
    likeness = _likeness(model, token)
    among = torch.ones(len(likeness), dtype=torch.bool) if model.read is None else model.read.clone()
    among[token] = False
    return float(likeness[among].mean()) if among.any() else 0.0


def nearest(model: GPT, token: int, most: int) -> list[tuple[int, float]]:
    """The tokens whose vectors point most nearly the same way, with their cosines; never one that the model has not read, and
    none where its own vector says nothing."""
    if silent(model, token):
        return []
    likeness = _likeness(model, token).clone()
    likeness[token] = -torch.inf
    if model.read is not None:
        likeness[~model.read] = -torch.inf
    best = likeness.topk(min(most, len(likeness) - 1, known(model)))
    return [(row, near) for row, near in zip(best.indices.tolist(), best.values.tolist()) if near > -torch.inf]
