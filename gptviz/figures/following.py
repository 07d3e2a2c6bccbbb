"""A few words followed through the depths of a model: their probability, and their place among all words, a line each."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .. import verbatim
from . import style
from .bars import short
from .candidates import SYMBOLS

TICKS = 13  # depths that can be named


def words(
    shares: np.ndarray,
    ranks: np.ndarray,
    names: Sequence[str],
    places: Sequence[str],
    *,
    title: str,
    height: int,
) -> go.Figure:
    """shares, ranks: (word, depth); traces n and n + 1 of a word hold exactly its rows. names: of the words. places: of the depths."""
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.1)
    depths = list(range(len(places)))
    told = [verbatim.chart(place) for place in places]
    for n, name in enumerate(names):
        colour = style.token_colour(n)
        for column, values, said in ((1, shares[n], "probability %{y:.4g}"), (2, ranks[n], "rank %{y:,}")):
            figure.add_scatter(
                x=depths,
                y=values,
                name=short(name, 16),
                legendgroup=str(n),
                showlegend=column == 1,
                mode="lines+markers",
                line={"color": colour, "width": 2.5},
                marker={"size": 7, "symbol": SYMBOLS[n % len(SYMBOLS)]},
                customdata=told,
                hovertemplate=f"{verbatim.chart(name)}<br>%{{customdata}}<br>{said}<extra></extra>",
                row=1,
                col=column,
            )
    every = max(1, -(-len(places) // TICKS))
    figure.update_xaxes(
        tickvals=depths[::every],
        ticktext=[str(depth) for depth in depths[::every]],
        title={"text": "row of the picture above", "font": {"size": style.CHART_FONT}, "standoff": 4},
        range=[-0.4, len(places) - 0.6],
        showgrid=False,
        zeroline=False,
        automargin=True,
    )
    grid = style.GRID
    figure.update_yaxes(
        title_text="probability",
        rangemode="tozero",
        nticks=5,
        exponentformat="power",
        gridcolor=grid,
        automargin=True,
        row=1,
        col=1,
    )
    most = float(ranks.max())
    figure.update_yaxes(
        title_text="rank",
        type="log",
        range=[np.log10(most) + 0.15, -0.15],
        tickvals=[10.0**power for power in range(int(np.log10(most)) + 1)],
        ticktext=[f"{10**power:,}" for power in range(int(np.log10(most)) + 1)],
        gridcolor=grid,
        automargin=True,
        row=1,
        col=2,
    )
    figure.update_layout(
        **style.chart(height=height)
        | {
            "showlegend": True,
            "legend": style.LEGEND,
        },
        title=style.title(title),
        margin={"l": 10, "r": 10, "t": 58, "b": 10},
    )
    return figure
