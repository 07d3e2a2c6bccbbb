"""A sum as steps: every term begins where the one before it ended, and the last bar is what they add up to."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from . import style
from .bars import short
from .depth import written

NUMBERED = 18  # steps that can have their number beside them
LABELLED = 24  # steps that can have their name under them


def steps(
    terms: np.ndarray,
    names: Sequence[str],
    parts: Sequence[str],
    *,
    whole: float,
    whole_name: str,
    title: str,
    y_title: str,
    height: int,
    pick: tuple[str, Sequence[int]] = ("", ()),
) -> go.Figure:
    """terms: (n,); the trace "terms" holds exactly these, its bases the sums before each. parts: whose colour each takes. whole: the
    number they should add up to, drawn from 0 behind them. pick: a click on step n sets the field to values[n]; below 0, it can not be
    chosen."""
    count = len(terms)
    before = np.concatenate([[0.0], np.cumsum(terms)])
    every = max(1, -(-(count + 1) // LABELLED))
    figure = go.Figure()
    figure.add_bar(
        x=list(range(count)),
        y=terms,
        base=before[:-1],
        name="terms",
        marker={"color": [style.PARTS[part] for part in parts], "line": {"width": 0}},
        text=[_signed(term) for term in terms] if count <= NUMBERED else None,
        textposition="outside",
        textangle=0,
        constraintext="none",
        textfont={"size": style.CHART_FONT},
        cliponaxis=False,
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        customdata=[
            [verbatim.chart(name), _signed(term), written(float(after))] for name, term, after in zip(names, terms, before[1:])
        ],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]}<br>sum so far %{customdata[2]}<extra></extra>",
    )
    figure.add_bar(
        x=[count],
        y=[whole],
        name="whole",
        marker={"color": [style.PARTS["output"]], "line": {"color": style.PARTS["residual"], "width": 1}},
        text=[written(whole).replace("-", "−")],
        textposition="outside",
        textangle=0,
        textfont={"size": style.CHART_FONT},
        cliponaxis=False,
        unselected={"marker": {"opacity": 1}},
        hovertemplate=f"{verbatim.chart(whole_name)}<br>%{{y:.6g}}<extra></extra>",
    )
    places = [n for n in range(0, count, every) if every == 1 or n <= count - every]
    figure.update_xaxes(
        tickvals=[*places, count],
        ticktext=[*(short(names[n], 18) for n in places), short(whole_name, 18)],
        tickangle=0 if count <= 6 else -45,
        range=[-0.6, count + 0.6],
        showgrid=False,
        zeroline=False,
        automargin=True,
    )
    low, high = float(min(before.min(), whole, 0)), float(max(before.max(), whole, 0))
    room = 0.14 * ((high - low) or 1.0)
    figure.update_yaxes(
        title_text=verbatim.chart(y_title),
        range=[low - (room if low < 0 else 0), high + room],
        gridcolor=style.GRID,
        zerolinecolor=style.PARTS["residual"],
        nticks=6,
        exponentformat="power",
        automargin=True,
    )
    figure.update_layout(
        **style.chart(height=height),
        title=style.title(title),
        barmode="overlay",
        bargap=0.2,
        meta={"field": pick[0], "values": list(pick[1])} if pick[0] else None,
        margin={"l": 10, "r": 10, "t": 34, "b": 10},
    )
    return figure


def _signed(value: float) -> str:
    """A term with its sign."""
    return f"{'+' if value >= 0 else ''}{written(float(value))}".replace("-", "−")
