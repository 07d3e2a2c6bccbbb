"""What a run leaves behind: compact snapshots along the way, and the state from which it goes on as if never stopped.

Both are safetensors; nothing is ever unpickled.
"""

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, optim

from .. import weights
from ..config import GPTConfig
from ..model import GPT

SCALE = ".scale"


def to_rows(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix as int8, and for each row the fp16 number that its largest entry became 127 of: (row, column), (row,)."""
    scale = (matrix.float().abs().amax(dim=1) / 127).clamp(min=1e-7).half()
    return torch.round(matrix.float() / scale.float()[:, None]).clamp(-127, 127).to(torch.int8), scale


def from_rows(rows: Tensor, scale: Tensor) -> Tensor:
    """The float32 matrix that int8 rows and their scales stand for."""
    return rows.float() * scale.float()[:, None]


def save_snapshot(model: GPT, path: Path, facts: dict[str, object]) -> None:
    """All weights as int8 rows (vectors as fp16), a quarter of their size. A layer's matrix is written (outputs, inputs), so
    that every row is one output with a scale of its own. facts: what else to remember, such as the step."""
    tensors = {}
    for name, parameter in model.named_parameters():
        known = f"transformer.{weights.hf_name(name)}"
        value = parameter.detach().cpu()
        if value.ndim == 1:
            tensors[known] = value.half()
        else:
            rows, scale = to_rows(value.T if name.startswith("blocks.") else value)
            tensors |= {known: rows.contiguous(), known + SCALE: scale}
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(tensors, path, {key: str(value) for key, value in facts.items()})


def load_snapshot(path: str | Path, config: GPTConfig) -> GPT:
    """A snapshot -> the model, float32, ready to run. Raises CheckpointError when it is not one of this shape."""
    try:
        found = load_file(path)
    except (SafetensorError, OSError) as error:
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
    if config.tied_head:
        state["out_head.weight"] = state["tok_emb.weight"]
    model.load_state_dict(state, assign=True)
    if config.tied_head:
        model.out_head.weight = model.tok_emb.weight
    return model.requires_grad_(False).eval()


def facts(path: str | Path) -> dict[str, str]:
    """What a snapshot remembers beside its weights."""
    with safe_open(path, "pt") as file:
        return file.metadata() or {}


def save_state(path: Path, model: GPT, optimizers: list[optim.Optimizer], random: torch.Generator, counters: dict) -> None:
    """Everything a run needs to go on: weights, the optimizers' averages, the random generator, and its counters."""
    tensors = {f"model.{name}": parameter.detach() for name, parameter in model.named_parameters()}
    for number, optimizer in enumerate(optimizers):
        for index, kept in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{index}.{key}": value for key, value in kept.items()}
    tensors["random"] = random.get_state()
    _write({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, path, {"counters": json.dumps(counters)})


def load_state(path: Path, model: GPT, optimizers: list[optim.Optimizer], random: torch.Generator) -> dict:
    """Put a saved state back, in place; returns the counters."""
    found = load_file(path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(found[f"model.{name}"])
    for number, optimizer in enumerate(optimizers):
        described = optimizer.state_dict()
        described["state"] = {}
        for name, tensor in found.items():
            kind, *where = name.split(".", 3)
            if kind == "optimizer" and int(where[0]) == number:
                described["state"].setdefault(int(where[1]), {})[where[2]] = tensor
        optimizer.load_state_dict(described)
    random.set_state(found["random"])
    return json.loads(facts(path)["counters"])


def _write(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Whole or not at all: a run that is stopped while it writes leaves the older file."""
    beside = path.with_name(path.name + ".part")
    save_file(tensors, beside, metadata=metadata)
    os.replace(beside, path)
