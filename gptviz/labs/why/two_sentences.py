r"""# Two sentences

Where is the difference between two sentences? Above, the words each would answer at every depth. Below, one cell of the other
sentence is copied into this one: the numbers of one token after one block take the place of its own, and the pass goes on from
there (activation patching).

Framed is what can change: deeper rows of that token and later ones. All else stays the same, bit by bit. Click a cell to copy it. A
difference is the share of all probability that changes hands.

$$x^{(\ell)}_t \leftarrow y^{(\ell)}_t$$
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ... import lens, tokenizer
from ...figures.forms import Picture
from ...figures.matrix import Grid, Panel, Tiles
from ...stages.stage import Notes, Question
from ...words import count, percent
from ..lab import Control, Setting, experiment, once
from ..subjects import answer
from .forming import panel

OTHER = "Every day holds a"
COLUMNS = 8  # tokens beside each other in each of the pictures
INTO = {"first": "your sentence", "second": "the other one"}
BETWEEN = {"copy": "before and after the copy", "sentences": "the two sentences"}


@dataclass(frozen=True, eq=False)
class Pair:
    """Two sentences, the one that is copied into first. ids, streams (depth, token, feature), lenses: of both. tokens: the columns
    shown. cell: (depth, token) of the copy. copied: the lens of the pass with it, moved: (depth, token) how much of each answer
    changed hands by it; None where there is nothing to copy there. apart: the same from one sentence to the other, NaN where one of
    them has ended; None where it is not asked for."""

    ids: tuple[tuple[int, ...], tuple[int, ...]]
    lenses: tuple[lens.Lens, lens.Lens]
    tokens: range
    cell: tuple[int, int]
    copied: lens.Lens | None
    moved: np.ndarray | None
    apart: np.ndarray | None


def controls(setting: Setting) -> tuple[Control, ...]:
    layers, size = setting.config.n_layer, len(setting.ids)
    cells = tuple(f"{depth}.{token}" for depth in range(layers + 1) for token in range(size))
    return (
        Control("other", "The other sentence", "text", OTHER),
        Control("into", "Copy into", "choice", "first", tuple(INTO), show=INTO.get),
        Control("between", "Difference of", "choice", "copy", tuple(BETWEEN), show=BETWEEN.get),
        Control("cell", "Cell that is copied", "choice", f"1.{min(1, size - 1)}", cells, drawn=False),
    )


def place(setting: Setting) -> tuple[int, int]:
    """(depth, token) of the copy; depth 0 is the embedding."""
    depth, token = map(int, setting["cell"].split("."))
    return depth, token


def other_ids(setting: Setting) -> tuple[int, ...]:
    """The other sentence's last tokens, as many as the model has room for. Raises ValueError where there are none, or one it does not
    know."""
    ids = tuple(tokenizer.encode(setting["other"]))[-setting.config.context_length :]
    if not ids:
        raise ValueError("The other sentence is empty: type at least one word.")
    if max(ids) >= setting.config.vocab_size:
        raise ValueError(
            f"The other sentence has a token that this model, with {setting.config.vocab_size:,} words, does not know."
        )
    return ids


@once
def measured(setting: Setting) -> Pair:
    points = lens.block_points(setting.config.n_layer)
    both = (setting.ids, other_ids(setting))
    ids = both if setting["into"] == "first" else both[::-1]
    traces = [setting.trace(one, points=points) for one in ids]
    streams = [lens.stream(one, points) for one in traces]
    depth, token = place(setting)
    size = len(ids[0])
    stop = min(size, token + COLUMNS)  # the last token as well, where there is room
    tokens = range(max(0, stop - COLUMNS), stop)

    def read(number: int) -> lens.Lens:
        stop = max(tokens.start, min(tokens.stop, len(ids[number])))
        key = ("lens", setting.model_key, ids[number], False, tokens.start, stop, "no output")
        return setting.once(key, lambda: lens.read(setting.model, streams[number][:, tokens.start : stop]))

    lenses = read(0), read(1)
    if token >= min(map(len, ids)):
        return Pair(ids, lenses, tokens, (depth, token), None, None, apart(setting, ids, streams, tokens))
    shown = slice(tokens.start, tokens.stop)

    def copy() -> tuple[lens.Lens, np.ndarray]:
        changed = lens.patched(setting.model, ids[0], points[depth], token, streams[1][depth, token], points)
        stream = lens.stream(changed, points)[:, shown]
        return lens.read(setting.model, stream), lens.moved(setting.model, streams[0][:, shown], stream)

    copied, moved = setting.once(("copied", setting.model_key, *ids, depth, token, tokens.start), copy)
    far = apart(setting, ids, streams, tokens) if setting["between"] == "sentences" else None
    return Pair(ids, lenses, tokens, (depth, token), copied, moved, far)


def apart(setting: Setting, ids: Sequence[tuple[int, ...]], streams: Sequence[Tensor], tokens: range) -> np.ndarray:
    """(depth, token): how much of the answers of two sentences differs, NaN where the second has ended."""
    both = slice(tokens.start, max(tokens.start, min(tokens.stop, len(ids[1]))))
    key = ("apart", setting.model_key, *ids, tokens.start)
    known = setting.once(key, lambda: lens.moved(setting.model, streams[0][:, both], streams[1][:, both]))
    found = np.full((len(streams[0]), len(tokens)), np.nan, dtype=np.float32)
    found[:, : known.shape[1]] = known
    return found


def pictures(setting: Setting) -> list[Picture]:
    made = measured(setting)
    names = answer.block_names(setting.config.n_layer)
    depth, token = made.cell
    panels = []
    titles = ("Your sentence", "The other one") if setting["into"] == "first" else ("The other one", "Your sentence")
    for n, (ids, found) in enumerate(zip(made.ids, made.lenses)):
        shown = range(made.tokens.start, min(made.tokens.stop, len(ids)))
        if not len(shown):
            continue
        here = (depth * len(shown) + token - shown.start) if n and token in shown else None
        panels.append(cells(setting, found, shown, names, setting.labels(ids), titles[n], chosen=here))
    labels, frame = setting.labels(made.ids[0]), None
    if made.copied is not None:
        column = token - made.tokens.start
        frame = (depth + 1, len(names), column, len(made.tokens)) if depth + 1 < len(names) else None
        at = depth * len(made.tokens) + column
        panels.append(
            cells(setting, made.copied, made.tokens, names, labels, f"{titles[0]}, with the copy", chosen=at, framed=frame)
        )
    by_copy = made.apart is None
    shares = made.moved if by_copy else made.apart
    panels.append(
        Panel(
            "How much of each answer the copy changed, in %" if by_copy else "How far the answers of the two are apart, in %",
            shares,
            names,
            tuple(labels[one] for one in made.tokens),
            row_axis="after",
            column_axis="after token",
            kind="weight",
            part="output",
            framed=frame if by_copy else None,
            texts=tuple(map(brief, shares.ravel().tolist())),
        )
    )
    size = len(made.ids[0])
    some = "" if len(made.tokens) == size else f" Tokens {made.tokens.start} to {made.tokens.stop - 1} of {size}."
    typed = len(tokenizer.encode(setting["other"]))
    if typed > setting.config.context_length:
        some += f" Of the other sentence's {typed:,} tokens the last {setting.config.context_length:,} go in."
    return [
        Grid(
            panels=tuple(panels),
            per_row=2,
            note=f"Colours: probability of the best word.{some}",
            alt="What two sentences answer at every depth, and what the first answers with one cell of the second copied into it.",
            height=min(520, 150 + 40 * len(names)),
        )
    ]


def brief(share: float) -> str:
    """A share in a cell, in percent; a blank where there is none."""
    if not np.isfinite(share):
        return ""
    return "<1" if 0 < share < 0.01 else ">99" if 0.99 < share < 1 else f"{100 * share:.0f}"


def cells(
    setting: Setting,
    found: lens.Lens,
    shown: range,
    names: Sequence[str],
    labels: Sequence[str],
    title: str,
    chosen: int | None = None,
    framed: tuple[int, int, int, int] | None = None,
) -> Panel:
    """A lens whose cells choose which one is copied; a token that your sentence does not have is no choice."""
    _, told = answer.of_lens(setting, found, shown, names)
    size = len(setting.ids)
    values = tuple(depth * size + token if token < size else -1 for depth in range(len(names)) for token in shown)
    tiles = Tiles(1, 1, len(shown), told, "cell", values, chosen=chosen)
    return panel(setting, found, shown, names, labels, title, tiles=tiles, framed=framed)


def caption(setting: Setting) -> str:
    made = measured(setting)
    depth, token = made.cell
    names = answer.block_names(setting.config.n_layer)
    if made.copied is None:
        return (
            f"There is nothing to copy at token {token}: the other sentence has only {count(min(map(len, made.ids)), 'token')}, counted "
            "from 0. Rows are aligned by position, so choose a token that both have."
        )
    last = int(made.moved.shape[1] - 1)
    before, after = (setting.word(int(found.best[-1, last])) for found in (made.lenses[0], made.copied))
    share = float(made.moved[-1, last])
    can = int((len(names) - depth - 1) * (len(made.tokens) - (token - made.tokens.start)) + 1)
    moved = int((made.moved > 0).sum())
    last_label = setting.labels(made.ids[0])[made.tokens[last]]
    turned = f"turns from “{before}” to “{after}”" if before != after else f"stays “{before}”"
    far = ""
    if made.apart is not None and (known := made.apart[-1][np.isfinite(made.apart[-1])]).size:
        far = f" The two sentences' own answers are {percent(float(known[-1]))} apart after the last token both have."
    return (
        f"With {setting.labels(made.ids[1])[token]} of the other sentence copied in at “{names[depth]}”, the answer after {last_label} {turned}; "
        f"{percent(share)} of its probability changes hands. {can} of {made.moved.size} cells could change, and {moved} did.{far}"
    )


def state(setting: Setting) -> tuple[str, ...]:
    return ("EDITED: one row is copied", "A VIEW: the output head at every depth")


TWO_SENTENCES = experiment(
    __doc__,
    key="patch",
    notes=Notes(
        say="Take one number from the other sentence and let the pass go on. What follows is what it carried.",
        ask="Copy the last row after the last block: which answer comes?",
        trap="A patch that changes nothing can still be of use: others may carry the same.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    state=state,
    question=Question(
        ask="The last token's row after the last block is copied from another sentence. What does the model answer?",
        choices=("What it would have answered anyway", "What the other sentence would be answered", "A mixture of both"),
        answer=1,
        why="Nothing reads that row but the final LayerNorm and the output head, so the answer is the other sentence's, exactly.",
    ),
)
