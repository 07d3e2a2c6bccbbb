"""What a lab, an experiment and a control are."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

import numpy as np

from .. import edits, tokenizer, trace
from ..config import GPTConfig
from ..edits import Named
from ..figures.forms import Picture
from ..model import GPT
from ..stages.stage import Notes, Question
from ..trace import Trace

LONGEST_TEXT = 2000  # characters of a text a control takes
LONGEST_WAY = 240  # steps of a path
PATH = rf"|\d{{1,6}}(\.\d{{1,6}}){{0,{LONGEST_WAY - 1}}}"


@dataclass(frozen=True)
class Control:
    """One thing a reader can move. Its value lives in the URL under `name`.

    kind: "slider" (options = low, high, step), "choice" (options = the values, shown through `show`), "steps" (the same on a
    slider, for values in an order), "switch", "text", "live" (options as for a slider; the slider is part of a picture, which
    names this control), "path" (numbers with dots between them, one for each step of a way; a picture adds steps, and the
    experiment's `trail` says what they are).
    A default of None means the first option. show: value -> label, for choices. drawn: False for a value this experiment
    uses but another one of the lab moves. when: whether it is drawn, given the values of all controls; its value counts anyway.
    """

    name: str
    label: str
    kind: str
    default: Any = None
    options: tuple = ()
    show: Callable[[Any], str] = str
    help: str = ""
    drawn: bool = True
    when: Callable[[Mapping[str, Any]], bool] = lambda values: True

    def start(self) -> Any:
        """The value before anybody moved it."""
        if self.kind == "path":
            return self.default or ""
        return self.options[0] if self.default is None else self.default

    def parse(self, raw: str) -> Any:
        """The value a URL's text stands for. Raises ValueError, with what is allowed, when it stands for none."""
        if self.kind == "switch":
            if raw not in ("0", "1"):
                raise ValueError("is neither 0 nor 1")
            return raw == "1"
        if self.kind == "text":
            if len(raw) > LONGEST_TEXT:
                raise ValueError(f"is longer than {LONGEST_TEXT:,} characters")
            return tokenizer.as_read(raw)
        if self.kind == "path":
            if not re.fullmatch(PATH, raw):
                raise ValueError(f"is no way of up to {LONGEST_WAY} numbers with dots between them")
            return raw
        if self.kind in ("choice", "steps"):
            for option in self.options:
                if self.write(option) == raw:
                    return option
            raise ValueError(f"is not one of the {len(self.options)} choices")
        low, high, step = self.options
        try:
            value = type(step)(float(raw))
        except (ValueError, OverflowError):
            raise ValueError(f"is not a number from {low} to {high}") from None
        if not low <= value <= high:
            raise ValueError(f"is not a number from {low} to {high}")
        steps = round((value - low) / step)
        return type(step)(round(low + steps * step, 6))

    @staticmethod
    def write(value: Any) -> str:
        """The text that stands for a value in a URL."""
        return str(int(value)) if isinstance(value, bool) else str(value)


def anew(model: GPT, ids: Sequence[int] | Sequence[Sequence[int]], *, fresh: bool = True, **options: Any) -> Trace:
    """`gptviz.trace.run`, where nothing is kept and every pass is fresh."""
    return trace.run(model, ids, **options)


@dataclass(frozen=True, eq=False)
class Setting:
    """What an experiment starts from: the model, the sentence's ids, and the controls' values as `setting["p"]`.

    trace(...) runs the model on these or other ids; on the page it goes through the shared cache, elsewhere it just runs.
    once(key, make, doing): what make() gives, made once for these plain values where there is a cache; it may ask for traces and for
    other values. doing: what that is, for whoever waits. kept(key): what once gave for a key, None where nothing is kept. until: from this
    moment on (of time.monotonic) no more is begun that can wait for the next drawing. told(share): how much of a make() that takes long is done, said to whoever waits for it.
    edits: what is changed in the passes over the sentence, see `under`.
    """

    model: GPT
    ids: tuple[int, ...]
    values: Mapping[str, Any]
    text: str = ""
    run: Callable[..., Trace] = anew
    model_key: str = ""
    once: Callable[..., Any] = lambda key, make, doing="": make()
    kept: Callable[[tuple], Any] = lambda key: None
    until: float = math.inf
    told: Callable[[float], None] = lambda share: None
    edits: tuple[Named, ...] = ()
    worked_out: dict[Callable, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def config(self) -> GPTConfig:
        return self.model.config

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def under(self, changes: tuple[Named, ...]) -> "Setting":
        """The same with these edits in force in every pass; what is kept of them is kept apart from that of the passes without."""

        def once(key: tuple, make: Callable[[], Any], doing: str = "") -> Any:
            return self.once((*key, changes), make, doing) if doing else self.once((*key, changes), make)

        return replace(self, edits=changes, once=once, kept=lambda key: self.kept((*key, changes))) if changes else self

    def trace(self, ids: Sequence[int] | Sequence[Sequence[int]] | None = None, **options: Any) -> Trace:
        """`gptviz.trace.run` on the sentence (or on `ids`), with its options, and `fresh=True` for a pass that is really run even
        where the same one is kept."""
        changes = {"edits": self.edits} if self.edits else {}
        return self.run(self.model, self.ids if ids is None else ids, **(changes | options))

    def last_logits(self, ids: Sequence[int] | None = None) -> np.ndarray:
        """The model's logits after the last token, (word,), from a pass of which nothing else is kept."""
        ids = tuple(self.ids if ids is None else ids)

        def make() -> np.ndarray:
            row = trace.run(self.model, ids, points=["logits"], edits=self.edits).array("logits")[0, -1].copy()
            row.flags.writeable = False
            return row

        return self.once(("last logits", self.model_key, ids), make)

    def word(self, token: int) -> str:
        """A token id of this model, printable."""
        return tokenizer.printable(int(token), self.model.extra)

    def labels(self, ids: Sequence[int] | None = None) -> tuple[str, ...]:
        """Row labels: tokens numbered from 0, the leading space visible."""
        return tuple(f"{n} {tokenizer.printable(token)}" for n, token in enumerate(self.ids if ids is None else ids))


def once(function: Callable[[Setting], Any]) -> Callable[[Setting], Any]:
    """A function of a setting that is worked out once while that setting lives: pictures and caption ask for the same.

    The setting itself holds what came out, which may point back to it; a table beside it would then keep both for ever.
    """

    @wraps(function)
    def remembered(setting: Setting) -> Any:
        if remembered not in setting.worked_out:
            setting.worked_out[remembered] = function(setting)
        return setting.worked_out[remembered]

    return remembered


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What stands beside a picture: words, a formula and a question."""

    key: str
    title: str
    prose: str
    formula: str
    question: Question | None = None


@dataclass(frozen=True, kw_only=True)
class Experiment(Sheet):
    """One question with its picture. controls: fixed, or a function of the setting (for options that depend on the model or the
    sentence; it sees no values). pictures and caption take the setting. state: extra badges, such as ("TOY",): what the
    numbers are besides the model's own state. presets: name -> values of several controls, set by one press. own: the pass whose
    numbers the cells of its panels are, where these name their point: a click computes one again. trail: where its "path" has led,
    a name for each place from the start on; it ends where the way does not go on. opens: changes of what is chosen in the walk, one
    for every value that a press on a picture sends as "walk"; that press leads there. under_way: the share that is done of what goes
    on by itself, None where nothing does: the page draws it again until then. notes: for whoever presents. main: the control that Present mode
    shows, the first that can be moved without being named; large: which of the pictures it shows, None
    for the first that is more than words. edited: what it shows is the pass over the reader's sentence, so that the edits of the walk
    are in force in it. They are not in any other experiment: it makes passes of its own, works numbers out again by the plain formulas,
    or shows no pass."""

    controls: tuple[Control, ...] | Callable[[Setting], tuple[Control, ...]]
    pictures: Callable[[Setting], Sequence[Picture]]
    caption: Callable[[Setting], str]
    state: Callable[[Setting], tuple[str, ...]] = field(default=lambda setting: ())
    beside: bool = False
    own: Callable[[Setting], Trace] | None = None
    presets: Callable[[Setting], Mapping[str, Mapping[str, Any]]] = field(default=lambda setting: {})
    trail: Callable[[Setting], Sequence[str]] = field(default=lambda setting: ())
    opens: Callable[[Setting], Sequence[Mapping[str, Any]]] = field(default=lambda setting: ())
    under_way: Callable[[Setting], float | None] = field(default=lambda setting: None)
    notes: Notes | None = None
    main: str = ""
    large: int | None = None
    edited: bool = False

    def changed(self, setting: Setting, changes: tuple[Named, ...]) -> Setting:
        """The setting in which it is shown while these edits are in force in the walk."""
        return setting.under(changes) if self.edited else setting

    def standing(self, changes: tuple[Named, ...]) -> str:
        """What these edits of the walk mean here, in words; "" where there are none."""
        if not changes:
            return ""
        said = edits.words(changes)
        if self.edited:
            return f"This is the edited pass: {said}."
        return f"In the walk {said}. Not here: what is shown is the model without that, or passes of its own."

    def controls_for(self, setting: Setting) -> tuple[Control, ...]:
        return self.controls(setting) if callable(self.controls) else self.controls


@dataclass(frozen=True)
class Lab:
    """A page of experiments. key: the page's address. about: what it offers, in the menu. own_state: its numbers come from other
    weights than those of the chosen model, and a badge of each experiment says from which. controls: those of the page itself, where
    it has no experiments."""

    key: str
    title: str
    about: str
    experiments: tuple[Experiment, ...]
    own_state: bool = False
    controls: tuple[Control, ...] = ()

    def find(self, key: str) -> Experiment:
        """The experiment of that key, or the first one."""
        return next((one for one in self.experiments if one.key == key), self.experiments[0])


def experiment(doc: str, **fields: Any) -> Experiment:
    """An Experiment from a docstring: `# Title`, plain paragraphs, and at most one formula between double dollars."""
    return Experiment(**_words(doc), **fields)


def sheet(doc: str, **fields: Any) -> Sheet:
    """A Sheet from a docstring of the same kind."""
    return Sheet(**_words(doc), **fields)


def _words(doc: str) -> dict[str, str]:
    title, _, body = doc.strip().partition("\n")
    found = re.search(r"\$\$(.+?)\$\$", body, re.DOTALL)
    prose = re.sub(r"\$\$.+?\$\$", "", body, flags=re.DOTALL).strip()
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", prose) if paragraph.strip()]
    return {
        "title": title.removeprefix("# ").strip(),
        "prose": "\n\n".join(paragraphs),
        "formula": found.group(1).strip() if found else "",
    }
