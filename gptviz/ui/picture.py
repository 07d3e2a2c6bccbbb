"""Put a picture on the page: cells on the canvas, chips as text, charts as Plotly."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import singledispatch
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from .. import verbatim
from ..figures import style
from ..figures.chips import Chips, markup
from ..figures.forms import Picture, heading
from ..figures.matrix import Grid
from ..figures.strips import DropoutStrips
from ..figures.table import Table
from . import incoming, matrix, strips


@singledispatch
def show(
    picture: Picture,
    key: str,
    *,
    cell: tuple[str, tuple[int, ...]] | None = None,
    present: bool = False,
    on_event: Callable[[matrix.Event | strips.Released], None],
    alt: str,
    height: int = 0,
    fills: bool = False,
) -> None:
    """Draw a picture, each type in its own way. cell: the number being recomputed, outlined where it is on screen. height: pixels
    it may take, 0 for what it asks for, or what Present mode has.
    fills: it is as high as the page makes its place. Raises TypeError for what is no picture."""
    raise TypeError(f"{type(picture).__name__} is no picture: it must be one of {Picture}")


@show.register
def _(grid: Grid, key: str, *, cell=None, present=False, on_event, alt, height=0, fills=False) -> None:
    if height:
        grid = replace(grid, height=min(grid.height, height))
    matrix.show(grid, key=key, cell=cell, present=present, on_event=on_event)


@show.register
def _(figure: go.Figure, key: str, *, cell=None, present=False, on_event, alt, height=0, fills=False) -> None:
    if fills := fills or present:
        figure = go.Figure(figure).update_layout(height=None)
    elif height:
        figure = go.Figure(figure).update_layout(height=height)
    theme = "dark" if st.context.theme.type == "dark" else "light"
    if (title := heading(figure)) and not present:  # small.css shows it where the chart's own line would be too long
        st.html(f"<p class='chart-title' aria-hidden='true'>{verbatim.html(title)}</p>")
    chosen = choosing(f"{key}-chart", figure.layout.meta, on_event) if figure.layout.meta else "ignore"
    st.plotly_chart(
        style.themed(figure, theme),
        key=f"{key}-chart",
        height="stretch" if fills else "content",
        theme=None,
        config={"displayModeBar": False},
        alt=alt,
        on_select=chosen,
        selection_mode="points",
    )


def choosing(key: str, meta: Mapping[str, Any], on_event: Callable[[matrix.Event], None]) -> Callable[[], None]:
    """What a press on a mark of a chart's first trace does: its field is to become the value of that mark."""
    field, values = meta["field"], tuple(meta["values"])

    def pressed() -> None:
        match incoming.sent(key, "selection"):
            case {"points": []}:  # let go of
                return
            case {"points": [{"curve_number": 0, "point_index": int(at)}]} if 0 <= at < len(values):
                if values[at] >= 0:
                    on_event(matrix.Pick(field, values[at]))
            case {"points": [{"curve_number": int()}]}:  # a mark that is none of these
                return
            case _:
                incoming.ignored("a chart")

    return pressed


@show.register
def _(made: DropoutStrips, key: str, *, cell=None, present=False, on_event, alt, height=0, fills=False) -> None:
    strips.show(made, key=key, on_event=on_event)


@show.register
def _(chips: Chips, key: str, *, cell=None, present=False, on_event, alt, height=0, fills=False) -> None:
    with st.container(key=f"pieces-{key}") if present or fills else nullcontext():
        st.html(markup(chips, present=present or fills))


@show.register
def _(table: Table, key: str, *, cell=None, present=False, on_event, alt, height=0, fills=False) -> None:
    if table.title:
        st.markdown(f"**{verbatim.markdown(table.title)}**")
    st.dataframe(pd.DataFrame(dict(table.columns)), hide_index=True)
    if table.note:
        st.caption(verbatim.markdown(table.note))
