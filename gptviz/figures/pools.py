"""What the next token can be: shares at a temperature, the pool that top-k and top-p leave, draws counted, draws one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .. import verbatim
from . import style
from .bars import short

FIRST, OTHER, OUT = style.PARTS["output"], style.PARTS["token"], style.PARTS["residual"]
DRAWN = style.PARTS["key"]


def _named(labels: Sequence[str], ids: Sequence[int]) -> list[list]:
    """What the pointer tells about each word."""
    return [[verbatim.chart(label), int(word)] for label, word in zip(labels, ids)]


def _words(figure: go.Figure, labels: Sequence[str], column: int | None = 1) -> None:
    """The words as rows, the first on top; column: of the subplot that carries their names, None for no subplots."""
    where = {} if column is None else {"row": 1, "col": column}
    figure.update_yaxes(
        range=[len(labels) - 0.4, -0.6],
        tickvals=list(range(len(labels))),
        ticktext=[short(label) for label in labels],
        tickfont={"size": style.CHART_FONT},
        ticklabelstandoff=5,
        showgrid=False,
        zeroline=False,
        automargin=True,
        **where,
    )


def _titled(figure: go.Figure, title: str, height: int) -> go.Figure:
    figure.update_layout(
        **style.chart(height=height),
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "y": 0.99, "yanchor": "top", "font": {"size": 15}},
        margin={"l": 10, "r": 10, "t": 62, "b": 10},
        bargap=0.2,
    )
    figure.update_annotations(font={"size": style.CHART_FONT})
    return figure.update_xaxes(automargin=True, title_font={"size": style.CHART_FONT})


def compared(
    before: np.ndarray,
    after: np.ndarray,
    labels: Sequence[str],
    ids: Sequence[int],
    texts: tuple[Sequence[str], Sequence[str]],
    *,
    headings: tuple[str, str],
    temperatures: np.ndarray,
    curves: np.ndarray,
    curve_labels: Sequence[str],
    temperature: float,
    logarithmic: bool,
    title: str,
    height: int = 400,
) -> go.Figure:
    """The same words' shares side by side, and how shares move with the temperature.

    before, after: (n,) shares; the traces "before" and "after" hold exactly these. texts: what is written at each bar.
    temperatures: (m,), curves: (lines, m): the share of some words at every temperature, a line each.
    """
    figure = make_subplots(
        rows=1,
        cols=3,
        column_widths=[0.27, 0.27, 0.46],
        horizontal_spacing=0.05,
        subplot_titles=(*map(verbatim.chart, headings), "at every T"),
    )
    for column, (name, values, told) in enumerate((("before", before, texts[0]), ("after", after, texts[1])), start=1):
        figure.add_bar(
            x=values,
            y=list(range(len(values))),
            orientation="h",
            name=name,
            marker={"color": [FIRST] + [OTHER] * (len(values) - 1), "line": {"color": OUT, "width": 1}},
            text=[verbatim.chart(text) for text in told],
            textposition="outside",
            constraintext="none",
            cliponaxis=False,
            customdata=_named(labels, ids),
            hovertemplate="%{customdata[0]}<br>id %{customdata[1]}<br>probability %{x:.6g}<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
        room = 2.4 * max(float(before.max()), float(after.max()), 1e-12)  # one scale, so that bars can be compared
        figure.update_xaxes(range=[0, room], showticklabels=False, showgrid=False, zeroline=True, row=1, col=column)
        _words(figure, labels, column)
    figure.update_yaxes(showticklabels=False, row=1, col=2)
    for n, (label, line) in enumerate(zip(curve_labels, curves)):
        figure.add_scatter(
            x=temperatures,
            y=line,
            mode="lines",
            name=short(label, 20),
            line={"color": style.token_colour(n), "width": 2.5},
            hovertemplate="T %{x:.1f}: %{y:.3g}",
            row=1,
            col=3,
        )
    figure.add_vline(x=temperature, line={"color": DRAWN, "width": 2, "dash": "dash"}, row=1, col=3)
    figure.update_xaxes(range=[0, float(temperatures[-1])], title_text="temperature T", dtick=1, zeroline=False, row=1, col=3)
    if logarithmic:
        floor = float(np.floor(np.log10(max(curves[:, -1].min(), 1e-9)))) - 1
        figure.update_yaxes(type="log", range=[floor, 0.1], exponentformat="power", dtick=1, row=1, col=3)
    else:
        figure.update_yaxes(range=[0, 1.02], tickformat=".0%", row=1, col=3)
    _titled(figure, title, height)
    legend = {"x": 1.01, "xanchor": "left", "y": 1, "font": {"size": style.CHART_FONT}}
    return figure.update_layout(showlegend=True, legend=legend)


def kept(
    before: np.ndarray,
    after: np.ndarray,
    labels: Sequence[str],
    ids: Sequence[int],
    texts: Sequence[str],
    *,
    mass: np.ndarray,
    size: int,
    k: int | None,
    p: float,
    title: str,
    height: int = 400,
) -> go.Figure:
    """The most probable words with their share before and in the pool, and the mass that the first n words hold.

    before, after: (n,) shares in falling order, after = 0 outside the pool; traces "before" and "after" hold exactly these.
    mass: (vocabulary,) running sum of all shares. size: words in the pool. k, p: where they cut, None and 1 for nowhere.
    """
    figure = make_subplots(
        rows=1,
        cols=2,
        column_widths=[0.56, 0.44],
        horizontal_spacing=0.1,
        subplot_titles=("grey: whole vocabulary, colour: in the pool", "mass of the first n tokens"),
    )
    places = list(range(len(before)))
    where = {"row": 1, "col": 1}
    hover = "%{customdata[0]}<br>id %{customdata[1]}<br>%{x:.6g}<extra></extra>"
    named = _named(labels, ids)
    figure.add_bar(
        x=after,
        y=places,
        orientation="h",
        name="after",
        width=0.8,
        marker={"color": [FIRST] + [OTHER] * (len(after) - 1), "line": {"color": OUT, "width": 1}},
        customdata=named,
        hovertemplate=hover,
        **where,
    )
    figure.add_bar(
        x=before,
        y=places,
        orientation="h",
        name="before",
        width=0.4,
        marker={"color": OUT},
        customdata=named,
        hovertemplate=hover,
        **where,
    )
    reach = np.maximum(before, after)
    figure.add_scatter(
        x=reach,
        y=places,
        mode="text",
        text=[f" {verbatim.chart(text)}" for text in texts],
        textposition="middle right",
        name="texts",
        cliponaxis=False,
        hoverinfo="skip",
        **where,
    )
    figure.update_xaxes(
        range=[0, 1.75 * max(float(reach.max()), 1e-12)], showticklabels=False, showgrid=False, zeroline=True, **where
    )
    _words(figure, labels)
    # every n up to 200, then as many as a curve on a logarithmic axis can show
    at = np.unique(np.concatenate([np.arange(1, 201), np.geomspace(200, len(mass), 300).astype(int), [size, len(mass)]]))
    at = at[at <= len(mass)]
    where = {"row": 1, "col": 2}
    inside = at[at <= size]
    figure.add_scatter(
        x=inside,
        y=mass[inside - 1],
        mode="lines",
        name="pool",
        fill="tozeroy",
        line={"color": OTHER, "width": 3},
        hovertemplate="first %{x:,}: %{y:.4f}<extra></extra>",
        **where,
    )
    figure.add_scatter(
        x=at[at >= size],
        y=mass[at[at >= size] - 1],
        mode="lines",
        name="cut",
        line={"color": OUT, "width": 2, "dash": "dot"},
        hovertemplate="first %{x:,}: %{y:.4f}<extra></extra>",
        **where,
    )
    figure.add_scatter(
        x=[size],
        y=[mass[size - 1]],
        mode="markers",
        name="edge",
        marker={"color": DRAWN, "size": 11},
        hovertemplate="pool of %{x:,}: %{y:.6f}<extra></extra>",
        **where,
    )
    if k is not None:
        figure.add_vline(x=k, line={"color": DRAWN, "width": 1.5, "dash": "dash"}, annotation_text=f"k = {k}", **where)
    if p < 1:
        figure.add_hline(
            y=p,
            line={"color": DRAWN, "width": 1.5, "dash": "dash"},
            annotation_text=f"p = {p:g}",
            annotation_position="top left",
            **where,
        )
    figure.update_xaxes(
        type="log",
        range=[-0.1, float(np.log10(len(mass))) + 0.05],
        title_text="n, most probable first",
        tickvals=[10**n for n in range(6) if 10**n <= len(mass)],
        ticktext=[f"{10**n:,}" for n in range(6) if 10**n <= len(mass)],
        **where,
    )
    figure.update_yaxes(range=[0, 1.08], tickformat=".0%", **where)
    return _titled(figure, title, height).update_layout(barmode="overlay")


def drawn_often(
    counts: np.ndarray,
    expected: np.ndarray,
    spread: np.ndarray,
    labels: Sequence[str],
    ids: Sequence[int],
    texts: Sequence[str],
    *,
    draws: int,
    title: str,
    height: int = 400,
) -> go.Figure:
    """How often each word was drawn, with the number to expect and two standard deviations either side.

    counts, expected, spread: (n,); the trace "drawn" holds exactly counts. draws: how many there were, all of which argmax
    would give to the first word; the outlined bar "argmax" says so.
    """
    places = list(range(len(counts)))
    figure = go.Figure()
    figure.add_bar(
        x=[draws],
        y=[0],
        orientation="h",
        name="argmax",
        marker={"color": style.CLEAR, "line": {"color": OUT, "width": 1.5}},
        hovertemplate="argmax: %{x} times<extra></extra>",
    )
    figure.add_annotation(x=draws, y=0, text=f"argmax: {draws:,} ", showarrow=False, xanchor="right")
    figure.add_bar(
        x=counts,
        y=places,
        orientation="h",
        name="drawn",
        marker={"color": [FIRST] + [OTHER] * (len(counts) - 2) + [OUT], "line": {"color": OUT, "width": 1}},
        customdata=_named(labels, ids),
        hovertemplate="%{customdata[0]}<br>drawn %{x} times<extra></extra>",
    )
    figure.add_scatter(
        x=expected,
        y=places,
        mode="markers",
        name="expected",
        marker={"color": DRAWN, "size": 9, "symbol": "diamond"},
        error_x={"type": "data", "array": 2 * spread, "color": DRAWN, "thickness": 2, "width": 5},
        hovertemplate="expected %{x:.1f}<extra></extra>",
    )
    reach = np.maximum(counts, expected + 2 * spread)
    figure.add_scatter(
        x=reach,
        y=places,
        mode="text",
        text=[f"  {verbatim.chart(text)}" for text in texts],
        textposition="middle right",
        name="texts",
        cliponaxis=False,
        hoverinfo="skip",
    )
    figure.update_xaxes(range=[0, 1.05 * draws], title_text="times drawn", zeroline=True)
    _words(figure, labels, None)
    return _titled(figure, title, height).update_layout(barmode="overlay", margin={"t": 40})


@dataclass(frozen=True, eq=False)
class Row:
    """One draw. widths: (segments,) shares that sum to 1, in the order they lie; words: of each; chosen: which one was hit;
    number: where. label: left of the row; text: right of it."""

    widths: np.ndarray
    words: tuple[str, ...]
    chosen: int
    number: float
    label: str
    text: str


def ruler(rows: Sequence[Row], *, title: str, height: int = 300) -> go.Figure:
    """Draws one under another: the pool's shares end to end from 0 to 1, and the random number that falls on one of them.

    The trace "shares" holds every row's widths in turn, "numbers" the random numbers.
    """
    widths = np.concatenate([row.widths for row in rows])
    starts = np.concatenate([np.cumsum(row.widths) - row.widths for row in rows])
    at = [n for n, row in enumerate(rows) for _ in row.words]
    colours = [FIRST if n == row.chosen else style.PAPERS[n % 2] for row in rows for n in range(len(row.words))]
    told = [word for row in rows for word in row.words]
    fits = [
        short(word, max(3, int(60 * width))) if 80 * width > min(len(word), 3) + 1 else "" for word, width in zip(told, widths)
    ]
    figure = go.Figure()
    figure.add_bar(
        x=widths,
        base=starts,
        y=at,
        orientation="h",
        name="shares",
        width=0.78,
        marker={"color": colours, "line": {"color": style.TYPE, "width": 1}},
        customdata=[verbatim.chart(word) for word in told],
        hovertemplate="%{customdata}<br>share of the pool %{x:.5g}<extra></extra>",
    )
    figure.add_scatter(
        x=starts + widths / 2,
        y=at,
        mode="text",
        name="words",
        text=fits,
        textfont={"size": style.CHART_FONT, "color": style.TYPE},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[row.number for row in rows],
        y=[n - 0.39 for n in range(len(rows))],
        mode="markers",
        name="numbers",
        marker={"color": DRAWN, "size": 11, "symbol": "triangle-down", "line": {"color": style.TYPE, "width": 0.5}},
        cliponaxis=False,
        hovertemplate="random number %{x:.6f}<extra></extra>",
    )
    for n, row in enumerate(rows):
        text = verbatim.chart(row.text)
        figure.add_annotation(x=1.01, xref="x domain", y=n, text=text, showarrow=False, xanchor="left")
    _words(figure, [row.label for row in rows], None)
    figure.update_xaxes(range=[0, 1], dtick=0.25, showgrid=False, zeroline=False)
    longest = max(len(row.text) for row in rows)
    return _titled(figure, title, height).update_layout(barmode="overlay", margin={"t": 40, "r": 14 + 7 * longest, "b": 24})
