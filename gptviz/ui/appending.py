"""Tokens that the model appends, one at a time. The page shows the text as far as it has got and goes on by itself, until it has as
many as were asked for, is stopped, or has been at it for a minute: so much work a link or a press buys, and another press buys more.

Every token comes from a whole pass over the text before it, so that the numbers on screen and the token that was taken are of
one computation. Where a pass is long, that is the pass of the picture.
"""

import time
from dataclasses import dataclass

import streamlit as st

from .. import edits, tokenizer, verbatim
from ..model import GPT
from ..trace import NotFinite, Trace
from . import cache, state
from .state import Choice, change
from .work import SHORT

SLICE = 0.8  # seconds of writing between two pictures
SPELL = 60.0  # seconds of it that one link or press buys
UNDIMMED = "<style>[data-stale=true] { opacity: 1 !important; transition: none !important; }</style>"
"""What is on the page stays true until the next token stands there too."""


@dataclass(frozen=True)
class Written:
    """How far it has got. going: whether it goes on by itself."""

    done: int
    wanted: int
    going: bool


def so_far(choice: Choice, model: GPT) -> Written:
    """How many of the tokens that are asked for are written, after another slice of writing."""
    began, kept = time.monotonic(), st.session_state
    if not kept.get("writes", False):  # a reader's press or link, and not this page going on by itself
        kept["writes-since"] = began
    kept["writes"] = False
    going = began - kept.get("writes-since", began) < SPELL
    texts = (choice.text, choice.second) if choice.second else (choice.text,)
    rows = [tuple(tokenizer.encode(text, special=choice.special)) for text in texts]
    changed = edits.parse(choice.edit)
    done, new = 0, 0
    while done < choice.more:
        if not all(cache.is_continued(choice.model, row, choice.dropout, choice.seed, changed) for row in rows):
            long = min(max(map(len, rows)), model.config.context_length) * model.config.n_parameters > SHORT
            if not going or new and (long or time.monotonic() - began > SLICE) or long and len(rows) == 1:
                break
            new += 1
        rows = [cache.continued(choice.model, row, 1, choice.dropout, choice.seed, changed) for row in rows]
        done += 1
    return Written(done, choice.more, going and done < choice.more)


def panel(written: Written, title: str) -> None:
    """How far the model is with them, and a way to be content with those that are there, or to let it go on."""
    if written.done == written.wanted:
        return
    said = f"{verbatim.markdown(title)} has written {written.done:d} of {written.wanted:d} tokens."
    enough = {
        "on_click": change,
        "kwargs": {"more": written.done, "token": -1, "cell": ""},
        "key": "stop-writing",
        "width": "stretch",
    }
    with st.container(key="writing-on"):
        words, more, stop = st.columns([5, 1, 1], vertical_alignment="center")
    if written.going:
        st.html(UNDIMMED)
        words.progress(written.done / written.wanted, said)
        stop.button("Stop here", **enough)
        return
    words.markdown(f"{said} It was at it for a minute.")
    more.button("Go on", key="go-on", type="primary", width="stretch")
    stop.button("Stop here", **enough)


def go_on(written: Written, choice: Choice, ids: tuple[int, ...], seen: Trace) -> None:
    """Draw the page again with the next tokens. ids: the text so far; seen: the pass on screen, which chooses the next token unless
    it has a second sentence beside it."""
    if not written.going:
        return
    if len(seen.ids) == 1:
        try:
            cache.continued_by(seen, choice.model, ids, edits.parse(choice.edit))
        except NotFinite as error:
            state.settle(f"This model can append nothing more. {error}", more=written.done)
    st.session_state["writes"] = True
    st.rerun()
