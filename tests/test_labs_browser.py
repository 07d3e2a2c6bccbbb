"""Every lab in a real browser: each of its views opens from the keyboard, fits, says what to look for and draws what it says; the first
slider of each obeys the keys, and what it was moved to is in the address."""

import pytest

from accessible import assert_accessible
from conftest import settle
from gptviz.labs import index

LONG = "The sea was calm, and the ship lay still in the bay. " * 5
NUMBERS = """() => [...document.querySelectorAll('.js-plotly-plot')].every(chart => chart._fullData.length > 0
    && document.querySelectorAll('[data-testid=stException]').length === 0)"""


def move(page, handle) -> None:
    """To one of its ends, which is another value than it has."""
    before = page.url
    handle.focus()
    page.keyboard.press("Home" if handle.get_attribute("aria-valuenow") != handle.get_attribute("aria-valuemin") else "End")
    page.wait_for_function("before => location.href !== before", arg=before, timeout=20_000)
    settle(page)


@pytest.mark.parametrize("theme, name", [(("light", "dark")[n % 2], name) for n, name in enumerate(index.LABS)])
def test_every_view_opens_fits_and_obeys_the_keys(server, visit, theme, name):
    page = visit(f"{server.url}/{name}?text={LONG.strip()}", theme=theme)
    for one in index.LABS[name].experiments:
        radio = page.get_by_role("radio", name=one.title, exact=True)
        if radio.count():
            radio.press("Enter")
        page.wait_for_function(
            "title => [...document.querySelectorAll('h1.title')].at(-1)?.innerText.includes(title)", arg=one.title
        )
        settle(page)
        if (handle := page.locator("[role=slider]:not([aria-disabled=true])")).count():
            move(page, handle.first)
        assert page.locator("p.look").last.inner_text().startswith("Look for:"), one.key
        assert page.evaluate(NUMBERS), one.key
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"), one.key
    assert_accessible(page, narrow=True)
