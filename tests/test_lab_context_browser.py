"""The context lab in a real browser: every control moves the picture and the words to the numbers of the model."""

import numpy as np

from accessible import assert_accessible
from conftest import settle
from gptviz.labs.context import batches, cropping, order, windows
from sample_models import mini
from test_lab_context import BY_KEY, setting


def opened(visit, server, key: str, **options):
    page = visit(f"{server.url}/Context?view={key}", **options)
    said(page, setting(key))
    return page


def said(page, asked) -> None:
    """Wait for the words that belong to a setting; the page is whole and nothing sticks out sideways."""
    key = next(
        key
        for key, one in BY_KEY.items()
        if one.controls_for(asked) and set(asked.values) == {c.name for c in one.controls_for(asked)}
    )
    caption = BY_KEY[key].caption(asked).split(" (rounding)")[0]
    page.wait_for_function(
        "start => document.querySelector('.look')?.innerText.includes(start)", arg=caption[:90], timeout=30_000
    )
    settle(page)
    assert page.locator("[data-testid=stException], [data-testid=stAlert]").count() == 0
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")


def slide(page, label: str, *keys: str) -> None:
    """Move the slider of that label by keys."""
    handle = page.locator("[data-testid=stSlider]").filter(has_text=label).locator("input[type=range]")
    handle.focus()
    for key in keys:
        handle.press(key)


def choose(page, label: str, option: str) -> None:
    page.locator("[data-testid=stButtonGroup]").filter(has_text=label).get_by_text(option, exact=True).click()


def drawn(page, chart: int, trace: int, name: str) -> np.ndarray:
    """What one trace of a chart on the page holds."""
    read = "([n, t, name]) => Array.from(document.querySelectorAll('.js-plotly-plot')[n]._fullData[t][name])"
    return np.array(page.evaluate(read, [chart, trace, name]))


def test_context_length(visit, server):
    page = opened(visit, server, "cropping")
    slide(page, "Context length", "ArrowRight")
    asked = setting("cropping", window=3)
    said(page, asked)
    assert page.locator(".chip.cropped").count() == 1 and page.locator(".chip").count() == 4
    curve = cropping.grow(asked, 3)
    np.testing.assert_allclose(drawn(page, 0, 0, "y"), curve.shares[:, curve.candidates()[0]], rtol=1e-4)
    assert "window=3" in page.url
    assert_accessible(page, narrow=True)


def test_beyond_the_limit(visit, server):
    page = opened(visit, server, "limit", theme="dark")
    assert "256 rows" in page.locator(".foot").inner_text()
    slide(page, "Tokens in the text", "ArrowLeft")
    said(page, setting("limit", tokens=256))
    assert page.locator(".chip.cropped").count() == 0 and "refuses" not in page.locator(".chips").inner_text()
    slide(page, "Tokens in the text", "ArrowRight", "ArrowRight", "ArrowRight")
    said(page, setting("limit", tokens=259))
    assert page.locator(".chip.cropped").count() == 3


def test_sliding_window(visit, server):
    page = opened(visit, server, "sliding")
    slide(page, "Stride", "ArrowLeft", "ArrowLeft")
    said(page, setting("sliding", stride=2))
    slide(page, "Window:", "ArrowLeft")
    said(page, setting("sliding", stride=2, length=3))
    slide(page, "Batch size", "ArrowRight")
    asked = setting("sliding", stride=2, length=3, rows=3)
    said(page, asked)
    made = windows.cut_setting(asked)[1]
    assert drawn(page, 1, 0, "customdata")[::2].tolist() == made.inputs[:3].tolist()
    assert drawn(page, 0, 1, "base").tolist() == [start + 1 for start in made.starts[:5]]
    typed = page.get_by_label("Your sentence goes on with")
    typed.fill("and home again")
    typed.press("Enter")
    said(page, setting("sliding", stride=2, length=3, rows=3, after="and home again"))


def test_every_position(visit, server):
    page = opened(visit, server, "positions")
    slide(page, "Row", "ArrowRight")
    asked = setting("positions", row=1)
    said(page, asked)
    np.testing.assert_allclose(drawn(page, 0, 0, "x"), windows.predictions(asked)[1].surprisals, rtol=1e-6)


def test_batch_of_two(visit, server):
    page = opened(visit, server, "batch", theme="dark")
    typed = page.get_by_label("Second sentence")
    typed.fill("Nobody")
    typed.press("Shift+Enter")
    page.keyboard.insert_text("knows")
    typed.press("Enter")
    asked = setting("batch", second="Nobody\nknows")
    said(page, asked)
    np.testing.assert_allclose(drawn(page, 0, 3, "customdata"), batches.comparison_of(asked).other)
    box = page.get_by_role("combobox", name="Block to open")
    box.press("ArrowDown")
    page.get_by_role("option", name="block 3 of 6").click()
    page.wait_for_function("document.querySelector('.js-plotly-plot')?.layout?.title.text.includes('block 3 opened')")
    asked = setting("batch", second="Nobody\nknows", opened=3)
    np.testing.assert_allclose(drawn(page, 0, 0, "customdata"), batches.comparison_of(asked).sizes, rtol=1e-5)


def test_swap_two_words(visit, server):
    page = opened(visit, server, "swap")
    choose(page, "with this one", "2 ·moves")
    asked = setting("swap", two=2)
    said(page, asked)
    np.testing.assert_allclose(drawn(page, 0, 0, "customdata"), order.swap_of(asked).largest[0, 1:, -1], rtol=1e-5)
    assert "EDITED" in page.locator("h1.title").last.inner_text()
    choose(page, "Swap this token", "1 ·effort")
    said(page, setting("swap", one=1, two=2))


def test_shift_positions(visit, server):
    page = opened(visit, server, "shift", width=1920, height=1080)
    slide(page, "Shift by", "Home")
    said(page, setting("shift", by=0))
    slide(page, "Shift by", "End")
    said(page, setting("shift", by=252))
    choose(page, "Positions", "none")
    asked = setting("shift", by=252, positions="none")
    said(page, asked)
    made = order.shift_of(asked)
    words = [word for _, word in drawn(page, 0, 1, "customdata").tolist()]
    np.testing.assert_allclose(drawn(page, 0, 1, "x"), made.shares[1][[int(word) for word in words]], rtol=1e-4)
    assert "no positions" in page.locator("h1.title").last.inner_text() and mini().config.context_length == 256
