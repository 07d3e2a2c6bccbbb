"""A lesson as its file says it, and what is wrong with the file, line by line.

`# Title`, a line `minutes: 10`, a line `for: alone` where nobody presents it, and a few words on it. Then its steps: `## Title`, on
the next line an address copied from the browser, and below it words for everybody. Lines that begin with `>` are notes for whoever
presents. A step that cannot be used is left out, and the others work.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .. import tokenizer
from ..choice import MOST_STEPS
from . import places

LARGEST = 200_000  # bytes of a file
LONGEST = 240  # minutes
TITLE = 100  # characters


@dataclass(frozen=True)
class Problem:
    """Something in a file that cannot be used. line: from 1, 0 where it is about the whole file."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.reason}" if self.line else f"{self.file}: {self.reason}"


@dataclass(frozen=True)
class Step:
    """One stop. page: "" is the walk, else a lab's address. params: what is chosen there, as in an address. name: the title of that
    place; title: what the lesson calls it. words: paragraphs for everybody; notes: lines for whoever presents."""

    title: str
    name: str
    page: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """name: its file's, without the ending, which is its name in an address. minutes: as its file says. alone: nobody presents it.
    problems: what of the file was left out."""

    name: str
    title: str
    minutes: int
    about: str
    alone: bool
    steps: tuple[Step, ...]
    problems: tuple[Problem, ...] = ()


@dataclass
class _Draft:
    """A step while its lines are read. line: of its heading."""

    title: str
    line: int
    address: tuple[int, str] | None = None
    words: list[list[str]] = field(default_factory=lambda: [[]])
    notes: list[str] = field(default_factory=list)


def parse(text: str, name: str, file: str, load: places.Load = places.unloaded) -> Lesson:
    """A lesson from the text of its file. load: gives the model that an address is checked with, see `places.wrong`."""
    title, minutes, alone, about, drafts = "", 0, False, [], []
    problems: list[Problem] = []

    def wrong(line: int, reason: str) -> None:
        problems.append(Problem(file, line, reason))

    for n, raw in enumerate(tokenizer.as_read(text).split("\n"), 1):
        line = raw.strip()
        now = drafts[-1] if drafts else None
        if line == "##" or line.startswith("## "):
            drafts.append(_Draft(line.removeprefix("##").strip()[:TITLE], n))
        elif now is None and line.startswith("# "):
            title = line.removeprefix("# ").strip()[:TITLE]
        elif now is None and line.lower().startswith("minutes:"):
            said = line.partition(":")[2].strip()
            if said.isascii() and said.isdecimal() and 0 < int(said[:6]) <= LONGEST:
                minutes = int(said)
            else:
                wrong(n, f"minutes is {said[:20]!r}; a whole number from 1 to {LONGEST} was expected")
        elif now is None and line.lower().startswith("for:"):
            said = line.partition(":")[2].strip().lower()
            if said not in ("alone", "class"):
                wrong(n, f"for is {said[:20]!r}; alone or class was expected")
            alone = said == "alone"
        elif now is None:
            about.append(line)
        elif line.startswith(">"):
            now.notes += filter(None, [line.removeprefix(">").strip()])
        elif now.address is None and line:
            now.address = (n, line)
        elif line:
            now.words[-1].append(line)
        elif now.words[-1]:
            now.words.append([])
    if not title:
        wrong(1, "the lesson has no title: a line that begins with # and a space was expected; its file's name is shown")
    if not minutes and not any("minutes is" in one.reason for one in problems):
        wrong(1, "it does not say how long it takes: a line such as minutes: 10 was expected before the first step")
    steps = [step for step in (_step(draft, wrong, load) for draft in drafts[:MOST_STEPS]) if step]
    if len(drafts) > MOST_STEPS:
        wrong(drafts[MOST_STEPS].line, f"there are more than {MOST_STEPS} steps; those from here on are left out")
    if not steps:
        wrong(
            0, "no step of it can be used, so it is not offered: a step is a line that begins with ##, and an address below it"
        )
    return Lesson(name, title or name, minutes, " ".join(filter(None, about)), alone, tuple(steps), tuple(problems))


def _step(draft: _Draft, wrong: Callable[[int, str], None], load: places.Load) -> Step | None:
    """A step, None where its address leads nowhere."""
    if draft.address is None:
        wrong(draft.line, "this step has no address and is left out: one copied from the browser was expected on the next line")
        return None
    line, written = draft.address
    try:
        page, params = places.read(written)
        found = places.wrong(page, params, load)
    except ValueError as error:
        found = [str(error)]
    if found:
        for reason in found:
            wrong(line, f"{reason}; the step is left out")
        return None
    name = places.title(page, params)
    words = tuple(" ".join(lines) for lines in draft.words if lines)
    return Step(draft.title or name, name, page, params, words, tuple(draft.notes))
