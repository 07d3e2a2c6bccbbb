"""Which models can be chosen, where they come from, and how to load them."""

import os
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from . import hooks, hub, snapshots, verbatim, weights
from .config import PRESETS
from .model import GPT

BUNDLED = Path(__file__).parent / "assets"
FOLDERS = "GPTVIZ_MODELS"  # environment variable: checkpoint folders on this machine, separated like PATH
OWN_BYTES = 12  # of chance in the key of a reader's own model; a multiple of 3

CARD_BYTES = 1 << 20


@dataclass(frozen=True)
class Entry:
    """One model a reader can choose. `key` goes into the URL; `about` says in a line what it is and where it is from; folder:
    where its checkpoint lies, None when it is made on the spot; memory: bytes it takes, where that is known beforehand; listed:
    False for a model that belongs to one reader, who alone knows its key."""

    key: str
    title: str
    about: str
    build: Callable[[], GPT]
    folder: Path | None = None
    memory: int = 0
    listed: bool = True

    @property
    def card(self) -> Path | None:
        """The model card in its folder, where there is one: Markdown that says what the model is and how it was made. A link to a
        file elsewhere is none, as it would show that file to every reader, and nothing so long that it cannot be meant to be read."""
        path = self.folder and self.folder / "CARD.md"
        if not path or not path.is_file() or path.stat().st_size > CARD_BYTES:
            return None
        return path if path.resolve().parent == self.folder.resolve() else None

    @property
    def trouble(self) -> str:
        """Why its folder cannot be opened as a model, as far as that shows without reading its weights; else ""."""
        return weights.trouble(self.folder) if self.folder else ""

    @property
    def history(self) -> snapshots.History | None:
        """The run that made it, where its folder keeps snapshots of that. Raises CheckpointError when they cannot be read."""
        return snapshots.history(self.folder) if self.folder else None


def _start() -> GPT:
    run = snapshots.history(BUNDLED / "mini")
    return run.steps[0].load(run.config)


def _untrained() -> GPT:
    return GPT(PRESETS["gpt2"]).init_weights(seed=123).requires_grad_(False).eval()


def discover() -> dict[str, Entry]:
    """Every model that can be chosen now: the bundled ones first, then the folders named by GPTVIZ_MODELS, then the published
    sizes that lie in the Hugging Face cache. Touches no network and opens no weights."""
    found = [
        Entry(
            "mini",
            "mini",
            "A small GPT-2-shaped model that ships with gptviz: 6 blocks, 8 heads, 256 wide, trained on 17.8 million tokens "
            "of old English books. Held-out loss 4.46 nats a token (uniform guess: 10.82). It knows grammar and the nearest words, "
            "little sense beyond a sentence.",
            lambda: weights.load(BUNDLED / "mini", mapped=True),
            BUNDLED / "mini",
        ),
        Entry(
            "mini-untrained",
            "mini (untrained)",
            "mini before its first step of training: the random weights its run started from, drawn again from the same seed "
            "(1337). Set it beside mini to see what training made of them.",
            _start,
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
        stem = _name(path)
        names = (stem if n == 1 else f"{stem}-{n}" for n in count(1))
        key = next(name for name in names if name not in taken)
        found.append(Entry(key, key, f"Checkpoint folder {stem} on this server.", lambda path=path: weights.load(path), path))
    for one in hub.PUBLISHED.values():
        if one.key not in {entry.key for entry in found} and (path := hub.find(one)):
            found.append(
                Entry(one.key, one.key, describe(one), lambda path=path: weights.load(path, mapped=True), path, one.memory)
            )
    return {entry.key: entry for entry in found}


def _name(path: Path) -> str:
    """What a checkpoint folder is called; one inside a Hugging Face cache is called as its repository. A name need not be text: what
    is none is written as its number."""
    if path.parent.name == "snapshots" and path.parent.parent.name.startswith("models--"):
        path = Path(path.parent.parent.name.split("--")[-1])
    return verbatim.plain(path.name) or "folder"


def describe(one: hub.Published) -> str:
    """A published size in two lines."""
    config = one.config
    return (
        f"{one.name} as OpenAI trained and published it in 2019: {config.n_layer} blocks, {config.n_head} heads, {config.n_embd} "
        f"wide, {config.n_parameters:,} learned numbers. On the hub: {one.repo}, revision {one.revision[:7]}."
    )


MODELS = discover()
_changing = threading.Lock()


def refresh() -> None:
    """Look again: a model may have arrived since. What was listed stays listed, for it may be in use."""
    global MODELS
    with _changing:
        MODELS = MODELS | discover()


def listed() -> dict[str, Entry]:
    """The models that everybody may see."""
    return {key: entry for key, entry in MODELS.items() if entry.listed}


def lend(folder: Path, title: str, about: str) -> str:
    """Take in a checkpoint folder for one reader: it is in no list, and nobody can guess the key that is returned."""
    global MODELS
    key = f"own-{secrets.token_urlsafe(OWN_BYTES)}"
    with _changing:
        MODELS = MODELS | {key: Entry(key, title, about, lambda: weights.load(folder), folder, listed=False)}
    return key


def take_back(key: str) -> None:
    """Let go of a model that was lent."""
    global MODELS
    with _changing:
        MODELS = {kept: entry for kept, entry in MODELS.items() if kept != key}


def like_own(key: str) -> bool:
    """Whether a key has the form of those of `lend`, be there such a model or not."""
    return re.fullmatch(rf"own-[\w-]{{{OWN_BYTES * 4 // 3}}}", key, re.ASCII) is not None


def offers() -> dict[str, hub.Published]:
    """The published sizes that are not on this machine."""
    return {key: one for key, one in hub.PUBLISHED.items() if key not in MODELS}


def refusal(key: str, error: Exception) -> str:
    """Why a model cannot be loaded, for readers: its folder by its name, for where the folder lies is the server's own affair.
    `python -m gptviz models` says that too."""
    said, folder = str(error), MODELS[key].folder if key in MODELS else None
    for place in (folder, folder.resolve()) if folder else ():
        for named in filter(lambda one: one.name, (place, place.parent)):
            said = said.replace(str(named), named.name)
    return said


def load(key: str) -> GPT:
    """Build the chosen model. Raises KeyError for an unknown key, weights.CheckpointError for a broken folder."""
    if key in offers():
        raise KeyError(f"{key} is not on this machine: python -m gptviz fetch {key}")
    if key not in MODELS:
        raise KeyError(hooks.unknown("model", key, listed()))
    return MODELS[key].build()
