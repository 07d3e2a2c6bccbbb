"""What a stage of the walk is."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ..figures.forms import Picture
from ..figures.matrix import Grid
from ..seen import Seen


@dataclass(frozen=True)
class Question:
    """Predict, then reveal: what is asked, the choices, which one is right (0-based), and one line on why."""

    ask: str
    choices: tuple[str, ...]
    answer: int
    why: str


@dataclass(frozen=True)
class Stage:
    """One step of the walk. `stage()` builds it from a module's docstring.

    number: in the notes' own numbering, "" where they have none. short: label on the map. part: whose colour it takes.
    points: the hook points this step makes, `{block}` filled in, the one it is about last. inputs: the points
    it reads. picture and caption take what is `Seen`; caption is the "look for" line. lines: fragments that mark the lines of
    model.py that do it. overview: a second, low picture under the first (all heads, the strongest units).
    """

    key: str
    number: str
    title: str
    short: str
    part: str
    prose: str
    formula: str
    points: tuple[str, ...]
    inputs: tuple[str, ...]
    lines: tuple[str, ...]
    question: Question
    picture: Callable[[Seen], Picture]
    caption: Callable[[Seen], str]
    per_block: bool = field(default=False)
    per_head: bool = field(default=False)
    overview: Callable[[Seen], Grid] | None = field(default=None)

    def named(self, seen: Seen) -> tuple[str, ...]:
        """The hook points of this stage in the viewed block."""
        return tuple(point.format(block=seen.block) for point in self.points)


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
        caption=caption,
        **fields,
    )
