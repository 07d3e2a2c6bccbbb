"""A model at several moments of its training: compact files of its weights, and the run they belong to.

A snapshot is a safetensors file, compressed with gzip where its name ends in .gz. Each row of a matrix is stored as small whole
numbers and one fp16 scale; of 4-bit rows the compression leaves a little under half a byte a number. Nothing is ever unpickled.
"""

import gzip
import json
import math
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor

from . import weights
from .config import GPTConfig
from .files import HEADER_BYTES, brief, content, opened, parsed
from .model import GPT

FOLDER = "checkpoints"  # beside the weights of the run's end
LOG = "loss.jsonl"
SCALE = ".scale"
DRAWN = "drawn"  # the fact that says from which seed a start without stored weights is drawn again
LOG_BYTES = 64 << 20
SHRUNK = (1.0, 0.9, 0.8, 0.7, 0.6)  # largest number of the scale, as shares of a row's largest entry, that are tried
SMALLEST = 2**-24  # the least fp16 number above 0


def to_rows(matrix: Tensor, bits: int = 8) -> tuple[Tensor, Tensor]:
    """A matrix as whole numbers of `bits` bits, and for each row the fp16 step between two of them: int8 (row, column), (row,).

    With 8 bits a row's largest entry becomes 127. With fewer, entries beyond the scale may be cut to its end: of a few scales
    each row takes the one with the smallest squared error.
    """
    matrix, most = matrix.float(), 2 ** (bits - 1) - 1
    largest = matrix.abs().amax(dim=1, keepdim=True)
    best_rows, best_scale, least = None, None, None
    for share in SHRUNK if bits < 8 else SHRUNK[:1]:
        scale = (share * largest / most).clamp(min=SMALLEST).half()
        rows = torch.round(matrix / scale.float()).clamp(-most, most)
        error = (rows * scale.float() - matrix).square().sum(dim=1, keepdim=True)
        if least is None:
            best_rows, best_scale, least = rows, scale, error
        else:
            better = error < least
            best_rows, best_scale = torch.where(better, rows, best_rows), torch.where(better, scale, best_scale)
            least = torch.minimum(error, least)
    return best_rows.to(torch.int8), best_scale[:, 0]


def from_rows(rows: Tensor, scale: Tensor) -> Tensor:
    """The float32 matrix that whole numbers and their rows' scales stand for."""
    return rows.float() * scale.float()[:, None]


def save(model: GPT, path: Path, facts: Mapping[str, object], bits: int = 8) -> None:
    """All weights as rows of `bits` bits, vectors as fp16. A layer's matrix is written (outputs, inputs), so that every row is
    one output with a scale of its own. facts: what else to remember, such as the step."""
    tensors = {}
    for name, parameter in model.named_parameters():
        known = f"transformer.{weights.hf_name(name)}"
        value = parameter.detach().cpu()
        if value.ndim == 1:
            tensors[known] = value.half()
        else:
            rows, scale = to_rows(value.T if name.startswith("blocks.") else value, bits)
            tensors |= {known: rows.contiguous(), known + SCALE: scale}
    _write(to_bytes(tensors, {key: str(value) for key, value in facts.items()}), path)


def save_drawn(seed: int, path: Path, facts: Mapping[str, object]) -> None:
    """A snapshot of the start of a run whose weights need not be stored, because `drawn` gives them again."""
    _write(to_bytes({}, {key: str(value) for key, value in (dict(facts) | {DRAWN: seed}).items()}), path)


