"""A block drawn as a wire: the stream from left to right, its sublayers below, the LayerNorms where they stand."""

from collections.abc import Mapping

import plotly.graph_objects as go

from .. import verbatim
from . import style

STREAM, BELOW = 0.0, -1.25  # heights of the stream and of the sublayers
RADIUS = 0.16  # of a sum's ring, along the stream
GREY = style.PARTS["residual"]
COLOURS = {"LN": "position", "attention": "attention", "feed-forward": "feed-forward"}


def block(wiring: str, spreads: Mapping[str, str], *, title: str, height: int) -> go.Figure:
    """wiring: "pre" (LayerNorm before each sublayer), "post" (after each sum) or "none".

    spreads: what is written on the wires: "in", "norm1", "made1", "sum1", "out1", "norm2", "made2", "sum2", "out2".
    """
    lines, texts, shapes = [], [], []

    def wire(*places: tuple[float, float]) -> None:
        lines.append({"x": [x for x, _ in places], "y": [y for _, y in places]})

    def arrow(start: tuple[float, float], end: tuple[float, float]) -> None:
        refs = {"xref": "x", "yref": "y", "axref": "x", "ayref": "y"}
        head = {"arrowhead": 2, "arrowwidth": 2.5, "arrowcolor": GREY, "text": ""}
        texts.append({"x": end[0], "y": end[1], "ax": start[0], "ay": start[1], **refs, **head})

    def write(x: float, y: float, text: str, **options) -> None:
        texts.append({"x": x, "y": y, "text": text, "showarrow": False, **options})

    def box(x: float, y: float, width: float, name: str) -> None:
        line = {"color": style.PARTS[COLOURS[name]], "width": 2.5}
        place = {"x0": x - width / 2, "x1": x + width / 2, "y0": y - 0.34, "y1": y + 0.34}
        shapes.append({"type": "rect", "line": line, **place})
        write(x, y, name)

    x = 0.0
    write(x, STREAM, f"in<br><b>{verbatim.chart(spreads['in'])}</b>", xanchor="right", xshift=-6)
    for half, name in ((1, "attention"), (2, "feed-forward")):
        fork, plus = x + 0.35, x + (4.0 if wiring == "pre" else 3.1)
        arrow((x, STREAM), (plus - RADIUS, STREAM))
        wire((fork, STREAM), (fork, BELOW))
        at = fork
        if wiring == "pre":
            arrow((at, BELOW), (at + 0.45, BELOW))
            box(at + 0.75, BELOW, 0.6, "LN")
            write(at + 0.75, BELOW - 0.62, f"<b>{verbatim.chart(spreads[f'norm{half}'])}</b>")
            at += 1.05
        arrow((at, BELOW), (at + 0.45, BELOW))
        box(at + 1.15, BELOW, 1.4, name)
        at += 1.85
        write(at - 0.7, BELOW - 0.62, f"<b>{verbatim.chart(spreads[f'made{half}'])}</b>")
        wire((at, BELOW), (plus, BELOW))
        arrow((plus, BELOW), (plus, STREAM - 0.26))
        write(plus, STREAM, "<b>+</b>", font={"size": 22})
        ring = {"x0": plus - RADIUS, "x1": plus + RADIUS, "y0": -0.26, "y1": 0.26}
        shapes.append({"type": "circle", "line": {"color": GREY, "width": 2}, **ring})
        write(plus + 0.1, STREAM + 0.55, f"<b>{verbatim.chart(spreads[f'sum{half}'])}</b>")
        x = plus + RADIUS
        if wiring == "post":
            arrow((x, STREAM), (x + 0.4, STREAM))
            box(x + 0.7, STREAM, 0.6, "LN")
            write(x + 0.75, STREAM + 0.62, f"<b>{verbatim.chart(spreads[f'out{half}'])}</b>")
            x += 1.0
    arrow((x, STREAM), (x + 0.55, STREAM))
    write(x + 0.55, STREAM, f"out<br><b>{verbatim.chart(spreads['out2'])}</b>", xanchor="left", xshift=6)
    drawn = {"type": "scatter", "mode": "lines", "line": {"color": GREY, "width": 2.5}, "hoverinfo": "skip"}
    return go.Figure(
        data=[drawn | line for line in lines],
        layout={
            **style.chart(height=height),
            "annotations": texts,
            "shapes": shapes,
            "xaxis": {"visible": False, "range": [-0.75, x + 1.3], "fixedrange": True},
            "yaxis": {"visible": False, "range": [BELOW - 0.95, 0.95], "fixedrange": True},
            "title": {"text": verbatim.chart(title), "x": 0, "xref": "paper", "font": {"size": 16}},
            "margin": {"l": 4, "r": 4, "t": 34, "b": 0},
        },
    )
