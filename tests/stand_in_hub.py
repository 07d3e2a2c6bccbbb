"""A server on this machine that speaks the Hugging Face hub's paths, and can be told to misbehave."""

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self


@dataclass
class StandInHub:
    """Serves the files of `folder` as `repo` at `revision`; `with StandInHub(...) as hub: hub.url`. The other fields can be changed
    while it runs:

    speed: bytes a second. cut: break the connection after so many bytes of a file. short: end a file properly after so many.
    wrong: flip a bit of every weight file. status: answer everything with this. ranges: False ignores Range.
    redirect: answer as the hub does for large files, with another address and the true size and checksum in headers of their own.
    commit, etags: what the hub says of a file.
    """

    folder: Path
    repo: str
    revision: str
    speed: float | None = None
    cut: int | None = None
    short: int | None = None
    wrong: bool = False
    status: int | None = None
    ranges: bool = True
    redirect: bool = False
    commit: str | None = None
    etags: bool = True
    requests: list[tuple[str, str, str]] = field(default_factory=list)  # (method, path, Range)
    headers: list[dict[str, str]] = field(default_factory=list)
    sent: int = 0

    def __enter__(self) -> Self:
        stand_in = self

        class Handler(_Handler):
            hub = stand_in

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def etag(self, name: str) -> str:
        """As the hub has it: sha256 of a large file, git's sha1 of a small one."""
        data = (self.folder / name).read_bytes()
        if name.endswith(".safetensors"):
            return hashlib.sha256(data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def fetched(self) -> list[str]:
        """The files whose bytes were asked for, in order."""
        return [path.rsplit("/", 1)[-1] for method, path, _ in self.requests if method == "GET"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: StandInHub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        hub = self.hub
        hub.requests.append((self.command, self.path, self.headers.get("Range", "")))
        hub.headers.append({name.lower(): value for name, value in self.headers.items()})
        if hub.status is not None:
            return self.plain(hub.status)
        if self.path == f"/api/models/{hub.repo}/revision/{hub.revision}":
            files = [{"rfilename": path.name} for path in sorted(hub.folder.iterdir())]
            return self.plain(200, json.dumps({"id": hub.repo, "sha": hub.revision, "siblings": files}).encode())
        stored, elsewhere = f"/{hub.repo}/resolve/{hub.revision}/", "/elsewhere/"
        name = self.path.rsplit("/", 1)[-1]
        if not (hub.folder / name).is_file() or self.path not in (stored + name, elsewhere + name):
            kind = "EntryNotFound" if self.path.startswith(stored) else "RepoNotFound"
            return self.plain(404, headers={"X-Error-Code": kind})
        data = (hub.folder / name).read_bytes()
        told = {"X-Repo-Commit": hub.commit or hub.revision, "Accept-Ranges": "bytes"}
        if hub.etags:
            told["ETag"] = f'"{hub.etag(name)}"'
        if hub.redirect and self.path.startswith(stored) and name.endswith(".safetensors"):
            told |= {
                "Location": f"{hub.url}{elsewhere}{name}",
                "X-Linked-Size": str(len(data)),
                "X-Linked-ETag": f'"{hub.etag(name)}"',
                "X-Xet-Hash": "0" * 64,
                "Link": f'<{hub.url}/api/models/{hub.repo}/xet-read-token/{hub.revision}>; rel="xet-auth"',
                "ETag": '"something else"',
            }
            return self.plain(302, headers=told)
        if hub.wrong and name.endswith(".safetensors"):
            data = data[:-1] + bytes([data[-1] ^ 1])
        start = 0
        if hub.ranges and (asked := self.headers.get("Range", "")):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            told["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        whole, data = len(data), data[start:]
        if body and name.endswith(".safetensors") and hub.short is not None:
            data = data[: hub.short]
        self.send_response(206 if "Content-Range" in told else 200)
        for key, value in (told | {"Content-Length": str(len(data) if body else whole)}).items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.send(data, hub.cut if name.endswith(".safetensors") else None)

    def plain(self, status: int, data: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in ((headers or {}) | {"Content-Length": str(len(data))}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def send(self, data: bytes, cut: int | None) -> None:
        begun, done, step = time.monotonic(), 0, 16384
        try:
            while done < len(data):
                if cut is not None and done >= cut:
                    self.close_connection = True
                    return
                piece = data[done : done + step if cut is None else min(done + step, cut)]
                self.wfile.write(piece)
                done += len(piece)
                self.hub.sent += len(piece)
                if self.hub.speed:
                    time.sleep(max(0.0, begun + done / self.hub.speed - time.monotonic()))
        except (BrokenPipeError, ConnectionResetError):  # the other side has had enough
            self.close_connection = True
