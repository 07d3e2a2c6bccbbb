"""A model by name or by folder, as a notebook asks for one."""

from os import PathLike
from pathlib import Path

from . import catalogue, hooks, weights
from .model import GPT


def load(model: str | PathLike = "mini") -> GPT:
    """A model, ready to run: by its name ("mini", "gpt2-untrained", ...; `python -m gptviz models` lists them), or a checkpoint
    folder in Hugging Face's GPT-2 format (config.json and model.safetensors). A name goes before a folder of the same name; a
    folder given as a Path is always a folder. Takes what the weights take in memory: 71 MB for mini.

    Raises KeyError for what is neither a name nor a folder, weights.CheckpointError for a folder that cannot be opened as a model.
    """
    if not isinstance(model, str | PathLike):
        raise TypeError(f"a model is asked for by its name or its folder, not by {model!r}")
    if isinstance(model, str) and (model in catalogue.MODELS or model in catalogue.offers()):
        return catalogue.load(model)
    folder = Path(model).expanduser()
    if folder.is_dir():
        return weights.load(folder)
    known = hooks.unknown("model", str(model), catalogue.listed())
    raise KeyError(f"{known}. Nor is it a folder on this machine.")
