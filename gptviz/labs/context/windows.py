"""Experiments on how training sees a text: windows of inputs and targets, and a prediction at every position."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ... import sampling, tokenizer
from ...figures import candidates, surprisal, windows
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment
from .cropping import whole_text

AFTER = "forward. Every day holds a lesson."
DRAWN_WINDOWS = 5
DRAWN_TOKENS = 24
TOP = 4


@dataclass(frozen=True, eq=False)
class Windows:
    """Inputs and targets cut from a text. starts: the first token of each window, those of whole batches only.

    inputs, targets: (windows, length) ids, targets one token further. left_out: windows too few for a last batch.
    """

    starts: tuple[int, ...]
    inputs: np.ndarray
    targets: np.ndarray
    batch_size: int
    left_out: int

    @property
    def batches(self) -> int:
        return len(self.starts) // self.batch_size


def cut(ids: Sequence[int], length: int, stride: int, batch_size: int) -> Windows:
    """Windows of `length` tokens, each starting `stride` tokens after the one before, as long as a target is left for all.

    As in training, windows that do not fill a batch are left out.
    """
    starts = list(range(0, len(ids) - length, stride))
    whole = len(starts) - len(starts) % batch_size
    numbers = np.asarray(ids, dtype=np.int64)
    rows = np.asarray(starts[:whole], dtype=np.int64)[:, None] + np.arange(length)[None]
    return Windows(tuple(starts[:whole]), numbers[rows], numbers[rows + 1], batch_size, len(starts) - whole)


def text_with(setting: Setting) -> tuple[int, ...]:
    """The ids of the sentence and of what the reader put behind it, after a space where nothing else stands between them."""
    after = setting["after"]
    return whole_text(setting) + tuple(tokenizer.encode(after if after[:1].isspace() or not after else f" {after}"))


def cut_setting(setting: Setting) -> tuple[tuple[int, ...], Windows]:
    ids = text_with(setting)
    return ids, cut(ids, setting["length"], setting["stride"], setting["rows"])


SLIDING_CONTROLS = (
    Control("after", "Your sentence goes on with", "text", default=AFTER),
    Control("length", "Window: tokens of input", "slider", default=4, options=(1, 8, 1)),
    Control("stride", "Stride: tokens between starts", "slider", default=4, options=(1, 8, 1)),
    Control("rows", "Batch size: windows together", "slider", default=2, options=(1, 4, 1)),
)


def sliding_pictures(setting: Setting):
    ids, made = cut_setting(setting)
    length, size = setting["length"], setting["rows"]
    drawn = [start for start in made.starts[:DRAWN_WINDOWS] if start + length < DRAWN_TOKENS]
    last = max(drawn, default=0) + length + 1
    tokens = ids[: max(last, min(len(ids), 12))]
    more = len(made.starts) - len(drawn)
    shown = f", the first {len(drawn)} windows drawn" if more else ""
    stairs = windows.staircase(
        [tokenizer.printable(token) for token in tokens],
        drawn,
        length,
        [n // size for n in range(len(drawn))],
        title=f"{len(ids):,} tokens, {len(made.starts):,} windows{shown}",
        height=230 if len(tokens) <= 12 else 260,
    )
    if not made.batches:
        return (stairs,)
    inputs, targets = made.inputs[:size], made.targets[:size]
    names = [
        [(tokenizer.printable(int(one)), tokenizer.printable(int(then))) for one, then in zip(*rows)]
        for rows in zip(inputs, targets)
    ]
    more = f"batch 0 of {made.batches:,}" if made.batches > 1 else "the only batch"
    title = f"Two tensors of shape ({size}, {length}), {more}: ids, and under each the id to predict"
    return (stairs, windows.tensors(inputs, targets, names, title=title, height=80 + 36 * 2 * size))


def sliding_caption(setting: Setting) -> str:
    ids, made = cut_setting(setting)
    length, stride, size = setting["length"], setting["stride"], setting["rows"]
    if not made.batches:
        return (
            f"The text has {len(ids)} tokens and makes {made.left_out} window{'' if made.left_out == 1 else 's'} of {length} "
            f"(each needs one token more for its last target): not enough for a batch of {size}."
        )
    said = f"{len(ids):,} tokens make {made.batches:,} batch{'es' if made.batches > 1 else ''} of shape ({size}, {length})"
    said += f", {made.left_out} window{'s are' if made.left_out > 1 else ' is'} left over" if made.left_out else ""
    if stride < length:
        said += f"; stride {stride} is shorter than the window, so neighbours share {length - stride} inputs."
    elif stride == length:
        said += "; the stride equals the window, so no token is an input twice."
    else:
        said += f"; stride {stride} is longer than the window, so {stride - length} of every {stride} tokens is never an input."
    pair = tokenizer.printable(int(made.inputs[0, 0])), tokenizer.printable(int(made.targets[0, 0]))
    return f'{said} inputs[0, 0] is "{pair[0]}" and targets[0, 0] is the token behind it, "{pair[1]}".'


SLIDING = experiment(
    r"""# Sliding window

