"""Edits tried one after the other on one prediction: the controls, the map of what each did, and what is said of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ... import edits, sampling, sweep
from ...edits import Named
from ...figures.forms import Picture
from ...figures.matrix import Grid, Panel, Tiles
from ...figures.table import Table
from ...stages import STAGES
from ...trace import Trace
from ...words import percent
from ..lab import Control, Setting, once
from ..subjects import target
from ..subjects.target import Target

MOST = 12  # changes that are listed
HIGH = 32  # pixels of a line of the map
WRITTEN = 0.1  # points: where all changes are smaller, what is written into the cells would read as 0
UNTRIED = -2
WALK = "walk"  # what a press on a cell of the map sets: the number of an edit that is to be opened there


def controls(setting: Setting) -> tuple[Control, ...]:
    """Which prediction, which word, and whether more is to be tried."""
    at, word = target.controls(setting)
    return (
        replace(
            at,
            label="Prediction made after",
            default=len(setting.ids) - 1,
            help="The probability is of what comes after this token.",
        ),
        replace(word, label="Word to follow"),
        Control(
            "trying",
            "Try every one",
            "switch",
            default=True,
            help="Off stops; what was tried by then stays. On goes on from there.",
        ),
    )


@dataclass(frozen=True, eq=False)
class Tries:
    """What every edit did. names: block by block, (block * across); shares: its word's probability under each, NaN where an edit was
    not tried or its numbers are too large; best, divergence: see `sweep.Tried`; best is UNTRIED of one that was not tried."""

    target: Target
    names: tuple[Named, ...]
    across: int
    before: float
    first: int
    shares: np.ndarray
    best: np.ndarray
    divergence: np.ndarray

    @property
    def asked(self) -> int:
        """How many edits were tried."""
        return int((self.best != UNTRIED).sum())

    @property
    def changes(self) -> np.ndarray:
        """(edit,) change of the probability in percentage points."""
        return 100 * (self.shares - self.before)

    @property
    def order(self) -> list[int]:
        """The edits that were tried, the largest change first."""
        known = np.flatnonzero(np.isfinite(self.shares))
        return known[np.argsort(-np.abs(self.changes[known]), kind="stable")].tolist()


def tries(setting: Setting, by_block: Sequence[Sequence[Named]], doing: str) -> Tries:
    """Every edit, block by block; of what was never tried nothing where trying is off. doing: what is tried, as in "heads"."""
    wanted = target.chosen(setting)
    ids = setting.ids[: wanted.position + 1]  # what comes later cannot reach the prediction
    before = sweep.plain(setting.model, ids, lambda model, ids, **options: setting.trace(ids, **options))
    row = before.array("logits")[0, -1]
    blocks, begun = len(by_block), 0
    found: list[sweep.Tried | None] = []
    sizes = [len(names) for names in by_block]
    for block, names in enumerate(by_block):
        for some in sweep.pieces(setting.config, block, len(ids), names):
            key = ("tried", setting.model_key, ids, wanted.token, tuple(some))
            known = setting.kept(key)
            if known is None and setting["trying"] and (not begun or time.monotonic() < setting.until):
                make = making(before, block, some, wanted.token)
                known = setting.once(key, make, f"Trying the {doing} of block {block + 1} of {blocks}")
                begun += 1
            gap = np.full(len(some), np.nan)
            found.append(known or sweep.Tried(gap, np.full(len(some), UNTRIED), gap))
    return Tries(
        target=wanted,
        names=tuple(name for names in by_block for name in names),
        across=sizes[0],
        before=float(sampling.softmax(row)[wanted.token]),
        first=int(row.argmax()),
        shares=np.concatenate([one.shares for one in found]),
        best=np.concatenate([one.best for one in found]),
        divergence=np.concatenate([one.divergence for one in found]),
    )


def making(before: Trace, block: int, names: Sequence[Named], word: int) -> Callable[[], sweep.Tried]:
    return lambda: sweep.tried(before, block, names, word)


def pictures(setting: Setting, made: Tries, columns: Sequence[str], noun: str) -> list[Picture]:
    """The map, and the largest changes as a table. columns: what stands under the map; noun: what one of them is."""
    blocks = setting.config.n_layer
    rows = tuple(f"block {n + 1}" for n in range(blocks))
    values = made.changes.reshape(blocks, made.across).astype(np.float32)
    title = f'Change in the probability of "{made.target.shown}", in percentage points (it is {percent(made.before)})'
    panel = Panel(
        title=title,
        values=values,
        rows=rows,
        columns=tuple(columns),
        row_axis="block",
        column_axis=noun,
        part="output",
        printed=bool(np.nanmax(np.abs(values), initial=0) >= WRITTEN),
        tiles=Tiles(
            rows=1,
            columns=1,
            across=made.across,
            names=tuple(name.words for name in made.names),
            field=WALK,
            values=tuple(range(len(made.names))),
            row_names=rows,
            column_names=tuple(columns),
        ),
    )
    note = "Click a cell to open that edit in the walk."
    if made.asked < len(made.names):
        note = f"{made.asked:,} of {len(made.names):,} were tried; the others are blank. {note}"
    grid = Grid(panels=(panel,), note=note, alt=f"{title}, one cell for every edit.", height=min(430, 120 + HIGH * blocks))
    return [grid, listed(setting, made)] if made.order else [grid]


def listed(setting: Setting, made: Tries) -> Table:
    """The largest changes."""
    some = made.order[:MOST]
    return Table(
        {
            "what if": [made.names[n].words for n in some],
            "probability": [percent(float(made.shares[n])) for n in some],
            "change (points)": [float(f"{made.changes[n]:.3g}") for n in some],
            "best word then": [setting.word(made.best[n]) for n in some],
            "KL (nats)": [float(f"{made.divergence[n]:.3g}") for n in some],
        },
        title="The largest changes",
    )


def said(setting: Setting, made: Tries, noun: str) -> str:
    """What the largest change is, and how many others matter. noun: what the edits are about, in the plural."""
    after = setting.labels()[made.target.position]
    begins = f'After "{after}" the word "{made.target.shown}" has {percent(made.before)}.'
    if not made.order:
        return f"{begins} Nothing was tried yet: switch on Try every one."
    n = made.order[0]
    moved = "falls" if made.changes[n] < 0 else "rises"
    if made.changes[n] == 0:
        return f"{begins} None of the {len(made.order):,} {noun} changes that."
    small = int((np.abs(made.changes[made.order]) < 1).sum())
    turned = int((made.best[made.order] != made.first).sum())
    word = setting.word(made.first)
    changes, makes = (verb + "s" * (count == 1) for verb, count in (("change", small), ("make", turned)))
    return (
        f"{begins} Most changes when {made.names[n].words}: it {moved} to {percent(float(made.shares[n]))}. Of {len(made.order):,} {noun} "
        f'tried, {small:,} {changes} it by less than one point, and {turned:,} {makes} another word than "{word}" the best.'
    )


def under_way(setting: Setting, made: Tries) -> float | None:
    """The share that is tried, where trying goes on."""
    share = made.asked / len(made.names)
    return share if setting["trying"] and share < 1 else None


def opened(setting: Setting, made: Tries) -> list[Mapping[str, Any]]:
    """For every edit the place in the walk where its part is, with the edit in force."""
    return [place(setting, made.target.position, name) for name in made.names]


def place(setting: Setting, position: int, name: Named) -> Mapping[str, Any]:
    block = int(name.at[0])
    point = edits.apply([name], setting.model)[-1][0]
    stage = next(stage for stage in STAGES if point in [one.format(block=block - 1) for one in stage.points])
    head = {"head": int(name.at[1])} if name.kind == "head" else {}
    return {
        "stage": stage.key,
        "block": block,
        "edit": str(name),
        "whatif": True,
        "token": position if position < len(setting.ids) - 1 else -1,
        "item": 0,
        "more": 0,
        "dropout": 0.0,
        "beside": "",
        "other": False,
        "cell": "",
        "drawer": "",
        **head,
    }


def experiment_of(by_block: Callable[[Setting], list[list[Named]]], doing: str) -> Callable[[Setting], Tries]:
    """The tries of an experiment, worked out once for its picture, its caption and what a press opens."""

    @once
    def found(setting: Setting) -> Tries:
        return tries(setting, by_block(setting), doing)

    return found
