"""Experiment: the cosine of two words, against what chance gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from ... import tokenizer
from ...figures import alike
from ...likeness import comparable
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment, once
from ..subjects import words
from ..subjects.words import Word, number

PAIRS = 20_000
SEED = 0
LOW_IDS = (2_000, 10_000)
DEFAULTS = ("cat", "dog")


@dataclass(frozen=True, eq=False)
class Pair:
    """Two rows of the token table. words: what was typed; of a word that is several tokens the first is compared.

    cosine: of the two rows. others: (rows - 1,) cosine of the first with every other row. rank: the second one's place among
    them, 1 for the most alike; None when both are one row.
    """

    words: tuple[Word, Word]
    cosine: float
    others: np.ndarray
    rank: int | None

    @property
    def names(self) -> tuple[str, str]:
        return tuple(tokenizer.printable(word.ids[0]) for word in self.words)


def compare(setting: Setting, one: Word, two: Word) -> Pair:
    first, second = one.ids[0], two.ids[0]
    likeness = words.likeness(setting, first)
    others = np.delete(likeness, first)
    cosine = float(likeness[second])
    return Pair((one, two), cosine, others, None if first == second else 1 + int((others > cosine).sum()))


def random_pairs(table: torch.Tensor, below: int, seed: int = SEED, count: int = PAIRS) -> np.ndarray:
    """(count,) cosines of pairs of different rows, drawn with a seed among the first `below` rows of a table."""
    generator = np.random.default_rng(seed)
    first = generator.integers(0, below, count)
    second = (first + generator.integers(1, below, count)) % below
    with torch.inference_mode():
        return comparable(torch.cosine_similarity(table[torch.from_numpy(first)], table[torch.from_numpy(second)]).numpy())


def sampled(setting: Setting) -> np.ndarray:
    """The random pairs the control asks for, drawn once."""
    below = setting["below"]
    return setting.once(("random pairs", setting.model_key, below), lambda: random_pairs(setting.model.tok_emb.weight, below))


@once
def pair_of(setting: Setting) -> Pair:
    """The pair the controls ask for; picture and words share it."""
    typed = (setting[name].strip() or default for name, default in zip(("a", "b"), DEFAULTS))
    one, two = (words.read(word, setting[space]) for word, space in zip(typed, ("spacea", "spaceb")))
    return compare(setting, one, two)


def controls(setting: Setting) -> tuple[Control, ...]:
    if setting.config.n_embd == 1:
        raise ValueError(
            "This model is one number wide, so every cosine of two words is 1 or −1. Choose a wider model to compare words."
        )
    rows = setting.config.vocab_size
    limits = (rows, *(limit for limit in LOW_IDS if limit < rows))
    return (
        Control("a", "First word", "text", DEFAULTS[0]),
        Control("spacea", "Space before it", "switch", True),
        Control("b", "Second word", "text", DEFAULTS[1]),
        Control("spaceb", "Space before it", "switch", True),
        Control(
            "below",
            "Random pairs from",
            "choice",
            limits[-1] if len(limits) == 1 else limits[1],
            limits,
            show=lambda limit: f"all {rows:,} rows" if limit == rows else f"ids below {limit:,}",
            help="Low ids were merged first: they are frequent in the text the tokenizer learned from.",
        ),
    )


def presets(setting: Setting) -> Mapping[str, Mapping[str, Any]]:
    def both(a: str, b: str) -> dict[str, Any]:
        return {"a": a, "b": b, "spacea": True, "spaceb": True}

    start = tokenizer.decode([setting.ids[0]]).strip()
    spelled = {f"·{start} {start}": both(start, start) | {"spaceb": False}} if start.isalnum() and len(start) <= 12 else {}
    return {
        "cat dog": both("cat", "dog"),
        "cat kitten": both("cat", "kitten"),
        "king queen": both("king", "queen"),
        "mother father": both("mother", "father"),
        "cat government": both("cat", "government"),
        "·cat cat": both("cat", "cat") | {"spaceb": False},
    } | spelled


def pictures(setting: Setting) -> list[go.Figure]:
    found, pairs = pair_of(setting), sampled(setting)
    one, two = found.names
    rows = setting.config.vocab_size
    drawn = "all rows" if setting["below"] == rows else f"the first {setting['below']:,} rows"
    return [
        alike.against_chance(
            {
                f'"{one}" with each of the {found.others.size:,} other rows': found.others,
                f"{pairs.size:,} random pairs from {drawn} (seed {SEED})": pairs,
            },
            found.cosine,
            f"{one} {two}",
            width=setting.config.n_embd,
            height=400,
        )
    ]


def caption(setting: Setting) -> str:
    found, pairs = pair_of(setting), sampled(setting)
    one, two = found.names
    width = setting.config.n_embd
    spread = width**-0.5
    cut = [
        f'"{word.shown}" is {len(word.ids)} tokens: its first, "{name}", stands for it.'
        for word, name in zip(found.words, found.names)
        if len(word.ids) > 1
    ]
    if found.rank is None:
        return " ".join([*cut, f'Both are one row, "{one}": a vector has cosine 1 with itself.'])
    said = (
        f'"{one}" and "{two}" have cosine {number(found.cosine, 3)}. Two random directions of {width} numbers give 0, give or '
        f"take 1/√{width} = {spread:.3f}. Of the {found.others.size:,} other rows, {found.rank - 1:,} are more alike to "
        f'"{one}" than "{two}" is; their average is {number(found.others.mean())}.'
    )
    mean, below = float(pairs.mean()), float((pairs < found.cosine).mean())
    if abs(mean) > 2 * spread:
        said += f" Random pairs drawn here average {number(mean)}, not 0: these rows do not point every way equally."
    return " ".join([*cut, f"{said} {percent(below)} of the random pairs are less alike."])


COSINE = experiment(
    r"""# Cosine of two words

    The cosine says how nearly two vectors point the same way, whatever their lengths: 1 the same way, 0 at right angles, -1
    opposite. With hundreds of numbers, two random directions are nearly always close to 0.

    The dotted bell is that chance. The table itself need not follow it: words that are rarely the right answer are pushed away
    together in training and end up pointing one way. So compare with pairs of frequent words (low ids), and look at the rank among
    all rows.

    $$\text{random: } 0 \pm \frac{1}{\sqrt{\text{width}}}$$
    """,
    key="cosine",
    notes=Notes(
        say="The bell is chance. Ask of each pair whether it stands outside of it.",
        ask="Cosine 0.1 in a space of 768 directions: much or nothing?",
        trap="Not alike is 0, not -1: opposite is as unlikely by chance as the same.",
    ),
    controls=controls,
    presets=presets,
    pictures=pictures,
    caption=caption,
    question=Question(
        ask="The table is twice as wide and still random. What happens to the cosine of two of its rows?",
        choices=("It grows: more numbers agree", "It comes closer to 0", "Nothing"),
        answer=1,
        why="The spread is 1/√width: 0.063 at 256, 0.036 at 768, 0.025 at 1,600. Wide spaces have room for many directions.",
    ),
)
