"""The matrix element in a real browser: its pixels are the trace's numbers, and what is chosen is what was pointed at."""

import ast
import textwrap
from types import SimpleNamespace

import numpy as np
import pytest

from conftest import settle
from gptviz import trace
from gptviz.config import PRESETS
from gptviz.figures import style
from gptviz.model import GPT

IDS = [6109, 3626, 6100, 345]
CANVAS = "[...document.querySelectorAll('*')].map(node => node.shadowRoot?.querySelector('canvas.cells')).find(Boolean)"
SCRIPT = """
    import numpy as np
    import streamlit as st

    from gptviz import trace
    from gptviz.config import PRESETS
    from gptviz.figures.matrix import DROPPED, MASKED, Grid, Panel
    from gptviz.model import GPT
    from gptviz.ui import matrix

    st.set_page_config(layout="wide")


    @st.cache_resource
    def traced():
        return trace.run(GPT(PRESETS["tiny"]).init_weights(seed=5).requires_grad_(False).eval(), {ids})


    run = traced()
    names = ("0 Every", "1 <b>bold</b>", "2 <img src=x onerror='document.title=1'>", "3 you")
    weights = run.array("blocks.1.att.weights")[0, 1]
    future = MASKED * np.triu(np.ones(weights.shape, dtype=np.uint8), 1)
    crossed = np.zeros((4, 16), dtype=np.uint8)
    crossed[1, 4] = DROPPED
    stream = Panel(title="stream", values=run.array("drop_emb")[0], rows=names, point="drop_emb", prefix=(0,), marks=crossed)
    squares = (
        Panel(title="weights", values=weights, rows=names, columns=names, kind="weight", marks=future, pick=("head", 1),
              row_axis="query: reads", column_axis="key: is read", point="blocks.1.att.weights", prefix=(0, 1)),
        Panel(title="logits", values=run.array("logits")[0], rows=names, point="logits", prefix=(0,), column_axis="word"),
    )
    seen = st.session_state.setdefault("seen", [])
    panels = (stream, *squares) if st.query_params.get("case") != "squares" else squares
    grid = Grid(panels, per_row=2, selected=st.session_state.get("row", 3), alt="Numbers of four tokens.")


    def keep(event):
        seen.append(event)
        if isinstance(event, matrix.Row):
            st.session_state.row = event.row


    now = matrix.show(grid, key="picture", cell=("drop_emb", (0, 1, 2)), on_event=keep, present="present" in st.query_params)
    st.code(repr([list(map(repr, seen)), repr(now)]))
    st.button("next", shortcut="Right", on_click=seen.append, args=("next",))
    st.button("page", shortcut="PageDown", on_click=seen.append, args=("page",))
"""


@pytest.fixture(scope="module")
def run() -> trace.Trace:
    return trace.run(GPT(PRESETS["tiny"]).init_weights(seed=5).requires_grad_(False).eval(), IDS)


@pytest.fixture(scope="module")
def url(serve, tmp_path_factory) -> str:
    script = tmp_path_factory.mktemp("page") / "page.py"
    script.write_text(textwrap.dedent(SCRIPT).replace("{ids}", str(IDS)), encoding="utf-8")
    server = serve(script)
    yield server.url
    assert "Traceback" not in server.log.read_text()


def cells(page):
    return page.locator("canvas.cells")


def layout(page) -> list[SimpleNamespace]:
    """Where the panels are, in CSS pixels of the canvas."""
    return [SimpleNamespace(**panel) for panel in cells(page).evaluate("canvas => canvas.gptviz.panels")]


def drawn(page) -> int:
    return int(cells(page).get_attribute("data-ready"))


def pixel(page, x: float, y: float) -> tuple[int, ...]:
    """The colour of one pixel of the canvas, at CSS coordinates."""
    read = """(canvas, at) => {
        const [x, y] = at.map(place => place * devicePixelRatio)
        return Array.from(canvas.getContext("2d").getImageData(x, y, 1, 1).data)
    }"""
    return tuple(cells(page).evaluate(read, [x, y]))[:3]


def inside(panel, row: int, column: int, across: float = 0.2, down: float = 0.25) -> tuple[float, float]:
    """A point in a cell; by default off its middle, where the number is printed, and off the corner of the outlier's mark."""
    return panel.x + (column + across) * panel.w / panel.cols, panel.y + (row + down) * panel.h / panel.rows


