"""The pool that top-k and top-p leave, and what argmax and 1,000 draws make of it."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ... import sampling
from ...figures import pools
from ...sampling import Pool
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Setting, experiment, once
from .pools import SEED, after, count_of, k_control, other_rule, p_control, pooled, printed, temperature_control

DRAWS = 1000
WORDS = 12  # rows of words in a picture


def pool_pictures(setting: Setting) -> list[go.Figure]:
    logits = setting.last_logits()
    whole = sampling.tempered(logits, setting["t"])
    order = sampling.top(logits, logits.size)
    pool = pooled(setting, logits)
    words = order[:WORDS]
    inside = np.zeros(len(words))
    shown = min(pool.size, len(words))
    inside[:shown] = pool.probabilities[:shown]
    texts = [
        f"{percent(share) if share else '0'} → {percent(new)}" if new else f"{percent(share) if share else '0'} → out"
        for share, new in zip(whole[words], inside)
    ]
    return [
        pools.kept(
            whole[words],
            inside,
            printed(setting, words),
            words.tolist(),
            texts,
            mass=np.cumsum(whole[order]),
            size=pool.size,
            k=setting["k"] or None,
            p=setting["p"],
            title=f"Pool {after(setting)}: {count_of(pool.size)} of {logits.size:,}, mass kept {percent(pool.kept)}",
        )
    ]


def pool_caption(setting: Setting) -> str:
    logits = setting.last_logits()
    pool = pooled(setting, logits)
    left = logits.size - pool.size
    first = setting.word(pool.words[0])
    if not left:
        return f"Nothing is cut: all {pool.size:,} tokens are in the pool. Move top-k or top-p and the curve is cut off."
    other = other_rule(setting, logits)
    if pool.size == 1:
        return (
            f'One token is left, "{first}": drawing from this pool is argmax. It held {percent(pool.kept)} of the mass.{other}'
        )
    last = setting.word(pool.words[-1])
    return (
        f'The pool ends at rank {pool.size:,}, "{last}". It keeps {percent(pool.kept)} of the mass; the {left:,} tokens cut '
        f'off held {percent(max(0.0, 1 - pool.kept))}. "{first}" grows from {percent(pool.before[0])} to '
        f"{percent(pool.probabilities[0])}, because the pool is scaled up to sum to 1.{other}"
    )


POOL = experiment(
    r"""# Top-k and top-p

    Most of the vocabulary is nearly impossible here, yet together it holds a share. Two rules cut it off before drawing.
    Top-k keeps the k most probable tokens. Top-p (nucleus) keeps the smallest set of most probable tokens whose mass reaches p,
    counted over the whole vocabulary.

    k is a number of tokens, whatever the model believes; the nucleus is small when the model is sure and large when it is not.
    With both on, the smaller set wins here. Others let top-k cut first and count p over what it left, scaled up to sum to 1:
    their pool is as large or smaller.

    $$\text{pool} = \{1, \dots, n\}, \quad n = \min \Bigl\{ n : \sum_{\text{rank}=1}^{n} P_{\text{rank}} \ge p \Bigr\}$$
    """,
    key="pool",
    notes=Notes(
        say="First cut, then share out again what is left. Show k and p one after the other.",
        ask="When does top-p keep more words than top-k?",
        trap="What is cut gets exactly 0, and the others grow: the pool sums to 1 again.",
    ),
    controls=(temperature_control(1.0), k_control(), p_control(0.8)),
    pictures=pool_pictures,
    caption=pool_caption,
    edited=True,
    question=Question(
        ask="Top-p is 0.9, and the model gives one token 95 %. How many tokens are in the pool?",
        choices=("1", "About 10", "9 of every 10 in the vocabulary"),
        answer=0,
        why="One token already reaches a mass of 0.9, and the nucleus is the smallest set that does.",
    ),
)


@dataclass(frozen=True, eq=False)
class Draws:
    """places: (draws,) where in the pool each draw fell. counts: (pool.size,) how often each word came up."""

    pool: Pool
    places: np.ndarray
    counts: np.ndarray


def draw(pool: Pool, seed: int, count: int = DRAWS) -> Draws:
    places = pool.places(sampling.numbers(seed, count))
    return Draws(pool, places, np.bincount(places, minlength=pool.size))


@once
def drawn(setting: Setting) -> Draws:
    """1,000 draws from the setting's pool with its seed."""
    return draw(pooled(setting, setting.last_logits()), setting["seed"])


def draws_pictures(setting: Setting) -> list[go.Figure]:
    found = drawn(setting)
    shown = min(found.pool.size, WORDS - 1)
    chances = found.pool.probabilities
    chances = np.append(chances[:shown], max(0.0, 1 - chances[:shown].sum()))
    counts = np.append(found.counts[:shown], found.counts[shown:].sum())
    others = f"{found.pool.size - shown:,} others"
    return [
        pools.drawn_often(
            counts,
            DRAWS * chances,
            np.sqrt(DRAWS * chances * (1 - chances)),
            [*printed(setting, found.pool.words[:shown]), others],
            [*found.pool.words[:shown].tolist(), -1],
            [f"{count:,}  (expected {DRAWS * chance:.1f})" for count, chance in zip(counts, chances)],
            draws=DRAWS,
            title=f"{DRAWS:,} draws {after(setting)}; diamonds: expected, with two standard deviations",
        )
    ]


def draws_caption(setting: Setting) -> str:
    found = drawn(setting)
    first = setting.word(found.pool.words[0])
    different = int((found.counts > 0).sum())
    chance = float(found.pool.probabilities[0])
    spread = np.sqrt(DRAWS * chance * (1 - chance))
    if found.pool.size == 1:
        return f'Only "{first}" is in the pool: {DRAWS:,} draws give it {DRAWS:,} times, as argmax does.'
    rarest = int(np.flatnonzero(found.counts)[-1])
    return (
        f'Argmax writes "{first}" {DRAWS:,} times out of {DRAWS:,}. Drawing writes it {count_of(int(found.counts[0]), "time")} '
        f"(expected {DRAWS * chance:.0f}, give or take {spread:.0f}) and {different:,} different tokens in all, down to "
        f'"{setting.word(found.pool.words[rarest])}" of rank {rarest + 1:,}.'
    )


DRAWING = experiment(
    r"""# Argmax or draw

    Argmax takes the most probable token, every time the same one. Drawing (sampling) takes each token of the pool as often as
    its probability says, so an unlikely token comes up once in a while.

    Here the pool is drawn from 1,000 times with real random numbers. They come from a seed: the same seed gives the same
    draws, another seed other ones. The counts scatter around what the probabilities promise.

    $$\text{expected} = n\,P_w, \qquad \text{sd} = \sqrt{n\,P_w\,(1 - P_w)}$$
    """,
    key="draws",
    notes=Notes(
        say="The most probable word each time, or one drawn by its chance. Press for another seed.",
        ask="How often will the favourite come in 1,000 draws?",
        trap="A seed repeats an accident; it does not make it less of one.",
    ),
    controls=(temperature_control(1.0), k_control(), p_control(1.0), SEED),
    pictures=draws_pictures,
    caption=draws_caption,
    edited=True,
    question=Question(
        ask="A token has a probability of 10 %. How often does it come up in 1,000 draws?",
        choices=("Exactly 100 times", "About 100 times, 20 more or fewer", "Never, another one is more probable"),
        answer=1,
        why="The standard deviation is 9.5, so 19 of 20 seeds give between 81 and 119.",
    ),
)
