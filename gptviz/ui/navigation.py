"""The pages, and the one that was asked for.

A folder called pages/ beside app.py switches on Streamlit's older page mechanism until something calls `st.navigation`; so a
page that is opened directly on a fresh server calls it first and starts again, and then every page runs inside app.py.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, partial

import streamlit as st

from ..labs.lab import Lab
from ..training import kept
from . import guide, lesson, links, waiting, walk
from . import lab as labs

DAY = 86_400  # seconds
_inside: ContextVar[bool] = ContextVar("gptviz_inside_app", default=False)


def _navigation():
    pages = {name: st.Page(links.file(name), title=name) for name in (*links.PAGES, *links.MOVED, lesson.NOTES)}
    links.known.set(pages)
    first = st.Page(walk.page, title="gptviz: inside a GPT", url_path=links.WALK, default=True)
    return st.navigation([first, *pages.values()], position="hidden")


def run() -> None:
    """What app.py does: settings for every page, then the page that was asked for."""
    st.set_page_config(layout="wide", initial_sidebar_state="collapsed")
    _swept()
    _connected_again()
    token = _inside.set(True)
    try:
        with waiting.drawing():
            page = _navigation()
            lesson.arrive(page.url_path, links.go)
            guide.arrive(page.url_path, links.go)
            lesson.strip()
            page.run()
    finally:
        _inside.reset(token)


@cache
def _swept() -> None:
    """Once a server, at its first page: what the runs of a killed one have left."""
    kept.sweep()


@st.fragment(run_every=DAY)
def _connected_again() -> None:
    """Nothing, once a day. A page that looks again by itself also does so when its connection comes back, and a server that has
    started again then knows what is on it; without this the first press after that would only tell it, and be lost."""


def lab(chosen: Lab) -> None:
    """What a file in pages/ does: show its lab, inside app.py."""
    inside(partial(labs.show, chosen))


def inside(page: Callable[[], None]) -> None:
    """What a file of pages/ that is no lab of fixed experiments does: show its page, inside app.py."""
    if not _inside.get():
        _navigation()
        st.rerun()
    page()


def moved(before: str) -> None:
    """What a file does whose page has another name now: on to that one, with all that the address says."""
    inside(partial(st.switch_page, links.file(links.MOVED[before]), query_params=st.query_params.to_dict()))
