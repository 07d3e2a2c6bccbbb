r"""# The answer forms

What would the model say if it stopped here? A row is a place on the way through the blocks, a column a token of your sentence. A
cell shows the word that would come next, the darker the more probable (logit lens; nostalgebraist 2020): the numbers there go
through the last LayerNorm, with their own mean and variance, and the output head.

Only the last row is what the model does. The others are a view: early rows speak another language than the head reads, and can be
nonsense.

$$\text{lens}_\ell = \text{softmax}\big(\text{LayerNorm}_\text{final}(x_\ell)\, W_\text{head}\big)$$
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ... import lens
from ...figures import following
from ...figures.depth import written
from ...figures.forms import Picture
from ...figures.matrix import Grid, Panel, Tiles
from ...stages.stage import Notes, Question
from ...words import count, percent
from ..lab import Control, Setting, experiment, once
from ..subjects import answer

PINNED = 5
ROUNDING = 1e-2  # of a logit: what differs by more is another number
FINE = 8  # blocks up to which both halves of each have a row of their own at first
ROWS = {"halves": "each half block", "blocks": "each block"}


@dataclass(frozen=True, eq=False)
class Formed:
    """The lens of some tokens of the sentence. tokens: which. names: of the depths. followed: the words that have a line, and their
    probabilities and ranks, (word, depth), after the chosen token."""

    found: lens.Lens
    tokens: range
    names: tuple[str, ...]
    followed: tuple[int, ...]
    shares: np.ndarray
    ranks: np.ndarray


def controls(setting: Setting) -> tuple[Control, ...]:
    layers = setting.config.n_layer
    return (
        answer.place(setting),
        Control(
            "pins",
            "Words to follow, up to five",
            "text",
            "",
            help="With commas between them; empty: the best words of the last row, and the favourites on the way. "
            + answer.WORD_HELP,
        ),
        Control("rows", "A row after", "choice", "halves" if layers <= FINE else "blocks", tuple(ROWS), show=ROWS.get),
    )


def pinned(setting: Setting, found: lens.Lens, column: int) -> tuple[int, ...]:
    """The words that get a line."""
    asked = [answer.typed(setting, word) for word in setting["pins"].replace(";", ",").split(",")]
    words = [word for word in asked if word is not None]
    if not words:
        on_the_way = found.best[::-1, column].tolist()
        words = [
            *answer.favourites(setting, setting["at"], 2),
            *dict.fromkeys(on_the_way),
            *answer.favourites(setting, setting["at"], PINNED),
        ]
    return tuple(dict.fromkeys(words))[:PINNED]


@once
def formed(setting: Setting) -> Formed:
    layers, row = setting.config.n_layer, setting["at"]
    fine = setting["rows"] == "halves"
    points = lens.points(layers) if fine else lens.block_points(layers)
    names = answer.depth_names(layers) if fine else answer.block_names(layers)
    tokens = answer.window(len(setting.ids), row)
    trace = setting.trace(points=(*points, "logits"))
    stream = lens.stream(trace, points)
    part = slice(tokens.start, tokens.stop)
    output = trace["logits"][0]
    key = ("lens", setting.model_key, setting.ids, fine, tokens.start, tokens.stop)
    found = setting.once(key, lambda: lens.read(setting.model, stream[:, part], output[part]))
    words = pinned(setting, found, row - tokens.start)
    shares, ranks = lens.follow(setting.model, stream[:, row], words)
    return Formed(found, tokens, names, words, shares.T, ranks.T)


def panel(
    setting: Setting, found: lens.Lens, tokens: range, names: Sequence[str], labels: Sequence[str], title: str, **options
) -> Panel:
    """A lens as cells: their words, coloured by probability."""
    words, told = answer.of_lens(setting, found, tokens, names)
    columns = len(tokens)
    tiles = Tiles(rows=1, columns=1, across=columns, names=told, field="at", values=tuple(list(tokens) * len(names)))
    return Panel(
        title=title,
        values=found.shares,
        rows=tuple(names),
        columns=tuple(labels[token] for token in tokens),
        row_axis="after",
        column_axis="after token",
        kind="weight",
        part="output",
        texts=words,
        **{"tiles": tiles} | options,
    )


def pictures(setting: Setting) -> list[Picture]:
    made, labels = formed(setting), setting.labels()
    row, rows = setting["at"], len(made.names)
    size = len(setting.ids)
    some = "" if len(made.tokens) == size else f" Tokens {made.tokens.start} to {made.tokens.stop - 1} of {size}."
    column = row - made.tokens.start
    grid = Grid(
        panels=(
            panel(
                setting,
                made.found,
                made.tokens,
                made.names,
                labels,
                "The best word, if the model stopped after this row",
                framed=(0, rows, column, column + 1),
            ),
        ),
        note=f"A click on a column follows that token.{some}",
        alt=f"The best word at {rows} depths for {count(len(made.tokens), 'token')}; the last row is the model's own answer.",
        height=min(110 + 19 * rows, 500),
        plays=True,
    )
    lines = following.words(
        made.shares,
        made.ranks,
        [setting.word(word) for word in made.followed],
        made.names,
        title=f"After {labels[row]}: probability and rank on the way",
        height=215,
    )
    return [grid, lines]


def caption(setting: Setting) -> str:
    made = formed(setting)
    column = setting["at"] - made.tokens.start
    best = made.found.best[:, column]
    final = int(best[-1])
    first = len(best) - int(np.argmax(best[::-1] != final)) if (best != final).any() else 0
    share = float(made.found.shares[-1, column])
    word = f'"{setting.word(final)}"'
    said = (
        f"The answer {word} is the best from the row “{made.names[first]}” on; it ends at {percent(share)}."
        if first < len(best) - 1 or len(best) == 1
        else f"Only the last row has {word}, {percent(share)}; one row earlier it would have been “{setting.word(int(best[-2]))}”."
    )
    apart = made.found.difference
    beyond = (
        " The edit is in the last LayerNorm or the head: this view goes through them as they are." if apart > ROUNDING else ""
    )
    return f"{said} The last row and the model's own logits differ by {written(apart) if apart else 0}.{beyond}"


FORMING = experiment(
    __doc__,
    key="forms",
    notes=Notes(
        say="Read from below: what would it say if it stopped here? Find the row where it settles.",
        ask="In which row do you expect the answer to stand first?",
        trap="Early rows were never trained to be read like this: their words are a reading, not a thought.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    edited=True,
    state=lambda setting: ("A VIEW: the output head at every depth",),
    question=Question(
        ask="In which row does a trained model settle on its answer?",
        choices=(
            "In the first one, the blocks only make it surer",
            "Somewhere in the later rows",
            "Always in the very last one",
        ),
        answer=1,
        why="At the embedding a row knows its own token only. What it reads from others comes block by block, and the answer with it.",
    ),
)
