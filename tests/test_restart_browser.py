"""In the browser: the server is killed and starts again while pages are open, and every page goes on where it was."""

from urllib.parse import urlparse

from playwright.sync_api import expect

from conftest import ROOT, settle
from gptviz.stages import STAGES

APP = ROOT / "app.py"
OWN = "These are words of my own, and nobody else has them. " * 40
CELL = "blocks.2.att.weights@0,4,3,1"


def connected(page, whether: bool) -> None:
    wanted = "[data-test-connection-state=CONNECTED]"
    page.locator(f"[data-testid=stApp]{wanted if whether else f':not({wanted})'}").wait_for(state="attached", timeout=60_000)


def beside(page, url: str):
    """Another tab of the same browser, which has the scripts already."""
    tab = page.context.new_page()
    tab.goto(url, wait_until="domcontentloaded")
    settle(tab)
    return tab


def seen(page) -> tuple[str, str, list[str]]:
    """The address, all words, and what its controls stand at."""
    settle(page)
    values = "nodes => nodes.map(node => node.ariaValueText ?? node.value ?? '')"
    return page.url, page.locator("body").inner_text(), page.locator("input, textarea, [role=slider]").evaluate_all(values)


def test_open_pages_go_on_after_a_restart(serve, visit):
    server = serve(APP)
    chosen = f"text=She opened the door&block=3&head=5&dropout=0.3&seed=4&cell={CELL}&drawer=recompute"
    walk = visit(f"{server.url}/?stage=attention-weights&{chosen}")
    lab, present, train, running = (
        beside(walk, f"{server.url}/{address}")
        for address in ("Sampling?text=The cat sat", "?stage=softmax&present=1", "Train?pick=own", "Train?pick=walrus")
    )

    slider = lab.get_by_role("slider").first
    slider.focus()
    for _ in range(3):
        slider.press("ArrowRight")
    lab.wait_for_url("**t=*")
    train.get_by_label("Your text").fill(OWN)
    train.get_by_label("Your text").blur()
    train.get_by_text("to learn from,").wait_for()
    running.get_by_role("button", name="Start", exact=True).click()
    running.get_by_role("button", name="Stop", exact=True).wait_for()
    running.wait_for_url("**run=1*")
    before = {page: seen(page) for page in (walk, lab, present, train)}
    assert "shown − recomputed" in before[walk][1] and "0.3" in before[walk][0] and "3,320,640 numbers" in before[train][1]

    assert not visit.problems
    server.process.kill()
    server.process.wait()
    for page in (*before, running):
        connected(page, False)
    serve(APP, port=urlparse(server.url).port)
    for page in (*before, running):
        connected(page, True)
    visit.problems.clear()  # while nobody answers, the pages say so to their consoles
    for page, shown in before.items():
        assert seen(page) == shown

    running.get_by_text("There is no run here any more").wait_for()
    expect(running.get_by_role("button", name="Start", exact=True)).to_be_enabled()
    running.wait_for_url("**pick=walrus*")
    walk.get_by_role("button", name="Next ›").click()
    following = STAGES[[stage.key for stage in STAGES].index("attention-weights") + 1]
    walk.wait_for_url(f"**stage={following.key}*")
    slider.focus()
    slider.press("ArrowRight")
    lab.wait_for_url(lambda url: url != before[lab][0])
