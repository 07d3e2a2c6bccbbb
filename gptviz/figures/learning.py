"""The loss of a run while it goes on, against the clock."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from . import style
from .candidates import spread

POINTS = 200  # of the drawn line; more steps than that are averaged in turns
TOP = 12.5  # nats: above the loss of an even guess over GPT-2's tokens, with room for its name


class Level(NamedTuple):
    """A loss to compare with: drawn as a straight line, with its name and number."""

    name: str
    loss: float


def losses(
    seconds: Sequence[float],
    batches: Sequence[float],
    held_seconds: Sequence[float],
    held_out: Sequence[float],
    *,
    levels: Sequence[Level],
    recent: float | None,
    whole: float,
    height: int = 300,
) -> go.Figure:
    """Loss in nats a token over seconds of training, each line named at its end.

    seconds, batches: of every step; the trace "batches" holds their means in equal stretches of time, and their number.
    held_seconds, held_out: the trace "held-out" holds exactly these. recent: the number written at the line of the batches.
    whole: seconds the run may last, which the axis always shows, so that nothing moves but the lines.
    """
    figure, grey = go.Figure(), style.PARTS["residual"]
    middle, mean, count = _averaged(np.array(seconds, dtype=float), np.array(batches, dtype=float), whole)
    figure.add_scatter(
        x=middle,
        y=mean,
        customdata=count,
        mode="lines",
        name="batches",
        line={"color": style.PARTS["token"], "width": 2.5},
        hovertemplate="%{x:.1f} s<br>mean of %{customdata} batches %{y:.3f}<extra></extra>",
    )
    figure.add_scatter(
        x=list(held_seconds),
        y=list(held_out),
        mode="lines+markers",
        name="held-out",
        line={"color": style.PARTS["key"], "width": 2.5, "dash": "dot"},
        marker={"size": 7},
        hovertemplate="%{x:.1f} s<br>held-out text %{y:.3f}<extra></extra>",
    )
    for level in levels:
        figure.add_hline(y=level.loss, line={"color": grey, "width": 1.5, "dash": "dash"})
    top = max(TOP, *(loss + 0.6 for loss in held_out)) if len(held_out) else TOP
    named = [(level.name, level.loss, "╌", grey) for level in levels]
    if recent is not None:
        named.append(("batches just read", recent, "━", style.PARTS["token"]))
    if len(held_out):
        named.append(("held-out text", float(held_out[-1]), "┅", style.PARTS["key"]))
    gap = 19 * top / (height - 60)
    for (name, loss, mark, colour), place in zip(named, spread([loss for _, loss, _, _ in named], gap, 0)):
        figure.add_annotation(
            x=1.01,
            xref="paper",
            xanchor="left",
            y=place,
            text=f"<span style='color:{colour}'><b>{mark}</b></span> {name} <b>{loss:.2f}</b>",
            showarrow=False,
        )
    figure.update_xaxes(range=[0, whole], title={"text": "seconds of training", "standoff": 4}, showgrid=False, automargin=True)
    figure.update_yaxes(range=[0, top], title_text="loss, nats a token", nticks=6, automargin=True, zeroline=True)
    figure.update_layout(**style.chart(height=height), margin={"l": 10, "r": 215, "t": 12, "b": 10}, uirevision="run")
    return figure


def _averaged(seconds: np.ndarray, losses: np.ndarray, whole: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean time, mean loss and number of the steps in each of POINTS equal stretches of the run that has any: (stretch,) each."""
    if not len(seconds):
        return seconds, losses, np.zeros(0, dtype=int)
    stretch = np.minimum((seconds / whole * POINTS).astype(int), POINTS - 1)
    _, place, count = np.unique(stretch, return_inverse=True, return_counts=True)
    return np.bincount(place, seconds) / count, np.bincount(place, losses) / count, count
