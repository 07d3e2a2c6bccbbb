"""The only place with colours and sizes."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import plotly.graph_objects as go

from .. import verbatim

PARTS: Mapping[str, str] = MappingProxyType(
    {
        "token": "#0072B2",
        "position": "#E69F00",
        "query": "#56B4E9",
        "key": "#D55E00",
        "value": "#009E73",
        "feed-forward": "#CC79A7",
        "output": "#F0E442",
        "residual": "#8A8F98",
        "attention": "#5B6BBF",
    }
)
"""Okabe-Ito colours of the parts of the model (Okabe and Ito 2008), with a neutral grey for the residual stream and an
indigo for what belongs to attention as a whole. The same colour in map, prose, picture and formula."""

TOKENS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8A8F98")
"""Line colours for tokens, in order, repeating."""

SCALES: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        # 0..1 weights: paper to ink in one hue
        "weight": {
            "light": ("#FFFFFF", "#C9DDF0", "#7FB0D9", "#2E75B6", "#08306B"),
            "dark": ("#14181F", "#1B3A5C", "#2C6AA8", "#6FAEE0", "#DCEEFF"),
        },
        # signed values: blue, paper, orange, centred at 0
        "signed": {
            "light": ("#084C8D", "#6BAED6", "#F7F7F5", "#F0A45D", "#A6480A"),
            "dark": ("#8CC8F5", "#2F6F9F", "#1A1E26", "#A8622A", "#FFB566"),
        },
    }
)
"""Colour stops from the low to the high limit of a scale, evenly spaced."""

HIDDEN: Mapping[str, tuple[str, str]] = MappingProxyType({"light": ("#EEECE8", "#8A847B"), "dark": ("#2A2E35", "#727B89")})
"""Paper and ink of cells without a number to read: hatched when masked, crossed when dropped. No scale has these colours."""

GRID = "rgba(138,143,152,0.25)"  # lines behind a chart, on any page
CLEAR = "rgba(0,0,0,0)"
TYPE = "#1B2027"  # type on a coloured area, whatever the page's theme; it can be read on each of these
PAPERS = ("#D9DCE1", "#B9BEC6")  # neighbouring areas that belong to no part; the first also stands between coloured areas
RISE = ("#FFFCE0", "#E9DB2B")  # the output's colour, from pale to full
READ, NEXT = "#B9D9EC", PARTS["output"]  # what a window reads, and what it has to predict

PRINTED = 12  # cells carry their value up to this many rows and columns
PRESENTED = (4, 8)  # rows and columns with numbers that Present mode shows at a time
PICTURE_HEIGHT = 430  # pixels; a picture is never taller than this at 1366 x 768
PRESENT_HEIGHT = 395  # the same in Present mode, where title and words are larger
OVERVIEW_HEIGHT = 150  # pixels of one line of small pictures under a picture
OVERVIEW_ACROSS = 12  # small pictures beside each other
OVERVIEW_NAMED = 8  # so many of them have room for the word "head" in their title
OVERVIEW_TOKENS = 96  # rows and columns a small picture draws
CHART_FONT = 13  # pixels, in Plotly charts
PRESENT_FONT = 24  # the same in Present mode
NARROW = 0.8  # of it, where two pictures share the width
FONT = "Source Sans, Source Sans Pro, sans-serif"


def token_colour(index: int) -> str:
    return TOKENS[index % len(TOKENS)]


def robust_limits(values: np.ndarray, kind: str) -> tuple[float, float]:
    """Colour limits: 0..1 for weights; for signed values symmetric about 0, at the 1st and 99th percentile of the
    finite values (a few huge numbers would otherwise make everything else look like 0)."""
    if kind == "weight":
        return 0.0, 1.0
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return -1.0, 1.0
    low, high = np.percentile(finite, [1, 99])
    reach = float(max(abs(low), abs(high))) or float(np.abs(finite).max()) or 1.0
    return -reach, reach


def type_size(present: bool, narrow: bool = False, study: int = CHART_FONT) -> int:
    """Pixels of a chart's type: for a projector, beside another picture there, or for one reader."""
    return round(PRESENT_FONT * (NARROW if narrow else 1)) if present else study


