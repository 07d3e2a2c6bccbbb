"""The walk in a real browser: all stages on several sentences, keys, links, clicks, Present mode, several readers."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, quote, urlparse

import numpy as np
import pytest
from PIL import Image

from accessible import assert_accessible
from conftest import settle
from gptviz import catalogue, tokenizer, trace
from gptviz.keep import code, csv
from gptviz.keep.chosen import Chosen
from gptviz.stages import BY_KEY, STAGES
from gptviz.ui.state import OVERVIEW
from gptviz.ui.story import TITLES

DAY = "Every day she walked to the sea, looked at the ships, and thought of the places they had seen before. "
PARAGRAPH = "I ❤️ my 🦜 and my naïve café. " + DAY * 9


def url(server, **params) -> str:
    """An address of the walk: its first stage, where nothing else is said."""
    params = params or {"stage": STAGES[0].key}
    return server.url + "/?" + "&".join(f"{name}={quote(str(value))}" for name, value in params.items())


def chosen(page) -> dict[str, str]:
    """The parameters in the page's address."""
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def title(page) -> str:
    return page.locator("h1.title").first.inner_text()


def lit(page) -> str:
    return page.locator(".map .box.lit").get_attribute("data-key")


def step(page, key: str, to: int) -> None:
    """Press a key and wait until the picture of stage number `to` is there."""
    page.keyboard.press(key)
    page.wait_for_function("title => document.querySelector('h1.title')?.innerText.includes(title)", arg=STAGES[to].title)
    settle(page)


def whole(page) -> None:
    """Nothing on the page went wrong, and nothing sticks out sideways."""
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.locator("[data-testid=stAlert]").count() == 0
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")


def test_a_walk_through_all_stages(server, visit):
    before = server.log.stat().st_size
    page = visit(url(server, text=PARAGRAPH.strip()), theme="dark")
    for n, stage in enumerate(STAGES):
        if n:
            step(page, "ArrowRight" if n % 2 else "PageDown", n)
        whole(page)
        assert lit(page) == stage.key
        assert f"{n + 1} of {len(STAGES)}" in page.locator(".count").inner_text()
        drawn = page.locator(".st-key-stage canvas, .st-key-stage .js-plotly-plot, .st-key-stage .chips").first
        box = drawn.bounding_box()
        assert box and box["width"] > 300 and box["y"] < 260, f"{stage.key}: the picture is where the eye is"
        if n % 2:
            assert_accessible(page, colours=page.locator(".st-key-stage .chips").count() > 0)
    page.keyboard.press("Home")
    page.wait_for_function("title => document.querySelector('h1.title')?.innerText.includes(title)", arg=STAGES[0].title)
    log = server.log.read_bytes()[before:].decode()
    assert "Traceback" not in log and "Error" not in log, log[-2000:]


def test_back_next_and_the_map_agree(server, visit):
    page = visit(url(server, stage="norm1", block=1))
    page.locator(".st-key-next button").click()
    page.wait_for_function("document.querySelector('h1.title')?.innerText.includes('Queries')")
    page.locator(".st-key-back button").click()
    page.wait_for_function("document.querySelector('h1.title')?.innerText.includes('LayerNorm')")
    page.locator(".map .box[data-key=gelu]").click()
    page.wait_for_function("document.querySelector('h1.title')?.innerText.includes('GELU')")
    settle(page)
    assert chosen(page) == {"stage": "gelu", "block": "1"} and lit(page) == "gelu"
    page.get_by_role("button", name="next block").click()
    page.locator(".map .name", has_text="Block 2").wait_for()
    settle(page)
    assert chosen(page) == {"stage": "gelu", "block": "2"}


def test_keys_belong_to_the_text_box_while_typing(server, visit):
    page = visit(url(server, stage="norm1"))
    page.get_by_label("Sentence").click()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Home")
    page.wait_for_timeout(400)
    assert lit(page) == "norm1"


def test_the_link_shows_the_same_picture_in_a_fresh_browser(server, visit):
    params = {
        "stage": "attention-weights",
        "text": "She opened the door",
        "block": 2,
        "head": 5,
        "token": 2,
        "dropout": 0.2,
        "seed": 9,
    }
    page = visit(url(server, **params))
    said = page.locator("p.look").inner_text()
    assert chosen(page) == {name: str(value) for name, value in params.items()}
    assert "dropout 0.2, seed 9" in page.locator(".badge.train").inner_text().lower()
    again = visit(page.url)
    assert again.locator("p.look").inner_text() == said
    picture = page.locator(".st-key-stage canvas.cells").first
    assert picture.evaluate("c => c.toDataURL()") == again.locator(".st-key-stage canvas.cells").first.evaluate(
        "c => c.toDataURL()"
    )


