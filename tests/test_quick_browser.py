"""Quick presses on a busy machine: title, words, picture, map, counter and address end on the same step, and no press is lost."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlparse

import pytest

from conftest import settle
from gptviz import catalogue, tokenizer, trace
from gptviz.seen import Seen
from gptviz.stages import STAGES, first_look
from gptviz.ui.state import Choice

KEYS = [stage.key for stage in STAGES]
FIRST = KEYS.index("token-embedding")


@contextmanager
def busy() -> Iterator[None]:
    """Two processes that want a core each, for as long as somebody presses."""
    load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        yield
    finally:
        for process in load:
            process.kill()
            process.wait()


def press(page, *acts) -> None:
    """One act after the other, quicker than this machine answers. A string is a key, anything else is clicked."""
    with busy():
        for act in acts:
            page.keyboard.press(act) if isinstance(act, str) else act.click(no_wait_after=True)
            page.wait_for_timeout(60)


@pytest.fixture(scope="module")
def seen():
    return trace.run(catalogue.load("mini"), [tokenizer.encode(Choice.text)])


def rest(page) -> None:
    """Wait until the last press has been answered: the light stands where the page is, and stays."""
    page.wait_for_function(
        """keys => {
            const at = document.querySelector('.count')?.innerText.split(' ')[0] - 1
            return [...document.querySelectorAll('*')].some(one => (one.shadowRoot ?? one).querySelector?.(`.box.lit[data-key="${keys[at]}"]`))
        }""",
        arg=KEYS,
        polling=100,
    )
    settle(page)


def address(page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def agree(page, run, at: int, **params: str) -> None:
    """Everything on the page is about stage number `at`. params: what else is chosen."""
    rest(page)
    block, head = first_look.place(run, 0, len(run.ids[0]), None)
    stage, seen = STAGES[at], Seen(run, block=block, head=head, text=Choice.text, token=int(params.get("token", -1)))
    assert page.locator(".count").inner_text() == f"{at + 1} of {len(STAGES)}"
    assert page.locator(".map .box.lit").get_attribute("data-key") == stage.key
    assert address(page) == {"stage": stage.key} | params
    assert stage.title in page.locator("h1.title").inner_text()
    assert stage.caption(seen) in page.locator("p.look").inner_text()
    drawn = page.locator(".st-key-stage canvas.cells").first.get_attribute("aria-label")
    assert drawn.startswith(stage.picture(seen).alt)


def test_quick_presses_in_the_walk(server, visit, seen):
    page = visit(f"{server.url}/?stage={KEYS[FIRST]}")
    press(page, *["ArrowRight"] * 8)
    agree(page, seen, FIRST + 8)
    back, forward = (page.locator(f".st-key-{name} button") for name in ("back", "next"))
    press(page, back, back, back, back, "PageDown", forward, forward)
    agree(page, seen, FIRST + 7)
    press(
        page,
        *(
            page.locator(f".map .box[data-key={key}]")
            for key in ("gelu", "causal-mask", "expand", "attention-weights", "context-vectors")
        ),
    )
    agree(page, seen, KEYS.index("context-vectors"))
    page.go_back()
    page.wait_for_function("key => !location.search.includes(key)", arg="context-vectors")
    rest(page)
    assert page.locator(".count").inner_text() == f"{KEYS.index(address(page)['stage']) + 1} of {len(STAGES)}"
    page.go_forward()
    agree(page, seen, KEYS.index("context-vectors"))


def test_a_drawer_opened_by_a_cell_closes_and_one_opened_by_its_tab_stays(server, visit, seen):
    page = visit(f"{server.url}/?stage={KEYS[FIRST]}")
    page.locator(".st-key-stage canvas.cells").first.click(position={"x": 200, "y": 60})
    page.wait_for_selector(".check")
    press(page, "PageDown", "PageDown", "PageDown")
    agree(page, seen, FIRST + 3, token="0")
    page.get_by_role("radio", name="Numbers").click()
    page.wait_for_function("location.search.includes('drawer=numbers')")
    page.locator(".st-key-next button").click()
    page.wait_for_function("location.search.includes('norm1')")
    assert address(page) == {"stage": KEYS[FIRST + 4], "drawer": "numbers", "token": "0"}


@pytest.mark.parametrize(
    ("path", "name", "start", "step"),
    [("/?stage=embedding-dropout&dropout=0.1", "dropout", 0.1, 0.01), ("/Sampling?view=temperature", "t", 2.0, 0.1)],
    ids=("walk", "lab"),
)
def test_quick_presses_at_a_slider(server, visit, path, name, start, step):
    page = visit(server.url + path)
    slider = page.get_by_role("slider").first
    slider.focus()
    press(page, *["ArrowRight"] * 7, *["ArrowLeft"] * 2)
    settle(page)
    wanted = round(start + step * 5, 2)
    assert float(slider.input_value()) == pytest.approx(wanted)
    assert address(page)[name] == f"{wanted:g}"
    if name == "dropout":
        assert f"DROPOUT {wanted:g}, seed 0" in page.locator(".badge.train").inner_text()
