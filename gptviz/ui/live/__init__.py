"""The live element: dropout on a canvas with its own slider, recomputed in the browser while the slider moves.

What travels is `payload(picture)`: `<uint32 header length><JSON header>`, then the numbers before and the noise as float32.
The server hears of p once the slider rests.
"""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from ...figures import style
from ...figures.live import DropoutStrips
from .. import incoming

HTML = """
<div class="live">
  <label class="top">
    <span class="rate"></span><input type="range" aria-label="dropout rate p"><span class="factor"></span>
  </label>
  <canvas tabindex="0" role="application" aria-roledescription="dropout"></canvas>
  <p class="sum"></p>
  <p class="count"></p>
  <p class="from"></p>
</div>
"""


def _source(name: str) -> str:
    """A file beside this one without indentation and comment lines: it travels with every message."""
    lines = map(str.strip, (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


_element = st.components.v2.component(
    "gptviz_live",
    html=HTML,
    css=_source("live.css"),
    js=_source("live.js"),
)


@dataclass(frozen=True)
class Released:
    """The reader let go of the slider: the control of that name is to become value."""

    control: str
    value: float


def show(picture: DropoutStrips, *, key: str, on_event: Callable[[Released], None] | None = None) -> None:
    """Draw the picture. on_event: called when the slider rests, before the script runs again."""

    def changed() -> None:
        value = translate(incoming.sent(key, "p"), picture.span)
        if value is None:
            incoming.ignored("a slider in a picture")
        elif on_event is not None:
            on_event(Released(picture.control, value))

    _element(key=key, data=payload(picture), on_p_change=changed)


def translate(message: object, span: tuple[float, float, float]) -> float | None:
    """What the browser sent, as a value on the slider's steps. Anything else, such as a forged message, is None."""
    low, high, step = span
    if type(message) not in (int, float) or not low <= message <= high:
        return None
    return round(low + step * round((message - low) / step), 6)


def payload(picture: DropoutStrips) -> bytes:
    """The picture as bytes for live.js."""
    header = {
        "title": picture.title,
        "rows": picture.values.shape[0],
        "cols": picture.values.shape[1],
        "labels": list(picture.rows),
        "p": picture.p,
        "on": picture.on,
        "weights": picture.kind == "weights",
        "first": picture.first,
        "low": float(picture.limits[0]),
        "high": float(picture.limits[1]),
        "chosen": [int(at) for at in picture.chosen],
        "span": list(picture.span),
        "source": picture.source,
        "note": picture.note,
        "alt": picture.alt,
        "code": f"{picture.point}[{', '.join(map(str, picture.prefix))}{', ' if picture.prefix else ''}",
        "colour": style.PARTS[picture.part],
        "scales": {kind: dict(stops) for kind, stops in style.SCALES.items()},
        "hidden": dict(style.HIDDEN),
    }
    encoded = json.dumps(header, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    arrays = (np.ascontiguousarray(array, dtype="<f4").tobytes() for array in (picture.values, picture.noise))
    return b"".join((struct.pack("<I", len(encoded)), encoded, *arrays))