def test_browser_back_returns_to_the_step_before(server, visit):
    page = visit(url(server, stage="softmax"))
    page.locator(".map .box[data-key=norm1]").click()
    page.wait_for_function("document.querySelector('h1.title')?.innerText.includes('LayerNorm')")
    settle(page)
    page.go_back()
    page.wait_for_function("document.querySelector('h1.title')?.innerText.includes('Softmax')")
    settle(page)
    assert lit(page) == "softmax"


def test_a_clicked_cell_is_recomputed_with_the_models_own_number(server, visit):
    page = visit(url(server, stage="attention-weights", block=3, head=2))
    canvas = page.locator(".st-key-stage canvas.cells").first
    panel = canvas.evaluate("c => c.gptviz.panels[1]")
    box = canvas.bounding_box()
    row, column = 3, 1
    canvas.page.mouse.click(
        box["x"] + panel["x"] + panel["w"] * (column + 0.5) / panel["cols"],
        box["y"] + panel["y"] + panel["h"] * (row + 0.5) / panel["rows"],
    )
    page.wait_for_selector(".check")
    settle(page)
    assert chosen(page)["cell"] == "blocks.2.att.weights@0,1,3,1" and chosen(page)["drawer"] == "recompute"
    ids = tokenizer.encode("Every effort moves you")
    real = float(trace.run(catalogue.load("mini"), ids)["blocks.2.att.weights"][0, 1, 3, 1])
    shown, recomputed, difference = (float(text) for text in page.locator(".check b").all_inner_texts())
    assert shown == pytest.approx(real, rel=1e-6)
    assert recomputed == pytest.approx(real, abs=1e-6) and difference < 1e-6


def test_a_head_is_chosen_by_its_small_picture(server, visit):
    page = visit(url(server, stage="attention-weights"))
    small = page.locator(".st-key-stage canvas.cells").nth(1)
    panel = small.evaluate("c => c.gptviz.panels[5]")
    box = small.bounding_box()
    page.mouse.click(box["x"] + panel["x"] + 12, box["y"] + panel["y"] - 8)
    page.wait_for_function("location.search.includes('head=6')")


def test_what_is_typed_goes_through_the_model_and_bad_text_loses_nothing(server, visit):
    page = visit(url(server, stage="append"))
    box = page.get_by_label("Sentence")
    box.fill("She opened the")
    box.press("Enter")
    page.wait_for_function("document.querySelector('p.look')?.innerText.includes('door')")
    settle(page)
    assert chosen(page)["text"] == "She opened the"
    said = page.locator("p.look").inner_text()
    box.fill("   ")
    box.press("Enter")
    page.wait_for_selector("[data-testid=stAlert]")
    assert "Type at least one word" in page.locator("[data-testid=stAlert]").inner_text()
    assert page.locator("p.look").inner_text() == said
    assert chosen(page)["text"] == "She opened the"


def test_a_poem_is_typed_pasted_edited_and_linked(server, visit):
    page = visit(url(server, stage="token-ids"), permissions=["clipboard-read", "clipboard-write"])
    box, high = page.get_by_label("Sentence", exact=True), page.locator(".st-key-top").bounding_box()["height"]
    assert box.bounding_box()["height"] <= 40 and page.locator(".map").bounding_box()["y"] <= 62, "one line for one line"
    box.fill("Roses are red,")
    page.keyboard.press("Shift+Enter")
    page.keyboard.insert_text("Violets are")
    assert "text=" not in page.url
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('Violets')")
    settle(page)
    assert chosen(page)["text"] == box.input_value() == "Roses are red,\nViolets are"
    assert high < page.locator(".st-key-top").bounding_box()["height"] <= high + 24, "a second line"
    page.evaluate("navigator.clipboard.writeText(' blue,\\r\\nSugar is sweet\\n')")
    page.keyboard.press("ControlOrMeta+End")
    page.keyboard.press("ControlOrMeta+V")
    assert box.bounding_box()["height"] > 70, "it grows over the page while it is written in"
    assert page.locator(".st-key-top").bounding_box()["height"] <= high + 24
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('Sugar')")
    settle(page)
    page.keyboard.press("ControlOrMeta+Home")
    page.keyboard.insert_text("2 ")
    page.keyboard.press("PageDown")  # a clicker's key: what was typed is taken, and the walk steps
    page.wait_for_function("location.search.includes('stage=token-embedding') && location.search.includes('text=2')")
    settle(page)
    poem = "2 Roses are red,\nViolets are blue,\nSugar is sweet\n"
    assert chosen(page)["text"] == box.input_value() == poem
    again = visit(page.url.replace("token-embedding", "token-ids"))
    assert again.get_by_label("Sentence", exact=True).input_value() == poem
    assert again.locator(".chips .line").first.inner_text().count("↵") == 3
    whole(again)


