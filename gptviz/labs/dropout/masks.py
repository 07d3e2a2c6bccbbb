"""What masks do to numbers: how many fall, what is kept on average, and rows of attention that leave 1."""

import math

import numpy as np

from ...figures import dropout as charts
from ...hooks import noise
from ...points import dropout_site
from ...seen import Seen
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment
from .places import PLACES, TRAINED_RATE, block, fixed, head, place, rate

STREAM = ("embedding", "attention", "feed-forward")
MASKS = 200  # masks behind an average
DRAWN = 20_000_000  # random numbers one picture may draw
ROWS = 12  # rows of attention shown at a time


def zero_counts(tokens: int, width: int, p: float, rows: int) -> np.ndarray:
    """(rows,) zeros of each row of the embedding's masks at the seeds 0, 1, 2, ..., `tokens` rows a mask."""
    masks = -(-rows // tokens)
    counts = [(noise((1, tokens, width), seed, 0).numpy() < np.float32(p)).sum(-1).ravel() for seed in range(masks)]
    return np.concatenate(counts)[:rows]


def binomial(n: int, p: float) -> np.ndarray:
    """(n + 1,) probability of 0, 1, ..., n zeros among n numbers that fall independently with probability p."""
    if p == 0:
        return np.eye(1, n + 1)[0]
    logs = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(n + 1)]
    k = np.arange(n + 1)
    return np.exp(np.array(logs) + k * math.log(p) + (n - k) * math.log1p(-p))


def zeros_of(setting: Setting) -> np.ndarray:
    return zero_counts(len(setting.ids), setting["width"], setting["p"], setting["rows"])


def count_pictures(setting: Setting) -> list:
    width, p, counts = setting["width"], setting["p"], zeros_of(setting)
    title = f"Zeros in each of {len(counts):,} rows of {width} numbers, p = {p:g}; line: what independent falls give"
    return [charts.zero_counts(counts, binomial(width, p), width * p, math.sqrt(width * p * (1 - p)), title=title)]


def count_caption(setting: Setting) -> str:
    width, p, counts = setting["width"], setting["p"], zeros_of(setting)
    likely = round(width * p)
    exact = int((counts == likely).sum())
    return (
        f"{len(counts):,} rows lose {counts.mean():.1f} numbers on average, from {counts.min()} to {counts.max()}, with a "
        f"standard deviation of {counts.std():.1f}; expected: p × width = {p:g} × {width} = {width * p:.1f} ± "
        f"{math.sqrt(width * p * (1 - p)):.1f}. Exactly {likely} zeros: {exact:,} rows, {percent(exact / len(counts))} "
        f"(expected {percent(float(binomial(width, p)[likely]))})."
    )


def count_controls(setting: Setting) -> tuple[Control, ...]:
    own = setting.config.n_embd
    widths = (own, *(width for width in (16, 768) if width != own))
    names = {own: f"{own}, this model", 768: "768, GPT-2 small"}
    return (
        rate(0.5),
        Control(
            "width", "Numbers in a row", "choice", own, tuple(sorted(widths)), show=lambda width: names.get(width, str(width))
        ),
        Control("rows", "Rows", "choice", 500, (20, 500, 5000), show=lambda rows: f"{rows:,}"),
    )


COUNTS = experiment(
    r"""# Count the zeros

Every number falls or survives on its own, like a coin that shows tails with probability p. So p is not the share that falls
but the share to expect: each row of each mask loses a different count. The counts gather around p × width, and their usual
distance from it (standard deviation) grows only with the square root of the width, so a wide row stays closer to p.

$$\text{zeros} \approx p\,n \pm \sqrt{n\,p\,(1-p)}$$
""",
    key="counts",
    notes=Notes(
        say="p is what to expect, not what happens. Every row loses another count, and the counts make a bell.",
        ask="Out of 256 numbers at p = 0.5, would 140 zeros surprise you?",
        trap="PyTorch does not choose exactly p times the width; each number is drawn by itself.",
    ),
    controls=count_controls,
    pictures=count_pictures,
    caption=count_caption,
    state=lambda setting: (
        ("REAL MASKS, SEEDS FROM 0",)
        + ((f"WIDTH {setting['width']}, NOT THIS MODEL'S",) if setting["width"] != setting.config.n_embd else ())
    ),
    question=Question(
        ask="At p = 0.5, how often do exactly 384 of 768 numbers fall?",
        choices=("Always", "About every second time", "About 1 time in 35"),
        answer=2,
        why="Each falls on its own: 384 on average, give or take 13.9. Hitting 384 exactly has probability 2.9 %.",
    ),
)


