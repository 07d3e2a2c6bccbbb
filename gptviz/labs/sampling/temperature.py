"""Temperature: the same logits with and without it, in the model's vocabulary and in one of nine words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ... import sampling
from ...figures import pools
from ...sampling import Pool
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Setting, experiment, once
from .pools import after, count_of, k_control, printed, temperature_control

WORDS = 12  # rows of words in a picture
TEMPERATURES = np.round(np.arange(0.1, 5.01, 0.1), 1)
FOLLOWED = (1, 2, 3, 10, 100, 1_000, 10_000)  # ranks whose share is followed through all temperatures

TOY_WORDS = ("closer", "every", "effort", "forward", "inches", "moves", "pizza", "toward", "you")
TOY_LOGITS = np.array([4.51, 0.89, -1.90, 6.75, 1.63, -1.62, -1.89, 6.28, 1.79])
"""The nine-word vocabulary and logits of Raschka, "Build a Large Language Model (From Scratch)", section 5.3."""


def ranks(values: np.ndarray) -> np.ndarray:
    """Rank of every entry, 1 for the largest; equal entries share the better rank."""
    return 1 + values.size - np.searchsorted(np.sort(values), values, side="right")


@dataclass(frozen=True, eq=False)
class Tempered:
    """The same logits at T = 1 and at another T. logits, before, after: (word,). moved: words whose rank is not the same."""

    logits: np.ndarray
    before: np.ndarray
    after: np.ndarray
    moved: int


def tempered(logits: np.ndarray, temperature: float) -> Tempered:
    before, changed = sampling.softmax(logits), sampling.tempered(logits, temperature)
    return Tempered(logits, before, changed, int((ranks(before) != ranks(changed)).sum()))


@once
def compared(setting: Setting) -> Tempered:
    """The setting's logits at its T."""
    return tempered(setting.last_logits(), setting["t"])


def curves(logits: np.ndarray, words: Sequence[int]) -> np.ndarray:
    """(words, temperatures): their shares of the whole vocabulary at every one of TEMPERATURES."""
    below = logits.astype(np.float64) - logits.max()
    return np.stack([np.exp(below[words] / t) / np.exp(below / t).sum() for t in TEMPERATURES], axis=1)


def ranked_text(shares: np.ndarray, words: np.ndarray) -> list[str]:
    """Rank and share of some words among all shares."""
    return [f"#{sampling.rank(shares, word):,}  {percent(shares[word]) if shares[word] else '0'}" for word in words]


def temperature_pictures(setting: Setting) -> list[go.Figure]:
    t = setting["t"]
    found = compared(setting)
    words = sampling.top(found.logits, WORDS)
    followed = sampling.top(found.logits, FOLLOWED[-1])[[rank - 1 for rank in FOLLOWED if rank <= found.logits.size]]
    return [
        pools.compared(
            found.before[words],
            found.after[words],
            printed(setting, words),
            words.tolist(),
            (ranked_text(found.before, words), ranked_text(found.after, words)),
            headings=("without: T = 1", f"with: T = {t:g}"),
            temperatures=TEMPERATURES,
            curves=setting.once(("curves", setting.model_key, setting.ids), lambda: curves(found.logits, followed)),
            curve_labels=[f"#{rank:,} {word}" for rank, word in zip(FOLLOWED, printed(setting, followed))],
            temperature=t,
            logarithmic=True,
            title=f"The same logits {after(setting)}: rank and share of {found.logits.size:,}",
        )
    ]


def temperature_caption(setting: Setting) -> str:
    t = setting["t"]
    found = compared(setting)
    first = int(found.logits.argmax())
    name, size = setting.word(first), found.logits.size
    if t == 0:
        return (
            f'T = 0 is no division: the argmax "{name}" takes everything, and the other {size - 1:,} tokens share 0. '
            f"At T = 1 it has {percent(found.before[first])}."
        )
    halves = [sampling.top_p(shares, 0.5).size for shares in (found.before, found.after)]
    return (
        f'"{name}" goes from {percent(found.before[first])} to {percent(found.after[first])}, and half of the mass is held by '
        f"{count_of(halves[1])} instead of {halves[0]:,}. Ranks that changed: {found.moved:,} of {size:,}. "
        "The lines come close and never cross."
    )


