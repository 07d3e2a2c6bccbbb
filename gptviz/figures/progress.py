"""What changes while a model is trained: numbers over the steps of its run."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from . import style
from .bars import short
from .candidates import spread as spread_labels

START = 10  # where step 0 stands on the axis, which counts in powers of ten
LINES = ("token", "key", "value")


def losses(
    steps: Sequence[int],
    held_out: Sequence[float],
    logged: Sequence[int],
    running: Sequence[float],
    *,
    current: int | None,
    uniform: float,
    uniform_text: str,
    title: str,
    height: int = 190,
) -> go.Figure:
    """The loss over the steps of a run, and where it is now.

    steps, held_out: of the snapshots; the trace "held-out" holds exactly these. logged, running: the mean loss of the batches
    as it was written down on the way. current: which snapshot is looked at, None where its loss was not measured. uniform: the loss of an even guess.
    """
    figure = go.Figure()
    grey, colour = style.PARTS["residual"], style.PARTS["token"]
    figure.add_scatter(
        x=_places(logged),
        y=list(running),
        mode="lines",
        name="batches",
        line={"color": grey, "width": 2},
        hovertemplate="step %{x}<br>mean of the batches %{y:.3f}<extra></extra>",
    )
    figure.add_scatter(
        x=_places(steps),
        y=list(held_out),
        mode="lines+markers",
        name="held-out",
        line={"color": colour, "width": 2, "dash": "dot"},
        marker={
            "color": [style.PARTS["position"] if n == current else colour for n in range(len(steps))],
            "size": [16 if n == current else 8 for n in range(len(steps))],
            "line": {"color": grey, "width": 1},
        },
        customdata=list(steps),
        hovertemplate="step %{customdata}<br>held-out text %{y:.3f}<extra></extra>",
    )
    figure.add_hline(y=uniform, line={"color": grey, "width": 1.5, "dash": "dot"})
    top, bottom = max(uniform, *held_out), min(*held_out, *running)
    room = 0.14 * (top - bottom)
    if current is not None:
        right = current > len(steps) - 3
        figure.add_annotation(
            x=np.log10(_places(steps)[current]),
            y=held_out[current],
            text=f"<b>{held_out[current]:.2f}</b>",
            showarrow=False,
            xanchor="right" if right else "left",
            xshift=-12 if right else 12,
            yshift=12,
        )
    figure.add_annotation(
        x=1, xref="paper", xanchor="right", y=uniform, yanchor="bottom", text=verbatim.chart(uniform_text), showarrow=False
    )
    _finish(figure, steps, title, height)
    figure.update_yaxes(range=[bottom - room, top + 2 * room], title_text="nats a token", nticks=4)
    return figure


def cosines(
    steps: Sequence[int],
    values: np.ndarray,
    names: Sequence[str],
    mean: np.ndarray,
    spread: np.ndarray,
    *,
    current: int,
    title: str,
    height: int = 250,
) -> go.Figure:
    """Cosines of pairs over the steps of a run, over the band in which random pairs lie.

    values: (pairs, steps); line n holds exactly values[n]. mean, spread: (steps,) of random pairs. current: the step looked at.
    """
    figure = go.Figure()
    grey, places = style.PARTS["residual"], _places(steps)
    figure.add_scatter(
        x=places + places[::-1],
        y=[*(mean + spread), *(mean - spread)[::-1]],
        fill="toself",
        mode="lines",
        line={"color": grey, "width": 1},
        fillcolor=style.faint(grey, 0.28),
        name="random pairs",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=places, y=mean, mode="lines", name="their mean", line={"color": grey, "width": 1.5, "dash": "dot"}, hoverinfo="skip"
    )
    for n, line in enumerate(values):
        colour = style.PARTS[LINES[n]]
        figure.add_scatter(
            x=places,
            y=line,
            mode="lines+markers",
            name=verbatim.chart(names[n]),
            line={"color": colour, "width": 2.5},
            marker={
                "size": [15 if at == current else 7 for at in range(len(steps))],
                "symbol": ("circle", "square", "diamond")[n],
            },
            customdata=list(steps),
            hovertemplate=f"{verbatim.chart(names[n])}<br>step %{{customdata}}<br>cosine %{{y:.4f}}<extra></extra>",
        )
    top, bottom = max(1.0, float(values.max())), min(-0.1, float(values.min()), float((mean - spread).min()))
    labels = [*(f"{short(name, 24)} {line[-1]:.2f}" for name, line in zip(names, values)), f"random pairs {mean[-1]:.2f}"]
    ends = [*(float(line[-1]) for line in values), float(mean[-1])]
    for (text, colour), place in zip(
        zip(labels, [*(style.PARTS[LINES[n]] for n in range(len(values))), grey]),
        spread_labels(ends, 18 * (top - bottom) / (height - 70), bottom),
    ):
        figure.add_annotation(
            x=1.01,
            xref="paper",
            y=place,
            text=f"<span style='color:{colour}'>●</span> {text}",
            showarrow=False,
            xanchor="left",
            font={"size": style.CHART_FONT},
        )
    figure.add_vline(x=places[current], line={"color": style.PARTS["position"], "width": 2, "dash": "dot"})
    _finish(figure, steps, title, height)
    figure.update_layout(margin={"r": 215})
    figure.update_yaxes(range=[bottom - 0.05, top + 0.03], title_text="cosine", nticks=6, zeroline=True)
    return figure


def _places(steps: Sequence[int]) -> list[int]:
    """Steps on an axis of powers of ten, on which 0 has no place: it stands at the left end."""
    return [max(step, START) for step in steps]


def _finish(figure: go.Figure, steps: Sequence[int], title: str, height: int) -> None:
    """Axis of steps, one tick per snapshot, and the chart's frame."""
    places = _places(steps)
    figure.update_xaxes(
        type="log",
        tickvals=places,
        ticktext=[f"{step:,}" for step in steps],
        range=[np.log10(places[0]) - 0.08, np.log10(places[-1]) + 0.08],
        title={"text": "step of training (powers of ten, 0 at left)", "standoff": 4},
        showgrid=False,
        automargin=True,
    )
    figure.update_yaxes(automargin=True)
    figure.update_layout(
        **style.chart(height=height), title=style.title(title), margin={"l": 10, "r": 10, "t": 34, "b": 10}, uirevision="steps"
    )
