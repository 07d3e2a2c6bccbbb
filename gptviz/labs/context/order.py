"""Experiments on word order: swap two words, shift the positions, or take the positions away."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ... import sampling, tokenizer
from ...figures import candidates, differences
from ...figures.forms import Picture
from ...figures.matrix import Grid, Panel
from ...model import GPT
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment, once
from .batches import number
from .cropping import moved

SWAPPED_TOKENS = 12  # the first ones of a long text: cells that can carry their number
SHIFTED_TOKENS = 64  # the last ones of a long text
SHOWN = 5
NO_POSITIONS = "position"


def stream(model: GPT) -> tuple[str, ...]:
    """What enters the first block, and every block's output."""
    return ("drop_emb", *(f"blocks.{block}.shortcut2" for block in range(model.config.n_layer)))


@dataclass(frozen=True, eq=False)
class Swap:
    """How much every row of the stream changes when two tokens trade places, with positions and without.

    ids: before and after. largest: (2, 1 + blocks, token) the largest |difference| of a row; relative: the same shape, the
    length of the difference against the length of the row. First axis: with positions, without them.
    """

    ids: tuple[tuple[int, ...], tuple[int, ...]]
    largest: np.ndarray
    relative: np.ndarray


def swap(setting: Setting, one: int, two: int) -> Swap:
    """Run the first tokens of the sentence as they are and with tokens `one` and `two` swapped, both ways twice."""
    ids = list(setting.ids[:SWAPPED_TOKENS])
    other = list(ids)
    other[one], other[two] = ids[two], ids[one]
    points = stream(setting.model)
    largest, relative = [], []
    for edits in ((), (NO_POSITIONS,)):
        before, after = (setting.trace(row, points=points, edits=edits) for row in (ids, other))
        rows = [(before.array(point)[0].astype(np.float64), after.array(point)[0]) for point in points]
        largest.append([np.abs(old - new).max(-1) for old, new in rows])
        relative.append([np.linalg.norm(old - new, axis=-1) / np.linalg.norm(old, axis=-1) for old, new in rows])
    return Swap((tuple(ids), tuple(other)), np.array(largest), np.array(relative))


def places(setting: Setting) -> tuple[int, int]:
    """The two tokens to swap, in order; the next one where both controls name the same."""
    one, two = sorted((setting["one"], setting["two"]))
    return (one, two) if one != two else ((one, one + 1) if one + 2 < tokens_of(setting) else (one - 1, one))


def tokens_of(setting: Setting) -> int:
    return min(SWAPPED_TOKENS, len(setting.ids))


@once
def swap_of(setting: Setting) -> Swap:
    """What the controls ask for; picture and words share it."""
    return swap(setting, *places(setting))


def swap_controls(setting: Setting) -> tuple[Control, ...]:
    if tokens_of(setting) < 3:
        return ()
    options = tuple(range(tokens_of(setting) - 1))
    names = setting.labels()
    return (
        Control("one", "Swap this token", "choice", default=0, options=options, show=names.__getitem__),
        Control("two", "with this one", "choice", default=1, options=options, show=names.__getitem__),
    )


def swap_pictures(setting: Setting) -> tuple[Picture, ...]:
    if tokens_of(setting) < 3:
        return ()
    made = swap_of(setting)
    ids = made.ids
    layers = setting.config.n_layer
    names = tuple(
        f"{n} {tokenizer.printable(old)}" if old == new else f"{n} {tokenizer.printable(old)} / {tokenizer.printable(new)}"
        for n, (old, new) in enumerate(zip(*ids))
    )
    panels = tuple(
        Panel(
            title=title,
            values=values.T.astype(np.float32),
            rows=names,
            columns=("in", *map(str, range(1, layers + 1))),
            column_axis="after block",
            row_axis="position",
            kind="weight",
            part=part,
        )
        for title, values, part in zip(("With positions", "No positions (EDITED)"), made.relative, ("position", "residual"))
    )
    grid = Grid(
        panels=panels,
        per_row=2,
        selected=len(names) - 1,
        note="Length of the change of each row, as a share of the row's own length; colours end at 1.",
        alt="How much every position's row changes after every block when two tokens are swapped.",
        height=min(270, 130 + 24 * len(names)),
    )
    last = {"with positions": made.largest[0, 1:, -1], "no positions (EDITED)": made.largest[1, 1:, -1]}
    chart = differences.dots(
        last,
        [f"after block {block}" for block in range(1, layers + 1)],
        title=f'The last row, "{tokenizer.printable(ids[0][-1])}": largest |difference|',
        axis="largest |difference| of the row's numbers (log scale)",
        joined=True,
        height=min(300, 125 + 18 * layers),
    )
    return (grid, chart)


