"""What a stage of the walk is."""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from ..config import GPTConfig
from ..figures.covering import Cover
from ..figures.forms import Picture
from ..figures.matrix import Grid
from ..model import GPT
from ..points import Address, stream_in
from ..seen import Seen


@dataclass(frozen=True)
class Question:
    """Predict, then reveal: what is asked, the choices, which one is right (0-based), and one line on why. tries: what to choose in
    the walk to see it happen, see `gptviz.ui.state.Choice`, and trial: that in words; empty where nothing shows it."""

    ask: str
    choices: tuple[str, ...]
    answer: int
    why: str
    trial: str = ""
    tries: Mapping[str, str | int | float] = field(default_factory=dict)

    def ordered(self, key: str) -> "Question":
        """The same question with its choices in an order that depends on a key alone, so that no place is the right one."""
        order = random.Random(f"{key}: {self.ask}").sample(range(len(self.choices)), len(self.choices))
        return replace(self, choices=tuple(self.choices[n] for n in order), answer=order.index(self.answer))


def among(right: str, *others: str) -> tuple[tuple[str, ...], int]:
    """Choices and the place of the right one: it and, of the others, each that is said differently."""
    return (right, *(other for other in dict.fromkeys(others) if other != right)), 0


@dataclass(frozen=True)
class Notes:
    """For whoever presents, and for nobody else's page: what to say, what to ask the class, and what is easily got wrong."""

    say: str
    ask: str
    trap: str


@dataclass(frozen=True)
class Dial:
    """Something a reader can move at one stage only. name: the choice it sets, see `gptviz.ui.state.Choice`. value: where it
    stands. options: what it chooses from, by number, or empty for a slider from 0 to `highest`. also: other choices that a move
    sets. study: it has no place in Present mode."""

    name: str
    label: str
    value: int
    options: tuple[str, ...] = ()
    highest: int = 0
    also: Mapping[str, int] = field(default_factory=dict)
    study: bool = False


@dataclass(frozen=True)
class Action:
    """A button of one stage: it appends tokens (`tokens` = 1) or takes them back (-1). word: the token it appends, note: what is
    said of it outside Present mode. short: the label in Present mode. first: it is the next thing to do."""

    key: str
    label: str
    tokens: int
    word: str = ""
    note: str = ""
    short: str = ""
    first: bool = False


class Whose(NamedTuple):
    """One of two models beside each other: its name, and what is seen of it."""

    title: str
    seen: Seen


@dataclass(frozen=True)
class Beside:
    """How a stage stands beside itself in another model, where that takes more than two pictures.

    said: whether the two can be compared by eye. alone: no model reads yet, so there is one picture. pictures: both pictures made
    comparable, from those of each model, the main one's first. caption: what is said of the other model, (main, other).
    """

    said: str = ""
    alone: bool = False
    pictures: Callable[[Picture, Picture, Whose, Whose], tuple[Picture, Picture]] | None = None
    caption: Callable[[Whose, Whose], str] | None = None


