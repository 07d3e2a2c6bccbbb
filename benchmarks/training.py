"""How much a reader's own training run slows everybody else: `python benchmarks/training.py`.

What the others wait for is a forward pass of mini on 16 tokens in the server's process, with one thread. It is timed again and
again while a run of the given size pauses, and while it goes on, in turns of a second each, so that both see the same machine.
The ratio is taken within a round, and the table shows the median over rounds. Once with all cores, and (on Linux) once with the
server and the run on one core together, where the run has only what the server leaves. Nothing here is asserted by the tests.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from gptviz import catalogue, tokenizer, trace
from gptviz.training.data import encode_documents
from gptviz.training.jobs import Job, Line
from gptviz.training.texts import TEXTS
from gptviz.training.worker import SIZES, Order

TURN = 1.0  # seconds
ROUNDS = 12
IDS = tokenizer.encode(" Every effort moves you") * 4


def forwards(model, seconds: float) -> list[float]:
    """Milliseconds of each forward pass, one after another, with a short rest after each as between two clicks."""
    found, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter()
        trace.run(model, IDS)
        found.append(1000 * (time.perf_counter() - started))
        time.sleep(0.02)
    return found


def until(job: Job, *states: str) -> None:
    while job.seen().state not in states:
        time.sleep(0.05)


def measured(model, size: str) -> list[tuple[float, float, float, float, float]]:
    """A round each: median alone, median and 95th percentile beside the run, their ratio to alone's, the run's steps a second."""
    line = Line()
    job = line.join(Order(tuple(encode_documents(TEXTS["potter"].read()).tolist()), size=size, seconds=60))
    until(job, "training")
    rows = []
    for _ in range(ROUNDS):
        job.pause()
        until(job, "paused")
        alone = forwards(model, TURN)
        job.go_on()
        until(job, "training", "finished")
        before, began = job.seen().step, time.perf_counter()
        beside = forwards(model, TURN)
        speed = (job.seen().step - before) / (time.perf_counter() - began)
        if job.seen().state != "training":
            break
        middle, slow = statistics.median(beside), sorted(beside)[int(0.95 * len(beside))]
        rows.append((statistics.median(alone), middle, slow, middle / statistics.median(alone), speed))
    job.stop()
    job.wait(15)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=list(SIZES), default="small")
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = catalogue.load("mini")
    forwards(model, 1.0)
    print(f"mini, {len(IDS)} tokens, one thread; a run of size {given.size}; median of up to {ROUNDS} rounds, in milliseconds")
    print(f"{'cores':<8}{'alone':>8}{'beside':>8}{'95 %':>8}{'ratio':>8}{'worst round':>13}{'steps/s':>9}")
    every = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    for cores in (every, {min(every)}) if hasattr(os, "sched_setaffinity") and len(every) > 1 else (every,):
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, cores)
        rows = measured(model, given.size)
        alone, beside, slow, ratio, speed = (statistics.median(column) for column in zip(*rows, strict=True))
        worst = max(row[3] for row in rows)
        print(f"{len(cores):<8}{alone:>8.1f}{beside:>8.1f}{slow:>8.1f}{ratio:>8.2f}{worst:>13.2f}{speed:>9.1f}", flush=True)


if __name__ == "__main__":
    main()
