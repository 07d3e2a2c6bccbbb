"""What a prediction costs: minus the log of the probability that the softmax gives to the right token, in nats."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def full(hidden: Tensor, table: Tensor, targets: Tensor) -> Tensor:
    """Mean loss over the whole vocabulary. hidden: (token, feature); table: (word, feature); targets: (token,)."""
    return F.cross_entropy(F.linear(hidden, table).float(), targets)


def sampled(
    hidden: Tensor, table: Tensor, targets: Tensor, negatives: int, generator: torch.Generator, always: Tensor | None = None
) -> Tensor:
    """Mean loss with the softmax's sum estimated from a part of the vocabulary (Jean et al. 2015).

    The words that are a target somewhere in the batch count as they are. Of the others `negatives` are drawn, all equally
    likely, and stand for the rest: each logit is raised by the log of how many words it speaks for, which makes the sum of
    exponentials right on average. Drawn words that are targets are thrown away, so a target is never counted twice.

    always: ids, sorted and without doubles, that count as they are in every batch; all targets must be among them. With every
    word of a small text in it, only words that never occur are left to chance, and the estimate is as good as exact.
    """
    words = table.shape[0]
    if always is None:
        present, place = torch.unique(targets, return_inverse=True)
    else:
        present, place = always, torch.searchsorted(always, targets)
    drawn = torch.randint(words, (negatives,), generator=generator, device=generator.device).to(targets.device)
    drawn = drawn[~torch.isin(drawn, present)]
    raised = torch.zeros(len(present) + len(drawn), device=hidden.device)
    if len(drawn):
        raised[len(present) :] = math.log((words - len(present)) / len(drawn))
    rows = F.embedding(torch.cat([present, drawn]), table)
    return F.cross_entropy(F.linear(hidden, rows).float() + raised, place)
