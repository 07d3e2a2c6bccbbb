"""How well a model predicts text it has never read."""

import numpy as np
import torch

from ..model import GPT
from . import losses
from .forward import hidden


def held_out_windows(ids: np.ndarray, length: int, windows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`windows` stretches of `length` tokens spread evenly over the text, and the tokens to predict: (window, token) each."""
    if len(ids) < length + 2:
        raise ValueError(f"{len(ids)} held-out tokens are too few for a window of {length}")
    starts = [number * (len(ids) - length - 1) // windows for number in range(windows)]
    rows = torch.from_numpy(np.stack([ids[start : start + length + 1] for start in starts]).astype(np.int64))
    return rows[:, :-1], rows[:, 1:]


@torch.no_grad()
def window_losses(model: GPT, ids: np.ndarray, windows: int = 60, length: int | None = None) -> np.ndarray:
    """Nats a token in each of the evenly spread windows of the held-out ids, (window,): full softmax, float32."""
    length = length or model.config.context_length
    device = model.tok_emb.weight.device
    found = []
    for window, target in zip(*held_out_windows(ids, length, windows), strict=True):
        read = hidden(model, window[None].to(device))[0]
        found.append(float(losses.full(read, model.out_head.weight, target.to(device))))
    return np.array(found)


def loss(model: GPT, ids: np.ndarray, windows: int = 60, length: int | None = None) -> float:
    """Nats a token over all the windows, each as long as the context unless `length` says otherwise."""
    return float(window_losses(model, ids, windows, length).mean())
