"""Experiments on how much of a text the model can read: the context length, and what lies beyond the last position."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ... import sampling, tokenizer
from ...figures import candidates, style
from ...figures.chips import Chip, Chips
from ...figures.matrix import Grid, Panel
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment

CANDIDATES = 6
WORK = 10_000_000_000  # multiplications all passes of one curve may take together; longer texts get fewer, spaced lengths
SPACINGS = (1.2, 1.5, 2.0)
DRAWN_CHIPS = 10  # a longer text shows the ends of its two parts
DRAWN_CROPPED, DRAWN_KEPT = 2, 6
TABLE_ROWS = 4


def whole_text(setting: Setting) -> tuple[int, ...]:
    """All ids of the typed text, also those that do not fit into the model."""
    for special in (False, True):
        ids = tuple(tokenizer.encode(setting.text, special=special))
        if ids[-len(setting.ids) :] == setting.ids:
            return ids
    return setting.ids


def lengths(tokens: int, parameters: int, also: int) -> list[int]:
    """The context lengths of a curve: every one from 1 to `tokens` where that is little work, else spaced ones, and `also`."""
    found = list(range(1, tokens + 1))
    for spacing in SPACINGS:
        if sum(found) * parameters <= WORK:
            break
        found = [1]
        while found[-1] < tokens:
            found.append(min(tokens, max(found[-1] + 1, round(found[-1] * spacing))))
    return sorted({*found, also})


@dataclass(frozen=True, eq=False)
class Curve:
    """Predictions for the last position as the context grows. lengths: tokens read; shares: (lengths, vocabulary)."""

    lengths: tuple[int, ...]
    shares: np.ndarray

    def at(self, length: int) -> np.ndarray:
        """The probabilities with this many tokens read."""
        return self.shares[self.lengths.index(length)]

    def candidates(self, count: int = CANDIDATES) -> list[int]:
        """Tokens worth a line: the favourite at every length, then the most probable with the most context."""
        favourites = list(dict.fromkeys(int(row.argmax()) for row in self.shares[::-1]))[: count - 1]
        others = [int(word) for word in sampling.top(self.shares[-1], count) if word not in favourites]
        chosen = favourites + others[: count - len(favourites)]
        return sorted(chosen, key=lambda word: -self.shares[-1, word])


def moved(before: np.ndarray, after: np.ndarray) -> float:
    """The share of all probability that changes hands between two predictions: half the sum of |differences|."""
    return float(np.abs(before - after).sum() / 2)


def last_prediction(setting: Setting, ids: Sequence[int]) -> np.ndarray:
    """(vocabulary,) probabilities after the last of these ids: the model's output head on the traced last row."""
    trace = setting.trace(ids, points=("final_norm",))
    with torch.inference_mode():
        return sampling.softmax(setting.model.out_head(trace["final_norm"][0, -1:])[0].numpy())


def grow(setting: Setting, window: int) -> Curve:
    """The prediction after the text's last token with 1, 2, 3, ... tokens before and including it."""
    ids = setting.ids
    counts = lengths(len(ids), setting.config.n_parameters, min(window, len(ids)))
    return Curve(tuple(counts), np.stack([last_prediction(setting, ids[-count:]) for count in counts]).astype(np.float32))


def chip(token: int, at: int, note: str = "", state: str = "") -> Chip:
    return Chip(tokenizer.printable(token), (token,), colour=at, state=state, note=note)


def gap(count: int, state: str = "") -> Chip:
    return Chip(f"… {count:,} more …", (), colour=6, state=state)


