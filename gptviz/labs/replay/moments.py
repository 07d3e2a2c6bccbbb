"""The moments of a training run that the lab moves between, and what was measured at each of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any

import plotly.graph_objects as go

from ... import catalogue, trace, weights
from ...figures import progress
from ...model import GPT
from ...snapshots import FOLDER, History, Step
from ...trace import Trace
from ..lab import Control, Setting, once

BUNDLED = "mini"  # the model whose run is shown where the chosen one has none
START = 300  # the step a reader sees first, where the run has it


@dataclass(frozen=True, eq=False)
class Run:
    """A run, and the catalogue's key of the model it ended in."""

    key: str
    history: History

    @property
    def title(self) -> str:
        return catalogue.MODELS[self.key].title

    @property
    def numbers(self) -> list[int]:
        return [step.number for step in self.history.steps]


@dataclass(frozen=True, eq=False)
class Held:
    """A model in memory, with its size for the cache that holds it."""

    model: GPT

    @property
    def nbytes(self) -> int:
        return sum(one.nbytes for one in self.model.parameters())


def run(setting: Setting) -> Run:
    """The run that made the chosen model, or the bundled one's."""

    def make() -> Run:
        entry = catalogue.MODELS.get(setting.model_key)
        try:
            found = entry and entry.history
        except weights.CheckpointError as error:
            raise unreadable(entry.title, catalogue.refusal(setting.model_key, error)) from None
        return Run(entry.key, found) if found else Run(BUNDLED, catalogue.MODELS[BUNDLED].history)

    return setting.once(("run", setting.model_key), make)


def unreadable(title: str, error: str) -> weights.CheckpointError:
    """The same error, with what cannot be shown before it and what can be done after it."""
    way_out = f"Choose another model; or repair the run's folder, or remove its folder {FOLDER}: then {BUNDLED}'s run is shown."
    return weights.CheckpointError(f"The training of {title} cannot be replayed. {error}. {way_out}")


def at(setting: Setting, step: Step) -> Setting:
    """The same setting with the model as it was at a step: whatever is asked of it is asked of that model."""
    which = run(setting)
    if step.path.is_dir() and which.key == setting.model_key:
        return setting
    try:
        held = setting.once(("snapshot", which.key, step.number), lambda: Held(step.load(which.history.config)))
    except weights.CheckpointError as error:
        raise unreadable(which.title, catalogue.refusal(which.key, error)) from None
    key = f"{which.key}@{step.number}"

    def passed(model: GPT, ids: Sequence[int], **options: Any) -> Trace:
        named = tuple(sorted((name, tuple(value) if isinstance(value, list) else value) for name, value in options.items()))
        return setting.once(("trace", key, tuple(ids), named), lambda: trace.run(model, ids, **options))

    ids = setting.ids[-which.history.config.context_length :]
    return replace(setting, model=held.model, model_key=key, run=passed, ids=ids)


def every(setting: Setting) -> list[Setting]:
    """The setting at each step of the run, in order."""
    return [at(setting, step) for step in run(setting).history.steps]


def place(setting: Setting) -> int:
    """Which of the run's steps is chosen, from 0."""
    return run(setting).numbers.index(setting["step"])


def chosen(setting: Setting) -> Step:
    return run(setting).history.steps[place(setting)]


def last(setting: Setting) -> Step:
    return run(setting).history.steps[-1]


@once
def now(setting: Setting) -> Setting:
    """The setting at the chosen step."""
    return at(setting, chosen(setting))


@once
def end(setting: Setting) -> Setting:
    """The setting at the run's end."""
    return at(setting, last(setting))


def control(setting: Setting) -> Control:
    """The slider over the run's steps."""
    numbers = run(setting).numbers
    return Control(
        "step",
        "Step of training",
        "steps",
        default=START if START in numbers else numbers[len(numbers) // 2],
        options=tuple(numbers),
        show=lambda number: f"{number:,}",
        help="The weights were kept at these steps. Arrow keys move from one to the next.",
    )


def badges(setting: Setting) -> tuple[str, ...]:
    """The model and the moment that the numbers come from, which need not be the chosen model."""
    state = "" if weights.is_trained(now(setting).model) else ", RANDOM INIT"
    return (f"{run(setting).title} at step {setting['step']:,}{state}",)


def losses(setting: Setting) -> go.Figure:
    """The loss on text the run never reads, over its steps, with the chosen one lit."""
    which, step = run(setting), chosen(setting)
    history = which.history
    measured = [(n, one) for n, one in enumerate(history.steps) if one.held_out is not None]
    logged = [line for line in history.log if line.get("loss") is not None]
    read = f"{step.tokens / 1e6:.3g} million" if step.tokens >= 1e5 else f"{step.tokens:,}"
    stored = f"; stored compactly, which adds {step.cost:.3f}" if step.cost else ""
    vocabulary = history.config.vocab_size
    return progress.losses(
        [one.number for _, one in measured],
        [one.held_out for _, one in measured],
        [line["step"] for line in logged],
        [line["loss"] for line in logged],
        current=next((at for at, (n, _) in enumerate(measured) if n == place(setting)), None),
        uniform=log(vocabulary),
        uniform_text=f"even guess: ln {vocabulary:,} = {log(vocabulary):.2f}",
        title=f"Loss on unread text (dots) and on the batches (line); {read} tokens read{stored}",
    )


def in_words(setting: Setting) -> str:
    """The chosen step in words."""
    step = setting["step"]
    if step == 0:
        return "Before the first step"
    return f"After {step:,} step{'' if step == 1 else 's'}"


def remark(setting: Setting) -> str:
    """What a reader must know who chose another model than the one whose run this is; empty otherwise."""
    which = run(setting)
    if which.key == setting.model_key or not setting.model_key:
        return ""
    return f'"{catalogue.MODELS[setting.model_key].title}" kept no snapshots of its training: this is {which.title}\'s.'
