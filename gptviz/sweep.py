"""Every part tried in turn: edits of one block as the rows of one batch, which goes through the model from that block on.

What an edit does not reach is not computed again: what enters the block is taken from the pass without it, and the logits are made
for one token alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from . import edits, effects, sampling, trace
from .config import GPTConfig
from .edits import Named
from .hooks import Change, Edit, Recorder, changed, recording, source
from .model import GPT
from .points import stream_in
from .trace import Pass, Trace

PIECE = 40_000_000_000  # multiply-adds of one piece of trying
MOST = 192 << 20  # bytes of one batch; more edits than fit go through one batch after the other


@dataclass(frozen=True, eq=False)
class Tried:
    """What each edit did to the prediction after one token. shares: the probability of the word that is followed; best: the word
    that is then most probable; divergence: of the distribution from the plain one, in nats. (edit,); shares and divergence are NaN
    where an edit makes numbers too large to be shown."""

    shares: np.ndarray
    best: np.ndarray
    divergence: np.ndarray


def plain(model: GPT, ids: Sequence[int], run: Callable[..., Trace] = trace.run) -> Trace:
    """The pass without an edit: what enters every block, and the logits after the last of these ids."""
    return run(model, ids, points=[*(stream_in(block) for block in range(model.config.n_layer)), "logits"])


def tried(before: Trace, block: int, names: Sequence[Named], word: int) -> Tried:
    """Each of these edits of one block (0-based) alone, held against the pass without, see `plain`."""
    row = before.array("logits")[0, -1]
    found = []
    for made in _batches(before, block, names):
        for edited in made:
            if not (np.abs(edited) <= trace.LARGEST).all():
                found.append((np.nan, -1, np.nan))
                continue
            share = float(sampling.softmax(edited)[word])
            found.append((share, int(edited.argmax()), effects.divergence(row, edited)))
    shares, best, divergence = (np.array(column) for column in zip(*found))
    return Tried(shares, best, divergence)


def logits(before: Trace, block: int, names: Sequence[Named]) -> np.ndarray:
    """The logits after the last token under each of these edits of one block, (edit, word); NaN where an edit makes numbers that
    are too large to be computed with."""
    return np.concatenate(list(_batches(before, block, names)))


def at_once(model: GPT, tokens: int) -> int:
    """How many edits go through the model in one batch."""
    return max(1, MOST // _bytes(model, 1, tokens))


def pieces(config: GPTConfig, block: int, tokens: int, names: Sequence[Named]) -> list[Sequence[Named]]:
    """Edits of one block (0-based) in parts that take a second or so each, so that trying them can be left off in between."""
    work = tokens * config.n_parameters * (config.n_layer - block) // config.n_layer
    most = max(1, PIECE // work)
    return [names[first : first + most] for first in range(0, len(names), most)]


def _bytes(model: GPT, batch: int, tokens: int) -> int:
    """Bytes a batch holds at most: everything in one block, what enters it, and the logits of one token."""
    within = trace.bytes_needed(model, batch, tokens, ["blocks.0.*", "final_norm"])
    return within + 4 * batch * model.config.vocab_size


def _batches(before: Trace, block: int, names: Sequence[Named]):
    model, tokens = before.model, before.ids.shape[1]
    for first in range(0, len(names), at_once(model, tokens)):
        some = names[first : first + at_once(model, tokens)]
        points = [name for name in model.points if _from(name, block)]
        about = Pass(model.config, len(some), tokens, len(points) + 1, _bytes(model, len(some), tokens))
        yield trace.allowed(about, partial(_pass, before, block, some))


def _from(name: str, block: int) -> bool:
    """Whether the pass comes to a point from this block on."""
    return name == "final_norm" or name.startswith("blocks.") and int(name.split(".")[1]) >= block


@torch.inference_mode()
def _pass(before: Trace, block: int, names: Sequence[Named], told: Callable[[str], None] | None) -> np.ndarray:
    """One batch, a row an edit, see `logits`."""
    model, tokens = before.model, before.ids.shape[1]
    changes = [edits.apply([name], model) for name in names]
    entering = stream_in(block)
    for name, found in zip(names, changes):
        if alien := [point for point, _ in found if not point.startswith(f"blocks.{block}.")]:
            raise ValueError(f"{name} changes {alien[0]}: only edits of block {block + 1} go into one batch")
    taken = {source(change) for found in changes for _, change in found} - {""}
    recorder = Recorder(model.config.sizes(len(names), tokens), taken, told=told)
    recorder.edits = {point: [change] for point, change in _by_row(changes, recorder.tensors)}
    with recording(recorder):
        x = model.points[entering](before[entering][:1].expand(len(names), -1, -1))
        sound = torch.ones(len(names), dtype=torch.bool)
        for layer in model.blocks[block:]:
            x = layer(x)
            sound &= (x.abs() <= trace.LARGEST).all((1, 2))
        x = model.hook_final_norm(model.final_norm(x))
        return model.out_head(x[:, -1]).masked_fill(~sound[:, None], torch.nan).numpy()


def _by_row(changes: Sequence[Sequence[Edit]], seen: Mapping[str, Tensor]) -> list[Edit]:
    """The edits of row n of a batch, changes[n], as edits of the whole batch. seen: the points that an edit takes a tensor from,
    filled as the pass comes to them."""
    by_point: dict[str, list[tuple[int, Change]]] = {}
    for row, found in enumerate(changes):
        for point, change in found:
            by_point.setdefault(point, []).append((row, change))
    return [(point, partial(_changed, some, seen)) for point, some in by_point.items()]


def _changed(some: Sequence[tuple[int, Change]], seen: Mapping[str, Tensor], x: Tensor) -> Tensor:
    for row, change in some:
        one = slice(row, row + 1)
        x[one] = changed(change, x[one], seen[source(change)][one] if source(change) else None)
    return x
