"""How a token's numbers are spread: one histogram per token, a row each, in columns that can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from . import style

BINS = 40
GAP = 0.03  # of the width, between two columns
NEUTRAL = style.PARTS["residual"]


@dataclass(frozen=True, eq=False)
class Column:
    """One state of the numbers. values: (tokens, numbers). limits: the first and last edge of the bins.

    texts: what is written beside each token's histogram.
    """

    title: str
    values: np.ndarray
    limits: tuple[float, float]
    texts: tuple[str, ...]


def limits(values: np.ndarray) -> tuple[float, float]:
    """Edges that hold 99 % of the numbers, so that a few huge ones do not squeeze the rest into one bin."""
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [0.5, 99.5]) if finite.size else (0.0, 0.0)
    return (float(low), float(high)) if high > low else (float(low) - 1.0, float(low) + 1.0)


def counts(values: np.ndarray, edges: tuple[float, float]) -> np.ndarray:
    """How many numbers fall into each of the bins; the first and the last bin also hold all that lies beyond them."""
    return np.histogram(np.clip(values, *edges), bins=BINS, range=edges)[0]


def histograms(
    columns: Sequence[Column],
    names: Sequence[str],
    *,
    first: int = 0,
    chosen: int = 0,
    note: str = "",
    text_size: int = 13,
    brief: bool = False,
) -> go.Figure:
    """Columns of histograms, one row per token, bars as high as their counts.

    Bar trace n of a column holds token n's real counts in `y`, stacked above its row's base line in `base`. A dot marks the
    mean, its whiskers one standard deviation. names: of the tokens; first: the row number of the first one, which sets the
    colours; chosen: which of them is framed. note: goes above the picture, after what is counted. text_size: in pixels. brief: only what is counted is said.
    """
    rows, across = len(names), len(columns)
    share = (1 - GAP * (across - 1)) / across
    traces, annotations, axes = [], [], {}
    for at, column in enumerate(columns):
        low, high = column.limits
        width = (high - low) / BINS
        centres = low + width * (np.arange(BINS) + 0.5)
        heights = np.stack([counts(row, column.limits) for row in column.values])
        line = float(heights.max()) * 1.25  # a row's share of the height, in counts
        bases = line * np.arange(rows - 1, -1, -1)
        n = str(at + 1) if at else ""
        on = {"xaxis": f"x{n}", "yaxis": f"y{n}"}
        for row in range(rows):
            traces.append(
                {
                    "type": "bar",
                    "x": centres,
                    "y": heights[row],
                    "base": bases[row],
                    "width": width,
                    "name": verbatim.chart(names[row]),
                    "marker": {"color": style.token_colour(first + row)},
                    "customdata": heights[row],
                    "hovertemplate": f"%{{customdata}} numbers within {width / 2:.2g} of %{{x:.3g}}",
                    **on,
                }
            )
        traces.append(
            {
                "type": "scatter",
                "x": column.values.mean(1),
                "y": bases - 0.09 * line,
                "mode": "markers",
                "name": "mean",
                "marker": {"color": NEUTRAL, "size": 7},
                "error_x": {"type": "data", "array": column.values.std(1), "color": NEUTRAL, "thickness": 1.5, "width": 3},
                "hovertemplate": "%{x:.3g}",
                **on,
            }
        )
        start = at * (share + GAP)
        axes[f"xaxis{n}"] = {
            "domain": [start, start + share],
            "anchor": f"y{n}",
            "range": [low - 0.5 * (high - low), high + width],
            "tickvals": _ticks(low, high),
            "tickangle": 0,
            "showgrid": False,
            "zeroline": True,
            "zerolinecolor": NEUTRAL,
            "tickfont": {"size": text_size},
            "title": {"text": f"value, bins of {width:.2g}", "font": {"size": text_size}},
        }
        axes[f"yaxis{n}"] = {
            "anchor": f"x{n}",
            "range": [-0.2 * line, rows * line],
            "tickvals": bases + line * 0.35,
            "ticktext": [f"<b>{name}</b>" if row == chosen else name for row, name in enumerate(map(verbatim.chart, names))],
            "showticklabels": at == 0,
            "tickfont": {"size": text_size},
            "ticklabelstandoff": 6,
            "showgrid": False,
            "zeroline": False,
            "automargin": True,
        }
        middle = {"showarrow": False, "font": {"size": text_size}}
        annotations.append(
            {
                "text": verbatim.chart(column.title),
                "x": (low + high) / 2,
                "y": 1,
                "xref": f"x{n}",
                "yref": "paper",
                "yanchor": "bottom",
                **middle,
            }
        )
        annotations += [
            {"text": verbatim.chart(text), "x": 0, "xref": f"x{n} domain", "xanchor": "left", "align": "left"}
            | {"y": base + line * 0.42, "yref": f"y{n}", **middle}
            for base, text in zip(bases, column.texts)
        ]
    frame = {"type": "rect", "xref": "paper", "x0": -0.006, "x1": 1.006, "yref": "y", "line": {"color": NEUTRAL, "width": 1.5}}
    bottom, row_height = axes["yaxis"]["range"][0], axes["yaxis"]["range"][1] / rows
    frame |= {"y0": bottom + row_height * (rows - 1 - chosen), "y1": bottom + row_height * (rows - chosen)}
    counted = f"{columns[0].values.shape[1]} numbers a token in {BINS} bins; the end bins hold all beyond."
    spread = "" if text_size > 20 else "Dot and whiskers: mean and spread. "  # a room has no width for it
    layout = {
        "title": {
            "text": verbatim.chart(counted if brief else f"{counted} {spread}{note}".strip()),
            "font": {"size": text_size},
            "x": 0,
            "xref": "paper",
            "y": 0.985,
            "yanchor": "top",
        },
        "annotations": annotations,
        "shapes": [frame],
        "font": {"size": text_size, "family": style.FONT},
        "paper_bgcolor": style.CLEAR,
        "plot_bgcolor": style.CLEAR,
        "barmode": "overlay",
        "bargap": 0,
        "showlegend": False,
        "height": style.PICTURE_HEIGHT - 10,
        "margin": {"l": 10, "r": 10, "t": 32 + 2 * text_size, "b": 20 + 2 * text_size},
    }
    return go.Figure(data=traces, layout=layout | axes)


def _ticks(low: float, high: float) -> list[float]:
    """About three round values between the limits."""
    rough = (high - low) / 3
    unit = 10 ** np.floor(np.log10(rough))
    step = unit * max(factor for factor in (1, 2, 5) if factor * unit <= rough)
    return [float(value) for value in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step]
