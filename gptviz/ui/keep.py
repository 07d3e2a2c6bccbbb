"""The Keep menu of a picture: its file, its numbers, the Python that makes them, and the whole pass. Nothing is made before it is
asked for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from .. import catalogue, edits, tokenizer, verbatim, weights
from ..canvas import grid, strips
from ..canvas.packing import pack
from ..figures import style
from ..figures.forms import Picture
from ..figures.matrix import Grid
from ..figures.strips import DropoutStrips
from ..keep import arrays, code, csv, walk
from ..labs.lab import Experiment, Setting
from ..seen import Seen
from ..stages import STAGES, Stage
from . import beside, cache, element
from .state import Choice

NPZ_BYTES = 256 << 20  # one reader's file at most
WALK_TOKENS = 16  # a walk of more would take minutes to write


def stage(
    one: beside.Half, chosen: Stage, choice: Choice, pictures: Sequence[Picture], key: str, *, compared: bool = False
) -> None:
    """Of one stage as a model shows it. compared: the first picture is the stage's own of what an edit did."""
    seen = one.seen
    menu = _menu(key)
    if not menu.open:
        return
    place = " · ".join(
        [chosen.title, *[f"block {seen.block + 1}"] * chosen.per_block, *[f"head {seen.head + 1}"] * chosen.per_head]
    )
    about = {"picture": place, **source(seen, one.key), "made by": walk.version()}
    choice = replace(choice, edit=",".join(seen.trace.edits))  # beside another one, of this one alone
    with menu:
        _files(pictures, about, chosen.key, key)
        _whole(seen, one, choice, key)
        _code(code.of_stage(chosen, seen, one.key, compared=compared))


def experiment(current: Experiment, setting: Setting, pictures: Sequence[Picture], marks: Sequence[str]) -> None:
    """Of an experiment as it is set."""
    menu = _menu("lab")
    if not menu.open:
        return
    about = {
        "picture": current.title,
        "model": _title(setting.model_key),
        "weights": state(setting.model),
        **({"state": ", ".join(marks)} if marks else {}),
        **({"edits": edits.write(setting.edits)} if setting.edits else {}),
        **{name: value for name, value in setting.values.items()},
        "text": tokenizer.in_one_line(setting.text),
        "made by": walk.version(),
    }
    with menu:
        lines = code.of_experiment(
            current, setting.values, setting.text, setting.ids, setting.model_key, edits.write(setting.edits)
        )
        _files(pictures, about, current.key, f"lab-{current.key}")
        _code(lines)


def _menu(key: str):
    return st.popover("Keep", type="tertiary", key=f"keep-{key}", on_change="rerun")


def _title(model: str) -> str:
    return catalogue.MODELS[model].title if model in catalogue.MODELS else model


def state(model) -> str:
    return "trained" if weights.is_trained(model) else "random, as at initialisation"


def source(seen: Seen, model: str) -> dict[str, Any]:
    """Where a pass's numbers come from, line by line."""
    trace = seen.trace
    return {
        "model": _title(model),
        "weights": state(trace.model),
        "dropout": f"{trace.dropout:g}" if trace.dropout else "off",
        "seed": trace.seed,
        "edits": ", ".join(trace.edits) or "none",
        "block": seen.block + 1,
        "head": seen.head + 1,
        "token": seen.labels[seen.row],
        "text": tokenizer.in_one_line(seen.text),
    }


def _files(pictures: Sequence[Picture], about: Mapping[str, Any], name: str, key: str) -> None:
    """Each picture as the browser makes it, and all their numbers."""
    for n, made in enumerate(pictures):
        several = f" {n + 1}" if len(pictures) > 1 else ""
        if data := photographed(made, about, f"{name}{several.replace(' ', '-')}", several):
            element.files(data, key=f"files-{key}-{n}")
    st.download_button(
        "Numbers (CSV)",
        csv.write(pictures, about),
        f"{name}.csv",
        "text/csv",
        key=f"csv-{key}",
        on_click="ignore",
        width="stretch",
    )


def _code(lines: str) -> None:
    st.caption("The same numbers in Python:")
    st.code(lines, language="python", wrap_lines=True)


def photographed(made: Picture, about: Mapping[str, Any], name: str, which: str = "") -> bytes | None:
    """What the browser needs to make files of a picture; None of one that is text. which: said on the buttons after their kind."""
    state_ = [f"{about['model']}: weights {about['weights']}"]
    state_ += [f"{what} {about[what]}" for what in ("dropout", "edits", "state") if about.get(what, "none") != "none"]
    told = {"title": about["picture"], "state": state_, "foot": f'"{about["text"]}"  ·  {about["made by"]}'}
    header = {
        "name": name,
        "which": which,
        "about": {key: verbatim.plain(value) if isinstance(value, str) else value for key, value in told.items()},
    }
    if isinstance(made, go.Figure):
        figure = json.loads(made.to_json())
        figure["layout"].pop("template", None)
        return pack("file", header | {"figure": figure, "deeper": dict(style.DEEPER["light"])}, ())
    if not isinstance(made, Grid | DropoutStrips):
        return None
    payload = grid.payload(made) if isinstance(made, Grid) else strips.payload(made)
    return pack("file", header | {"size": len(payload)}, (payload,))


# the whole pass -------------------------------------------------------------------------------------------------------


def _whole(seen: Seen, one: beside.Half, choice: Choice, key: str) -> None:
    """All tensors in one file, and the walk in one file."""
    trace = seen.trace
    try:
        arrays.check(trace, NPZ_BYTES)
    except MemoryError as error:
        st.caption(verbatim.markdown(f"The whole pass cannot be kept: {error}."))
    else:
        some = "" if len(trace.tensors) == len(trace.model.points) else ", this block's and the stream's"
        st.download_button(
            f"Whole pass: {len(trace.tensors)} tensors{some} (.npz, {arrays.size(trace) / 1e6:.1f} MB)",
            partial(pass_file, choice, one.key),
            "pass.npz",
            "application/octet-stream",
            key=f"npz-{key}",
            on_click="ignore",
            width="stretch",
        )
    if seen.size > WALK_TOKENS:
        words = f"The walk in one file is offered for up to {WALK_TOKENS} tokens; this text has {seen.size}. In a terminal: python -m gptviz keep"
        st.caption(verbatim.markdown(words))
        return
    st.download_button(
        "The walk in one file (HTML)",
        partial(walk_file, choice, one.key),
        "walk.html",
        "text/html",
        key=f"walk-{key}",
        on_click="ignore",
        width="stretch",
        help="Every stage, block and head, for a folder, a web server or a lesson without one. It takes some 15 seconds to write.",
    )


def pass_file(choice: Choice, key: str) -> bytes:
    """All tensors of one model's pass."""
    trace = beside.half(choice, key, cache.model(key)).trace
    return arrays.packed(trace, asdict(choice) | {"model": key}, NPZ_BYTES)


def walk_file(choice: Choice, key: str) -> str:
    """The walk of one model."""
    half = beside.half(choice, key, cache.model(key))
    return walk.page(half.seen, key, STAGES)
