"""Odd checkpoints in a real browser: the walk goes on where there is no picture, more words than GPT-2's, a folder that goes away."""

import json
import os
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest

from conftest import settle
from gptviz import trace, weights
from gptviz.config import PRESETS, GPTConfig
from gptviz.stages import STAGES
from sample_checkpoints import whole
from sample_models import randomised

APP = Path(__file__).parents[1] / "app.py"
KEYS = [stage.key for stage in STAGES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    broken = randomised(PRESETS["tiny"], seed=3)
    broken.blocks[0].ff.expand.weight.mul_(1e30)
    weights.save(broken, folder / "broken")
    chatting = randomised(GPTConfig(n_embd=16, n_head=2, n_layer=1, context_length=2, vocab_size=50259), seed=4)
    chatting.tok_emb.weight[50258] = trace.run(chatting, [64])["final_norm"][0, -1]  # what comes after "a"
    weights.save(chatting, folder / "chat")
    (folder / "chat" / "tokenizer.json").write_text(json.dumps(whole({50257: "<|pad|>", 50258: "<|a`b|>"})))
    return folder


@pytest.fixture(scope="module")
def server(serve, folder):
    return serve(APP, GPTVIZ_MODELS=os.pathsep.join(str(folder / name) for name in ("broken", "chat")))


def stage_of(page) -> str:
    return parse_qs(urlparse(page.url).query).get("stage", ["text"])[0]


def test_keys_walk_through_the_steps_that_cannot_be_shown(server, visit):
    start = KEYS.index("gelu") - 2
    page = visit(f"{server.url}/?model=broken&stage={KEYS[start]}")
    assert page.locator("[data-testid=stAlert]").count() == 0
    for key, at in (("ArrowRight", start + 1), ("ArrowRight", start + 2), ("PageDown", start + 3), ("ArrowLeft", start + 2)):
        page.keyboard.press(key)
        page.wait_for_function("title => document.querySelector('h1.title')?.innerText.includes(title)", arg=STAGES[at].title)
        settle(page)
        assert stage_of(page) == KEYS[at]
        assert page.locator(".count").inner_text() == f"{at + 1} of {len(KEYS)}"
        lost = at >= KEYS.index("expand")
        assert page.locator("[data-testid=stAlert]").count() == lost
        if lost:
            assert "blocks.0.ff.hidden (block 1)" in page.locator("[data-testid=stAlert]").inner_text()
    assert "Traceback" not in server.log.read_text()


def test_rows_beyond_gpt2s_tokens_are_named_and_written_by_the_model_alone(server, visit):
    page = visit(f"{server.url}/?model=chat&stage=append&text=a")
    page.get_by_role("button", name="Append").first.click()
    page.wait_for_function("document.querySelector('.st-key-take-back button')?.disabled === false")
    settle(page)
    chips = page.locator(".chips .piece").all_inner_texts()
    assert chips[:2] == ["a", "<|a`b|>"]
    page.get_by_role("button", name="Options").click()
    said = page.get_by_text("beyond GPT-2's 50,257 tokens")
    said.wait_for()
    assert "2 rows" in said.inner_text() and "never becomes" in said.inner_text()


def test_a_folder_that_goes_away_stops_nobody_who_has_its_model(server, visit, folder):
    page = visit(f"{server.url}/?model=chat&stage=token-ids")
    shutil.move(folder / "chat", folder / "away")
    for at in (KEYS.index("token-ids") + 1, KEYS.index("token-ids") + 2):
        page.keyboard.press("ArrowRight")
        page.wait_for_function("title => document.querySelector('h1.title')?.innerText.includes(title)", arg=STAGES[at].title)
        settle(page)
        assert stage_of(page) == KEYS[at] and page.locator("[data-testid=stAlert]").count() == 0
        assert parse_qs(urlparse(page.url).query)["model"] == ["chat"]
    shutil.move(folder / "away", folder / "chat")
