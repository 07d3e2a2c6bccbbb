"""The pages and the way between them.

A folder called pages/ beside app.py switches on Streamlit's older page mechanism until something calls `st.navigation`; so a
page that is opened directly on a fresh server calls it first and starts again, and then every page runs inside app.py.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from functools import cache, partial

import streamlit as st

from .. import serve, verbatim
from ..labs.lab import Lab
from ..stages import BY_KEY, Stage
from ..training import kept
from ..verbatim import Markdown
from . import state
from .state import Choice

PAGES = serve.SITE / "pages"
LABS = {
    "Dropout": "Zeros, survivors, and why two passes differ",
    "Context": "What the model sees: cropping, sliding windows, batches",
    "Attention": "Every head of every block, and one score taken apart",
    "Gradients": "Shortcuts, normalisation and what reaches the first layer",
    "Sampling": "Choosing the next token",
    "Embeddings": "Neighbours and maps of the token table",
    "Size": "Parameters, memory and work",
    "Train": "Train a very small model on a text of yours, in a minute",
    "Training": "A model before, during and after its training, on your sentence",
}
GLOSSARY = "Glossary"
DAY = 86_400  # seconds
_inside: ContextVar[bool] = ContextVar("gptviz_inside_app", default=False)


def _labs() -> list[str]:
    return [name for name in LABS if (PAGES / f"{name}.py").is_file()]


def _walk():
    from . import walk

    return st.Page(walk.page, title="gptviz: inside a GPT", url_path="walk", default=True)


def _navigation():
    return st.navigation(
        [_walk(), *(st.Page(f"pages/{name}.py", title=name) for name in (*_labs(), GLOSSARY))], position="hidden"
    )


def run() -> None:
    """What app.py does: settings for every page, then the page that was asked for."""
    st.set_page_config(layout="wide", initial_sidebar_state="collapsed")
    _swept()
    _connected_again()
    token = _inside.set(True)
    try:
        _navigation().run()
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
    from . import lab as page

    inside(partial(page.show, chosen))


def inside(page: Callable[[], None]) -> None:
    """Draw a page that is no lab of fixed experiments, inside app.py."""
    if not _inside.get():
        _navigation()
        st.rerun()
    page()


def walk_through(choice: Choice) -> None:
    """Go to the walk, with this chosen: to its first stage where the reader has not been in it yet."""
    here = choice if choice.stage in BY_KEY else replace(choice, stage=Choice.stage)
    written, _ = state.carried(state.to_url(here))
    st.switch_page(_walk(), query_params=written)


def shared(choice: Choice) -> dict[str, str]:
    """What every page takes over: the sentence and the model."""
    written, _ = state.carried({name: value for name, value in state.to_url(choice).items() if name in state.SHARED})
    return written


def to_experiment(name: str, choice: Choice, label: Markdown) -> None:
    """A link to an experiment, "Lab/experiment", with the sentence and the model on screen."""
    lab, _, view = name.partition("/")
    st.page_link(f"pages/{lab}.py", label=label, query_params=shared(choice) | {"view": view})


def to_stage(stage: Stage, choice: Choice, label: Markdown) -> None:
    """A link from a lab to a stage of the walk, with all that was chosen there."""
    written, _ = state.carried(state.to_url(replace(choice, stage=stage.key, cell="", drawer="")))
    st.page_link(_walk(), label=label, query_params=written)


def links(choice: Choice) -> None:
    """A link to every page, taking the sentence and the model along."""
    here = choice if choice.stage in BY_KEY else replace(choice, stage=Choice.stage)
    before, _ = state.carried(state.to_url(replace(choice, stage=state.OVERVIEW)))
    everything, _ = state.carried(state.to_url(here))
    st.page_link(_walk(), label="**Overview**: the whole trip in one picture", query_params=before)
    st.page_link(_walk(), label="**The walk**: every stage from text to next token", query_params=everything)
    for name in _labs():
        st.page_link(f"pages/{name}.py", label=f"**{verbatim.markdown(name)}**: {LABS[name]}", query_params=shared(choice))
    to_glossary(choice)


def to_glossary(choice: Choice) -> None:
    """A link to all words and letters."""
    st.page_link(f"pages/{GLOSSARY}.py", label="**Glossary**: the words and letters of the walk", query_params=shared(choice))


def to_walk(choice: Choice) -> None:
    """A link back to the walk, as it was left."""
    everything, _ = state.carried(state.to_url(choice))
    st.page_link(_walk(), label="Back to the walk", query_params=everything)
