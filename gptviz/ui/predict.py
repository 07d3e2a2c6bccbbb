"""Predict, then reveal: a question whose answer stays hidden until the reader commits to one."""

import streamlit as st

from ..labs import Experiment
from ..stages import Stage
from ..verbatim import Markdown


def ask(stage: Stage | Experiment, label: Markdown = "") -> None:
    """The question of a stage or an experiment. label: shown on the closed button instead of the question."""
    question = stage.question
    with st.popover(label or f"Predict: {question.ask}", width="stretch", wrap=True):
        if label:
            st.markdown(question.ask)
        guess = st.radio("Your guess", question.choices, index=None, key=f"guess-{stage.key}", label_visibility="collapsed")
        if guess is not None or st.button("Show anyway", key=f"reveal-{stage.key}"):
            right = question.choices[question.answer]
            opening = "Yes. " if guess == right else ""
            st.markdown(f"**{opening}{right}.** {question.why}")