def test_a_text_too_long_for_an_address_survives_a_reload_and_is_missed_elsewhere(server, visit):
    long = "".join(chr(0x4E00 + n * n % 20_000) for n in range(16_000))
    page = visit(url(server, stage="token-ids", model="mini", block=3))
    box = page.get_by_label("Sentence", exact=True)
    box.fill(long)
    box.press("Enter")
    page.wait_for_function("location.search.includes('text.kept')", timeout=60_000)
    settle(page)
    assert len(page.url) < 300 and "The address is too short for the sentence" in page.locator("p.message").first.inner_text()
    before = page.locator("p.look").inner_text()
    assert page.reload().status == 200
    page.wait_for_function("document.querySelector('.st-key-typed-text textarea')?.value.length === 16000", timeout=60_000)
    settle(page)
    assert box.input_value() == long and page.locator("p.look").inner_text() == before and chosen(page)["block"] == "3"
    whole(page)
    other = visit(page.url)
    assert "its text of 16,000 characters" in other.locator("[data-testid=stAlert]").inner_text()
    assert lit(other) == "token-ids" and other.get_by_label("Sentence", exact=True).input_value() == "Every effort moves you"


def test_appending_enlarges_every_picture(server, visit):
    page = visit(url(server, stage="append", text="She opened the"))
    page.locator(".st-key-append button").click()
    page.wait_for_function("location.search.includes('more=1')")
    settle(page)
    page.locator(".map .box[data-key=attention-weights]").click()
    page.wait_for_function("document.querySelector('h1.title')?.innerText.includes('Attention weights')")
    settle(page)
    assert page.locator(".st-key-stage canvas.cells").first.evaluate("c => c.gptviz.panels[1].rows") == 4


def test_present_mode_is_large_and_steps_with_a_clicker(server, visit):
    page = visit(url(server, present=1, stage="token-embedding"))
    size = page.evaluate("parseFloat(getComputedStyle(document.querySelector('p.look')).fontSize)")
    assert size >= 24
    assert page.locator("[data-testid=stSidebar]").count() == 0 or not page.locator("[data-testid=stSidebar]").is_visible()
    for n in range(3, 8):
        step(page, "PageDown", n)
        whole(page)
        for name in ("back button", "next button", "jump input"):
            assert page.locator(f".st-key-{name}").is_visible()
        look = page.locator("p.look").bounding_box()
        assert look["y"] + look["height"] <= 768, f"{STAGES[n].key}: the look-for line is on the screen"
    assert chosen(page)["present"] == "1"
    step(page, "PageUp", 6)
    assert_accessible(page)
    page.keyboard.press("Home")
    page.wait_for_function("title => document.querySelector('h1.title')?.innerText.includes(title)", arg=STAGES[0].title)


def test_a_clicker_steps_wherever_the_last_click_was(server, visit):
    page = visit(url(server, stage="token-ids"))
    box = page.get_by_label("Sentence")
    box.fill("Every day holds a")
    box.press("Enter")
    page.wait_for_function("location.search.includes('holds')")
    step(page, "PageDown", 2)
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="gpt2 (untrained)").click()
    page.wait_for_function("location.search.includes('gpt2-untrained')")
    settle(page)
    step(page, "PageDown", 3)
    box.fill("Every effort")  # not yet sent: it is taken, as by a click on Next
    step(page, "PageUp", 2)
    page.wait_for_function("location.search.includes('effort')")
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("PageDown")  # belongs to the open list
    settle(page)
    assert lit(page) == STAGES[2].key


def test_nonsense_in_the_link_is_said_and_the_page_stands(server, visit):
    page = visit(url(server, stage="nowhere", block="x", seed="-1"))
    assert page.locator("[data-testid=stAlert]").count() == 3
    assert lit(page) == STAGES[0].key


def brightness(page) -> list[int]:
    """Red, green and blue of the page."""
    paper = page.locator("[data-testid=stApp]").evaluate("app => getComputedStyle(app).backgroundColor")
    return [int(one) for one in re.findall(r"\d+", paper)][:3]