def swap_caption(setting: Setting) -> str:
    if tokens_of(setting) < 3:
        return "This takes three tokens at least: two to swap and a last one that reads both. Type a longer sentence."
    made = swap_of(setting)
    one, two = (f'"{tokenizer.printable(made.ids[0][at])}"' for at in places(setting))
    last = f'"{tokenizer.printable(made.ids[0][-1])}"'
    with_, without = made.largest[:, :, -1]
    said = f"Swap {one} and {two}. Without positions, the last row, {last}, differs by {number(without[1])} after block 1"
    if without[1]:
        said += " (rounding)"
    if len(without) > 2:
        said += f", but by {number(without[2])} after block 2 and {number(without[-1])} at the end"
    said += f". With positions it differs by {number(with_[1])} after block 1 already."
    if len(setting.ids) > SWAPPED_TOKENS:
        said += f" Only the first {SWAPPED_TOKENS} tokens go in here."
    return said


SWAP = experiment(
    r"""# Swap two words

Attention adds up what it reads, and a sum knows no order. Set the position vectors to zero and swap two earlier
words: in one attention layer the last row reads the same set of tokens and is the same up to rounding.

The mask lets order leak in. Of the two words the earlier one has not read the later one, so their own rows leave
block 1 with other numbers, and from block 2 on the last row reads those. With positions, order counts at once.

$$\text{pos}_t = 0: \quad \sum_{j \le i} a_{ij} v_j \ \text{ in any order}$$
""",
    key="swap",
    notes=Notes(
        say="Without positions attention sees a bag of words. Swap two and look at the last row.",
        ask="Cat bites dog, dog bites cat: what tells them apart?",
        trap="The causal mask leaks order in deeper blocks, even without positions.",
    ),
    controls=swap_controls,
    pictures=swap_pictures,
    caption=swap_caption,
    state=lambda setting: ("EDITED: pos_emb = 0 in one of two runs",) if tokens_of(setting) > 2 else (),
    question=Question(
        ask="No positions, one block. Two earlier words trade places. What happens to the last row?",
        choices=("It changes a lot", "It stays the same", "It becomes zero"),
        answer=1,
        why="It reads the same tokens with the same scores. Only further blocks see traces of the order, through the mask.",
    ),
)


@dataclass(frozen=True, eq=False)
class Shift:
    """A sentence with its own positions and with other ones.

    rows: (2, token, feature) the position vectors added. shares: (2, vocabulary) the prediction after the last token. relative:
    (1 + blocks,) change of the last row of the stream, against its length.
    """

    ids: tuple[int, ...]
    rows: np.ndarray
    shares: np.ndarray
    relative: np.ndarray


def shift(setting: Setting, ids: Sequence[int], edit: str) -> Shift:
    """Run these ids as they are, and with an edit of the position vectors."""
    points = ("pos_emb", *stream(setting.model), "logits")
    plain, edited = setting.trace(ids, points=points), setting.trace(ids, points=points, edits=(edit,))
    last = [[run.array(point)[0, -1].astype(np.float64) for run in (plain, edited)] for point in stream(setting.model)]
    return Shift(
        ids=tuple(ids),
        rows=np.stack([run.array("pos_emb") for run in (plain, edited)]),
        shares=np.stack([sampling.softmax(run.array("logits")[0, -1]) for run in (plain, edited)]),
        relative=np.array([np.linalg.norm(old - new) / np.linalg.norm(old) for old, new in last]),
    )


