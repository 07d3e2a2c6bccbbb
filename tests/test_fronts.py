"""nginx and Caddy as they ship, in front of servers that only say who they are."""

import gzip
import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest

from fronts import COOKIE, NAMES, Front

SCRIPT = b"const a = 1;\n" * 1000


class Answers(BaseHTTPRequestHandler):
    """Says at which port it is, and agrees to become a websocket."""

    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.lines.append(self.connection)

    def do_GET(self):  # noqa: N802  the name that http.server looks for
        self.server.paths.append(self.path)
        if self.headers.get("Upgrade"):
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            self.close_connection = True
            return
        content = SCRIPT if self.path.endswith(".js") else str(self.server.server_port).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def started(port: int = 0) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", port), Answers)
    server.daemon_threads, server.paths, server.lines = True, [], []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


def stopped(server: ThreadingHTTPServer) -> None:
    """As a process that is killed: nothing of it answers any more."""
    server.shutdown()
    server.server_close()
    for line in server.lines:
        with suppress(OSError):  # closed already
            line.shutdown(socket.SHUT_RDWR)


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture
def two():
    servers = [started(), started()]
    yield servers
    for one in servers:
        stopped(one)


def ask(front: Front, path: str = "/", cookie: str = "", **headers: str) -> tuple[int, dict[str, str], bytes, str]:
    """Status, headers, content, and the cookie this browser then has."""
    line = HTTPConnection("127.0.0.1", front.port, timeout=10)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    line.request("GET", path, headers=sent | ({"Cookie": f"{COOKIE}={cookie}"} if cookie else {}))
    answer = line.getresponse()
    content = b"" if answer.status == 101 else answer.read()
    told = answer.headers.get("Set-Cookie", "")
    line.close()
    if told:
        cookie = told.partition(f"{COOKIE}=")[2].partition(";")[0]
    return answer.status, dict(answer.headers), content, cookie


STREAM = {"Upgrade": "websocket", "Connection": "Upgrade"}


def test_a_reader_stays_goes_on_elsewhere_and_stays_there(name, two, tmp_path):
    ports = [one.server_port for one in two]
    with Front(name, ports, tmp_path) as front:
        _, _, who, cookie = ask(front)
        first = int(who)
        second = ports[1 - ports.index(first)]
        assert cookie == front.cookie(first)
        for path in ("/_stcore/health", "/room/news?after=3", "/media/file", "/Dropout"):
            assert [ask(front, path, cookie)[2] for _ in range(5)] == [str(first).encode()] * 5
        status, _, _, kept = ask(front, "/_stcore/stream", cookie, **STREAM)
        assert status == 101 and kept == cookie
        dead = two[ports.index(first)]
        stopped(dead)
        assert ask(front, "/_stcore/health", cookie)[:1] == (200,)
        status, _, _, cookie = ask(front, "/_stcore/stream", cookie, **STREAM)
        assert status == 101 and cookie == front.cookie(second)
        two[ports.index(first)] = started(first)
        assert {ask(front, path, cookie)[2] for path in ("/room/news", "/", "/media/a") * 5} == {str(second).encode()}


def test_readers_are_spread_and_a_forged_cookie_reaches_nothing_else(name, two, tmp_path):
    ports = [one.server_port for one in two]
    other = started()
    with Front(name, ports, tmp_path) as front:
        assert {int(ask(front)[2]) for _ in range(20)} == set(ports)
        for forged in ("3", f"127.0.0.1:{other.server_port}", "gptviz_free", "../x"):
            assert int(ask(front, cookie=forged)[2]) in ports
        if name == "nginx":  # a frame on another site's page has no cookies
            steady = {ask(front, path)[2] for path in ("/_stcore/health", "/room/news", "/media/a", "/_stcore/host-config") * 3}
            assert len(steady) == 1
    assert not other.paths
    stopped(other)


def test_long_addresses_and_small_answers(name, two, tmp_path):
    ports = [one.server_port for one in two]
    address = "/?text=" + quote("ж" * 1300)
    assert 7500 < len(address) < 8000
    with Front(name, ports, tmp_path) as front:
        status, headers, _, _ = ask(front, address, "1", Referer=front.url + address, X_Seat="k" * 64)
        assert status == 200 and sum(server.paths.count(address) for server in two) == 1
        status, headers, content, _ = ask(front, "/static/a.js", Accept_Encoding="gzip")
        assert headers["Content-Encoding"] == "gzip" and gzip.decompress(content) == SCRIPT and len(content) < len(SCRIPT) / 10


def test_below_a_path(name, two, tmp_path):
    change = {"nginx": [("location / {", "location /gpt/ {")], "caddy": [("reverse_proxy ", "reverse_proxy /gpt/* ")]}[name]
    with Front(name, [one.server_port for one in two], tmp_path, *change) as front:
        status, _, who, cookie = ask(front, "/gpt/_stcore/health")
        assert status == 200 and any("/gpt/_stcore/health" in one.paths for one in two)
        assert {ask(front, "/gpt/room/news", cookie)[2] for _ in range(4)} == {who}
        ask(front, "/elsewhere")
        assert not any("/elsewhere" in one.paths for one in two)