def colour(kind: str, theme: str, value: float, low: float, high: float) -> np.ndarray:
    """The colour a scale gives a value, from the stops in figures/style."""
    stops = np.array([[int(stop[at : at + 2], 16) for at in (1, 3, 5)] for stop in style.SCALES[kind][theme]])
    at = np.clip((value - low) / (high - low), 0, 1) * (len(stops) - 1)
    return np.array([np.interp(at, range(len(stops)), stops[:, channel]) for channel in range(3)])


def near(one, other, tolerance: float = 2) -> bool:
    return bool(np.abs(np.array(one, float) - np.array(other, float)).max() <= tolerance)


def events(page) -> tuple[list[str], str]:
    settle(page)
    return ast.literal_eval(page.locator("[data-testid=stCode] code").text_content())


def click(page, x: float, y: float) -> None:
    box = cells(page).bounding_box()
    page.mouse.click(box["x"] + x, box["y"] + y)


@pytest.mark.parametrize("theme, ratio", [("light", 1), ("dark", 1), ("light", 2)])
def test_a_cell_has_the_colour_of_the_traced_number(visit, url, run, theme, ratio):
    page = visit(url, theme=theme, device_scale_factor=ratio)
    stream, weights, _ = layout(page)
    assert (stream.rows, stream.cols, weights.rows, weights.cols) == (4, 16, 4, 4)
    numbers = run.array("drop_emb")[0]
    low, high = style.robust_limits(numbers, "signed")
    for row, column in [(0, 0), (0, 15), (1, 7), (2, 9), (3, 3), (3, 15)]:
        assert near(pixel(page, *inside(stream, row, column)), colour("signed", theme, numbers[row, column], low, high))
    numbers = run.array("blocks.1.att.weights")[0, 1]
    for row, column in [(0, 0), (1, 0), (2, 1), (3, 2), (3, 3)]:
        assert near(pixel(page, *inside(weights, row, column)), colour("weight", theme, numbers[row, column], 0, 1))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_masked_cells_are_hatched_and_dropped_cells_crossed_in_colours_of_no_scale(visit, url, theme):
    page = visit(url, theme=theme)
    stream, weights, _ = layout(page)
    paper, ink = ([int(text[at : at + 2], 16) for at in (1, 3, 5)] for text in style.HIDDEN[theme])
    x, y = inside(weights, 0, 2, 0.3, 0.5)
    hatched = {pixel(page, x + n, y) for n in range(14)}
    assert any(near(seen, paper) for seen in hatched) and any(near(seen, ink) for seen in hatched)
    x, y = inside(stream, 1, 4, 0.5, 0.5)
    assert near(pixel(page, *inside(stream, 1, 4, 0.2, 0.1)), paper) and near(pixel(page, x, y), ink, 40)
    shades = [colour(kind, theme, value, 0, 1) for kind in style.SCALES for value in np.linspace(0, 1, 400)]
    assert not any(near(paper, shade) or near(ink, shade) for shade in shades)


