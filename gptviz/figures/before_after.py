"""Two rankings of the same things beside each other: bars on both sides, and an arrow from each one's place to its other place."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from . import style
from .bars import short

GAP = 1.0  # room between the two sides, where the longest bar of a side is 1 wide
NAME = 0.62  # of a name and its number, at the inner end of a bar
OFF = 0.16  # how far an arrow to a place that is not listed reaches


def ranked(
    words: Sequence[Sequence[int]],
    shares: Sequence[np.ndarray],
    ranks: Sequence[Mapping[int, int]],
    names: Mapping[int, str],
    texts: Sequence[Sequence[str]],
    *,
    headings: tuple[str, str],
    title: str,
    present: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """The largest shares before (left) and after (right), best on top, and an arrow wherever one side has what the other has.

    words: the ids listed on each side, in falling order; shares: theirs, and the trace "before" or "after" holds exactly these;
    texts: the same as text. ranks: id -> its rank on each side, for all that are listed on either. names: id -> what it is called.
    """
    size = style.type_size(present, narrow)
    longest = 8 if present else 12
    most = max(float(side.max()) for side in shares) or 1.0
    figure = go.Figure()
    edges = (-GAP / 2 - NAME, GAP / 2 + NAME)
    for side, (listed, held, written) in enumerate(zip(words, shares, texts)):
        sign = 1 if side else -1
        rows = list(range(len(listed)))
        figure.add_bar(
            x=held / most,
            y=rows,
            base=[edges[side]] * len(rows) if side else edges[side] - held / most,
            orientation="h",
            name="after" if side else "before",
            marker={"color": style.PARTS["output"] if side else style.PARTS["residual"]},
            customdata=[
                [verbatim.chart(names[word]), word, float(share), ranks[0][word], ranks[1][word]]
                for word, share in zip(listed, held)
            ],
            hovertemplate="%{customdata[0]}<br>id %{customdata[1]}<br>probability %{customdata[2]:.6g}<br>"
            "rank %{customdata[3]:,} → %{customdata[4]:,}<extra></extra>",
        )
        for row, (word, text) in enumerate(zip(listed, written)):
            other = ranks[1 - side][word]
            gone = "" if other <= len(words[1 - side]) else f"  ({'to' if side == 0 else 'from'} #{other:,})"
            figure.add_annotation(
                x=edges[side] - sign * NAME / 2,
                y=row,
                text=f"<b>{short(names[word], longest)}</b> {verbatim.chart(text)}"
                + (f"<br>{verbatim.chart(gone.strip())}" if gone and not present else ""),
                showarrow=False,
                font={"size": size},
            )
        figure.add_annotation(
            x=edges[side] + sign * 0.5, y=-0.75, text=verbatim.chart(headings[side]), showarrow=False, font={"size": size}
        )
    for row, word in enumerate(words[0]):
        if word in words[1]:
            _arrow(figure, -GAP / 2, row, GAP / 2, words[1].index(word))
        else:
            _arrow(figure, -GAP / 2, row, -GAP / 2 + OFF, row + 0.3, gone=True)
    for row, word in enumerate(words[1]):
        if word not in words[0]:
            _arrow(figure, GAP / 2 - OFF, row + 0.3, GAP / 2, row, gone=True)
    rows = max(map(len, words))
    figure.update_xaxes(range=[edges[0] - 1.02, edges[1] + 1.02], visible=False)
    figure.update_yaxes(range=[rows - 0.4, -1.2], visible=False)
    figure.update_layout(
        **style.chart(present=present, narrow=narrow, height=style.PRESENT_HEIGHT if present else style.PICTURE_HEIGHT),
        title={"text": verbatim.chart(title), "x": 0, "xref": "paper", "font": {"size": style.type_size(present, narrow, 16)}},
        bargap=0.25,
        barmode="overlay",
        margin={"l": 10, "r": 10, "t": 36, "b": 10},
    )
    return figure


def _arrow(figure: go.Figure, x: float, y: float, to_x: float, to_y: float, *, gone: bool = False) -> None:
    """One token's way from its place before to its place after; dotted grey where one of the two is not listed."""
    moved = y != to_y and not gone
    figure.add_annotation(
        x=to_x,
        y=to_y,
        ax=x,
        ay=y,
        xref="x",
        yref="y",
        axref="x",
        ayref="y",
        text="",
        showarrow=True,
        arrowhead=2,
        arrowwidth=2 if moved else 1.2,
        arrowcolor=style.PARTS["key" if moved else "residual"],
    )
