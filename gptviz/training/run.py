"""The run itself: batches in, weights out, with a log, snapshots, and a state to go on from."""

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .. import snapshots, weights
from ..config import PRESETS, GPTConfig
from ..model import GPT
from . import checkpoints, evaluation, losses, optimizers
from .data import Corpus, Windows
from .forward import hidden

STATE = "state.safetensors"
SETTINGS = "run.json"


@dataclass(frozen=True)
class Settings:
    """All that decides what a run does; the same settings, text and machine give the same weights when `steps` is set.

    minutes and steps: the length, of which one is given; hold: share of the run before the learning rate starts to fall;
    full_end: share of the run at its end with the softmax over all words; negatives: words drawn for the sampled softmax,
    0 for all words all the time; dropout: the rate at all of GPT-2's places; own_words: every word of the text counts in each step's softmax, and only the others are
    drawn, which suits a small text; start: a checkpoint folder to start from, "" for random weights.
    """

    minutes: float = 0.0
    steps: int = 0
    model: GPTConfig = field(default_factory=lambda: PRESETS["mini"])
    start: str = ""
    batch: int = 16
    rate: float = 2e-3
    matrix_rate: float = 0.02
    warmup: int = 100
    hold: float = 0.45
    negatives: int = 4096
    own_words: bool = False
    dropout: float = 0.0
    full_end: float = 0.06
    held_out: int = 100_000
    seed: int = 1337
    precision: str = "float32"
    device: str = "cpu"
    compiled: bool = False
    snapshots: bool = True
    log_every: int = 20
    save_minutes: float = 5.0

    def __post_init__(self):
        if (self.minutes > 0) == (self.steps > 0):
            raise ValueError(f"give a run either minutes or steps, got minutes {self.minutes:g} and steps {self.steps}")
        if not 0 <= self.hold < 1:
            raise ValueError(f"hold must be at least 0 and below 1, got {self.hold:g}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout:g}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision must be float32 or bfloat16, got {self.precision!r}")


