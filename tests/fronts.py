"""nginx and Caddy as they ship, on other ports, in front of whatever answers there."""

import hashlib
import hmac
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from conftest import ROOT, STARTUP, free_port, program

NAMES = ("nginx", "caddy")
COOKIE = "gptviz"
ALONE = """
daemon off;
pid {place}/nginx.pid;
error_log stderr;
{user}
events {{ }}
http {{
    include {types};
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    include {place}/site.conf;
}}
"""


class Front:
    """`with Front("nginx", ports, folder) as front: front.url`. change: (text, other text) to put into the configuration."""

    def __init__(self, name: str, ports: Sequence[int], place: Path, *change: tuple[str, str]):
        self.name, self.ports, self.place, self.change = name, ports, place, change
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = place / f"{name}.log"

    def cookie(self, port: int) -> str:
        """What the cookie of a reader says whose page lives in the process at this port."""
        if self.name == "nginx":
            return str(self.ports.index(port) + 1)
        return hmac.new(b"", f"127.0.0.1:{port}".encode(), hashlib.sha256).hexdigest()

    def command(self) -> list[str]:
        shipped = (ROOT / "deploy" / {"nginx": "nginx.conf", "caddy": "Caddyfile"}[self.name]).read_text()
        listens = {"nginx": (":80 ", "listen 80 "), "caddy": ("\n:80 ",)}[self.name]
        changes = [(f":850{n}", f":{port}") for n, port in enumerate(self.ports, 1)]
        changes += [(one, one.replace("80", str(self.port))) for one in listens] + list(self.change)
        for before, after in changes:
            assert before in shipped, before
            shipped = shipped.replace(before, after)
        file = self.place / {"nginx": "site.conf", "caddy": "Caddyfile"}[self.name]
        file.write_text(shipped)
        if self.name == "caddy":
            return [program("caddy"), "run", "--config", str(file), "--adapter", "caddyfile"]
        alone = self.place / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        alone.write_text(ALONE.format(place=self.place, user=user, types="/etc/nginx/mime.types"))
        return [program("nginx"), "-p", str(self.place), "-c", str(alone)]

    def __enter__(self) -> Self:
        environment = os.environ | {"XDG_CONFIG_HOME": str(self.place), "XDG_DATA_HOME": str(self.place)}
        with self.log.open("w") as output:
            self.process = subprocess.Popen(self.command(), env=environment, stdout=output, stderr=subprocess.STDOUT)
        until = time.monotonic() + STARTUP
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=10).close()
                return self
            except urllib.error.HTTPError as error:
                error.close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    self.__exit__(None, None, None)
                    raise AssertionError(f"{self.name} did not start:\n{self.log.read_text()}") from None
                time.sleep(0.02)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.name == "nginx":
            self.process.terminate()
        else:  # asked to end it would wait for every page that is open
            self.process.kill()
        self.process.wait(10)
