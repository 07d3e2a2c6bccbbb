"""What a browser sends. A page takes what it could have been sent, and of anything else writes one line in its log.

Whoever forges messages can send any number of them, so the log must not grow with that: a complaint is written once a minute, with
how often it came since. The framework reads a message before we do; what it cannot read is its own exception, cut to a line here.
"""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import streamlit as st

from .. import verbatim

EVERY = 60.0  # seconds between two lines of the same kind
LONGEST = 200  # characters of a message in the log
HOME = Path(__file__).parents[2]
LOG = logging.getLogger(__name__)
WRITERS = (  # loggers that write when a browser sends something
    "streamlit.error_util",
    "streamlit.components.v2.bidi_component.serialization",
    "streamlit.runtime.app_session",
    "streamlit.runtime.scriptrunner.script_runner",
    "streamlit.web.server.starlette.starlette_websocket",
    "uvicorn.error",
    "asyncio",
    __name__,
)


def sent(key: str, name: str) -> object:
    """What the element `key` says under a name in this run: None where it says nothing, or is not on the page."""
    said = st.session_state.get(key)
    return said.get(name) if isinstance(said, Mapping) else None


def ignored(what: str) -> None:
    """Say in the log that something was sent that the page did not offer. what: where it was sent to, in our own words."""
    LOG.warning("Something sent to %s was not on offer there, and was ignored.", what)


class Seldom(logging.Filter):
    """Lets a complaint pass once a minute, and then says how often it came in between."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[tuple, tuple[float, int]] = {}  # kind -> when it was last written, and how often it came since

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        where = ours(error.__traceback__) if error else ""
        kind = (record.name, record.lineno, type(error), where)
        now = time.monotonic()
        last, more = self.seen.get(kind, (-EVERY, 0))
        if now - last < EVERY:
            self.seen[kind] = (last, more + 1)
            return False
        self.seen[kind] = (now, 0)
        said = record.getMessage()[:LONGEST]
        if error and (not where or isinstance(error, RecursionError)):  # of a thousand lines one says as much
            said = f"{said}: {type(error).__name__}: {str(error)[:LONGEST]} ({where or 'before any line of gptviz'})"
            record.exc_info = None
        if more:
            said += f" ({more:,} times more since the last such line)"
        record.msg, record.args = " ".join(verbatim.plain(said).split()), ()
        return True


def ours(traceback: TracebackType | None) -> str:
    """The last place of an exception's way that is in our own code, "" when it never came there."""
    found = ""
    while traceback is not None:
        path = Path(traceback.tb_frame.f_code.co_filename)
        if path.is_relative_to(HOME) and "site-packages" not in path.parts:
            found = f"{path}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found


_seldom = Seldom()
for _name in WRITERS:
    logging.getLogger(_name).addFilter(_seldom)
