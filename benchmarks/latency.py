"""From moving a control to the new picture painted, in a real Chromium, for every step of the walk and every control of every lab.

usage: python benchmarks/latency.py [--repeats 5] [--pages Walk "What if" Dropout ...]
Prints one line a control: kind of picture, median, slowest. Times are milliseconds from the browser's own timestamp of the key or
click to the frame after the last change of the picture. Needs Chromium (or CHROMIUM=/path) and the packages of requirements-dev.txt.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

WATCH = """() => {
    const deep = (root, wanted) => [...root.querySelectorAll('*')].flatMap(
        node => (node.matches(wanted) ? [node] : []).concat(node.shadowRoot ? deep(node.shadowRoot, wanted) : []))
    const picture = () => {
        const root = document.querySelector('.st-key-stage')
        if (!root) return ''
        const cells = deep(root, 'canvas').map(canvas => canvas.dataset.ready)
        const charts = [...root.querySelectorAll('.main-svg')].map(svg => svg.innerHTML.length + svg.innerHTML.slice(0, 200))
        return JSON.stringify([cells, charts, document.querySelector('p.look')?.innerText, document.querySelector('p.did')?.innerText, [...root.querySelectorAll('.chips')].map(c => c.innerText)])
    }
    window.began = null
    window.changes = []
    for (const kind of ['keydown', 'click']) document.addEventListener(kind, event => { if (window.began === null) window.began = event.timeStamp }, true)
    let last = picture()
    const look = () => {
        const now = picture()
        if (now !== last) { last = now; requestAnimationFrame(time => window.changes.push(time)) }
        requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
}"""
SETTLED = """() => {
    const state = document.querySelector('[data-testid=stApp]')?.dataset.testScriptState
    const quiet = performance.now() - Math.max(window.began ?? 0, ...window.changes)
    return window.began !== null && state === 'notRunning' && quiet > (window.changes.length ? 300 : 2000)
}"""


def measured(page: Page, act) -> float | None:
    """Milliseconds from the first key or click of `act` to the last change of the picture; None when nothing changed."""
    page.evaluate("() => { window.began = null; window.changes = [] }")
    act()
    page.wait_for_timeout(60)
    page.wait_for_function(SETTLED)
    began, changes = page.evaluate("() => [window.began, window.changes]")
    return changes[-1] - began if changes else None


def kind(page: Page) -> str:
    charts = page.locator(".st-key-stage .js-plotly-plot").count()
    cells = page.locator(".st-key-stage canvas.cells").count()
    return "both" if charts and cells else "chart" if charts else "matrix" if cells else "text"


def ready(page: Page, url: str) -> None:
    page.goto(url, wait_until="domcontentloaded")
    page.wait_for_selector("h1.title")
    page.wait_for_function("document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'")
    page.wait_for_timeout(1000)
    page.evaluate(WATCH)


def row(where: str, what: str, picture: str, times: list[float | None]) -> tuple[str, float] | None:
    """Print one line; return the kind of picture and the median, or None when nothing ever changed."""
    seen = [time for time in times if time is not None]
    if not seen:
        print(f"{where:<34} {what:<30} {picture:<7} the picture did not change", flush=True)
        return None
    print(f"{where:<34} {what:<30} {picture:<7} {statistics.median(seen):7.0f} {max(seen):7.0f}", flush=True)
    return picture, statistics.median(seen)


def walk(page: Page, url: str, repeats: int):
    """Every step with the arrow key, there and back."""
    from gptviz.stages import STAGES

    ready(page, f"{url}/?stage={STAGES[0].key}")
    times: dict[str, list] = {stage.key: [] for stage in STAGES}
    kinds = {}
    for _ in range(max(1, repeats // 2)):
        for key, stages in (("ArrowRight", STAGES[1:]), ("ArrowLeft", STAGES[-2::-1])):
            for stage in stages:
                times[stage.key].append(measured(page, lambda key=key: page.keyboard.press(key)))
                kinds[stage.key] = kind(page)
    for stage in STAGES:
        found = row("walk: arrow key", stage.key, kinds[stage.key], times[stage.key])
        if found:
            yield found


def switches(page: Page, url: str, repeats: int):
    """Every step's own switch of What if, on and off by its place on the map."""
    from gptviz.stages import STAGES

    for stage in (stage for stage in STAGES if stage.switch):
        ready(page, f"{url}/?stage={stage.key}&whatif=1&block=3&head=2")
        times = [measured(page, page.locator(".map .box.lit").click) for _ in range(repeats)]
        if found := row("walk: What if", stage.switch, kind(page), times):
            yield found


def lab(page: Page, url: str, repeats: int, name: str):
    """Every control of every experiment of one lab."""
    from importlib import import_module

    source = (ROOT / "pages" / f"{name}.py").read_text()
    module = next(line.split()[-1] for line in source.splitlines() if line.startswith("from gptviz.labs import"))
    for experiment in import_module(f"gptviz.labs.{module}").LAB.experiments:
        ready(page, f"{url}/{name}?view={experiment.key}")
        places = page.locator(".st-key-stage [class*=st-key-control-]")
        for key in [
            next(part for part in places.nth(n).get_attribute("class").split() if part.startswith("st-key-control-"))
            for n in range(places.count())
        ]:
            place = page.locator(f".{key}")
            slider, switch = place.locator("input[type=range], [role=slider]"), place.locator("[data-testid=stCheckbox] label")
            choice, segments = (
                place.locator("[data-testid=stSelectbox] [role=combobox], [data-testid=stSelectbox] input"),
                place.locator("button"),
            )
            times = []
            for n in range(repeats):
                if slider.count():
                    slider.first.focus()
                    times.append(measured(page, lambda n=n: page.keyboard.press("ArrowRight" if n % 2 == 0 else "ArrowLeft")))
                elif switch.count():
                    times.append(measured(page, switch.first.click))
                elif choice.count():
                    choice.first.focus()
                    page.keyboard.press("ArrowDown")
                    page.wait_for_timeout(200)
                    if n % 2:
                        page.keyboard.press("Home")
                    else:
                        page.keyboard.press("ArrowDown")
                    page.wait_for_timeout(100)
                    times.append(measured(page, lambda: page.keyboard.press("Enter")))
                elif segments.count() > 1:
                    times.append(measured(page, segments.nth(n % segments.count()).click))
                if page.locator("[data-testid=stException]").count():
                    sys.exit(f"{name} {experiment.key} {key}: an exception is on the page")
            found = row(f"{name}: {experiment.key}", key.removeprefix("st-key-control-"), kind(page), times)
            if found:
                yield found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    pages = ["Walk", "What if", *sorted(path.stem for path in (ROOT / "pages").glob("*.py"))]
    parser.add_argument("--pages", nargs="+", default=pages, choices=pages)
    chosen = parser.parse_args()
    browser_path = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            "app.py",
            f"--server.port={port}",
            "--server.address=127.0.0.1",
            "--server.headless=true",
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1366, "height": 768})
            print(f"load average at the start {os.getloadavg()[0]:.1f}; cores {os.cpu_count()}")
            print(f"{'page':<34} {'what moved':<30} {'picture':<7} {'median':>7} {'slowest':>7}")
            found = []
            for name in chosen.pages:
                some = {"Walk": walk, "What if": switches}.get(name) or partial(lab, name=name)
                found += some(page, url, repeats=chosen.repeats)
            for wanted in ("matrix", "both", "chart", "text"):
                some = [time for picture, time in found if picture == wanted]
                if some:
                    print(
                        f"all {wanted} pictures: median of {len(some)} controls {statistics.median(some):.0f} ms, slowest {max(some):.0f} ms"
                    )
            browser.close()
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    main()
