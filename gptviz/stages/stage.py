"""What a stage of the walk is, and the few questions every stage asks of a trace."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go

from ..figures import chips, matrix, style
from ..figures.chips import Chips
from ..figures.matrix import DROPPED, MASKED, Grid, Panel
from ..hooks import noise
from ..points import dropout_site
from ..trace import Trace

Picture = Grid | Chips | go.Figure
"""What a stage draws: cells on the canvas, chips of text, or a Plotly chart."""


@dataclass(frozen=True)
class View:
    """What the reader looks at. All of it lives in the URL.

    item: which sentence of the batch. block, head: 0-based. token: row, negative counts from the end. length: tokens of this
    sentence before any padding (None = all). text: what was typed. piece, step: which piece of the text the merge stepper
    shows (negative: the one of the chosen token, or the first that merges build), and how many merges of it. cropped: ids that fell out of the context, before the ones that went in. appended: how
    many of the last tokens the model wrote itself. special: `<|endoftext|>` is read as the special token. narrow: the picture
    has half the width, beside another one.
    """

    item: int = 0
    block: int = 0
    head: int = 0
    token: int = -1
    length: int | None = None
    present: bool = False
    text: str = ""
    piece: int = -1
    step: int | None = None
    cropped: tuple[int, ...] = ()
    appended: int = 0
    special: bool = False
    narrow: bool = False


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
    it reads. picture and caption take (trace, view); caption is the "look for" line. lines: fragments that mark the lines of
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
    picture: Callable[[Trace, View], Picture]
    caption: Callable[[Trace, View], str]
    per_block: bool = field(default=False)
    per_head: bool = field(default=False)
    overview: Callable[[Trace, View], Grid] | None = field(default=None)

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
        from .. import recompute

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


def window(trace: Trace, view: View) -> tuple[range, range]:
    """The rows and the keys a square shows: all of them, or in Present mode at most 4 x 8 that reach to the viewed token."""
    size = length(trace, view)
    if not view.present:
        return range(size), range(size)
    high, wide = (min(most, size) for most in style.PRESENTED)
    top = max(0, token(trace, view) + 1 - high)
    left = max(0, top + high - wide)
    return range(top, top + high), range(left, left + wide)


def window_note(trace: Trace, view: View) -> str:
    """What a square leaves out, in words; empty when it shows everything."""
    size = length(trace, view)
    rows, keys = window(trace, view)
    if len(rows) == len(keys) == size:
        return ""
    return f"Rows {rows[0]} to {rows[-1]} and keys {keys[0]} to {keys[-1]} of {size} tokens."


def square(trace: Trace, view: View, point: str, title: str, **options) -> Panel:
    """A (query, key) point of the viewed head: row = the token that reads, column = the token it reads from.

    marks and side are given for all tokens; Present mode cuts them to its window together with the cells.
    """
    names = labels(trace, view)
    values = array(trace, view, point)
    rows, keys = window(trace, view)
    shown = slice(rows[0], rows[-1] + 1), slice(keys[0], keys[-1] + 1)
    if point.endswith(("masked", "weights", "dropped")):
        marks = MASKED * np.triu(np.ones(values.shape, dtype=np.uint8), 1)
        options = {"marks": marks} | options
    if options.get("marks") is not None:
        options["marks"] = options["marks"][shown]
    options["side"] = tuple(options.get("side", ()))[shown[0]]
    kind = "weight" if point.endswith(("weights", "dropped")) else "signed"
    two_fit = 2 * len(rows) * len(keys) <= np.prod(style.PRESENTED)
    printed = not (view.present and options.get("dim") and not two_fit)
    return Panel(
        title=title,
        values=values[shown],
        rows=names[shown[0]],
        columns=names[shown[1]],
        row_axis="query: reads",
        column_axis="key: is read",
        point=point,
        prefix=prefix(trace, view, point),
        row_index=tuple(rows) if view.present else None,
        column_index=tuple(keys) if view.present else None,
        **{"kind": kind, "part": "attention", "printed": printed} | options,
    )


def height_beside(trace: Trace, view: View) -> int:
    """Height of a picture that has an overview under it: a short text leaves room for that, a long one needs it all."""
    if view.present:
        return style.PICTURE_HEIGHT
    return min(style.PICTURE_HEIGHT, max(300, 130 + 45 * length(trace, view)))


def heads(trace: Trace, view: View, point: str) -> Grid:
    """Every head of the viewed block at one of its points, small, side by side, in the same colours; a click chooses one.

    Of a long text only the tokens up to the viewed one are drawn, as many as can be told apart.
    """
    size = length(trace, view)
    stop = max(token(trace, view) + 1, min(size, style.OVERVIEW_TOKENS))
    rows = range(max(0, stop - style.OVERVIEW_TOKENS), stop)
    shown = slice(rows.start, rows.stop)
    square = trace.axes(point)[-1] == "key"
    values = array(trace, view, point, every_head=True)[:, shown]
    values = values[:, :, shown] if square else values
    count = len(values)
    kind = "weight" if point.endswith(("weights", "dropped")) else "signed"
    limits = style.robust_limits(values, kind)
    future = MASKED * np.triu(np.ones((len(rows), len(rows)), dtype=np.uint8), 1)
    lines = -(-count // style.OVERVIEW_ACROSS)
    remarks = [f"Heads 1 to {count}."] if count > style.OVERVIEW_NAMED else []
    remarks += [f"Tokens {rows[0]} to {rows[-1]} of {size}."] if len(rows) < size else []
    return Grid(
        panels=tuple(
            Panel(
                title=f"head {head + 1}" if count <= style.OVERVIEW_NAMED else str(head + 1),
                values=values[head],
                rows=("",) * len(rows),
                columns=("",) * values.shape[2],
                row_axis="",
                column_axis="",
                kind=kind,
                limits=limits,
                point=point,
                prefix=(view.item, head),
                row_index=tuple(rows),
                column_index=tuple(rows) if square else None,
                marks=future if square and point.endswith(("masked", "weights", "dropped")) else None,
                part="attention",
                pick=("head", head),
                chosen=head == view.head,
                printed=False,
            )
            for head in range(count)
        ),
        per_row=-(-count // lines),
        note=" ".join(remarks),
        alt=f"The same numbers in each of the {count} heads of block {view.block + 1}, small.",
        height=style.OVERVIEW_HEIGHT + (lines - 1) * style.OVERVIEW_HEIGHT * 2 // 3,
    )


def percent(share: float) -> str:
    """A share in percent with two or three digits that mean something, however small: 12.3 %, 1.0 %, 0.0021 %."""
    return f"{100 * share:.1f} %" if share >= 0.1 else f"{100 * share:#.2g} %"


def dropped_marks(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """DROPPED where dropout turned a number that was not zero into zero."""
    return (DROPPED * ((after == 0) & (before != 0))).astype(np.uint8)


def state(trace: Trace) -> str:
    """The state the numbers come from, in words: dropout and edits."""
    parts = [f"dropout ON, p = {trace.dropout:g}, seed {trace.seed}" if trace.dropout else "dropout OFF"]
    return ", ".join(parts + [f"edited: {name}" for name in trace.edits])


def dropout_factors(trace: Trace, point: str) -> np.ndarray:
    """What dropout multiplied each number by to get this point: 0, or 1 / (1 - p); all 1 when dropout is off."""
    shape = tuple(trace[point].shape)
    if not trace.dropout:
        return np.ones(shape, dtype=np.float32)
    kept = noise(shape, trace.seed, dropout_site(point)).numpy() >= trace.dropout
    return (kept / (1 - trace.dropout)).astype(np.float32)