class Run:
    """One training run in one folder.

    step: steps taken so far; seconds: time spent on them, over all sittings; stop: set it to end after the step under way,
    with the state saved for `resume`.
    """

    def __init__(self, settings: Settings, corpus: Corpus, folder: str | Path, say: Callable[[str], None] = print):
        self.settings, self.corpus, self.folder, self.say = settings, corpus, Path(folder), say
        torch.manual_seed(settings.seed)
        model = (
            copy.deepcopy(weights.load(settings.start)) if settings.start else GPT(settings.model).init_weights(settings.seed)
        )
        self.model = model.to(settings.device).requires_grad_(True).train()
        self.windows = Windows(corpus.train, model.config.context_length, settings.batch, settings.seed)
        self.optimizers = optimizers.build(self.model, settings.rate, settings.matrix_rate)
        self.rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in self.optimizers]
        self.others = optimizers.split(self.model)[1]
        self.random = torch.Generator().manual_seed(settings.seed)
        self.words = torch.from_numpy(np.flatnonzero(corpus.counts)).to(settings.device) if settings.own_words else None
        self.forward = torch.compile(hidden, dynamic=False) if settings.compiled else hidden
        self.step, self.seconds, self.average = 0, 0.0, math.nan
        self.stop = False

    @classmethod
    def resume(cls, text: str | Path, folder: str | Path, say: Callable[[str], None] = print) -> "Run":
        """The run in this folder, where it was last saved. Raises ValueError when the text is another one."""
        kept = json.loads((Path(folder) / SETTINGS).read_text(encoding="utf-8"))
        known = kept.pop("text")
        settings = Settings(**kept | {"model": GPTConfig(**kept["model"])})
        corpus = Corpus.read(text, settings.held_out)
        if known != fingerprint(corpus):
            raise ValueError(f"{folder}: this run read another text; give it the one it was started with")
        run = cls(settings, corpus, folder, say)
        counters = checkpoints.load_state(Path(folder) / STATE, run.model, run.optimizers, run.random)
        run.step, run.seconds, run.average = counters["step"], counters["seconds"], counters["average"]
        return run

    @property
    def tokens(self) -> int:
        """Tokens read so far."""
        return self.step * self.settings.batch * self.windows.length

    @property
    def progress(self) -> float:
        """Share of the run that is over, by the clock or by steps."""
        if self.settings.steps:
            return self.step / self.settings.steps
        return self.seconds / (60 * self.settings.minutes)

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of one batch, (batch, token) each, with the softmax this point of the run uses."""
        settings = self.settings
        kind = settings.device.split(":")[0]
        here = [] if kind == "cpu" else [torch.device(settings.device)]
        with (
            torch.random.fork_rng(here, device_type=kind if here else "cuda"),
            torch.autocast(kind, torch.bfloat16, enabled=settings.precision == "bfloat16"),
        ):
            torch.manual_seed(settings.seed * 1_000_003 + self.step)  # the masks of a step, whatever was drawn before it
            found = self.forward(self.model, tokens, settings.dropout).flatten(0, 1)
            table, targets = self.model.out_head.weight, targets.flatten()
            if settings.negatives and self.progress < 1 - settings.full_end:
                return losses.sampled(found, table, targets, settings.negatives, self.random, self.words)
            return losses.full(found, table, targets)

    def advance(self) -> float:
        """One step; returns the loss of its batch."""
        started = time.monotonic()
        share = optimizers.schedule(self.progress, self.step, self.settings.warmup, self.settings.hold)
        for optimizer, rates in zip(self.optimizers, self.rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * share
            optimizer.zero_grad(set_to_none=True)
        tokens, targets = (part.to(self.settings.device) for part in self.windows.read(self.step))
        loss = self.loss(tokens, targets)
        value = loss.item()
        if not math.isfinite(value):
            raise ArithmeticError(f"the loss of step {self.step} is {value}; a lower learning rate may keep it finite")
        loss.backward()
        nn.utils.clip_grad_norm_(self.others, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.average = value if math.isnan(self.average) else 0.98 * self.average + 0.02 * value
        self.step += 1
        self.seconds += time.monotonic() - started
        return value

    def train(self, until: int | None = None) -> GPT:
        """Go on to the end, or until `until` steps are taken or `stop` is set (from a signal, say), and save."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.step:
            described = asdict(self.settings) | {"text": fingerprint(self.corpus)}
            (self.folder / SETTINGS).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
        saved = self.seconds
        while self.progress < 1 and not self.stop and (until is None or self.step < until):
            if self.settings.snapshots and is_mark(self.step):
                self.snapshot()
            self.advance()
            if self.step % self.settings.log_every == 0:
                self.report()
            if self.seconds - saved > 60 * self.settings.save_minutes:
                self.save_state()
                saved = self.seconds
        self.save_state()
        if self.progress >= 1:
            self.report(held_out=self.held_out_loss(60))
            weights.save(self.model, self.folder, dtype=torch.float16, dropout=self.settings.dropout)
            self.corpus.yardstick.save(self.folder)
        return self.model

    def held_out_loss(self, windows: int, length: int | None = None) -> float:
        self.model.eval()
        started = time.monotonic()
        found = evaluation.loss(self.model, self.corpus.held_out, windows, length)
        self.seconds += time.monotonic() - started
        self.model.train()
        return found

    def snapshot(self) -> None:
        """A compact checkpoint of this step, with its loss on text the run never reads."""
        found = self.held_out_loss(24)
        name = f"step{self.step:06d}.int8.safetensors"
        facts = {"step": self.step, "tokens": self.tokens, "held_out": found}
        snapshots.save(self.model, self.folder / snapshots.FOLDER / name, facts)
        self.report(held_out=found)

    def save_state(self) -> None:
        counters = {"step": self.step, "seconds": self.seconds, "average": self.average}
        checkpoints.save_state(self.folder / STATE, self.model, self.optimizers, self.random, counters)

    def report(self, held_out: float | None = None) -> None:
        """A line of the loss log, and of the screen: loss is the running mean over the batches of about 50 steps."""
        line = {
            "step": self.step,
            "tokens": self.tokens,
            "minutes": round(self.seconds / 60, 2),
            "progress": round(self.progress, 4),
            "loss": None if math.isnan(self.average) else round(self.average, 4),
            "tokens_per_second": round(self.tokens / max(self.seconds, 1e-9)),
            "rate": round(optimizers.schedule(self.progress, self.step, self.settings.warmup, self.settings.hold), 4),
        } | ({} if held_out is None else {"held_out": round(held_out, 4)})
        with (self.folder / snapshots.LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        self.say(" ".join(f"{key} {value}" for key, value in line.items()))


def is_mark(step: int) -> bool:
    """Whether a step is worth a snapshot: 0, 30, 100, 300, 1000, 3000, 10000 and so on."""
    return step == 0 or (step >= 30 and str(step).rstrip("0") in ("1", "3"))


def fingerprint(corpus: Corpus) -> str:
    """sha256 of the token ids a run learns from."""
    return hashlib.sha256(corpus.train.tobytes()).hexdigest()