def load(path: str | Path, config: GPTConfig) -> GPT:
    """A snapshot -> the model, float32, ready to run. Raises CheckpointError when it is not one of this shape."""
    if DRAWN in (known := facts(path)):
        try:
            return drawn(config, int(known[DRAWN]))
        except (ValueError, RuntimeError):
            raise weights.CheckpointError(f"{path}: expected the seed of a run, found {brief(known[DRAWN])}") from None
    try:
        found = from_bytes(_read(path, 4 * config.n_parameters + HEADER_BYTES))
    except (SafetensorError, OSError, EOFError, zlib.error) as error:
        raise weights.CheckpointError(f"{path}: expected a complete safetensors file, got: {error}") from None
    with torch.device("meta"):
        model = GPT(config)
    state = {}
    for name, parameter in model.named_parameters():
        known = f"transformer.{weights.hf_name(name)}"
        if known not in found or (parameter.ndim == 2 and known + SCALE not in found):
            raise weights.CheckpointError(f"{path}: expected {known}{SCALE if known in found else ''}, found none")
        value = found[known]
        if parameter.ndim == 2:
            value = from_rows(value, found[known + SCALE])
            value = value.T.contiguous() if name.startswith("blocks.") else value
        if value.shape != parameter.shape:
            raise weights.CheckpointError(
                f"{path}: {known}: expected shape {tuple(parameter.shape)} in the model, found {tuple(value.shape)}"
            )
        state[name] = value.float()
    return _filled(model, state)


def facts(path: str | Path) -> dict[str, str]:
    """What a snapshot remembers beside its weights, without reading these. Raises CheckpointError when it is not one."""
    try:
        with _open(path) as file:
            size = int.from_bytes(file.read(8), "little")
            header = parsed(Path(path), file.read(size)) if size < HEADER_BYTES else None
    except (OSError, EOFError, zlib.error) as error:
        raise weights.CheckpointError(f"{path}: expected a safetensors file, got: {error}") from None
    if not isinstance(header, dict) or not isinstance(found := header.get("__metadata__", {}), dict):
        raise weights.CheckpointError(f"{path}: expected a safetensors file, found another one")
    return found


def drawn(config: GPTConfig, seed: int) -> GPT:
    """The weights a run starts from that builds a GPT-2 out of PyTorch's own layers: normal, 0.02 wide, the two projections
    back into the stream narrower by sqrt(2 layers), biases 0.

    Each layer draws weights of its own when it is built, the token and the position table first, and these are thrown away
    when all matrices are drawn anew; from one generator, so they count.
    """
    generator = torch.Generator().manual_seed(seed)
    width, narrow = config.n_embd, 0.02 / math.sqrt(2 * config.n_layer)
    tables = (config.vocab_size, width), (config.context_length, width)
    layers = ((3 * width, width), (width, width), (4 * width, width), (width, 4 * width))  # (outputs, inputs)
    for shape in tables:
        torch.empty(shape).normal_(generator=generator)
    for shape in layers * config.n_layer:
        torch.empty(shape).uniform_(generator=generator)
        torch.empty(shape[0]).uniform_(generator=generator)  # its bias

    def normal(shape: tuple[int, int], spread: float = 0.02) -> Tensor:
        return torch.empty(shape).normal_(0, spread, generator=generator)

    state = {"tok_emb.weight": normal(tables[0]), "pos_emb.weight": normal(tables[1])}
    for block in range(config.n_layer):
        for name, shape in zip(("att.qkv", "att.out_proj", "ff.expand", "ff.contract"), layers):
            back = name in ("att.out_proj", "ff.contract")
            state[f"blocks.{block}.{name}.weight"] = normal(shape, narrow if back else 0.02).T.contiguous()
    with torch.device("meta"):
        model = GPT(config)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            norm = "norm" in name and name.endswith("weight")
            state[name] = torch.ones(parameter.shape) if norm else torch.zeros(parameter.shape)
    return _filled(model, state)


def _filled(model: GPT, state: dict[str, Tensor]) -> GPT:
    """A model without weights, given these."""
    tied = model.config.tied_head
    model.load_state_dict(state | ({"out_head.weight": state["tok_emb.weight"]} if tied else {}), assign=True)
    if tied:
        model.out_head.weight = model.tok_emb.weight
    return model.requires_grad_(False).eval()


