"""What a second process adds: `python benchmarks/processes.py`.

Readers without browsers press as fast as they are answered, or think in between (`--readers 30 --think 4` is a class): another
stage, block, head, sentence or dropout mask. First one process answers them all, then two behind nginx as it ships. The readers take
processor time of the same machine, which is printed, as is what else the machine was doing. Nothing is asserted.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(ROOT / "tests"))

from reader import Reader
from server import Server

from fronts import Front
from gptviz.stages import STAGES

WORDS = "every effort moves you and the cat sat on a mat while she opened one door".split()


def cookie(url: str) -> str:
    """What a browser brings from the page it opened before."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return "; ".join(one.partition(";")[0] for one in answer.headers.get_all("Set-Cookie", []))


def presses(url: str, until: float, think: float, taken: list[float], seed: int) -> None:
    """One reader, until it is over."""
    rng, chosen = random.Random(seed), {"text": "Every effort moves you"}
    with Reader(urlsplit(url).port, query=urlencode(chosen), cookie=cookie(url)) as reader:
        while time.monotonic() < until:
            time.sleep(min(rng.expovariate(1 / think), max(0.0, until - time.monotonic())) if think else 0)
            chosen |= rng.choice(
                (
                    {"stage": rng.choice(STAGES).key},
                    {"block": rng.randint(1, 6)},
                    {"head": rng.randint(1, 6)},
                    {"text": " ".join(rng.choices(WORDS, k=6)).capitalize()},
                    {"dropout": "0.1", "seed": rng.randint(0, 99)},
                )
            )
            taken.append(reader.go(urlencode(chosen)))


def measured(url: str, servers: list[Server], readers: int, seconds: float, think: float) -> float:
    """Print a line; actions a second."""
    taken: list[float] = []
    before, own, began = sum(one.cpu() for one in servers), time.process_time(), time.monotonic()
    threads = [threading.Thread(target=presses, args=(url, began + seconds, think, taken, n)) for n in range(readers)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    wall = time.monotonic() - began
    spent, own = sum(one.cpu() for one in servers) - before, time.process_time() - own
    p50, p95 = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
    memory = sum(one.resident() for one in servers)
    print(
        f"{len(servers)} process{'es' if len(servers) > 1 else ''}: {len(taken) / wall:5.1f} actions/s, p50 {1000 * p50:.0f} ms, "
        f"p95 {1000 * p95:.0f} ms; {1000 * spent / len(taken):.0f} ms of server time an action, {spent / wall:.2f} cores for the "
        f"servers and {own / wall:.2f} for the readers, {memory:.0f} MB; load average {os.getloadavg()[0]:.1f}"
    )
    return len(taken) / wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rounds", type=int, default=3, help="one after the other, since a machine is seldom quiet for long")
    parser.add_argument("--think", type=float, default=0.0, help="seconds between an answer and the next press, on average")
    options = parser.parse_args()
    if not shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        sys.exit("nginx is not installed")
    with ExitStack() as open_:
        servers = [open_.enter_context(Server()) for _ in range(2)]
        place = Path(open_.enter_context(tempfile.TemporaryDirectory()))
        front = open_.enter_context(Front("nginx", [one.port for one in servers], place))
        for one in servers:  # what the first reader meets is there already
            Reader(one.port).leave()
        alone, both = [], []
        for _ in range(options.rounds):
            for url, some, rates in ((f"http://127.0.0.1:{servers[0].port}", servers[:1], alone), (front.url, servers, both)):
                rates.append(measured(url, some, options.readers, options.seconds, options.think))
    ratio = statistics.median(two / one for one, two in zip(alone, both))
    print(f"two processes do {ratio:.2f} times as much as one (median of {options.rounds}), on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
