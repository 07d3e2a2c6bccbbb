"""What a stranger meets first: the names `import gptviz` offers, what `pip install .` takes along, `python -m gptviz`."""

import os
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import torch

import gptviz
from gptviz import __main__ as command
from gptviz import serve

ROOT = Path(__file__).resolve().parent.parent


def test_one_import_is_enough():
    model = gptviz.load("mini")
    seen = gptviz.run(model, gptviz.encode("Every effort moves you"), points=["logits"])
    assert isinstance(model, gptviz.GPT) and isinstance(seen, gptviz.Trace)
    assert seen["logits"].shape == (1, 4, 50257)
    from_folder = gptviz.load(ROOT / "gptviz" / "assets" / "mini")
    assert torch.equal(gptviz.run(from_folder, seen.ids, points=["logits"])["logits"], seen["logits"])


def test_every_name_is_there():
    assert len(gptviz.STAGES) > 20
    for name in gptviz.__all__:
        assert getattr(gptviz, name) is not None and name in dir(gptviz)
    with pytest.raises(AttributeError, match="no 'lode'; it offers load"):
        _ = gptviz.lode


def test_importing_it_costs_nothing():
    said = "import sys, gptviz; print(sorted({'torch', 'streamlit', 'numpy'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", said], cwd=ROOT, text=True).strip() == "[]"


@pytest.mark.parametrize("wrong", ["mni", "/no/such/folder", "own-model/../elsewhere"])
def test_what_is_no_model_is_said(wrong):
    with pytest.raises(KeyError, match="Nor is it a folder"):
        gptviz.load(wrong)


def test_a_folder_without_a_model_is_said(tmp_path):
    with pytest.raises(gptviz.CheckpointError):
        gptviz.load(tmp_path)
    with pytest.raises(TypeError, match="not by 3"):
        gptviz.load(3)


def test_the_wheel_takes_everything_along():
    wheel = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is not installed: see requirements-dev.txt")
    builder = wheel.WheelBuilder(str(ROOT))
    packed = {file.distribution_path: Path(file.path) for file in builder.recurse_included_files()}
    packed |= {file.distribution_path: Path(file.path) for file in builder.recurse_forced_files(builder.config.force_include)}
    kept = subprocess.run(["git", "ls-files", "gptviz", "pages"], cwd=ROOT, capture_output=True, text=True)
    wanted = [line for line in kept.stdout.splitlines()] or [
        str(path.relative_to(ROOT)) for part in ("gptviz", "pages") for path in (ROOT / part).rglob("*.py")
    ]
    assert len(wanted) > 100
    for path in wanted:
        assert (path if path.startswith("gptviz/") else f"gptviz/site/{path}") in packed
    assert {"gptviz/site/app.py", "gptviz/site/.streamlit/config.toml"} <= packed.keys()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["metadata"]["hooks"]["requirements_txt"]["files"] == ["requirements.txt"]


def test_it_serves_the_first_page_from_any_directory(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "gptviz", f"--port={port}", "--server.headless=true"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read().decode()
                break
            except (urllib.error.URLError, OSError):
                assert server.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
        assert '<div id="root">' in page
        assert f"http://127.0.0.1:{port}" in log.read_text()  # the address that .streamlit/config.toml gives
    finally:
        server.terminate()
        server.wait(20)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "99999"], "1 to 65535 was expected"),
        (["--port", "eighty"], "'eighty' is no port"),
        (["--address", "everybody"], "0.0.0.0 everybody"),
        (["--headless"], "written --name=value"),
        (["fetsch"], "invalid choice"),
        (["models", "--all"], "--all was not understood"),
        (["--port", "8501", "models"], "takes neither"),
    ],
)
def test_a_wrong_argument_is_said(arguments, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2 and said in capsys.readouterr().err


def test_options_reach_the_server(monkeypatch):
    monkeypatch.setattr(serve, "start", lambda *given: serve.command(*given)[2:])
    assert command.main(["--port", "9000", "--address", "0.0.0.0", "--server.baseUrlPath=gpt"]) == [
        "streamlit", "run", str(serve.SITE / "app.py"),
        "--server.port=9000", "--server.address=0.0.0.0", "--server.headless=true", "--server.baseUrlPath=gpt",
    ]  # fmt: skip
