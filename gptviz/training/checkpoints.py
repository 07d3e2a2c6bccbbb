"""The state a run leaves behind, from which it goes on as if never stopped. safetensors; nothing is ever unpickled."""

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import optim

from ..model import GPT


def save_state(path: Path, model: GPT, optimizers: list[optim.Optimizer], random: torch.Generator, counters: dict) -> None:
    """Everything a run needs to go on: weights, the optimizers' averages, the random generator, and its counters."""
    tensors = {f"model.{name}": parameter.detach() for name, parameter in model.named_parameters()}
    for number, optimizer in enumerate(optimizers):
        for index, kept in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{index}.{key}": value for key, value in kept.items()}
    tensors["random"] = random.get_state()
    beside = path.with_name(path.name + ".part")  # whole or not at all: stopped while it writes, the older file stays
    tensors = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(tensors, beside, metadata={"counters": json.dumps(counters)})
    except SafetensorError as error:
        raise OSError(f"{path} cannot be written: {error}; make room on the disk, then go on with --resume") from None
    os.replace(beside, path)


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
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()["counters"])
