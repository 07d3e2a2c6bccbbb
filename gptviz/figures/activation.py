"""Two activation functions and their slopes, with one place marked."""

from collections.abc import Callable, Mapping

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .. import verbatim
from . import style

REACH = 4.0
POINTS = 401
BINS = 80
Function = Callable[[np.ndarray], np.ndarray]


def slopes(
    functions: Mapping[str, tuple[Function, Function]], x: float, hidden: np.ndarray, *, title: str, height: int
) -> go.Figure:
    """Left the functions, right their slopes, both marked at x; behind them where the model's own units lie.

    functions: name -> (function, slope). The trace "name at x" of each side holds exactly the marked number. hidden: (units,)
    """
    figure = make_subplots(rows=1, cols=2, subplot_titles=("value", "slope: the gradient is × this"), horizontal_spacing=0.1)
    places = np.linspace(-REACH, REACH, POINTS)
    counts, edges = np.histogram(hidden, bins=BINS, range=(-REACH, REACH))
    for column in (1, 2):
        top = REACH if column == 1 else 1.3
        figure.add_scatter(
            x=(edges[1:] + edges[:-1]) / 2,
            y=0.45 * top * counts / max(1, counts.max()),
            name="units",
            mode="lines",
            line={"color": style.PARTS["residual"], "width": 1, "shape": "hvh"},
            fill="tozeroy",
            fillcolor=style.faint(style.PARTS["residual"], 0.3),
            customdata=counts,
            hovertemplate="%{customdata} units around %{x:.2f}<extra></extra>",
            showlegend=column == 1,
            row=1,
            col=column,
        )
        for (name, pair), part in zip(functions.items(), ("feed-forward", "token")):
            function = pair[column - 1]
            figure.add_scatter(
                x=places,
                y=function(places),
                name=verbatim.chart(name),
                mode="lines",
                line={"color": style.PARTS[part], "width": 2.5},
                hoverinfo="skip",
                showlegend=column == 1,
                row=1,
                col=column,
            )
            value = float(function(np.array(x)))
            figure.add_scatter(
                x=[x],
                y=[value],
                name=f"{verbatim.chart(name)} at x",
                mode="markers",
                marker={"size": 13, "color": style.PARTS[part], "line": {"color": style.PARTS["residual"], "width": 1.5}},
                hovertemplate=f"{verbatim.chart(name)}<br>x = %{{x:.2f}}<br>%{{y:.4f}}<extra></extra>",
                showlegend=False,
                row=1,
                col=column,
            )
        figure.add_vline(x=x, line={"color": style.PARTS["residual"], "width": 1.5, "dash": "dot"}, row=1, col=column)
    figure.update_yaxes(range=[-0.6, REACH], row=1, col=1)
    figure.update_yaxes(range=[-0.25, 1.3], row=1, col=2)
    figure.update_xaxes(
        title_text="x",
        automargin=True,
        range=[-REACH, REACH],
        showgrid=False,
        zeroline=True,
        zerolinecolor=style.PARTS["residual"],
    )
    figure.update_yaxes(gridcolor=style.GRID, zeroline=True, zerolinecolor=style.PARTS["residual"], automargin=True)
    figure.update_layout(
        **style.chart(height=height)
        | {"showlegend": True, "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.1, "yanchor": "bottom"}},
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "font": {"size": 16}},
        margin={"l": 10, "r": 10, "t": 64, "b": 10},
    )
    return figure


def growth(
    factors: np.ndarray, attention: np.ndarray, norms: np.ndarray, feed_forward: np.ndarray, chosen: int, *, height: int
) -> go.Figure:
    """Parameters of one block for every expansion factor, stacked by part; the chosen one is framed. All arrays (factors,)."""
    figure = go.Figure()
    total = attention + norms + feed_forward
    for name, values, part in (
        ("attention", attention, "attention"),
        ("LayerNorms", norms, "position"),
        ("feed-forward", feed_forward, "feed-forward"),
    ):
        last = part == "feed-forward"
        figure.add_bar(
            x=factors,
            y=values,
            name=name,
            marker={"color": style.PARTS[part], "line": {"width": 0}},
            text=[f"{value / whole:.0%}" for value, whole in zip(values, total)] if last else None,
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"{name}<br>%{{y:,}} parameters<extra></extra>",
        )
    top = 1.1 * float(total.max())
    edge = {"color": style.PARTS["residual"], "width": 1.5}
    figure.add_shape(type="rect", x0=chosen - 0.47, x1=chosen + 0.47, y0=0, y1=top, line=edge)
    figure.update_xaxes(
        title_text="expansion factor (percent: feed-forward's share)",
        tickvals=factors,
        ticktext=[f"<b>{factor}</b>" if factor == chosen else str(factor) for factor in factors],
        showgrid=False,
        automargin=True,
    )
    figure.update_yaxes(
        title_text="parameters of one block",
        range=[0, top],
        gridcolor=style.GRID,
        automargin=True,
    )
    figure.update_layout(
        **style.chart(height=height)
        | {"showlegend": True, "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}},
        barmode="stack",
        bargap=0.25,
        margin={"l": 10, "r": 10, "t": 36, "b": 10},
    )
    return figure
