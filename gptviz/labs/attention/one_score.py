r"""# One score

How does a token decide how much to read from another? It compares what it looks for (query) with what the other offers
(key), number by number: each pair is multiplied, and the products are added up to one score. Dividing by the square root of
the head's size keeps scores from growing with it. Then the whole row of scores becomes shares of 1 (softmax).

Only differences within a row count: adding the same number to all its scores changes no share, so a best score may be negative.

$$s^{\prime}_{ij} = \frac{q_i \cdot k_j}{\sqrt{d_{\text{head}}}}, \qquad a_{ij} = \frac{e^{s^{\prime}_{ij}}}{\sum_{k \le i} e^{s^{\prime}_{ik}}}$$
"""

from dataclasses import dataclass

import numpy as np

from ...figures import running_sum
from ...figures.forms import Picture
from ...figures.matrix import MASKED, Grid, Panel
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment
from ..subjects.heads import attention, chosen_head, head_choice, match, place, quoted, token_control

ROW_TOKENS = 24  # keys in the picture of one row


@dataclass(frozen=True, eq=False)
class Score:
    """One query against one key. query, key, products, running: (channel,), the last the sum of the products so far.

    score, scaled, weight: the model's own numbers for this pair. scaled_row, weights_row: (key,), its numbers for all keys.
    """

    query: np.ndarray
    key: np.ndarray
    products: np.ndarray
    running: np.ndarray
    score: float
    scaled: float
    weight: float
    scaled_row: np.ndarray
    weights_row: np.ndarray


def score(setting: Setting) -> Score:
    """The chosen pair in the chosen head."""
    queries, keys, scores, scaled, weights = attention(setting, "query", "key", "scores", "scaled", "weights")
    at = setting["query"], setting["key"]
    products = queries[at[0]] * keys[at[1]]
    return Score(
        query=queries[at[0]],
        key=keys[at[1]],
        products=products,
        running=products.cumsum(dtype=np.float64),
        score=float(scores[at]),
        scaled=float(scaled[at]),
        weight=float(weights[at]),
        scaled_row=scaled[at[0]],
        weights_row=weights[at[0]],
    )


def controls(setting: Setting) -> tuple[Control, ...]:
    found = match(setting)
    return (
        token_control(setting, "query", "Query: the token that reads", found.query),
        token_control(setting, "key", "Key: the token that is read", found.key),
        head_choice(setting, found.block, found.head),
    )


def row_window(setting: Setting) -> slice:
    """The keys that the picture of one row shows: ROW_TOKENS of them, around the chosen one."""
    size = len(setting.ids)
    start = max(0, min(setting["key"] - ROW_TOKENS // 2, size - ROW_TOKENS))
    return slice(start, start + ROW_TOKENS)


def pictures(setting: Setting) -> list[Picture]:
    made = score(setting)
    names = setting.labels()
    query, key = setting["query"], setting["key"]
    shown = row_window(setting)
    keys = names[shown]
    strips = Grid(
        panels=(
            Panel(
                "q: what it looks for",
                made.query[None],
                (names[query],),
                column_axis="number",
                part="query",
                printed=False,
                **place(setting, "query", query),
            ),
            Panel(
                "k: what it offers",
                made.key[None],
                (names[key],),
                column_axis="number",
                part="key",
                printed=False,
                **place(setting, "key", key),
            ),
        ),
        alt=f"The query of {names[query]} and the key of {names[key]}: {len(made.query)} numbers each.",
        height=140,
    )
    sums = running_sum.products(
        made.products,
        made.running,
        title=f"q × k, number by number, and their running sum: {number(made.running[-1])}",
        height=210,
    )
    columns = tuple(range(shown.start, shown.start + len(keys)))
    hidden = (MASKED * (np.arange(len(names)) > query).astype(np.uint8))[None]
    row = Grid(
        panels=(
            Panel(
                f"Score / √{len(made.query)} with every key",
                made.scaled_row[None, shown],
                (names[query],),
                keys,
                column_axis="key",
                marks=hidden[:, shown],
                part="attention",
                **place(setting, "scaled", query, columns),
            ),
            Panel(
                "softmax: weights",
                made.weights_row[None, shown],
                (names[query],),
                keys,
                column_axis="key",
                kind="weight",
                marks=hidden[:, shown],
                part="attention",
                **place(setting, "weights", query, columns),
            ),
        ),
        note=f"Keys {shown.start} to {shown.start + len(keys) - 1} of {len(names)}." if len(keys) < len(names) else "",
        per_row=2,
        alt=f"The scores of {names[query]} with every key, and the weights that softmax makes of them.",
        height=125,
    )
    return [strips, sums, row]


def number(value: float) -> str:
    """A signed number to read: 3 decimals, a real minus sign."""
    return f"{value:.3f}".replace("-", "−")


def caption(setting: Setting) -> str:
    made = score(setting)
    query, key = setting["query"], setting["key"]
    block, head = chosen_head(setting)
    size = len(made.products)
    positive = int((made.products > 0).sum())
    said = (
        f"Block {block + 1}, head {head + 1}: {positive} of {size} products are above 0, and all add up to "
        f"{number(made.running[-1])}; the model's own score is {number(made.score)}, a difference of "
        f"{abs(made.running[-1] - made.score):.1g} by rounding. Divided by √{size} it is {number(made.scaled)}."
    )
    if key > query:
        later = f"{quoted(setting, key)} comes after {quoted(setting, query)}"
        return f"{said} But {later}: the mask hides this score, and its weight is 0."
    top = float(made.scaled_row[: query + 1].max())
    shares = np.exp(made.scaled_row[: query + 1].astype(np.float64) - top)
    return (
        f"{said} Among the {query + 1} tokens {quoted(setting, query)} may read, softmax makes that "
        f"{percent(made.weight)} (computed again: {percent(float(shares[key] / shares.sum()))})."
    )


ONE_SCORE = experiment(
    __doc__,
    key="score",
    notes=Notes(
        say="Follow one pair by hand: products, sum, division, share. Do it for one cell and no more.",
        ask="Which single product adds most to this score?",
        trap="The score is of a pair; the share depends on the whole row.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    own=lambda setting: setting.trace(),
    question=Question(
        ask="A model is 768 wide and has heads of 64 numbers. By what is a score divided?",
        choices=("√768, about 27.7", "√64 = 8", "64"),
        answer=1,
        why="A score adds up as many products as one head has numbers, 64. Sums of 64 independent products spread √64 = 8 "
        "times as wide as one of them.",
    ),
)
