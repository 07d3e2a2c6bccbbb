"""What a notebook asks for: a model by name or by folder, a step of the walk, the whole walk."""

from dataclasses import dataclass
from html import escape
from importlib import import_module
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

from . import catalogue, hooks, weights
from .keep.chosen import Chosen
from .keep.walk import page
from .model import GPT
from .stages import BY_KEY
from .verbatim import Html

HEIGHT = 760  # pixels of the frame in a cell's output


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


@dataclass(frozen=True)
class Frame:
    """A page that a notebook shows below its cell. html: the whole page, which needs nothing else."""

    html: str
    height: int = HEIGHT

    def _repr_html_(self) -> Html:
        return (
            f'<iframe sandbox="allow-scripts" srcdoc="{escape(self.html)}" title="gptviz" '
            f'style="width: 100%; height: {self.height:d}px; border: 1px solid gray"></iframe>'
        )


def show(text: str, stage: str = "attention-weights", *, model: str = "mini", height: int = HEIGHT, **choices: Any) -> Any:
    """One step of the walk in a notebook: its picture, words and numbers, in one block and every head.

    choices: block and head from 1, token from 0 (-1 is the last), dropout, seed, second, item, more, special, edits, as in
    `gptviz.keep.chosen.Chosen`. With anywidget (`pip install gptviz[notebook]`) it is a widget, and `clicked` holds the number that
    was clicked last as (point, index), from 0 as in `seen[point][index]`; without, a `Frame`, in which a click is answered and not
    told. Raises KeyError for an unknown stage or model, ValueError for a place that there is not.
    """
    if stage not in BY_KEY:
        raise KeyError(hooks.unknown("stage", stage, BY_KEY))
    seen = Chosen(text, model, **choices).seen(load(model))
    made = page(seen, model, [BY_KEY[stage]], [seen.block])
    if find_spec("anywidget") is None:
        return Frame(made, height)
    return import_module(".widget", __package__).Step(html=made, height=height)


def walk(text: str, *, model: str = "mini", height: int = HEIGHT, **choices: Any) -> Frame:
    """The whole walk in a notebook, all stages, blocks and heads: the page that `python -m gptviz keep` writes. choices: as for
    `show`; dropout and edits are those of the one pass that is in it."""
    seen = Chosen(text, model, **choices).seen(load(model))
    return Frame(page(seen, model), height)