def shift_ids(setting: Setting) -> tuple[int, ...]:
    """The end of the sentence, short enough to leave rows of the position table to shift to."""
    return setting.ids[-max(1, min(SHIFTED_TOKENS, setting.config.context_length // 2)) :]


def shift_room(setting: Setting) -> int:
    return max(1, setting.config.context_length - len(shift_ids(setting)))


def shift_by(setting: Setting) -> int:
    """Rows to shift by, never past the end of the table."""
    return min(setting["by"], setting.config.context_length - len(shift_ids(setting)))


@once
def shift_of(setting: Setting) -> Shift:
    """What the controls ask for; picture and words share it."""
    ids = shift_ids(setting)
    return shift(setting, ids, NO_POSITIONS if setting["positions"] == "none" else f"position:{shift_by(setting)}")


def shift_controls(setting: Setting) -> tuple[Control, ...]:
    room = shift_room(setting)
    return (
        Control("positions", "Positions", "choice", options=("shifted", "none")),
        Control("by", "Shift by so many rows", "slider", default=min(room, 100), options=(0, room, 1)),
    )


def edit_words(setting: Setting) -> str:
    return "no positions" if setting["positions"] == "none" else f"shifted by {shift_by(setting)}"


def shift_pictures(setting: Setting) -> tuple[Picture, ...]:
    made = shift_of(setting)
    size = len(made.ids)
    by = 0 if setting["positions"] == "none" else shift_by(setting)
    names = tuple(setting.labels(made.ids))
    reach = float(np.percentile(np.abs(made.rows), 99)) or 1.0
    titles = (
        f"Rows 0 to {size - 1}" if size > 1 else "Row 0",
        f"Rows {by} to {by + size - 1} (EDITED)" if size > 1 else f"Row {by} (EDITED)",
    )
    if setting["positions"] == "none":
        titles = titles[0], "Zeros (EDITED)"
    grid = Grid(
        panels=tuple(
            Panel(
                title=title,
                values=rows,
                rows=names,
                point="pos_emb" if not n else "",
                limits=(-reach, reach),
                part="position",
                printed=False,
            )
            for n, (title, rows) in enumerate(zip(titles, made.rows))
        ),
        per_row=2,
        note="Position vectors that are added to the same token embeddings.",
        alt=f"The position vectors of {size} tokens, and the ones put in their place.",
        height=min(230, 130 + 18 * size),
    )
    words = list(dict.fromkeys(int(word) for shares in made.shares for word in sampling.top(shares, SHOWN - 1)))
    words = sorted(words, key=lambda word: -made.shares[0, word])
    chart = candidates.pairs(
        *made.shares[:, words],
        [setting.word(word) for word in words],
        words,
        [[percent(float(share)) for share in shares[words]] for shares in made.shares],
        names=("as it is", f"EDITED: {edit_words(setting)}"),
        title=f'What comes after "{tokenizer.printable(made.ids[-1])}"? The favourites of both runs',
        height=110 + 34 * len(words),
    )
    return (grid, chart)


def shift_caption(setting: Setting) -> str:
    made = shift_of(setting)
    best = [int(shares.argmax()) for shares in made.shares]
    names = [f'"{setting.word(word)}"' for word in best]
    what = "Without positions" if setting["positions"] == "none" else f"Shifted by {shift_by(setting)} rows"
    if np.array_equal(*made.rows):
        return f"{what}, every token has the row it had: nothing is edited, and every number is the same."
    kept = f"the favourite stays {names[0]}" if best[0] == best[1] else f"the favourite changes from {names[0]} to {names[1]}"
    said = (
        f"{what}, {percent(moved(*made.shares))} of all probability moves to other tokens and {kept}. The last row of the "
        f"input changes by {percent(made.relative[0])} of its length, after the last block by {percent(made.relative[-1])}."
    )
    if len(made.ids) < len(setting.ids):
        said += f" Only the last {len(made.ids)} tokens go in here."
    return said


SHIFT = experiment(
    r"""# Shift positions

The same words, placed elsewhere: every token gets the position vector from further down the table, or none at all. The token
vectors and all weights stay as they are, so whatever changes below comes from the positions alone.

GPT-2 learned one vector for each absolute place. Nothing forces it to treat places 0 to 3 and places 100 to 103 alike; how
alike they are is learned, and you can read it off here.

$$x_t = W_{\text{token}}[\text{id}_t] + W_{\text{position}}[t + \text{moved}]$$
""",
    key="shift",
    notes=Notes(
        say="Same words, other seats. Whatever changes comes from the position table alone.",
        ask="Would you expect a good model to care where a sentence begins?",
        trap="That the model can use distances does not mean that places are distances to it.",
    ),
    controls=shift_controls,
    pictures=shift_pictures,
    caption=shift_caption,
    state=lambda setting: (f"EDITED: pos_emb {edit_words(setting)}",),
    question=Question(
        ask="All positions move 100 rows down; the words stay. Does the prediction stay exactly the same?",
        choices=("Yes, only distances count", "No", "The model cannot run"),
        answer=1,
        why="Every place has its own learned vector. Other vectors go in, so other numbers come out.",
    ),
)
