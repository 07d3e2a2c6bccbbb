"""A very small run for one reader: the program of a process that the server starts, watches and ends.

It reads from its standard input, first a line of JSON (an `Order`), then one wish a line: pause, go on, stop. It writes to its
standard output a line of JSON for everything that happens, with "kind" ready, steps, held out, sample or end. When its input
ends, so does it: without a server nobody is left to read.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from safetensors import SafetensorError

from .. import weights
from ..config import GPTConfig
from ..sampling import softmax
from .data import UNIFORM_LOSS, Corpus
from .forward import hidden
from .run import Run, Settings

SIZES = {
    "smaller": GPTConfig(n_layer=1, n_head=2, n_embd=32, context_length=64),
    "small": GPTConfig(n_layer=2, n_head=4, n_embd=64, context_length=64),
    "larger": GPTConfig(n_layer=3, n_head=6, n_embd=96, context_length=64),
}
LONGEST = 60.0  # seconds of training
LONGEST_PAUSE = 60.0  # seconds of all pauses of a run together
FEWEST_TOKENS = 300
HELD_OUT = 10  # one token in so many is never learned from
WINDOWS = 8  # held-out windows a loss is taken over, at most
SAMPLE_TOKENS = 40
PROMPT_TOKENS = 4
LIKELIEST = 40
TEMPERATURE = 0.8
MARKS = (0.0, 1 / 64, 1 / 32, 1 / 16, *(number / 8 for number in range(1, 8)))
"""Shares of the run at which it writes a sample and measures the held-out loss; it measures again between two of the later."""
BETWEEN = tuple(number / 16 for number in range(3, 16, 2))
TOLD_EVERY = 0.25  # seconds between two lines about steps


@dataclass(frozen=True)
class Order:
    """What a reader asks for. ids: the text's tokens; size: a key of SIZES; seconds or steps: how long, the other is 0; dropout:
    the rate at all of GPT-2's places; folder: where the trained model is saved, "" for nowhere."""

    ids: tuple[int, ...]
    size: str = "small"
    seconds: float = 0.0
    steps: int = 0
    seed: int = 0
    folder: str = ""
    dropout: float = 0.0

    def __post_init__(self):
        if self.size not in SIZES:
            raise ValueError(f"size must be one of {', '.join(SIZES)}, got {self.size!r}")
        if len(self.ids) < FEWEST_TOKENS:
            raise ValueError(f"a text needs at least {FEWEST_TOKENS} tokens, this one has {len(self.ids)}")
        if self.seconds > LONGEST:
            raise ValueError(f"a run lasts at most {LONGEST:g} seconds, got {self.seconds:g}")

    def write(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, line: str) -> "Order":
        found = json.loads(line)
        return cls(**found | {"ids": tuple(found["ids"])})


class Clock:
    """Seconds since it was made, less those it was stopped for."""

    def __init__(self):
        self._since, self.paused = time.monotonic(), 0.0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._since - self.paused


class Wishes:
    """What the reader wants of a run under way: to pause or to stop it, as its lines arrive."""

    def __init__(self):
        self._going = threading.Event()
        self._going.set()
        self.stopped = False

    def take(self, line: str) -> None:
        match line.strip():
            case "pause":
                self._going.clear()
            case "go on":
                self._going.set()
            case "stop":
                self.stopped = True
                self._going.set()

    @property
    def paused(self) -> bool:
        return not self._going.is_set()

    def wait(self, seconds: float) -> bool:
        """Until the run may go on, for at most so many seconds; False when they are over."""
        return self._going.wait(seconds)


def part(ids: Sequence[int]) -> Corpus:
    """A text cut in two: what is learned from, and its end, which is held out."""
    found = np.array(ids, dtype=np.uint16)
    apart = len(found) // HELD_OUT
    return Corpus(found[:-apart], found[-apart:])


