"""How far two results lie apart, over many orders of magnitude, with a place of its own for exactly 0."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from . import style

SYMBOLS = ("circle", "diamond-open", "square-open", "x-thin-open")
POWERS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def places(values: np.ndarray, low: int) -> np.ndarray:
    """Where numbers of at least 0 stand on the axis: log10 of them; exactly 0 one step left of the lowest power drawn."""
    with np.errstate(divide="ignore"):
        return np.where(values > 0, np.log10(values), low - 1)


def dots(
    series: Mapping[str, np.ndarray],
    categories: Sequence[str],
    *,
    title: str,
    axis: str,
    sizes: np.ndarray | None = None,
    sizes_name: str = "",
    joined: bool = False,
    height: int = style.PICTURE_HEIGHT,
) -> go.Figure:
    """One line of dots per category, one dot per series, on a log axis; `customdata` of a series holds exactly its values.

    series: name -> (categories,) numbers of at least 0. sizes: how large the compared numbers themselves are, as grey ticks.
    joined: a line through each series.
    """
    everything = np.concatenate([*series.values(), *([sizes] if sizes is not None else [])]).astype(np.float64)
    above = everything[everything > 0]
    low = math.floor(np.log10(above.min())) if above.size else -8
    high = max(math.ceil(np.log10(above.max())) if above.size else 0, low + 1)
    rows = list(range(len(categories)))
    told = [verbatim.chart(category) for category in categories]
    figure = go.Figure()
    grey = style.PARTS["residual"]
    figure.add_vrect(x0=low - 1.5, x1=low - 0.5, fillcolor=style.faint(grey, 0.15), line={"color": grey, "width": 1})
    if sizes is not None:
        figure.add_scatter(
            x=places(sizes.astype(np.float64), low),
            y=rows,
            mode="markers",
            name=verbatim.chart(sizes_name),
            marker={"symbol": "line-ns-open", "size": 13, "color": style.PARTS["residual"], "line": {"width": 2}},
            customdata=sizes,
            text=told,
            hovertemplate=f"%{{text}}<br>{verbatim.chart(sizes_name)}: %{{customdata:.4g}}<extra></extra>",
        )
    for n, (name, values) in enumerate(series.items()):
        figure.add_scatter(
            x=places(values.astype(np.float64), low),
            y=rows,
            mode="lines+markers" if joined else "markers",
            name=verbatim.chart(name),
            line={"color": style.token_colour(n), "width": 1.5, "dash": "dot" if n else "solid"},
            marker={
                "symbol": SYMBOLS[n % len(SYMBOLS)],
                "size": 11,
                "color": style.token_colour(n),
                "line": {"width": 2, "color": style.token_colour(n)},
            },
            customdata=values,
            text=told,
            hovertemplate=f"%{{text}}<br>{verbatim.chart(name)}: %{{customdata:.4g}}<extra></extra>",
            cliponaxis=False,
        )
    step = -(-(high - low) // 8)
    powers = list(range(low, high + 1, step))
    figure.update_xaxes(
        tickvals=[low - 1, *powers],
        ticktext=[
            "exactly 0",
            *(f"10{str(power).translate(POWERS)}" if power not in (0, 1) else str(10**power) for power in powers),
        ],
        range=[low - 1.5, high + 0.3],
        tickangle=0,
        title_text=verbatim.chart(axis),
        zeroline=False,
    )
    figure.update_yaxes(
        tickvals=rows,
        ticktext=told,
        range=[len(rows) - 0.4, -0.6],
        automargin=True,
        zeroline=False,
    )
    figure.update_layout(
        **style.chart(height=height) | {"showlegend": True},
        title={"text": verbatim.chart(title), "x": 0, "y": 0.99, "yanchor": "top", "font": {"size": 16}},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": style.CHART_FONT}},
        margin={"l": 10, "r": 10, "t": 58 if len(figure.data) < 3 else 80, "b": 10},
    )
    figure.update_xaxes(automargin=True)
    return figure
