"""The highest scores of several rows, best first: words in a table, and the chosen row's scores as bars under it."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .. import verbatim
from . import style
from .bars import short

WORDS = 7  # ranks whose word is written; the others are narrow cells that tell theirs under the pointer
PRESENTED_WORDS = 4
NARROW = 0.15  # width of such a cell, where a cell with a word is 1 wide
BEHIND = 2.2  # room right of the cells for what really came next


def table(
    scores: np.ndarray,
    words: Sequence[Sequence[str]],
    ids: np.ndarray,
    *,
    labels: Sequence[str],
    targets: Sequence[str | None],
    ranks: Sequence[int | None],
    chosen: int,
    last: int,
    floor: float,
    vocabulary: int,
    left_out: str = "",
    present: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Rows of ranked words, each row coloured between its own lowest and highest shown score.

    scores, ids: (rows, ranks) in falling order; heatmap n holds exactly scores[n]. words: the same as text. labels: of the
    rows. targets, ranks: what really came next and its rank, None where nothing did. chosen: the row whose scores are the bars;
    last: the row that is used to write on. floor: the mean of all the chosen row's scores, where its bars start.
    """
    rows, count = scores.shape
    size = style.type_size(present, narrow)
    written = min(PRESENTED_WORDS if present else WORDS, count)
    longest = 8 if not present else 10
    if present:
        scores, ids, count = scores[:, :written], ids[:, :written], written
    edges = np.concatenate([np.arange(written + 1), written + NARROW * np.arange(1, count - written + 1)])
    centres = (edges[1:] + edges[:-1]) / 2
    figure = make_subplots(
        rows=1 if present else 2, cols=1, row_heights=None if present else [0.58, 0.42], vertical_spacing=0.11
    )
    told = [[verbatim.chart(word) for word in line] for line in words]
    for n in range(rows):
        figure.add_heatmap(
            x=edges,
            y=[n - 0.44, n + 0.44],
            z=scores[n : n + 1],
            zmin=float(scores[n, -1]),
            zmax=float(scores[n, 0]) if scores[n, 0] > scores[n, -1] else float(scores[n, -1]) + 1,
            colorscale=[[0, style.RISE[0]], [1, style.RISE[1]]],
            showscale=False,
            xgap=1,
            text=[[short(word, longest) if at < written else "" for at, word in enumerate(words[n][:count])]],
            texttemplate="%{text}",
            textfont={"size": size, "color": style.TYPE},
            customdata=[[[told[n][at], int(token), at + 1] for at, token in enumerate(ids[n])]],
            hovertemplate="rank %{customdata[2]}: %{customdata[0]}<br>id %{customdata[1]}<br>logit %{z:.4f}<extra></extra>",
            name=verbatim.chart(labels[n]),
            row=1,
            col=1,
        )
        if ranks[n] is None:
            text = "<b>not yet</b>"
        else:
            text = f"{short(targets[n], 9)}  <b>#{ranks[n]:,}</b>"
            if ranks[n] <= count:
                at = ranks[n] - 1
                figure.add_shape(
                    type="rect",
                    x0=edges[at],
                    x1=edges[at + 1],
                    y0=n - 0.44,
                    y1=n + 0.44,
                    line={"color": style.PARTS["key"], "width": 3},
                    row=1,
                    col=1,
                )
        figure.add_annotation(
            x=edges[-1] + 0.12, y=n, text=text, showarrow=False, xanchor="left", font={"size": size}, row=1, col=1
        )
    figure.add_shape(
        type="rect",
        x0=-0.03,
        x1=edges[-1] + BEHIND,
        y0=last - 0.5,
        y1=last + 0.5,
        line={"color": style.PARTS["token"], "width": 2},
        row=1,
        col=1,
    )
    more = f" {written + 1} to {count}" if count > written else ""
    figure.update_xaxes(
        range=[-0.05, edges[-1] + BEHIND + 0.05],
        side="top",
        tickvals=[*centres[:written], *([(edges[written] + edges[-1]) / 2] if more else []), edges[-1] + BEHIND / 2],
        ticktext=[*(f"#{at + 1}" for at in range(written)), *([f"#{more.strip()}"] if more else []), "really next"],
        tickfont={"size": size},
        showgrid=False,
        zeroline=False,
        row=1,
        col=1,
    )
    figure.update_yaxes(
        range=[rows - 0.4, -0.55],
        tickvals=list(range(rows)),
        ticktext=[f"<b>{short(label)}</b>" if n == chosen else short(label) for n, label in enumerate(labels)],
        tickfont={"size": size},
        showgrid=False,
        zeroline=False,
        row=1,
        col=1,
    )
    if not present:
        _bars(figure, scores[chosen], words[chosen], ids[chosen], floor, labels[chosen])
        figure.add_annotation(
            x=1,
            y=1,
            xref="x2 domain",
            yref="y2 domain",
            text=f"bars start at the mean of all {vocabulary:,}: {floor:.2f}",
            showarrow=False,
            xanchor="right",
            yanchor="bottom",
            font={"size": size},
        )
    what = f"Highest logits of {vocabulary:,} after each token; boxed: the row that is used"
    what += f" ({verbatim.chart(left_out)})" if left_out else ""
    figure.update_layout(
        **style.chart(present=present, narrow=narrow),
        title={
            "text": "Highest logits after each token" if present else what,
            "x": 0,
            "xref": "paper",
            "y": 0.99,
            "yanchor": "top",
            "font": {"size": style.type_size(present, narrow, 14)},
        },
        margin={"l": 10, "r": 10, "t": 78 if present else 52, "b": 10},
    )
    figure.update_yaxes(automargin=True)
    return figure


def _bars(figure: go.Figure, scores: np.ndarray, words: Sequence[str], ids: np.ndarray, floor: float, label: str) -> None:
    """The chosen row's scores, from the mean of all its scores up to each one."""
    figure.add_bar(
        x=list(range(len(scores))),
        y=scores - np.float32(floor),
        base=floor,
        name="logits",
        marker={"color": style.PARTS["output"], "line": {"color": style.PARTS["residual"], "width": 1}},
        customdata=[[verbatim.chart(word), int(token), float(score)] for word, token, score in zip(words, ids, scores)],
        hovertemplate="%{customdata[0]}<br>id %{customdata[1]}<br>logit %{customdata[2]:.4f}<extra></extra>",
        row=2,
        col=1,
    )
    figure.update_xaxes(
        tickvals=list(range(len(scores))),
        ticktext=[short(word, 11) for word in words],
        tickangle=45,
        tickfont={"size": style.CHART_FONT},
        showgrid=False,
        automargin=True,
        row=2,
        col=1,
    )
    figure.update_yaxes(title_text=f"logit after<br>{short(label)}", nticks=4, row=2, col=1)
