"""What is on the page can be read and seen: the colours it is drawn in against what lies behind them, on both themes."""

import re
import tomllib
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from contrast import MARK, TEXT, over, ratio
from gptviz import trace
from gptviz.figures import learning, pools, style
from gptviz.labs import index
from gptviz.labs.lab import Setting
from gptviz.labs.replay import moments
from gptviz.seen import Seen
from gptviz.stages import STAGES
from gptviz.ui import top, train
from sample_models import EFFORT, tiny

ROOT = Path(__file__).resolve().parents[1]
THEMES = {
    name: theme
    for name, theme in tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["theme"].items()
    if name in ("light", "dark")
}
FILES = (*sorted((ROOT / "gptviz/ui").rglob("*.css")), ROOT / "gptviz/canvas/js/markup.js")
SHEETS = {path.name: path.read_text(encoding="utf-8") for path in FILES} | {"Present": top.PRESENT, "Train": train.STYLE}
MIXED = {"var(--part)": tuple(style.PARTS.values()), "var(--chip)": style.TOKENS}
"""The colours that a sheet's own names stand for. They tint and edge what has its name written on it: nothing is told by them
alone, so they need not stand out."""
WITHIN = {".source i": ".source pre span.plain"}  # text that is faint inside of what is faint already


def rules(sheet: str) -> Iterator[tuple[str, str]]:
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", SHEETS[sheet]):
        yield " ".join(selectors.split()), body


# ---- text on the page


@pytest.mark.parametrize("sheet", SHEETS)
@pytest.mark.parametrize("theme", THEMES)
def test_faint_text_of_a_style_sheet_can_be_read_on_all_its_surfaces(theme, sheet):
    back, ink = THEMES[theme]["backgroundColor"], THEMES[theme]["textColor"]
    surfaces, faint = {"the page": back}, {"its text": 1.0}
    for selectors, body in rules(sheet):
        for colour, share in re.findall(r"background: color-mix\(in srgb, (\S+) (\d+)%", body):
            for one in MIXED.get(colour, (colour if colour.startswith("#") else ink,)):
                surfaces[f"{selectors} {one}"] = over(one, back, int(share) / 100)
        for share in re.findall(r"(?<![\w-])opacity: ([\d.]+)", body):
            if ":disabled" not in selectors:  # what cannot be used need not be read
                faint[selectors] = float(share)
    for text, around in WITHIN.items():
        if text in faint:
            faint[text] *= faint[around]
    for (where, surface), (what, share) in product(surfaces.items(), faint.items()):
        found = ratio(over(ink, surface, share), surface)
        assert found >= TEXT, f"{what} on {where} has {found:.2f}:1"


@pytest.mark.parametrize("theme", THEMES)
def test_streamlits_own_text_and_controls_can_be_read_in_these_themes(theme):
    colours = THEMES[theme]
    back, ink, primary = colours["backgroundColor"], colours["textColor"], colours["primaryColor"]
    assert ratio(ink, back) >= 7 and ratio(ink, colours["secondaryBackgroundColor"]) >= 7
    assert ratio(over(ink, back, 0.6), back) >= TEXT, "captions, which it prints at 60 %"
    assert ratio(primary, back) >= MARK, "sliders, switches, what has the focus"
    assert ratio(primary, over(primary, back, 0.1)) >= TEXT, (
        "the chosen one of several, which it prints on a tenth of the colour"
    )
    given = {
        selectors: dict(zip(("light", "dark"), pair))[theme]
        for selectors, body in rules("page.css")
        for pair in re.findall(r"(?<!-)color: light-dark\((#\w{6}), (#\w{6})\)", body)
    }
    buttons, code = (
        [colour for name, colour in given.items() if "primary" in name],
        [colour for name, colour in given.items() if ".token" in name],
    )
    assert len(buttons) == 1 and ratio(buttons[0], primary) >= TEXT, "the buttons to press next"
    assert len(code) == 2 and all(ratio(colour, colours["secondaryBackgroundColor"]) >= TEXT for colour in code), "code"


