"""Every control that a lab draws does something: there is another value of it that changes the pictures or what is said."""

import dataclasses
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from gptviz import tokenizer
from gptviz.labs import index
from gptviz.labs.dropout.places import PLACES
from gptviz.labs.lab import Control, Setting
from sample_models import tiny

LABS = {key: lab for key, lab in index.LABS.items() if not lab.own_state}
LATER = {("write", "on")}  # it only says what happens after the end of a text, which this one has not reached


def plain(drawn: Any) -> Any:
    """What is on screen, in values that can be compared."""
    if isinstance(drawn, go.Figure):
        return drawn.to_json()
    if isinstance(drawn, np.ndarray):
        return drawn.shape, drawn.tobytes()
    if dataclasses.is_dataclass(drawn):
        return tuple(plain(getattr(drawn, one.name)) for one in dataclasses.fields(drawn))
    if isinstance(drawn, dict):
        return tuple((key, plain(value)) for key, value in drawn.items())
    return tuple(map(plain, drawn)) if isinstance(drawn, list | tuple) else drawn


def others(control: Control, value: Any) -> list:
    """Some values a control could have instead: its ends and its middle."""
    if control.kind == "switch":
        return [not value]
    if control.kind in ("choice", "steps"):
        found = [control.options[n] for n in (-1, 0, len(control.options) // 2)] if control.options else []
    else:
        low, high, _ = control.options
        found = [high, low, control.parse(str((low + high) / 2))]
    return [one for one in dict.fromkeys(found) if one != value]


def idle(one, setting: Setting, chosen: dict[str, Any]) -> list[str]:
    """The controls drawn at these values that change nothing, whichever way they are moved."""

    def seen(**moved: Any) -> tuple:
        asked = replace(setting, values=chosen | moved)
        try:
            return one.caption(asked), plain(list(one.pictures(asked)))
        except ValueError as error:  # the page says it in the picture's place
            return (str(error),)

    was, controls = seen(), one.controls_for(setting)
    assert len(was) == 2 and was == seen(), "the same values show the same"
    drawn = [control for control in controls if control.drawn and control.kind != "text" and control.when(chosen)]
    values = {control.name: others(control, chosen[control.name]) for control in drawn if (one.key, control.name) not in LATER}
    return [name for name, some in values.items() if some and not any(seen(**{name: value}) != was for value in some)]


@pytest.mark.parametrize("lab", LABS)
def test_a_control_that_is_drawn_changes_what_is_seen(lab):
    kept: dict[tuple, Any] = {}
    setting = Setting(
        tiny(),
        tuple(tokenizer.encode("Every effort moves you")),
        {},
        text="Every effort moves you",
        model_key="tiny",
        once=lambda key, make, doing="": kept[key] if key in kept else kept.setdefault(key, make()),
    )
    for one in LABS[lab].experiments:
        controls = {control.name: control for control in one.controls_for(setting)}
        places = controls["place"].options if "place" in controls and lab == "Dropout" else [None]
        assert set(places) <= {*PLACES, None}
        for place in places:
            chosen = {name: control.start() for name, control in controls.items()} | ({"place": place} if place else {})
            assert not idle(one, setting, chosen), f"{one.key}, {place}"
