"""Runs for readers, one at a time: who comes second waits in a line, and every run is a process of its own.

A job belongs to the reader who holds it; there is no other way to reach it. Its process has the lowest priority and one thread,
and is gone when the run is over, when the reader is gone, or when a limit is reached.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import kept
from .worker import LONGEST, LONGEST_PAUSE, Order, part

STARTING = 90.0  # seconds a process may take until its first step
ENDING = 15.0  # seconds it may take to end, after its time or when it was asked to stop
SILENT = 45.0  # seconds it may say nothing; with the lowest priority on busy cores a step takes seconds
ABSENT = 10.0  # seconds after which a reader who is not there is taken to be gone, and the run stopped
ABSENT_FOR_GOOD = 180.0  # the same for what a run has left: by then no page can come back to it
MOST_WAITING = 50
PRIORITY = 19  # how much a run gives way to the readers: the most there is
LOOK_EVERY, LOOK_AFTER_EVERY = 0.2, 5.0  # seconds between two looks at the run under way, and at what others have left
ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "gptviz.training.worker")


class Refused(Exception):
    """No run begins; the message says why, and what can be done."""


class Full(Refused):
    """The line takes nobody more."""


@dataclass(frozen=True)
class Ready:
    """What a run says before its first step: the model's shape, the text's counts in tokens, and the two losses to compare with."""

    layers: int
    heads: int
    width: int
    context: int
    batch: int
    parameters: int
    tokens: int
    held_out: int
    words: int
    uniform: float
    unigram: float


@dataclass(frozen=True)
class HeldOut:
    """The loss on the part of the text that is never learned from, measured after `step` steps."""

    step: int
    seconds: float
    loss: float


@dataclass(frozen=True)
class Sample:
    """A text the model wrote after `step` steps. prompt: what it was given; copied: tokens in a row that stand in the text just so."""

    step: int
    seconds: float
    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    copied: int


@dataclass(frozen=True)
class Seen:
    """Where a job stands. state: waiting, starting, training, paused, ending, finished, stopped or failed. seconds, losses: at
    the end of every step so far, and of its batch. message: why it ended as it did, where there is something to say."""

    state: str
    message: str = ""
    ready: Ready | None = None
    seconds: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()
    held_out: tuple[HeldOut, ...] = ()
    samples: tuple[Sample, ...] = ()
    saved: bool = False

    @property
    def on(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("waiting", "starting", "training", "paused", "ending")

    @property
    def step(self) -> int:
        """Steps taken."""
        return len(self.losses)

    @property
    def tokens(self) -> int:
        """Tokens read."""
        return self.step * self.ready.batch * self.ready.context if self.ready else 0


class Job:
    """One reader's run, from the line to its end. order: what was asked for; corpus: its text, cut in two; there: whether that
    reader still is. Raises Refused when there is no place to keep its model."""

    def __init__(self, order: Order, there: Callable[[], bool] = lambda: True):
        try:
            self._kept = kept.folder()
        except OSError as error:
            raise Refused(_no_place(error)) from error
        self.order, self.corpus = replace(order, folder=self._kept.name), part(order.ids)
        self._there, self._last_there = there, time.monotonic()
        self._lock = threading.Lock()
        self._seen = Seen("waiting")
        self._process: subprocess.Popen[str] | None = None
        self._deadline, self._last_word = 0.0, 0.0
        self.forgotten = False
        self._afterwards: list[Callable[[], None]] = []

    @property
    def folder(self) -> Path:
        """Where the trained model is, once it is saved; it is removed with the job."""
        return Path(self._kept.name)

    @property
    def pid(self) -> int | None:
        """Its process, when it has one."""
        return self._process.pid if self._process else None

    def seen(self) -> Seen:
        with self._lock:
            return self._seen

    def pause(self) -> None:
        self._wish("pause")

    def go_on(self) -> None:
        self._wish("go on")

    def stop(self) -> None:
        """End soon: after the step under way, or at once when there was none yet."""
        with self._lock:
            begun = self._seen.state in ("training", "paused")
            if begun:
                self._deadline = time.monotonic() + ENDING
                self._seen = replace(self._seen, state="ending")
            elif self._seen.state in ("waiting", "starting"):
                self._seen = replace(self._seen, state="stopped")
        if begun:
            self._wish("stop")
        elif self._process and not self.seen().on:
            self._process.kill()

    def forget(self) -> None:
        """Stop it, remove what it has left on the disk, and tell whoever asked for it."""
        self.stop()
        if self._process:
            self._process.kill()
            self._process.wait()
        self._kept.cleanup()
        self.forgotten = True
        while self._afterwards:
            self._afterwards.pop()()

    def when_forgotten(self, call: Callable[[], None]) -> None:
        """Call this when the job is forgotten, by its reader or because that reader is gone."""
        self._afterwards.append(call)

    def wait(self, seconds: float) -> Seen:
        """Until its process is gone, or for so many seconds."""
        until = time.monotonic() + seconds
        while not self.over and time.monotonic() < until:
            time.sleep(0.02)
        return self.seen()

    @property
    def over(self) -> bool:
        """Whether it is done with and its process is gone."""
        return not self.seen().on and (self._process is None or self._process.poll() is not None)

    def usual_left(self) -> float:
        """Seconds until it is over when nobody pauses it."""
        seen = self.seen()
        return max(0.0, (self.order.seconds or LONGEST) - (seen.seconds[-1] if seen.seconds else 0.0))

    def longest_left(self) -> float:
        """Seconds until it is over at most, from now or from its turn on, with everything that may hold it up."""
        with self._lock:
            if self._seen.state in ("waiting", "starting"):
                return STARTING + self._whole()
            return max(0.0, self._deadline - time.monotonic())

    def _whole(self) -> float:
        return (self.order.seconds or LONGEST) + LONGEST_PAUSE + ENDING

    def start(self) -> None:
        """Its turn has come."""
        with self._lock:
            if self._seen.state != "waiting":
                return
            self._deadline = time.monotonic() + STARTING
            try:
                said = tempfile.TemporaryFile()  # noqa: SIM115 closed where it is read, when the process has ended
                self._process = subprocess.Popen(
                    PROGRAM,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    cwd=ROOT,
                    env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
                    encoding="utf-8",
                    creationflags=getattr(subprocess, "IDLE_PRIORITY_CLASS", 0),
                )
            except OSError as error:
                self._seen = replace(
                    self._seen,
                    state="failed",
                    message=f"The training process could not be started: {error.strerror or type(error).__name__}.",
                )
                return
            self._seen = replace(self._seen, state="starting")
        if hasattr(os, "setpriority"):
            with suppress(ProcessLookupError):  # it has ended already; its last words say why
                os.setpriority(os.PRIO_PROCESS, self._process.pid, PRIORITY)
        threading.Thread(target=self._follow, args=(self._process, said), name="training run", daemon=True).start()

    def watch(self) -> None:
        """End it when its time is over or its reader gone; remove what is left of it when its reader is gone for good."""
        seen = self.seen()
        if self._there():
            self._last_there = time.monotonic()
        away = time.monotonic() - self._last_there
        if not seen.on:
            if away > ABSENT_FOR_GOOD:
                self.forget()
        elif away > ABSENT:
            self._end("stopped", f"Your page was away for more than {ABSENT:g} s, so the run was stopped.")
            self.forget()
        elif self._process and time.monotonic() > self._deadline:
            late = (
                f"The training process has not begun within {STARTING:g} s: this machine is very busy. Try again later."
                if seen.state == "starting"
                else "The training process did not end in its time, so it was ended. What it said until then is here."
            )
            self._end("failed", late)
        elif self._process and seen.state != "starting" and time.monotonic() > self._last_word + self._may_be_silent(seen):
            silent = f"The training process has said nothing for {self._may_be_silent(seen):g} s, so it was ended: it was stopped from "
            self._end("failed", f"{silent}outside, or this machine is very busy. What it said until then is here.")

    @staticmethod
    def _may_be_silent(seen: Seen) -> float:
        return SILENT + LONGEST_PAUSE * (seen.state == "paused")

    def _end(self, state: str, message: str) -> None:
        with self._lock:
            if not self._seen.on:
                return
            self._seen = replace(self._seen, state=state, message=message)
        if self._process:
            self._process.kill()

    def _wish(self, words: str) -> None:
        if self._process and self.seen().state != "starting":  # before that its input is the order, in another thread
            with suppress(OSError, ValueError):  # it has just ended, or its input is closed already, and the page will say so
                self._process.stdin.write(words + "\n")
                self._process.stdin.flush()

    def _follow(self, process: "subprocess.Popen[str]", said) -> None:
        """Give it the order, take all that it tells, and see how it ends."""
        with said:
            with suppress(OSError):  # it ended before it had read everything; what follows says so
                process.stdin.write(self.order.write() + "\n")
                process.stdin.flush()
            for line in process.stdout:
                if line.endswith("\n"):  # else it was killed in the middle of it
                    self._take(json.loads(line))
            code = process.wait()
            said.seek(0)
            last = said.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
        words = f'Its last words: "{last}".' if last else "It said nothing."
        killed = " Most often this means that the machine ran out of memory." if code == -9 else ""
        broke = f"The training process broke off (exit status {code}). {words}{killed}"
        self._end("failed", f"{broke} Start it again, or with another text.")
        with suppress(OSError):  # a wish was still on its way when it ended
            process.stdin.close()
        process.stdout.close()

    def _take(self, told: dict[str, Any]) -> None:
        kind = told.pop("kind")
        with self._lock:
            seen, self._last_word = self._seen, time.monotonic()
            if not seen.on:
                return
            match kind:
                case "ready":
                    self._deadline = time.monotonic() + self._whole()
                    changes = {"state": "training", "ready": Ready(**told)}
                case "steps":
                    changes = {"seconds": seen.seconds + tuple(told["seconds"]), "losses": seen.losses + tuple(told["losses"])}
                case "held out":
                    changes = {"held_out": (*seen.held_out, HeldOut(**told))}
                case "sample":
                    sample = Sample(**told | {"prompt": tuple(told["prompt"]), "ids": tuple(told["ids"])})
                    changes = {"samples": (*seen.samples, sample)}
                case "paused" | "going":
                    stands = "paused" if kind == "paused" else "training"
                    changes = {"state": stands} if seen.state in ("training", "paused") else {}
                case "end":
                    long = f"It stood still for more than {LONGEST_PAUSE:g} s in all, so it ended there."
                    lost = f"The model could not be saved, so there is no walking through it: {told['trouble']}."
                    changes = {
                        "state": "stopped" if told["why"] == "stopped" else "finished",
                        "message": " ".join([long] * (told["why"] == "paused") + [lost] * bool(told["trouble"])),
                        "saved": told["saved"],
                    }
            self._seen = replace(seen, **changes)


def _no_place(error: OSError) -> str:
    return (
        f"There is no place on this server to keep a model in: {error.strerror or type(error).__name__}. Whoever runs it "
        "can make room there, or name another folder with TMPDIR."
    )


class Line:
    """Who trains, and who waits for it, in the order they came."""

    def __init__(self):
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._over: list[Job] = []
        self._keeper: threading.Thread | None = None

    def join(self, order: Order, there: Callable[[], bool] = lambda: True) -> Job:
        """A new job at the end of the line; it starts by itself. Raises Refused: Full when too many wait."""
        with self._changed:
            self._tidy()
            if len(self._waiting) >= MOST_WAITING:
                raise Full(f"{MOST_WAITING} readers wait for their turn already. Try again in a few minutes.")
            job = Job(order, there)
            self._waiting.append(job)
            if self._keeper is None or not self._keeper.is_alive():
                self._keeper = threading.Thread(target=self._keep, name="training line", daemon=True)
                self._keeper.start()
            self._changed.notify_all()
        return job

    def before(self, job: Job) -> tuple[Job, ...]:
        """The jobs that come before this one, the one under way first; none when it is not waiting."""
        with self._changed:
            self._tidy()
            if job not in self._waiting:
                return ()
            ahead = tuple(self._waiting)[: self._waiting.index(job)]
            return ahead if self._running is None else (self._running, *ahead)

    def _tidy(self) -> None:
        self._waiting = deque(job for job in self._waiting if job.seen().state == "waiting")
        self._over = [job for job in self._over if not job.forgotten]
        if self._running is not None and self._running.over:
            self._over.append(self._running)
            self._running = None

    def _keep(self) -> None:
        """While anybody runs, waits or has left something: begin the next, and look after all."""
        while True:
            with self._changed:
                for job in (*self._waiting, *self._over, *filter(None, (self._running,))):
                    job.watch()
                self._tidy()
                if self._running is None and self._waiting:
                    self._running = self._waiting.popleft()
                    self._running.start()
                if self._running is None and not self._over:
                    self._keeper = None
                    return
                self._changed.wait(LOOK_AFTER_EVERY if self._running is None else LOOK_EVERY)


LINE = Line()
"""The one line of this server."""
