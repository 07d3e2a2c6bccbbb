"""The dropout lab in a real browser: live numbers while dragging, no word to the server before release, every control."""

from dataclasses import replace
from urllib.parse import parse_qs, quote, urlparse

import numpy as np
import pytest

from conftest import settle
from gptviz import tokenizer, trace
from gptviz.labs.dropout import lab as dropout
from gptviz.labs.lab import Setting
from sample_models import mini

EXPERIMENTS = {one.key: one for one in dropout.LAB.experiments}
NOW = """canvas => {
    const { p, lines, after } = canvas.gptviz
    return { p, zeros: lines.map(line => line.zeros), sizes: lines.map(line => line.after), after: Array.from(after) }
}"""


def at(server, **params) -> str:
    return f"{server.url}/Dropout?" + "&".join(f"{name}={quote(str(value))}" for name, value in params.items())


def setting(key: str, text: str = "Every effort moves you", **values) -> Setting:
    plain = Setting(mini(), tuple(tokenizer.encode(text)), {}, text=text)
    return replace(plain, values={one.name: one.start() for one in EXPERIMENTS[key].controls_for(plain)} | values)


def address(page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def drawn(page) -> dict:
    """What the canvas shows now: p, the zeros and the size or sum of every row, the numbers after dropout."""
    return page.locator(".live canvas").evaluate(NOW)


def moved(page, last: float) -> dict:
    """What the canvas shows once p is no longer the last one."""
    for _ in range(200):
        now = drawn(page)
        if now["p"] != last:
            page.wait_for_timeout(100)  # the other steps of the same movement
            return drawn(page)
        page.wait_for_timeout(20)
    pytest.fail(f"p stayed at {last}")


def look(page) -> str:
    return page.locator(".look").inner_text().removeprefix("Look for: ")


def said(page, key: str, **values) -> None:
    """Wait until the caption on the page is the one of these values, and the address tells them."""
    wanted = EXPERIMENTS[key].caption(setting(key, **values))
    page.wait_for_function(
        "wanted => document.querySelector('.look')?.innerText.replace('Look for: ', '') === wanted", arg=wanted, timeout=20_000
    )
    settle(page)


def test_dragging_is_live_and_only_release_asks_the_server(server, visit):
    page = visit(at(server))
    before, words = drawn(page), look(page)
    picture = dropout.strips(setting("drag"))
    assert before["zeros"] == picture.zeros(0.5).tolist()
    box = page.locator(".live input").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.55, y)
    page.mouse.down()
    seen = []
    for share in (0.7, 0.85, 0.3):
        last = drawn(page)["p"]
        page.mouse.move(box["x"] + box["width"] * share, y, steps=4)
        now = moved(page, last)
        seen.append(now["p"])
        assert now["zeros"] == picture.zeros(now["p"]).tolist()
        assert np.array_equal(np.float32(now["after"]), picture.after(now["p"]).ravel())
    assert seen[2] < 0.5 < seen[0] < seen[1]
    page.wait_for_timeout(300)
    assert look(page) == words and "p" not in address(page)
    assert "let go and the model runs" in page.locator(".live .from").inner_text()
    assert f"p = {seen[2]:.2f}" == page.locator(".live .rate").inner_text()
    page.mouse.up()
    said(page, "drag", p=seen[2])
    assert address(page)["p"] == str(seen[2])
    made = trace.run(mini(), setting("drag").ids, dropout=seen[2], seed=0).array("drop_emb")
    assert np.array_equal(np.float32(drawn(page)["after"]), made.ravel())
    assert f"p = {seen[2]:g}, seed 0" in page.locator(".live .from").inner_text()


def test_the_slider_and_the_cells_obey_the_keyboard(server, visit):
    page = visit(at(server, place="weights", seed=3, p=0.2))
    slider = page.locator(".live input")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert drawn(page)["p"] == 0.25 and "p 0.25" in slider.get_attribute("aria-valuetext")
    said(page, "drag", place="weights", seed=3, p=0.25)
    now = drawn(page)
    made = trace.run(mini(), setting("drag").ids, dropout=0.25, seed=3).array("blocks.0.att.dropped")[0, 0]
    assert np.array_equal(np.float32(now["after"]), made.ravel())
    assert now["sizes"] == pytest.approx(made.sum(1).tolist(), rel=1e-5)
    page.keyboard.press("Home")
    assert not any(drawn(page)["zeros"])
    said(page, "drag", place="weights", seed=3, p=0.0)
    page.locator(".live canvas").focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowLeft", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.locator(".live .sum").inner_text().startswith("0 Every, key 0: 1 × 1 / (1 − 0.00) = 1 × 1.000 = 1")