@dataclass(frozen=True)
class Stage:
    """One step of the walk. `stage()` builds it from a module's docstring.

    number: in the notes' own numbering, "" where they have none. short: label on the map. part: whose colour it takes. so_far,
    missing: what the steps before have made, and what for this one is needed.
    points: the hook points this step makes, `{block}` filled in, the one it is about last. inputs: the points
    it reads, `{block}` filled in, "stream_in" for what enters the block, "*" for any; the first is the one it is said to be made
    of, and all are kept however long the text. picture and says take what is `Seen`; says gives the sentences of the "look for" line, the one that matters most first.
    lines: fragments that mark the lines of model.py that do it. question: fixed, or made of what is seen. overview: a second, low picture under the first (all heads, the strongest units).

    What few stages need: shape: what it hands on, (config, batch, tokens) -> lengths, where that is in no hook point. cell: the
    number that is recomputed first, where the picture is no cells. dials, actions: what a reader can move and press here.
    idle: why there is nothing to move. beside: how it stands beside another model. deeper: experiments that go on from here, as
    "Lab/experiment"; they link back to it. edited: its picture while an edit is in force, from what is seen without and with it.
    switch: the edit that takes away what this step does, `{block}` and `{head}` (from 1) filled in. notes: for whoever presents. covers: how its
    picture is shown part by part, None where the operation is no sum or share of some. ledger: it ends with a word, and a drawer of it
    says why that one.
    """

    key: str
    number: str
    title: str
    short: str
    part: str
    so_far: str
    missing: str
    prose: str
    formula: str
    points: tuple[str, ...]
    inputs: tuple[str, ...]
    lines: tuple[str, ...]
    question: Question | Callable[[Seen], Question]
    picture: Callable[[Seen], Picture]
    says: Callable[[Seen], tuple[str, ...]]
    per_block: bool = field(default=False)
    per_head: bool = field(default=False)
    overview: Callable[[Seen], Grid] | None = field(default=None)
    shape: Callable[[GPTConfig, int, int], tuple[int, ...]] | None = field(default=None)
    cell: Callable[[Seen], Address] | None = field(default=None)
    dials: Callable[[Seen], tuple[Dial, ...]] | None = field(default=None)
    idle: Callable[[Seen], str] | None = field(default=None)
    actions: Callable[[Seen], tuple[Action, ...]] | None = field(default=None)
    beside: Beside = field(default=Beside())
    deeper: tuple[str, ...] = field(default=())
    edited: Callable[[Seen, Seen], Picture] | None = field(default=None)
    switch: str = field(default="")
    notes: Notes | None = field(default=None)
    covers: Cover | None = field(default=None)
    ledger: bool = field(default=False)

    def caption(self, seen: Seen) -> str:
        """The "look for" line, whole."""
        return " ".join(self.says(seen))

    def asked(self, seen: Seen) -> Question:
        """The question, which may be about what is seen."""
        return self.question if isinstance(self.question, Question) else self.question(seen)

    def named(self, seen: Seen) -> tuple[str, ...]:
        """The hook points of this stage in the viewed block."""
        return tuple(point.format(block=seen.block) for point in self.points)

    def switched(self, seen: Seen) -> str:
        """The edit that takes away what this step does in the viewed block and head, "" where there is none."""
        return self.switch.format(block=seen.block + 1, head=seen.head + 1)

    def reads(self, block: int, blocks: int) -> tuple[str, ...]:
        """The hook points it reads when `block` (from 0) of so many is viewed; a name may hold "*" for any."""
        entered = stream_in(block if self.per_block else blocks)
        return tuple(entered if point == "stream_in" else point.format(block=block) for point in self.inputs)

    def handed_on(self, model: GPT, batch: int, tokens: int) -> tuple[int, ...]:
        """Lengths of the axes of what it hands on."""
        if self.shape:
            return self.shape(model.config, batch, tokens)
        return model.points[self.points[-1].format(block=0)].shape(model.config.sizes(batch, tokens))

    def first_number(self, seen: Seen) -> Address:
        """The number a reader gets who has not picked one: the first one of the chosen row that is not hidden. Where rows are no
        tokens that is the row outlined in the picture, or the last one, which is what comes out."""
        picture = self.picture(seen)
        row = seen.row
        if isinstance(picture, Grid) and picture.main.point:
            panel = picture.main
            if not panel.row_axis.startswith(("token", "position", "query")):
                row = picture.selected
            places = list(panel.row_index or range(len(panel.values)))
            row = places.index(row) if row in places else len(places) - 1
            finite = np.flatnonzero(np.isfinite(panel.values[row]) & (panel.values[row] != 0))
            return Address(*panel.cell(row, int(finite[-1]) if panel.kind == "weight" and finite.size else 0))
        if self.cell:
            return self.cell(seen)
        point = self.named(seen)[-1]
        if point == "ids":
            return Address(point, (seen.item, row))
        return Address(point, (*seen.prefix(point), row, 0))


def stage(doc: str, *, picture, caption, **fields) -> Stage:
    """A Stage from its module's docstring: `# Title`, plain paragraphs, and one formula between double dollars."""
    title, _, body = doc.strip().partition("\n")
    formula = re.search(r"\$\$(.+?)\$\$", body, re.DOTALL)
    prose = (body[: formula.start()] + body[formula.end() :]).strip()
    return Stage(
        title=title.removeprefix("# ").strip(),
        prose=re.sub(r"[ \t]*\n[ \t]*(?!\n)", " ", prose.replace("\n\n", "\0")).replace("\0", "\n\n").strip(),
        formula=formula.group(1).strip(),
        picture=picture,
        says=caption,
        **fields,
    )
