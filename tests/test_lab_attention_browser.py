"""The attention lab in a real browser: every control, clicks on heads and columns, and the numbers they lead to."""

from dataclasses import replace
from urllib.parse import parse_qs, quote, urlparse

from conftest import settle
from gptviz import tokenizer
from gptviz.labs.attention.lab import LAB
from gptviz.labs.lab import Setting
from sample_models import mini

TEXT = "Every effort moves you"


def at(server, **params) -> str:
    return f"{server.url}/Attention?" + "&".join(f"{name}={quote(str(value))}" for name, value in params.items())


def caption(key: str, /, text: str = TEXT, **values) -> str:
    """The "look for" line of these values, computed here."""
    plain = Setting(mini(), tuple(tokenizer.encode(text)), {}, text=text)
    experiment = LAB.find(key)
    starts = {control.name: control.start() for control in experiment.controls_for(plain)}
    return experiment.caption(replace(plain, values=starts | values))


def address(page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def says(page, wanted: str) -> None:
    """Wait until the caption on the page is the wanted one."""
    page.wait_for_function(
        "wanted => document.querySelector('.look')?.innerText.replace('Look for: ', '') === wanted", arg=wanted, timeout=20_000
    )
    settle(page)


def choose(page, label: str, option: str) -> None:
    """Type an option of the choice of that label, and take it."""
    place = page.locator("[data-testid=stSelectbox]").filter(has=page.get_by_text(label, exact=True))
    place.get_by_role("combobox").fill(option)
    page.get_by_role("option", name=option, exact=True).click()


def switch(page, label: str) -> None:
    page.get_by_role("switch", name=label).or_(page.get_by_role("checkbox", name=label)).focus()
    page.keyboard.press("Space")


def canvas(page):
    return page.locator(".st-key-stage canvas.cells").first


def pixels(page) -> str:
    return canvas(page).evaluate("c => c.toDataURL()")


def click(page, panel: int, row: float, column: float) -> None:
    """Click the cell at this (row, column) of a panel of the first picture."""
    here = canvas(page).evaluate("(c, n) => c.gptviz.panels[n]", panel)
    box = canvas(page).bounding_box()
    page.mouse.click(
        box["x"] + here["x"] + here["w"] * (column + 0.5) / here["cols"],
        box["y"] + here["y"] + here["h"] * (row + 0.5) / here["rows"],
    )


def whole(page) -> None:
    assert page.locator("[data-testid=stException], [data-testid=stAlert]").count() == 0
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")


def test_a_click_on_a_small_map_opens_that_head(server, visit):
    page = visit(at(server))
    says(page, caption("atlas"))
    before = pixels(page)
    click(page, 0, row=2 * 5 + 2, column=4 * 5 + 1)  # tiles of 4 x 4 and a gap: block 3, head 5
    says(page, caption("atlas", head="3.5"))
    assert address(page) == {"head": "3.5"} and pixels(page) != before
    canvas(page).focus()
    page.keyboard.press("ArrowRight")  # stays in the opened head, beside the small maps
    choose(page, "Rank heads by", "first token")
    says(page, caption("atlas", head="3.5", rank="first"))
    choose(page, "Head", "block 3, head 6")
    says(page, caption("atlas", head="3.6", rank="first"))
    whole(page)


def test_a_tile_is_chosen_by_keys_too(server, visit):
    page = visit(at(server, head="1.8"), theme="dark")
    canvas(page).focus()
    live = page.locator(".live").first
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
        if "block" in live.text_content():
            break
    assert "head 8" in live.text_content()
    for _ in range(5):  # over the gap, into the next block
        page.keyboard.press("ArrowDown")
    assert "block 2, head 8" in live.text_content()
    page.keyboard.press("Enter")
    says(page, caption("atlas", head="2.8"))
    whole(page)


def test_the_small_maps_of_a_long_text_move(server, visit):
    text = "Every day she walked to the sea, looked at the ships, and thought of the places they had seen before. " * 9
    page = visit(at(server, text=text.strip()))
    before = pixels(page)
    page.get_by_role("slider", name="Small maps start at token").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("location.search.includes('start=3')")
    settle(page)
    assert "tokens 3 to 26 of 207" in page.locator(".st-key-stage .foot").first.inner_text() and pixels(page) != before
    whole(page)