Training cuts a long text into windows. The input is so many tokens in a row; the target is the same stretch one token further
right, so that below every token stands the one it should predict.

The next window starts a few tokens later (stride). Several windows go through the model together (batch), as one tensor of
shape (batch size, window). All of them need the same length; windows that do not fill the last batch are left out.

$$\text{target}[b, t] = \text{input}[b, t + 1]$$
""",
    key="sliding",
    notes=Notes(
        say="Input and target are the same text, moved by one. Lay two hands over each other to show it.",
        ask="With a stride as long as the window, how often is each token a target?",
        trap="A stride of 1 gives more windows, not more text: most of them repeat each other.",
    ),
    controls=SLIDING_CONTROLS,
    pictures=sliding_pictures,
    caption=sliding_caption,
    question=Question(
        ask="A window has 4 input tokens. How many tokens of the text does it touch, targets included?",
        choices=("4", "5", "8"),
        answer=1,
        why="The target is the input moved by one: the last three inputs are also targets, and one new token comes in.",
    ),
)


@dataclass(frozen=True, eq=False)
class Predictions:
    """What every row but the last gave to the token that really came next.

    shares, surprisals, ranks: (token - 1,): the probability, -ln of it, and its place (1 = most probable). best: (token,) the
    favourite of every row, best_shares its probability. uniform: -ln(1 / vocabulary).
    """

    shares: np.ndarray
    surprisals: np.ndarray
    ranks: np.ndarray
    best: np.ndarray
    best_shares: np.ndarray
    uniform: float

    @property
    def loss(self) -> float:
        """The mean surprisal: what training makes small (cross-entropy)."""
        return float(self.surprisals.mean())


def predict(logits: np.ndarray, ids: Sequence[int]) -> Predictions:
    """logits: (token, vocabulary) of a pass over these ids."""
    shares, surprisals, ranks, best, best_shares = [], [], [], [], []
    for row, scores in enumerate(logits):
        wide = scores.astype(np.float64)
        total = wide.max() + np.log(np.exp(wide - wide.max()).sum())
        best.append(int(scores.argmax()))
        best_shares.append(np.exp(wide[best[-1]] - total))
        if row + 1 < len(ids):
            surprisals.append(total - wide[ids[row + 1]])
            shares.append(np.exp(-surprisals[-1]))
            ranks.append(sampling.rank(scores, ids[row + 1]))
    numbers = [np.array(column) for column in (shares, surprisals, ranks, best, best_shares)]
    return Predictions(*numbers, uniform=float(np.log(logits.shape[1])))


def predictions(setting: Setting) -> tuple[np.ndarray, Predictions]:
    """The logits of the sentence, (token, vocabulary), and what they say of its own tokens."""
    logits = setting.trace(points=("logits",)).array("logits")[0]
    return logits, predict(logits, setting.ids)


def row_controls(setting: Setting) -> tuple[Control, ...]:
    most = max(1, len(setting.ids) - 1)
    return (Control("row", "Row (position) to look at", "slider", default=0, options=(0, most, 1)),)


def chosen_row(setting: Setting) -> int:
    return min(setting["row"], len(setting.ids) - 1)


def positions_pictures(setting: Setting):
    logits, made = predictions(setting)
    ids, row = setting.ids, chosen_row(setting)
    names = setting.labels()
    vocabulary = logits.shape[1]
    shares = sampling.softmax(logits[row])
    words = [int(word) for word in sampling.top(shares, TOP)]
    after = ids[row + 1] if row + 1 < len(ids) else None
    if after is not None and after not in words:
        words.append(after)
    guesses = candidates.row(
        shares[words],
        [setting.word(word) for word in words],
        words,
        [f"{percent(float(shares[word]))}  #{sampling.rank(shares, word):,}" for word in words],
        actual=words.index(after) if after is not None else None,
        title=f"Row {row}, after {tokenizer.printable(ids[row])}: the {TOP} most probable"
        + ("" if after is None else ", and what really came (framed)"),
        height=200,
    )
    if len(ids) == 1:
        return (guesses,)
    chart = surprisal.bars(
        made.surprisals,
        made.shares,
        [f"{s:.2f}   p = {percent(float(p))}" for s, p in zip(made.surprisals, made.shares)],
        names[:-1],
        [tokenizer.printable(token) for token in ids[1:]],
        uniform=made.uniform,
        uniform_text=f"even guess: −ln(1/{vocabulary:,}) = {made.uniform:.2f}",
        chosen=row,
        title=f"Surprisal −ln p of the token that really came; mean {made.loss:.2f}",
        height=min(280, 130 + 32 * len(made.surprisals)) if len(made.surprisals) <= surprisal.WRITTEN else 290,
    )
    return (chart, guesses)


def positions_caption(setting: Setting) -> str:
    logits, made = predictions(setting)
    ids, row = setting.ids, chosen_row(setting)
    best = f'"{setting.word(made.best[row])}" ({percent(float(made.best_shares[row]))})'
    if row == len(ids) - 1:
        said = f"Row {row} is the last: what comes next is not written yet, its favourite is {best}."
    else:
        said = (
            f'Row {row} gives "{tokenizer.printable(ids[row + 1])}", which really came, {percent(float(made.shares[row]))}, '
            f"rank {made.ranks[row]:,} of {logits.shape[1]:,}: surprisal {made.surprisals[row]:.2f}. Its favourite is {best}."
        )
    if len(ids) == 1:
        return said + " Two tokens make the first pair to check."
    below = int((made.surprisals < made.uniform).sum())
    what = f"{below} of {len(made.shares)} rows do" if len(made.shares) > 1 else ("It does" if below else "It does not do")
    return f"{said} {what} better than an even guess ({made.uniform:.2f}); the mean, the loss, is {made.loss:.2f}."


POSITIONS = experiment(
    r"""# Every position predicts

One pass makes a prediction after every token, not only at the end: row t never sees token t + 1, so it can be asked for it.
Four tokens are four questions, three of which the text answers itself.

How badly a row did is the negative logarithm of the probability it gave to the token that really came (surprisal): 0 for
certainty. An even guess over the whole vocabulary has the dotted value. The mean over all rows is the loss that training
lowers.

$$\text{surprisal}_t = -\ln P_t(\text{token}_{t+1})$$
""",
    key="positions",
    notes=Notes(
        say="One pass is as many questions as there are tokens. Training uses every one of them.",
        ask="Which of these rows had the hardest question?",
        trap="Row t is judged by token t + 1; the last row has no judge inside the text.",
    ),
    controls=row_controls,
    pictures=positions_pictures,
    caption=positions_caption,
    edited=True,
    question=Question(
        ask="A model with random weights has learned nothing. What is its mean surprisal, about?",
        choices=("0", "1", "10.8", "50,257"),
        answer=2,
        why="It spreads its guess almost evenly over 50,257 tokens, and -ln(1/50257) = 10.82.",
    ),
)
