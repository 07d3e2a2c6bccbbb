"""How surprised a model is at every token of a text."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from . import style
from .bars import short

WRITTEN = 12  # rows that have room for words and numbers


def bars(
    surprisals: np.ndarray,
    shares: np.ndarray,
    texts: Sequence[str],
    after: Sequence[str],
    actual: Sequence[str],
    *,
    uniform: float,
    uniform_text: str,
    chosen: int,
    title: str,
    measure: str = "surprisal",
    height: int = 380,
) -> go.Figure:
    """One bar per row: -ln of the probability the row gave to the token that really came next, beside that of an even guess.

    surprisals, shares: (rows,); the trace "surprisal" holds exactly these. texts: written at the bars. after, actual: the
    row's token and the one that follows it. uniform: the surprisal if every token were equally likely. measure: its name on the
    axis. chosen: the row that stands out. Few rows lie one under another with their numbers; many stand side by side.
    """
    rows = list(range(len(surprisals)))
    flat = len(rows) <= WRITTEN
    grey, colour = style.PARTS["residual"], style.PARTS["output" if flat else "residual"]
    told = [[verbatim.chart(before), verbatim.chart(then), float(share)] for before, then, share in zip(after, actual, shares)]
    figure = go.Figure(
        go.Bar(
            x=surprisals if flat else rows,
            y=rows if flat else surprisals,
            orientation="h" if flat else "v",
            name="surprisal",
            marker={
                "color": [style.PARTS["token"] if row == chosen else colour for row in rows],
                "line": {"color": grey, "width": 1 if flat else 0},
            },
            text=[verbatim.chart(text) for text in texts] if flat else None,
            textposition="outside" if flat else None,
            constraintext="none",
            cliponaxis=False,
            textfont={"size": style.CHART_FONT},
            customdata=told,
            hovertemplate="after %{customdata[0]} came %{customdata[1]}<br>probability %{customdata[2]:.4g}<br>surprisal "
            f"%{{{'x' if flat else 'y'}:.4f}}<extra></extra>",
        )
    )
    top = max(float(surprisals.max()), uniform)
    line = {"color": grey, "width": 2, "dash": "dot"}
    if flat:
        figure.add_vline(x=uniform, line=line)
        figure.add_annotation(
            x=uniform, y=1, yref="paper", yanchor="bottom", xanchor="center", text=verbatim.chart(uniform_text), showarrow=False
        )
        figure.update_xaxes(
            range=[0, top * 1.75], title_text=f"{verbatim.chart(measure)} in nats", showgrid=False, zeroline=True
        )
        figure.update_yaxes(
            tickvals=rows,
            ticktext=[f"{short(before)} → {short(then)}" for before, then in zip(after, actual)],
            range=[len(rows) - 0.4, -0.6],
            ticklabelstandoff=6,
            showgrid=False,
        )
    else:
        figure.add_hline(y=uniform, line=line)
        figure.add_annotation(
            x=1, xref="paper", xanchor="right", y=uniform, yanchor="bottom", text=verbatim.chart(uniform_text), showarrow=False
        )
        figure.update_xaxes(title_text="row (position of the token before)", showgrid=False)
        figure.update_yaxes(
            range=[0, top * 1.1], title_text=f"{verbatim.chart(measure)} in nats", showgrid=False, zeroline=True
        )
    figure.update_layout(
        **style.chart(height=height),
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "y": 0.99, "yanchor": "top", "font": {"size": 16}},
        bargap=0.25 if flat else 0.1,
        margin={"l": 10, "r": 10, "t": 58 if flat else 36, "b": 10},
    )
    figure.update_annotations(font={"size": style.CHART_FONT})
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure
