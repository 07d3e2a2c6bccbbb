"""A server of its own for a benchmark: started, waited for, stopped."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STARTUP = 120  # seconds


class Server:
    """`streamlit run app.py` on a free port of this machine, for as long as the block lasts."""

    def __init__(self, *options: str, **environment: str):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  read as long as this object lives
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "streamlit",
                "run",
                "app.py",
                f"--server.port={self.port}",
                "--server.headless=true",
                *options,
            ],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> "Server":
        until = time.monotonic() + STARTUP
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stcore/health", timeout=2).close()
                return self
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None or time.monotonic() > until:
                    self.__exit__()
                    raise RuntimeError(f"the server did not start:\n{self.log()}") from None
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        """Everything it printed so far."""
        place = self._output.fileno()
        return os.pread(place, os.fstat(place).st_size, 0).decode(errors="replace")  # where the server writes stays where it is

    def resident(self) -> float:
        """Its memory in MB. Linux only."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) / 1e3

    def cpu(self) -> float:
        """Seconds of processor time it took so far. Linux only."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def threads(self) -> int:
        """How many threads it has. Linux only."""
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))
