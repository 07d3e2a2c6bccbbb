"""This visit's place in a room: what it may do there, and where it is taken.

Apart from what draws it, since the choices and the address ask here: a desk's page says where the lesson is, a member's page knows
when its reader has gone somewhere else.
"""

import os
import sys
from collections.abc import Mapping

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ..classroom import Place, Rooms, Seat, Shared
from . import incoming


def opened(environment: Mapping[str, str] = os.environ) -> Rooms:
    """The rooms of this server, shared with others where the environment names a Redis. Where that cannot be used the server does
    not start: its readers would be in rooms that nobody else sees."""
    address = environment.get("GPTVIZ_REDIS", "").strip()
    try:
        return Rooms(store=Shared(address) if address else None)
    except ValueError as error:
        sys.exit(str(error))


ROOMS = opened()
OWN = {"present": False, "drawer": "", "other": False}
"""Choices that a lesson leaves to everybody, as nobody has made them."""
QUIET = {"cell", "drawer", "other"}
"""Choices that nobody leaves a lesson with."""


def mine() -> Seat | None:
    """The seat of this visit, None without one and while the rooms cannot be reached."""
    return None if st.session_state.get("lesson-away") else st.session_state.get("seat")


def leads() -> Seat | None:
    """The seat of this visit where it is the desk."""
    seat = mine()
    return seat if seat and seat.desk else None


def follows() -> bool:
    """Whether this visit goes along with a lesson."""
    seat = mine()
    return bool(seat and not seat.desk and st.session_state.get("following"))


def led() -> bool:
    """Whether it was the lesson that asked for this run. What controls say then nobody pressed: one that was drawn a moment ago, in a
    run that had set it, can show the first thing it offers."""
    return follows() and any(incoming.sent("lesson-news", name) is not None for name in ("news", "found"))


def let_go(changes: Mapping[str, object] | None = None) -> None:
    """The reader looks around alone. changes: what they chose, where some choices mean nothing."""
    if follows() and (changes is None or set(changes) - QUIET):
        st.session_state["following"] = False


def publish(params: Mapping[str, str]) -> None:
    """A desk's page is drawn: the lesson is where it is. params: all that is chosen there, as in an address."""
    if (seat := leads()) and "page" in st.session_state:
        ROOMS.move(seat, Place(st.session_state["page"], tuple(params.items())))
        if room := ROOMS.at(seat):
            st.session_state["lesson-number"] = room.number


def who() -> str:
    """Whose tries are counted: this session's."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""
