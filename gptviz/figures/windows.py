"""Windows cut from a text: where they lie, and the tensors they become."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from . import style
from .bars import short


def staircase(
    tokens: Sequence[str], starts: Sequence[int], length: int, batch_of: Sequence[int], *, title: str, height: int = 230
) -> go.Figure:
    """A line per window over the tokens of a text: the input above, the target one token further right below it.

    tokens: of the text, as many as are drawn. starts: the first input token of every window drawn. batch_of: the batch of each.
    Bar n of the traces "input" and "target" has its start in `base` and its length in `x`.
    """
    figure = go.Figure()
    rows = np.arange(len(starts))
    for name, colour, shift, up in (("input", style.READ, 0, -0.2), ("target", style.NEXT, 1, 0.2)):
        figure.add_bar(
            x=[length] * len(starts),
            base=[start + shift for start in starts],
            y=rows + up,
            width=0.36,
            orientation="h",
            name=name,
            marker={"color": colour, "line": {"width": 1, "color": style.PARTS["residual"]}},
            customdata=[[window, start + shift, start + shift + length - 1] for window, start in enumerate(starts)],
            hovertemplate=name + " of window %{customdata[0]}: tokens %{customdata[1]} to %{customdata[2]}<extra></extra>",
        )
    for n in range(1, len(starts)):
        if batch_of[n] != batch_of[n - 1]:
            figure.add_hline(y=n - 0.5, line={"color": style.PARTS["residual"], "width": 1, "dash": "dot"})
    figure.update_xaxes(
        side="top",
        tickvals=[n + 0.5 for n in range(len(tokens))],
        ticktext=[short(token, 9) for token in tokens],
        tickangle=0 if len(tokens) <= 12 else 60,
        range=[0, len(tokens)],
        minor={"tickvals": list(range(len(tokens) + 1)), "showgrid": True, "ticks": "", "gridcolor": style.GRID},
        showgrid=False,
        zeroline=False,
        automargin=True,
    )
    figure.update_yaxes(
        tickvals=rows,
        ticktext=[f"window {n}, batch {batch_of[n]}" for n in rows],
        ticklabelstandoff=6,
        range=[len(starts) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
        automargin=True,
    )
    figure.update_layout(
        **style.chart(height=height) | {"showlegend": True},
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "y": 0.99, "yanchor": "top", "font": {"size": 16}},
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 0, "yanchor": "top", "font": {"size": style.CHART_FONT}},
        barmode="overlay",
        margin={"l": 10, "r": 10, "t": 66 if len(tokens) <= 12 else 96, "b": 26},
    )
    return figure


def tensors(
    inputs: np.ndarray, targets: np.ndarray, names: Sequence[Sequence[tuple[str, str]]], *, title: str, height: int = 220
) -> go.Figure:
    """The rows of an input and a target tensor, each target under the input it belongs to.

    inputs, targets: (batch, token) ids. names: (batch, token) pairs of input and target token. Heatmap 0 holds in `customdata`
    the ids, its rows inputs[0], targets[0], inputs[1], targets[1], ...
    """
    count, length = inputs.shape
    ids = np.stack([inputs, targets], axis=1).reshape(2 * count, length)
    words = [[pair[which] for pair in line] for line in names for which in (0, 1)]
    longest = 12 if length <= 6 else 7
    labels = [f"{name}[{row}]" for row in range(count) for name in ("inputs", "targets")]
    figure = go.Figure(
        go.Heatmap(
            x=list(range(length)),
            y=list(range(2 * count)),
            z=np.tile([[0.0], [1.0]], (count, length)),
            colorscale=[[0, style.READ], [1, style.NEXT]],
            showscale=False,
            xgap=2,
            ygap=2,
            text=[
                [f"{short(word, longest)}  <b>{token}</b>" for word, token in zip(*line)] for line in zip(words, ids.tolist())
            ],
            texttemplate="%{text}",
            textfont={"size": style.CHART_FONT if length <= 8 else 11, "color": style.TYPE},
            customdata=ids,
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    figure.update_xaxes(
        tickvals=list(range(length)), title_text="position in the window", showgrid=False, zeroline=False, automargin=True
    )
    figure.update_yaxes(
        tickvals=list(range(2 * count)),
        ticktext=labels,
        range=[2 * count - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
        automargin=True,
    )
    figure.update_layout(
        **style.chart(height=height),
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "y": 0.99, "yanchor": "top", "font": {"size": 16}},
        margin={"l": 10, "r": 10, "t": 34, "b": 10},
    )
    return figure