def kept_numbers(setting: Setting) -> tuple[np.ndarray, np.ndarray, int]:
    """The chosen token's row before dropout (EVAL pass), the noise of MASKS seeds for its largest number, and which that is."""
    before, after = PLACES[setting["place"]].points(setting["block"] - 1)
    trace = setting.trace(points=(before, after))
    row = Seen(trace, token=setting["token"]).row
    x = Seen(trace).array(before)[row]
    feature = int(np.abs(x).argmax())
    site, shape = dropout_site(after), (1, row + 1, len(x))

    def make() -> np.ndarray:
        return np.stack([noise(shape, seed, site)[0, row] for seed in range(MASKS)])

    return x, setting.once(("dropout row noise", site, shape), make), feature


def rms(x: np.ndarray) -> np.ndarray:
    """Root mean square of the last axis."""
    return np.sqrt(np.square(x, dtype=np.float64).mean(-1))


def growth(x: np.ndarray, draws: np.ndarray, p: float) -> np.ndarray:
    """(masks,) how many times its size the row has after dropout at rate p, for each mask."""
    return rms(x * (draws >= np.float32(p)) / (1 - p)) / rms(x)


def spread_pictures(setting: Setting) -> list:
    x, draws, feature = kept_numbers(setting)
    p = setting["p"]
    single = x[feature] * (draws[:, feature] >= np.float32(p)) / (1 - p)
    rates = np.round(np.arange(0, 0.95, 0.05), 2)
    means = np.array([growth(x, draws, one).mean() for one in rates])
    return [
        charts.kept(
            single,
            float(x[feature]),
            rates,
            means,
            (p, float(growth(x, draws, p).mean())),
            titles=(f"Feature {feature}, {MASKS} masks: mean kept", "Whole row: grows by 1/√(1 − p)"),
        )
    ]


def spread_caption(setting: Setting) -> str:
    x, draws, feature = kept_numbers(setting)
    p = setting["p"]
    single = x[feature] * (draws[:, feature] >= np.float32(p)) / (1 - p)
    return (
        f"Feature {feature} is {fixed(x[feature])}. Over {MASKS} masks it is 0 in {int((single == 0).sum())} and "
        f"{fixed(x[feature] / (1 - p))} in the others, on average {fixed(single.mean())}. The row's size (root mean square) "
        f"grows from {rms(x):.3f} to {rms(x) * growth(x, draws, p).mean():.3f} on average: × {growth(x, draws, p).mean():.3f}, "
        f"and 1/√(1 − {p:g}) = {1 / math.sqrt(1 - p):.3f}."
    )


def token(setting: Setting) -> Control:
    names = setting.labels()
    return Control("token", "Token", "choice", len(names) - 1, tuple(range(len(names))), show=lambda n: names[n])


SPREAD = experiment(
    r"""# Mean and spread

Multiplying the survivors by 1/(1-p) keeps the average: a number is 0 with probability p and x/(1-p) otherwise, so over many
masks its mean stays x. Its spread is not kept. Half the numbers at twice the size carry more than the same size: the row grows
by a factor of 1/√(1-p), 1.41 at p = 0.5. The model meets rows of this size in training and smaller ones in use.

$$\mathbb{E}[\tilde x] = x, \qquad \sqrt{\mathbb{E}[\tilde x^2]} = \frac{|x|}{\sqrt{1-p}}$$
""",
    key="spread",
    notes=Notes(
        say="The mean stays, the size does not: fewer and larger numbers carry more than many small ones.",
        ask="Half are 0 and half are doubled: is the row as long as before?",
        trap="Dividing by 1 - p keeps the mean of each number, not the length of the row.",
    ),
    controls=lambda setting: (place(STREAM), block(setting), token(setting), rate(0.5)),
    pictures=spread_pictures,
    caption=spread_caption,
    state=lambda setting: (f"EVAL NUMBERS × MASKS OF SEEDS 0 TO {MASKS - 1}",),
    question=Question(
        ask="p = 0.5: half the numbers become 0, the others double. What happens to the size (root mean square) of the row?",
        choices=("It stays the same", "It grows to about 1.41 times", "It doubles"),
        answer=1,
        why="Half the squares vanish, the other half become four times as large: twice the mean square, √2 times the size.",
    ),
)


