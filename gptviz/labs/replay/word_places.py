"""Experiments: words find their places while the model is trained, as a map, and as cosines of pairs."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ... import tokenizer
from ...figures import progress, space
from ...figures.space import Trail
from ...likeness import cosines
from ...stages.stage import Notes, Question
from ...words import percent
from ..embeddings.trained_tables import means
from ..embeddings.word_pairs import random_pairs
from ..lab import Control, Setting, experiment, once
from ..subjects import projection, words
from ..subjects.words import LISTED, SPACE, Word, WordList, number
from . import moments

PAIRS = 5_000
FREQUENT = 2_000  # ids below this were merged first: they are frequent, and every snapshot has met them
WORDS = ("cat", "dog", "government")


@dataclass(frozen=True, eq=False)
class Growth:
    """The same words at every step. vectors: (steps, words, width), each of length 1; places: (steps, words, 2) on directions
    shared by all steps; shares: (2,) of the variance of all of them."""

    words: WordList
    vectors: np.ndarray
    places: np.ndarray
    shares: np.ndarray


@once
def grown(setting: Setting) -> Growth | None:
    """The words the control asks for, None where none of them is one token."""
    listed = words.listed(setting["words"], setting["space"])
    if not listed.ids:
        return None
    tables = [one.model.tok_emb.weight.detach()[list(listed.ids)].numpy() for one in moments.every(setting)]
    vectors = np.stack([projection.unit(table) for table in tables])
    made = projection.project(vectors.reshape(-1, vectors.shape[-1]), 2)
    return Growth(listed, vectors, made.places.reshape(*vectors.shape[:2], 2), made.shares)


def map_controls(setting: Setting) -> tuple[Control, ...]:
    return (moments.control(setting), LISTED, SPACE)


def map_pictures(setting: Setting) -> list[go.Figure]:
    made, place = grown(setting), moments.place(setting)
    if made is None:
        return [moments.losses(setting)]
    past = made.places[max(0, place - 1) : place + 1]
    return [
        space.points(
            made.places[place],
            made.words.shown,
            made.words.groups,
            shares=made.shares,
            told=[f"id {token}" for token in made.words.ids],
            trails=[Trail(past[:, n], group) for n, group in enumerate(made.words.groups)] if place else [],
            within=made.places.reshape(-1, 2),
            title=f"Step {setting['step']:,}: rows of the token table, length set to 1; lines from the snapshot before",
            height=330,
        ),
        moments.losses(setting),
    ]


def map_caption(setting: Setting) -> str:
    made, place = grown(setting), moments.place(setting)
    if made is None:
        typed = words.listed(setting["words"], setting["space"])
        return typed.remarks or "No word is typed: there is nothing to draw."
    same, apart = means(cosines(made.vectors[place]), made.words.groups)
    final = means(cosines(made.vectors[-1]), made.words.groups)
    parts = []
    if same is not None and apart is not None:
        parts.append(
            f"{moments.in_words(setting)} two words of one colour have cosine {number(same)} on average, two of different colours "
            f"{number(apart)}; at the end {number(final[0])} and {number(final[1])}."
        )
    else:
        parts.append(
            f"{moments.in_words(setting)} these are {words.count_of(len(made.words.ids), 'point')}; groups need two words."
        )
    parts.append(
        f"The two directions, the same for all steps, keep {percent(float(made.shares.sum()))} of the variance: "
        "what is near here may be far apart."
    )
    return " ".join(filter(None, (moments.remark(setting), *parts, made.words.remarks)))


MAP = experiment(
    r"""# Words find their places

    Before training, each word's vector points wherever chance put it. Nobody tells the model what a cat is. But words that
    stand in the same places in the text are pushed the same way, again and again, and so come to lie together.

    Colours are your groups, separated by semicolons; the model never sees them. All steps are drawn on the same two
    directions, the widest of all snapshots together.

    $$x_i = (v_i - \bar v) \cdot u_1, \qquad y_i = (v_i - \bar v) \cdot u_2$$
    """,
    key="map",
    notes=Notes(
        say="Chance first, places later. Play the steps and follow one colour.",
        ask="Who told the model that these words belong together?",
        trap="Colours are yours: the model sees no groups, and the axes are the last step's.",
    ),
    controls=map_controls,
    pictures=map_pictures,
    caption=map_caption,
    state=moments.badges,
    question=Question(
        ask='Before training, is "cat" closer to "dog" than to "five"?',
        choices=("Yes, they are alike", "Only by chance", "Yes, their ids are near"),
        answer=1,
        why="The first vectors are random numbers. Nothing in them knows the word, nor its id.",
    ),
)


@dataclass(frozen=True, eq=False)
class Cosines:
    """Pairs of the three words at every step. values: (pairs, steps). mean, spread: (steps,) of random pairs of frequent tokens.

    cut: the words that are several tokens, of which the first is taken."""

    names: tuple[str, ...]
    values: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    cut: tuple[Word, ...]


@once
def paired(setting: Setting) -> Cosines:
    typed = [words.read(setting[f"word{n}"].strip() or default, True) for n, default in enumerate(WORDS, start=1)]
    ids = [word.ids[0] for word in typed]
    names = [tokenizer.printable(token) for token in ids]
    pairs = ((0, 1), (0, 2), (1, 2))
    values, chance = [], []
    for one in moments.every(setting):
        table = one.model.tok_emb.weight.detach()
        likeness = cosines(table[ids].numpy())
        values.append([likeness[a, b] for a, b in pairs])
        below = min(FREQUENT, len(table))
        drawn = one.once(
            ("frequent pairs", one.model_key), lambda table=table, below=below: random_pairs(table, below, 0, PAIRS)
        )
        chance.append((drawn.mean(), drawn.std()))
    mean, spread = np.array(chance).T
    return Cosines(
        tuple(f"{names[a]} {names[b]}" for a, b in pairs),
        np.array(values).T,
        mean,
        spread,
        tuple(word for word in typed if len(word.ids) > 1),
    )


def pair_controls(setting: Setting) -> tuple[Control, ...]:
    labels = ("First word", "Second word", "A third, to compare with")
    return (
        moments.control(setting),
        *(Control(f"word{n}", label, "text", word) for n, (label, word) in enumerate(zip(labels, WORDS), start=1)),
    )


def pair_pictures(setting: Setting) -> list[go.Figure]:
    made, which = paired(setting), moments.run(setting)
    return [
        progress.cosines(
            which.numbers,
            made.values,
            made.names,
            made.mean,
            made.spread,
            current=moments.place(setting),
            title=f"Cosines in the token table; grey: {PAIRS:,} random pairs of ids below {FREQUENT:,}, mean ± standard deviation",
            height=290,
        ),
        moments.losses(setting),
    ]


def pair_caption(setting: Setting) -> str:
    made, at = paired(setting), moments.place(setting)
    cut = [
        f'"{word.shown}" is {len(word.ids)} tokens: its first, "{tokenizer.printable(word.ids[0])}", stands for it.'
        for word in made.cut
    ]
    first, second = made.values[0], made.values[1]
    said = (
        f"{moments.in_words(setting)} {made.names[0]} have cosine {number(first[at], 3)} and {made.names[1]} "
        f"{number(second[at], 3)}; at the end {number(first[-1], 3)} and {number(second[-1], 3)}. Random pairs of frequent tokens: "
        f"{number(made.mean[at])} ± {number(made.spread[at])}."
    )
    return " ".join(filter(None, (moments.remark(setting), *cut, said)))


PAIR = experiment(
    r"""# Cosine of two words

    The cosine says how nearly two vectors point the same way: 1 the same, 0 at right angles. Random vectors of many numbers
    are nearly always close to 0, and that is where every pair begins.

    Each step of training moves the vectors a little. The grey band is where random pairs of frequent tokens lie; it widens,
    because the table takes on an order of its own. Watch whether your pair goes another way than the pairs with the third word.

    $$\cos(a, b) = \frac{a \cdot b}{\lVert a \rVert \, \lVert b \rVert}$$
    """,
    key="pair",
    notes=Notes(
        say="Every pair begins near 0. Watch which one leaves the grey band.",
        ask="Cat and dog, cat and five: which pair moves, and which way?",
        trap="Alike in use is not alike in meaning: opposites stand in the same places.",
    ),
    controls=pair_controls,
    pictures=pair_pictures,
    caption=pair_caption,
    state=moments.badges,
    question=Question(
        ask="Which two tokens does training move towards each other?",
        choices=("Two that are spelled alike", "Two that are used alike", "Two whose ids are near"),
        answer=1,
        why="What can stand in the same places is corrected in the same ways. The model sees neither letters nor what an id is worth.",
    ),
)
