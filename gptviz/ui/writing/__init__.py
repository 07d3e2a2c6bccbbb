"""Boxes for a reader's own text: they grow with it, Enter shows it, Shift+Enter makes a new line, pasted line ends stay.

Streamlit's text area takes Ctrl+Enter for what Enter does in a line of text; a small element listens for Enter and hands it on.
The same element keeps texts that are too long for an address in the browser's tab, and brings them back after a reload.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import streamlit as st

from ...verbatim import Markdown
from .. import incoming

_here = Path(__file__).parent
CSS = (_here / "writing.css").read_text(encoding="utf-8")
_component = st.components.v2.component(
    "gptviz_writing",
    html="<span hidden></span>",
    js=(_here / "writing.js").read_text(encoding="utf-8"),
)


def box(where, label: Markdown, key: str, on_change: Callable[[], None], *, named: bool = True, **options) -> None:
    """One box, as high as its text: from one line to some. named: whether the label is shown above it. Its key decides whether
    Enter shows the text: it does where the key begins as those of a sentence or of a lab's control do."""
    where.text_area(
        label,
        key=key,
        height="content",
        label_visibility="visible" if named else "collapsed",
        on_change=on_change,
        **options,
    )


def show(keep: Mapping[str, str], wanted: Sequence[str], on_found: Callable[[Mapping[str, str]], None]) -> None:
    """Listen for Enter. keep: mark -> text for this tab to remember; wanted: marks of texts to bring back if it has them."""

    def found() -> None:
        brought = incoming.sent("writing", "found")
        pairs = [pair for pair in brought if _is_pair(pair)] if isinstance(brought, list) else []
        on_found(dict(pairs))

    _component(
        key="writing", data={"keep": [list(pair) for pair in keep.items()], "wanted": list(wanted)}, on_found_change=found
    )


def _is_pair(said: object) -> bool:
    return isinstance(said, list) and len(said) == 2 and all(isinstance(one, str) for one in said)
