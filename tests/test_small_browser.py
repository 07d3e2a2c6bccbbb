"""On a telephone, upright and lying, and on a small window enlarged: picture and Next on the first screen, nothing sideways."""

import pytest

from accessible import assert_accessible
from test_walk_browser import chosen, url

SIZES = ((390, 844), (360, 640), (683, 384), (844, 390))
SEEN = """() => {
    const deep = node => [...node.querySelectorAll('*')].flatMap(one => [one, ...(one.shadowRoot ? deep(one.shadowRoot) : [])])
    const picture = deep(document.querySelector('.st-key-stage')).find(one => one.matches('canvas.cells, .js-plotly-plot'))
    const bar = document.querySelector('[data-testid=stBottomBlockContainer]')
    const box = picture.getBoundingClientRect(), next = document.querySelector('.st-key-next button')?.getBoundingClientRect()
    const main = document.querySelector('[data-testid=stMain]')
    return {
        shown: Math.min(box.bottom, bar?.getBoundingClientRect().top ?? innerHeight) - box.top,
        above: box.top, wide: Math.max(document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth),
        inside: box.left >= 0 && box.right <= innerWidth,
        next: !next || (next.bottom <= innerHeight && next.right <= innerWidth && next.height >= 36),
    }
}"""


@pytest.fixture
def phone(visit):
    return lambda address: visit(address, *SIZES[0], has_touch=True, is_mobile=True, device_scale_factor=2)


@pytest.mark.parametrize(("address", "sizes"), [("/?stage=attention-weights", SIZES), ("/Dropout?view=counts", SIZES[1::2])])
def test_picture_and_next_are_on_the_first_screen(server, phone, address, sizes):
    page = phone(server.url + address)
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function("size => innerWidth === size[0] && innerHeight === size[1]", arg=[width, height])
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        seen = page.evaluate(SEEN)
        assert seen["wide"] <= 0 and seen["inside"] and seen["next"], (width, height, seen)
        assert seen["above"] >= 0 and seen["shown"] >= 0.38 * height, (width, height, seen)


def test_menus_hold_what_a_small_screen_has_no_room_for(server, phone):
    page = phone(url(server, stage="attention-weights"))
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.st-key-top textarea')).fontSize)") >= 16
    model, block = page.locator(".st-key-model"), page.locator(".st-key-block")
    strip = page.locator(".map")
    assert not model.is_visible() and not block.is_visible()
    assert page.evaluate("map => map.scrollWidth > map.clientWidth", strip.element_handle())
    assert page.locator(".map .lit").bounding_box()["x"] > 0, "the lit step is in sight"
    page.get_by_text("Menu", exact=True).tap()
    assert model.is_visible() and not block.is_visible()
    page.get_by_text("Menu", exact=True).tap()
    page.get_by_text("More", exact=True).focus()
    page.keyboard.press("Enter")
    assert block.is_visible() and not model.is_visible()
    assert_accessible(page, colours=False)
    page.locator(".st-key-next button").tap()
    page.wait_for_function("location.search.includes('weight-dropout')")


def test_a_finger_sees_small_cells_larger_and_chooses_by_letting_go(server, phone):
    page = phone(url(server, stage="input-embedding"))
    cells = page.locator(".st-key-stage canvas.cells").first
    box = cells.bounding_box()
    panel = cells.evaluate("canvas => canvas.gptviz.panels[0]")
    touch = page.context.new_cdp_session(page)
    x, y = box["x"] + panel["x"] + panel["w"] / 2, box["y"] + panel["y"] + panel["h"] / 2

    def send(kind: str, *points: dict) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    send("touchStart", {"x": x, "y": y})
    send("touchMove", {"x": x + 25, "y": y})
    send("touchMove", {"x": x + 40, "y": y})
    lens = page.locator(".tip canvas").first
    lens.wait_for()
    tip = page.locator(".tip").first.bounding_box()
    assert tip["y"] + tip["height"] < y - 20, "it stands above the finger"
    assert tip["x"] >= 0 and tip["x"] + tip["width"] <= 390
    send("touchEnd")
    page.wait_for_function("location.search.includes('cell=')")
    assert chosen(page)["cell"].startswith("tok_emb@0,")


def test_the_table_of_a_picture_is_one_key_away_and_the_whole_walk_can_be_read(server, phone):
    page = phone(url(server, stage="attention-weights"))
    page.locator(".st-key-stage canvas.cells").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "The picture as a table"
    table = page.locator("details.beneath table").first
    assert not table.is_visible()
    page.keyboard.press("Enter")
    table.wait_for()
    assert page.get_by_role("columnheader", name="key: is read").first.is_visible()
    assert page.get_by_role("row", name="3 ·you").first.is_visible()
    assert_accessible(page)
    page.goto(url(server, read=1))
    page.get_by_role("heading", name="27 of 27: Append and repeat").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page, colours=False)


def test_with_forced_colours_the_lit_step_is_outlined(server, phone):
    page = phone(url(server, stage="attention-weights"))
    page.emulate_media(forced_colors="active")
    assert page.locator(".map .lit").evaluate("box => getComputedStyle(box).outlineStyle") == "solid"
