"""Two models beside each other in a real browser: both pictures in sight, on the page and in Present mode, and their clicks."""

import pytest

from accessible import assert_accessible
from conftest import settle
from gptviz import catalogue, tokenizer, trace
from gptviz.stages import STAGES
from test_walk_browser import chosen, step, url, whole

TEXT = "Every effort moves you"


def in_sight(page, stage) -> None:
    """Both pictures of a stage are drawn, not empty, beside each other, and above the bar; so are the lines under them."""
    whole(page)
    halves = [page.locator(f".st-key-half-{name}") for name in ("main", "other")]
    bar = page.locator("[data-testid=stBottomBlockContainer]").bounding_box()["y"]
    boxes = []
    for half in halves:
        drawn = half.locator("canvas.cells, .js-plotly-plot, .chips").first
        boxes.append(drawn.bounding_box())
        if half.locator("canvas.cells").count():
            inks = drawn.evaluate(
                "c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
            )
            assert inks > 10, f"{stage.key}: the canvas is empty"
        look = (half if half.locator("p.look").count() else page).locator("p.look").last.bounding_box()
        assert look["y"] + look["height"] <= bar, f"{stage.key}: the look-for line is in sight"
    left, right = boxes
    assert left["width"] > 300 and left["x"] + left["width"] <= right["x"] and abs(left["y"] - right["y"]) < 2


@pytest.mark.parametrize("present", [0, 1])
def test_both_pictures_are_in_sight_while_stepping(server, visit, present):
    page = visit(url(server, stage="causal-mask", beside="gpt2-untrained", block=2, present=present))
    for n in (9, 10):
        if n > 9:
            step(page, "PageDown", n)
        in_sight(page, STAGES[n])
    assert chosen(page)["beside"] == "gpt2-untrained"
    assert_accessible(page)
    for key in ("gelu", "append") if present else ("final-norm", "softmax"):
        page.locator(f".map .box[data-key={key}]").click()
        stage = next(stage for stage in STAGES if stage.key == key)
        page.wait_for_function("title => document.querySelector('h1.title')?.innerText.includes(title)", arg=stage.title)
        settle(page)
        in_sight(page, stage)


def test_it_is_chosen_on_the_line_and_left_with_one_press(server, visit):
    page = visit(url(server, stage="attention-weights"))
    page.get_by_label("Compare with").click()
    page.get_by_role("option", name="gpt2 (untrained)").click()
    page.wait_for_selector(".st-key-half-other canvas.cells")
    settle(page)
    assert chosen(page) == {"stage": "attention-weights", "beside": "gpt2-untrained"}
    assert page.locator(".half .badge").all_inner_texts() == ["TRAINED", "RANDOM INIT"]
    page.get_by_role("button", name="One model").click()
    page.wait_for_selector(".st-key-words h1.title")
    settle(page)
    assert chosen(page) == {"stage": "attention-weights"} and page.locator(".half").count() == 0


def test_a_click_in_the_right_picture_is_about_the_model_on_the_right(server, visit):
    page = visit(url(server, stage="attention-weights", beside="gpt2-untrained", block=3, head=2))
    canvas = page.locator(".st-key-half-other canvas.cells").first
    panel = canvas.evaluate("c => c.gptviz.panels[1]")
    box = canvas.bounding_box()
    page.mouse.click(
        box["x"] + panel["x"] + panel["w"] * 1.5 / panel["cols"], box["y"] + panel["y"] + panel["h"] * 3.5 / panel["rows"]
    )
    page.wait_for_function("document.querySelector('.st-key-half-other p.look')?.innerText.startsWith('Recomputed')")
    settle(page)
    assert {"cell": "blocks.2.att.weights@0,1,3,1", "other": "1"}.items() <= chosen(page).items()
    seen = trace.run(catalogue.load("gpt2-untrained"), tokenizer.encode(TEXT))
    real = float(seen["blocks.2.att.weights"][0, 1, 3, 1])
    assert f"Shown {real:.6g}" in page.locator(".st-key-half-other p.look").inner_text()
    assert page.locator(".st-key-half-main p.look").inner_text().startswith("Look for")
    small = page.locator(".st-key-half-other canvas.cells").nth(1)
    panel = small.evaluate("c => c.gptviz.panels[10]")
    box = small.bounding_box()
    page.mouse.click(box["x"] + panel["x"] + 12, box["y"] + panel["y"] - 8)
    page.wait_for_function("location.search.includes('head=11')")
    settle(page)
    assert "head 8 of 8" in page.locator(".st-key-half-main .half").inner_text()
    assert "head 11 of 12" in page.locator(".st-key-half-other .half").inner_text()
