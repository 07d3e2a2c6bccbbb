"""The gradients lab in a real browser: every control moves by keyboard, and the page then says and draws the right numbers."""

import pytest

from accessible import assert_accessible
from conftest import settle
from test_lab_gradients import EXPERIMENTS, setting

LONG = "The sea was calm, and the ship lay still in the bay. " * 16


def said(page) -> str:
    return page.locator("p.look").inner_text()


def expect(page, key: str, **values) -> None:
    """Wait until the page says what the experiment says of these values; the picture's numbers must be the experiment's too."""
    asked = setting(key, **values)
    page.wait_for_function(
        "text => document.querySelector('p.look')?.innerText.includes(text)",
        arg=EXPERIMENTS[key].caption(asked),
        timeout=20_000,
    )
    settle(page)
    charts = [made for made in EXPERIMENTS[key].pictures(asked) if hasattr(made, "data")]
    drawn = page.evaluate(
        "() => [...document.querySelectorAll('.js-plotly-plot')].map(one => one.data.map(trace => trace.name ?? ''))"
    )
    assert [len(names) for names in drawn] == [len(chart.data) for chart in charts]
    for at, chart in enumerate(charts):
        for n, line in enumerate(chart.data):
            if line.name is None and line.type != "bar":
                continue
            shown = page.evaluate(
                "([at, n]) => Array.from(document.querySelectorAll('.js-plotly-plot')[at]._fullData[n].y, y => y ?? null)",
                [at, n],
            )
            expected = [None if y is None else float(y) for y in line.y]
            assert shown == pytest.approx(expected, rel=1e-5, abs=1e-12, nan_ok=True), (key, values, line.name)
    assert page.locator("[data-testid=stException]").count() == 0
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")


def slide(page, label: str, key: str, times: int = 1) -> None:
    handle = page.get_by_role("slider", name=label)
    handle.focus()
    for _ in range(times):
        page.keyboard.press(key)


def choose(page, label: str, option: str) -> None:
    box = page.get_by_role("combobox", name=label)
    box.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type(option)
    page.keyboard.press("Enter")


def test_way_back_and_sensitivity(server, visit):
    page = visit(f"{server.url}/Gradients")
    expect(page, "way-back")
    choose(page, "Prediction made at", "0 Every")
    expect(page, "way-back", at=0)
    page.get_by_role("textbox", name="Token it should predict").fill(" door")
    page.keyboard.press("Enter")
    expect(page, "way-back", at=0, target=" door")
    choose(page, "Shortcuts off", "attention only")
    expect(page, "way-back", at=0, target=" door", off="attention")
    page.get_by_role("radio", name="stream").press("Enter")
    expect(page, "way-back", at=0, target=" door", off="attention", size="stream")
    page.get_by_role("switch", name="LayerNorms off").press("Space")
    expect(page, "way-back", at=0, target=" door", off="attention", size="stream", norms=True)
    assert "norms=1" in page.url and "off=attention" in page.url
    page.get_by_role("radio", name="Sensitivity").press("Enter")
    expect(page, "sensitivity", at=0, target=" door")
    choose(page, "Measure", "gradient × input")
    expect(page, "sensitivity", at=0, target=" door", measure="product")


def test_toy_and_wiring(server, visit):
    page = visit(f"{server.url}/Gradients?view=toy")
    expect(page, "toy")
    slide(page, "Layers", "End")
    expect(page, "toy", layers=10)
    slide(page, "Seed of the random weights", "ArrowRight")
    expect(page, "toy", layers=10, draw=124)
    page = visit(f"{server.url}/Gradients?view=wiring", theme="dark")
    expect(page, "wiring")
    choose(page, "LayerNorm stands", "after each sum")
    expect(page, "wiring", wiring="post")
    choose(page, "Token", "1 ·effort")
    expect(page, "wiring", wiring="post", row=1)
    slide(page, "Block drawn", "End")
    expect(page, "wiring", wiring="post", row=1, block=6)
    assert "block 6" in page.locator(".js-plotly-plot").first.inner_text()


def test_layer_norm(server, visit):
    page = visit(f"{server.url}/Gradients?view=variance")
    expect(page, "variance")
    slide(page, "n: numbers used", "ArrowRight", 2)
    expect(page, "variance", n=8)
    choose(page, "Token", "0 Every")
    expect(page, "variance", n=8, row=0)
    page = visit(f"{server.url}/Gradients?view=epsilon")
    expect(page, "epsilon")
    slide(page, "Spread of the TOY row around 3", "ArrowRight", 3)
    expect(page, "epsilon", spread=0.03)
    choose(page, "ε", "0.1")
    expect(page, "epsilon", spread=0.03, eps=0.1)
    page = visit(f"{server.url}/Gradients?view=scale-shift")
    expect(page, "scale-shift")
    slide(page, "Your scale γ, for all features", "Home")
    expect(page, "scale-shift", scale=-2.0)
    slide(page, "Your shift β, for all features", "ArrowRight")
    expect(page, "scale-shift", scale=-2.0, shift=0.6)
    choose(page, "LayerNorm", "final LayerNorm")
    expect(page, "scale-shift", scale=-2.0, shift=0.6, norm="final")


def test_feed_forward(server, visit):
    page = visit(f"{server.url}/Gradients?view=gelu")
    expect(page, "gelu")
    slide(page, "x", "ArrowLeft", 2)
    expect(page, "gelu", x=-0.85)
    slide(page, "Block", "ArrowRight")
    expect(page, "gelu", x=-0.85, block=2)
    page.get_by_role("radio", name="Four times").press("Enter")
    expect(page, "four-times")
    slide(page, "Expansion factor f", "End")
    expect(page, "four-times", factor=8)
    assert "COMPUTED: this model's factor is 4, not 8" in page.inner_text("body")


def test_long_text_fits_in_the_dark(server, visit):
    page = visit(f"{server.url}/Gradients?text={LONG.strip()}", theme="dark")
    for one in EXPERIMENTS.values():
        page.get_by_role("radio", name=one.title).press("Enter")
        page.wait_for_function(
            "title => [...document.querySelectorAll('h1.title')].at(-1)?.innerText.includes(title)", arg=one.title
        )
        settle(page)
        assert one.title in page.locator("h1.title").last.inner_text() and said(page).startswith("Look for:")
        assert page.locator("[data-testid=stException]").count() == 0
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")
    assert_accessible(page, narrow=True)
