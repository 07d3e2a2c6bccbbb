"""What if, in a real browser: a head is switched off from the list, followed to the next token, and put back."""

import re
from urllib.parse import parse_qs, urlencode, urlparse

from accessible import assert_accessible
from conftest import settle
from gptviz.stages import STAGES
from test_lab_why_browser import click, says

LETTER = "The letter was sealed. She opened the"


def test_a_head_is_switched_off_followed_to_the_next_token_and_put_back(server, visit):
    page = visit(f"{server.url}/?{urlencode({'stage': 'context-vectors', 'text': LETTER, 'block': 6, 'head': 3})}")
    page.locator(".st-key-whatif label").first.click()
    box = page.locator(".st-key-edit input")
    box.wait_for()
    settle(page)
    box.click()
    page.get_by_role("option", name="head 6.3 is off", exact=True).click()
    page.get_by_text("KL divergence").wait_for()
    settle(page)
    assert "edit=head%3A6.3" in page.url and page.locator(".badge.edited").inner_text() == "EDITED"
    boxes = page.locator(".map .box")
    same = boxes.evaluate_all("all => all.map(box => box.classList.contains('same'))")
    dots = boxes.evaluate_all(
        "all => all.map(box => box.querySelector('.dot').hidden ? 0 : +box.querySelector('.dot').style.opacity)"
    )
    at = boxes.evaluate_all("all => all.map(box => box.dataset.key)").index("context-vectors")
    assert same == [n < at for n in range(len(same))]
    assert not any(dots[:at]) and all(0.25 < dot <= 1 for dot in dots[at:])
    assert dots[at] == max(dots), "strongest where the head is"
    assert "unchanged" in boxes.first.get_attribute("title")
    assert_accessible(page)

    said = page.locator("p.did").inner_text()
    page.locator(".map .box[data-key=softmax]").click()
    page.wait_for_function("document.querySelector('h1.title')?.innerText.includes('Softmax')")
    settle(page)
    assert page.locator("p.did").inner_text() == said, "it stays in sight"
    chart = page.locator(".st-key-stage .js-plotly-plot")
    assert "with the edit" in chart.inner_text() and page.locator("p.did").bounding_box()["y"] < 300
    again = visit(page.url)
    assert again.locator("p.did").inner_text() == said
    again.close()

    page.locator(".st-key-undo-edits button").click()
    page.get_by_text("Nothing is changed").wait_for()
    settle(page)
    assert "edit=" not in page.url and not page.locator(".map .box.same").count() and not page.locator(".badge.edited").count()
    assert page.locator(".map .dot:not([hidden])").count() == 0
    assert "with the edit" not in chart.inner_text()


def asked(page) -> str:
    return parse_qs(urlparse(page.url).query).get("edit", [""])[0]


def wait_for_edit(page, wanted: str) -> None:
    page.wait_for_function("wanted => (new URLSearchParams(location.search).get('edit') ?? '') === wanted", arg=wanted)
    settle(page)


def test_the_lit_step_of_the_map_switches_its_part_off_and_the_walk_goes_on_with_it(server, visit):
    page = visit(
        f"{server.url}/?{urlencode({'stage': 'attention-weights', 'text': LETTER, 'block': 6, 'head': 3, 'whatif': 1})}"
    )
    assert "press its lit step on the map" in page.locator(".st-key-what-if").inner_text()
    lit = page.locator(".map .box.lit")
    assert "press again, and head 6.3 is off" in lit.get_attribute("title")
    lit.click()
    wait_for_edit(page, "head:6.3")
    assert "press again to undo" in lit.get_attribute("title")
    steps = [stage.key for stage in STAGES]
    for _ in range(steps.index("softmax") - steps.index("attention-weights")):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('h1.title')?.innerText.includes('Softmax')")
    settle(page)
    assert asked(page) == "head:6.3" and re.search(
        r"letter. 42\.\d % → 23\.\d %, rank 1 → 2", page.locator("p.did").inner_text()
    )
    page.locator(".map .box[data-key=attention-weights]").click()  # from elsewhere a press only goes there
    page.wait_for_function("document.querySelector('h1.title')?.innerText.includes('Attention weights')")
    settle(page)
    assert asked(page) == "head:6.3"
    lit.click()
    wait_for_edit(page, "")
    assert not page.locator("p.did").count() and not page.locator(".badge.edited").count()

    page.locator(
        ".map .box[data-key=append]"
    ).click()  # and why it was that word, from the drawer down to the word it came from
    page.get_by_role("radio", name="Why this word").click()
    page.locator(".bill").wait_for()
    assert re.search(r"attention 6\s+\+2\.398", page.locator(".bill").inner_text())
    assert_accessible(page)
    page.get_by_role("link", name="Take each line apart").click()
    says(page, "ledger")
    click(page, 1, row=5, column=2)  # block 6, head 3
    page.wait_for_function("document.querySelector('.look')?.innerText.includes('It reads 1 ·letter with 9')")
    settle(page)


def test_the_title_of_a_small_map_switches_that_head_and_a_cell_is_still_recomputed(server, visit):
    page = visit(
        f"{server.url}/?{urlencode({'stage': 'attention-weights', 'text': LETTER, 'block': 6, 'head': 3, 'whatif': 1})}",
        height=1100,
    )
    for wanted in ("head:6.5", ""):
        maps = page.locator(".st-key-stage canvas.cells").nth(1)
        here, box = maps.evaluate("c => c.gptviz.panels[4]"), maps.bounding_box()
        page.mouse.click(box["x"] + here["x"] + 18, box["y"] + here["y"] - 12)
        wait_for_edit(page, wanted)
        assert "head=5" in page.url
    picture = page.locator(".st-key-stage canvas.cells").first
    here, box = picture.evaluate("c => c.gptviz.panels[1]"), picture.bounding_box()
    page.mouse.click(box["x"] + here["x"] + here["w"] * 1.5 / 8, box["y"] + here["y"] + here["h"] * 7.5 / 8)
    page.wait_for_url("**cell=blocks.5.att.weights**")
    settle(page)
    assert asked(page) == "" and "recomputed" in page.locator(".st-key-words").inner_text().lower()
    page.locator(".st-key-edit input").click()
    assert page.get_by_role("option").nth(1).inner_text() == "head 6.5 is off"  # after Select all
    page.get_by_role("option", name="token 7 gives token 1 the weight 0 in head 6.5").click()
    wait_for_edit(page, "weight:6.5.7.1")
    assert "= cannot have changed" in page.locator(".st-key-stage .foot").first.inner_text()
