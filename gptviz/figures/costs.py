"""What a model holds and what it costs: parts of a whole as areas and bars, costs as lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .. import verbatim
from . import style

NEUTRAL = style.PARTS["residual"]
MARK = style.PARTS["key"]


def _titled(figure: go.Figure, title: str, height: int) -> go.Figure:
    figure.update_layout(
        **style.chart(height=height),
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "y": 0.99, "yanchor": "top", "font": {"size": 15}},
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
    )
    figure.update_annotations(font={"size": style.CHART_FONT})
    size = {"size": style.CHART_FONT}
    return figure.update_yaxes(automargin=True, title_font=size).update_xaxes(automargin=True, title_font=size)


@dataclass(frozen=True)
class Area:
    """One rectangle of a treemap. key: a path such as "attention/0", whose parent is the path without its last part;
    "" is the whole. brief: its count is not written into it."""

    key: str
    label: str
    count: int
    part: str = "residual"
    note: str = ""
    brief: bool = False


def treemap(areas: Sequence[Area], *, title: str, key: Mapping[str, str], depth: int, height: int = 300) -> go.Figure:
    """Areas as large as their counts; a click opens one. The trace's `values` hold exactly the counts.

    key: name -> part whose colour it explains, under the title.
    """
    whole = next(area.count for area in areas if not area.key)
    percent = [100 * area.count / whole for area in areas]
    share = [f"{one:.1f} %" if one >= 1 else f"{one:.2g} %" for one in percent]
    figure = go.Figure(
        go.Treemap(
            ids=[area.key or "whole" for area in areas],
            labels=[verbatim.chart(area.label) for area in areas],
            parents=["" if not area.key else area.key.rpartition("/")[0] or "whole" for area in areas],
            values=[area.count for area in areas],
            branchvalues="total",
            maxdepth=depth,
            sort=False,
            marker={
                "colors": [style.PARTS[area.part] for area in areas],
                "line": {"width": 1, "color": style.PAPERS[0]},
                "pad": {"t": 0, "l": 0, "r": 0, "b": 0},  # a frame would take room from the areas, and unequally
            },
            customdata=[verbatim.chart(area.note) for area in areas],
            text=[
                verbatim.chart("\n".join((area.label, text) if area.brief else (area.label, f"{area.count:,}", text)))
                for area, text in zip(areas, share)
            ],
            texttemplate="%{text}",
            hovertemplate="%{label}<br>%{value:,} numbers, %{percentRoot:.3%}<br>%{customdata}<extra></extra>",
            tiling={"packing": "squarify", "pad": 0},
            pathbar={"thickness": 22},
        )
    )
    signs = [f"<span style='color:{style.PARTS[part]}'>■</span> {verbatim.chart(name)}" for name, part in key.items()]
    half = -(-len(signs) // 2)  # in two lines, which a telephone has room for
    colours = "<br>".join("  ".join(line) for line in (signs[:half], signs[half:]) if line)
    _titled(figure, title, height).add_annotation(
        x=0,
        y=1,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="bottom",
        text=colours,
        showarrow=False,
        align="left",
        font={"size": 13},
    )
    return figure.update_layout(margin={"l": 0, "r": 0, "t": 68, "b": 0}, uniformtext={"minsize": 11, "mode": "hide"})


@dataclass(frozen=True, eq=False)
class Stack:
    """One part of several wholes. values: (wholes,) in the unit the axis names."""

    name: str
    values: np.ndarray
    part: str


def stacked(
    stacks: Sequence[Stack],
    labels: Sequence[str],
    texts: Sequence[str],
    *,
    unit: str,
    title: str,
    chosen: int | None = None,
    height: int = 300,
    room: float = 1.5,
    bold: bool = False,
) -> go.Figure:
    """Wholes as bars, one trace per part, holding exactly its values. texts: right of each bar; bold: their first line stands
    out. room: of the axis, in bars."""
    figure = go.Figure()
    places = list(range(len(labels)))
    for stack in stacks:
        figure.add_bar(
            x=stack.values,
            y=places,
            orientation="h",
            name=verbatim.chart(stack.name),
            marker={"color": style.PARTS[stack.part], "line": {"width": 0}},
            hovertemplate=f"{verbatim.chart(stack.name)}: %{{x:,.6~g}} {verbatim.chart(unit)}<extra></extra>",
        )
    totals = np.sum([stack.values for stack in stacks], axis=0)
    for place, total, text in zip(places, totals, texts):
        first, *more = map(verbatim.chart, text.split("\n"))
        text = "<br>".join((f"<b>{first}</b>" if bold else first, *more))
        figure.add_annotation(x=total, y=place, text=f" {text}", showarrow=False, xanchor="left", align="left")
    figure.update_xaxes(range=[0, room * float(totals.max())], title_text=verbatim.chart(unit), zeroline=True)
    figure.update_yaxes(
        range=[len(labels) - 0.5, -0.5],
        tickvals=places,
        ticktext=[f"<b>{label}</b>" if place == chosen else label for place, label in enumerate(map(verbatim.chart, labels))],
        tickfont={"size": style.CHART_FONT},
        ticklabelstandoff=5,
        showgrid=False,
    )
    _titled(figure, title, height)
    return figure.update_layout(barmode="stack", bargap=0.3, **_legend(1.0, "bottom"), margin={"t": 64})


def _legend(y: float, yanchor: str) -> dict:
    place = {"orientation": "h", "x": 0, "xanchor": "left", "y": y, "yanchor": yanchor, "traceorder": "normal"}
    return {"showlegend": True, "legend": place | {"font": {"size": style.CHART_FONT}}}


@dataclass(frozen=True, eq=False)
class Line:
    """y over x. part: its colour. points: drawn as dots, for x that have nothing in between. dashed: a reference."""

    name: str
    x: np.ndarray
    y: np.ndarray
    part: str
    points: bool = False
    dashed: bool = False
    stacked: bool = False


@dataclass(frozen=True, eq=False)
class Plot:
    """Lines over one axis. mark: the x that the reader chose. logarithmic: both axes count in powers of ten."""

    title: str
    lines: tuple[Line, ...]
    x_title: str
    y_title: str
    mark: float | None = None
    logarithmic: bool = False
    top: float | None = None


def plots(charts: Sequence[Plot], *, title: str, height: int = 380) -> go.Figure:
    """Charts beside each other; every line is a trace of its name."""
    figure = make_subplots(
        rows=1, cols=len(charts), horizontal_spacing=0.13, subplot_titles=[verbatim.chart(chart.title) for chart in charts]
    )
    named: set[str] = set()
    for column, chart in enumerate(charts, start=1):
        where = {"row": 1, "col": column}
        for line in chart.lines:
            colour = style.PARTS[line.part]
            figure.add_scatter(
                x=line.x,
                y=line.y,
                name=verbatim.chart(line.name),
                mode="lines+markers" if line.points else "lines",
                line={"color": colour, "width": 1 if line.stacked else 2.5, "dash": "dash" if line.dashed else "solid"},
                marker={"size": 8},
                stackgroup="stack" if line.stacked else None,
                fillcolor=colour if line.stacked else None,
                showlegend=line.name not in named,
                hovertemplate=f"{verbatim.chart(line.name)}<br>%{{x:,}}: %{{y:,.4~g}}<extra></extra>",
                **where,
            )
            named.add(line.name)
        if chart.mark is not None:
            figure.add_vline(x=chart.mark, line={"color": MARK, "width": 2, "dash": "dot"}, **where)
        axis = {"type": "log", "dtick": 1} if chart.logarithmic else {"rangemode": "tozero"}
        figure.update_xaxes(title_text=verbatim.chart(chart.x_title), zeroline=False, **axis, **where)
        figure.update_yaxes(title_text=verbatim.chart(chart.y_title), exponentformat="power", **axis, **where)
        if chart.top is not None:
            figure.update_yaxes(range=[0, chart.top], **where)
    _titled(figure, title, height)
    return figure.update_layout(**_legend(-0.2, "top"), margin={"t": 64})