def begin(order: Order) -> Run:
    """The run of an order, before its first step."""
    corpus, config = part(order.ids), SIZES[order.size]
    settings = Settings(
        minutes=order.seconds / 60,
        steps=order.steps,
        model=config,
        batch=min(8, (len(corpus.train) - 1) // config.context_length - 1),
        rate=0.005,
        matrix_rate=0.02,
        warmup=10,
        hold=0.5,
        negatives=1024,
        own_words=True,
        full_end=0.0,
        dropout=order.dropout,
        seed=order.seed,
    )
    return Run(settings, corpus, order.folder)


def train(order: Order, say: Callable[..., None], wishes: Wishes) -> Run:
    """The whole run. say(kind, **facts) is told what happens; see `ready`, `held_out`, `sample` and `end` for what."""
    run, clock = begin(order), Clock()
    ready(run, say)
    due = sorted([(mark, True) for mark in MARKS] + [(mark, False) for mark in BETWEEN], reverse=True)
    taken: list[tuple[int, float, float]] = []
    told, why = 0.0, "done"
    while run.progress < 1 and clock.seconds < LONGEST:
        if wishes.paused or clock.seconds - told > TOLD_EVERY:
            tell(taken, say)
            told = clock.seconds
        if wishes.paused and not pause(clock, wishes, say):
            why = "paused"
        if wishes.stopped:
            why = "stopped"
        if why != "done":
            break
        passed = [due.pop() for mark, _ in due[::-1] if run.progress >= mark]
        if passed:
            tell(taken, say)
            measure(run, say, sample=any(writes for _, writes in passed))
            run.seconds = clock.seconds  # this takes of the reader's minute too
        loss = run.advance()
        run.seconds = clock.seconds
        taken.append((run.step, run.seconds, loss))
    tell(taken, say)
    measure(run, say, sample=True)
    trouble = save(run, order.folder) if order.folder else ""
    say("end", why=why, step=run.step, seconds=clock.seconds, saved=bool(order.folder) and not trouble, trouble=trouble)
    return run


def save(run: Run, folder: str) -> str:
    """Keep the trained model; returns why it could not be kept, "" when it was."""
    try:
        weights.save(run.model, folder, dtype=torch.float16, dropout=run.settings.dropout)
    except (OSError, SafetensorError) as error:
        return str(error)
    return ""


def ready(run: Run, say: Callable[..., None]) -> None:
    """What is known before the first step."""
    config, settings = run.model.config, run.settings
    say(
        "ready",
        layers=config.n_layer,
        heads=config.n_head,
        width=config.n_embd,
        context=config.context_length,
        batch=settings.batch,
        parameters=sum(one.numel() for one in run.model.parameters()),
        tokens=len(run.corpus.train),
        held_out=len(run.corpus.held_out),
        words=int((run.corpus.counts > 0).sum()),
        uniform=UNIFORM_LOSS,
        unigram=run.corpus.unigram_entropy,
    )


def tell(taken: list[tuple[int, float, float]], say: Callable[..., None]) -> None:
    """The steps since the last time: their numbers, the seconds at their end, and the losses of their batches."""
    if taken:
        steps, seconds, losses = zip(*taken, strict=True)
        say("steps", steps=steps, seconds=seconds, losses=losses)
        taken.clear()


def pause(clock: Clock, wishes: Wishes, say: Callable[..., None]) -> bool:
    """Stand still until the reader wants to go on; False when all pauses together have lasted too long."""
    say("paused")
    began = time.monotonic()
    on = wishes.wait(LONGEST_PAUSE - clock.paused)
    clock.paused += time.monotonic() - began
    if on:
        say("going")
    return on


def measure(run: Run, say: Callable[..., None], sample: bool) -> None:
    """The loss on text the run never reads and, if asked, a text the model writes at this point."""
    length = min(run.model.config.context_length, len(run.corpus.held_out) - 2)
    windows = min(WINDOWS, max(1, len(run.corpus.held_out) // length))
    say("held out", step=run.step, seconds=run.seconds, loss=run.held_out_loss(windows, length))
    if sample:
        prompt, written = write(run)
        say(
            "sample",
            step=run.step,
            seconds=run.seconds,
            prompt=prompt,
            ids=written,
            copied=longest_copied(written, run.corpus.train),
        )


@torch.no_grad()
def write(run: Run) -> tuple[list[int], list[int]]:
    """The first tokens of the text, and how the model goes on; the same dice every time, so that only the model differs."""
    model, random = run.model, np.random.default_rng(run.settings.seed)
    ids = [int(one) for one in run.corpus.train[:PROMPT_TOKENS]]
    for _ in range(SAMPLE_TOKENS):
        read = hidden(model, torch.tensor([ids[-model.config.context_length :]]))[0, -1]
        logits = (model.out_head.weight @ read).numpy()
        best = np.sort(np.argpartition(-logits, LIKELIEST)[:LIKELIEST])
        ids.append(int(random.choice(best, p=softmax(logits[best] / TEMPERATURE))))
    return ids[:PROMPT_TOKENS], ids[PROMPT_TOKENS:]


def longest_copied(written: list[int], text: np.ndarray) -> int:
    """The length of the longest run of tokens in `written` that stands in the text token for token."""
    longest, ending = 0, np.zeros(len(text), dtype=np.int64)
    for token in written:
        before = np.concatenate([[0], ending[:-1]])
        ending = np.where(text == token, before + 1, 0)
        longest = max(longest, int(ending.max()))
    return longest


def main() -> int:
    """The process: order and wishes from standard input, what happens to standard output, one line each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the server's terminal ends the server, and so the input
    torch.set_num_threads(1)
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    sys.stdout = sys.stderr  # what a library prints must not come between the lines,
    os.dup2(sys.stderr.fileno(), 1)  # nor what one writes past Python
    order, wishes = Order.read(sys.stdin.readline()), Wishes()

    def listen() -> None:
        for line in sys.stdin:
            wishes.take(line)
        os._exit(1)

    def say(kind: str, **facts: object) -> None:
        out.write(json.dumps({"kind": kind} | facts) + "\n")

    threading.Thread(target=listen, daemon=True).start()
    train(order, say, wishes)
    out.flush()
    os._exit(0)  # the thread that reads would keep the process


if __name__ == "__main__":
    sys.exit(main())
