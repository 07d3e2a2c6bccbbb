r"""# Cached

A text is written token by token. Each time the whole text could go through the model again. Or the keys and values of earlier tokens
are kept (KV cache): then only the new token's row is computed, and it reads the kept ones.

No token reads a later one, so earlier rows come out the same in every pass, and nothing is lost. The query is not kept: it asks once,
when its own row is made. What does change the answer is throwing kept ones away.

$$\text{row}_t = \text{softmax}\!\left(\frac{q_t\, [k_0 \ldots k_t]^\top}{\sqrt{d}}\right) [v_0 \ldots v_t]$$
"""

import math
import time
from dataclasses import dataclass

import numpy as np

from ... import cached
from ...figures.depth import written
from ...figures.forms import Picture
from ...figures.matrix import Grid, Panel
from ...figures.table import Table
from ...stages.stage import Notes, Question
from ...words import count
from ..lab import Control, Setting, experiment, once
from ..size.work import short_count

MOST, LEAST = 48, 8  # tokens that are written one by one, and of a model of any size
WORK = 20_000_000_000  # multiplications that whole passes of all lengths may take together, in round numbers
SHOWN = 12  # tokens in the picture
NEW, OLD, NONE = 0.8, 0.25, 0.0  # ink of what is computed, of what is kept, and of what is not there


@dataclass(frozen=True, eq=False)
class Growth:
    """A text read token by token, up to every length from 1 on. whole, step: operations of a whole pass and of one new row. bytes_:
    kept behind it. seconds: (length, 2) of both. differences: the largest |difference| of a logit between both. best: (length, 2) the
    most probable next token of both."""

    whole: np.ndarray
    step: np.ndarray
    bytes_: np.ndarray
    seconds: np.ndarray
    differences: np.ndarray
    best: np.ndarray


def grow(setting: Setting, ids: tuple[int, ...], room: int) -> Growth:
    """room: of how many tokens keys and values are kept at most."""
    kept, rows = cached.Kept(), []
    for length in range(1, len(ids) + 1):
        setting.told((length - 1) / len(ids))
        begun = time.perf_counter()
        grown = cached.read(setting.model, ids[length - 1 : length], kept)
        between = time.perf_counter()
        again = cached.read(setting.model, ids[:length])
        done = time.perf_counter()
        kept = grown.kept.newest(room)
        rows.append(
            (
                sum(again.work.values()),
                sum(grown.work.values()),
                kept.nbytes,
                (done - between, between - begun),
                float((again.logits - grown.logits).abs().max()),
                (int(again.logits.argmax()), int(grown.logits.argmax())),
            )
        )
    return Growth(*(np.array(column) for column in zip(*rows)))


