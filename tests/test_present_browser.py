"""In the browser: Present mode at the sizes of projectors, and the keys of a clicker wherever the focus is."""

import pytest

from conftest import settle

ROOM = """() => {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize)
  const look = document.querySelector('p.look').getBoundingClientRect()
  const bar = document.querySelector('[data-testid=stBottom]')?.getBoundingClientRect().top ?? innerHeight
  const main = document.querySelector('[data-testid=stMain]')
  return { share: rem / innerHeight, over: look.bottom - bar, left: (bar - look.bottom) / innerHeight, scroll: main.scrollHeight - main.clientHeight }
}"""


def named(page, title: str) -> None:
    page.wait_for_function("title => document.querySelector('h1.title')?.innerText.includes(title)", arg=title, timeout=15_000)


def fits(page) -> None:
    """Nothing is under the bar, nothing scrolls, and nothing is left empty."""
    page.wait_for_function(
        f"() => {{ const r = ({ROOM})(); return r.over <= 1 && r.left < 0.06 && r.scroll < 2 }}", timeout=10_000
    )
    assert page.evaluate(ROOM)["share"] > 0.026


@pytest.mark.parametrize("width, height", [(1920, 1080), (1024, 768)])
def test_the_picture_takes_the_room_there_is(server, visit, width, height):
    page = visit(f"{server.url}/?stage=attention-weights&present=1", width, height)
    for title in ("Attention weights", "Dropout on the attention weights"):
        named(page, title)
        settle(page)
        fits(page)
        page.keyboard.press("PageDown")
    page.set_viewport_size({"width": 1280, "height": 720})
    fits(page)
    box = page.locator(".st-key-stage canvas.cells").first.bounding_box()
    assert box["width"] > 0.85 * 1280 and box["height"] > 0.35 * 720


def test_keys_go_on_wherever_the_last_click_was(server, visit):
    page = visit(f"{server.url}/?stage=attention-scores&present=1")
    cells = page.locator(".st-key-stage canvas.cells").first
    place = cells.evaluate("c => c.gptviz.panels[1]")
    scale = cells.bounding_box()["width"] / cells.evaluate("c => c.clientWidth")
    at = {"x": (place["x"] + place["w"] * 0.6) * scale, "y": (place["y"] + place["h"] * 0.9) * scale}
    cells.click(position=at)
    page.wait_for_function("location.search.includes('scaled%400%2C3%2C3%2C2')")  # the cell that was pointed at
    page.keyboard.press("Escape")
    page.wait_for_function("!location.search.includes('cell')")
    cells.click(position=at)
    page.keyboard.press("ArrowRight")
    named(page, "Causal mask")
    page.locator(".st-key-training label").first.click()
    page.wait_for_function("location.search.includes('dropout')")
    page.keyboard.press("PageDown")
    named(page, "Attention weights")
    page.keyboard.press("/")
    page.keyboard.type("b. Every day")
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('day')")
    assert page.locator("#gptviz-dark").count() == 0
    page.keyboard.press("PageUp")
    named(page, "Causal mask")
    page.keyboard.press(".")
    assert page.locator("#gptviz-dark").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("#gptviz-dark").count() == 0


def test_numbers_come_one_after_the_other(server, visit):
    page = visit(f"{server.url}/?stage=norm2&present=1&cover=1&hide=dropout,keep")
    assert not page.locator(".st-key-training").is_visible()
    for shown in range(4):
        page.get_by_text(f"{shown} of 4 shown").wait_for()
        page.keyboard.press("PageDown")
    page.locator("p.look", has_text="Predict").wait_for()
    page.keyboard.press("PageDown")
    named(page, "Expand")


def test_a_lab_has_the_same_keys(server, visit):
    page = visit(f"{server.url}/Sampling?present=1")
    named(page, "Temperature")
    fits(page)
    page.keyboard.press("PageDown")
    named(page, "Top-k and top-p")
    settle(page)
    fits(page)
    assert page.locator("p.look b").inner_text() == "Predict:" and page.get_by_role("button", name="Predict").is_visible()
    page.keyboard.press("ArrowLeft")
    named(page, "Temperature")
    assert "present=1" in page.url
