"""The training lab in a real browser: the slider moves through the run, and pictures and words follow."""

from conftest import settle
from gptviz import catalogue, sampling, tokenizer, trace

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
