"""Experiment: the next token while the model is trained."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ... import sampling
from ...figures import candidates
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment, once
from . import moments

TOP = 8


@dataclass(frozen=True, eq=False)
class Favourites:
    """probabilities: (steps, words) after the last token. best: the most probable token at each step."""

    probabilities: np.ndarray
    best: tuple[int, ...]


@once
def favourites_of(setting: Setting) -> Favourites:
    found = np.stack([sampling.softmax(one.last_logits()) for one in moments.every(setting)])
    return Favourites(found, tuple(int(row.argmax()) for row in found))


def controls(setting: Setting) -> tuple[Control, ...]:
    return (moments.control(setting),)


def pictures(setting: Setting) -> list[go.Figure]:
    made, place = favourites_of(setting), moments.place(setting)
    shares, final = made.probabilities[place], made.best[-1]
    listed = [int(word) for word in sampling.top(shares, TOP)]
    listed += [final] if final not in listed else []
    return [
        candidates.row(
            shares[listed],
            [setting.word(word) for word in listed],
            listed,
            [f"{percent(float(shares[word]))}  #{sampling.rank(shares, word):,}" for word in listed],
            actual=listed.index(final),
            title=f"After your sentence at step {setting['step']:,}; framed: what the finished model says",
            height=300,
        ),
        moments.losses(setting),
    ]


def caption(setting: Setting) -> str:
    made, place = favourites_of(setting), moments.place(setting)
    final = made.best[-1]
    shares = made.probabilities[place]
    ranks = [sampling.rank(row, final) for row in made.probabilities]
    name = setting.word(final)
    first = (
        f'{moments.in_words(setting)} the favourite is "{setting.word(made.best[place])}" with {percent(float(shares.max()))}.'
    )
    way = ", ".join(f"{rank:,}" for rank in ranks)
    said = f'{first} The finished model\'s favourite, "{name}", has rank {ranks[place]:,} now; over the {len(ranks)} snapshots: {way}.'
    return " ".join(filter(None, (moments.remark(setting), said)))


PREDICTIONS = experiment(
    r"""# The next token

    At step 0 the favourite is an accident: all 50,257 tokens have nearly the same probability, and the first one wins by a
    hair. After some dozens of steps the most frequent tokens are on top, whatever your sentence says.

    Only then does the sentence begin to matter. Follow the framed token, the one the finished model ends with, up the ranks.

    $$P = \text{softmax}(\text{logits}), \qquad \text{at the start } P_w \approx \frac{1}{50257}$$
    """,
    key="next",
    notes=Notes(
        say="At step 0 an accident leads, then the frequent words, and only then your sentence.",
        ask="After 30 steps, what would you bet on for any sentence?",
        trap="What leads early is no half-learned answer: it is how often words occur.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    state=moments.badges,
    question=Question(
        ask="After 30 steps, does the favourite depend on your sentence?",
        choices=("Yes, strongly", "Hardly: it is a frequent token", "It is still random"),
        answer=1,
        why="How frequent a token is, is the first thing learned. Try other sentences at step 30.",
    ),
)
