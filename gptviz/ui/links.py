"""What pages there are, and the ways to them. Every page but the walk is a file of pages/, which runs inside app.py."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import replace
from types import MappingProxyType

import streamlit as st

from .. import verbatim
from ..labs import index
from ..labs.train.lab import LAB as TRAIN
from ..stages import BY_KEY, Stage
from ..verbatim import Markdown
from . import guide, lesson, state
from .state import Choice

WALK, GLOSSARY = "walk", "Glossary"
LABS = MappingProxyType({**index.LABS, TRAIN.key: TRAIN})
PAGES: tuple[str, ...] = (*LABS, GLOSSARY)
"""Every page of pages/ by its name, which is its address."""
MOVED = index.MOVED


known: ContextVar[Mapping[str, object]] = ContextVar("gptviz_pages", default=MappingProxyType({}))
"""The pages of this run by name, as Streamlit's own functions take them."""


def file(name: str) -> str:
    """What draws a page of pages/."""
    return f"pages/{name}.py"


def page(name: str):
    """A page to link to: as this run knows it, since for a file Streamlit looks at the disk with every link."""
    return known.get().get(name, file(name))


def walk():
    """The walk, as Streamlit's own functions take it. It knows a page by its address alone, so what draws it need not be known
    here."""
    return st.Page(lambda: None, title=WALK, url_path=WALK, default=True)


def go(page: str, params: Mapping[str, str]) -> None:
    """To a page of that address, "" for the walk, with these parameters."""
    st.switch_page(file(page) if page else walk(), query_params=params)


def walk_through(choice: Choice) -> None:
    """Go to the walk, with this chosen: to its first stage where the reader has not been in it yet."""
    here = choice if choice.stage in BY_KEY else replace(choice, stage=Choice.stage)
    written, _ = state.carried(state.to_url(here))
    st.switch_page(walk(), query_params=written)


def shared(choice: Choice) -> dict[str, str]:
    """What every page takes over: the sentence and the model."""
    written, _ = state.carried({name: value for name, value in state.to_url(choice).items() if name in state.SHARED})
    return written


def to_experiment(name: str, choice: Choice, label: Markdown) -> None:
    """A link to an experiment, "Lab/experiment", with the sentence and the model on screen."""
    lab, _, view = name.partition("/")
    st.page_link(page(lab), label=label, query_params=shared(choice) | {"view": view})


def to_stage(stage: Stage, choice: Choice, label: Markdown) -> None:
    """A link from a lab to a stage of the walk, with all that was chosen there."""
    written, _ = state.carried(state.to_url(replace(choice, stage=stage.key, cell="", drawer="")))
    st.page_link(walk(), label=label, query_params=written)


def to_all(choice: Choice) -> None:
    """A link to every page, taking the sentence and the model along."""
    here = choice if choice.stage in BY_KEY else replace(choice, stage=Choice.stage)
    before, _ = state.carried(state.to_url(replace(choice, stage=state.OVERVIEW)))
    everything, _ = state.carried(state.to_url(here))
    st.page_link(walk(), label="**Overview**: the whole trip in one picture", query_params=before)
    st.page_link(walk(), label="**The walk**: every stage from text to next token", query_params=everything)
    for name, lab in LABS.items():
        label = f"**{verbatim.markdown(name)}**: {verbatim.markdown(lab.about)}"
        st.page_link(page(name), label=label, query_params=shared(choice))
    to_glossary(choice)
    with st.expander("Lessons"):
        guide.offered("menu")
    lesson.way_in()


def to_glossary(choice: Choice) -> None:
    """A link to all words and letters."""
    st.page_link(page(GLOSSARY), label="**Glossary**: the words and letters of the walk", query_params=shared(choice))


def to_walk(choice: Choice) -> None:
    """A link back to the walk, as it was left."""
    everything, _ = state.carried(state.to_url(choice))
    st.page_link(walk(), label="Back to the walk", query_params=everything)
