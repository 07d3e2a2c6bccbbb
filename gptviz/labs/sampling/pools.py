"""What every experiment on choosing a token shares: its controls, the pool they leave, how tokens are named."""

import numpy as np

from ... import sampling, tokenizer
from ...sampling import Pool
from ..lab import Control, Setting


def temperature_control(start: float) -> Control:
    return Control("t", "Temperature T", "slider", start, (0.0, 5.0, 0.1))


def k_control(start: int = 0, most: int = 100) -> Control:
    return Control("k", "Top-k (0 = off)", "slider", start, (0, most, 1), help="Keep only the k most probable tokens.")


def p_control(start: float) -> Control:
    return Control(
        "p",
        "Top-p (1 = off)",
        "slider",
        start,
        (0.05, 1.0, 0.05),
        help="Keep the smallest set of most probable tokens whose mass reaches p, counted over the whole vocabulary. "
        "(Others count it over what top-k left.)",
    )


SEED = Control("seed", "Seed", "slider", 0, (0, 99, 1), help="The same seed gives the same random numbers.")


def pooled(setting: Setting, logits: np.ndarray) -> Pool:
    """The pool that the controls t, k and p leave of these logits."""
    return sampling.pool(logits, temperature=setting["t"], k=setting["k"] or None, p=setting["p"])


def other_rule(setting: Setting, logits: np.ndarray) -> str:
    """What becomes of the pool where top-p counts over what top-k left; empty when only one of the two is on."""
    if not setting["k"] or setting["p"] == 1:
        return ""
    here, there = (
        pooled(setting, logits).size,
        sampling.chained(logits, temperature=setting["t"], k=setting["k"], p=setting["p"]),
    )
    same = "the same pool" if here == there else f"a pool of {there:,}, not {here:,}"
    return f" Others, transformers among them, count p over what top-k left: {same}."


def printed(setting: Setting, words: np.ndarray) -> list[str]:
    return [setting.word(word) for word in words]


def count_of(number: int, word: str = "token") -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def after(setting: Setting) -> str:
    return f'after "{tokenizer.printable(setting.ids[-1])}"'
