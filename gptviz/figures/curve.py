"""Numbers before and after an activation, placed on its curve."""

from collections.abc import Callable, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .. import verbatim
from . import style

POINTS = 400  # of the drawn curve
BINS = 60
LOWEST = (-0.7525, -0.17)  # where GELU is lowest
NEAR = (-3.0, 1.5)  # what is drawn large


def units(
    hidden: np.ndarray,
    active: np.ndarray,
    function: Callable[[np.ndarray], np.ndarray],
    *,
    title: str,
    named: Sequence[int] = (),
    present: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Units on the curve of `function`, and under it how many lie where.

    hidden, active: (units,) before and after; the trace "units" holds exactly these. named: units that carry their number.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.76, 0.24], vertical_spacing=0.04)
    low, high = min(float(hidden.min()), -2.5), max(float(hidden.max()), 1.5)
    margin = 0.04 * (high - low)
    x = np.linspace(low - margin, high + margin, POINTS, dtype=np.float32)
    grey, colour = style.PARTS["residual"], style.PARTS["feed-forward"]
    figure.add_scatter(
        x=x, y=np.maximum(x, 0), name="ReLU", mode="lines", line={"color": grey, "width": 2, "dash": "dot"}, hoverinfo="skip"
    )
    figure.add_scatter(x=x, y=function(x), name="GELU", mode="lines", line={"color": grey, "width": 2.5}, hoverinfo="skip")
    figure.add_scatter(
        x=hidden,
        y=active,
        name="units",
        mode="markers",
        marker={"color": colour, "size": 8 if present else 5, "line": {"width": 0}},
        customdata=np.arange(len(hidden)),
        hovertemplate="unit %{customdata}<br>before %{x:.4g}<br>after %{y:.4g}<extra></extra>",
    )
    counts, edges = np.histogram(hidden, bins=BINS, range=(float(x[0]), float(x[-1])))
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts,
        name="how many",
        width=edges[1] - edges[0],
        marker={"color": colour, "line": {"width": 0}},
        hovertemplate="%{y} units around %{x:.3g}<extra></extra>",
        row=2,
        col=1,
    )
    top = max(float(active.max()), float(function(x[-1:])[0]))
    room = top * (0.16 if present else 0.1)
    below = np.inf
    for unit in sorted(named, key=lambda unit: -active[unit]):
        below = min(float(active[unit]), below - room)
        figure.add_annotation(
            x=float(hidden[unit]),
            y=float(active[unit]),
            ax=float(hidden[unit]) - 0.14 * (high - low),
            ay=below,
            axref="x",
            ayref="y",
            text=f"unit {unit}: {active[unit]:.2f}",
            xanchor="right",
            arrowcolor=grey,
            arrowwidth=1,
            arrowhead=0,
        )
    if present:
        figure.add_annotation(
            x=LOWEST[0],
            y=LOWEST[1],
            ax=-50,
            ay=-70,
            text="lowest: −0.17 at −0.75",
            xanchor="right",
            arrowcolor=grey,
            arrowwidth=1,
            arrowhead=0,
        )
    else:
        _dip(figure, hidden, active, function)
    share = float((hidden <= 0).mean())
    for xanchor, text in (("right", f"{100 * share:.0f} % at or below 0 "), ("left", f" {100 - 100 * share:.0f} % above 0")):
        figure.add_annotation(
            x=0, y=1, yref="y2 domain", text=text, showarrow=False, xanchor=xanchor, yanchor="top", row=2, col=1
        )
    figure.add_vline(x=0, line={"color": grey, "width": 1})
    figure.update_yaxes(title_text="after GELU", range=[-0.3 * room - 0.25 * max(1, top / 3), top + room], row=1, col=1)
    figure.update_yaxes(title_text="units", nticks=3, range=[0, 1.5 * counts.max()], row=2, col=1)
    figure.update_xaxes(title_text="before GELU", range=[float(x[0]), float(x[-1])], row=2, col=1)
    figure.update_layout(
        **style.chart(present=present, narrow=narrow),
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "font": {"size": style.type_size(present, narrow, 16)}},
        bargap=0,
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
    )
    figure.update_annotations(font={"size": style.type_size(present, narrow)})
    figure.update_yaxes(automargin=True, zeroline=True, zerolinecolor=grey)
    figure.update_xaxes(automargin=True, zeroline=False)
    return figure


def _dip(figure: go.Figure, hidden: np.ndarray, active: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> None:
    """The middle of the curve again, large: its dip, the corner of ReLU, and the units that lie there."""
    low, high = NEAR
    x = np.linspace(low, high, POINTS // 2, dtype=np.float32)
    grey, colour = style.PARTS["residual"], style.PARTS["feed-forward"]
    axes = {"xaxis": "x3", "yaxis": "y3"}
    inside = (hidden >= low) & (hidden <= high)
    figure.add_scatter(
        x=x,
        y=np.maximum(x, 0),
        name="ReLU near 0",
        mode="lines",
        line={"color": grey, "width": 2, "dash": "dot"},
        hoverinfo="skip",
        **axes,
    )
    figure.add_scatter(
        x=x, y=function(x), name="GELU near 0", mode="lines", line={"color": colour, "width": 2.5}, hoverinfo="skip", **axes
    )
    figure.add_scatter(
        x=hidden[inside],
        y=active[inside],
        name="units near 0",
        mode="markers",
        marker={"color": colour, "size": 4, "line": {"width": 0}},
        customdata=np.flatnonzero(inside),
        hovertemplate="unit %{customdata}<br>before %{x:.4g}<br>after %{y:.4g}<extra></extra>",
        **axes,
    )
    for at, y, text, xanchor in (
        (LOWEST[0], LOWEST[1], "lowest: −0.17 at −0.75", "center"),
        (0.0, 0.0, "ReLU: a corner", "left"),
    ):
        figure.add_annotation(
            x=at,
            y=y,
            xref="x3",
            yref="y3",
            ax=0 if at else 45,
            ay=22 if at else 14,
            text=text,
            xanchor=xanchor,
            arrowcolor=grey,
            arrowwidth=1,
            arrowhead=0,
        )
    figure.update_layout(
        xaxis3={"domain": [0.06, 0.46], "anchor": "y3", "range": [low, high], "nticks": 7},
        yaxis3={"domain": [0.62, 0.99], "anchor": "x3", "range": [-0.62, 1.0], "nticks": 4},
    )
