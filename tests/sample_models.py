"""Models the tests share: small ones with every parameter random, so that no wrong bias or scale hides behind a 0 or a 1."""

from collections.abc import Callable
from functools import cache

import torch

from gptviz import catalogue
from gptviz.config import PRESETS, GPTConfig
from gptviz.model import GPT

EFFORT = [6109, 3626, 6100, 345]  # "Every effort moves you"
DAY = [6109, 1110, 6622, 257]  # "Every day holds a"


worked_out: dict[tuple, object] = {}
"""What a lab worked out for one test, for the next ones of the file."""


def once(key: tuple, make: Callable[[], object], doing: str = "") -> object:
    """As a page has it: made for the first who asks."""
    if key not in worked_out:
        worked_out[key] = make()
    return worked_out[key]


def forget() -> None:
    """Let go of all that is shared: a page that is opened keeps its own."""
    untrained.cache_clear()
    worked_out.clear()


def randomised(config: GPTConfig, seed: int = 0, spread: float = 0.08) -> GPT:
    """A model with every weight, bias, scale and shift drawn at random: matrices N(0, spread), LayerNorm scales around 1."""
    generator = torch.Generator().manual_seed(seed)
    model = GPT(config).requires_grad_(False).eval()
    for name, parameter in model.named_parameters():
        parameter.normal_(1.0 if "norm" in name and name.endswith("weight") else 0.0, spread, generator=generator)
    return model


@cache
def tiny() -> GPT:
    """2 blocks, 2 heads, 16 wide: shared, so not to be changed."""
    return randomised(PRESETS["tiny"], seed=1)


@cache
def mini() -> GPT:
    """The bundled model: shared, so not to be changed."""
    return catalogue.load("mini")


@cache
def untrained() -> GPT:
    """GPT-2 small's exact shape with seeded random weights: shared, so not to be changed."""
    return catalogue.load("gpt2-untrained")


def some_ids(batch: int, tokens: int, seed: int = 0) -> torch.Tensor:
    """Random token ids, (batch, token)."""
    return torch.randint(50257, (batch, tokens), generator=torch.Generator().manual_seed(seed))


@cache
def ending() -> GPT:
    """A small model whose most probable next token is always `<|endoftext|>`, written by its last bias: shared, so not to be changed."""
    model = randomised(PRESETS["tiny"], seed=2)
    model.tok_emb.weight[50256] *= 100  # so that no other row is more alike
    model.final_norm.weight.zero_()
    model.final_norm.bias.copy_(model.tok_emb.weight[50256])
    return model
