"""Charts about dropout: counts of zeros, what is kept on average, sums of rows, passes beside each other, and where it acts."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .. import verbatim
from . import style
from .bars import short

GREY, FIRST, SECOND = style.PARTS["residual"], style.PARTS["token"], style.PARTS["position"]
MARK = style.PARTS["key"]
BARS = 60
HEIGHT = 400


def _layout(figure: go.Figure, title: str, *, height: int = HEIGHT, top: int = 44) -> go.Figure:
    figure.update_layout(
        **style.chart(height=height),
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "y": 0.985, "yanchor": "top", "font": {"size": 15}},
        margin={"l": 10, "r": 10, "t": top, "b": 10},
        bargap=0.06,
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure


def zero_counts(counts: np.ndarray, chances: np.ndarray, mean: float, sd: float, *, title: str) -> go.Figure:
    """Histogram of (rows,) counts of zeros, and rows x chances, (numbers + 1,), as a line: the binomial distribution.

    The trace "rows" holds how many rows fall into each bin, "expected" how many should. The band is mean ± sd.
    """
    low, high = (
        max(0, min(int(counts.min()), int(mean - 4 * sd))),
        min(len(chances) - 1, max(int(counts.max()), int(mean + 4 * sd) + 1)),
    )
    wide = max(1, -(-(high - low + 1) // BARS))
    starts = np.arange(low, high + 1, wide)
    found = np.bincount((counts - low) // wide, minlength=len(starts))
    padded = np.append(chances[low : high + 1], np.zeros(len(starts) * wide - (high - low + 1)))
    expected = len(counts) * padded.reshape(-1, wide).sum(1)
    centres = starts + (wide - 1) / 2
    told = [str(start) if wide == 1 else f"{start} to {start + wide - 1}" for start in starts]
    figure = go.Figure()
    band = {"fillcolor": style.faint(GREY, 0.22), "line": {"color": GREY, "width": 1}}
    figure.add_vrect(x0=mean - sd, x1=mean + sd, layer="below", **band)
    figure.add_bar(
        x=centres,
        y=found,
        name="rows",
        width=0.9 * wide,
        marker={"color": FIRST, "line": {"width": 0}},
        customdata=told,
        hovertemplate="%{customdata} zeros<br>%{y} rows<extra></extra>",
    )
    figure.add_scatter(
        x=centres,
        y=expected,
        name="expected",
        mode="lines+markers",
        line={"color": MARK, "width": 2},
        marker={"size": 5},
        customdata=told,
        hovertemplate="%{customdata} zeros<br>%{y:.2f} rows expected<extra></extra>",
    )
    figure.add_vline(x=mean, line={"color": MARK, "width": 1.5, "dash": "dot"})
    figure.add_annotation(
        x=mean, y=1, yref="paper", yanchor="bottom", showarrow=False, text=f"p × width = {mean:.1f} ± {sd:.1f}, the grey band"
    )
    figure.update_xaxes(
        title_text="zeros in a row" + (f", bars of {wide}" if wide > 1 else ""), range=[low - wide, high + wide]
    )
    figure.update_yaxes(title_text="rows", rangemode="tozero")
    return _layout(figure, title, top=66)


def kept(
    single: np.ndarray,
    value: float,
    rates: np.ndarray,
    growth: np.ndarray,
    chosen: tuple[float, float],
    *,
    titles: tuple[str, str],
) -> go.Figure:
    """Left: one number after each of (masks,) masks ("single"), its running mean ("mean"), and what it is without dropout.
    Right: how many times its size a row has, measured at each rate ("growth"), on the curve 1 / sqrt(1 - p)."""
    figure = make_subplots(rows=1, cols=2, subplot_titles=[verbatim.chart(title) for title in titles], horizontal_spacing=0.1)
    n = np.arange(1, len(single) + 1)
    figure.add_scatter(
        x=n,
        y=single,
        name="single",
        mode="markers",
        marker={"size": 5, "color": GREY},
        hovertemplate="mask %{x}: %{y:.4g}<extra></extra>",
    )
    figure.add_scatter(
        x=n,
        y=np.cumsum(single) / n,
        name="mean",
        mode="lines",
        line={"color": FIRST, "width": 3},
        hovertemplate="mean of %{x} masks: %{y:.4g}<extra></extra>",
    )
    figure.add_hline(y=value, line={"color": MARK, "width": 1.5, "dash": "dot"}, row=1, col=1)
    figure.add_annotation(
        x=len(single),
        y=value,
        text=f"without dropout {value:.3f}",
        showarrow=False,
        xanchor="right",
        yanchor="top" if single.mean() > value else "bottom",
        row=1,
        col=1,
    )
    fine = np.linspace(0, float(rates[-1]), 200)
    figure.add_scatter(
        x=fine,
        y=1 / np.sqrt(1 - fine),
        name="curve",
        mode="lines",
        line={"color": MARK, "width": 2},
        hoverinfo="skip",
        row=1,
        col=2,
    )
    figure.add_scatter(
        x=rates,
        y=growth,
        name="growth",
        mode="markers",
        marker={"color": FIRST, "size": 8},
        hovertemplate="p = %{x}: × %{y:.4f}<extra></extra>",
        row=1,
        col=2,
    )
    figure.add_annotation(
        x=chosen[0],
        y=chosen[1],
        text=f"p = {chosen[0]:g}: × {chosen[1]:.2f}",
        ax=-40 if chosen[0] > 0.2 else 40,
        ay=-40,
        arrowcolor=GREY,
        row=1,
        col=2,
    )
    figure.update_xaxes(title_text="masks", row=1, col=1)
    figure.update_yaxes(title_text="the number after dropout", row=1, col=1)
    figure.update_xaxes(title_text="dropout rate p", range=[-0.03, 0.95], row=1, col=2)
    figure.update_yaxes(title_text="size after / size before", range=[0.8, 3.6], row=1, col=2)
    return _layout(figure, "", top=40)


def row_sums(sums: np.ndarray, labels: Sequence[str], *, title: str) -> go.Figure:
    """(masks, rows) sums, dots per row in the order of the masks, their mean as a diamond. Trace n holds row n's sums."""
    masks, rows = sums.shape
    spread = (np.arange(masks) / max(1, masks - 1) - 0.5) * 0.66
    figure = go.Figure()
    figure.add_vline(x=1, line={"color": MARK, "width": 1.5, "dash": "dot"})
    for row in range(rows):
        figure.add_scatter(
            x=sums[:, row],
            y=row + spread,
            mode="markers",
            name=verbatim.chart(labels[row]),
            marker={"color": style.token_colour(row), "size": 5, "line": {"width": 0}},
            customdata=np.arange(masks),
            hovertemplate="seed %{customdata}: sum %{x:.4f}<extra></extra>",
        )
    figure.add_scatter(
        x=sums.mean(0),
        y=np.arange(rows),
        name="mean",
        mode="markers",
        marker={"symbol": "diamond", "size": 11, "color": MARK, "line": {"color": GREY, "width": 1}},
        hovertemplate="mean %{x:.4f}<extra></extra>",
    )
    for row, mean in enumerate(sums.mean(0)):
        figure.add_annotation(x=1, xref="paper", y=row, text=f"mean {mean:.2f}", showarrow=False, xanchor="right")
    figure.update_xaxes(
        title_text="sum of the row after dropout (without: 1)", range=[-0.05, max(1.1, float(sums.max())) * 1.16]
    )
    figure.update_yaxes(
        title_text="query: reads",
        tickvals=list(range(rows)),
        ticktext=[short(label) for label in labels],
        range=[rows - 0.4, -0.6],
    )
    return _layout(figure, title, height=max(300, min(430, 130 + 50 * rows)))