# ---- marks


@pytest.mark.parametrize("theme", THEMES)
def test_the_colours_of_parts_and_tokens_can_be_seen_as_lines_and_dots(theme):
    back = THEMES[theme]["backgroundColor"]
    for colour in {*style.PARTS.values(), *style.TOKENS}:
        assert ratio(style.DEEPER[theme].get(colour, colour), back) >= MARK, colour
    assert style.INK[theme][0] == THEMES[theme]["textColor"]


@pytest.mark.parametrize("theme", THEMES)
def test_hatches_and_crosses_can_be_seen(theme):
    paper, ink = style.HIDDEN[theme]
    assert ratio(ink, paper) >= MARK


def test_dark_type_can_be_read_on_the_pale_surfaces_of_charts():
    for ink, papers in (
        (style.TYPE, (*style.PAPERS, pools.FIRST)),
        (style.TYPE, (style.READ, style.NEXT)),
        (style.TYPE, style.RISE),
    ):
        assert all(ratio(ink, paper) >= TEXT for paper in papers)


def contrast(colour: str, back: str, share: float = 1.0) -> float:
    """Of a chart's colour, "#RRGGBB" or "rgba(r, g, b, alpha)", drawn with this opacity."""
    if colour.startswith("rgba("):
        *channels, alpha = colour[5:-1].split(",")
        colour, share = "#" + "".join(f"{int(one):02X}" for one in channels), share * float(alpha)
    return ratio(over(colour, back, share), back)


def each(*values) -> Iterator[tuple]:
    """What belongs together of values that are given once for all or one for each."""
    lists = [list(value) if isinstance(value, list | tuple | np.ndarray) else None for value in values]
    for n in range(max((len(one) for one in lists if one is not None), default=1)):
        yield tuple(value if one is None else one[n] for value, one in zip(values, lists))


def faint(figure: go.Figure, back: str) -> Iterator[str]:
    """The marks of a chart that are under 3:1, unless an edge shows where they are.

    Left out: the cells of heat maps, whose scales begin at the paper and whose numbers are written or under the pointer; areas of
    treemaps, which have their names written on them; grid lines.
    """
    for one in figure.data:
        share = 1.0 if one.opacity is None else one.opacity
        if one.type in ("heatmap", "treemap"):
            continue
        mode = "bar" if one.type == "bar" else one.mode or "lines"
        lined = "lines" in mode and contrast(one.line.color, back, share) >= MARK
        if "lines" in mode and not lined:
            yield f"line of {one.name}: {one.line.color}"
        if one.type != "bar" and one.fill and not lined:
            yield f"area of {one.name}: {one.fillcolor}"
        if mode != "bar" and "markers" not in mode:
            continue
        own = one.marker.color if one.marker.color is not None or mode == "bar" else one.line.color
        for colour, opacity, width, edge in each(own, one.marker.opacity, one.marker.line.width, one.marker.line.color):
            drawn = [colour] if colour else []
            drawn += [edge] if edge and width and width >= 1 else []
            if not any(contrast(mark, back, share * (1.0 if opacity is None else opacity)) >= MARK for mark in drawn):
                yield f"{mode} of {one.name}: {drawn}, opacity {share} x {opacity}"
        if getattr(one, "insidetextfont", None) and one.insidetextfont.color:
            for fill, place in each(own, one.textposition):
                if place == "inside" and ratio(one.insidetextfont.color, fill) < TEXT:
                    yield f"text in {one.name}: {one.insidetextfont.color} on {fill}"
    for shape in figure.layout.shapes:
        share = 1.0 if shape.opacity is None else shape.opacity
        colour = shape.fillcolor if shape.line.width == 0 else shape.line.color
        if contrast(colour, back, share) < MARK:
            yield f"{shape.type}: {colour}, opacity {share}"
    for note in figure.layout.annotations:
        signs = re.findall(r"<span style='color:(#\w{6})'>", note.text or "")
        arrow = [note.arrowcolor] if note.showarrow is not False and note.arrowcolor else []
        if any(contrast(mark, back) < MARK for mark in (*signs, *arrow)):
            yield f"sign or arrow of {note.text}"


