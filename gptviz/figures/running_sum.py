"""Products as bars, and what they have added up to so far as a line."""

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from . import style


def products(values: np.ndarray, running: np.ndarray, *, title: str, height: int) -> go.Figure:
    """values: (n,) the bars; running: (n,) their sum up to and with each. Both traces hold exactly these."""
    places = list(range(len(values)))
    line = style.PARTS["attention"]
    figure = go.Figure()
    figure.add_bar(
        x=places,
        y=values,
        name="products",
        marker={"color": np.where(values > 0, style.PARTS["query"], style.PARTS["key"]).tolist(), "line": {"width": 0}},
        hovertemplate="number %{x}: q × k = %{y:.4g}<extra></extra>",
    )
    figure.add_scatter(
        x=places,
        y=running,
        name="running sum",
        mode="lines",
        line={"color": line, "width": 2.5, "shape": "hv"},
        hovertemplate="sum up to number %{x}: %{y:.4g}<extra></extra>",
    )
    figure.add_scatter(
        x=places[-1:],
        y=running[-1:],
        mode="markers+text",
        name="score",
        marker={"color": line, "size": 9},
        text=[f" {running[-1]:.2f}".replace("-", "−")],
        textposition="middle right",
        textfont={"size": style.CHART_FONT + 1},
        cliponaxis=False,
        hovertemplate="score %{y:.5g}<extra></extra>",
    )
    figure.update_xaxes(
        title={"text": "number", "font": {"size": style.CHART_FONT}, "standoff": 2},
        range=[-0.7, 1.06 * len(values)],
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(nticks=5, zeroline=True, zerolinecolor=style.PARTS["residual"])
    figure.update_layout(
        **style.chart(height=height),
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "font": {"size": 15}},
        bargap=0.15,
        margin={"l": 10, "r": 10, "t": 34, "b": 10},
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure
