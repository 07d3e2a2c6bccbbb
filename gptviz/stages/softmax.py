r"""# Softmax and argmax

Logits become probabilities: take the exponential of each, divide by the sum over the whole vocabulary (softmax). All are above
0 and together they are 1. The order stays as it was, so the token with the highest logit is the most probable one (argmax).

The many tokens that seem impossible still hold a share together; here it is one segment. Only differences count: adding the
same number to all logits changes nothing.

$$P_w = \frac{e^{\text{logit}_w}}{\sum_{v} e^{\text{logit}_v}}$$
"""

import numpy as np
import plotly.graph_objects as go

from .. import sampling
from ..figures import bars, before_after, covering
from ..figures.matrix import Grid, Panel
from ..points import Address
from ..seen import Seen
from ..words import percent
from .stage import Beside, Notes, Question, Whose, among, stage

SHOWN = 12
OPENED = 5  # tokens whose way from logit to share is shown
WAY = 185  # of that
HEIGHT = 270  # of the bars, with the way under them
PRESENTED = 5
COMPARED = 10  # before an edit and after it


def picture(seen: Seen) -> go.Figure:
    logits = seen.array("logits")
    row = seen.row
    words = sampling.top(logits[row], PRESENTED if seen.present else SHOWN)
    probabilities = sampling.softmax(logits[row])
    place = "the last row, it picks the next token" if row == len(logits) - 1 else f"row {row}"
    figure = bars.shares(
        probabilities[words],
        [seen.trace.word(int(word)) for word in words],
        words.tolist(),
        [percent(share) for share in probabilities[words]],
        rest=percent(max(0.0, 1 - probabilities[words].sum())),
        rest_count=len(probabilities) - len(words),
        uniform=1 / len(probabilities),
        uniform_text=f"blind guess {percent(1 / len(probabilities))}",
        title=f"What follows {seen.quoted(row)}? ({place})",
        present=seen.present,
        narrow=seen.narrow,
    )
    return figure if seen.present else figure.update_layout(height=HEIGHT)


def overview(seen: Seen) -> Grid:
    """The way of the most probable tokens: logit, its exponential, its share."""
    logits = seen.array("logits")[seen.row]
    words = tuple(sampling.top(logits, OPENED).tolist())
    raised = np.exp(logits.astype(np.float64) - logits.max())
    shares = sampling.softmax(logits)
    names = tuple(f'"{seen.trace.word(word)}"' for word in words)

    def column(title: str, values: np.ndarray, point: str, joiner: str, kind: str = "signed") -> Panel:
        return Panel(
            title=title,
            values=values[list(words)].astype(np.float32)[None],
            rows=(seen.labels[seen.row],),
            columns=names,
            row_axis="",
            column_axis="",
            kind=kind,
            point=point,
            prefix=(seen.item,),
            row_index=(seen.row,),
            column_index=words,
            part="output",
            joiner=joiner,
        )

    total = f"÷ their sum over all {len(logits):,}, {raised.sum():,.2f}: shares"
    return Grid(
        panels=(
            column("logits", logits, "logits", ""),
            column("e to the power of each, the largest taken off first", raised, "exponential", "→"),
            column(total, shares, "probabilities", "→", "weight"),
        ),
        alt=f"Logit, exponential and share of the {len(words)} most probable tokens.",
        height=WAY,
    )


def caption(seen: Seen) -> tuple[str, ...]:
    logits = seen.array("logits")
    row = seen.row
    probabilities = sampling.softmax(logits[row])
    words = sampling.top(logits[row], SHOWN)
    times = probabilities[words[0]] * len(probabilities)
    return (
        f'The argmax is "{seen.trace.word(int(words[0]))}" with {percent(probabilities[words[0]])}, '
        f"{times:,.{0 if times >= 10 else 1}f} times a blind guess.",
        f"The {len(words)} most probable tokens hold {percent(probabilities[words].sum())}; the other {len(probabilities) - len(words):,} share the rest.",
    )


def edited(plain: Seen, seen: Seen) -> go.Figure:
    """The most probable tokens without an edit and with it."""
    count = PRESENTED if seen.present else COMPARED
    logits = [one.array("logits")[seen.row] for one in (plain, seen)]
    words = [sampling.top(one, count) for one in logits]
    both = list(dict.fromkeys([*words[0].tolist(), *words[1].tolist()]))
    ranks = [{word: sampling.rank(one, word) for word in both} for one in logits]
    shares = [sampling.softmax(one) for one in logits]
    return before_after.ranked(
        [one.tolist() for one in words],
        [one[listed] for one, listed in zip(shares, words)],
        ranks,
        {word: seen.trace.word(word) for word in both},
        [[percent(share) for share in one[listed]] for one, listed in zip(shares, words)],
        headings=("as the model is", "with the edit"),
        title=f"What follows {seen.quoted(seen.row)}? The {count} most probable before and after",
        present=seen.present,
        narrow=seen.narrow,
    )


def cell(seen: Seen) -> Address:
    """The probability of the argmax."""
    best = int(seen.array("logits")[seen.row].argmax())
    return Address("probabilities", (seen.item, seen.row, best))


def on_one_axis(first: go.Figure, second: go.Figure, main: Whose, other: Whose) -> tuple[go.Figure, go.Figure]:
    """Both charts as wide as the wider one: the lengths of their bars are shares of the same whole."""
    reach = [0.0, max(one.layout.xaxis.range[1] for one in (first, second))]
    return go.Figure(first).update_layout(xaxis_range=reach), go.Figure(second).update_layout(xaxis_range=reach)


def question(seen: Seen) -> Question:
    """What a difference of two logits is as a ratio of probabilities."""
    logits = seen.array("logits")[seen.row].astype(np.float64)
    first, second = sampling.top(logits, 2).tolist()
    apart = float(logits[first] - logits[second])
    choices, answer = among(*(f"{number:.2f} times" for number in (np.exp(apart), 1 + apart, np.exp(2 * apart), 1.0)))
    one, other = (f'"{seen.trace.word(word)}"' for word in (first, second))
    return Question(
        ask=f"The logit of {one} is {apart:.2f} above that of {other}. How many times as probable is it?",
        choices=choices[:3],
        answer=answer,
        why=f"e to the difference: e^{apart:.2f} = {np.exp(apart):.2f}. The sum below is the same for both, so nothing else matters.",
    )


STAGE = stage(
    __doc__,
    key="softmax",
    notes=Notes(
        say="The logits of the last row become chances that sum to 1. The highest logit has the highest chance.",
        ask="All logits grow by 5. What happens to the bars?",
        trap="The highest bar can be low: the many small ones hold a share together.",
    ),
    deeper=("Why/ledger", "Why/forms", "Sampling/temperature", "Sampling/pool"),
    number="",
    short="Softmax",
    so_far="A raw number for each token of the vocabulary.",
    missing="Chances that can be compared.",
    part="output",
    points=("logits",),
    inputs=("logits",),
    lines=("shifted = np.exp(", "return shifted / shifted.sum(", "token = int(logits[0, -1].argmax())"),
    picture=picture,
    covers=covering.bars,
    caption=caption,
    overview=overview,
    cell=cell,
    edited=edited,
    beside=Beside(said="Same axis in both", pictures=on_one_axis),
    question=question,
)
