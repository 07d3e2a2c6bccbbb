"""Experiment: the sentence's tokens as points that move from block to block."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ...figures import space
from ...figures.space import Trail
from ...stages.stage import Notes, Question
from ...trace import Trace
from ...words import percent
from ..lab import Control, Setting, experiment, once
from ..subjects import projection, words
from ..subjects.projection import DIMENSIONS

TRAILED = 16  # tokens up to this many draw their whole way, more only the last step
WRITTEN = 20  # names on the map
LENGTHS = {"one": "all set to 1", "real": "as they are"}


@dataclass(frozen=True, eq=False)
class Movement:
    """Tokens at the input and after every block, on directions shared by all of these.

    vectors: (depths, tokens, width) as drawn, of length 1 where that was asked for. lengths: (depths, tokens) of the vectors
    as the model made them. places: (depths, tokens, dimensions). shares: (dimensions,) of the variance of all of them together.
    """

    vectors: np.ndarray
    lengths: np.ndarray
    places: np.ndarray
    shares: np.ndarray

    @property
    def nbytes(self) -> int:
        return self.vectors.nbytes + self.lengths.nbytes + self.places.nbytes


def depths(layers: int) -> tuple[str, ...]:
    """The points where the stream is read: the input embedding, then each block's output."""
    return ("input_emb", *(f"blocks.{block}.shortcut2" for block in range(layers)))


def depth_name(depth: int, layers: int) -> str:
    return "the input embedding" if depth == 0 else f"after block {depth} of {layers}"


def move(trace: Trace, dimensions: int, lengths: str) -> Movement:
    """The stream of the first sentence at every depth, on the widest directions of all depths together."""
    stream = np.stack([trace.array(name)[0] for name in depths(trace.config.n_layer)])
    rows = stream.reshape(-1, stream.shape[-1])
    drawn = projection.unit(rows) if lengths == "one" else rows
    made = projection.project(drawn, dimensions)
    return Movement(
        drawn.reshape(stream.shape),
        np.linalg.norm(stream, axis=-1),
        made.places.reshape(*stream.shape[:2], dimensions),
        made.shares,
    )


@once
def movement_of(setting: Setting) -> Movement:
    """The movement the controls ask for, the same at every place of the slider; picture and words share it."""
    trace = setting.trace(points=depths(setting.config.n_layer))
    asked = setting["dims"], setting["lengths"]
    return setting.once(("movement", setting.model_key, setting.ids, *asked), lambda: move(trace, *asked))


def controls(setting: Setting) -> tuple[Control, ...]:
    layers = setting.config.n_layer
    return (
        Control("after", "After block (0: input)", "slider", layers, (0, layers, 1)),
        DIMENSIONS,
        Control("lengths", "Lengths", "choice", "one", tuple(LENGTHS), show=LENGTHS.get),
    )


def named(tokens: int) -> list[int]:
    """Tokens that carry their name on the map: all of them, or some at equal distances, the last one always."""
    return sorted({round(at) for at in np.linspace(0, tokens - 1, min(tokens, WRITTEN))})


def trails(made: Movement, after: int) -> list[Trail]:
    """The way of every token up to a depth; of a long sentence the last step only."""
    tokens = made.places.shape[1]
    start = 0 if tokens <= TRAILED else max(0, after - 1)
    return [Trail(made.places[start : after + 1, token], token) for token in range(tokens)] if after else []


def pictures(setting: Setting) -> list[go.Figure]:
    made, after, layers = movement_of(setting), setting["after"], setting.config.n_layer
    tokens = len(setting.ids)
    labels = setting.labels()
    kinds = "direction only, " if setting["lengths"] == "one" else ""
    some = "" if len(named(tokens)) == tokens else f", {len(named(tokens))} of {tokens} named"
    return [
        space.points(
            made.places[after],
            labels,
            range(tokens),
            shares=made.shares,
            told=[f"length of its vector {length:.4g}" for length in made.lengths[after]],
            written=named(tokens),
            trails=trails(made, after),
            within=made.places.reshape(-1, made.places.shape[-1]),
            title=f"{words.count_of(tokens, 'token')}, {depth_name(after, layers)} ({kinds}axes stay{some})",
            height=420,
        )
    ]


def caption(setting: Setting) -> str:
    made, after, layers = movement_of(setting), setting["after"], setting.config.n_layer
    tokens = len(setting.ids)
    said = f"The map keeps {percent(float(made.shares.sum()))} of the variance of {words.count_of(tokens, 'token')} at {layers + 1} depths."
    if tokens > 1:
        count = projection.compared(tokens)
        said += " " + projection.honesty(projection.kept(made.vectors[after], made.places[after], count), count)
    if after == 0:
        return f"{said} Nothing has moved yet: this is token plus position, length {made.lengths[0].mean():.3g} on average."
    before, now = (projection.unit(made.vectors[depth]) for depth in (after - 1, after))
    turned = np.degrees(np.arccos(np.clip((before * now).sum(axis=1), -1, 1)))
    most = int(turned.argmax())
    length = made.lengths.mean(axis=1)
    return (
        f"{said} Block {after} turned {setting.labels()[most]} furthest, by {turned[most]:.0f}° (all: {turned.mean():.0f}° on "
        f"average). The vectors' length is {length[after]:.3g} on average; it was {length[0]:.3g} at the input."
    )


STREAM = experiment(
    r"""# Tokens through the blocks

    The same kind of map for your sentence. Each token is a point, placed by its real vector: at the input, and after every
    block. Move the slider: the axes stay, the points move. A line shows where a token came from.

    The token table gives a word one vector for all sentences. Each block adds what it found in the words before it, so the
    point leaves its starting place. Lengths change along the way; set to 1, only the direction is drawn.

    $$x^{(i)} = x^{(i - 1)} + \text{what block } i \text{ adds}$$
    """,
    key="blocks",
    notes=Notes(
        say="One word, one vector, at the input. Then watch the sentence pull it away.",
        ask="The same word twice: where do its two points end?",
        trap="The points move, the axes stay: how far is in the drawing, why is not.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    edited=True,
    question=Question(
        ask="The same word stands twice in a sentence. Where are its two points after the last block?",
        choices=("On the same spot", "In two places", "That depends on the seed"),
        answer=1,
        why="Already at the input the positions differ, and each block adds what stands before. Try a word twice.",
    ),
)
