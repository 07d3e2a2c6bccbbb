"""Muon for the matrices of the blocks, AdamW for embeddings, norms and biases; and how the learning rate goes up and down."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn, optim

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
        Muon(matrices, matrix_rate, decay),
        optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]


class Muon(optim.Optimizer):
    """Muon for matrices (inputs, outputs): momentum, then an update whose singular values are all about 1.

    An update is scaled by sqrt(outputs / inputs) where a layer widens, as Muon means it. PyTorch's own has the same steps, but
    reads a matrix as (outputs, inputs) and multiplies in bfloat16 whatever the processor: without bfloat16 in hardware that
    takes forty times as long as float32.
    """

    def __init__(self, matrices: Iterable[nn.Parameter], lr: float, decay: float = 0.01, momentum: float = 0.95):
        super().__init__(matrices, {"lr": lr, "decay": decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            for matrix in group["params"]:
                slope, kept = matrix.grad, self.state[matrix]
                average = kept.setdefault("momentum_buffer", torch.zeros_like(slope))
                average.lerp_(slope, 1 - group["momentum"])
                update = orthogonal(slope.lerp(average, group["momentum"]))  # Nesterov's: a look ahead
                inputs, outputs = matrix.shape
                matrix.mul_(1 - group["lr"] * group["decay"])
                matrix.add_(update, alpha=-group["lr"] * math.sqrt(max(1, outputs / inputs)))


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """The matrix with its singular values brought near 1 (about 0.7 to 1.2), by Newton and Schulz's iteration with the
    coefficients of Jordan 2024. In bfloat16 on a GPU, in the matrix's own precision elsewhere."""
    a, b, c = 3.4445, -4.7750, 2.0315
    found = matrix.bfloat16() if matrix.is_cuda else matrix
    found = found.T if matrix.shape[0] > matrix.shape[1] else found
    found = found / found.norm().clamp(min=1e-7)
    for _ in range(steps):
        gram = found @ found.T
        found = torch.addmm(found, torch.addmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return (found.T if matrix.shape[0] > matrix.shape[1] else found).to(matrix.dtype)


def schedule(progress: float, step: int, warmup: int, hold: float) -> float:
    """The learning rate's share at `progress` (0 to 1) of the run: up in a straight line over the first `warmup` steps, level
    until `hold`, then in a straight line to 0."""
    up = min(1.0, (step + 1) / warmup) if warmup else 1.0
    down = 1.0 if progress < hold else max(0.0, (1 - progress) / (1 - hold))
    return up * down
