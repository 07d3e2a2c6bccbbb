"""What careless or hostile links cost everybody else: `python benchmarks/hostile.py [fair] [memory] [models]`.

fair    one reader on mini with short sentences, alone and then beside ten links that each ask for 200 tokens after a text of 20,000
        characters in GPT-2 small's shape with dropout: median and 95th percentile of the reader's actions, the worst, and how the
        server's own work ends once the links are closed.
memory  readers with texts of 1,100 words in GPT-2 small's shape come ten at a time and leave: the server's memory while they read,
        and for a minute after they left.
models  twenty readers go to and fro between the three bundled models: the server's memory.

Speaks to a server of its own over websockets. Linux only, where memory and processor time of a process can be read. Nothing here is
asserted by the tests.
"""

import argparse
import os
import random
import statistics
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.reader import Failed, Reader
from benchmarks.server import Server

WORDS = "the a door garden bird river looked opened walked found small old green bright never always house of and in".split()
STAGES = ("token-ids", "token-embedding", "norm1", "attention-weights", "gelu", "softmax", "append", "block-output")
MODELS = ("mini", "mini-untrained", "gpt2-untrained")


def text(seed: int, words: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def processor(server: Server) -> float:
    """Seconds of processor time the server has had."""
    fields = open(f"/proc/{server.process.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def actions(server: Server, count: int, timeout: float) -> list[float]:
    """A reader on mini who takes a new short sentence or another stage, with a second's thought between: seconds of each answer."""
    took = []
    with Reader(server.port, query="stage=token-ids", timeout=timeout) as reader:
        for n in range(count):
            took.append(reader.go(urlencode({"stage": STAGES[n % len(STAGES)], "text": f"Reader {text(n // 2, 6)}"})))
            time.sleep(1.0)
    return took


def said(what: str, took: list[float]) -> None:
    ranked = sorted(took)
    p95 = ranked[min(len(ranked) - 1, int(0.95 * len(ranked)))]
    print(
        f"{what:<46} p50 {1000 * statistics.median(took):6.0f} ms  p95 {1000 * p95:6.0f} ms  worst {1000 * max(took):6.0f} ms",
        flush=True,
    )


def fair(links: int, count: int) -> None:
    """One reader beside links that ask for everything."""
    with Server() as server:
        said("reader on mini, alone", actions(server, count // 2, 60))
        with ExitStack() as stack:
            wants = {"model": "gpt2-untrained", "more": 200, "dropout": 0.1, "stage": "attention-weights"}
            for n in range(links):
                link = stack.enter_context(Reader(server.port, query="", timeout=60))
                link.ask(urlencode(wants | {"text": text(n, 3500)[:20_000], "seed": n}))
            time.sleep(10)
            began = processor(server)
            said(f"the same beside {links} links", actions(server, count, 300))
            print(
                f"the server's processor time meanwhile: {processor(server) - began:.0f} s, its memory {server.resident():.0f} MB"
            )
        for after in (1, 2, 3, 5, 10):
            before, start = processor(server), time.monotonic()
            time.sleep(1)
            print(
                f"  {after} s after the links were closed: {(processor(server) - before) / (time.monotonic() - start):.2f} cores busy"
            )
        said("alone again", actions(server, count // 2, 60))


def memory(groups: int, readers: int) -> None:
    """Long readers come and go."""
    print("seconds   memory of the server")
    with Server() as server:
        began, stop = time.monotonic(), threading.Event()

        def watch() -> None:
            while not stop.wait(5):
                print(f"{time.monotonic() - began:7.0f}{server.resident():10.0f} MB", flush=True)

        watcher = threading.Thread(target=watch)
        watcher.start()
        for group in range(groups):
            print(f"{readers} readers come", flush=True)

            def reads(n: int, group: int = group) -> None:
                wants = {
                    "model": "gpt2-untrained",
                    "dropout": 0.1,
                    "stage": "attention-weights",
                    "text": text(100 * group + n, 1100),
                }
                with suppress(TimeoutError), Reader(server.port, timeout=900) as reader:
                    try:
                        reader.go(urlencode(wants))
                        reader.go(urlencode(wants | {"stage": "softmax", "block": 7}))
                    except Failed as error:
                        print(error)
                    arrived.release()
                    leave.wait()

            arrived, leave = threading.Semaphore(0), threading.Event()
            threads = [threading.Thread(target=reads, args=(n,)) for n in range(readers)]
            [thread.start() for thread in threads]
            [arrived.acquire() for _ in threads]
            print("all have read, and stay for 20 s", flush=True)
            time.sleep(20)
            leave.set()
            [thread.join() for thread in threads]
            print("all have left", flush=True)
            time.sleep(62)
        stop.set()
        watcher.join()


def models(readers: int, turns: int) -> None:
    """To and fro between three models, of which two are held."""
    with Server() as server:
        print(f"before: {server.resident():.0f} MB")

        def reads(n: int) -> None:
            with Reader(server.port, timeout=300) as reader:
                for turn in range(turns):
                    reader.go(
                        urlencode({"model": MODELS[(n + turn) % 3], "text": text(n, 8), "stage": STAGES[turn % len(STAGES)]})
                    )
                    time.sleep(0.5)

        threads = [threading.Thread(target=reads, args=(n,)) for n in range(readers)]
        [thread.start() for thread in threads]
        while any(thread.is_alive() for thread in threads):
            time.sleep(5)
            print(f"while {sum(thread.is_alive() for thread in threads)} read: {server.resident():.0f} MB", flush=True)
        for _ in range(6):
            time.sleep(10)
            print(f"after they left: {server.resident():.0f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["fair", "memory", "models"], choices=["fair", "memory", "models"])
    parser.add_argument("--links", type=int, default=10)
    parser.add_argument("--actions", type=int, default=60)
    parser.add_argument("--readers", type=int, default=10)
    parser.add_argument("--groups", type=int, default=2)
    options = parser.parse_args()
    print(f"cores {os.cpu_count()}, load average at the start {os.getloadavg()[0]:.1f}")
    if "fair" in options.parts:
        fair(options.links, options.actions)
    if "memory" in options.parts:
        memory(options.groups, options.readers)
    if "models" in options.parts:
        models(2 * options.readers, 12)


if __name__ == "__main__":
    main()
