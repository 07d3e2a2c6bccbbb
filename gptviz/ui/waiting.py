"""What a reader sees of work that takes more than a moment, and how it is given up when the reader goes on to something else."""

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from .. import verbatim
from .turns import Turns
from .work import Waiter, Work

QUIET = 1.0  # seconds before anything is said
EVERY = 0.25  # seconds between two changes of it


_drawing = Turns()  # pages drawn all at once are all late; a few at a time, most are early and the last is no later


class Enough(Exception):
    """A press or a link has had as much of the model's time as it buys."""


class Sign:
    """One place on the page for the progress of whatever the page waits for. most: seconds of passes that this run may begin."""

    def __init__(self, place: DeltaGenerator, most: float):
        self.place, self.most = place, most
        self.since = time.monotonic()
        self.last: float | None = None
        self.spent = 0.0

    def tell(self, share: float | None, words: str) -> None:
        now = time.monotonic()
        if now - self.since < QUIET or self.last is not None and now - self.last < EVERY:
            return
        self.last = now
        self.place.progress(share or 0.0, verbatim.markdown(f"{words} · {now - self.since:.0f} s"))

    def clear(self) -> None:
        if self.last is not None:
            self.place.empty()
        self.last, self.since = None, time.monotonic()


_sign: ContextVar[Sign | None] = ContextVar("gptviz_sign", default=None)


@contextmanager
def shown(where: str, most: float = math.inf) -> Iterator[None]:
    """Progress of whatever is waited for inside is shown above the page, once it takes more than a second. where: a name of this
    part of the page. most: seconds of passes after which no new work is begun, and Enough is raised instead."""
    sign = Sign(st.container(key=f"waiting-{where}").empty(), most)
    token = _sign.set(sign)
    try:
        yield
    finally:
        _sign.reset(token)
    sign.clear()


def over() -> None:
    """What was waited for is here: the rest is drawing."""
    if (sign := _sign.get()) is not None:
        sign.clear()


def who() -> str | None:
    """The reader of this run: the session, or None outside of any."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else None


def look_up() -> None:
    """Streamlit ends the run here if the reader has pressed something since, or is gone."""
    st.session_state.get("choice")


def drawing() -> AbstractContextManager[None]:
    """A place among the pages that are drawn, for what is inside. Whoever had least lately comes first."""
    return _drawing.turn(who(), waiting=look_up)


def aside() -> AbstractContextManager[None]:
    """While this page waits for something else, others are drawn."""
    return _drawing.aside()


class Page(Waiter):
    """The page of whoever is reading."""

    def aside(self) -> AbstractContextManager[None]:
        return aside()

    def begins(self) -> None:
        sign = _sign.get()
        if sign is not None and sign.spent > sign.most:
            raise Enough

    def waits(self, work: Work) -> None:
        if who() is None:
            return
        look_up()
        if (sign := _sign.get()) is not None:
            sign.tell(*work.said())

    def ends(self, work: Work) -> None:
        if (sign := _sign.get()) is not None:
            sign.spent += work.took


PAGE = Page()
