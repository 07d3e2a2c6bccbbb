"""What a stage of the walk is, and the few questions every stage asks of a trace."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go

from ..figures import chips, matrix
from ..figures.chips import Chips
from ..figures.matrix import DROPPED, MASKED, Grid, Panel
from ..hooks import noise
from ..trace import Trace

Picture = Grid | Chips | go.Figure
"""What a stage draws: cells on the canvas, chips of text, or a Plotly chart."""


@dataclass(frozen=True)
class View:
    """What the reader looks at. All of it lives in the URL.

    item: which sentence of the batch. block, head: 0-based. token: row, negative counts from the end. length: tokens of this
    sentence before any padding (None = all). text: what was typed. piece, step: which piece of the text the merge stepper
    shows, and how many merges of it. cropped: ids that fell out of the context, before the ones that went in. appended: how
    many of the last tokens the model wrote itself. special: `<|endoftext|>` is read as the special token.
    """

    item: int = 0
    block: int = 0
    head: int = 0
    token: int = -1
    length: int | None = None
    present: bool = False
    text: str = ""
    piece: int = 0
    step: int | None = None
    cropped: tuple[int, ...] = ()
    appended: int = 0
    special: bool = False


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
    points: the hook points this step makes, `{block}` filled in from the view, the one it is about last. inputs: the points
    it reads. picture and caption take (trace, view); caption is the "look for" line. source: names of the functions or
    methods of model.py this step runs, as `Class.method`; lines: fragments that mark the lines that do it.
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
    picture: Callable[[Trace, View], Picture]
    caption: Callable[[Trace, View], str]
    per_block: bool = field(default=False)
    per_head: bool = field(default=False)

    def figure(self, trace: Trace, view: View = View()) -> go.Figure:
        """The picture as a Plotly figure."""
        picture = self.picture(trace, view)
        if isinstance(picture, Grid):
            return matrix.to_plotly(picture)
        return chips.to_plotly(picture) if isinstance(picture, Chips) else picture

    def recompute(self, trace: Trace, view: View, cell: tuple[str, tuple[int, ...]] | tuple[int, int]):
        """Recompute one number of this stage from its operands.

        cell: (point, full index), or (row, column) of the stage's main tensor in this view.
        """
        from . import recompute

        if not isinstance(cell[0], str):
            point = self.points[-1].format(block=view.block)
            cell = (point, (*prefix(trace, view, point), *cell))
        return recompute.recompute(trace, *cell)

    def named(self, view: View) -> tuple[str, ...]:
        """The hook points of this stage in the viewed block."""
        return tuple(point.format(block=view.block) for point in self.points)


def stage(doc: str, *, picture, caption, **fields) -> Stage:
    """A Stage from its module's docstring: `# Title`, plain paragraphs, and one formula between double dollars."""
    title, _, body = doc.strip().partition("\n")
    formula = re.search(r"\$\$(.+?)\$\$", body, re.S)
    prose = (body[: formula.start()] + body[formula.end() :]).strip()
    return Stage(
        title=title.removeprefix("# ").strip(),
        prose=re.sub(r"[ \t]*\n[ \t]*(?!\n)", " ", prose.replace("\n\n", "\0")).replace("\0", "\n\n").strip(),
        formula=formula.group(1).strip(),
        picture=picture,
        caption=caption,
        **fields,
    )


def length(trace: Trace, view: View) -> int:
    """Tokens of the viewed sentence, without padding."""
    return view.length or trace.ids.shape[1]


def token(trace: Trace, view: View) -> int:
    """The viewed token's row, counted from 0."""
    size = length(trace, view)
    return view.token % size if -size <= view.token < size else size - 1


def labels(trace: Trace, view: View) -> tuple[str, ...]:
    """Row labels: every token numbered from 0, so that equal tokens stay apart, its leading space visible."""
    return tuple(f"{n} {name}" for n, name in enumerate(trace.tokens[view.item][: length(trace, view)]))


def quoted(trace: Trace, view: View, row: int) -> str:
    """A token in a sentence: its printable text in quotation marks."""
    return f'"{trace.tokens[view.item][row]}"'


def prefix(trace: Trace, view: View, point: str) -> tuple[int, ...]:
    """The leading indices of the viewed sentence and head at a point: its last two axes remain."""
    chosen = {"batch": view.item, "head": view.head}
    return tuple(chosen[axis] for axis in trace.axes(point)[:-2])


def array(trace: Trace, view: View, point: str, *, every_head: bool = False) -> np.ndarray:
    """The numbers of a point for the viewed sentence (and head), padding cut off.

    (token, feature), (query, key), (token, channel), or with every_head (head, rows, columns).
    """
    full = trace.array(point)
    axes = trace.axes(point)
    size = length(trace, view)
    cut = {"batch": view.item, "token": slice(size), "query": slice(size), "key": slice(size)}
    if not every_head:
        cut["head"] = view.head
    return full[tuple(cut.get(axis, slice(None)) for axis in axes)]


def strip(trace: Trace, view: View, point: str, title: str, **options) -> Panel:
    """A point's features, one strip per token."""
    axis = {"feature": "feature", "channel": "channel of the head", "unit": "unit"}[trace.axes(point)[-1]]
    options = {"column_axis": axis, "printed": False} | options
    return Panel(
        title=title,
        values=array(trace, view, point),
        rows=labels(trace, view),
        point=point,
        prefix=prefix(trace, view, point),
        **options,
    )


def square(trace: Trace, view: View, point: str, title: str, **options) -> Panel:
    """A (query, key) point of the viewed head: row = the token that reads, column = the token it reads from."""
    names = labels(trace, view)
    values = array(trace, view, point)
    if point.endswith(("masked", "weights", "dropped")):
        marks = MASKED * np.triu(np.ones(values.shape, dtype=np.uint8), 1)
        options = {"marks": marks} | options
    options = {"kind": "weight" if point.endswith(("weights", "dropped")) else "signed", "part": "attention"} | options
    return Panel(
        title=title,
        values=values,
        rows=names,
        columns=names,
        row_axis="query: reads",
        column_axis="key: is read",
        point=point,
        prefix=prefix(trace, view, point),
        **options,
    )


def dropped_marks(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """DROPPED where dropout turned a number that was not zero into zero."""
    return (DROPPED * ((after == 0) & (before != 0))).astype(np.uint8)


def stream_in(block: int) -> str:
    """The point that holds what enters a block: the dropped input embedding, or the block before."""
    return "drop_emb" if block == 0 else f"blocks.{block - 1}.shortcut2"


def state(trace: Trace) -> str:
    """The state the numbers come from, in words: dropout and edits."""
    parts = [f"dropout ON, p = {trace.dropout:g}, seed {trace.seed}" if trace.dropout else "dropout OFF"]
    return ", ".join(parts + [f"edited: {name}" for name in trace.edits])


def dropout_site(point: str) -> int:
    """The number of the dropout whose result a point holds (see `hooks.noise`)."""
    if point == "drop_emb":
        return 0
    _, block, place = point.split(".", 2)
    return 1 + 3 * int(block) + ("att.dropped", "drop1", "drop2").index(place)


def dropout_factors(trace: Trace, point: str) -> np.ndarray:
    """What dropout multiplied each number by to get this point: 0, or 1 / (1 - p); all 1 when dropout is off."""
    shape = tuple(trace[point].shape)
    if not trace.dropout:
        return np.ones(shape, dtype=np.float32)
    kept = noise(shape, trace.seed, dropout_site(point)).numpy() >= trace.dropout
    return (kept / (1 - trace.dropout)).astype(np.float32)
