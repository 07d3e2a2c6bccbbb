"""A lesson in a real browser: the clicker's keys through walk and labs, a click elsewhere, the way back, and the kept file."""

from conftest import settle
from gptviz.keep import lesson as kept
from gptviz.lessons import find

DEMO = find("demo")


def at(page, step: int, of: int) -> None:
    """Wait until this step is there."""
    page.wait_for_function(
        "said => [...document.querySelectorAll('.count, .st-key-guide-menu')].some(one => one.innerText.includes(said))",
        arg=f"step {step} of {of}",
    )
    settle(page)
    assert page.locator("[data-testid=stException], [data-testid=stAlert]").count() == 0
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")


def test_a_clicker_leads_through_a_lesson_in_present(server, visit):
    page = visit(f"{server.url}/?lesson=demo&step=3&present=1")
    at(page, 3, len(DEMO.steps))
    page.locator("canvas").first.click()  # a picture has no use for the page keys
    page.keyboard.press("PageDown")
    at(page, 4, len(DEMO.steps))
    assert page.locator(".map .box.lit").get_attribute("data-key") == "attention-weights" and "present=1" in page.url
    assert page.locator(".st-key-guide-menu button").evaluate(
        "one => [...one.querySelectorAll('*')].every(part => part.scrollWidth <= part.clientWidth + 1 || !part.clientWidth)"
    ), "the step can be read whole"
    page.locator(".map .box[data-key=gelu]").click()
    page.wait_for_function("location.search.includes('stage=gelu')")
    settle(page)
    page.keyboard.press("PageDown")
    at(page, 5, len(DEMO.steps))
    assert "door" in page.url and "stage=attention-weights" in page.url


def test_keys_lead_into_a_lab_and_out_of_it(server, visit):
    page = visit(f"{server.url}/?lesson=dropout&step=2")
    for key, step in (("PageDown", 3), ("ArrowRight", 4), ("PageUp", 3), ("ArrowLeft", 2)):
        page.keyboard.press(key)
        at(page, step, 11)
        assert ("/Dropout" in page.url) == (step in (3, 4)) and f"step={step}" in page.url


def test_a_kept_lesson_opens_from_the_disk(chromium, tmp_path):
    (tmp_path / "demo.html").write_text(kept.page(DEMO), encoding="utf-8")
    page = chromium.new_page(viewport={"width": 1366, "height": 768})
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto((tmp_path / "demo.html").as_uri())
    page.wait_for_function("document.documentElement.dataset.ready")
    steps = [step for step in DEMO.steps if kept.kept(step)]
    for n, step in enumerate(steps, 1):
        assert (
            page.locator("#title").inner_text() == step.title and page.locator("#count").inner_text() == f"{n} of {len(steps)}"
        )
        assert page.locator("#told .told").all_inner_texts() == list(step.words)
        assert page.locator("header .sentence").inner_text().startswith(step.params["text"])
        recomputed = page.locator("#account .check").inner_text().replace("\u2212", "-")
        assert float(recomputed.rsplit(maxsplit=1)[-1]) < 1e-4, "of this step's own pass"
        page.keyboard.press("PageDown")
    page.close()
    assert problems == []
