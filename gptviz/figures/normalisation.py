"""Curves about dividing by a standard deviation."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from . import style
from .depth import tick, written

POINTS = 200


def _layout(figure: go.Figure, title: str, height: int) -> go.Figure:
    figure.update_layout(
        **style.chart(height=height),
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "font": {"size": 16}},
        margin={"l": 10, "r": 20, "t": 40, "b": 10},
    )
    figure.update_xaxes(gridcolor=style.GRID, zeroline=False, automargin=True)
    figure.update_yaxes(gridcolor=style.GRID, zeroline=False, automargin=True)
    return figure


def excess(n: int, width: int, *, height: int) -> go.Figure:
    """By how many percent the variance over n - 1 exceeds that over n, for every n up to the model's width; n marked."""
    at = np.unique(np.geomspace(2, width, POINTS).round().astype(int))
    figure = go.Figure()
    figure.add_scatter(
        x=at, y=100 / (at - 1), mode="lines", line={"color": style.PARTS["residual"], "width": 2.5}, hoverinfo="skip"
    )
    marked = sorted({n, width})
    figure.add_scatter(
        x=marked,
        y=[100 / (one - 1) for one in marked],
        mode="markers+text",
        name="marked",
        text=[f"n = {one}: {written(100 / (one - 1))} %" for one in marked],
        textposition=["top right" if one < width**0.6 else "bottom left" for one in marked],
        textfont={"size": 15},
        marker={"size": 12, "color": [style.PARTS["key"] if one == n else style.PARTS["token"] for one in marked]},
        cliponaxis=False,
        hovertemplate="n = %{x}<br>%{y:.4g} %<extra></extra>",
    )
    ticks = [tick for tick in (2, 3, 6, 10, 30, 100, 300, 768, 1600) if tick <= width]
    figure.update_xaxes(
        type="log", title_text="n, how many numbers", tickvals=ticks, range=[np.log10(1.8), np.log10(width * 1.1)]
    )
    shares = [0.1, 0.3, 1, 3, 10, 30, 100]
    figure.update_yaxes(
        type="log",
        title_text="larger by, in %",
        tickvals=shares,
        ticktext=[f"{share:g}" for share in shares],
        range=[np.log10(45 / width), np.log10(220)],
    )
    return _layout(figure, "How much larger the variance over n − 1 is", height)


def kept_variance(eps: float, real: np.ndarray, labels: Sequence[str], toy: float, *, height: int) -> go.Figure:
    """The variance after LayerNorm against the variance before: v / (v + eps), with the sentence's rows and the toy row on it.

    real: (tokens,) variances; the trace "tokens" holds them. toy: the toy row's variance, drawn at the left edge when it is 0.
    """
    positive = [value for value in (*real.tolist(), toy, eps) if value > 0] or [1.0]
    low, high = np.log10(min(positive)) - 1.5, np.log10(max(*positive, 10.0)) + 0.5
    v = np.logspace(low, high, POINTS)
    figure = go.Figure()
    figure.add_scatter(
        x=v, y=v / (v + eps), mode="lines", line={"color": style.PARTS["residual"], "width": 2.5}, hoverinfo="skip"
    )
    figure.add_scatter(
        x=real,
        y=real / (real + eps),
        name="tokens",
        mode="markers",
        marker={"size": 11, "color": style.PARTS["token"]},
        customdata=[verbatim.chart(label) for label in labels],
        hovertemplate="%{customdata}<br>variance %{x:.4g}<br>after %{y:.6g}<extra></extra>",
    )
    defined = toy + eps > 0
    figure.add_scatter(
        x=[max(toy, 10.0**low)],
        y=[toy / (toy + eps) if defined else None],
        name="toy row",
        mode="markers+text",
        text=["TOY row"],
        textposition="top right",
        textfont={"size": 15},
        marker={"size": 13, "color": style.PARTS["key"], "symbol": "diamond"},
        hovertemplate="TOY row<br>variance %{x:.4g}<br>after %{y:.6g}<extra></extra>",
    )
    powers = range(int(np.ceil(low)), int(np.floor(high)) + 1)
    ticks = [10.0**power for power in powers][:: max(1, len(powers) // 7)]
    figure.update_xaxes(
        type="log", title_text="variance before", tickvals=ticks, ticktext=[tick(value) for value in ticks], range=[low, high]
    )
    figure.update_yaxes(title_text="variance after", range=[-0.08, 1.2], tickvals=[0, 0.25, 0.5, 0.75, 1])
    return _layout(figure, f"ε = {tick(eps)}: what is left of a variance of 1 (blue: this sentence's tokens)", height)
