"""What readers share: the loaded models, and what was computed lately. Nothing in here belongs to one reader.

Traces are kept by plain values (model, ids, rate, seed, points), within a number of bytes; thirty readers with the same sentence
cost one forward pass.
"""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any
from weakref import WeakValueDictionary

import torch
from streamlit import runtime

from .. import catalogue, hub, sampling, tokenizer, trace, weights
from ..edits import Named
from ..model import GPT
from ..stages import STAGES
from ..trace import Trace
from . import waiting
from .room import Room
from .turns import LOOK, Turns
from .work import Works

MODELS_HELD = 2
LEAVING = 2.0  # seconds a model that was let go may take to leave before another one is loaded
WHOLE_BYTES = 96 << 20  # a trace up to this size keeps every point, so that changing the block runs nothing

Rows = tuple[tuple[int, ...], ...]


_kept = Room()
_works = Works(_kept, Turns(_kept))


class Models:
    """The models in memory, one copy of each for everybody: those chosen last, and whatever readers are still using."""

    def __init__(self, most: int = MODELS_HELD):
        self.most = most
        self.lock = threading.RLock()
        self.loading = threading.Lock()
        self.held: dict[str, GPT] = {}  # the one chosen longest ago first
        self.used: WeakValueDictionary[str, GPT] = WeakValueDictionary()

    def get(self, key: str) -> GPT | None:
        """A model that is in memory, which is then the one chosen last."""
        with self.lock:
            found = self.held.pop(key, None) or self.used.get(key)
            if found is not None:
                self._leave(self.most - 1)
                self.held[key] = found
            return found

    def has(self, key: str, model: GPT) -> bool:
        """Whether this is the copy that readers are given."""
        with self.lock:
            return self.held.get(key) is model

    def load(self, key: str) -> GPT:
        """Bring a model into memory, in the place of the one that was chosen longest ago. One is loaded at a time."""
        with waiting.aside(), self.loading:
            if (found := self.get(key)) is not None:
                return found
            torch.set_num_threads(1)  # two threads a pass are slower on busy cores
            needed = catalogue.MODELS[key].memory if key in catalogue.MODELS else 0
            has = hub.memory().size
            if has is not None and needed > has:
                raise MemoryError(hub.refusal(hub.PUBLISHED[key]))
            with self.lock:
                self._leave(self.most - 1)
            until = time.monotonic() + LEAVING
            while len(self.used) >= self.most and time.monotonic() < until:  # readers' runs under way still use it
                time.sleep(LOOK)
            loaded = catalogue.load(key)
            tokenizer.encoding()
            with self.lock:
                self.held[key] = self.used[key] = loaded
            return loaded

    def forget(self, key: str) -> None:
        """Let go of a model that nobody can choose any more, and of what was computed with it."""
        with self.lock:
            if self.held.pop(key, None) is not None:
                _let_go(key)

    def clear(self) -> None:
        """Let go of all of them."""
        with self.lock:
            for key in list(self.held):
                self.forget(key)

    def _leave(self, most: int) -> None:
        for key in list(self.held)[: max(0, len(self.held) - most)]:
            self.forget(key)


def _let_go(key: str) -> None:
    """Forget everything that was computed with a model: a trace would keep its weights in memory."""
    _kept.drop(lambda kept: key in kept)


_held = Models()


def forget(key: str) -> None:
    """Let go of a model that nobody can choose any more."""
    _held.forget(key)


def model(key: str) -> GPT:
    """The chosen model, one copy for everybody. Two are held beside each other; a third takes the place of the one that was
    chosen longest ago. Raises MemoryError when the machine has too little for it."""
    if (found := _held.get(key)) is not None:
        return found
    return _works.once(("model", key), _who(), lambda: _held.load(key), f"Getting {_title(key)} ready", waiting.PAGE, _never)


def opened(key: str) -> GPT | str:
    """The chosen model, or in words why it cannot be loaded."""
    try:
        return model(key)
    except (weights.CheckpointError, OSError, MemoryError) as error:
        return f"The model {key} cannot be loaded. {catalogue.refusal(key, error)}"


def _never() -> bool:
    return False


def _title(key: str) -> str:
    return catalogue.MODELS[key].title if key in catalogue.MODELS else key