def text(setting: Setting) -> tuple[int, ...]:
    """The tokens that are written: as many as are little work."""
    most = math.isqrt(WORK // setting.config.n_parameters)
    return setting.ids[: max(LEAST, min(MOST, most))]


@once
def measured(setting: Setting) -> Growth:
    setting.trace(points=("logits",)).require_finite()
    ids, room = text(setting), setting["room"]
    return setting.once(("cached", setting.model_key, ids, room), lambda: grow(setting, ids, room))


def controls(setting: Setting) -> tuple[Control, ...]:
    size = len(text(setting))
    most = max(2, size)
    return (
        Control("length", "Tokens so far", "slider", size, (1, most, 1)),
        Control(
            "room",
            "Keys and values kept, tokens at most",
            "slider",
            most,
            (1, most, 1),
            help="With fewer than the text has, the oldest are thrown away.",
        ),
    )


def length_of(setting: Setting) -> int:
    return min(setting["length"], len(text(setting)))


def parts(setting: Setting, keeps: bool) -> Panel:
    """What is computed of each token in the chosen step, what is kept, and what is not needed."""
    length, room = length_of(setting), setting["room"]
    first = max(0, length - SHOWN)
    labels = setting.labels(text(setting))[first:length]
    values = np.full((3, len(labels)), NEW, dtype=np.float32)
    said = [["asks"] * len(labels), ["new"] * len(labels), ["new"] * len(labels)]
    for column in range(len(labels) - 1 if keeps else 0):
        gone = length - 1 - (first + column) > room
        values[0, column], said[0][column] = NONE, "dropped"
        for row in (1, 2):
            values[row, column], said[row][column] = (NONE, "gone") if gone else (OLD, "kept")
    return Panel(
        title=f"With keys and values kept: token {length - 1} alone goes through"
        if keeps
        else f"Without: all {length} go through again",
        values=values,
        rows=("query", "key", "value"),
        columns=labels,
        row_axis="",
        column_axis="token",
        kind="weight",
        part="key" if keeps else "residual",
        texts=tuple(text for line in said for text in line),
    )


def pictures(setting: Setting) -> list[Picture]:
    made, length = measured(setting), length_of(setting)
    at = length - 1
    size = len(setting.ids)
    some = f" Of {size:,} tokens the first {len(text(setting))} are read." if size > len(text(setting)) else ""
    grid = Grid(
        panels=(parts(setting, False), parts(setting, True)),
        note="In every head of every block. Dark: computed in this step; pale: in an earlier one. A query asks for its own row, and is dropped."
        + some,
        alt=f"Queries, keys and values of {count(length, 'token')} without and with keeping, in one step.",
        height=250,
    )
    milli = [f"{1000 * seconds:,.1f} ms" for seconds in made.seconds[at]]
    together = [f"{1000 * seconds:,.0f} ms" for seconds in made.seconds[:length].sum(axis=0)]
    table = Table(
        {
            "": [
                "operations",
                "operations, all steps so far",
                "bytes kept",
                "time",
                "time, all steps so far",
                "best next token",
            ],
            "everything again": [
                f"{made.whole[at]:,}",
                f"{made.whole[:length].sum():,}",
                "0",
                milli[0],
                together[0],
                setting.word(made.best[at, 0]),
            ],
            "keys and values kept": [
                f"{made.step[at]:,}",
                f"{made.step[:length].sum():,}",
                f"{made.bytes_[at]:,}",
                milli[1],
                together[1],
                setting.word(made.best[at, 1]),
            ],
        },
        title=f"Step {length}: {count(length, 'token')}",
        note="Operations: 2 for each multiply-add of the matrix products, counted while they were made.",
    )
    return [grid, table]


def caption(setting: Setting) -> str:
    made, length = measured(setting), length_of(setting)
    at, room = length - 1, setting["room"]
    apart = float(made.differences[at])
    said = (
        f"One new row takes {short_count(float(made.step[at]))} operations where the whole text takes {short_count(float(made.whole[at]))}, and "
        f"{made.bytes_[at]:,} bytes stay for the next step. "
    )
    if room >= length - 1:
        how = "no logit differs" if apart == 0 else f"the largest difference of a logit is {written(apart)}, rounding"
        return f"{said}Nothing changed: {how}."
    before, after = (setting.word(int(word)) for word in made.best[at])
    turned = (
        f"the best next token stays “{before}”"
        if before == after
        else f"the best next token turns from “{before}” to “{after}”"
    )
    return f"{said}But the oldest {length - 1 - room} were thrown away: logits differ by up to {written(apart)}, and {turned}."


CACHED = experiment(
    __doc__,
    key="cached",
    notes=Notes(
        say="Earlier rows come out the same in every pass, so their keys and values can be kept.",
        ask="Why is there no need to keep queries?",
        trap="The cache changes time and memory, not one number of the answer.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    question=Question(
        ask="A text grows by one token, with a cache. Is the query of each token kept too?",
        choices=(
            "Yes: queries, keys and values are kept",
            "No: a query is used once, in its own step",
            "Only the last query is kept, for the next step",
        ),
        answer=1,
        why="The new token asks with its own query and reads the others' keys and values. Nobody asks with an old query again.",
    ),
)
