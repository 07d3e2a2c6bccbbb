"""Experiment: the neighbours of a word, by its vector and by its id."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import plotly.graph_objects as go

from ... import tokenizer
from ...figures import alike
from ...figures.chips import Chip, Chips
from ...stages.stage import Notes, Question
from ..lab import Control, Setting, experiment, once
from ..subjects import words
from ..subjects.words import Word, number

PIECES = 8  # of a word that can be chosen
LOOKED_AT = 16  # tokens among which the first one to show is chosen
NEUTRAL = 6  # a colour that is no token's


@dataclass(frozen=True, eq=False)
class Neighbours:
    """A row of the token table among the others.

    word: what was typed, None for a token of the sentence; piece: which of its tokens is looked up. likeness: (rows,) cosine
    with every row, itself included. by_vector: the other rows most alike, best first. by_id: the rows around it in the table,
    itself included. twin: the token with, or without, the space before it, None where there is none.
    """

    token: int
    word: Word | None
    piece: int
    likeness: np.ndarray
    by_vector: tuple[int, ...]
    by_id: tuple[int, ...]
    twin: int | None

    @property
    def mean(self) -> float:
        """The average cosine with all other rows."""
        return float((self.likeness.sum(dtype=np.float64) - self.likeness[self.token]) / (self.likeness.size - 1))


def around(token: int, count: int, rows: int) -> tuple[int, ...]:
    """`count` + 1 ids in a row, the token among them, in the middle where the table goes on to both sides."""
    first = min(max(0, token - count // 2), max(0, rows - count - 1))
    return tuple(range(first, min(rows, first + count + 1)))


def neighbours(setting: Setting, token: int, count: int, word: Word | None = None, piece: int = 0) -> Neighbours:
    """The `count` rows nearest to a token by vector, and as many around it by id."""
    likeness = words.likeness(setting, token)
    others = np.argsort(-likeness, kind="stable")
    by_vector = tuple(int(other) for other in others[: count + 1] if other != token)[:count]
    return Neighbours(
        token, word, piece, likeness, by_vector, around(token, count, setting.config.vocab_size), words.twin(token)
    )


@once
def neighbours_of(setting: Setting) -> Neighbours:
    """The neighbours the controls ask for; picture and words share them."""
    if not setting["typed"].strip():
        return neighbours(setting, setting.ids[setting["of"]], setting["count"])
    word = words.read(setting["typed"], setting["spaced"])
    piece = min(setting["piece"], len(word.ids)) - 1
    return neighbours(setting, word.ids[piece], setting["count"], word, piece)


def best_by_chance(rows: int, width: int) -> float:
    """About the cosine of the most alike of so many random directions of so many numbers."""
    return NormalDist(0, width**-0.5).inv_cdf(1 - 1 / rows)


def clearest(setting: Setting) -> int:
    """Which token of the sentence is looked up first: the one whose nearest row stands out most from all the others."""

    def make() -> int:
        looked_at = dict.fromkeys(setting.ids[:LOOKED_AT])
        found = {token: neighbours(setting, token, 1) for token in looked_at}
        ahead = {token: float(one.likeness[one.by_vector[0]]) - one.mean for token, one in found.items() if one.by_vector}
        return setting.ids.index(max(ahead, key=ahead.get)) if ahead else 0

    return setting.once(("clearest token", setting.model_key, setting.ids[:LOOKED_AT]), make)


def controls(setting: Setting) -> tuple[Control, ...]:
    labels = setting.labels()

    def several(values) -> bool:
        return bool(values["typed"].strip()) and len(words.read(values["typed"], values["spaced"]).ids) > 1

    return (
        Control(
            "of",
            "Token of the sentence",
            "choice",
            clearest(setting),
            tuple(range(len(setting.ids))),
            show=lambda at: labels[at],
        ),
        Control("typed", "Or any word", "text", "", help="A typed word takes the token's place. Empty it to go back."),
        Control(
            "spaced",
            "Space before it",
            "switch",
            True,
            help="Inside a sentence the space belongs to the word that follows it.",
            when=lambda values: bool(values["typed"].strip()),
        ),
        Control(
            "piece",
            "Piece of the word",
            "slider",
            1,
            (1, PIECES, 1),
            help="Which of the word's tokens is looked up.",
            when=several,
        ),
        Control("count", "Neighbours", "slider", 10, (4, 14, 2)),
    )


def spelling(found: Neighbours) -> Chips:
    """The token beside its twin, or the pieces of a word that is several tokens."""
    name = tokenizer.printable(found.token)
    if found.word and len(found.word.ids) > 1:
        pieces = found.word.ids
        chips = tuple(Chip(tokenizer.printable(token), (token,), at) for at, token in enumerate(pieces[:PIECES]))
        rest = f" (the first {PIECES} shown)" if len(pieces) > PIECES else ""
        heading = f'"{found.word.shown}" is {len(pieces)} tokens{rest}, a row each; piece {found.piece + 1} is looked up'
        return Chips(((heading, chips),), selected=(found.piece,), alt=heading)
    spaced = tokenizer.token_bytes(found.token).startswith(b" ")
    if found.twin is None:
        heading = f'"{name}", row {found.token}; {"without its" if spaced else "with a"} space before it, it is no single token'
        chips = (Chip(name, (found.token,), 0),)
    else:
        heading = f"{'With and without' if spaced else 'Without and with'} the space before it: two rows of the table"
        other = Chip(
            tokenizer.printable(found.twin), (found.twin,), NEUTRAL, note=f"cosine {number(found.likeness[found.twin])}"
        )
        chips = (Chip(name, (found.token,), 0), other)
    return Chips(((heading, chips),), selected=(0,), alt=heading)


def pictures(setting: Setting) -> list[Chips | go.Figure]:
    found = neighbours_of(setting)
    sides = [
        alike.Side(
            f"nearest {len(found.by_vector)} by vector",
            found.likeness[list(found.by_vector)],
            tuple(map(setting.word, found.by_vector)),
            found.by_vector,
        ),
        alike.Side(
            "around it by id",
            found.likeness[list(found.by_id)],
            tuple(map(setting.word, found.by_id)),
            found.by_id,
            chosen=found.by_id.index(found.token),
        ),
    ]
    return [
        spelling(found),
        alike.sides(
            sides,
            mean=found.mean,
            title=f'Cosine with "{tokenizer.printable(found.token)}" (row {found.token} of {found.likeness.size:,})',
            height=96 + 25 * (setting["count"] + 1),
        ),
    ]


def caption(setting: Setting) -> str:
    found = neighbours_of(setting)
    name = tokenizer.printable(found.token)
    first, near = found.by_vector[0], float(found.likeness[found.by_vector[0]])
    beside = [float(found.likeness[token]) for token in found.by_id if token != found.token]
    chance = best_by_chance(found.likeness.size, setting.config.n_embd)
    said = (
        f'By vector, "{setting.word(first)}" is nearest to "{name}": cosine {number(near)}. The rows beside it by id '
        f"have {number(np.mean(beside))} on average, and all {found.likeness.size - 1:,} other rows {number(found.mean)}."
    )
    if near <= 1.3 * chance:
        said += f" Among so many random directions the best would reach about {number(chance)}: this is chance."
    elif found.mean > 0.5:
        said += " The average row is that close already: this one lies in a crowd, and its neighbours say little."
    if found.twin is not None:
        other = tokenizer.printable(found.twin)
        said += f' "{other}" is another row, {found.twin}: cosine {number(found.likeness[found.twin])}.'
    return said


NEIGHBOURS = experiment(
    r"""# Neighbours

    Each token is one row of the token table. Two lists tell who lives near it. By vector: the rows that point most nearly the
    same way (cosine 1), looked for among all rows. By id: the rows just above and below it in the table.

    An id is a name: the first 256 are bytes in a fixed order, the others merges as they were learned. Neighbours in meaning are
    neighbours by vector, if training has put them there. A word with its space and without are two rows.

    $$\cos(a, b) = \frac{a \cdot b}{\lVert a \rVert \, \lVert b \rVert}$$
    """,
    key="neighbours",
    notes=Notes(
        say="Same word, two neighbourhoods: by vector and by id. Only one of them has to do with use.",
        ask="Which list would a random table still give you?",
        trap="An id is a name: 3627 is not a bit more than 3626.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    question=Question(
        ask='" effort" has id 3626. Which word is nearer to it in meaning: that of id 3627, or any other?',
        choices=("Id 3627, it is one away", "Ids do not tell", "Id 3625, it comes before"),
        answer=1,
        why="Ids count the merges in the order they were learned. Nearness in use is in the vectors, after training.",
    ),
)
