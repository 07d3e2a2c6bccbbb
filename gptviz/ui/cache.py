"""What readers share: the loaded models, and the traces made lately. Nothing in here belongs to one reader.

Traces are kept by plain values (model, ids, rate, seed, points), up to a number of bytes; thirty readers with the same
sentence cost one forward pass.
"""

import gc
import os
import threading
from collections.abc import Sequence

import cachetools
import streamlit as st
import torch

from .. import catalogue, hub, sampling, tokenizer, trace
from ..model import GPT
from ..trace import Trace

MODELS_HELD = 2
KEPT_BYTES = 1 << 30  # traces held for all readers together
WHOLE_BYTES = 96 << 20  # a trace up to this size keeps every point, so that changing the block runs nothing

Rows = tuple[tuple[int, ...], ...]

STREAM = ("ids", "tok_emb", "pos_emb", "input_emb", "drop_emb", "blocks.*.drop?", "blocks.*.shortcut?", "final_norm", "logits")
"""Points kept however long the text is; beside them, everything of the viewed block."""

_forwards = threading.BoundedSemaphore(os.cpu_count() or 1)


def _let_go(key: str) -> None:
    """Forget everything that was computed with a model: a trace would keep its weights in memory."""
    cache, changed = _kept()
    with changed:
        for kept in [kept for kept in cache if key in kept and cache[kept] is not _PENDING]:
            del cache[kept]
    gc.collect()


@st.cache_resource(show_spinner="Getting the model ready", max_entries=MODELS_HELD, on_release=lambda held: _let_go(held[0]))
def _held(key: str) -> tuple[str, GPT]:
    torch.set_num_threads(1)  # two threads a pass are slower on busy cores
    needed = catalogue.MODELS[key].memory if key in catalogue.MODELS else 0
    has = hub.memory().size
    if has is not None and needed > has:
        raise MemoryError(hub.refusal(hub.PUBLISHED[key]))
    loaded = catalogue.load(key)
    tokenizer.encoding()
    gc.collect()
    gc.freeze()  # Streamlit collects garbage after every run; without this each one walks all of torch
    return key, loaded


def forget(key: str) -> None:
    """Let go of a model that nobody can choose any more."""
    _held.clear(key)


def model(key: str) -> GPT:
    """The chosen model, one copy for everybody. Two are held beside each other; a third takes the place of the one that was
    chosen longest ago. Raises MemoryError when the machine has too little for it."""
    return _held(key)[1]


@st.cache_resource(show_spinner=False)
def _kept() -> tuple[cachetools.LRUCache, threading.Condition]:
    cache = cachetools.LRUCache(maxsize=KEPT_BYTES, getsizeof=lambda made: getattr(made, "nbytes", 1024))
    return cache, threading.Condition()


def _once(key: tuple, make):
    """The kept value for a key, made by the first reader who asks while the others wait for it."""
    cache, changed = _kept()
    with changed:
        changed.wait_for(lambda: cache.get(key) is not _PENDING)
        if key in cache:
            return cache[key]
        cache[key] = _PENDING
    try:
        with _forwards:
            made = make()
    except BaseException:
        with changed:
            cache.pop(key, None)
            changed.notify_all()
        raise
    with changed:
        cache.pop(key, None)
        if cache.getsizeof(made) <= cache.maxsize:
            cache[key] = made
        changed.notify_all()
    return made


_PENDING = object()


def points(loaded: GPT, batch: int, tokens: int, block: int) -> tuple[str, ...] | None:
    """Which points to keep for a text of this length: all of them, or the stream and the viewed block (0-based)."""
    if trace.bytes_needed(loaded, batch, tokens) <= WHOLE_BYTES:
        return None
    return (*STREAM, f"blocks.{block}.*")


def traced(key: str, ids: Rows, dropout: float, seed: int, block: int) -> Trace:
    """The trace of these ids through a model, run once and then kept. block: 0-based, matters for long texts only."""
    loaded = model(key)
    keep = points(loaded, len(ids), len(ids[0]), block)
    return _once(
        ("trace", key, ids, dropout, seed, keep),
        lambda: trace.run(loaded, ids, dropout=dropout, seed=seed, points=keep),
    )


def continued(key: str, ids: tuple[int, ...], more: int, dropout: float, seed: int) -> tuple[int, ...]:
    """`ids` and the tokens the model appends to them by argmax, one at a time."""
    for _ in range(more):
        ids = _once(
            ("next", key, ids, dropout, seed),
            lambda ids=ids: (*ids, *sampling.generate(model(key), list(ids), 1, dropout=dropout, seed=seed)),
        )
    return ids


def run(key: str, loaded: GPT, ids, **options) -> Trace:
    """`trace.run` for a lab: kept when its options are plain values, run anew when it has edits or gradients."""
    rows = tuple(map(tuple, ids)) if isinstance(ids[0], Sequence) else (tuple(ids),)
    if not options.keys() <= {"dropout", "seed", "points"}:
        with _forwards:
            return trace.run(loaded, rows, **options)
    keep = options.get("points")
    options["points"] = None if keep is None else tuple(keep)
    return _once(("lab", key, rows, *sorted(options.items(), key=str)), lambda: trace.run(loaded, rows, **options))


def once(key: tuple, make):
    """What make() gives, made by the first reader who asks for these plain values, and then kept.

    make() holds one of the places for forward passes, so it must not ask for another.
    """
    return _once(("lab", *key), make)
