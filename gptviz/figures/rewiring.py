"""A block drawn as a wire: the stream from left to right, its sublayers below, the LayerNorms where they stand."""

from collections.abc import Mapping

import plotly.graph_objects as go

from . import style

STREAM, BELOW = 0.0, -1.25  # heights of the stream and of the sublayers
COLOURS = {"LN": "position", "attention": "attention", "feed-forward": "feed-forward"}


def block(wiring: str, spreads: Mapping[str, str], *, title: str, height: int) -> go.Figure:
    """wiring: "pre" (LayerNorm before each sublayer), "post" (after each sum) or "none".

    spreads: what is written on the wires: "in", "norm1", "made1", "sum1", "out1", "norm2", "made2", "sum2", "out2".
    """
    figure = go.Figure()
    x = 0.0
    figure.add_annotation(x=x, y=STREAM, text=f"in<br><b>{spreads['in']}</b>", showarrow=False, xanchor="right", xshift=-6)
    for half, name in ((1, "attention"), (2, "feed-forward")):
        fork, plus = x + 0.35, x + (4.0 if wiring == "pre" else 3.1)
        _arrow(figure, (x, STREAM), (plus - 0.16, STREAM))
        _wire(figure, [(fork, STREAM), (fork, BELOW)])
        at = fork
        if wiring == "pre":
            _arrow(figure, (at, BELOW), (at + 0.45, BELOW))
            _box(figure, at + 0.75, BELOW, 0.6, "LN")
            _written(figure, at + 0.75, BELOW - 0.62, spreads[f"norm{half}"])
            at += 1.05
        _arrow(figure, (at, BELOW), (at + 0.45, BELOW))
        _box(figure, at + 1.15, BELOW, 1.4, name)
        at += 1.85
        _written(figure, at - 0.7, BELOW - 0.62, spreads[f"made{half}"])
        _wire(figure, [(at, BELOW), (plus, BELOW)])
        _arrow(figure, (plus, BELOW), (plus, STREAM - 0.26))
        figure.add_annotation(x=plus, y=STREAM, text="<b>+</b>", showarrow=False, font={"size": 22})
        figure.add_shape(
            type="circle",
            x0=plus - 0.16,
            x1=plus + 0.16,
            y0=-0.26,
            y1=0.26,
            line={"color": style.PARTS["residual"], "width": 2},
        )
        _written(figure, plus + 0.1, STREAM + 0.55, spreads[f"sum{half}"])
        x = plus + 0.16
        if wiring == "post":
            _arrow(figure, (x, STREAM), (x + 0.4, STREAM))
            _box(figure, x + 0.7, STREAM, 0.6, "LN")
            _written(figure, x + 0.75, STREAM + 0.62, spreads[f"out{half}"])
            x += 1.0
    _arrow(figure, (x, STREAM), (x + 0.55, STREAM))
    figure.add_annotation(
        x=x + 0.55, y=STREAM, text=f"out<br><b>{spreads['out2']}</b>", showarrow=False, xanchor="left", xshift=6
    )
    figure.update_xaxes(visible=False, range=[-0.75, x + 1.3], fixedrange=True)
    figure.update_yaxes(visible=False, range=[BELOW - 0.95, 0.95], fixedrange=True)
    figure.update_layout(
        **style.chart(height=height),
        title={"text": title, "x": 0, "xref": "paper", "font": {"size": 16}},
        margin={"l": 4, "r": 4, "t": 34, "b": 0},
    )
    return figure


def _wire(figure: go.Figure, places: list[tuple[float, float]]) -> None:
    figure.add_scatter(
        x=[x for x, _ in places],
        y=[y for _, y in places],
        mode="lines",
        line={"color": style.PARTS["residual"], "width": 2.5},
        hoverinfo="skip",
    )


def _arrow(figure: go.Figure, start: tuple[float, float], end: tuple[float, float]) -> None:
    figure.add_annotation(
        x=end[0],
        y=end[1],
        ax=start[0],
        ay=start[1],
        xref="x",
        yref="y",
        axref="x",
        ayref="y",
        arrowhead=2,
        arrowwidth=2.5,
        arrowcolor=style.PARTS["residual"],
        text="",
    )


def _box(figure: go.Figure, x: float, y: float, width: float, name: str) -> None:
    colour = style.PARTS[COLOURS[name]]
    figure.add_shape(
        type="rect", x0=x - width / 2, x1=x + width / 2, y0=y - 0.34, y1=y + 0.34, line={"color": colour, "width": 2.5}
    )
    figure.add_annotation(x=x, y=y, text=name, showarrow=False)


def _written(figure: go.Figure, x: float, y: float, text: str) -> None:
    figure.add_annotation(x=x, y=y, text=f"<b>{text}</b>", showarrow=False)
