"""One number per token as bars, in the order of the sentence."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from . import style
from .bars import short
from .depth import written

LABELLED = 30  # tokens that can have their label under the bar
NUMBERED = 12  # bars that can have their number on top


def per_token(values: np.ndarray, labels: Sequence[str], *, chosen: int, title: str, y_title: str, height: int) -> go.Figure:
    """values: (tokens,); the bar trace holds exactly these. chosen: the bar that stands out; bars behind it are pale."""
    count = len(values)
    colours = [style.PARTS["key"] if n == chosen else style.PARTS["residual" if n > chosen else "token"] for n in range(count)]
    figure = go.Figure()
    figure.add_bar(
        x=list(range(count)),
        y=values,
        marker={"color": colours, "line": {"width": 0}},
        text=[written(value) for value in values] if count <= NUMBERED else None,
        textposition="outside",
        textfont={"size": style.CHART_FONT},
        cliponaxis=False,
        customdata=[verbatim.chart(label) for label in labels],
        hovertemplate="%{customdata}<br>%{y:.4g}<extra></extra>",
    )
    every = max(1, -(-count // LABELLED))
    figure.update_xaxes(
        tickvals=list(range(0, count, every)),
        ticktext=[short(label) for label in labels[::every]],
        tickangle=0 if count <= 8 else 90,
        range=[-0.6, count - 0.4],
        showgrid=False,
        zeroline=False,
        automargin=True,
    )
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    room = 0.12 * ((high - low) or 1.0)
    figure.update_yaxes(
        title_text=verbatim.chart(y_title),
        range=[low - (room if low else 0), high + room],
        gridcolor=style.GRID,
        zerolinecolor=style.PARTS["residual"],
        nticks=6,
        automargin=True,
    )
    figure.update_layout(
        **style.chart(height=height),
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "font": {"size": 16}},
        bargap=0.25,
        margin={"l": 10, "r": 10, "t": 44, "b": 10},
    )
    return figure
