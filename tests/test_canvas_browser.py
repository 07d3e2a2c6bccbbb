"""The canvas on a page of its own: one file, no server, and a click comes back as the number it was on."""

import base64
from dataclasses import replace

import numpy as np
import pytest

from gptviz import canvas
from gptviz.canvas import grid, strips
from gptviz.figures.matrix import Grid, Panel
from gptviz.figures.strips import DropoutStrips

PAGE = """<!doctype html>
<meta charset="utf-8">
<div id="picture" style="width: 800px"></div>
<script type="module">
{source}
const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0))
window.events = []
window.show = text => (window.takeAway = draw(document.getElementById("picture"), bytes(text), event => events.push(event)))
</script>
"""
NAMES = ("0 one", "1 two", "2 three")
NUMBERS = np.array([[0.5, -1.25, 3], [2, 0.125, -4], [-0.75, 1, 1.5]], np.float32)
CELLS = Grid(
    (Panel("sums", NUMBERS, NAMES, NAMES, point="blocks.2.att.scores", prefix=(0, 4), pick=("head", 4)),), alt="Nine sums."
)
SLIDER = DropoutStrips("before", NUMBERS, np.full((3, 3), 0.4, np.float32), NAMES, p=0.5, limits=(-4.0, 4.0), chosen=(0, 0))


@pytest.fixture
def page(chromium, tmp_path):
    file = tmp_path / "picture.html"
    file.write_text(PAGE.replace("{source}", canvas.source()), encoding="utf-8")
    page, problems = chromium.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(file.as_uri())
    yield page
    page.close()
    assert not problems


def show(page, data: bytes) -> None:
    page.evaluate("text => { show(text) }", base64.b64encode(data).decode())


def cell(page, row: int, column: int) -> dict[str, float]:
    """A place in a cell of the first panel, off its middle, where the number is printed."""
    panel = page.locator("canvas.cells").evaluate("cells => cells.gptviz.panels[0]")
    return {
        "x": panel["x"] + (column + 0.2) * panel["w"] / panel["cols"],
        "y": panel["y"] + (row + 0.2) * panel["h"] / panel["rows"],
    }


def test_a_click_in_a_file_says_which_number(page):
    show(page, grid.payload(CELLS))
    cells = page.locator("canvas.cells")
    assert cells.get_attribute("aria-label").startswith("Nine sums.")
    cells.click(position=cell(page, 1, 2))
    assert page.evaluate("events") == [{"kind": "cell", "point": "blocks.2.att.scores", "index": [0, 4, 1, 2]}]
    (event,) = page.evaluate("events")
    assert (event["point"], tuple(event["index"])) == CELLS.main.cell(1, 2)
    assert (
        page.locator(".tip b").inner_text() == "−4" and "blocks.2.att.scores[0, 4, 1, 2]" in page.locator(".tip").inner_text()
    )
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert page.evaluate("events[1].index") == [0, 4, 1, 1]


def test_a_small_map_tells_the_names_it_has_no_room_for(page):
    told = (("query: reads", NAMES), ("key: is read", NAMES))
    small = replace(CELLS.panels[0], rows=("",) * 3, columns=("",) * 3, row_axis="", column_axis="", told=told)
    show(page, grid.payload(replace(CELLS, panels=(small,))))
    page.locator("canvas.cells").hover(position=cell(page, 1, 2))
    said = page.locator(".tip").inner_text()
    assert "query: reads" in said and "1 two" in said and "key: is read" in said and "2 three" in said
    assert "row" not in said and "column" not in said


def test_other_bytes_change_the_picture_where_it_is(page):
    show(page, grid.payload(CELLS))
    cells = page.locator("canvas.cells")
    cells.evaluate("cells => { cells.known = true }")
    before = cells.evaluate("cells => cells.toDataURL()")
    show(page, grid.payload(replace(CELLS, panels=(replace(CELLS.main, values=-NUMBERS),))))
    assert cells.evaluate("cells => cells.known") and cells.evaluate("cells => cells.toDataURL()") != before
    show(page, strips.payload(SLIDER))
    assert cells.count() == 0
    page.locator("input").press("Home")
    page.wait_for_function("events.length")
    assert page.evaluate("events") == [0] and page.locator(".rate").inner_text() == "p = 0.00"
    assert page.locator(".sum").inner_text().startswith("0 one, feature 0: 0.5 × 1 / (1 − 0.00)")
    page.evaluate("takeAway()")
    assert page.locator("canvas").count() == 0


@pytest.mark.parametrize("paper, ink", [("#ffffff", "#1b2027"), ("#14181f", "#e8ebef")])
def test_it_wears_the_colours_of_its_page(page, paper, ink):
    page.add_style_tag(content=f":root {{ --st-background-color: {paper}; --st-text-color: {ink} }}")
    show(page, grid.payload(CELLS))
    cells = page.locator("canvas.cells")
    title = cells.evaluate("cells => Array.from(cells.getContext('2d').getImageData(0, 0, cells.width, 24).data)")
    seen = {tuple(title[at : at + 3]) for at in range(0, len(title), 4) if title[at + 3] == 255}
    assert tuple(bytes.fromhex(ink[1:])) in seen
    page.locator("canvas.cells").hover(position=cell(page, 0, 0))
    assert (
        page.locator(".tip").evaluate("tip => getComputedStyle(tip).backgroundColor") == f"rgb{tuple(bytes.fromhex(paper[1:]))}"
    )


@pytest.mark.parametrize("to_scale", [True, False])
def test_strips_are_drawn_as_wide_as_they_have_columns(page, to_scale):
    narrow, wide = (
        Panel(f"{count} numbers", np.ones((2, count), np.float32), NAMES[:2], printed=False) for count in (256, 1024)
    )
    show(page, grid.payload(Grid((narrow, wide), to_scale=to_scale, alt="Four times as wide.")))
    widths = page.locator("canvas.cells").evaluate("cells => cells.gptviz.panels.map(panel => panel.w)")
    assert widths[0] / widths[1] == pytest.approx(0.25 if to_scale else 1, abs=0.01)
