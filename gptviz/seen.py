"""A trace looked at in one place: the one object that stages and labs ask for numbers, names and panels."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .config import GPTConfig
from .figures import style
from .figures.matrix import MASKED, Grid, Panel
from .trace import Trace


@dataclass(frozen=True, eq=False)
class Seen:
    """One trace, seen at one sentence, block, head and token, with so much room to draw in.

    item: which sentence of the batch. block, head: counted from 0. token: its row, negative counts from the end. length: tokens
    of this sentence before any padding (None = all). present: type for a projector. narrow: half the width, beside another
    picture. text: what was typed. piece, step: which piece of the text the merge stepper shows (negative: the one of the chosen
    token, or the first that merges build), and how many merges of it (None = all). cropped: ids that fell out of the context, before the ones that went in. appended: how many of the last tokens the
    model wrote itself. special: `<|endoftext|>` is read as the special token.
    """

    trace: Trace
    item: int = 0
    block: int = 0
    head: int = 0
    token: int = -1
    length: int | None = None
    present: bool = False
    narrow: bool = False
    text: str = ""
    piece: int = -1
    step: int | None = None
    cropped: tuple[int, ...] = ()
    appended: int = 0
    special: bool = False

    @property
    def config(self) -> GPTConfig:
        return self.trace.config

    @property
    def size(self) -> int:
        """Tokens of this sentence, without padding."""
        return self.length or self.trace.ids.shape[1]

    @property
    def row(self) -> int:
        """The viewed token's row, counted from 0; the last one where there is no such token."""
        return self.token % self.size if -self.size <= self.token < self.size else self.size - 1

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Row labels: every token numbered from 0, so that equal tokens stay apart, its leading space visible."""
        return tuple(f"{n} {name}" for n, name in enumerate(self.trace.tokens[self.item][: self.size]))

    @cached_property
    def repeated(self) -> frozenset[int]:
        """The rows of tokens that stand in the sentence more than once."""
        ids = self.trace.ids[self.item, : self.size].tolist()
        counts = Counter(ids)
        return frozenset(row for row, token in enumerate(ids) if counts[token] > 1)

    @property
    def hides(self) -> bool:
        """Whether later tokens are hidden in the viewed block: no edit has changed the causal mask."""
        return f"blocks.{self.block}.att.masked" not in self.trace.edited

    def readable(self, row: int) -> int:
        """How many tokens a row may read in the viewed block: itself and those before it, or all where nothing is hidden."""
        return row + 1 if self.hides else self.size

    def word(self, row: int) -> str:
        """A token's printable text in quotation marks."""
        return f'"{self.trace.tokens[self.item][row]}"'

    def quoted(self, row: int) -> str:
        """A token in a sentence: its printable text in quotation marks, and where it stands if there are several of it."""
        return f"{self.word(row)} (token {row})" if row in self.repeated else self.word(row)

    # numbers ----------------------------------------------------------------------------------------------------------

    def prefix(self, point: str) -> tuple[int, ...]:
        """The leading indices of this sentence and head at a point: its last two axes remain."""
        chosen = {"batch": self.item, "head": self.head}
        return tuple(chosen[axis] for axis in self.trace.axes(point)[:-2])

    def array(self, point: str, *, every_head: bool = False) -> np.ndarray:
        """The numbers of a point for this sentence (and head), padding cut off.

        (token, feature), (query, key), (token, channel), or with every_head (head, rows, columns).
        """
        full = self.trace.array(point)
        axes = self.trace.axes(point)
        cut = {"batch": self.item, "token": slice(self.size), "query": slice(self.size), "key": slice(self.size)}
        if not every_head:
            cut["head"] = self.head
        return full[tuple(cut.get(axis, slice(None)) for axis in axes)]

    # panels -----------------------------------------------------------------------------------------------------------

    def strip(self, point: str, title: str, **options) -> Panel:
        """A point's features, one strip per token."""
        axis = {"feature": "feature", "channel": "channel of the head", "unit": "unit"}[self.trace.axes(point)[-1]]
        options = {"column_axis": axis, "printed": False} | options
        return Panel(title=title, values=self.array(point), rows=self.labels, point=point, prefix=self.prefix(point), **options)

    @property
    def window(self) -> tuple[range, range]:
        """The rows and the keys a square shows: all of them, or in Present mode at most 4 x 8 that reach to the viewed token."""
        if not self.present:
            return range(self.size), range(self.size)
        high, wide = (min(most, self.size) for most in style.PRESENTED)
        top = max(0, self.row + 1 - high)
        left = max(0, top + high - wide)
        return range(top, top + high), range(left, left + wide)

    @property
    def window_note(self) -> str:
        """What a square leaves out, in words; empty when it shows everything."""
        rows, keys = self.window
        if len(rows) == len(keys) == self.size:
            return ""
        return f"Rows {rows[0]} to {rows[-1]} and keys {keys[0]} to {keys[-1]} of {self.size} tokens."

    def square(self, point: str, title: str, **options) -> Panel:
        """A (query, key) point of this head: row = the token that reads, column = the token it reads from.

        marks and side are given for all tokens; Present mode cuts them to its window together with the cells.
        """
        names, values = self.labels, self.array(point)
        rows, keys = self.window
        shown = slice(rows[0], rows[-1] + 1), slice(keys[0], keys[-1] + 1)
        if self.hides and point.endswith(("masked", "weights", "dropped")):
            marks = MASKED * np.triu(np.ones(values.shape, dtype=np.uint8), 1)
            options = {"marks": marks} | options
        if options.get("marks") is not None:
            options["marks"] = options["marks"][shown]
        options["side"] = tuple(options.get("side", ()))[shown[0]]
        kind = "weight" if point.endswith(("weights", "dropped")) else "signed"
        two_fit = 2 * len(rows) * len(keys) <= np.prod(style.PRESENTED)
        printed = not (self.present and options.get("dim") and not two_fit)
        return Panel(
            title=title,
            values=values[shown],
            rows=names[shown[0]],
            columns=names[shown[1]],
            row_axis="query: reads",
            column_axis="key: is read",
            point=point,
            prefix=self.prefix(point),
            row_index=tuple(rows) if self.present else None,
            column_index=tuple(keys) if self.present else None,
            **{"kind": kind, "part": "attention", "printed": printed} | options,
        )

    @property
    def height_beside(self) -> int:
        """Height of a picture that has an overview under it: a short text leaves room for that, a long one needs it all."""
        if self.present:
            return style.PICTURE_HEIGHT
        return min(style.PICTURE_HEIGHT, max(300, 130 + 45 * self.size))

    def heads(self, point: str) -> Grid:
        """Every head of this block at one of its points, small, side by side, in the same colours; a click chooses one.

        Of a long text only the tokens up to the viewed one are drawn, as many as can be told apart.
        """
        stop = max(self.row + 1, min(self.size, style.OVERVIEW_TOKENS))
        rows = range(max(0, stop - style.OVERVIEW_TOKENS), stop)
        shown = slice(rows.start, rows.stop)
        names = self.labels[shown]
        square = self.trace.axes(point)[-1] == "key"
        told = ("key: is read", names) if square else ("channel of the head", ())
        values = self.array(point, every_head=True)[:, shown]
        values = values[:, :, shown] if square else values
        count = len(values)
        kind = "weight" if point.endswith(("weights", "dropped")) else "signed"
        limits = style.robust_limits(values, kind)
        future = MASKED * np.triu(np.ones((len(rows), len(rows)), dtype=np.uint8), 1)
        lines = -(-count // style.OVERVIEW_ACROSS)
        remarks = [f"Heads 1 to {count}."] if count > style.OVERVIEW_NAMED else []
        remarks += [f"Tokens {rows[0]} to {rows[-1]} of {self.size}."] if len(rows) < self.size else []
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
                    prefix=(self.item, head),
                    row_index=tuple(rows),
                    column_index=tuple(rows) if square else None,
                    marks=future if square and self.hides and point.endswith(("masked", "weights", "dropped")) else None,
                    part="attention",
                    pick=("head", head),
                    chosen=head == self.head,
                    told=(("query: reads" if square else "token", names), told),
                    printed=False,
                )
                for head in range(count)
            ),
            per_row=-(-count // lines),
            left_out=" ".join(remarks),
            alt=f"The same numbers in each of the {count} heads of block {self.block + 1}, small.",
            height=style.OVERVIEW_HEIGHT + (lines - 1) * style.OVERVIEW_HEIGHT * 2 // 3,
        )
