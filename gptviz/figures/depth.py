"""How a size changes from the first layer to the last: one line per variant, on a logarithmic axis."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from . import style

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
WRITTEN = 13  # values of a line that can be written beside their dots


@dataclass(frozen=True, eq=False)
class Line:
    """One variant. values: one positive number per place. part: whose colour it takes. chosen: drawn full, the others thin and
    dotted."""

    name: str
    values: np.ndarray
    part: str
    chosen: bool = True


def written(value: float) -> str:
    """A size with three digits that mean something, with two and a power of ten when very large or small: 0.00420, 3.2·10⁻⁷."""
    if not np.isfinite(value):
        return "not a number" if np.isnan(value) else "infinite"
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        digits = 2 if value == 0 else max(0, 2 - int(np.floor(np.log10(abs(value)))))
        return f"{value:,.{digits}f}"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{'' if digits == '1.0' else f'{digits}·'}10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def tick(value: float) -> str:
    """A round value as an axis says it, without zeros at its end."""
    text = written(value)
    return text.rstrip("0").rstrip(".") if "." in text and "·" not in text else text


def lines(
    drawn: Sequence[Line],
    places: Sequence[str],
    *,
    x_title: str,
    y_title: str,
    title: str = "",
    height: int = style.PICTURE_HEIGHT,
) -> go.Figure:
    """Lines over the same places; trace n holds exactly the values of line n. What is no finite positive number leaves a gap."""
    figure = go.Figure()
    for line in drawn:
        values = np.asarray(line.values, dtype=np.float64)
        shown = [float(value) if np.isfinite(value) and value > 0 else None for value in values]
        few = len(places) <= WRITTEN and line.chosen
        others = [np.asarray(other.values, dtype=np.float64) for other in drawn if other is not line and other.chosen]
        under = [any(other[n] > values[n] for other in others) for n in range(len(places))]
        figure.add_scatter(
            x=list(range(len(places))),
            y=shown,
            name=verbatim.chart(line.name),
            mode="lines+markers+text" if few else "lines+markers",
            text=[written(value) for value in values] if few else None,
            textposition=["bottom center" if below else "top center" for below in under],
            textfont={"size": style.CHART_FONT},
            cliponaxis=False,
            line={"color": style.PARTS[line.part], "width": 3 if line.chosen else 1, "dash": "solid" if line.chosen else "dot"},
            marker={"size": 9 if line.chosen else 5},
            customdata=[[verbatim.chart(place), written(value)] for place, value in zip(places, values)],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}",
        )
    every = max(1, -(-len(places) // 14))
    figure.update_xaxes(
        title_text=verbatim.chart(x_title),
        tickvals=list(range(0, len(places), every)),
        ticktext=[verbatim.chart(place) for place in places[::every]],
        range=[-0.5, len(places) - 0.5],
        showgrid=False,
        zeroline=False,
        automargin=True,
    )
    figure.update_yaxes(title_text=verbatim.chart(y_title), **_log_axis(drawn), automargin=True)
    figure.update_layout(
        **style.chart(height=height)
        | {
            "showlegend": True,
            "legend": style.LEGEND,
        },
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "font": {"size": 16}} if title else None,
        margin={"l": 10, "r": 10, "t": 64 if title else 36, "b": 10},
    )
    return figure


def _log_axis(drawn: Sequence[Line]) -> dict:
    """A logarithmic axis with a margin and a few powers of ten, or round values where all lie within two of them."""
    values = np.concatenate([np.asarray(line.values, dtype=np.float64) for line in drawn])
    values = values[np.isfinite(values) & (values > 0)]
    if not values.size:
        return {"type": "log"}
    low, high = np.log10(values.min()), np.log10(values.max())
    margin = max(0.12, 0.1 * (high - low))
    span = range(int(np.floor(low - margin)), int(np.ceil(high + margin)) + 1)
    if high - low > 2:
        ticks = [10.0**power for power in span[:: max(1, len(span) // 6)]]
    else:
        ticks = [factor * 10.0**power for power in span for factor in (1, 2, 5)]
    return {
        "type": "log",
        "range": [low - 1.6 * margin, high + 1.6 * margin],
        "tickvals": ticks,
        "ticktext": [tick(value) for value in ticks],
        "gridcolor": style.GRID,
    }
