"""Why this word, in a real browser: from the answer's logit down to the word a head read, by clicks, and back."""

from dataclasses import replace
from urllib.parse import parse_qs, quote, urlparse

from accessible import assert_accessible
from conftest import settle
from gptviz import tokenizer
from gptviz.labs.lab import Setting
from gptviz.labs.why import ledger
from gptviz.labs.why.lab import LAB
from sample_models import mini

TEXT = "The letter was sealed. She opened the"


def at(server, **params) -> str:
    return f"{server.url}/Why?" + "&".join(f"{name}={quote(str(value))}" for name, value in ({"text": TEXT} | params).items())


def setting(key: str, **values) -> Setting:
    plain = Setting(mini(), tuple(tokenizer.encode(TEXT)), {}, text=TEXT)
    starts = {control.name: control.start() for control in LAB.find(key).controls_for(plain)}
    return replace(plain, values=starts | values)


def says(page, key: str, **values) -> None:
    """Wait until the page says what these values say."""
    page.wait_for_function(
        "wanted => document.querySelector('.look')?.innerText.replace('Look for: ', '') === wanted",
        arg=LAB.find(key).caption(setting(key, **values)),
        timeout=20_000,
    )
    settle(page)


def click(page, panel: int, row: int, column: int) -> None:
    canvas = page.locator(".st-key-stage canvas.cells").first
    here = canvas.evaluate("(c, n) => c.gptviz.panels[n]", panel)
    box = canvas.bounding_box()
    page.mouse.click(
        box["x"] + here["x"] + here["w"] * (column + 0.5) / here["cols"],
        box["y"] + here["y"] + here["h"] * (row + 0.5) / here["rows"],
    )


def press(page, step: int) -> None:
    """Click a step of the sum; the chart takes clicks on a sheet over its bars."""
    box = page.locator(".st-key-stage .barlayer .trace").first.locator(".point path").nth(step).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def way(page) -> str:
    return parse_qs(urlparse(page.url).query).get("way", [""])[0]


def test_from_the_answer_to_the_word_it_came_from_and_back(server, visit):
    page = visit(at(server, view="ledger"))
    says(page, "ledger")
    click(page, 1, row=5, column=2)  # block 6, head 3
    head = 2 + 5 * 10 + 2
    says(page, "ledger", way=str(head))
    assert "It reads 1 ·letter with 9" in page.locator(".look").inner_text() and way(page) == str(head)
    click(page, 1, row=0, column=1)  # what "letter" handed over
    says(page, "ledger", way=f"{head}.1")
    crumbs = page.get_by_role("radiogroup", name="The way down")
    assert [name for name in crumbs.inner_text().split("\n") if name] == ledger.trail(setting("ledger", way=f"{head}.1"))
    click(page, 0, row=0, column=0)  # the row of the token table
    says(page, "ledger", way=f"{head}.1.0")
    crumbs.get_by_text("head 6.3").click()
    says(page, "ledger", way=str(head))
    assert way(page) == str(head)
    page.locator(".st-key-stage canvas.cells").first.focus()
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.wait_for_function(f"new URLSearchParams(location.search).get('way')?.startsWith('{head}.')")
    page.go_back()
    says(page, "ledger", way=str(head))
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")
    assert_accessible(page, narrow=True)


def test_a_cell_is_copied_where_it_is_clicked(server, visit):
    page = visit(at(server, view="patch", other="The door was sealed. He opened the"))
    values = {"other": "The door was sealed. He opened the"}
    says(page, "patch", **values)
    click(page, 1, row=3, column=1)
    says(page, "patch", cell="3.1", **values)
    assert "EDITED: one row is copied" in page.locator(".badge.train").first.inner_text()
