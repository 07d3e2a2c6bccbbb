"""The address, and the values of controls, which the browser and this script both hold: kept one, however quick the reader is.

Every message of the browser carries the address and the controls as they stood when something was pressed. While a run of the
script is on its way there, that is a step behind. So this visit remembers what it wrote: an address of its own that comes back
late is no news, and the old value of a control that it has just set is no choice.
"""

import operator
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ..lessons.places import OWN_STEP
from . import incoming, seats

ALONG = ("join", "desk")  # parameters that are no choice
KEPT = 40  # addresses that are known to be this visit's own

FIRST, LINK, HISTORY = "first", "link", "history"
"""Why the address has to be read: the visit begins, the reader followed a link, or they went Back or Forward."""


def here() -> dict[str, str]:
    """The address as the browser had it when it sent for this run; what belongs to Streamlit (embed) or to a room is left out."""
    return inward({name: st.query_params[name] for name in st.query_params if name not in ALONG})


def outward(params: Mapping[str, str]) -> dict[str, str]:
    """Parameters as they stand in the address. With a lesson, `step` is that of the lesson, and a page's own has another name."""
    if "lesson" not in params:
        return dict(params)
    return {{"stop": "step", "step": OWN_STEP}.get(name, name): value for name, value in params.items()}


def inward(params: Mapping[str, str]) -> dict[str, str]:
    """The same read back."""
    if "lesson" not in params or "stop" in params:
        return dict(params)
    return {{"step": "stop", OWN_STEP: "step"}.get(name, name): value for name, value in params.items()}


def along(params: Mapping[str, str]) -> None:
    """What every address of this visit says beside what is chosen, from now on: its room."""
    st.session_state["along"] = dict(params)


def news() -> str:
    """Why the address has to be read now; "" when it is one that this visit wrote itself. Reading it makes it known."""
    kept, params = st.session_state, here()
    told = kept.get("told", ())
    if not told:
        why = FIRST
    elif get_script_run_ctx().is_history_navigation:
        why = HISTORY
    else:
        why = "" if any(params == own for _, own in told) else LINK
    if why:
        _remember(params)
        kept["tell"] = why == HISTORY  # an address that is still on its way there would come after the reader's own
    return why


def known() -> bool:
    """Whether this visit has written the address itself, or has read it."""
    params = here()
    return any(params == own for _, own in st.session_state.get("told", ()))


def write(params: Mapping[str, str]) -> None:
    """Put this into the address bar, without a rerun."""
    kept = st.session_state
    wanted, along = dict(params), kept.get("along", {})
    tell = kept["tell"] or wanted != kept["told"][-1][1] or outward(wanted) | along != {**st.query_params}
    if wanted != kept["told"][-1][1]:
        _remember(wanted)  # first: a run can be broken off between the two, and what is sent must be known
    if tell:
        kept["tell"] = False
        st.query_params.from_dict(outward(wanted) | along)


def _remember(params: dict[str, str]) -> None:
    told = st.session_state.get("told", ())
    st.session_state["told"] = (*told[1 - KEPT :], (told[-1][0] + 1 if told else 0, params))


def _reached() -> int:
    """The number of the last address that has certainly reached the browser, with all that was drawn before it."""
    params = here()
    return max((number for number, own in st.session_state.get("told", ()) if own == params), default=-1)


def hold(key: str, value: Any, same: Callable[[Any, Any], bool] = operator.eq, *, offers: Hashable = ()) -> None:
    """Let the control of this key show a value. It is set only where it has to be: to set it again would take back what was
    pressed meanwhile. offers: what there is to choose from, as it reads; where that has changed the control is set although it has the
    value, since a browser goes on showing the words it had for it."""
    kept = st.session_state
    anew, kept[f"{key}-offers"] = kept.get(f"{key}-offers", hash(offers)) != hash(offers), hash(offers)
    under_way = kept.setdefault(
        "under-way", {}
    )  # control -> (address that proves it arrived, values the browser may still have)
    number, old = under_way.get(key, (-1, ()))
    late = number > _reached()
    if key not in kept:
        under_way.pop(key, None)  # nobody can have used it yet
        kept[key] = value
    elif anew or late or not same(kept[key], value):
        if not same(kept[key], value):
            under_way[key] = (kept["told"][-1][0] + 1, (*(old if late else ()), kept[key])[-KEPT:])
        kept[key] = value


def chose(key: str, act: Callable[[Any], None]) -> Callable[[], None]:
    """What a control does when it changes: act on its value, unless that is only the one from before it was last set."""

    def changed() -> None:
        if key not in st.session_state:
            incoming.ignored("a control that is not on the page")
            return
        if seats.led():
            return
        value = st.session_state[key]
        number, old = st.session_state.get("under-way", {}).get(key, (-1, ()))
        if number <= _reached() or value not in old:
            act(value)

    return changed
