"""The size lab in a real browser: presets, every slider and switch, refusals, and the numbers they lead to."""

from accessible import assert_accessible
from conftest import settle
from gptviz.config import PRESETS, GPTConfig
from test_lab_choosing_browser import address, drawn, press, said, whole


def click(page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()
    page.wait_for_timeout(150)
    settle(page)


def test_every_size_moves_the_ledger(server, visit):
    page = visit(f"{server.url}/Size")
    assert "17,670,400 numbers" in said(page)
    click(page, "GPT-2 small")
    assert "124,439,808 numbers" in said(page) and "124,439,808 learned numbers" in drawn(page)
    moves = {"Width": ("n_embd", 768 + 64), "Blocks": ("n_layer", 13), "Context length": ("context_length", 1024 + 64)}
    sizes = {}
    for label, (field, value) in moves.items():
        if label == "Width":
            press(page, "Heads", "Home")
            sizes["n_head"] = 1
            assert "124,439,808 numbers" in said(page)
        press(page, label, "ArrowRight")
        sizes[field] = value
        assert f"{GPTConfig(**sizes).n_parameters:,} learned numbers" in drawn(page)
    press(page, "Vocabulary", "ArrowLeft")
    sizes["vocab_size"] = 49_257
    assert f"{GPTConfig(**sizes).n_parameters:,} learned numbers" in drawn(page)
    for label, field in (("Tied output head", "tied_head"), ("Bias on Q, K, V", "qkv_bias")):
        page.get_by_text(label, exact=True).click()
        page.wait_for_timeout(150)
        settle(page)
        sizes[field] = False
        assert f"{GPTConfig(**sizes).n_parameters:,} learned numbers" in drawn(page)
    assert page.locator(".badge", has_text="self-made").count() == 1
    click(page, "table")
    assert page.locator("[data-testid=stDataFrame]").count() == 1 and address(page)["as"] == "table"
    whole(page)


def test_heads_that_do_not_divide_the_width_are_refused(server, visit):
    page = visit(f"{server.url}/Size?view=heads", theme="dark")
    press(page, "Heads", "ArrowLeft")
    assert "width 256 cannot be split into 7 heads" in page.locator("[data-testid=stAlert]").inner_text()
    press(page, "Heads", *["ArrowLeft"] * 3)
    assert "4 heads of 64 channels: 17,670,400 numbers" in said(page)
    press(page, "Blocks", "ArrowRight")
    assert f"{PRESETS['mini'].n_parameters + 789_760:,} learned numbers" in drawn(page)
    whole(page)


def test_memory_and_work_of_gpt2_small(server, visit):
    page = visit(f"{server.url}/Size?view=memory&model=gpt2-untrained")
    assert "72 KiB" in said(page) and "474.7 MiB" in drawn(page)
    click(page, "int8")
    assert "118.7 MiB" in said(page)
    press(page, "Sequences in the batch", "ArrowRight")
    assert "2 sequences of 1,024 tokens 36 MiB" in said(page)
    press(page, "Share of the context filled", "Home")
    assert "1 tokens" not in said(page) and "36 KiB" in said(page)
    click(page, "Work")
    assert "988,846,080 operations" in drawn(page)
    press(page, "Tokens in the prompt", "ArrowRight")
    assert f"{sum(PRESETS['gpt2'].flops(5).values()):,} operations" in drawn(page)
    click(page, "124 or 163 million?")
    assert all(number in drawn(page) for number in ("124,412,160", "124,439,808", "163,009,536", "163,037,184"))
    whole(page)
    assert_accessible(page, narrow=True)
