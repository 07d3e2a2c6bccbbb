"""Experiment: chosen words as points of a map."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ... import tokenizer
from ...figures import space
from ...likeness import cosines
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Setting, experiment, once
from ..subjects import projection, words
from ..subjects.projection import DIMENSIONS, Projection
from ..subjects.words import LISTED, SPACE, WordList, number


@dataclass(frozen=True, eq=False)
class WordMap:
    """Words and their places. likeness: (words, words) cosines of their rows. nearest: how many neighbours are compared;
    kept: (words,) how many of them stay nearest on the map."""

    words: WordList
    projection: Projection
    likeness: np.ndarray
    nearest: int
    kept: np.ndarray


def draw(setting: Setting, listed: WordList, dimensions: int) -> WordMap:
    """The rows of the words, each scaled to length 1, on their widest directions."""
    vectors = setting.model.tok_emb.weight.detach()[list(listed.ids)].numpy()
    directions = projection.unit(vectors)
    made = projection.project(directions, dimensions)
    nearest = projection.compared(len(vectors))
    return WordMap(listed, made, cosines(vectors), nearest, projection.kept(directions, made.places, nearest))


@once
def map_of(setting: Setting) -> WordMap | None:
    """The map the controls ask for, None where no typed word is one token; picture and words share it."""
    listed = words.listed(setting["words"], setting["space"])
    return draw(setting, listed, setting["dims"]) if listed.ids else None


def presets(setting: Setting) -> Mapping[str, Mapping[str, Any]]:
    return {"five themes": {"words": words.THEMES}, "people": {"words": words.PEOPLE}, "time": {"words": words.TIME}}


def pictures(setting: Setting) -> list[go.Figure]:
    made = map_of(setting)
    if made is None:
        return []
    names = made.words.shown
    told = []
    for n, name in enumerate(names):
        order = [other for other in np.argsort(-made.likeness[n], kind="stable") if other != n][: made.nearest]
        near = ", ".join(f"{names[other]} {number(made.likeness[n, other])}" for other in order)
        told.append(f"id {made.words.ids[n]}" + (f"; nearest here: {near}" if near else ""))
    return [
        space.points(
            made.projection.places,
            names,
            made.words.groups,
            shares=made.projection.shares,
            told=told,
            title=f"{len(names)} rows of the token table, length set to 1, on their {setting['dims']} widest directions",
            height=400,
        )
    ]


def caption(setting: Setting) -> str:
    made = map_of(setting)
    if made is None:
        typed = words.listed(setting["words"], setting["space"])
        return typed.remarks or "No word is typed: there is nothing to draw."
    width, count = setting.config.n_embd, len(made.words.ids)
    if count == 1:
        return " ".join(filter(None, ("One word is one point, in the middle of its own map: type more.", made.words.remarks)))
    said = (
        f"The map keeps {percent(float(made.projection.shares.sum()))} of the variance of these {count} points in {width} "
        f"dimensions. {projection.honesty(made.kept, made.nearest)}"
    )
    if count > 2:
        likeness = np.where(np.eye(count, dtype=bool), -np.inf, made.likeness)
        a, b = np.unravel_index(np.nanargmax(likeness), likeness.shape)
        one, two = (tokenizer.printable(made.words.ids[n]) for n in (a, b))
        said += f' The most alike pair in truth is "{one}" and "{two}", cosine {number(likeness[a, b])}.'
    return " ".join(filter(None, (said, made.words.remarks)))


MAP = experiment(
    r"""# Map of words

    Each word's vector is a point in a space of hundreds of directions. A screen has two, or three. The map takes the directions
    in which these points lie furthest apart (principal components), and drops all others.

    So near on the map may be far in truth; the line below counts how many neighbours can be believed. Colours are your groups,
    separated by semicolons. The model never saw them: if colours gather, training did that.

    $$x_i = (v_i - \bar v) \cdot u_1, \qquad y_i = (v_i - \bar v) \cdot u_2$$
    """,
    key="map",
    notes=Notes(
        say="Two directions of hundreds. Read the line on how far the map can be believed.",
        ask="Two words touch here: how would you check it?",
        trap="Axes have no names, and a gap on the map can be the map's own.",
    ),
    controls=(LISTED, SPACE, DIMENSIONS),
    presets=presets,
    pictures=pictures,
    caption=caption,
    question=Question(
        ask="Two words touch on the 2-D map. Are their vectors nearly the same?",
        choices=("Yes, the map shows distance", "Not certainly: most directions are not drawn", "Only if they share a colour"),
        answer=1,
        why="Two directions keep a part of the variance. Two points may differ in all the others: ask the cosine.",
    ),
)
