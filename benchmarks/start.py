"""A class that opens different pages of a fresh server in the same instant: `python benchmarks/start.py [--rounds 20]`.

Every round starts a server of its own and opens all its pages at once, each twice, the moment it answers. Prints, round by round,
when the server answered, how long the readers waited for their first page, and how many pages failed; then what was in the servers'
logs besides the greeting. Nothing here is asserted by the tests.
"""

import argparse
import statistics
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.reader import Reader
from benchmarks.server import Server

PAGES = ("", *sorted(path.stem for path in (ROOT / "pages").glob("*.py")))


def together(port: int, pages: tuple[str, ...]) -> tuple[list[float], list[str]]:
    """Open pages in the same instant: seconds until each was complete, and what went wrong."""
    took, wrong, ready = [], [], threading.Barrier(len(pages))

    def opens(page: str) -> None:
        ready.wait()
        try:
            with Reader(port, page) as reader:
                took.append(reader.joined)
        except Exception as error:  # noqa: BLE001  it is reported
            wrong.append(f"{page or 'the walk'}: {type(error).__name__}: {error}")

    threads = [threading.Thread(target=opens, args=(page,)) for page in pages]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return took, wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    print("round  answers after  first page: median  slowest  failed")
    failed, logs = 0, []
    for number in range(1, rounds + 1):
        began = time.monotonic()
        with Server() as server:
            after = time.monotonic() - began
            took, wrong = together(server.port, PAGES * 2)
            logs += [line for line in server.log().splitlines() if line.strip() and "browser" not in line and "URL" not in line]
        failed += len(wrong)
        print(f"{number:5}{after:13.1f} s{statistics.median(took):17.2f} s{max(took):7.2f} s{len(wrong):8}", *wrong, flush=True)
    print(f"{rounds} rounds, {rounds * len(PAGES) * 2} pages, {failed} failed; other lines in the logs: {len(logs)}")
    print("\n".join(logs[:20]))


if __name__ == "__main__":
    main()
