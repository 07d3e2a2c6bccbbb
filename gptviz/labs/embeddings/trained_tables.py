"""Experiment: the trained token table beside one as it is before training."""

from dataclasses import dataclass, replace

import numpy as np

from ... import weights
from ...config import GPTConfig
from ...figures.matrix import Grid, Panel
from ...likeness import cosines
from ...model import GPT
from ...stages.stage import Notes, Question
from ..lab import Control, Setting, experiment, once
from ..subjects import words
from ..subjects.words import LISTED, SPACE, WordList, number


@dataclass(frozen=True, eq=False)
class Tables:
    """The cosines of the same words in two tables of one shape, (words, words) each."""

    words: WordList
    trained: np.ndarray
    untrained: np.ndarray


def untrained_rows(config: GPTConfig, seed: int, ids: tuple[int, ...]) -> np.ndarray:
    """(ids, width) rows of the token table of `GPT(config).init_weights(seed)`, which draws that table before all else."""
    smallest = replace(config, n_layer=1, context_length=1, tied_head=True)
    return GPT(smallest).init_weights(seed).tok_emb.weight.detach()[list(ids)].numpy()


def means(likeness: np.ndarray, groups: tuple[int, ...]) -> tuple[float | None, float | None]:
    """The average cosine of two different words of one group, and of two groups; None where there are no such pairs."""
    same = np.equal.outer(groups, groups)
    apart = ~np.eye(len(groups), dtype=bool)
    return tuple(float(likeness[mask].mean()) if mask.any() else None for mask in (same & apart, ~same))


@once
def tables_of(setting: Setting) -> Tables | None:
    """The tables the controls ask for, None where no typed word is one token; picture and words share them."""
    listed = words.listed(setting["words"], setting["space"])
    if not listed.ids:
        return None
    asked = setting.config, setting["seed"], listed.ids
    rows = setting.once(("untrained rows", *asked), lambda: untrained_rows(*asked))
    trained = setting.model.tok_emb.weight.detach()[list(listed.ids)].numpy()
    return Tables(listed, cosines(trained), cosines(rows))


def state(setting: Setting) -> str:
    return "TRAINED" if weights.is_trained(setting.model) else "RANDOM INIT"


def pictures(setting: Setting) -> list[Grid]:
    made = tables_of(setting)
    if made is None:
        return []
    names = made.words.shown
    titles = f"{state(setting)}: the chosen model", f"RANDOM INIT: seed {setting['seed']}"
    panels = tuple(
        Panel(
            title=title,
            values=values,
            rows=names,
            columns=names,
            row_axis="word",
            column_axis="word",
            limits=(-1.0, 1.0),
            part="token",
        )
        for title, values in zip(titles, (made.trained, made.untrained))
    )
    return [
        Grid(
            panels,
            per_row=2,
            note=made.words.remarks,
            alt=f"Cosine of every pair of {len(names)} words, in the chosen model's token table and in an untrained one.",
            height=420,
        )
    ]


def caption(setting: Setting) -> str:
    made = tables_of(setting)
    if made is None:
        return words.listed(setting["words"], setting["space"]).remarks or "No word is typed: there is nothing to compare."
    width = setting.config.n_embd
    chance = f"1/√{width} = {width**-0.5:.3f}"
    if len(made.words.ids) == 1:
        return f"One word has nobody to be compared with. Random directions of {width} numbers give 0, give or take {chance}."
    (inside, between), (drawn_inside, drawn_between) = (
        means(table, made.words.groups) for table in (made.trained, made.untrained)
    )
    name = "Trained" if state(setting) == "TRAINED" else "Chosen model, not trained"
    if inside is None or between is None:
        told = f"{name}: {number(inside if between is None else between)} between two words on average; "
        told += f"random: {number(drawn_inside if between is None else drawn_between)}."
    else:
        told = (
            f"{name}: two words of one group have {number(inside)} on average, of two groups {number(between)}. "
            f"Random: {number(drawn_inside)} and {number(drawn_between)}."
        )
    others = made.untrained[~np.eye(len(made.untrained), dtype=bool)]
    return f"{told} The random cosines spread by {np.sqrt((others**2).mean()):.3f} around 0; {chance} is expected."


TRAINING = experiment(
    r"""# Trained and random

    The token table starts as random numbers. No list of meanings is loaded into it, and no word comes with a vector from
    elsewhere. Training changes it together with all other weights, because better rows give better predictions.

    Left is the chosen model's table, right a table of the same shape as it is before training. Both squares show the same
    words, one beside another in your groups. Move the seed: the right one is drawn anew and
    stays as faint.

    $$W_{\text{token}} \sim \mathcal N(0, 0.02^2) \quad \text{at the start}$$
    """,
    key="training",
    notes=Notes(
        say="Left learned, right as it was born. Nobody put a meaning into either.",
        ask="Which of the two squares could you draw without a model?",
        trap="A random table is not empty: its words are all at about right angles.",
    ),
    controls=(
        LISTED,
        SPACE,
        Control("seed", "Seed of the random table", "slider", 0, (0, 9, 1)),
    ),
    pictures=pictures,
    caption=caption,
    state=lambda setting: (f"RIGHT: RANDOM INIT, seed {setting['seed']}",),
    question=Question(
        ask='Before training, how alike are " cat" and " kitten"?',
        choices=("As alike as after it", "As alike as any two words", "Opposite"),
        answer=1,
        why="Their rows are random numbers: the cosine is 0, give or take 1/√width. Training has to find the likeness.",
    ),
)