TEMPERATURE = experiment(
    r"""# Temperature

    Before softmax every logit is divided by one number, the temperature T. Below 1 the gaps between logits grow and the
    favourite gains; above 1 they shrink and all tokens become more alike. T = 1 changes nothing.

    Dividing by a positive number keeps the order, so every token keeps its rank (#). T = 0 means: take the highest logit
    (argmax).

    $$P_w = \frac{e^{\text{logit}_w / T}}{\sum_{v} e^{\text{logit}_v / T}}$$
    """,
    key="temperature",
    notes=Notes(
        say="Divide the logits, then softmax. The order of words never changes, only the distances.",
        ask="At T = 5, which word leads?",
        trap="Temperature divides logits, not probabilities, and T = 1 changes nothing.",
    ),
    controls=(temperature_control(2.0),),
    pictures=temperature_pictures,
    caption=temperature_caption,
    edited=True,
    question=Question(
        ask="At T = 5, which token is the most probable one?",
        choices=("The one that leads at T = 1", "Another one", "No token: all are equal"),
        answer=0,
        why="Its share falls, and so does everybody's lead, but dividing all logits by 5 changes no place in the order.",
    ),
)


def toy_pool(setting: Setting) -> Pool:
    return sampling.pool(TOY_LOGITS, temperature=setting["t"], k=setting["k"] or None)


def toy_pictures(setting: Setting) -> list[go.Figure]:
    pool = toy_pool(setting)
    order = sampling.top(TOY_LOGITS, TOY_LOGITS.size)
    before = sampling.softmax(TOY_LOGITS)
    inside = np.zeros_like(before)
    inside[pool.words] = pool.probabilities
    cut = f", top {setting['k']}" if 0 < setting["k"] < TOY_LOGITS.size else ""
    names = [TOY_WORDS[word] for word in order]
    return [
        pools.compared(
            before[order],
            inside[order],
            names,
            order.tolist(),
            (
                [percent(share) for share in before[order]],
                [percent(share) if share else "0" for share in inside[order]],
            ),
            headings=("without: T = 1, all", f"with: T = {setting['t']:g}{cut or ', all'}"),
            temperatures=TEMPERATURES,
            curves=curves(TOY_LOGITS, order),
            curve_labels=names,
            temperature=setting["t"],
            logarithmic=False,
            title="Nine words with made-up logits",
        )
    ]


def toy_caption(setting: Setting) -> str:
    pool = toy_pool(setting)
    chances = pool.probabilities
    shares = dict(zip((TOY_WORDS[word] for word in pool.words), chances))
    bits = float(-(chances * np.log2(chances)).sum())
    pizza = f'"pizza" gets {percent(shares["pizza"])}' if "pizza" in shares else '"pizza" is out'
    return (
        f'"forward" goes from {percent(sampling.softmax(TOY_LOGITS).max())} to {percent(shares["forward"])} and {pizza}. '
        f"The draw is worth {abs(bits):.2f} bits of surprise on average; nine equal words would be {np.log2(9):.2f}."
    )


TOY = experiment(
    r"""# Nine words

    A vocabulary small enough to see whole: nine words after "every effort moves you", with the logits of a textbook example
    (Raschka, section 5.3). No model made these numbers, so everything can be checked by hand.

    At T = 0.1 nearly every draw is "forward". At T = 5 nonsense gets its chance: "pizza" is drawn once in 23.

    $$P_w = \frac{e^{\text{logit}_w / T}}{\sum_{v} e^{\text{logit}_v / T}}$$
    """,
    key="toy",
    notes=Notes(
        say="Nine words and no model: everything here can be checked with a pocket calculator.",
        ask="At which T would pizza be worth a bet?",
        trap="These logits are invented for teaching; only the arithmetic is the real one.",
    ),
    controls=(temperature_control(5.0), k_control(most=9)),
    pictures=toy_pictures,
    caption=toy_caption,
    state=lambda setting: ("TOY",),
    question=Question(
        ask='At T = 1 "forward" has 57 %. What is left of it at T = 5?',
        choices=("11 %, a fifth", "24 %, and it still leads", "57 %: the order does not change"),
        answer=1,
        why="The logits are divided by 5, not the probabilities. All nine words come closer, and none overtakes another.",
    ),
)
