"""Fixtures for tests that need a real browser and a real server."""

import ctypes
import gc
import mmap
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported; more threads than cores wait for each other
ROOT = Path(__file__).resolve().parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
GROWN = 1100 << 20  # bytes of a worker after which it starts anew
KEPT = 256 << 20  # bytes that pages may leave to the next test
STARTUP = 60  # seconds a server may take until it is healthy


@dataclass(frozen=True)
class Server:
    """A running Streamlit server. log: the file with everything it printed."""

    url: str
    log: Path
    process: subprocess.Popen


def _missing(reason: str) -> None:
    """Skip on a machine without a program, but never where the tests are meant to run in full."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """A headless Chromium (playwright's Browser): $CHROMIUM, or the first one found on the path."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        _missing(f"no browser: none of {', '.join(NAMES)} is on the path and CHROMIUM is not set")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        _missing(f"playwright is not installed: {error}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """A function (script, port, **environment) -> Server that runs a script with `streamlit run`, on a free port if none is given;
    all stop after the tests."""
    running: list[subprocess.Popen] = []

    def start(script: str | Path, port: int = 0, **environment: str) -> Server:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            port = probe.getsockname()[1]
        log = tmp_path_factory.mktemp("server") / "server.log"
        options = (
            f"--server.port={port}",
            "--server.address=127.0.0.1",
            "--server.headless=true",
            "--server.fileWatcherType=none",
            "--browser.gatherUsageStats=false",
        )
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        with log.open("w") as output:
            server = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", str(script), *options],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"} | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        running.append(server)
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + STARTUP
        while True:
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()
                return Server(url, log, server)
            except (urllib.error.URLError, OSError):
                if server.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"the server did not start within {STARTUP} s:\n{log.read_text()}")
                time.sleep(0.1)

    yield start
    for server in running:
        server.terminate()
    for server in running:
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(name: str) -> str:
    """Where a program is, `/usr/sbin` included; the test is skipped where it is missing."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))
    return found or _missing(f"{name} is not installed")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Redis, with the settings that ship."""
    try:
        import redis
    except ImportError as error:
        _missing(f"redis-py is not installed: {error}")
    place = tmp_path_factory.mktemp("redis") / "redis.sock"
    command = [program("redis-server"), str(ROOT / "deploy" / "redis.conf"), "--port", "0", "--unixsocket", str(place)]
    with subprocess.Popen(command, cwd=place.parent, stdout=subprocess.DEVNULL) as server:
        address, until = f"unix://{place}", time.monotonic() + STARTUP
        while not place.exists() and server.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        assert redis.Redis.from_url(address).ping()
        yield address
        server.terminate()


@pytest.fixture(scope="session")
def server(serve) -> Server:
    """The app as anybody starts it: one server for all tests that need no other."""
    return serve(ROOT / "app.py")


@pytest.fixture(scope="session")
def tabs(chromium) -> Iterator[dict[str, list]]:
    """Options of a browser context -> tabs that no test has at the moment, each in a context of its own: one that has run the scripts
    before is ready in a third of the time, and one beside others in a window would be hidden behind them."""
    free: dict[str, list] = {}
    yield free
    for page in (page for pages in free.values() for page in pages):
        page.context.close()


@pytest.fixture
def visit(chromium, tabs) -> Iterator[Callable]:
    """A function (url, width, height, theme, **options) -> page, loaded and settled.

    options go to the browser context (device_scale_factor, has_touch, ...). When the test ends, any error the page threw or wrote to
    its console fails it; until then they are in its `problems`.
    """
    opened, problems = [], []

    def threw(error) -> None:
        problems.append(str(error))

    def note(message) -> None:  # a page below the root is first looked for with its path before /_stcore/, which is not there
        if message.type == "error" and "/_stcore/" not in message.location["url"]:
            problems.append(message.text)

    def open_page(
        url: str, width: int = 1366, height: int = 768, theme: str = "light", reduced_motion="no-preference", **options
    ):
        free = tabs.setdefault(str(options), [])
        page = free.pop() if free else chromium.new_context(**options).new_page()
        opened.append((page, free))
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(media="screen", color_scheme=theme, reduced_motion=reduced_motion, forced_colors="none")
        page.on("pageerror", threw)
        page.on("console", note)
        page.goto(url, wait_until="domcontentloaded")
        settle(page)
        return page

    open_page.problems = problems
    yield open_page
    for page, free in opened:
        context = page.context
        for more in {*context.pages} - {page}:
            more.close()
        if page.is_closed() or not page.url.startswith("http"):
            context.close()
            continue
        page.remove_listener("pageerror", threw)
        page.remove_listener("console", note)
        page.evaluate("[sessionStorage, localStorage].forEach(kept => kept.clear())")
        page.goto("about:blank")
        page.mouse.move(0, 0)
        free.append(page)
    assert not problems, f"the page reported: {problems}"


def settle(page, seconds: float = 60) -> None:
    """Wait until the script has run and the page has stood still for 0.3 s from now."""
    page.evaluate("window.lastState = null")
    page.wait_for_function(
        """() => {
            const app = document.querySelector('[data-testid=stApp]')
            const state = [app?.dataset.testScriptState, document.body.innerHTML.length,
                           document.querySelectorAll('[data-testid=stSkeleton]').length].join()
            if (state !== window.lastState) [window.lastState, window.stillSince] = [state, performance.now()]
            return app?.dataset.testScriptState === 'notRunning' && performance.now() - window.stillSince > 300
                   && !document.querySelector('[data-testid=stSkeleton]')
        }""",
        timeout=seconds * 1000,
        polling=100,  # to measure a page at every frame costs more than the page itself
    )


HEAVY = ("deploy", "live_training", "odd_models", "start", "training", "incoming")  # files without a page that take longest
LONG = (
    "walk",
    "labs",
    "train",
    "matrix",
    "accessible",
    "whatif",
    "hostile",
    "classroom",
    "restart",
    "download",
    "quick",
    "keep",
)


def pytest_configure(config: pytest.Config) -> None:
    """Tests see no model but the bundled ones, whatever lies on this machine; workers take files in the order below."""
    os.environ["HF_HUB_CACHE"] = str(Path(tempfile.gettempdir()) / "gptviz-tests-without-models")
    os.environ.pop("GPTVIZ_MODELS", None)
    config.option.loadscopereorder = False
    config.addinivalue_line("markers", "slow: a page, a browser, a server or a training run; `-m 'not slow'` are the others")


def pytest_collection_finish() -> None:
    """As the server does before its first reader: what is imported is not walked through at every collection of garbage."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first: units, then pages without a browser, then the browser. There the longest files (LONG) come first, so that no worker
    is left alone with it at the end."""
    order = ("browser", "page", "lab")

    def place(item: pytest.Item) -> tuple:
        stem = item.path.stem
        kind = [word in stem for word in order]
        name = stem.removeprefix("test_").removeprefix("lab_").removesuffix("_browser")
        if any(kind) or name in HEAVY:
            item.add_marker("slow")
        return kind, LONG.index(name) if kind[0] and name in LONG else len(LONG)

    items.sort(key=place)


@pytest.fixture(autouse=True)
def bounded(request: pytest.FixtureRequest) -> Iterator[None]:
    """Between two tests of a file what pages share stays small, and a worker that has grown lets go of everything."""
    yield
    if (cache := sys.modules.get("gptviz.ui.cache")) is not None and cache._kept.alive() > KEPT:
        cache._kept.clear()
    if _resident() > GROWN:
        _let_go(request.module)


@pytest.fixture(scope="module", autouse=True)
def tidy(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each file nothing that it computed or loaded stays: what pages share is kept for the next reader, who never comes here."""
    yield
    _let_go(request.module)


def _resident() -> int:
    """Bytes of memory this worker holds, where the system says it."""
    said = Path("/proc/self/statm")
    return int(said.read_text().split()[1]) * mmap.PAGESIZE if said.exists() else 0


def _let_go(module) -> None:
    """Empty every cache that a test file or the pages in this process have filled."""
    for own in list(vars(module).values()):
        if hasattr(own, "cache_clear") and own.__module__ == module.__name__:
            own.cache_clear()
    if (cache := sys.modules.get("gptviz.ui.cache")) is not None:
        cache._held.clear()
        cache._kept.clear()
    if (models := sys.modules.get("sample_models")) is not None:
        models.forget()
    gc.collect()
    if (trim := getattr(LIBC, "malloc_trim", None)) is not None:  # glibc keeps for itself what the pages' threads gave back
        trim(0)
