"""Starting the app: `streamlit run app.py`, from whatever directory, in a checkout or installed."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_INSTALLED = Path(__file__).parent / "site"
SITE = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[1]
"""The folder of app.py, with pages/ and .streamlit/ beside it."""


def command(port: int | None = None, address: str | None = None, more: Sequence[str] = ()) -> list[str]:
    """What starts the server. port: 8501 or the next free one if None; address: this machine alone if None; more: Streamlit's own
    options. Raises FileNotFoundError where the app does not lie beside the package."""
    app = SITE / "app.py"
    if not app.is_file():
        raise FileNotFoundError(f"{app} is not there: install gptviz again, with pip install . in its checkout")
    options = [f"--server.port={port}"] if port is not None else []
    if address is not None:
        options += [f"--server.address={address}", "--server.headless=true"]
    return [sys.executable, "-m", "streamlit", "run", str(app), *options, *more]


def start(port: int | None = None, address: str | None = None, more: Sequence[str] = ()) -> int:
    """Serve until it is stopped; the server's exit status. Arguments as in `command`. Never returns where a process can become another."""
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    line, environment = command(port, address, more), os.environ | {"PYTHONPATH": path}
    if os.name == "posix":
        os.execve(line[0], line, environment)  # the server itself gets what is sent to this process, such as the signal to stop
    return subprocess.call(line, env=environment)
