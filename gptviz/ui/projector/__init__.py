"""What Present mode needs in the browser: pictures as large as the window has room for, and the keys of a clicker on every page.

All type follows the window through the size of a rem; a picture is laid out for the first size it was made for and drawn as much
larger. What stands above and below it keeps its height, and the picture gets the rest.
"""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from .. import incoming

_here = Path(__file__).parent
CSS = (_here / "projector.css").read_text(encoding="utf-8")
_component = st.components.v2.component(
    "gptviz_projector", html="<span hidden></span>", js=(_here / "projector.js").read_text(encoding="utf-8")
)


def show(*, on_step: Callable[[int], None] | None = None, on_leave: Callable[[], None], open_: bool) -> None:
    """Listen for the keys. on_step: called with 1 or -1 where a page has steps of its own; None where the map makes them. on_leave:
    what Escape does once nothing else is open; open_: there is something that it leaves."""

    def stepped() -> None:
        match incoming.sent("projector", "step"):
            case {"by": 1 | -1 as by} if on_step:
                on_step(by)
            case _:
                incoming.ignored("the keys")

    def left() -> None:
        if incoming.sent("projector", "leave") is not None:
            on_leave()

    _component(
        key="projector",
        data={"steps": on_step is not None, "open": open_},
        on_step_change=stepped,
        on_leave_change=left,
    )
