"""In the browser: one reader downloads from a throttled stand-in while another keeps stepping."""

import re
from dataclasses import asdict

import pytest

from conftest import ROOT, settle
from gptviz import hub
from gptviz.config import PRESETS
from stand_in_hub import StandInHub
from test_hub import REPO, REVISION, stored  # noqa: F401 the model that the stand-in serves

APP = """
from gptviz import hub
from gptviz.config import GPTConfig
from gptviz.ui import navigation

hub.PUBLISHED = {{"gpt2": hub.Published("gpt2", "GPT-2 small", {repo!r}, {revision!r}, {size}, {sha256!r}, GPTConfig(**{config!r}))}}
navigation.run()
"""


@pytest.fixture
def mirror(stored, tmp_path, serve):  # noqa: F811
    """A throttled stand-in, and a gptviz server whose mirror it is: (stand-in, server)."""
    with StandInHub(stored, REPO, REVISION, speed=60_000) as running:
        size = (stored / hub.WEIGHTS).stat().st_size
        app = tmp_path / "app.py"
        config = asdict(PRESETS["tiny"])
        app.write_text(APP.format(repo=REPO, revision=REVISION, size=size, sha256=running.etag(hub.WEIGHTS), config=config))
        (tmp_path / "pages").symlink_to(ROOT / "pages")
        yield running, serve(app, HF_ENDPOINT=running.url, HF_HUB_CACHE=str(tmp_path / "cache"), GPTVIZ_MODELS="")


def choose(page, name: str) -> None:
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name=name).click()


def test_a_reader_downloads_while_another_steps(mirror, visit):
    stand_in, server = mirror
    one = visit(f"{server.url}/?stage=attention-weights")
    two = visit(f"{server.url}/?stage=text")
    choose(one, "gpt2 (download 3 MB)")
    one.get_by_text("gpt2 is not on this machine").wait_for()
    assert not stand_in.requests
    one.get_by_role("button", name="Download gpt2").click()
    bar = one.get_by_text(re.compile(r"gpt2: .* of 3 MB, .*/s, \d+ s left"))
    bar.wait_for()
    first = bar.inner_text()

    for title in ("Token ids", "Token embedding", "Positional embedding"):
        two.get_by_role("button", name="Next ›").click()
        two.locator("h1.title", has_text=title).wait_for()
    assert bar.inner_text() != first  # it goes on by itself, and is not over

    choose(two, "gpt2 (download 3 MB)")
    two.get_by_text(re.compile(r"gpt2: .* of 3 MB")).wait_for()  # the same download
    stand_in.speed = None
    for page in (one, two):
        page.get_by_role("button", name="Use gpt2 now").wait_for()
    assert stand_in.fetched() == [hub.CONFIG, hub.WEIGHTS]
    one.get_by_role("button", name="Use gpt2 now").click()
    one.wait_for_url(re.compile("model=gpt2"))
    settle(one)
    assert one.get_by_role("combobox", name="Block").input_value() == "Block 1 of 2"
    assert one.get_by_role("button", name="Use gpt2 now").count() == 0
    two.locator("h1.title", has_text="Positional embedding").wait_for()
