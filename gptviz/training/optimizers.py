"""Muon for the matrices of the blocks, AdamW for embeddings, norms and biases; and how the learning rate goes up and down."""

import math
from collections.abc import Iterable

from torch import nn, optim

from ..model import GPT


def split(model: GPT) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The matrices of the blocks, and every other parameter."""
    named = list(model.named_parameters())
    matrices = [parameter for name, parameter in named if name.startswith("blocks.") and parameter.ndim == 2]
    others = [parameter for name, parameter in named if not (name.startswith("blocks.") and parameter.ndim == 2)]
    return matrices, others


def build(model: GPT, rate: float, matrix_rate: float, decay: float = 0.01) -> list[optim.Optimizer]:
    """Muon (Jordan 2024) and AdamW (Loshchilov and Hutter 2019) over all of the model's parameters."""
    matrices, others = split(model)
    return [
        optim.Muon(muon_groups(matrices, matrix_rate, decay), lr=matrix_rate, weight_decay=decay, momentum=0.95),
        optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]


def muon_groups(matrices: Iterable[nn.Parameter], rate: float, decay: float) -> list[dict]:
    """One group for each shape, its rate set so that an update has the size Muon means it to have.

    Muon makes every singular value of an update about 1 and scales it by sqrt(outputs / inputs) where a layer widens.
    PyTorch reads a matrix as (outputs, inputs); here it is (inputs, outputs), so its factor is taken out and the right one put
    in. The weight decay moves the other way, as what is subtracted is their product.
    """
    groups: dict[tuple[int, int], list[nn.Parameter]] = {}
    for matrix in matrices:
        groups.setdefault((matrix.shape[0], matrix.shape[1]), []).append(matrix)
    found = []
    for (inputs, outputs), members in groups.items():
        factor = math.sqrt(max(1, outputs / inputs) / max(1, inputs / outputs))
        found.append({"params": members, "lr": rate * factor, "weight_decay": decay / factor})
    return found


def schedule(progress: float, step: int, warmup: int, hold: float) -> float:
    """The learning rate's share at `progress` (0 to 1) of the run: up in a straight line over the first `warmup` steps, level
    until `hold`, then in a straight line to 0."""
    up = min(1.0, (step + 1) / warmup) if warmup else 1.0
    down = 1.0 if progress < hold else max(0.0, (1 - progress) / (1 - hold))
    return up * down