def _who() -> Hashable:
    """Whose work it is: the session's, or outside of any the thread's."""
    return waiting.who() or threading.get_ident()


def _once(key: tuple, make: Callable[[], Any], doing: str = "Working it out", keep: Callable[[], bool] = lambda: True) -> Any:
    return _works.once(key, _who(), make, doing, waiting.PAGE, keep)


def tidy() -> bool:
    """Let go of what nobody uses any more: what was computed for readers who are gone. Whether there was anything."""
    server = runtime.get_instance() if runtime.exists() else None
    return _kept.tidy(lambda who: server is not None and not (isinstance(who, str) and server.is_active_session(who)))


def points(loaded: GPT, batch: int, tokens: int, block: int) -> tuple[str, ...] | None:
    """Which points to keep for a text of this length: all of them, or what the stages make and read and the viewed block
    (0-based)."""
    if trace.bytes_needed(loaded, batch, tokens) <= WHOLE_BYTES:
        return None
    made = {point.format(block=block) for stage in STAGES for point in stage.points}
    read = {point for stage in STAGES for point in stage.reads(block, loaded.config.n_layer)}
    return (*sorted(made | read), f"blocks.{block}.*")


def traced(key: str, ids: Rows, dropout: float, seed: int, block: int, edits: tuple[Named, ...] = ()) -> Trace:
    """The trace of these ids through a model, run once and then kept. block: 0-based, matters for long texts only."""
    loaded = model(key)
    keep = points(loaded, len(ids), len(ids[0]), block)
    return _once(
        ("trace", key, ids, dropout, seed, keep, edits),
        lambda: trace.run(loaded, ids, dropout=dropout, seed=seed, edits=edits, points=keep),
        f"The text goes through {_title(key)}",
        lambda: _held.has(key, loaded),
    )


def continued(
    key: str, ids: tuple[int, ...], more: int, dropout: float, seed: int, edits: tuple[Named, ...] = ()
) -> tuple[int, ...]:
    """`ids` and the tokens the model, changed by these edits, appends to them by argmax, one at a time."""
    for _ in range(more):
        ids = _once(
            ("next", key, ids, dropout, seed, edits),
            lambda ids=ids: (*ids, *sampling.generate(model(key), list(ids), 1, dropout=dropout, seed=seed, edits=edits)),
            f"{_title(key)} writes",
        )
    return ids


def is_continued(key: str, ids: tuple[int, ...], dropout: float, seed: int, edits: tuple[Named, ...] = ()) -> bool:
    """Whether the next token is known already."""
    return _kept.get(("next", key, ids, dropout, seed, edits), _who()) is not None


def continued_by(seen: Trace, key: str, ids: tuple[int, ...], edits: tuple[Named, ...] = ()) -> None:
    """Remember the token that a pass over the end of a text chooses, so that no other pass is needed for it. edits: those of
    that pass."""
    token = int(seen["logits"][0, -1].argmax())
    _kept.keep(("next", key, ids, seen.dropout, seen.seed, edits), (*ids, token), _who())


def run(key: str, loaded: GPT, ids, *, fresh: bool = False, **options) -> Trace:
    """`trace.run` for a lab: kept when its options are plain values, edits by name among them; run anew when an edit has no name,
    with gradients, and when it has to be fresh."""
    rows = tuple(map(tuple, ids)) if isinstance(ids[0], Sequence) else (tuple(ids),)
    doing = f"The text goes through {_title(key)}"
    names, others = trace.told_apart(options.get("edits", ()))
    if fresh or others or options.get("grad"):
        return _once((object(),), lambda: trace.run(loaded, rows, **options), doing, _never)
    keep = options.get("points")
    options |= {"points": None if keep is None else tuple(keep), "edits": names}
    return _once(
        ("lab", key, rows, *sorted(options.items(), key=str)),
        lambda: trace.run(loaded, rows, **options),
        doing,
        lambda: _held.has(key, loaded),
    )


def once(key: tuple, make, doing: str = "Working it out"):
    """What make() gives, made by the first reader who asks for these plain values, and then kept. make() may ask for passes and
    for other values. doing: what that is, for whoever waits."""
    return _once(("lab", *key), make, doing)


def kept(key: tuple):
    """What `once` gave for a key, if that is still kept, else None."""
    return _kept.get(("lab", *key), _who())
