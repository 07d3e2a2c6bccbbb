"""Experiment: two sentences in one batch, and whether one of them notices the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ... import tokenizer
from ...figures import differences
from ...figures.chips import Chip, Chips
from ...stages.stage import Notes, Question
from ...trace import Trace
from ..lab import Control, Setting, experiment, once
from ..subjects.batch import padded

OTHER = "Every day holds a"
SHOWN = 14  # tokens of a row in the table
MOST_TOKENS = 64  # of each sentence, so that four passes stay quick

BEFORE = {"ids": "ids", "tok_emb": "token embedding", "pos_emb": "position embedding", "input_emb": "input embedding"}
INSIDE = {
    "norm1": "LayerNorm 1",
    "att.query": "queries",
    "att.scores": "scores",
    "att.weights": "weights",
    "att.context": "context vectors",
    "att.concat": "heads side by side",
    "shortcut1": "after attention",
    "norm2": "LayerNorm 2",
    "ff.hidden": "feed-forward, 4 x",
    "shortcut2": "block output",
}
BEHIND = {"final_norm": "final LayerNorm", "logits": "logits"}


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two sentences through the model together and alone, point by point.

    rows: the ids of each sentence without padding; padding: tokens added to the shorter one. shapes: of the tensors of the
    batch. alone: (2, points) largest |difference| between a sentence's part of the batch and its own pass. other: (points,) the
    same between sentence 1 beside sentence 2 and beside sentence 2 reversed. sizes: (points,) the largest |number| there.
    same: how many first tokens both sentences share; same_rows: largest |difference| of their logits for these, None without.
    """

    rows: tuple[tuple[int, ...], tuple[int, ...]]
    padding: int
    points: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    alone: np.ndarray
    other: np.ndarray
    sizes: np.ndarray
    same: int
    same_rows: float | None


def part(trace: Trace, point: str, item: int, tokens: int) -> np.ndarray:
    """The numbers of one sentence of a batch at a point, padding cut off."""
    cut = {"batch": item, "token": slice(tokens), "query": slice(tokens), "key": slice(tokens)}
    return trace.array(point)[tuple(cut.get(axis, slice(None)) for axis in trace.axes(point))]


def apart(one: np.ndarray, two: np.ndarray) -> float:
    """The largest |difference| of two arrays of one shape."""
    return float(np.abs(one.astype(np.float64) - two).max())


def names(block: int) -> dict[str, str]:
    """Points on the way through the model, one block (0-based) opened, with the words for them."""
    inside = {f"blocks.{block}.{point}": name for point, name in INSIDE.items()}
    return BEFORE | inside | BEHIND


def compare(setting: Setting, second: Sequence[int], block: int) -> Comparison:
    """The sentence and a second one in a batch, each alone, and the sentence beside the second one reversed."""
    most = min(MOST_TOKENS, setting.config.context_length)
    rows = setting.ids[:most], tuple(second)[:most]
    points = tuple(names(block))
    together = setting.trace(padded(rows), points=points)
    beside = setting.trace(padded((rows[0], rows[1][::-1])), points=points)
    lone = [setting.trace(row, points=points) for row in rows]
    alone = [
        [apart(part(together, point, n, len(row)), part(lone[n], point, 0, len(row))) for point in points]
        for n, row in enumerate(rows)
    ]
    other = [apart(part(together, point, 0, len(rows[0])), part(beside, point, 0, len(rows[0]))) for point in points]
    same = next((n for n, (one, two) in enumerate(zip(*rows)) if one != two), min(map(len, rows)))
    logits = together.array("logits")[:, :same]
    return Comparison(
        rows=rows,
        padding=abs(len(rows[0]) - len(rows[1])),
        points=points,
        shapes=tuple(together[point].shape for point in points),
        alone=np.array(alone),
        other=np.array(other),
        sizes=np.array([float(np.abs(together.array(point)).max()) for point in points]),
        same=same,
        same_rows=apart(logits[0], logits[1]) if same else None,
    )


@once
def comparison_of(setting: Setting) -> Comparison:
    """The comparison the controls ask for; picture and words share it."""
    second = setting["second"] if setting["second"].strip() else OTHER
    return compare(setting, tokenizer.encode(second), setting["opened"] - 1)