def assert_seen(pictures, where: str) -> None:
    for picture, (theme, colours) in product(pictures, THEMES.items()):
        if isinstance(picture, go.Figure):
            found = list(faint(style.themed(picture, theme), colours["backgroundColor"]))
            assert not found, f"{where}, {theme}: {found[:5]}"


def test_the_marks_of_every_stages_chart_can_be_seen():
    seen = Seen(trace.run(tiny(), EFFORT), text="Every effort moves you")
    for stage in STAGES:
        assert_seen([stage.picture(seen)], stage.key)


@pytest.mark.parametrize("lab", index.LABS.values(), ids=lambda lab: lab.key)
def test_the_marks_of_every_labs_charts_can_be_seen(lab, monkeypatch):
    monkeypatch.setattr(moments, "at", lambda setting, step: setting)  # the same colours at each step of a training
    for one in lab.experiments:
        bare = Setting(tiny(), tuple(EFFORT), {}, "Every effort moves you", model_key="tiny")
        values = {control.name: control.start() for control in one.controls_for(bare)}
        if one.key == "fan":
            values["passes"] = 5
        assert_seen(one.pictures(Setting(bare.model, bare.ids, values, bare.text, model_key="tiny")), f"{lab.key} {one.key}")


@pytest.mark.parametrize("theme", THEMES)
def test_the_lines_of_a_running_training_can_be_seen(theme):
    drawn = learning.losses(
        [1.0, 2.0],
        [9.0, 8.0],
        [learning.Measured(1, 1.0, 9.0)],
        levels=(learning.Level("even guess", 10.8),),
        whole=10,
        alt="",
    )
    colours = set(re.findall(r"(?:stroke|fill)='(#\w{6})'", drawn))
    assert len(colours) == 3 and all(ratio(colour, THEMES[theme]["backgroundColor"]) >= MARK for colour in colours)


# ---- the measure itself


@pytest.mark.parametrize(
    ("colour", "back", "expected"), [("#000000", "#FFFFFF", 21), ("#777777", "#FFFFFF", 4.478), ("#56B4E9", "#FFFFFF", 2.307)]
)
def test_contrast_is_measured_as_the_standard_says(colour, back, expected):
    assert ratio(colour, back) == ratio(back, colour) == pytest.approx(expected, abs=0.001)
    assert over("#FFFFFF", "#000000", 0.5) == "#808080"


@pytest.mark.parametrize("width", [0, 1])
def test_a_faint_mark_is_found_unless_it_has_an_edge(width):
    chart = go.Figure(
        go.Bar(x=[1], y=[1], name="pale", marker={"color": "#F0E442", "line": {"color": "#000000", "width": width}})
    )
    assert list(faint(chart, "#FFFFFF")) == ([] if width else ["bar of pale: ['#F0E442'], opacity 1.0 x None"])


def test_what_a_reader_typed_is_never_recoloured():
    typed = "&lt;span style='color:#F0E442'&gt; #F0E442"
    chart = go.Figure(go.Scatter(x=[1], y=[1], name="#F0E442", text=[typed], mode="text", line={"color": "#F0E442"}))
    chart.add_annotation(text=f"<span style='color:#F0E442'>●</span> {typed}")
    made = style.themed(chart, "light")
    assert made.layout.annotations[0].text == f"<span style='color:{style.DEEPER['light']['#F0E442']}'>●</span> {typed}"
    assert (made.data[0].text[0], made.data[0].name) == (typed, "#F0E442")
    assert (
        made.data[0].line.color == style.DEEPER["light"]["#F0E442"]
        and style.themed(chart, "dark").data[0].line.color == "#F0E442"
    )
