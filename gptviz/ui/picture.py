"""Put a picture on the page: cells on the canvas, chips as text, charts as Plotly."""

from collections.abc import Callable
from dataclasses import replace

import plotly.graph_objects as go
import streamlit as st

from .. import verbatim
from ..figures import style
from ..figures.chips import Chip, Chips
from ..figures.matrix import Grid
from ..figures.strips import DropoutStrips
from ..verbatim import Html
from . import matrix, strips


def show(
    picture: Grid | Chips | DropoutStrips | go.Figure,
    key: str,
    *,
    cell: tuple[str, tuple[int, ...]] | None,
    present: bool,
    on_event: Callable[[matrix.Event | strips.Released], None],
    alt: str,
    height: int = 0,
) -> None:
    """Draw a stage's picture. cell: the number being recomputed, outlined where it is on screen. height: pixels it may take,
    0 for what it asks for, or what Present mode has."""
    limit = height or present * style.PRESENT_HEIGHT
    if limit and isinstance(picture, Grid):
        picture = replace(picture, height=min(picture.height, limit))
    elif limit and isinstance(picture, go.Figure):
        picture = go.Figure(picture).update_layout(height=limit)
    if isinstance(picture, Grid):
        matrix.show(picture, key=key, cell=cell, present=present, on_event=on_event)
    elif isinstance(picture, DropoutStrips):
        strips.show(picture, key=key, on_event=on_event)
    elif isinstance(picture, Chips):
        st.html(chips_html(picture, present=present))
    else:
        theme = "dark" if st.context.theme.type == "dark" else "light"
        st.plotly_chart(style.themed(picture, theme), key=f"{key}-chart", theme=None, config={"displayModeBar": False}, alt=alt)


def chips_html(chips: Chips, *, present: bool) -> Html:
    """Chips as markup; every text in them is escaped."""
    lines = ""
    under = False
    for n, (heading, line) in enumerate(chips.lines):
        drawn = "".join(_chip(chip, n == 0 and at in chips.selected) for at, chip in enumerate(line))
        made = f"<div class='heading'>{verbatim.html(heading)}</div>" + (f"<div class='line'>{drawn}</div>" if line else "")
        lines += f"<div class='under'>{made}</div>" if under else made
        under = under or not line
    note = f"<div class='note'>{verbatim.html(chips.note)}</div>" if chips.note else ""
    size = " present" if present else ""
    return f"<div class='chips{size}' role='img' aria-label='{verbatim.html(chips.alt)}'>{lines}{note}</div>"


def _chip(chip: Chip, selected: bool) -> Html:
    classes = " ".join(filter(None, ("chip", chip.state, "selected" if selected else "")))
    ids = f"<span class='ids'>{' '.join(map(str, chip.ids))}</span>" if chip.ids else ""
    note = f"<span class='about'>{verbatim.html(chip.note)}</span>" if chip.note else ""
    return (
        f"<span class='{classes}' style='--chip: {style.token_colour(chip.colour)}'>"
        f"<span class='piece'>{verbatim.html(chip.text)}</span>{ids}{note}</span>"
    )
