"""Cosines: of one row with its neighbours as bars, and of many pairs as histograms against what chance gives."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .. import verbatim
from . import style
from .bars import short

BINS = 80
OWN = style.PARTS["token"]
GREY = style.PARTS["residual"]
MARK = style.PARTS["key"]


@dataclass(frozen=True, eq=False)
class Side:
    """One list of rows. values: their cosines. names, ids: what they are. chosen: the place of the row that is compared."""

    title: str
    values: np.ndarray
    names: Sequence[str]
    ids: Sequence[int]
    chosen: int | None = None


def sides(lists: Sequence[Side], *, mean: float, title: str, height: int) -> go.Figure:
    """Lists of rows beside each other as bars on one cosine axis; bar trace n holds exactly lists[n].values.

    mean: the average over all rows, a dotted line.
    """
    figure = make_subplots(
        rows=1, cols=len(lists), subplot_titles=[verbatim.chart(side.title) for side in lists], horizontal_spacing=0.24
    )
    low = min(0.0, mean, *(float(side.values.min()) for side in lists))
    for n, side in enumerate(lists, start=1):
        places = list(range(len(side.values)))
        colours = [GREY if place == side.chosen else OWN for place in places]
        figure.add_bar(
            x=side.values,
            y=places,
            orientation="h",
            name=verbatim.chart(side.title),
            marker={"color": colours, "line": {"width": 0}},
            text=[
                "this row" if place == side.chosen else f"{round(float(value), 2) + 0.0:.2f}"
                for place, value in enumerate(side.values)
            ],
            textposition=["inside" if place == side.chosen else "outside" for place in places],
            insidetextanchor="start",
            textangle=0,
            constraintext="none",
            textfont={"size": style.CHART_FONT},
            insidetextfont={"color": style.TYPE, "size": style.CHART_FONT},
            cliponaxis=False,
            customdata=[[verbatim.chart(name), row] for name, row in zip(side.names, side.ids)],
            hovertemplate="%{customdata[0]}<br>id %{customdata[1]}<br>cosine %{x:.4f}<extra></extra>",
            row=1,
            col=n,
        )
        figure.add_vline(x=mean, line={"color": GREY, "width": 1.5, "dash": "dot"}, row=1, col=n)
        figure.update_yaxes(
            tickvals=places,
            ticktext=[f"{short(name)}  {row}" for name, row in zip(side.names, side.ids)],
            range=[len(places) - 0.4, -0.6],
            showgrid=False,
            zeroline=False,
            row=1,
            col=n,
        )
    figure.update_xaxes(
        range=[low - 0.16 * (low < 0), 1.14],
        zeroline=True,
        dtick=0.5,
        title_text="cosine; dotted: all rows",
        title_standoff=2,
    )
    figure.update_layout(
        **style.chart(height=height), title=style.title(title), bargap=0.2, margin={"l": 10, "r": 10, "t": 56, "b": 10}
    )
    figure.update_annotations(font={"size": 14})
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure


def chance(x: np.ndarray, width: int) -> np.ndarray:
    """Density of the cosine of two random directions of `width` numbers (at least 2), at x; its standard deviation is
    1 / sqrt(width). Of 2 numbers it has no bound at the ends, where the value a hair before them is given."""
    height = math.exp(math.lgamma(width / 2) - math.lgamma((width - 1) / 2)) / math.sqrt(math.pi)
    return height * np.clip(1 - x**2, 0 if width > 2 else 1e-3, 1) ** ((width - 3) / 2)


def shares(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How the cosines are spread: middles of the bins from -1 to 1, and the share of the values in each."""
    counts, edges = np.histogram(np.clip(values, -1, 1), bins=BINS, range=(-1, 1))
    return (edges[1:] + edges[:-1]) / 2, counts / max(1, values.size)