def controls(setting: Setting) -> tuple[Control, ...]:
    blocks = setting.config.n_layer
    return (
        Control("second", "Second sentence", "text", default=OTHER),
        Control(
            "opened",
            "Block to open",
            "choice",
            options=tuple(range(1, blocks + 1)),
            show=lambda block: f"block {block} of {blocks}",
        ),
    )


def table(setting: Setting, made: Comparison) -> Chips:
    """The two sentences as what the model gets: one table of ids with two rows, the shorter one filled up."""
    rows = padded(made.rows)
    shown = [
        tuple(
            Chip(
                setting.word(token),
                (token,),
                colour=at,
                state="cropped" if at >= len(row) else "",
                note="padding" * (at >= len(row)),
            )
            for at, token in enumerate(filled[:SHOWN])
        )
        for row, filled in zip(made.rows, rows)
    ]
    more = f", of which the first {SHOWN} are drawn" * (len(rows[0]) > SHOWN)
    size = f"ids: batch_size 2 (rows), seq_len {len(rows[0])} (columns{more})"
    return Chips(
        lines=((size, ()), *((f"row {n}, sentence {n + 1}", line) for n, line in enumerate(shown))),
        alt=f"One table of ids with 2 rows of {len(rows[0])}.",
    )


def pictures(setting: Setting) -> tuple[Chips, go.Figure]:
    made = comparison_of(setting)
    labels = names(setting["opened"] - 1).values()
    lines = [f"{name}  {tuple(shape)!s}" for name, shape in zip(labels, made.shapes)]
    return (
        table(setting, made),
        differences.dots(
            {
                "sentence 1, batch − alone": made.alone[0],
                "sentence 2, batch − alone": made.alone[1],
                "sentence 1, other neighbour": made.other,
            },
            lines,
            title=f"Every shape of a batch of 2 (block {setting['opened']} opened), and how far its numbers lie apart",
            axis="largest |difference| of any number (log scale)",
            sizes=made.sizes,
            sizes_name="largest |number|",
            height=400,
        ),
    )


def number(value: float) -> str:
    """A difference as exactly what it is: 0, or its size in digits that can be read."""
    return "exactly 0" if value == 0 else f"{value:.2g}"


def caption(setting: Setting) -> str:
    made = comparison_of(setting)
    changed = float(made.other.max())
    said = (
        f"Turn sentence 2 round: the largest change in any number of sentence 1 is {number(changed)}. "
        f"Against its lone pass, its logits differ by {number(float(made.alone[0, -1]))} where they reach {made.sizes[-1]:.3g}"
    )
    said += ": rounding, because the same sums are added up in another order." if made.alone[0, -1] else "."
    if made.same:
        what = f'"{tokenizer.printable(made.rows[0][0])}"' if made.same == 1 else f"the first {made.same} tokens"
        said += f" Both sentences begin with {what}: the logits there differ by {number(made.same_rows)} between the two."
    if made.padding:
        which = 1 if len(made.rows[0]) < len(made.rows[1]) else 2
        said += f" Sentence {which} is padded on the right with {made.padding} <|endoftext|>."
    if max(map(len, made.rows)) == MOST_TOKENS:
        said += f" Only the first {MOST_TOKENS} tokens of a sentence go in here."
    return said


BATCH = experiment(
    r"""# Batch of two

Two sentences go through the model as one tensor whose first axis counts them (batch). Every shape begins with 2, except the
position embedding: both use the same rows, so one copy is added to each.

No step mixes along that axis. What a sentence gets is what it would get alone; only the order in which a processor adds numbers
may change, and with it the last digits. Exactly 0 has its own place on the left; the grey ticks show how large the numbers
themselves are.

$$(2, \text{tokens}) \to (2, \text{tokens}, d) \to (2, \text{tokens}, V)$$
""",
    key="batch",
    notes=Notes(
        say="Two sentences share a tensor and nothing else. Change one and look at the other.",
        ask="What would have to be true for one sentence to change the other?",
        trap="Padding is no word: it has rows, but no row of the sentence reads them.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    question=Question(
        ask='Both sentences begin with "Every". Do their logits after that first token differ?',
        choices=("Yes, the rest of the sentence is different", "No", "Only by chance"),
        answer=1,
        why="Row 0 reads itself alone: no later token, nothing of the other sentence. With dropout off nothing is random.",
    ),
)
