"""Candidates for the next token: how their probabilities move, a line each, or before and after as pairs of bars."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from . import style
from .bars import short

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star")
NAMED = 12  # ticks that have room for a token beside their number


def spread(values: Sequence[float], gap: float, lowest: float) -> list[float]:
    """Places for labels, from `lowest` up and `gap` apart, in the order of `values` and as near to them as that allows."""
    order = sorted(range(len(values)), key=lambda n: -values[n])
    groups: list[tuple[list[int], float]] = []  # members from high to low, and the centre of their labels
    for n in order:
        members, centre = [n], values[n]
        while groups and groups[-1][1] - centre < gap * (len(groups[-1][0]) + len(members)) / 2:
            above, place = groups.pop()
            centre = (place * len(above) + centre * len(members)) / (len(above) + len(members))
            members = above + members
        groups.append((members, centre))
    places = [0.0] * len(values)
    floor = lowest
    for members, centre in reversed(groups):
        bottom = max(floor, centre - gap * (len(members) - 1) / 2)
        for at, n in enumerate(reversed(members)):
            places[n] = bottom + gap * at
        floor = bottom + gap * len(members)
    return places


def lines(
    shares: np.ndarray,
    labels: Sequence[str],
    ids: Sequence[int],
    texts: Sequence[str],
    counts: Sequence[int],
    added: Sequence[str],
    *,
    chosen: int,
    title: str,
    height: int = 300,
) -> go.Figure:
    """One line per candidate over the number of tokens read.

    shares: (candidates, counts) probabilities; line n holds exactly shares[n]. labels, ids: of the candidates; texts:
    their last probabilities as written beside the lines. counts: tokens read at each place; added: the earliest token among
    them. chosen: which place is marked.
    """
    grey = style.PARTS["residual"]
    figure = go.Figure()
    places = list(range(len(counts)))
    told = [[count, verbatim.chart(token)] for count, token in zip(counts, added)]
    for n, values in enumerate(shares):
        figure.add_scatter(
            x=places,
            y=values,
            mode="lines+markers",
            name=verbatim.chart(labels[n]),
            line={"color": style.token_colour(n), "width": 2.5},
            marker={"symbol": SYMBOLS[n % len(SYMBOLS)], "size": 8},
            customdata=told,
            hovertemplate=f"{verbatim.chart(labels[n])} (id {ids[n]})<br>%{{customdata[0]}} tokens read, the first one "
            "%{customdata[1]}<br>probability %{y:.4g}<extra></extra>",
        )
    top = float(shares.max()) * 1.08
    bottom = -0.03 * top
    gap = 20 * (top - bottom) / (height - 120)
    for n, place in enumerate(spread([float(values[-1]) for values in shares], gap, 0.0)):
        figure.add_annotation(
            x=1.01,
            xref="paper",
            y=place,
            text=f"<span style='color:{style.token_colour(n)}'>●</span> {short(labels[n])} {verbatim.chart(texts[n])}",
            showarrow=False,
            xanchor="left",
            font={"size": style.CHART_FONT},
        )
    figure.add_vline(x=chosen, line={"color": grey, "width": 2, "dash": "dot"})
    if len(counts) <= NAMED:
        ticks = [f"{count}<br>{short(token, 10)}" for count, token in zip(counts, added)]
        asked = "tokens read, and the earliest of them"
    else:
        ticks = [str(count) for count in counts]
        asked = "tokens read, counted back from the end"
    if counts[-1] > len(counts):
        asked += " (some lengths only)"
    step = -(-len(counts) // 20)
    figure.update_xaxes(
        tickvals=places[::step],
        ticktext=ticks[::step],
        range=[-0.25, max(len(counts) - 0.75, 0.25)],
        title_text=asked,
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(range=[bottom, top], tickformat=".3~p", title_text="probability", nticks=5)
    figure.update_layout(
        **style.chart(height=height),
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "font": {"size": 16}},
        margin={"l": 10, "r": 165, "t": 36, "b": 10},
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure


def pairs(
    before: np.ndarray,
    after: np.ndarray,
    labels: Sequence[str],
    ids: Sequence[int],
    texts: Sequence[Sequence[str]],
    *,
    names: tuple[str, str],
    title: str,
    height: int = 300,
) -> go.Figure:
    """Two bars per candidate: its probability before and after a change, with its text beside it.

    before, after: (candidates,) probabilities; labels, ids: of the candidates; texts, names: of the two states.
    """
    figure = go.Figure()
    colours = style.PARTS["residual"], style.PARTS["position"]
    hover = [[verbatim.chart(label), word] for label, word in zip(labels, ids)]
    for values, name, colour, written in zip((before, after), names, colours, texts):
        figure.add_bar(
            x=values,
            y=list(range(len(labels))),
            orientation="h",
            name=verbatim.chart(name),
            marker={"color": colour, "line": {"width": 0}},
            text=[verbatim.chart(text) for text in written],
            textposition="outside",
            constraintext="none",
            cliponaxis=False,
            textfont={"size": style.CHART_FONT},
            customdata=hover,
            hovertemplate="%{customdata[0]} (id %{customdata[1]})<br>probability %{x:.4g}<extra></extra>",
        )
    _ranked(figure, labels, float(max(before.max(), after.max())), title, height)
    figure.update_layout(
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 0,
            "yanchor": "top",
            "traceorder": "normal",
            "font": {"size": style.CHART_FONT},
        },
        barmode="group",
        margin={"b": 34},
    )
    return figure


def row(
    shares: np.ndarray,
    labels: Sequence[str],
    ids: Sequence[int],
    texts: Sequence[str],
    *,
    actual: int | None,
    title: str,
    height: int = 200,
) -> go.Figure:
    """One bar per candidate of one row, `actual` (the token that really came) framed. shares: (candidates,)."""
    figure = go.Figure(
        go.Bar(
            x=shares,
            y=list(range(len(labels))),
            orientation="h",
            name="candidates",
            marker={
                "color": style.PARTS["token"],
                "line": {"color": style.PARTS["key"], "width": [3 if n == actual else 0 for n in range(len(labels))]},
            },
            text=[verbatim.chart(text) for text in texts],
            textposition="outside",
            constraintext="none",
            cliponaxis=False,
            textfont={"size": style.CHART_FONT},
            customdata=[[verbatim.chart(label), word] for label, word in zip(labels, ids)],
            hovertemplate="%{customdata[0]} (id %{customdata[1]})<br>probability %{x:.4g}<extra></extra>",
        )
    )
    _ranked(figure, labels, float(shares.max()), title, height)
    return figure


def _ranked(figure: go.Figure, labels: Sequence[str], longest: float, title: str, height: int) -> None:
    """Axes and title of bars that lie one under another, the first on top, with room for a text right of the longest."""
    figure.update_xaxes(range=[0, 1.3 * longest], showticklabels=False, showgrid=False, zeroline=True)
    figure.update_yaxes(
        tickvals=list(range(len(labels))),
        ticktext=[short(label) for label in labels],
        ticklabelstandoff=6,
        range=[len(labels) - 0.45, -0.55],
        showgrid=False,
        automargin=True,
    )
    figure.update_layout(
        **style.chart(height=height),
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "font": {"size": 16}},
        bargap=0.25,
        margin={"l": 10, "r": 10, "t": 36, "b": 10},
    )
