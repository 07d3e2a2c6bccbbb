"""Vectors as points of a map, in two or three directions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from . import style
from .bars import LONGEST, short

LETTERS = "xyz"
WIDTH = 780  # pixels a map of two dimensions has at least
SIDES = ("top center", "bottom center", "middle right", "middle left")
TEXT = 14


@dataclass(frozen=True, eq=False)
class Trail:
    """Where a point came from: (steps, dimensions), its present place last."""

    places: np.ndarray
    colour: int


def points(
    places: np.ndarray,
    names: Sequence[str],
    groups: Sequence[int],
    *,
    shares: Sequence[float],
    title: str,
    told: Sequence[str] = (),
    written: Sequence[int] | None = None,
    trails: Sequence[Trail] = (),
    within: np.ndarray | None = None,
    height: int = style.PICTURE_HEIGHT,
) -> go.Figure:
    """A map of two or three dimensions in which one unit is as long in every direction; trace "points" holds exactly `places`.

    places: (points, 2 or 3). names: of the points; written: which of them carry theirs, None for all; told: one more line
    under the pointer. groups: the number of each point's colour. shares: of the variance, one per axis, for the axis titles.
    trails: drawn as lines. within: (points, dimensions) the axes reach as far as these, so that several maps can share them.
    """
    dimensions = places.shape[1]
    deep = dimensions == 3
    scatter = go.Scatter3d if deep else go.Scatter
    kept = set(range(len(names))) if written is None else set(written)
    figure = go.Figure()
    for trail in trails:
        figure.add_trace(
            scatter(
                **coordinates(trail.places),
                mode="lines+markers",
                line={"color": style.token_colour(trail.colour), "width": 2 if deep else 1},
                marker={"color": style.token_colour(trail.colour), "size": 2 if deep else 3},
                hoverinfo="skip",
                name="trail",
            )
        )
    reach = places if within is None else within
    low, high = reach.min(axis=0), reach.max(axis=0)
    span = max(float((high - low).max()), 1e-6)
    room, unit = 0.07 * span, 10 ** np.floor(np.log10(span / 5))
    step = unit * max(factor for factor in (1, 2, 5) if factor * unit <= span / 5)
    low, high = low - room, high + room * (1 if deep else 1.4)
    sides = {n: SIDES[0] for n in kept} if deep else beside(places, names, sorted(kept), WIDTH, height - 80, high - low)
    figure.add_trace(
        scatter(
            **coordinates(places),
            mode="markers+text",
            name="points",
            marker={"color": [style.token_colour(group) for group in groups], "size": 6 if deep else 10},
            text=[short(name) if n in sides else "" for n, name in enumerate(names)],
            textposition=[sides.get(n, SIDES[0]) for n in range(len(names))],
            textfont={"size": TEXT},
            customdata=[
                [verbatim.chart(name), verbatim.chart(line)]
                for name, line in zip(names, told or [""] * len(names), strict=True)
            ],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
            **({} if deep else {"cliponaxis": False}),
        )
    )
    axes = {
        f"{LETTERS[n]}axis": {
            "title": {"text": f"direction {n + 1}: {share:.0%}" + ("" if deep else " of the variance")},
            "range": [float(low[n]), float(high[n])],
            "dtick": step,
            "zeroline": True,
            "showticklabels": False,
        }
        for n, share in enumerate(shares)
    }
    figure.update_layout(
        **style.chart(height=height),
        title=style.title(title),
        margin={"l": 0, "r": 0, "t": 30, "b": 0} if deep else {"l": 10, "r": 10, "t": 34, "b": 10},
        uirevision=f"{dimensions}",
    )
    if deep:
        spans = [axis["range"][1] - axis["range"][0] for axis in axes.values()]
        scale = max(spans)
        figure.update_layout(
            scene=axes
            | {
                "aspectmode": "manual",
                "aspectratio": {letter: span / scale for letter, span in zip(LETTERS, spans)},
                "camera": {"eye": {"x": 1.2, "y": 1.2, "z": 0.75}, "center": {"x": 0, "y": 0, "z": -0.1}},
            }
        )
    else:
        axes["yaxis"] |= {"scaleanchor": "x"}
        figure.update_layout(**axes)
        if hidden := len(kept) - len(sides):
            figure.add_annotation(
                text=f"{hidden} name{'' if hidden == 1 else 's'} left out for want of room: point at a dot",
                x=1,
                y=1,
                xref="paper",
                yref="paper",
                xanchor="right",
                yanchor="top",
                showarrow=False,
            )
    return figure


def beside(
    places: np.ndarray, names: Sequence[str], kept: Sequence[int], width: int, height: int, span: np.ndarray
) -> dict[int, str]:
    """On which side of its point each of the kept names stands, so that names cover each other and the points as little as may
    be. A name that would be half covered on every side is left out.

    width, height: pixels that the span of the two axes may take; a unit is as long on both.
    """
    at = places * min(width / span[0], height / span[1])
    taken = [(x, y, 5.0, 5.0) for x, y in at]  # middles and half sizes
    sides = {}
    for n in kept:
        wide, high = 0.27 * TEXT * min(len(names[n]), LONGEST), 0.55 * TEXT
        x, y = at[n]
        boxes = ((x, y + 14, wide, high), (x, y - 14, wide, high), (x + wide + 8, y, wide, high), (x - wide - 8, y, wide, high))
        covered = [sum(overlap(box, other) for other in taken) for box in boxes]
        best = int(np.argmin(covered))
        if covered[best] < 2 * wide * high:
            sides[n] = SIDES[best]
            taken.append(boxes[best])
    return sides


def overlap(one: tuple[float, ...], two: tuple[float, ...]) -> float:
    """The area two boxes (middle x, middle y, half width, half height) share."""
    across, down = (
        max(0.0, min(one[n] + one[n + 2], two[n] + two[n + 2]) - max(one[n] - one[n + 2], two[n] - two[n + 2])) for n in (0, 1)
    )
    return across * down


def coordinates(places: np.ndarray) -> Mapping[str, np.ndarray]:
    """(points, dimensions) as x, y and, where there is one, z."""
    return dict(zip(LETTERS, places.T))
