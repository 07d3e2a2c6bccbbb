"""The lab of choosing the next token in a real browser: every control moves the picture to the right numbers."""

from urllib.parse import parse_qs, urlparse

import pytest

from accessible import assert_accessible
from conftest import settle
from gptviz import sampling, trace
from gptviz.labs.sampling import drawing
from gptviz.words import percent
from sample_models import EFFORT, mini


@pytest.fixture(scope="module")
def logits():
    return trace.run(mini(), EFFORT, points=["logits"]).array("logits")[0, -1]


def said(page) -> str:
    return page.locator("p.look").inner_text()


def drawn(page) -> str:
    """All text of the chart."""
    return " ".join(page.locator(".js-plotly-plot text").all_text_contents())


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


def test_temperature_moves_shares_and_keeps_ranks(server, visit, logits):
    page = visit(f"{server.url}/Sampling")
    assert percent(float(sampling.tempered(logits, 2.0).max())) in said(page)
    press(page, "Temperature T", "Home")
    assert "T = 0 is no division" in said(page) and "with: T = 0" in drawn(page)
    press(page, "Temperature T", *["ArrowRight"] * 5)
    assert address(page)["t"] == "0.5"
    expected = percent(float(sampling.tempered(logits, 0.5).max()))
    assert expected in said(page) and f"#1  {expected}" in drawn(page).replace("\xa0", " ")
    assert "Ranks that changed: 0 of 50,257" in said(page)
    whole(page)


def test_top_k_top_p_and_temperature_change_the_pool(server, visit, logits):
    page = visit(f"{server.url}/Sampling?view=pool", theme="dark")
    press(page, "Top-k (0 = off)", *["ArrowRight"] * 7)
    assert f"7 tokens of 50,257, mass kept {percent(sampling.pool(logits, k=7, p=0.8).kept)}" in drawn(page)
    press(page, "Top-k (0 = off)", "Home")
    press(page, "Top-p (1 = off)", "ArrowLeft", "ArrowLeft")
    pool = sampling.pool(logits, p=0.7)
    assert f"{pool.size:,} tokens of 50,257" in drawn(page) and f"rank {pool.size:,}" in said(page)
    press(page, "Temperature T", *["ArrowLeft"] * 5)
    pool = sampling.pool(logits, temperature=0.5, p=0.7)
    assert f"{pool.size:,} tokens of 50,257, mass kept {percent(pool.kept)}" in drawn(page)
    whole(page)


def test_another_seed_draws_other_counts(server, visit, logits):
    page = visit(f"{server.url}/Sampling?view=draws&k=5")
    for seed in (0, 1, 2):
        counts = drawing.draw(sampling.pool(logits, k=5), seed).counts
        assert all(f"{count}  (expected" in drawn(page).replace("\xa0", " ") for count in counts)
        press(page, "Seed", "ArrowRight")
    whole(page)


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


def test_the_toy_is_labelled_and_shows_the_books_numbers(server, visit):
    page = visit(f"{server.url}/Sampling?view=toy")
    assert page.locator(".badge", has_text="TOY").count() == 1
    assert "57.2 %" in drawn(page) and "24.2 %" in drawn(page)
    press(page, "Top-k (0 = off)", *["ArrowRight"] * 3)
    assert '"pizza" is out' in said(page)
    whole(page)
