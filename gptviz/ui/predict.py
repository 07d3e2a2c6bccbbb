"""Predict, then reveal: a question whose answer stays hidden until the reader commits to one. What was answered is kept for the visit."""

from dataclasses import dataclass
from functools import partial

import streamlit as st

from .. import verbatim
from ..labs import Experiment
from ..seen import Seen
from ..stages import STAGES, Question, Stage
from ..trace import NotFinite
from ..verbatim import Markdown
from . import address, incoming, lesson, state

RIGHT, WRONG, SHOWN = "question answered", "question answered otherwise", "answer shown"


@dataclass(frozen=True)
class Answer:
    """What a reader said to the question of one step: the question as it was asked, their choice, None where they had the answer
    shown to them, and whether it was right."""

    ask: str
    guess: str | None
    right: bool


def ask(stage: Stage | Experiment, label: Markdown = "", seen: Seen | None = None) -> None:
    """The question of a stage or an experiment. label: shown on the closed button instead of the question. seen: what a stage's
    question may be about; words of the reader's text in it are shown as they are."""
    fixed = isinstance(stage.question, Question)
    try:
        question = (stage.question if fixed else stage.asked(seen)).ordered(stage.key)
    except NotFinite:  # the message stands in the picture's place, and there is nothing to ask about
        return
    shown = str if fixed else verbatim.markdown
    name = stage.key if isinstance(stage, Stage) else f"experiment {stage.key}"
    kept = said(name, question)
    key = f"guess-{name}" if fixed else f"guess-{name}-{question.ask}"
    with st.popover(label or f"Predict: {shown(question.ask)}", width="stretch", wrap=True):
        if label:
            st.markdown(shown(question.ask))
        if lesson.offer(stage.key, question):
            return
        address.hold(key, kept.guess if kept else None, offers=question.choices)
        answer = partial(answered, name, question.ask, question.choices, question.answer)
        guess = st.radio(
            "Your guess",
            question.choices,
            index=None,
            format_func=shown,
            key=key,
            label_visibility="collapsed",
            on_change=address.chose(key, answer),
        )
        if guess is None and not kept:
            st.button("Show anyway", key=f"reveal-{stage.key}", on_click=answer, args=(None,))
            return
        right = question.choices[question.answer]
        opening = "Yes. " if guess == right else ""
        st.markdown(f"**{opening}{shown(right)}.** {shown(question.why)}")
        if question.tries:
            tried = f"Try it: {verbatim.markdown(question.trial)}"
            st.button(tried, key=f"try-{stage.key}", on_click=attempt, kwargs=dict(question.tries))


def still(stage: Stage, seen: Seen) -> str:
    """The question of a stage and its choices in one line, as long as it was not answered in this visit; "" afterwards."""
    try:
        question = stage.asked(seen).ordered(stage.key)
    except NotFinite:
        return ""
    choices = " ".join(f"({letter}) {choice}" for letter, choice in zip("abcd", question.choices))
    return "" if said(stage.key, question) else f"{question.ask} {choices}"


def unanswered(one: Experiment) -> str:
    """The same of an experiment, "" where it has none."""
    if not one.question:
        return ""
    question = one.question.ordered(one.key)
    choices = " ".join(f"({letter}) {choice}" for letter, choice in zip("abcd", question.choices))
    return "" if said(f"experiment {one.key}", question) else f"{question.ask} {choices}"


def said(name: str, question: Question) -> Answer | None:
    """What the reader answered to this very question earlier in the visit."""
    kept = st.session_state.get("answers", {}).get(name)
    return kept if kept and kept.ask == question.ask and kept.guess in (None, *question.choices) else None


def answered(name: str, ask: str, choices: tuple[str, ...], answer: int, guess: str | None) -> None:
    """Keep an answer, the last one of each step. A guess that was not among the choices changes nothing: the message was forged."""
    if guess is not None and guess not in choices:
        incoming.ignored("a question")
        return
    kept = dict(st.session_state.get("answers", {}))
    st.session_state["answers"] = kept | {name: Answer(ask, guess, guess == choices[answer])}


def attempt(**changes: str | int | float) -> None:
    """Choose in the walk what shows the answer."""
    anew = {"token": -1, "more": 0, "piece": -1, "step": -1} if "text" in changes else {}
    state.change(**anew | {"cell": "", "drawer": ""} | changes)


def progress() -> str:
    """How many questions of the walk were answered in this visit, and how many rightly; "" before the first."""
    found = marks().values()
    right = sum(one for one, _ in found)
    return f"Questions of the walk that you have answered: {len(found)} of {len(STAGES)}, {right} rightly." if found else ""


def marks() -> dict[str, tuple[bool, str]]:
    """Which stages' questions were answered in this visit: key -> rightly, and that in words."""
    kept = st.session_state.get("answers", {})
    found = {stage.key: kept.get(stage.key) for stage in STAGES}
    return {
        key: (one.right, SHOWN if one.guess is None else RIGHT if one.right else WRONG) for key, one in found.items() if one
    }