def test_presenting_keeps_the_theme_and_the_address_clean(server, visit):
    pages = {theme: visit(url(server, stage="norm1", block=2), theme=theme) for theme in ("light", "dark")}
    for theme, page in pages.items():
        paper = brightness(page)
        assert max(paper) < 60 if theme == "dark" else min(paper) > 240
        for on in (True, False):
            page.locator(f".st-key-{'present' if on else 'leave'} label").first.click()
            page.wait_for_function("on => location.search.includes('present=1') == on", arg=on)
            settle(page)
            assert chosen(page) == {"stage": "norm1", "block": "2"} | ({"present": "1"} if on else {})
            assert page.locator(".map.present").count() == on and brightness(page) == paper


def test_an_address_that_asks_for_a_light_page_still_gets_one(server, visit):
    page = visit(url(server, stage="norm1", block=2, present=1, embed="true", embed_options="light_theme"), theme="dark")
    assert lit(page) == "norm1" and page.locator(".map.present").count() == 1 and min(brightness(page)) > 240


def test_every_fast_press_counts_and_the_page_survives(server, visit):
    page = visit(url(server))
    for _ in range(10):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(70)
    page.wait_for_function("title => document.querySelector('h1.title')?.innerText.includes(title)", arg=STAGES[10].title)
    for key in ["ArrowRight"] * 40 + ["ArrowLeft"] * 40:
        page.keyboard.press(key)
        page.wait_for_timeout(25)
    page.wait_for_function("title => document.querySelector('h1.title')?.innerText.includes(title)", arg=TITLES[OVERVIEW])
    settle(page)
    assert page.locator("[data-testid=stApp]").get_attribute("data-test-connection-state") == "CONNECTED"
    whole(page)


def test_of_a_batch_the_sentence_box_holds_the_one_that_is_shown(server, visit):
    page = visit(url(server, stage="token-ids", second="She opened the door", item=1))
    assert page.get_by_label("Sentence", exact=True).input_value() == "She opened the door"
    assert "sentence 2 of 2" in page.locator(".st-key-top").inner_text()
    assert "door" in page.locator(".st-key-stage .chips").inner_text()


def saved(page, name: str, tmp_path) -> Path:
    """What a press of that button of the Keep menu hands over."""
    with page.expect_download() as download:
        page.get_by_role("button", name=name, exact=name == "PNG").first.click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_a_picture_and_its_pass_are_taken_home(server, visit, tmp_path):
    seen = Chosen("Every effort moves you", block=2, head=3).seen(catalogue.load("mini"))
    page = visit(url(server, stage="causal-mask", block=2, head=3), theme="dark")
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("button", name="PNG 1").wait_for()
    picture = Image.open(saved(page, "PNG 1", tmp_path)).convert("RGB")
    assert picture.width == 2 * 1140 and picture.getpixel((3, 3)) == (255, 255, 255)  # twice as large, and light
    assert picture.crop((40, 40, 400, 90)).convert("L").getextrema()[0] < 60  # its title
    text = saved(page, "Numbers (CSV)", tmp_path).read_text(encoding="utf-8")
    for line in (
        "# model: mini",
        "# weights: trained",
        "# dropout: off",
        "# seed: 0",
        "# edits: none",
        "# block: 2",
        "# head: 3",
    ):
        assert line in text.splitlines()
    masked = next(rows for title, _, rows in csv.read(text) if "Masked scores" in title)
    assert np.float32(masked[3][1]) == seen.array("blocks.1.att.masked")[3, 0] and masked[0][2] == "-inf"
    with np.load(saved(page, "Whole pass", tmp_path)) as kept:
        assert set(kept.files) == {*seen.trace.tensors, "choices"}
        for name in ("ids", "blocks.5.att.weights", "logits"):
            np.testing.assert_array_equal(kept[name], seen.trace.array(name))
        choices = json.loads(str(kept["choices"]))
        assert (choices["text"], choices["block"], choices["state"]) == ("Every effort moves you", 2, "dropout OFF")
    lines = page.locator("[data-testid=stPopoverBody] [data-testid=stCode]").inner_text()
    assert lines.strip() == code.of_stage(BY_KEY["causal-mask"], seen, "mini").strip()
    page.keyboard.press("Escape")
    page.locator(".map .box[data-key=gelu]").click()
    settle(page)
    page.get_by_role("button", name="Keep").click()
    drawn = saved(page, "SVG", tmp_path).read_text(encoding="utf-8")
    assert drawn.startswith("<svg") and "NaN" not in drawn and "mini: weights trained" in drawn
