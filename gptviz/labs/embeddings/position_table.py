"""Experiment: how alike the vectors of any two positions are."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ... import weights
from ...figures import alike
from ...figures.matrix import Grid, Panel
from ...likeness import cosines, lengths
from ...stages.stage import Notes, Question
from ..lab import Control, Setting, experiment
from ..subjects.words import number

MOST = 4096  # rows whose square is drawn: 64 MiB of cosines


@dataclass(frozen=True, eq=False)
class Positions:
    """likeness: (positions, positions) cosines of the rows of the position table. lengths: (positions,) of the rows."""

    likeness: np.ndarray
    lengths: np.ndarray

    @property
    def nbytes(self) -> int:
        return self.likeness.nbytes + self.lengths.nbytes

    def at(self, distance: int) -> float:
        """The average cosine of two positions that are so far apart."""
        return float(np.diagonal(self.likeness, distance).mean())


def positions(table: np.ndarray) -> Positions:
    return Positions(cosines(table), lengths(table)[:, 0])


def positions_of(setting: Setting) -> Positions:
    table = setting.model.pos_emb.weight.detach().numpy()
    return setting.once(("positions", setting.model_key), lambda: positions(table))


def controls(setting: Setting) -> tuple[Control, ...]:
    rows, last = setting.config.context_length, setting.config.context_length - 1
    if rows > MOST:
        raise ValueError(
            f"This model's position table has {rows:,} rows. The square that compares every two of them is drawn up to {MOST:,} rows; "
            "choose a model with a shorter context."
        )
    return (Control("p", "Position", "slider", near(setting), (0, last, 1)),)


def near(setting: Setting) -> int:
    """Where the slider starts: the position that is most alike to one beside it, of those that have no other more alike; in the middle
    where there is none."""
    likeness = positions_of(setting).likeness.copy()
    rows = len(likeness)
    np.fill_diagonal(likeness, -np.inf)
    best = likeness.argmax(1)
    beside = np.abs(best - np.arange(rows)) == 1
    if not beside.any():
        return min(rows - 1, rows // 2)
    return int(np.where(beside, likeness[np.arange(rows), best], -np.inf).argmax())


def pictures(setting: Setting) -> list[Grid | go.Figure]:
    found, chosen = positions_of(setting), setting["p"]
    rows = len(found.lengths)
    names = tuple(map(str, range(rows)))
    return [
        Grid(
            (
                Panel(
                    title=f"cosine of every pair, {rows} x {rows}",
                    values=found.likeness,
                    rows=names,
                    columns=names,
                    row_axis="position",
                    column_axis="position",
                    limits=(-1.0, 1.0),
                    part="position",
                ),
            ),
            selected=chosen,
            alt=f"Cosine similarity of every pair of the {rows} position vectors.",
            height=420,
        ),
        alike.profile(found.likeness[chosen], chosen, used=len(setting.ids), title=f"row {chosen} of the square", height=420),
    ]


def caption(setting: Setting) -> str:
    found, chosen = positions_of(setting), setting["p"]
    rows = len(found.lengths)
    if not found.lengths.all():
        zeros = int((found.lengths == 0).sum())
        return f"{zeros} of the {rows} position vectors are all zeros: they have no direction, and nothing to compare."
    others = np.delete(found.likeness[chosen], chosen)
    if not others.size:
        return "The table has one row, for position 0: there is no other to compare it with."
    best = int(np.argmax(np.where(np.arange(rows) == chosen, -np.inf, found.likeness[chosen])))
    chance = setting.config.n_embd**-0.5
    said = f"Position {chosen} is most alike to {best}: {number(found.likeness[chosen, best])}."
    said += f" Neighbours have {number(found.at(1))} on average"
    far = [distance for distance in (rows // 8, rows // 2) if distance > 1]
    if far:
        said += ", rows " + " and ".join(f"{distance} apart {number(found.at(distance))}" for distance in far)
    if not weights.is_trained(setting.model):
        return f"{said}: chance, 0 ± {chance:.3f}. These rows were never trained."
    used = "row 0" if len(setting.ids) == 1 else f"rows 0 to {len(setting.ids) - 1}"
    return f"{said}; random directions would have 0 ± {chance:.3f}. Your sentence uses {used} of {rows:,}."


POSITIONS = experiment(
    r"""# Positions

    A second table says where a token stands: one row per position, up to the context length. Nobody wrote waves or distances
    into it. It starts random and is trained like everything else.

    The square compares every pair of its rows. Orange is alike, blue opposite. In a trained table what is near in place becomes
    alike in direction, so a diagonal band appears, and often slow waves beside it. In an untrained one there is only the
    diagonal: each row against itself.

    $$\cos\bigl(W_{\text{position}}[a],\; W_{\text{position}}[b]\bigr)$$
    """,
    key="positions",
    notes=Notes(
        say="Near in place became alike in direction, and nobody wrote that down.",
        ask="I change every word: what changes in this square?",
        trap="Positions are a second table of the same width, added and not appended.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    beside=True,
    question=Question(
        ask="You change every word of the sentence and keep its number of tokens. What changes in this square?",
        choices=("The rows of the new words", "Nothing", "Only the diagonal"),
        answer=1,
        why="The position table knows places, not words. The same rows are added to whatever stands there.",
    ),
)
