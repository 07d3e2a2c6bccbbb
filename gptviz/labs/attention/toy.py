r"""# By hand

Three tokens, two numbers each, no model: attention small enough for paper. Each token has a query (what it looks for), a key
(what it offers) and a value (what it hands over).

Multiply the query with each key it may see, number by number, and add: the scores. Divide by √2, since a key has two numbers.
Take e to the power of each and divide by their sum: the shares. Multiply each value by its share and add: the token's mix.
Longer queries make larger scores, and one share takes nearly everything.

$$s^{\prime}_j = \frac{q \cdot k_j}{\sqrt 2}, \qquad a_j = \frac{e^{s^{\prime}_j}}{\sum_k e^{s^{\prime}_k}}, \qquad z = \sum_j a_j\, v_j$$
"""

import math
from dataclasses import dataclass

import numpy as np

from ...figures.forms import Picture
from ...figures.matrix import MASKED, Grid, Panel
from ...stages.stage import Notes, Question
from ..lab import Control, Setting, experiment

TOKENS = ("0 the", "1 ·cat", "2 ·sat")
QUERIES = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
KEYS = np.array([[2.0, 1.0], [0.0, 1.0], [1.0, -1.0]])
VALUES = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


@dataclass(frozen=True, eq=False)
class Worked:
    """Every step. queries: (token, 2), as long as they were made. scores, shares: (query, key), the scores of what may not be read
    minus infinity. mix: (token, 2)."""

    queries: np.ndarray
    dots: np.ndarray
    scores: np.ndarray
    shares: np.ndarray
    mix: np.ndarray


def worked(setting: Setting) -> Worked:
    queries = QUERIES * setting["times"]
    dots = queries @ KEYS.T
    scores = dots / math.sqrt(2) if setting["divide"] else dots.copy()
    if setting["mask"]:
        scores[np.triu_indices(3, 1)] = -np.inf
    powers = np.exp(scores - scores.max(1, keepdims=True))
    shares = powers / powers.sum(1, keepdims=True)
    return Worked(queries, dots, scores, shares, shares @ VALUES)


CONTROLS = (
    Control("row", "Token that reads", "choice", 2, (0, 1, 2), show=lambda n: TOKENS[n]),
    Control("times", "Queries times", "slider", 1, (1, 4, 1), help="Every query this many times as long."),
    Control("divide", "Divide scores by √2", "switch", True),
    Control("mask", "Hide later tokens", "switch", True),
)


def pictures(setting: Setting) -> list[Picture]:
    made, row = worked(setting), setting["row"]
    hidden = MASKED * np.isinf(made.scores).astype(np.uint8)

    def pair(title: str, values: np.ndarray, part: str) -> Panel:
        return Panel(title, values, TOKENS, ("first", "second"), column_axis="number", part=part)

    def square(title: str, values: np.ndarray, **options) -> Panel:
        return Panel(
            title,
            values,
            TOKENS,
            TOKENS,
            row_axis="query: reads",
            column_axis="key: is read",
            marks=hidden,
            part="attention",
            **options,
        )

    return [
        Grid(
            panels=(
                pair("q: looks for", made.queries, "query"),
                pair("k: offers", KEYS, "key"),
                pair("v: hands over", VALUES, "value"),
                square("scores", made.scores),
                square("shares", made.shares, kind="weight"),
                pair("mix of values", made.mix, "attention"),
            ),
            per_row=3,
            selected=row,
            note="Made-up numbers: nothing here comes from a model.",
            alt="Queries, keys and values of three tokens, their scores, shares and mixes.",
            height=430,
        )
    ]


def signed(value: float, digits: int = 2) -> str:
    return f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "−")


def whole(value: float) -> str:
    return f"{value:.0f}".replace("-", "−")


def caption(setting: Setting) -> str:
    made, row = worked(setting), setting["row"]
    seen = [key for key in range(3) if np.isfinite(made.scores[row, key])]
    query = made.queries[row]
    dots = ", ".join(
        f"{whole(query[0])} × {whole(KEYS[key, 0])} + {whole(query[1])} × {whole(KEYS[key, 1])} = {whole(made.dots[row, key])}"
        for key in seen
    )
    powers = " + ".join(f"{np.exp(made.scores[row, key]):.2f}" for key in seen)
    total = sum(round(float(np.exp(made.scores[row, key])), 2) for key in seen)
    scores = ", ".join(signed(made.scores[row, key]) for key in seen)
    shares = ", ".join(signed(made.shares[row, key]) for key in seen)
    divided = "Divided by √2" if setting["divide"] else "Not divided"
    mix = " and ".join(signed(value) for value in made.mix[row])
    return f'"{TOKENS[row]}": {dots}. {divided}: {scores}. Powers of e: {powers} = {total:.2f}. Shares: {shares}. Mix: {mix}.'


TOY = experiment(
    __doc__,
    key="toy",
    notes=Notes(
        say="Let the class compute one row on paper before you show it. Two products, a sum, e to it.",
        ask="Double every query: which share grows?",
        trap="Only differences of scores count; the same number added to all changes nothing.",
    ),
    controls=CONTROLS,
    pictures=pictures,
    caption=caption,
    state=lambda setting: ("TOY",),
    question=Question(
        ask="All queries become four times as long. What happens to the shares of the last token?",
        choices=("They stay: each row still adds up to 1", "The largest takes nearly everything", "They become equal"),
        answer=1,
        why="All scores are four times as large, so their differences are too, and e makes ratios of differences: 2.12 ahead "
        "becomes 8.5 ahead. That is why scores are divided by the root of the head's size.",
    ),
)
