"""The whole walk as one page to be read or listened to: of every step its words, its picture in a sentence, and its numbers in tables."""

import streamlit as st

from .. import verbatim
from ..figures import spoken
from ..figures.forms import Picture
from ..seen import Seen
from ..stages import STAGES, Stage
from ..trace import NotFinite
from ..verbatim import Html
from .beside import Half
from .state import change

INTRO = "Every step in words: what it does, what its picture shows, and its numbers as a table. Long texts are shortened, and each table says by how much."


def show(main: Half) -> None:
    """The page. It follows what is chosen on the top line, and the block, head and token of the address."""
    seen = main.seen
    st.html(f"<h1 class='title'>The walk, to be read</h1><p>{verbatim.html(INTRO)}</p><p>{verbatim.html(about(main))}</p>")
    st.button("Back to the pictures", key="leave-reading", on_click=change, kwargs={"read": False})
    for at, stage in enumerate(STAGES):
        st.html(f"<div class='reading'>{step(stage, seen, at)}</div>")


def about(main: Half) -> str:
    seen = main.seen
    return (
        f"{main.title}, {seen.config.n_layer} blocks of {seen.config.n_head} heads, reads {seen.size} tokens. Shown: block "
        f"{seen.block + 1}, head {seen.head + 1}, token {seen.labels[seen.row]}."
    )


def step(stage: Stage, seen: Seen, at: int) -> Html:
    """One stage; where its numbers are too large to be shown, why."""
    heading = f"<h2>{at + 1:d} of {len(STAGES):d}: {verbatim.html(f'{stage.number} {stage.title}'.strip())}</h2>"
    try:
        made, said = stage.picture(seen), stage.caption(seen)
    except NotFinite as error:
        return f"{heading}<p>{verbatim.html(str(error))}</p>"
    words = "".join(f"<p>{verbatim.html(part)}</p>" for part in stage.prose.split("\n\n"))
    return f"{heading}{words}<p><b>Look for:</b> {verbatim.html(said)}</p>{told(made, stage.title)}"


def told(made: Picture, name: str) -> Html:
    """A picture in a sentence and as tables, which can be scrolled by keyboard. name: of what they are."""
    scrolled = f"<div class='tables' role='group' tabindex='0' aria-label='{verbatim.html(f'Numbers of {name}')}'>"
    return f"<p><b>The picture:</b> {verbatim.html(spoken.sentence(made))}</p>{scrolled}{spoken.tables(made)}</div>"


def beneath(made: Picture, name: str) -> Html:
    """The same of one picture, put away under it: one key from the picture opens it."""
    return f"<details class='beneath'><summary>The picture as a table</summary>{told(made, name)}</details>"
