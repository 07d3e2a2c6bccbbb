"""The benchmarks start from any folder, without an installed package."""

import subprocess
import sys
from pathlib import Path

SCRIPTS = sorted((Path(__file__).resolve().parents[1] / "benchmarks").glob("*.py"))
STARTED = """
import runpy, sys
kept = list(sys.path)
for script in sys.argv[1:]:
    sys.path[:] = kept
    for name in [name for name in sys.modules if name.partition(".")[0] in ("gptviz", "benchmarks")]:
        del sys.modules[name]
    runpy.run_path(script, run_name="started")
    print(script)
"""


def test_every_benchmark_starts_from_anywhere(tmp_path):
    """All in one Python, so that torch is imported once."""
    command = [sys.executable, "-P", "-c", STARTED, *map(str, SCRIPTS)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == list(map(str, SCRIPTS)), done.stderr
