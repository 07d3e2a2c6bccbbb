"""A class in one room: `python benchmarks/classroom.py`.

Thirty followers without browsers wait for news as their pages do, while a presenter goes one stage on every five seconds; a second
room is led by somebody else, and every follower looks whether what came is of its own room. Between two steps some followers open
a number by themselves. Then the server's time for a minute in which nothing happens, and its memory. Nothing is asserted.
"""

import argparse
import json
import random
import re
import statistics
import sys
import threading
import time
import urllib.request
from pathlib import Path
from urllib.parse import parse_qsl

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from reader import Reader
from server import Server

from gptviz.stages import STAGES


class Visitor(Reader):
    """One page in a room: it waits for news of its seat and asks for itself when there are some."""

    key, after, calm = "", -1, False

    def _element(self, element) -> None:
        super()._element(element)
        if element.WhichOneof("type") == "bidi_component":
            found = json.loads(element.bidi_component.json or "{}")
            if isinstance(found, dict) and found.get("key") and "calm" in found:
                self.key, self.after = found["key"], found["after"]

    def waits(self, port: int) -> bool:
        """Whether there was news."""
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/room/news?after={self.after}", headers={"X-Seat": self.key})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            number = json.load(answer)["number"]
        news, self.after = number != self.after, number
        return news

    def stage(self) -> str:
        """Where its page is."""
        return dict(parse_qsl(self.query)).get("stage", STAGES[0].key)


def open_room(port: int, stage: str) -> tuple[Reader, str]:
    """A presenter's page with a room, and the room's word."""
    desk = Reader(port, "", f"stage={stage}&present=1")
    desk.press("open-room")
    return desk, re.search(r"class='word'>(\w+)<", " ".join(desk.html))[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readers", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two steps")
    options = parser.parse_args()
    with Server() as server:
        desk, word = open_room(server.port, STAGES[0].key)
        other, second = open_room(server.port, STAGES[-1].key)
        stepped: dict[str, float] = {}
        seen: list[float] = []
        own: list[float] = []
        mixed: list[str] = []
        over = threading.Event()

        def follows(n: int, room: str, allowed: set[str]) -> None:
            visitor = Visitor(server.port, "", f"join={room}")
            joined.append(visitor)
            while not over.is_set():
                if visitor.waits(server.port):
                    visitor.go(visitor.query)
                    stage = visitor.stage()
                    if over.is_set():
                        return
                    if stage not in allowed:
                        mixed.append(stage)
                    if stage in stepped:
                        seen.append(time.monotonic() - stepped[stage])
                    if n % 3 == 0 and not over.is_set():
                        time.sleep(random.uniform(0.5, options.every / 2))
                        own.append(visitor.go(visitor.query + "&drawer=about"))

        joined: list[Visitor] = []
        ours, theirs = {one.key for one in STAGES[:-1]}, {STAGES[-1].key}
        threads = [threading.Thread(target=follows, args=(n, word, ours), daemon=True) for n in range(options.readers)]
        threads.append(threading.Thread(target=follows, args=(1, second, theirs), daemon=True))
        for one in threads:
            one.start()
        while len(joined) < len(threads):
            time.sleep(0.1)
        time.sleep(3)
        before, memory = server.cpu(), server.resident()
        time.sleep(20)
        print(f"{options.readers} wait for news: {(server.cpu() - before) / 20:.1%} of one core")
        until, at = time.monotonic() + 60 * options.minutes, 0
        while time.monotonic() < until:
            at = (at + 1) % (len(STAGES) - 1)
            stage = STAGES[at].key
            stepped.clear()
            stepped[stage] = time.monotonic()
            desk.go(f"stage={stage}&present=1&desk=1")
            time.sleep(max(0.0, stepped[stage] + options.every - time.monotonic()))
        over.set()
        desk.go(f"stage={STAGES[0].key}&present=1&desk=1")
        other.go("stage=text&present=1&desk=1")
        for one in threads:
            one.join(60)
        print(f"memory {memory:.0f} MB before, {server.resident():.0f} MB after {options.minutes:g} minutes")
        for name, taken in (("a step is seen", seen), ("an own press", own)):
            if len(taken) > 1:
                p95 = statistics.quantiles(taken, n=20)[-1]
                print(f"{name}: p50 {1000 * statistics.median(taken):.0f} ms, p95 {1000 * p95:.0f} ms ({len(taken)} times)")
        print(f"of another room: {len(mixed)}")


if __name__ == "__main__":
    main()