def against_chance(
    series: Mapping[str, np.ndarray], marked: float, name: str, *, width: int, height: int = style.PICTURE_HEIGHT
) -> go.Figure:
    """Histograms of cosines under each other, one pair marked in all, and the bell that random directions would give, dotted.

    series: title -> cosines; bar trace n holds the share of series n in each bin. width: numbers per vector.
    """
    figure = make_subplots(
        rows=len(series),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.17,
        subplot_titles=[verbatim.chart(title) for title in series],
    )
    fine = np.linspace(-1, 1, 801)
    bell = chance(fine, width) * 2 / BINS
    for n, (title, values) in enumerate(series.items(), start=1):
        middles, share = shares(values)
        figure.add_bar(
            x=middles,
            y=share,
            width=2 / BINS,
            name=verbatim.chart(title),
            marker={"color": OWN if n == 1 else GREY, "line": {"width": 0}},
            hovertemplate="cosine about %{x:.3f}<br>share %{y:.3%}<extra></extra>",
            row=n,
            col=1,
        )
        figure.add_scatter(
            x=fine,
            y=bell,
            name="random directions",
            mode="lines",
            line={"color": MARK, "width": 1.5, "dash": "dot"},
            hoverinfo="skip",
            row=n,
            col=1,
        )
        top = 1.12 * max(float(share.max()), float(bell.max()))
        figure.add_vline(x=marked, line={"color": MARK, "width": 3}, row=n, col=1)
        figure.update_yaxes(range=[0, top], tickformat=".0%", nticks=4, title_text="share", row=n, col=1)
    right = marked < 0.6
    figure.add_annotation(
        x=marked,
        y=1,
        yref="y domain",
        text=f" <b>{short(name, 34)}: {round(marked, 2) + 0.0:.2f}</b> ",
        showarrow=False,
        xanchor="left" if right else "right",
        yanchor="top",
        font={"size": 15},
    )
    figure.add_annotation(
        x=-1,
        y=0.98,
        yref="y domain",
        text=f"dotted: random directions, 0 ± {width**-0.5:.3f}",
        showarrow=False,
        xanchor="left",
        yanchor="top",
    )
    figure.update_xaxes(range=[-1.02, 1.02], dtick=0.25, zeroline=True, automargin=True)
    figure.update_xaxes(title_text="cosine", title_standoff=2, row=len(series), col=1)
    figure.update_layout(**style.chart(height=height), bargap=0, margin={"l": 10, "r": 10, "t": 28, "b": 10})
    for title in figure.layout.annotations[: len(series)]:
        title.update(x=0, xref="x domain", xanchor="left", font={"size": 14})
    figure.update_yaxes(automargin=True)
    return figure


def profile(values: np.ndarray, chosen: int, *, used: int, title: str, height: int) -> go.Figure:
    """Cosine of one position with every position as a line; trace "cosine" holds exactly `values`.

    used: how many positions the sentence takes, shaded.
    """
    figure = go.Figure()
    figure.add_vrect(x0=-0.5, x1=used - 0.5, fillcolor=style.faint(OWN, 0.13), line={"color": OWN, "width": 1})
    figure.add_scatter(
        x=np.arange(len(values)),
        y=values,
        name="cosine",
        mode="lines" if len(values) > 1 else "markers",
        line={"color": style.PARTS["position"], "width": 2},
        hovertemplate="position %{x}<br>cosine %{y:.4f}<extra></extra>",
    )
    figure.add_scatter(
        x=[chosen],
        y=values[chosen : chosen + 1],
        mode="markers",
        name="itself",
        marker={"color": MARK, "size": 11},
        hovertemplate="position %{x}, itself<extra></extra>",
    )
    figure.update_xaxes(title_text="position; shaded: used by your sentence", range=[-1, max(1, len(values))], zeroline=False)
    figure.update_yaxes(title_text="cosine", range=[-1.08, 1.08], dtick=0.5, zeroline=True)
    figure.update_layout(**style.chart(height=height), title=style.title(title), margin={"l": 10, "r": 10, "t": 34, "b": 10})
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure
