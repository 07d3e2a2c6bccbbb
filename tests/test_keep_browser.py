"""The walk in one file, opened from the disk with no network: its steps, its numbers and words, its frame, its phone."""

import re

import pytest

from accessible import NARROW, assert_accessible
from gptviz.keep import walk
from gptviz.keep.chosen import Chosen
from gptviz.recompute import recompute
from gptviz.stages import BY_KEY, STAGES
from hostile import TEXT, watched
from sample_models import tiny

READY = "document.documentElement.dataset.ready"
FRAME = """<!doctype html><meta charset="utf-8"><iframe sandbox="allow-scripts" src="walk.html" width="1000" height="700"></iframe>"""


@pytest.fixture(scope="module")
def seen():
    return Chosen(TEXT[:60]).seen(tiny())


@pytest.fixture(scope="module")
def folder(seen, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    (folder / "walk.html").write_text(walk.page(seen, "tiny"), encoding="utf-8")
    (folder / "frame.html").write_text(FRAME, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def page(chromium, folder):
    """The file, offline; whatever it does that it must not fails the last test of this module."""
    context = chromium.new_context(viewport={"width": 1366, "height": 768}, offline=True, color_scheme="light")
    page = context.new_page()
    page.happened = watched(page, folder.as_uri())
    page.goto((folder / "walk.html").as_uri())
    page.wait_for_function(READY)
    yield page
    context.close()
    assert page.happened == []


def go(page, **to) -> None:
    page.evaluate("to => gptviz.go(to)", to)


def title(page) -> str:
    return page.locator("#title").inner_text()


def test_arrow_keys_the_map_and_the_lists_lead_through_it(page):
    go(page, stage="text")
    for key, wanted in (("ArrowRight", 1), ("PageDown", 2), ("ArrowLeft", 1), ("Home", 0)):
        page.keyboard.press(key)
        assert title(page) == STAGES[wanted].title and page.title().startswith(STAGES[wanted].title)
    page.locator(".box[data-key=attention-weights]").click()
    page.locator("#block").select_option("2")
    page.locator("#head").select_option("2")
    page.locator("#next").click()
    page.locator("#back").click()
    assert title(page) == "Attention weights" and page.url.endswith("#stage=attention-weights&block=2&head=2")
    assert page.locator(".box[aria-current=step]").get_attribute("data-key") == "attention-weights"
    page.reload()
    page.wait_for_function(READY)
    assert title(page) == "Attention weights" and page.locator("#head").input_value() == "2"


def test_a_cell_says_its_number_and_how_it_is_made(page, seen):
    go(page, stage="attention-weights", block=2, head=1)
    cells = page.locator("#picture canvas.cells")
    panel = cells.evaluate("cells => cells.gptviz.panels[1]")
    last = seen.row
    middle = lambda at, size, count, n: panel[at] + (n + 0.3) * panel[size] / count  # noqa: E731
    at = {"x": middle("x", "w", seen.size, 1), "y": middle("y", "h", seen.size, last)}
    cells.hover(position=at)
    made = recompute(seen.trace, "blocks.1.att.weights", (0, 0, last, 1))
    assert f"blocks.1.att.weights[0, 0, {last}, 1]" in page.locator("#picture .tip").inner_text()
    cells.click(position=at)
    account = page.locator("#account")
    assert made.sentence in account.inner_text() and f"shown {made.shown:.9g}" in account.inner_text().replace("−", "-")
    assert account.locator("math").count() == 2 and made.code in account.locator("pre").inner_text()
    cells.click(position=at | {"y": middle("y", "h", seen.size, 1)})
    assert "holds the recomputation of the numbers of token" in account.inner_text()


def test_every_text_is_recomputes_own(page, seen):
    cells = []
    for view in walk.every(seen, STAGES, range(2)):
        number = view.stage.first_number(view.seen)
        cells.append((number.point, [int(n) for n in number.index], view.stage.key, view.seen.block + 1, view.seen.head + 1))
    said = page.evaluate(
        """cells => cells.map(([point, index, stage, block, head]) => {
            gptviz.go({ stage, block, head })
            return document.getElementById("account").innerText + " " + document.querySelector("#account pre").innerText
        })""",
        cells,
    )
    for (point, index, *_), text in zip(cells, said):
        made = recompute(seen.trace, point, tuple(index))
        assert made.sentence in text and made.code in text, (point, index)
        assert re.search(r"\|shown − recomputed\| \d", text)


def test_a_formula_has_its_parts(page):
    go(page, stage="attention-weights")
    math = page.locator("#formula math")
    assert math.locator("mfrac").count() == 1 and math.locator("msup").count() == 2 and "∑" in math.text_content()
    for stage in STAGES:
        go(page, stage=stage.key)
        assert "\\" not in page.locator("#formula math").text_content(), stage.key
        assert page.locator("#formula mo").filter(has_text=re.compile("[a-z]{3}")).count() == 0, stage.key


def test_charts_are_drawn_from_their_numbers(page, seen):
    go(page, stage="softmax")
    bars = page.locator("#picture svg rect")
    figure = BY_KEY["softmax"].picture(seen)
    assert bars.count() == sum(len(trace.x) for trace in figure.data) + len(
        [one for one in figure.layout.shapes if one.type == "rect"]
    )
    widths = bars.evaluate_all("bars => bars.slice(0, 2).map(bar => bar.getAttribute('width'))")
    first, second = figure.data[0].x[:2]
    assert float(widths[0]) / float(widths[1]) == pytest.approx(first / second, rel=1e-6)
    bars.first.hover()
    said = page.locator("#picture .tip").inner_text()
    assert float(said.partition("probability ")[2]) == pytest.approx(float(first), rel=1e-5)
    for key in ("norm1", "gelu", "output-head"):
        go(page, stage=key)
        assert "NaN" not in page.locator("#picture svg").evaluate("svg => svg.outerHTML"), key


def test_a_guess_comes_before_the_answer(page, seen):
    go(page, stage="causal-mask")
    question = BY_KEY["causal-mask"].asked(seen)
    page.locator("#question summary").click()
    assert question.why not in page.locator("#question").inner_text()
    page.locator("#question label").nth(question.answer).click()
    assert f"Yes. {question.choices[question.answer]}. {question.why}" in page.locator("#question").inner_text()


def test_light_dark_and_paper(page):
    go(page, stage="causal-mask")
    paper = "document.body.matches('*') && getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    before = page.locator("#picture canvas.cells").evaluate("cells => cells.toDataURL()")
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate(paper) == "rgb(20, 24, 31)"
    assert page.locator("#picture canvas.cells").evaluate("cells => cells.toDataURL()") != before
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#picture canvas.cells").evaluate("cells => cells.toDataURL()") == before
    page.emulate_media(media="print")
    assert not page.locator("#bar").is_visible() and page.locator("#prose").is_visible()
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(paper) == "rgb(20, 24, 31)"
    page.get_by_role("button", name="Light or dark").click()


def test_nothing_of_a_hostile_sentence_is_markup(page):
    for stage in STAGES:
        go(page, stage=stage.key)
        assert page.locator("img, a, b >> text=/^x$/").count() == 0, stage.key
    assert page.locator(".sentence").inner_text().startswith(TEXT[:20])


@pytest.mark.parametrize("stage", ["attention-weights", "output-head"])
def test_everybody_can_use_it(page, stage):
    go(page, stage=stage)
    page.set_viewport_size({"width": 1366, "height": 768})
    assert_accessible(page, narrow=True)
    for one in STAGES:
        go(page, stage=one.key)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], one.key
    page.set_viewport_size({"width": 1366, "height": 768})


def test_it_works_in_a_frame_that_may_only_run_scripts(chromium, folder):
    framed = chromium.new_page()
    happened = watched(framed, folder.as_uri())
    framed.goto((folder / "frame.html").as_uri())
    inside = framed.frame_locator("iframe")
    inside.locator("html[data-ready]").wait_for()
    inside.locator(".box[data-key=norm1]").click()
    assert inside.locator("#title").inner_text() == BY_KEY["norm1"].title and inside.locator("#picture svg").count() == 1
    framed.close()
    assert happened == []


LETTER = (816 - 98, 1056 - 98)  # pixels of a page within its margins


def test_a_handout_fits_its_pages_and_answers_at_the_end(chromium, seen, tmp_path):
    (tmp_path / "handout.html").write_text(walk.page(seen, "tiny", paper=True), encoding="utf-8")
    page = chromium.new_page(viewport={"width": LETTER[0], "height": LETTER[1]})
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.emulate_media(media="print")
    page.goto((tmp_path / "handout.html").as_uri())
    page.wait_for_function("document.documentElement.dataset.ready")
    sheets = page.locator(".sheet")
    assert sheets.count() == len(STAGES) + 1 and page.locator(".sheet canvas.cells").count() > 10
    tall = page.evaluate("[...document.querySelectorAll('.sheet:not(.last)')].map(one => one.getBoundingClientRect().height)")
    assert max(tall) <= LETTER[1] and page.evaluate("document.documentElement.scrollWidth") <= LETTER[0]
    for n, stage in enumerate(STAGES):
        question = stage.asked(seen)
        assert question.why not in sheets.nth(n).inner_text() and all(
            choice in sheets.nth(n).inner_text() for choice in question.choices
        )
    assert all(stage.asked(seen).why in sheets.last.inner_text() for stage in STAGES)
    assert problems == []
    page.close()
