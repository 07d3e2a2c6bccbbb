"""The lab of choosing the next token in a real browser: every control moves the picture to the right numbers."""

from urllib.parse import parse_qs, urlparse

import pytest

from accessible import assert_accessible
from conftest import settle
from gptviz import trace
from sample_models import EFFORT, mini


@pytest.fixture(scope="module")
def logits():
    return trace.run(mini(), EFFORT, points=["logits"]).array("logits")[0, -1]


def said(page) -> str:
    return page.locator("p.look").inner_text()


def press(page, label: str, *keys: str) -> None:
    """Move one slider with the keyboard and wait for the new picture."""
    page.get_by_role("slider", name=label).focus()
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_timeout(150)
    settle(page)


def address(page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def whole(page) -> None:
    assert page.locator("[data-testid=stException]").count() == 0
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")


def test_writing_undoing_and_cropping(server, visit):
    page = visit(f"{server.url}/Sampling?view=write&steps=3")
    chips = page.locator(".chip.appended .piece")
    three = chips.all_inner_texts()
    press(page, "Tokens written", "ArrowLeft")
    assert chips.all_inner_texts() == three[:2] and "Pass 2" in said(page)
    press(page, "Tokens written", "ArrowRight")
    assert chips.all_inner_texts() == three
    press(page, "Seed", "ArrowRight")
    assert chips.all_inner_texts() != three and address(page)["seed"] == "1"
    page.goto(f"{server.url}/Sampling?view=write&steps=3&limit=4")
    settle(page)
    assert page.locator(".chip.cropped").count() == 3 and "2 tokens no longer fit" in said(page)
    whole(page)
    assert_accessible(page, narrow=True)
