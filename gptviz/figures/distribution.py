"""How a token's numbers are spread: one histogram per token, a row each, in columns that can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from . import style

BINS = 40
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


def histograms(columns: Sequence[Column], names: Sequence[str], *, first: int = 0, chosen: int = 0, note: str = "") -> go.Figure:
    """Columns of histograms, one row per token, bars as high as their counts.

    Bar trace n of a column holds token n's real counts in `y`, stacked above its row's base line in `base`. A dot marks the
    mean, its whiskers one standard deviation. names: of the tokens; first: the row number of the first one, which sets the
    colours; chosen: which of them stands out. note: goes above the picture, after what is counted.
    """
    rows = len(names)
    figure = make_subplots(rows=1, cols=len(columns), subplot_titles=[column.title for column in columns], horizontal_spacing=0.03)
    for at, column in enumerate(columns, 1):
        low, high = column.limits
        width = (high - low) / BINS
        centres = low + width * (np.arange(BINS) + 0.5)
        heights = np.stack([counts(row, column.limits) for row in column.values])
        line = heights.max() * 1.25  # a row's share of the height, in counts
        bases = line * np.arange(rows - 1, -1, -1)
        for row in range(rows):
            figure.add_bar(
                x=centres,
                y=heights[row],
                base=bases[row],
                width=width,
                name=names[row],
                marker={"color": style.token_colour(first + row), "opacity": 1.0 if row == chosen else 0.6, "line": {"width": 0}},
                customdata=heights[row],
                hovertemplate=f"{names[row]}<br>%{{customdata}} numbers within {width / 2:.2g} of %{{x:.3g}}<extra></extra>",
                row=1,
                col=at,
            )
        figure.add_scatter(
            x=column.values.mean(1),
            y=bases - 0.09 * line,
            mode="markers",
            marker={"color": NEUTRAL, "size": 7},
            error_x={"type": "data", "array": column.values.std(1), "color": NEUTRAL, "thickness": 1.5, "width": 3},
            hovertemplate="mean %{x:.3g}<extra></extra>",
            row=1,
            col=at,
        )
        for base, text in zip(bases, column.texts):
            figure.add_annotation(
                x=0, xref="x domain", xanchor="left", y=base + line * 0.42, text=text, align="left", showarrow=False, row=1, col=at
            )
        figure.update_yaxes(
            range=[-0.2 * line, rows * line],
            tickvals=list(bases + line * 0.35),
            ticktext=list(names),
            showticklabels=at == 1,
            showgrid=False,
            zeroline=False,
            row=1,
            col=at,
        )
        figure.update_xaxes(
            range=[low - 0.5 * (high - low), high + width],
            tickvals=_ticks(low, high),
            showgrid=False,
            zeroline=True,
            zerolinecolor=NEUTRAL,
            title_text=f"value, bins of {width:.2g}",
            row=1,
            col=at,
        )
    counted = f"{columns[0].values.shape[1]} numbers a token in {BINS} bins; the end bins hold all beyond. Dot and whiskers: mean and spread."
    figure.update_layout(
        title={"text": f"{counted} {note}".strip(), "font": {"size": 13}, "x": 0, "xref": "paper", "y": 0.985, "yanchor": "top"},
        font={"size": 13, "family": style.FONT},
        barmode="overlay",
        bargap=0,
        showlegend=False,
        height=style.PICTURE_HEIGHT - 10,
        margin={"l": 10, "r": 10, "t": 62, "b": 45},
    )
    figure.update_yaxes(automargin=True)
    figure.update_annotations(font={"size": 13})
    return figure


def _ticks(low: float, high: float) -> list[float]:
    """About three round values between the limits."""
    rough = (high - low) / 3
    unit = 10 ** np.floor(np.log10(rough))
    step = unit * max(factor for factor in (1, 2, 5) if factor * unit <= rough)
    return [float(value) for value in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step]