def test_a_pixel_over_many_cells_shows_the_largest_of_them(visit, url, run):
    page = visit(url)
    strip = layout(page)[2]
    numbers = run.array("logits")[0]
    low, high = style.robust_limits(numbers, "signed")
    pixels = round(strip.w)
    for row, at in [(0, 3), (1, 150), (2, pixels - 5)]:
        covered = numbers[row, at * strip.cols // pixels : -(-(at + 1) * strip.cols // pixels)]
        largest = covered[np.abs(covered).argmax()]
        x, y = strip.x + at + 0.5, inside(strip, row, 0, 0.5, 0.5)[1]
        assert near(pixel(page, x, y), colour("signed", "light", largest, low, high))
    box = cells(page).bounding_box()
    page.mouse.move(box["x"] + x, box["y"] + y)
    told = page.locator(".tip b").text_content().replace("−", "-")
    assert float(told) == pytest.approx(largest, rel=1e-5)
    assert f"largest of up to {-(-strip.cols // pixels)} cells" in page.locator(".foot").text_content()


def test_a_click_says_which_number_before_the_page_is_drawn_again(visit, url):
    page = visit(url)
    stream, weights, _ = layout(page)
    click(page, *inside(stream, 2, 9))
    assert events(page) == [["Cell(point='drop_emb', index=(0, 2, 9))"], "Cell(point='drop_emb', index=(0, 2, 9))"]
    click(page, *inside(weights, 3, 1))
    assert events(page)[0][-1] == "Cell(point='blocks.1.att.weights', index=(0, 1, 3, 1))"
    click(page, weights.x + 30, weights.top + 8)
    assert events(page)[1] == "Pick(field='head', value=1)"
    before, at = drawn(page), inside(stream, 1, 0)
    outside = pixel(page, stream.x + stream.w + 0.5, at[1])
    click(page, stream.x - 12, at[1])
    assert events(page)[1] == "Row(row=1, axis='token')"
    assert drawn(page) == before + 1
    assert pixel(page, stream.x + stream.w + 0.5, at[1]) != outside  # the outline of the selected row


def test_the_keys_move_between_cells_and_enter_chooses(visit, url):
    page = visit(f"{url}/?case=squares")
    cells(page).focus()
    live = page.locator(".live")
    page.keyboard.press("Enter")
    assert events(page)[1].startswith("Cell(point='logits', index=(0, 3, ")
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    assert "key: is read 3 you" in live.text_content()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert "query: reads 2 <img src=x onerror='document.title=1'>, key: is read 2 <img" in live.text_content()
    page.keyboard.press("Enter")
    assert events(page)[1] == "Cell(point='blocks.1.att.weights', index=(0, 1, 2, 2))"
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert events(page)[1] == "Pick(field='head', value=1)"
    page.keyboard.press("ArrowDown")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert events(page)[1] == "Row(row=0, axis='query: reads')"
    assert "next" not in events(page)[0]
    page.keyboard.press("PageDown")
    assert events(page)[0][-1] == "'page'"
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    assert events(page)[0][-1] == "'next'"


def test_the_keys_move_between_lines_of_panels(visit, url):
    page = visit(url)
    cells(page).focus()
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    assert page.locator(".live").text_content().startswith("token 3 you, feature 0")
    page.keyboard.press("ArrowDown")
    assert page.locator(".live").text_content().startswith("token 0 Every, word 0")


def test_text_of_readers_stays_text(visit, url):
    page = visit(url)
    stream, box = layout(page)[0], cells(page).bounding_box()
    x, y = inside(stream, 2, 9)
    page.mouse.move(box["x"] + x, box["y"] + y)
    tip = page.locator(".tip")
    assert "2 <img src=x onerror='document.title=1'>" in tip.text_content() and "drop_emb[0, 2, 9]" in tip.text_content()
    assert tip.locator("img").count() == 0 and page.title() != "1"
    page.mouse.move(2, 2)
    assert tip.is_hidden()


def test_it_fits_its_place_and_follows_size_and_theme(visit, url, run):
    page = visit(url, width=1300)
    number = run.array("drop_emb")[0, 2, 9]
    low, high = style.robust_limits(run.array("drop_emb")[0], "signed")
    for width in (1300, 900, 640, 380):
        before = drawn(page) if width < 1300 else 0
        page.set_viewport_size({"width": width, "height": 768})
        page.wait_for_function(f"before => {CANVAS}.dataset.ready > before", arg=before)
        settle(page)
        wide = cells(page).bounding_box()["width"]
        for panel in layout(page):
            assert panel.x >= panel.left >= 0 and panel.x + panel.w <= wide
        assert near(pixel(page, *inside(layout(page)[0], 2, 9)), colour("signed", "light", number, low, high))
    before = drawn(page)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"before => {CANVAS}.dataset.ready > before", arg=before)
    settle(page)
    assert near(pixel(page, *inside(layout(page)[0], 2, 9)), colour("signed", "dark", number, low, high))
    assert events(page)[0] == []


def test_a_finger_can_read_and_choose(visit, url):
    page = visit(url, has_touch=True)
    stream, box = layout(page)[0], cells(page).bounding_box()
    x, y = inside(stream, 0, 5)
    page.touchscreen.tap(box["x"] + x, box["y"] + y)
    page.get_by_text("Cell(point=").first.wait_for()
    assert events(page)[1] == "Cell(point='drop_emb', index=(0, 0, 5))"
    assert "drop_emb[0, 0, 5]" in page.locator(".tip").text_content()


def test_present_mode_writes_large(visit, url):
    page = visit(f"{url}/?present=1&case=squares")
    plain = visit(f"{url}/?case=squares")
    assert layout(page)[0].y > 1.4 * layout(plain)[0].y
    assert page.locator(".foot").evaluate("node => getComputedStyle(node).fontSize") == "24px"
    assert cells(page).bounding_box()["height"] <= style.PICTURE_HEIGHT


def test_the_element_is_named_and_reachable(visit, url):
    page = visit(url)
    canvas = cells(page)
    assert canvas.get_attribute("role") == "application" and canvas.get_attribute("tabindex") == "0"
    assert canvas.get_attribute("aria-label").startswith("Numbers of four tokens.")
    assert page.locator(".live").get_attribute("aria-live") == "polite"
