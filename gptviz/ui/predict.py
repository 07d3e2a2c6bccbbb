"""Predict, then reveal: a question whose answer stays hidden until the reader commits to one."""

import streamlit as st

from .. import verbatim
from ..labs import Experiment
from ..seen import Seen
from ..stages import Question, Stage
from ..trace import NotFinite
from ..verbatim import Markdown


def ask(stage: Stage | Experiment, label: Markdown = "", seen: Seen | None = None) -> None:
    """The question of a stage or an experiment. label: shown on the closed button instead of the question. seen: what a stage's
    question may be about; words of the reader's text in it are shown as they are."""
    fixed = isinstance(stage.question, Question)
    try:
        question = (stage.question if fixed else stage.asked(seen)).ordered(stage.key)
    except NotFinite:  # the message stands in the picture's place, and there is nothing to ask about
        return
    shown = str if fixed else verbatim.markdown
    with st.popover(label or f"Predict: {shown(question.ask)}", width="stretch", wrap=True):
        if label:
            st.markdown(shown(question.ask))
        guess = st.radio(
            "Your guess",
            question.choices,
            index=None,
            format_func=shown,
            key=f"guess-{stage.key}" if fixed else f"guess-{stage.key}-{question.ask}",
            label_visibility="collapsed",
        )
        if guess is not None or st.button("Show anyway", key=f"reveal-{stage.key}"):
            right = question.choices[question.answer]
            opening = "Yes. " if guess == right else ""
            st.markdown(f"**{opening}{shown(right)}.** {shown(question.why)}")
