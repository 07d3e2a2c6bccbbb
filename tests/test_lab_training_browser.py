"""The training lab in a real browser: the slider moves through the run, and pictures and words follow."""

from accessible import assert_accessible
from conftest import settle
from gptviz import catalogue, sampling, tokenizer, trace
from gptviz.labs.replay import lab as training

RUN = catalogue.MODELS["mini"].history
NUMBERS = [step.number for step in RUN.steps]
SENTENCE = "The old man looked at the"


def look(page) -> str:
    return page.locator(".look").inner_text()


def test_arrow_keys_move_through_the_run(server, visit):
    page = visit(f"{server.url}/Training?view=next&text={SENTENCE}&step={NUMBERS[0]}")
    assert "/Replay?" in page.url, "the name it had before leads on"
    assert "Before the first step" in look(page) and "RANDOM INIT" in page.locator("h1.title .badge").inner_text()
    handle = page.get_by_role("slider")
    ids = tokenizer.encode(SENTENCE)
    for number in NUMBERS[1:3]:
        handle.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            f"document.querySelector('h1.title .badge')?.innerText.includes('step {number:,}')", timeout=30_000
        )
        settle(page)
        step = RUN.steps[NUMBERS.index(number)]
        logits = trace.run(step.load(RUN.config), ids, points=["logits"]).array("logits")[0, -1]
        best = tokenizer.printable(int(sampling.softmax(logits).argmax()))
        assert f'the favourite is "{best}"' in look(page)
    assert f"step={NUMBERS[2]}" in page.url


def test_every_view_fits_and_draws(server, visit):
    page = visit(f"{server.url}/Replay", theme="dark")
    for experiment in training.LAB.experiments:
        page.get_by_role("radio", name=experiment.title).or_(page.get_by_role("button", name=experiment.title)).first.click()
        page.wait_for_function(
            f"[...document.querySelectorAll('h1.title')].some(one => one.innerText.startsWith({experiment.title!r}))",
            timeout=30_000,
        )
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        charts = page.locator("[data-testid=stPlotlyChart]")
        bottom = max(box["y"] + box["height"] for box in (charts.nth(n).bounding_box() for n in range(charts.count())))
        assert bottom <= 768, (experiment.key, bottom)
    assert_accessible(page, narrow=True)


def test_words_of_ones_own(server, visit):
    page = visit(f"{server.url}/Replay?view=pair&step={NUMBERS[-1]}")
    page.get_by_label("Second word").fill("dog")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.look')?.innerText.includes('·cat ·dog')", timeout=30_000)
    table = catalogue.load("mini").tok_emb.weight
    cat, dog = (table[tokenizer.encode(word)[0]] for word in (" cat", " dog"))
    cosine = float(cat @ dog / (cat.norm() * dog.norm()))
    assert f"{cosine:.3f}" in look(page)