def two_passes(
    first: np.ndarray, second: np.ndarray, labels: Sequence[str], *, names: tuple[str, str], title: str
) -> go.Figure:
    """(words,) logits of the same words in two passes, joined by a line; the traces carry the names and these numbers."""
    count = len(labels)
    places = list(range(count))
    figure = go.Figure()
    figure.add_scatter(
        x=np.ravel(np.column_stack([first, second, np.full(count, np.nan)])),
        y=np.repeat(places, 3),
        name="difference",
        mode="lines",
        line={"color": GREY, "width": 3},
        hoverinfo="skip",
        showlegend=False,
    )
    for values, name, colour, symbol, size in (
        (first, names[0], FIRST, "circle", 13),
        (second, names[1], SECOND, "diamond", 9),
    ):
        figure.add_scatter(
            x=values,
            y=places,
            name=verbatim.chart(name),
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": size},
            hovertemplate=f"{verbatim.chart(name)}: %{{x:.4f}}<extra></extra>",
        )
    figure.update_xaxes(title_text="logit")
    _words(figure, labels)
    _layout(figure, title, top=70)
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0})


def _words(figure: go.Figure, labels: Sequence[str]) -> None:
    """Words from top to bottom."""
    figure.update_yaxes(
        tickvals=list(range(len(labels))),
        ticktext=[short(label) for label in labels],
        range=[len(labels) - 0.4, -0.6],
        zeroline=False,
    )


