"""Which models can be chosen, where they come from, and how to load them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from . import hooks, weights
from .config import PRESETS
from .model import GPT

BUNDLED = Path(__file__).parent / "assets"
FOLDERS = "GPTVIZ_MODELS"  # environment variable: checkpoint folders on this machine, separated like PATH


@dataclass(frozen=True)
class Entry:
    """One model a reader can choose. `key` goes into the URL; `about` says in a line what it is and where it is from."""

    key: str
    title: str
    about: str
    build: Callable[[], GPT]


def _untrained() -> GPT:
    return GPT(PRESETS["gpt2"]).init_weights(seed=123).requires_grad_(False).eval()


def discover() -> dict[str, Entry]:
    """Every model that can be chosen now: the bundled ones first, then the folders named by GPTVIZ_MODELS."""
    found = [
        Entry(
            "mini",
            "mini",
            "A small GPT-2-shaped model that ships with gptviz: 6 blocks, 8 heads, 256 wide, trained on 11.7 million tokens of "
            "old English books. Held-out loss 4.71 nats a token (uniform guess: 10.82). It knows grammar and the nearest words, "
            "little sense beyond a sentence.",
            lambda: weights.load(BUNDLED / "mini"),
        ),
        Entry(
            "gpt2-untrained",
            "gpt2 (untrained)",
            "GPT-2 small's exact shape, 12 blocks, 12 heads, 768 wide, with random weights as at the start of training "
            "(seed 123). Its predictions are noise: that is the point.",
            _untrained,
        ),
    ]
    for folder in filter(None, os.environ.get(FOLDERS, "").split(os.pathsep)):
        path = Path(folder).expanduser().absolute()
        taken = {entry.key for entry in found}
        names = (path.name if n == 1 else f"{path.name}-{n}" for n in count(1))
        key = next(name for name in names if name not in taken)
        found.append(Entry(key, key, f"Checkpoint folder {path.name} on this server.", lambda path=path: weights.load(path)))
    return {entry.key: entry for entry in found}


MODELS = discover()


def load(key: str) -> GPT:
    """Build the chosen model. Raises KeyError for an unknown key, weights.CheckpointError for a broken folder."""
    if key not in MODELS:
        raise KeyError(hooks.unknown("model", key, MODELS))
    return MODELS[key].build()
