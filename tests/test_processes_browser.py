"""In the browser: two processes of the app behind nginx and behind Caddy, with a room in Redis, and one of them is killed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from conftest import ROOT, settle
from fronts import COOKIE, Front
from test_classroom_browser import here, lead
from test_restart_browser import connected, seen

CELL = "blocks.2.att.weights@0,4,3,1"
CHOSEN = f"stage=attention-weights&text=She opened the door&block=3&head=5&dropout=0.3&seed=4&cell={CELL}&drawer=recompute"
LOST = """() => {
    const app = document.querySelector("[data-testid=stApp]")
    const away = done => () => app.dataset.testConnectionState !== "CONNECTED" && done()
    window.lost = new Promise(done => new MutationObserver(away(done)).observe(app, { attributes: true }))
}"""


@pytest.fixture
def browser(chromium):
    """A function (url, cookie) -> page, in a browser of its own that has this cookie and no other."""
    opened = []

    def page(url: str, cookie: str = "", **options):
        context = chromium.new_context(**options)
        opened.append(context)
        if cookie:
            context.add_cookies([{"name": COOKIE, "value": cookie, "url": url}])
        return tab(context, url)

    yield page
    for context in opened:
        context.close()


def tab(context, url: str):
    page = context.new_page()
    page.goto(url, wait_until="domcontentloaded")
    settle(page)
    return page


def place(page) -> str:
    """What the cookie says: which process this browser is served by."""
    return next(one["value"] for one in page.context.cookies() if one["name"] == COOKIE)


def test_a_process_dies_and_its_readers_and_its_room_go_on(serve, redis_server, browser, tmp_path):
    """One reader and the one who leads a room come through nginx, another reader and a follower through Caddy."""
    with ThreadPoolExecutor() as both:
        servers = list(both.map(lambda _: serve(ROOT / "app.py", GPTVIZ_REDIS=redis_server), range(2)))
    ports = [int(one.url.rpartition(":")[2]) for one in servers]
    with Front("nginx", ports, tmp_path) as nginx, Front("caddy", ports, tmp_path) as caddy:
        walk = browser(f"{nginx.url}/?{CHOSEN}", viewport={"width": 1366, "height": 768})
        first, second = ports if place(walk) == nginx.cookie(ports[0]) else reversed(ports)
        desk = tab(walk.context, f"{nginx.url}/?stage=softmax&present=1")
        lab = browser(f"{caddy.url}/Sampling?text=The cat sat&t=1.3", caddy.cookie(first))
        word = lead(desk)
        desk.get_by_role("button", name="Begin").click()
        settle(desk)
        pupil = browser(f"{caddy.url}/?join={word}", caddy.cookie(second))
        assert place(walk) == place(desk) == nginx.cookie(first)
        assert (place(lab), place(pupil)) == (caddy.cookie(first), caddy.cookie(second))
        desk.keyboard.press("PageUp")
        here(pupil, "stage=output-head")  # the lesson is in one process, its follower in the other
        shown = {page: seen(page) for page in (walk, lab)}
        assert "shown − recomputed" in shown[walk][1] and f"cell={CELL}" in shown[walk][0] and "t=1.3" in shown[lab][0]

        for page in (walk, desk, lab):
            page.evaluate(LOST)
        dead = servers[ports.index(first)].process
        dead.kill()
        dead.wait()
        for page in (walk, desk, lab):
            page.evaluate("window.lost")
            connected(page, True)
        assert {page: seen(page) for page in (walk, lab)} == shown
        assert (place(walk), place(lab)) == (nginx.cookie(second), caddy.cookie(second))
        walk.get_by_role("button", name="Next ›").click()
        walk.wait_for_url("**stage=weight-dropout*")
        desk.locator(".st-key-room", has_text=word).wait_for()  # still leads
        settle(desk)
        desk.keyboard.press("PageDown")
        for page in (desk, pupil):
            here(page, "stage=softmax")
        for page in (walk, desk, lab, pupil):
            expect(page.locator("[data-testid=stException]")).to_have_count(0)
