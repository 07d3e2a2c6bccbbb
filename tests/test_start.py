"""What happens before the first reader: everything imported, nothing left to collect; and who can reach the server."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit import config

from benchmarks.server import Server
from benchmarks.start import PAGES, together
from gptviz.ui import start

ROOT = Path(__file__).parents[1]
VISITS = """
import gc, json, sys, threading, time
from streamlit.testing.v1 import AppTest
from gptviz.ui import links, start

start.ready()
frozen = gc.get_freeze_count()
began = time.perf_counter()
gc.collect()
took = time.perf_counter() - began

def opened(page, **params):
    app = AppTest.from_file(sys.argv[1], default_timeout=60)
    if page:
        app.switch_page(f"pages/{page}.py")
    for name, value in params.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception[0].message

opened("", stage="text")  # brings in what only a page without a server needs
before = set(sys.modules)
opened("", stage="softmax", drawer="numbers", beside="mini-untrained")
for page in links.PAGES:
    opened(page)
late = sorted(name for name in set(sys.modules) - before if not name.startswith("streamlit.testing"))
print(json.dumps({"late": late, "frozen": frozen, "later": gc.get_freeze_count(), "took": took}))
"""


@pytest.fixture(scope="module")
def after_start() -> dict:
    command = [sys.executable, "-c", VISITS, str(ROOT / "app.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_no_page_imports_anything(after_start):
    assert after_start["late"] == []


def test_what_exists_at_the_start_is_not_walked_through_again_and_nothing_is_frozen_later(after_start):
    assert 100_000 < after_start["later"] <= after_start["frozen"]
    assert after_start["took"] < 0.1


def reaches(port: int, host: str) -> bool:
    with socket.socket() as line:
        return line.connect_ex((host, port)) == 0


@pytest.mark.parametrize(
    ("options", "open_to_all"), [((), False), (("--server.address", "0.0.0.0"), True)], ids=["alone", "class"]
)
def test_a_fresh_server_is_private_unless_told_otherwise_and_serves_many_pages_at_once(options, open_to_all):
    """On Linux every address that begins with 127 is this machine, and a server for this machine alone answers at one of them."""
    with Server(*options) as server:
        assert reaches(server.port, "127.0.0.1")
        if sys.platform == "linux":
            assert reaches(server.port, "127.0.0.2") == open_to_all
        if not open_to_all:
            took, wrong = together(server.port, PAGES)
            assert wrong == [] and len(took) == len(PAGES)
            assert "Traceback" not in server.log() and "Deadlock" not in server.log()
        said = "http://localhost:" if open_to_all else "http://127.0.0.1:"
        assert said + str(server.port) in server.log()


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, "http://127.0.0.1:8501"),
        ({"server.address": "0.0.0.0", "server.port": 8600}, "http://localhost:8600"),
        ({"server.address": "192.168.1.20", "server.baseUrlPath": "gpt"}, "http://192.168.1.20:8501/gpt"),
        ({"browser.serverAddress": "class.example.org"}, "http://class.example.org:8501"),
    ],
)
def test_the_browser_is_sent_to_the_address_that_is_printed(options, found, monkeypatch):
    known = {
        "global.developmentMode": False,
        "server.address": "127.0.0.1",
        "server.port": 8501,
        "browser.serverAddress": "localhost",
        "browser.serverPort": 8501,
    }
    chosen = known | {"server.baseUrlPath": "", "server.sslCertFile": None, "server.headless": False} | options
    chosen["browser.serverPort"] = chosen["server.port"]  # what Streamlit makes of it
    monkeypatch.setattr(config, "get_option", chosen.__getitem__)
    assert start.address() == found