def chart(*, present: bool = False, narrow: bool = False, height: int = PICTURE_HEIGHT) -> dict:
    """Layout every Plotly chart shares: no paper of its own, so that light and dark show through, and type that can be read."""
    return {
        "height": height,
        "font": {"size": type_size(present, narrow), "family": FONT},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
    }


def title(text: str) -> dict:
    """A chart's title at its top left, with nothing the chart would take for markup."""
    return {"text": verbatim.chart(text), "x": 0, "xref": "container", "y": 0.985, "yanchor": "top", "font": {"size": 16}}


LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "itemclick": False, "itemdoubleclick": False}
"""A legend above the chart, whose entries cannot be switched off by accident."""

INK = MappingProxyType({"light": ("#171B21", "#D3D7DD"), "dark": ("#E8EBEF", "#3A424E")})
"""Text and grid lines of a chart on each theme: text at well over 4.5:1 on its background."""

DEEPER: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"light": {"#E69F00": "#BF8400", "#56B4E9": "#2596DB", "#F0E442": "#A39300"}, "dark": {}}
)
"""For the colours that are under 3:1 on a page of that theme: the same hue, darker, for what is a line, a dot or an edge."""


def faint(colour: str, share: float) -> str:
    """A colour for a surface behind other marks, which has an edge in the full colour."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share:g})"


def themed(figure: go.Figure, theme: str) -> go.Figure:
    """The same chart with text and grid lines that can be read, and marks that can be seen, on a "light" or a "dark" page."""
    text, lines = INK[theme]
    axis = {
        "gridcolor": lines,
        "zerolinecolor": lines,
        "linecolor": lines,
        "tickfont": {"color": text},
        "title": {"font": {"color": text}},
    }
    template = go.layout.Template(
        layout={
            "font": {"color": text},
            "xaxis": axis,
            "yaxis": axis,
            "scene": {f"{letter}axis": axis | {"showbackground": False} for letter in "xyz"},
            "annotationdefaults": {"font": {"color": text}},
        }
    )
    drawn = figure.to_plotly_json()
    touching = drawn["layout"].get("bargap") == 0
    data = [_trace(trace, DEEPER[theme], touching) for trace in drawn["data"]]
    return go.Figure({"data": data, "layout": _deeper(drawn["layout"], DEEPER[theme])}).update_layout(template=template)


def _trace(trace: dict, colours: Mapping[str, str], touching: bool) -> dict:
    """A trace that can be seen: surfaces keep their colour and get an edge in the deeper one, all else is drawn in it. touching:
    the bars have no room for edges."""
    if trace["type"] == "treemap":
        return trace  # areas with their names in them
    if trace["type"] == "bar" and not touching:
        marker, fill = trace["marker"], trace["marker"]["color"]
        if np.any(marker.get("line", {}).get("width", 0)):
            return trace
        width = int(fill in colours) if isinstance(fill, str) else [int(one in colours) for one in fill]
        return trace | {"marker": marker | {"line": {"color": _deeper(fill, colours, "color"), "width": width}}}
    return _deeper(trace, colours, kept=("fillcolor",))


def _deeper(part: Any, colours: Mapping[str, str], name: str = "", kept: Sequence[str] = ()) -> Any:
    """A part of a chart's JSON, called `name`, in the deeper colours wherever it names a colour."""
    if isinstance(part, dict):
        return {key: value if key in kept else _deeper(value, colours, key, kept) for key, value in part.items()}
    if name.endswith("color"):
        return colours.get(part, part) if isinstance(part, str) else [_deeper(one, colours, name) for one in part]
    if name == "text" and isinstance(part, str):  # only what a chart writes itself has tags: a reader's own are escaped
        return re.sub(r"(?<=<span style='color:)#\w{6}(?='>)", lambda sign: colours.get(sign[0], sign[0]), part)
    if name in ("shapes", "annotations"):
        return [_deeper(one, colours) for one in part]
    return part
