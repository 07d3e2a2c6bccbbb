"""What is in deploy/: the container's steps, taken outside one, and the systemd unit."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

import pytest

from conftest import ROOT, STARTUP, free_port

sys.path.append(str(ROOT / "benchmarks"))
from classroom import Visitor, open_room

DEPLOY = ROOT / "deploy"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile, an instruction a line."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.partition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, " ".join(rest.split())) for name, _, rest in lines]


def said(name: str) -> list[str]:
    return [rest for found, rest in instructions() if found == name]


def command(written: str) -> list[str]:
    """A command in the form of a list, for this Python."""
    name, *rest = [part.strip('"') for part in re.findall(r'"[^"]*"', written)]
    assert name == "python"
    return [sys.executable, *rest]


def linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk
        shutil.copy2(source, target)


@pytest.fixture
def image(tmp_path) -> Path:
    """A folder with what the Dockerfile copies."""
    made = tmp_path / "root"
    made.mkdir()
    for line in said("COPY"):
        *sources, target = line.split()
        for source in sources:
            there = made / target if target != "./" else made / source
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, there, copy_function=linked, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                linked(str(ROOT / source), str(there))
    return made


def tree(root: Path) -> dict[str, float]:
    return {str(one): one.lstat().st_mtime for one in root.rglob("*")}


def test_the_container_installs_what_the_project_asks_for():
    order = [name for name, _ in instructions()]
    assert (
        order[0] == "FROM"
        and order[-1] == "CMD"
        and order.index("USER") > max(n for n, name in enumerate(order) if name == "RUN")
    )
    pip = [shlex.split(line) for line in said("RUN") if line.startswith("pip install")]
    pinned = re.search(r"^torch==\S+$", (ROOT / "requirements.txt").read_text(), re.M)[0]
    assert pinned in pip[0] and "https://download.pytorch.org/whl/cpu" in pip[0], (
        "the CPU build comes first, at the version that is asked for"
    )
    assert pip[1][pip[1].index("-r") + 1] == "requirements.txt" and any(
        line.startswith("requirements.txt ") for line in said("COPY")
    )
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["redis"]
    assert extra[0] in pip[1] and extra[0] in (ROOT / "requirements-dev.txt").read_text().splitlines()
    user = said("USER")[0].split(":")
    assert all(one.isdigit() and int(one) >= 1000 for one in user), "by number: some check that it is not 0"
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    copied = {source.removeprefix("./") for line in said("COPY") for source in line.split()[:-1]}
    assert let_in[0] == "*" and {f"!{one}" for one in copied} == {one for one in let_in if one[0] == "!"}


def test_the_container_serves_and_writes_nothing_but_in_tmp(image, tmp_path):
    steps = [shlex.split(line) for line in said("RUN") if line.startswith("python ")]
    for step in steps:
        subprocess.run([sys.executable, *step[1:]], cwd=image, check=True)
    port, outside = free_port(), tmp_path / "tmp"
    outside.mkdir()
    environment = dict(pair.split("=", 1) for line in said("ENV") for pair in shlex.split(line))
    environment = {name: value.replace("/tmp", str(outside)) for name, value in environment.items()}
    environment |= {"PATH": os.environ["PATH"], "TMPDIR": str(outside)}

    def here(written: str) -> list[str]:
        return [part.replace("8501", str(port)) for part in command(written)]

    health = here(said("HEALTHCHECK")[0].partition("CMD ")[2])
    assert subprocess.run(health, stderr=subprocess.DEVNULL).returncode != 0
    before = tree(image)
    with subprocess.Popen(
        here(said("CMD")[0]), cwd=image, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as server:
        try:
            until = time.monotonic() + STARTUP
            while subprocess.run(health, stderr=subprocess.DEVNULL).returncode and time.monotonic() < until:
                time.sleep(0.1)
            desk, word = open_room(port, "softmax")
            follower = Visitor(port, "", f"join={word}")
            waits = threading.Thread(target=follower.waits, args=(port,))
            waits.start()
            waits.join(0.5)
            assert waits.is_alive()
            server.send_signal(signal.SIGTERM)
            server.wait(8)  # a page that waits for news would be waited for up to 15 seconds
            waits.join()
        finally:
            server.kill()
        log = server.stdout.read().decode()
    assert tree(image) == before
    assert "Rooms are in this process" in log and "Traceback" not in log


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_the_unit_is_sound_and_shut(tmp_path):
    unit = tmp_path / "gptviz@.service"
    text = (DEPLOY / "gptviz@.service").read_text()
    assert "/opt/gptviz/.venv/bin/python -m gptviz --port %i " in text
    unit.write_text(text.replace("/opt/gptviz/.venv/bin/python", sys.executable))
    checked = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
    shut = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)]
    assert subprocess.run(shut, capture_output=True).returncode == 0, "its exposure is above 2.0"
