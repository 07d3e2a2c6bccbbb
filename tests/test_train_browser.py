"""In the browser: two readers train one after the other, pause, stop, and walk through what came out."""

import re

import pytest
from playwright.sync_api import expect

from accessible import assert_accessible
from conftest import ROOT, settle

SECONDS = 60_000


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def stepped(page, name: str = "TRAINING"):
    """The badge once at least one step is taken."""
    return page.locator(".badge.train", has_text=re.compile(rf"{name} · (step )?[1-9]"))


APP = """
from gptviz.training import jobs
from gptviz.ui import navigation

jobs.PRIORITY = 0
navigation.run()
"""


@pytest.fixture(scope="module")
def server(serve, tmp_path_factory):
    """The app, but for runs that give way to nobody, so that busy cores do not make the tests late."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "app.py").write_text(APP)
    (folder / "pages").symlink_to(ROOT / "pages")
    return serve(folder / "app.py")


def test_two_readers_in_turn(server, visit):
    one = visit(f"{server.url}/Train?size=smaller&seconds=60")
    one.get_by_text("16,064 tokens").wait_for()
    button(one, "Start").click()
    stepped(one).wait_for(timeout=SECONDS)
    one.get_by_text("What it writes").wait_for()
    line = one.locator("svg.losses .batches")
    short = line.get_attribute("points")
    assert_accessible(one)

    two = visit(f"{server.url}/Train?pick=walrus&size=smaller&seconds=10", theme="dark")
    button(two, "Start").click()
    two.get_by_text("One reader is training; you are next.").wait_for()
    settle(two)  # what is on its way out is pale
    assert_accessible(two, narrow=True)

    button(one, "Pause").click()
    stepped(one, "PAUSED").wait_for()
    stood = stepped(one, "PAUSED").inner_text()
    one.wait_for_timeout(1500)
    assert stepped(one, "PAUSED").inner_text() == stood
    button(one, "Go on").click()
    stepped(one).wait_for()
    expect(stepped(one)).not_to_have_text(stood.replace("PAUSED", "TRAINING"), timeout=SECONDS)
    assert len(line.get_attribute("points")) > len(short)
    button(one, "Stop").click()
    button(one, "Train again").wait_for(timeout=SECONDS)
    one.get_by_text(re.compile(r"steps in \d+ s read the text")).wait_for()

    two.get_by_text("What it writes").wait_for(timeout=SECONDS)  # by itself
    assert "The sun was shining" in two.locator(".samples").inner_text()
    assert "Once upon a time" in one.locator(".samples").inner_text()
    assert "Once upon a time" not in two.locator("body").inner_text()
    button(two, "Stop").click()
    button(two, "Walk through it").click(timeout=SECONDS)
    two.wait_for_url(re.compile("/(walk)?\\?.*model=own-"))
    two.set_viewport_size({"width": 1366, "height": 768})
    settle(two)
    expect(two.get_by_role("combobox", name="Model")).to_have_value("your own")
    button(two, "Next ›").click()
    two.locator("h1.title", has_text="Token ids").wait_for()


def test_a_text_of_ones_own_is_escaped_and_measured(server, visit):
    page = visit(f"{server.url}/Train?pick=own&size=smaller")
    box = page.get_by_label("Your text")
    box.fill("only a few words")
    box.blur()
    page.get_by_text("That text has 4 tokens; a run needs at least 300. 296 more are needed.").wait_for()
    expect(button(page, "Start")).to_be_disabled()
    box.fill("<img src=x onerror=document.title='broken'> and so on " * 40)
    box.blur()
    expect(button(page, "Start")).to_be_enabled()
    button(page, "Start").click()
    page.get_by_text("What it writes").wait_for(timeout=SECONDS)
    assert "<img src" in page.locator(".samples").inner_text() and page.locator(".samples img").count() == 0
    button(page, "Stop").click()
    button(page, "Train again").click(timeout=SECONDS)
    expect(page.get_by_label("Your text")).to_have_value(re.compile("^<img src=x"))
    assert page.title() != "broken"
