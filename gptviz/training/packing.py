"""A run's folder made small enough to ship: its snapshots with fewer bits a number, and what that costs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import snapshots, weights
from ..snapshots import DRAWN, FOLDER
from . import evaluation

WINDOWS = 60


@dataclass(frozen=True)
class Packed:
    """One snapshot before and after. size: bytes after; before, after: loss in nats a held-out token; error: the largest
    relative error (norm of the difference over the norm) of a matrix."""

    step: int
    size: int
    before: float
    after: float
    error: float


def pack(
    folder: Path,
    out: Path,
    held_out: np.ndarray,
    bits: int,
    windows: int = WINDOWS,
    say: Callable[[Packed], None] = lambda made: None,
) -> list[Packed]:
    """Write every snapshot of the run in `folder` again under `out`, with `bits` bits a number and compressed.

    held_out: (token,) ids the run never read; the loss on them before and after goes into each snapshot.
    """
    config, made = weights.read_config(folder), []
    for path in sorted((folder / FOLDER).glob("step*.safetensors")):
        known = snapshots.facts(path)
        model = snapshots.load(path, config)
        before = evaluation.loss(model, held_out, windows)
        facts = known | {"held_out": round(before, 4)}
        name = f"step{int(known['step']):06d}"
        if DRAWN in known:
            target = out / FOLDER / f"{name}.drawn.safetensors"
            snapshots.save_drawn(int(known[DRAWN]), target, facts)
            made.append(Packed(int(known["step"]), target.stat().st_size, before, before, 0.0))
        else:
            target = out / FOLDER / f"{name}.int{bits}.safetensors.gz"
            snapshots.save(model, target, facts, bits)
            small = snapshots.load(target, config)
            after = evaluation.loss(small, held_out, windows)
            snapshots.save(model, target, facts | {"compact": round(after, 4)}, bits)
            pairs = zip(model.parameters(), small.parameters())
            error = max(float((a - b).norm() / a.norm()) for a, b in pairs if a.ndim == 2)
            made.append(Packed(int(known["step"]), target.stat().st_size, before, after, error))
        say(made[-1])
    return made