def row_sums(setting: Setting) -> np.ndarray:
    """(masks, tokens): sums of every row of the chosen head after dropout, EVAL weights times the real masks of the seeds."""
    before, after = PLACES["weights"].points(setting["block"] - 1)
    trace = setting.trace(points=(before,))
    weights = Seen(trace, block=setting["block"] - 1, head=setting["head"] - 1).array(before)
    shape, site = (1, setting["head"], *weights.shape), dropout_site(after)
    masks = min(MASKS, max(20, DRAWN // math.prod(shape)))

    def make() -> np.ndarray:
        return np.stack([noise(shape, seed, site)[0, -1] for seed in range(masks)])

    draws, p = setting.once(("dropout head noise", site, shape), make), setting["p"]
    return np.stack([(weights * (some >= np.float32(p)) / np.float32(1 - p)).sum(1) for some in draws])


def shown_rows(setting: Setting) -> range:
    """The rows drawn: the last ones up to the chosen token, and always the first."""
    stop = max(setting["token"] + 1, min(ROWS, len(setting.ids)))
    return range(max(0, stop - ROWS), stop)


def sum_pictures(setting: Setting) -> list:
    sums, rows = row_sums(setting), shown_rows(setting)
    left_out = "" if len(rows) == len(setting.ids) else f", rows {rows[0]} to {rows[-1]} of {len(setting.ids)}"
    return [
        charts.row_sums(
            sums[:, rows.start : rows.stop],
            setting.labels()[rows.start : rows.stop],
            title=f"Sum of each row of weights under {len(sums)} masks; diamond: their mean{left_out}",
        )
    ]


def sum_caption(setting: Setting) -> str:
    sums, p = row_sums(setting), setting["p"]
    lost = int((sums[:, 0] == 0).sum())
    last, name = sums[:, setting["token"]], setting.labels()[setting["token"]]
    return (
        f"The first token has one weight, 1: under {len(sums)} masks its row sums to 0 in {lost} "
        f"({percent(lost / len(sums))}, expected {percent(p)}) and to {1 / (1 - p):.2f} otherwise. "
        f'The row of "{name}" sums to '
        f"{last.min():.2f} at least and {last.max():.2f} at most, {last.mean():.2f} on average. Without dropout every sum is 1."
    )


SUMS = experiment(
    r"""# Rows that leave 1

Softmax makes every row of attention weights add up to 1. Dropout comes after softmax: it deletes some weights and enlarges the
others by 1/(1-p), so the sum of a row is different under every mask. It can be 0 (the token reads nothing in this head) and at
most 1/(1-p). On average over masks it is 1. Nothing renormalises the row afterwards: in use, dropout is off.

$$\sum_j \tilde a_{ij} = \frac{1}{1-p} \sum_{j\ \text{kept}} a_{ij}$$
""",
    key="sums",
    notes=Notes(
        say="Softmax made each row sum to 1, dropout comes after it, and nobody repairs the sum.",
        ask="Which is the largest sum a row can have at p = 0.5?",
        trap="A sum other than 1 in training is no bug; renormalising would undo the training's noise.",
    ),
    controls=lambda setting: (block(setting), head(setting), token(setting), rate(TRAINED_RATE)),
    pictures=sum_pictures,
    caption=sum_caption,
    state=lambda setting: ("EVAL WEIGHTS × REAL MASKS, SEEDS FROM 0",),
    question=Question(
        ask="A row of attention weights adds up to 1.11 in training at p = 0.1. Is that a bug?",
        choices=("Yes, softmax gives 1", "No: all its weights survived", "No: it was rounded"),
        answer=1,
        why="Survivors are multiplied by 1/0.9 = 1.11. When none falls, the sum is exactly that; when some fall it is lower.",
    ),
)
