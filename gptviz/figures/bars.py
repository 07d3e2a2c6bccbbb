"""Shares of one whole as bars."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .. import verbatim
from . import style

LONGEST = 14  # characters of a label


def short(label: str, longest: int = LONGEST) -> str:
    """A label safe to print in a chart: cut to length, and with nothing the chart would take for markup."""
    return verbatim.chart(label if len(label) <= longest else label[: longest - 1] + "…")


def shares(
    values: np.ndarray,
    labels: Sequence[str],
    ids: Sequence[int],
    texts: Sequence[str],
    *,
    rest: str,
    rest_count: int,
    uniform: float,
    uniform_text: str,
    title: str,
    present: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """The largest shares as bars, largest on top, and under them the whole as one bar: the first, the others, all the rest.

    values: (n,) shares of 1, in falling order; the trace "largest" holds exactly these. labels, ids, texts: what they are, and
    the number written at each bar. rest, rest_count: share and number of all that have no bar of their own. uniform: the
    share each would have if all were equal.
    """
    count = len(values)
    figure = make_subplots(rows=2, cols=1, row_heights=[0.87, 0.13], vertical_spacing=0.06 if present else 0.035)
    grey, first, other = style.PARTS["residual"], style.PARTS["output"], style.PARTS["token"]
    size = style.type_size(present, narrow)
    places = list(range(count))
    figure.add_bar(
        x=values,
        y=places,
        orientation="h",
        name="largest",
        marker={"color": [first] + [other] * (count - 1), "line": {"color": grey, "width": [1] + [0] * (count - 1)}},
        text=[verbatim.chart(text) for text in (f"{texts[0]}  argmax", *texts[1:])],
        textposition="outside",
        constraintext="none",
        textfont={"size": size},
        cliponaxis=False,
        customdata=[[verbatim.chart(label), word] for label, word in zip(labels, ids)],
        hovertemplate="%{customdata[0]}<br>id %{customdata[1]}<br>probability %{x:.6g}<extra></extra>",
    )
    figure.add_vline(x=uniform, line={"color": grey, "width": 1.5, "dash": "dot"}, row=1, col=1)
    figure.add_annotation(
        x=uniform,
        y=count - 0.4,
        text=f" {verbatim.chart(uniform_text)}",
        showarrow=False,
        xanchor="left",
        yanchor="top",
        font={"size": size},
        row=1,
        col=1,
    )
    figure.update_xaxes(
        range=[0, max(float(values[0]), uniform) * (1.45 if present else 1.25)],
        showticklabels=False,
        showgrid=False,
        zeroline=True,
        row=1,
        col=1,
    )
    figure.update_yaxes(
        range=[count + (0.6 if present else 0.4), -0.6],
        tickvals=places,
        ticktext=[short(label) for label in labels],
        tickfont={"size": size},
        showgrid=False,
        zeroline=False,
        row=1,
        col=1,
    )
    others = float(values[1:].sum())
    parts = [(float(values[0]), first, "argmax"), (others, other, f"{count - 1} more"), (1 - float(values.sum()), grey, "rest")]
    for value, colour, name in parts:
        figure.add_bar(
            x=[max(0.0, value)],
            y=[0],
            orientation="h",
            name=name,
            marker={"color": colour, "line": {"color": grey, "width": int(colour == first)}},
            hovertemplate=f"{name}: %{{x:.6g}}<extra></extra>",
            row=2,
            col=1,
        )
    figure.update_xaxes(
        range=[0, 1],
        showticklabels=False,
        showgrid=False,
        zeroline=False,
        title_text=f"argmax, {count - 1} more, {rest_count:,} others: {verbatim.chart(rest)}",
        title={"font": {"size": size}, "standoff": 4},
        row=2,
        col=1,
    )
    figure.update_yaxes(
        tickvals=[0], ticktext=["sum = 1"], tickfont={"size": size}, showgrid=False, zeroline=False, row=2, col=1
    )
    figure.update_layout(
        **style.chart(present=present, narrow=narrow),
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "font": {"size": style.type_size(present, narrow, 16)}},
        barmode="stack",
        bargap=0.18,
        margin={"l": 10, "r": 10, "t": 36, "b": 10},
    )
    figure.update_yaxes(automargin=True)
    figure.update_xaxes(automargin=True)
    return figure
