"""The context lab in a real browser: every control moves the picture and the words to the numbers of the model."""

import numpy as np

from conftest import settle
from gptviz.labs.context import batches
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


def drawn(page, chart: int, trace: int, name: str) -> np.ndarray:
    """What one trace of a chart on the page holds."""
    read = "([n, t, name]) => Array.from(document.querySelectorAll('.js-plotly-plot')[n]._fullData[t][name])"
    return np.array(page.evaluate(read, [chart, trace, name]))


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