def kept_and_cropped(ids: Sequence[int], window: int) -> tuple[Chip, ...]:
    """One line: the cropped tokens struck out, then those that go in with the rows of the position table they get."""
    cut = max(0, len(ids) - window)

    def some(numbers: range, most: int, state: str) -> list[Chip]:
        def one(at: int) -> Chip:
            return chip(ids[at], at, state or f"row {at - cut}", state)

        if len(ids) <= DRAWN_CHIPS or len(numbers) <= most:
            return [one(at) for at in numbers]
        first, last = numbers[: most // 2], numbers[most // 2 - most :]
        return [*map(one, first), gap(len(numbers) - most, state), *map(one, last)]

    return tuple(some(range(cut), DRAWN_CROPPED, "cropped") + some(range(cut, len(ids)), DRAWN_KEPT, ""))


def window_controls(setting: Setting) -> tuple[Control, ...]:
    most = max(2, min(setting.config.context_length, len(whole_text(setting))))
    return (
        Control(
            "window",
            "Context length: tokens the model may read",
            "slider",
            default=max(1, min(len(setting.ids), most) // 2),
            options=(1, most, 1),
        ),
    )


def cropping_pictures(setting: Setting):
    ids, window = whole_text(setting), setting["window"]
    cut = max(0, len(ids) - window)
    curve = grow(setting, window)
    words = curve.candidates()
    chips = Chips(
        lines=(
            (
                f"{len(ids):,} tokens, context length {window:,}: {cut:,} cropped, {len(ids) - cut:,} go in",
                kept_and_cropped(ids, window),
            ),
        ),
        alt=f"{cut} tokens are cropped, the last {len(ids) - cut} go in and get rows 0 to {len(ids) - cut - 1}.",
    )
    chart = candidates.lines(
        curve.shares[:, words].T,
        [setting.word(word) for word in words],
        words,
        [percent(float(share)) for share in curve.shares[-1, words]],
        curve.lengths,
        [tokenizer.printable(setting.ids[-length]) for length in curve.lengths],
        chosen=curve.lengths.index(min(window, len(setting.ids))),
        height=340,
        title=f'What comes after "{tokenizer.printable(ids[-1])}"? Each token of context changes the answer',
    )
    return (chips, chart)


def cropping_caption(setting: Setting) -> str:
    ids, window = setting.ids, min(setting["window"], len(setting.ids))
    curve = grow(setting, window)
    last = f'"{tokenizer.printable(ids[-1])}"'
    if len(ids) == 1:
        best = int(curve.shares[0].argmax())
        return (
            f'One token fits into any context length. After {last} the most probable token is "{setting.word(best)}", '
            f"{percent(float(curve.shares[0, best]))}. Type a longer sentence to crop something."
        )
    here, full = curve.at(window), curve.shares[-1]
    best = int(here.argmax())
    said = (
        f'With {window:,} token{"s" if window > 1 else ""} the favourite after {last} is "{setting.word(best)}", '
        f"{percent(float(here[best]))}; with all {len(ids):,} it has {percent(float(full[best]))}. "
    )
    if window < len(ids):
        said += f"Cropping moves {percent(moved(here, full))} of all probability to other tokens. "
    steps = [moved(before, after) for before, after in zip(curve.shares, curve.shares[1:])]
    if len(steps) > 1:
        biggest = int(np.argmax(steps))
        start, stop = curve.lengths[biggest], curve.lengths[biggest + 1]
        what = f'"{tokenizer.printable(ids[-stop])}"' if stop == start + 1 else f"{stop - start} tokens more"
        said += f"The step from {start} to {stop} ({what}) moves most: {percent(steps[biggest])}."
    return said.strip()


CROPPING = experiment(
    r"""# Context length

The model reads a limited number of tokens at once (context length). Of a longer text only the end goes in; the rest is cropped
before the first step, and no number in the model knows of it.

The tokens that stay are counted from 0 again: the first one left gets row 0 of the position table. Each line below is one
candidate for the next token, its probability as the text reaches further back, one pass of the model for every length.

$$\text{window} = \text{ids}[-\text{context length}:]$$
""",
    key="cropping",
    notes=Notes(
        say="What is cropped is gone before the first table is read. Those that stay are counted from 0 again.",
        ask="The fire falls out of the text: what happens to the word fire?",
        trap="The model is not told that anything is missing; it does not remember the text before.",
    ),
    controls=window_controls,
    pictures=cropping_pictures,
    caption=cropping_caption,
    question=Question(
        ask="Two of four tokens are cropped. Which rows of the position table do the other two get?",
        choices=("Rows 2 and 3", "Rows 0 and 1", "No rows"),
        answer=1,
        why="The model sees a text of two tokens and counts from 0. It cannot tell that something stood before.",
    ),
)


@dataclass(frozen=True)
class Beyond:
    """A text at the edge of the position table. ids: all its tokens; room: rows; refusal: what the model says to it, or ""."""

    ids: tuple[int, ...]
    room: int
    refusal: str

    @property
    def cut(self) -> int:
        """Tokens that must be cropped."""
        return max(0, len(self.ids) - self.room)


def beyond(setting: Setting, tokens: int) -> Beyond:
    """A text of so many tokens (the typed one, repeated if need be, cut to length) offered to the model as it is."""
    given = whole_text(setting)
    ids = (given * -(-tokens // len(given)))[:tokens]
    refusal = ""
    try:
        setting.model.check(torch.tensor([ids]))
    except ValueError as error:
        refusal = str(error)
    return Beyond(ids, setting.config.context_length, refusal)


def limit_controls(setting: Setting) -> tuple[Control, ...]:
    room = setting.config.context_length
    return (
        Control(
            "tokens",
            "Tokens in the text (yours, repeated until it is long enough)",
            "slider",
            default=room + 1,
            options=(max(1, room - 3), room + 6, 1),
        ),
    )


def limit_pictures(setting: Setting):
    text = beyond(setting, setting["tokens"])
    ids, room, cut = text.ids, text.room, text.cut
    tail = range(max(2, len(ids) - TABLE_ROWS - cut), len(ids))

    def line(numbers, shift: int) -> tuple[Chip, ...]:
        def one(at: int) -> Chip:
            if at < shift:
                return chip(ids[at], at, "cropped", "cropped")
            row = at - shift
            return chip(ids[at], at, f"row {row}" if row < room else "no row", "" if row < room else "appended")

        head = [one(at) for at in range(min(cut + 2, tail.start))] if shift else [one(at) for at in range(min(2, tail.start))]
        between = tail.start - len(head)
        return (*head, *([gap(between)] if between else []), *map(one, tail))

    plain = f"All {len(ids):,} tokens" + (
        f": {cut} without a row, the model refuses" if cut else ": each has its row, they fit"
    )
    lines = [(plain, line(ids, 0))]
    if cut:
        lines.append((f"Cropped to the last {room:,}: every token has a row again, {cut} lower than before", line(ids, cut)))
    table = setting.model.pos_emb.weight[max(0, room - TABLE_ROWS) :].numpy(force=True)
    missing = np.full((max(1, cut), table.shape[1]), np.nan, dtype=np.float32)
    names = [f"row {row}" for row in range(room - len(table), room)] + [f"{room + n}: no row" for n in range(len(missing))]
    grid = Grid(
        panels=(
            Panel(
                title=f"The end of the position table: rows 0 to {room - 1:,}, {room:,} in all",
                values=np.concatenate([table, missing]),
                rows=tuple(names),
                row_axis="position",
                limits=style.robust_limits(table, "signed"),
                part="position",
                printed=False,
            ),
        ),
        note=f'The model says: "{text.refusal}."' if text.refusal else "",
        alt=f"The last {len(table)} rows of the position table; after row {room - 1} there is nothing.",
        height=200,
    )
    return (Chips(lines=tuple(lines), alt=f"A text of {len(ids)} tokens and a table of {room} rows."), grid)


def limit_caption(setting: Setting) -> str:
    text = beyond(setting, setting["tokens"])
    room, cut = text.room, text.cut
    table = setting.model.pos_emb.weight
    if not cut:
        return (
            f"{len(text.ids):,} tokens, {room:,} rows: they fit, the last token takes row {len(text.ids) - 1:,}. "
            f"From token number {room + 1:,} on, no row is left."
        )
    said = f'Position {room:,} has no row, so "{tokenizer.printable(text.ids[room])}" cannot get a place. '
    said += f'Cropping drops "{tokenizer.printable(text.ids[0])}"' + (f" and {cut - 1} more" if cut > 1 else "")
    if room > cut:
        change = float((table[room - 1].double() - table[room - 1 - cut].double()).norm())
        size = float(table[room - 1 - cut].double().norm())
        said += (
            f". Every token left moves {cut} row{'s' if cut > 1 else ''} down: the one that had row {room - 1:,} gets row "
            f"{room - 1 - cut:,}, a change of length {change:.3g} (row {room - 1 - cut:,} has length {size:.3g})"
        )
    return said + "."


LIMIT = experiment(
    r"""# Beyond the limit

The position table has one learned row for each place, and no more; no formula continues it. A token after the last row has no
vector to be added, so the input embedding of that place does not exist and the model cannot run.

To write on, the text is cropped before every pass: the oldest token falls out and all the others move one row down. Each now
enters with another position vector, so nothing computed in the pass before can be kept.

$$t \ge \text{context length} \;\Rightarrow\; W_{\text{position}}[t] \text{ does not exist}$$
""",
    key="limit",
    notes=Notes(
        say="There is no row for one place more, so there is nothing to add and nothing to run.",
        ask="What could a program do when the text is one token too long?",
        trap="It is no matter of memory: with learned positions the vector simply does not exist.",
    ),
    controls=limit_controls,
    pictures=limit_pictures,
    caption=limit_caption,
    question=Question(
        ask="All places are taken and one more token is written. What can the model still use of the oldest token?",
        choices=("Nothing", "Its position vector", "A summary kept in the last row"),
        answer=0,
        why="The cropped text is all that goes in. Nothing is carried over from the pass before.",
    ),
)