def _open(path: str | Path):
    file = opened(Path(path))
    if not str(path).endswith(".gz"):
        return file
    file.close()
    return gzip.open(path, "rb")


def _read(path: str | Path, most: int) -> bytes:
    """All of a file, which may not unpack to more than `most` bytes."""
    with _open(path) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise weights.CheckpointError(f"{path}: expected at most {most:,} bytes for a model of this shape, found more")
    return found


def _write(content: bytes, path: Path) -> None:
    """Whole or not at all: a run that is stopped while it writes leaves the older file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(_compressed(content) if path.name.endswith(".gz") else content)
    os.replace(beside, path)


def _compressed(content: bytes) -> bytes:
    """In gzip's format, tuned for bytes that hardly repeat and take few values: what chance repeats it finds cost more than
    they save, so that the usual tuning gives files a seventh larger."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_FILTERED)
    return packer.compress(content) + packer.flush()


# the run --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A moment of a run. number: steps of the optimizer before it; tokens: read so far; held_out: loss in nats a token on
    text the run never reads, where it was measured; cost: what storing the weights compactly adds to that; path: of the
    snapshot, or the folder of the weights at the end."""

    number: int
    tokens: int
    held_out: float | None
    cost: float
    path: Path

    def load(self, config: GPTConfig) -> GPT:
        """The model as it was then."""
        return weights.load(self.path) if self.path.is_dir() else load(self.path, config)


@dataclass(frozen=True)
class History:
    """A run from its start to its end. steps: in order, the last one the finished weights. log: what was written down on the
    way, each line with its step and a loss: the running mean over the batches, or `held_out`."""

    config: GPTConfig
    steps: tuple[Step, ...]
    log: tuple[Mapping[str, float], ...]


def history(folder: str | Path) -> History | None:
    """The run whose folder this is; None where it left no snapshots. Raises CheckpointError on files that are none."""
    folder = Path(folder)
    paths = sorted((folder / FOLDER).glob("step*.safetensors*")) if (folder / FOLDER).is_dir() else []
    paths = [path for path in paths if path.name.endswith((".safetensors", ".safetensors.gz"))]
    if not paths or not (folder / LOG).is_file():
        return None
    log = _log(folder / LOG)
    steps = tuple(_step(path, facts(path)) for path in paths)
    if log and (folder / "model.safetensors").is_file():
        end = log[-1]
        before = tuple(one for one in steps if one.number < end["step"])
        steps = (*before, Step(end["step"], end["tokens"], end.get("held_out"), 0.0, folder))
    return History(weights.read_config(folder), steps, log)


def _log(path: Path) -> tuple[Mapping[str, float], ...]:
    """The lines of a loss log. Raises CheckpointError where one is none."""
    made = []
    try:
        for number, line in enumerate(content(path, LOG_BYTES).decode("utf-8").splitlines(), start=1):
            found = json.loads(line)
            if not isinstance(found, dict) or not {"step", "tokens"} <= found.keys() or not all(map(_measured, found.values())):
                raise ValueError(f"line {number} says {line[:40]}")
            made.append(found)
    except (OSError, ValueError, RecursionError) as error:
        raise weights.CheckpointError(f"{path}: expected lines of JSON with step and tokens, got: {error}") from None
    return tuple(made)


def _measured(value: object) -> bool:
    """Whether a value of the log is a number, or says that there is none."""
    return value is None or (type(value) in (int, float) and math.isfinite(value))


def _step(path: Path, known: Mapping[str, str]) -> Step:
    try:
        held_out = float(known["held_out"])
        compact = float(known.get("compact", held_out))
        if not math.isfinite(held_out) or not math.isfinite(compact):
            raise ValueError(f"a loss of {held_out}, stored {compact}")
        return Step(int(known["step"]), int(known["tokens"]), held_out, compact - held_out, path)
    except (KeyError, TypeError, ValueError) as error:
        raise weights.CheckpointError(f"{path}: expected step, tokens and held_out beside the weights, got: {error}") from None