def fan(drawn: np.ndarray, evaluated: np.ndarray, labels: Sequence[str], won: Sequence[int], *, title: str) -> go.Figure:
    """(passes, words) probabilities as dots, (words,) of the eval pass as diamonds, the mean of the dots as a bar.

    The trace "passes" holds drawn, word by word; "eval" holds evaluated. won: passes in which each word is the most probable.
    """
    passes, count = drawn.shape
    spread = (np.arange(passes) / max(1, passes - 1) - 0.5) * 0.6
    figure = go.Figure()
    figure.add_scatter(
        x=drawn.T.ravel(),
        y=(np.arange(count)[:, None] + spread).ravel(),
        name="passes",
        mode="markers",
        marker={"color": style.PARTS["query"], "size": 5, "line": {"width": 0}},
        customdata=np.tile(np.arange(passes), count),
        hovertemplate="seed %{customdata}: %{x:.5f}<extra></extra>",
    )
    figure.add_scatter(
        x=drawn.mean(0),
        y=np.arange(count),
        name="mean of passes",
        mode="markers",
        marker={"symbol": "line-ns", "size": 24, "line": {"color": FIRST, "width": 3}},
        hovertemplate="mean of the passes: %{x:.5f}<extra></extra>",
    )
    figure.add_scatter(
        x=evaluated,
        y=np.arange(count),
        name="eval",
        mode="markers",
        marker={"symbol": "diamond", "size": 12, "color": SECOND, "line": {"color": GREY, "width": 1}},
        hovertemplate="EVAL: %{x:.5f}<extra></extra>",
    )
    for word, times in enumerate(won):
        figure.add_annotation(x=1, xref="paper", y=word, text=f"first in {times}", showarrow=False, xanchor="right")
    reach = max(float(drawn.max()), float(evaluated.max()))
    figure.update_xaxes(
        title_text="probability of the next token; bar: mean of the dots",
        range=[-0.02 * reach, 1.18 * reach],
        rangemode="tozero",
    )
    _words(figure, labels)
    return _layout(figure, title)


def places(
    sites: Sequence[tuple[int, int, int, str, int, int]], lanes: Sequence[str], parts: Sequence[str], blocks: int, *, title: str
) -> go.Figure:
    """A map: columns are the embedding and the blocks in order, lanes the kinds of place, a numbered box per application.

    sites: (number, lane, column, hook point, zeros, numbers). The trace "places" holds the numbers in `customdata`.
    """
    figure, boxes = go.Figure(), []
    for _, lane, column, _, zeros, count in sites:
        colour = style.PARTS[parts[lane]]
        box = {"x0": column - 0.43, "x1": column + 0.43, "y0": lane - 0.38, "y1": lane + 0.38}
        share = {"x0": box["x0"], "x1": box["x0"] + 0.86 * zeros / count, "y0": box["y1"] - 0.1, "y1": box["y1"]}
        boxes.append({"type": "rect", **box, "fillcolor": style.faint(colour, 0.22), "line": {"color": colour, "width": 1}})
        boxes.append({"type": "rect", **share, "fillcolor": colour, "line": {"width": 0}})
    figure.update_layout(shapes=boxes)  # at once: added one by one, 48 blocks take ten seconds
    figure.add_scatter(
        x=[column for _, _, column, *_ in sites],
        y=[lane - 0.04 for _, lane, *_ in sites],
        mode="text",
        name="places",
        text=[f"<b>{number}</b><br>{zeros / count:.0%}" for number, *_, zeros, count in sites],
        textfont={"size": style.CHART_FONT},
        customdata=[list(site) for site in sites],
        hovertemplate="%{customdata[3]}<br>%{customdata[4]:,} of %{customdata[5]:,} numbers are zero<extra></extra>",
    )
    figure.update_xaxes(
        tickvals=list(range(blocks + 1)),
        ticktext=["input", *(f"block {n}" if n == 1 or blocks <= 8 else str(n) for n in range(1, blocks + 1))],
        range=[-0.6, blocks + 0.6],
        showgrid=False,
        zeroline=False,
        side="top",
    )
    figure.update_yaxes(
        tickvals=list(range(len(lanes))),
        ticktext=[verbatim.chart(lane) for lane in lanes],
        range=[len(lanes) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
    )
    return _layout(figure, title, height=310, top=74)
