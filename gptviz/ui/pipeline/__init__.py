"""The map of the whole pipeline: every stage a box, the blocks drawn once, the current stage lit, shapes underneath.

Stepping leaves the keyboard's focus where it is; what a step changed is said to screen readers, and the boxes can be skipped.
It also listens to the keys a reader or a clicker presses (arrows, PageUp, PageDown, Home) and to the buttons Back and Next
so that every step is made in one place: its own light moves at once, and the server is told afterwards, one request at
a time. A request carries a number, and the answer the number of the request it holds for.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import streamlit as st

from ...config import GPTConfig
from ...figures import covering, style
from ...model import GPT
from ...stages import BY_KEY, STAGES, Stage
from .. import incoming

HTML = """
<nav class="map" aria-label="The stages of the walk"><button class="skip" type="button">Skip to the picture</button></nav>
<p class="said" role="status"></p>
"""
_here = Path(__file__).parent
_component = st.components.v2.component(
    "gptviz_pipeline",
    html=HTML,
    css=(_here / "pipeline.css").read_text(encoding="utf-8"),
    js=(_here / "pipeline.js").read_text(encoding="utf-8"),
)


def shapes(model: GPT, batch: int, tokens: int) -> list[tuple[int, int, str]]:
    """Runs of stages that hand on a tensor of one shape: (first stage, last stage, shape in words)."""
    runs: list[tuple[int, int, str]] = []
    for n, stage in enumerate(STAGES):
        text = ",".join(map(str, stage.handed_on(model, batch, tokens)))
        if runs and runs[-1][2] == text and stage.per_block == STAGES[n - 1].per_block:
            runs[-1] = (runs[-1][0], n, text)
        else:
            runs.append((n, n, text))
    return runs


def name(stage: Stage) -> str:
    """What a box is called: it begins with what is written on it, so that it can be called by that."""
    written = f"{stage.number} {stage.short}".strip()
    return f"{stage.number} {stage.title}".strip() if stage.title.startswith(stage.short) else f"{written}, {stage.title}"


def said(stage: str, block: int, config: GPTConfig, tokens: int, around: Mapping[str, str]) -> list[str]:
    """What is on screen, in parts; those that a step changed are said to who cannot see it."""
    if stage not in BY_KEY:
        return [around[stage], "", ""]
    step = f"{STAGES.index(BY_KEY[stage]) + 1} of {len(STAGES)}: {BY_KEY[stage].title}"
    return [step, f"block {block} of {config.n_layer}", f"{tokens} tokens" if tokens > 1 else "1 token"]


def show(
    stage: str,
    block: int,
    model: GPT,
    batch: int,
    tokens: int,
    *,
    present: bool,
    on_go: Callable[..., None],
    whose: str = "",
    around: Mapping[str, str],
    reached: Sequence[Mapping[str, object]] = (),
    guessed: Mapping[str, tuple[bool, str]] = MappingProxyType({}),
    led: Sequence[str] = (),
    at: int = 0,
    own: Mapping[str, object] | None = None,
    on_own: Callable[[bool], None] = lambda on: None,
    parts: tuple[int, int] = (0, 0),
) -> None:
    """Draw the map. block counts from 1. around: key -> title of the pages before and after the stages, where it is not
    drawn. on_go: called with what is to change, the key of the stage and the number of the block. whose: the model its shapes
    and blocks are of, where that needs saying. reached: what an edit did to each stage: same (it comes before the edit), share
    (how strongly it is changed, 0 to 1), said (the same in words); none where nothing is edited. guessed: key -> whether the question
    of that stage was answered rightly, and that in words, for those that were. led: the stage of every step of a lesson that leads, ""
    where it is none; at: which step it is at, from 1: then Back and Next go through these. own: the switch of the step that is lit: name (of the
    edit), on (it is in force), said (what a press does); None where it has none, and such a press does nothing. on_own: called with
    whether that edit is to be in force. parts: how many parts of the picture are shown, and how many there are, where it is shown part by
    part: a step shows the next one first."""
    steps = len(led)
    blocks = model.config.n_layer  # what Streamlit keeps of this call holds plain values, no model

    def asked():
        number, to = translate(incoming.sent("pipeline", "go"), blocks, tuple(around), steps)
        if number is not None:
            st.session_state["answered"] = number
        if to:
            on_go(**to)
        else:
            incoming.ignored("the map")

    offered = own["name"] if own else None

    def pressed():
        match incoming.sent("pipeline", "own"):
            case {"name": str(name), "on": bool(on)} if name == offered:
                on_own(on)
            case _:
                incoming.ignored("the map")

    first, last = around
    _component(
        key="pipeline",
        data={
            "stages": [
                {
                    "key": one.key,
                    "number": one.number,
                    "short": one.short,
                    "title": one.title,
                    "name": name(one),
                    "colour": style.PARTS[one.part],
                    "inBlock": one.per_block,
                }
                for one in STAGES
            ],
            "order": [first, *BY_KEY, last],
            "current": stage,
            "block": block,
            "blocks": blocks,
            "shapes": shapes(model, batch, tokens),
            "present": present,
            "whose": whose,
            "reached": reached,
            "guessed": {key: {"right": right, "said": told} for key, (right, told) in guessed.items()},
            "led": list(led),
            "at": at,
            "own": own,
            "revealed": parts[0],
            "parts": parts[1],
            "answered": st.session_state.get("answered"),
            "said": said(stage, block, model.config, tokens, around),
        },
        on_go_change=asked,
        on_own_change=pressed,
    )


def translate(
    message: object, blocks: int, around: tuple[str, ...] = (), steps: int = 0
) -> tuple[int | None, dict[str, str | int]]:
    """What the browser asked for: the number of the request, the stage, the block and the step of a lesson to go to, and how many
    parts of its picture to show. What is neither, such as a
    forged message, is left out."""
    if not isinstance(message, dict) or type(message.get("number")) is not int:
        return None, {}
    stage, block = message.get("stage"), message.get("block")
    to: dict[str, str | int] = {"stage": stage} if isinstance(stage, str) and stage in (*BY_KEY, *around) else {}
    if type(block) is int and 1 <= block <= blocks:
        to["block"] = block
    revealed = message.get("revealed")
    if type(revealed) is int and 0 <= revealed <= covering.ALL:
        to["revealed"] = revealed
    if type(at := message.get("at")) is int and 1 <= at <= steps:
        to["at"] = at
    return message["number"], to
