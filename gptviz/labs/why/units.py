r"""# What units say

A feed-forward layer is a list of units. Each has a row of numbers that it adds to the stream, as strongly as it is active. Held
against the table of the output head, that row says which words it makes more probable and which less (Geva et al. 2021).

Strong means that what it adds is long: its activation times the length of its row. The numbers beside the words are what it adds to
their logits directly, with the last LayerNorm dividing as in this pass.

$$\Delta\text{logit}_w = a_u\, \frac{(r_u - \bar r_u) \odot \gamma}{\sigma} \cdot u_w$$
"""

from ... import attribution
from ...attribution import Unit
from ...figures.forms import Picture
from ...figures.table import Table
from ...stages.stage import Notes, Question
from ...words import fixed
from ..lab import Control, Setting, experiment, once
from ..subjects import answer

WORDS = 4


def controls(setting: Setting) -> tuple[Control, ...]:
    layers = setting.config.n_layer
    return (
        answer.place(setting),
        Control(
            "layer",
            "Units of",
            "choice",
            0,
            tuple(range(layers + 1)),
            show=lambda number: f"block {number}" if number else "all blocks",
        ),
        Control("count", "How many", "slider", 10, (5, 20, 5)),
    )


@once
def found(setting: Setting) -> list[Unit]:
    trace = setting.trace(points=attribution.KEPT)
    trace.require_finite()
    layer = setting["layer"]
    key = ("units", setting.model_key, setting.ids, setting["at"], layer, setting["count"])
    return setting.once(
        key,
        lambda: attribution.strongest(
            answer.taken(setting, trace), setting["at"], setting["count"], WORDS, layer - 1 if layer else None
        ),
    )


def listed(setting: Setting, words: tuple[tuple[int, float], ...]) -> str:
    return "  ".join(f"{setting.word(word)} {'+' if by >= 0 else ''}{fixed(by)}" for word, by in words)


def pictures(setting: Setting) -> list[Picture]:
    some = found(setting)
    known = "" if setting.model.read is None else " Only words that its training text had are listed."
    return [
        Table(
            {
                "unit": [f"{one.block + 1}.{one.unit}" for one in some],
                "activation": [fixed(one.activation) for one in some],
                "length": [fixed(one.length, 1) for one in some],
                "promotes": [listed(setting, one.promotes) for one in some],
                "suppresses": [listed(setting, one.suppresses) for one in some],
            },
            title=f"The strongest units after {setting.labels()[setting['at']]}",
            note=f"Unit 5.17 is unit 17 (counted from 0) of block 5.{known}",
        )
    ]


def caption(setting: Setting) -> str:
    some = found(setting)
    best = answer.favourites(setting, setting["at"], 1)[0]
    helping = [one for one in some if any(word == best for word, _ in one.promotes)]
    first = some[0]
    said = (
        f"Unit {first.block + 1}.{first.unit} adds most: active with {fixed(first.activation)}, it raises "
        f"“{setting.word(first.promotes[0][0])}” by {fixed(first.promotes[0][1])}."
    )
    word = f"“{setting.word(best)}”"
    if not helping:
        return f"{said} The answer is {word}, and none of these {len(some)} promotes it most: an answer is the sum of many small votes."
    names = ", ".join(f"{one.block + 1}.{one.unit}" for one in helping)
    return f"{said} The answer, {word}, is among the words that {names} promote{'s' if len(helping) == 1 else ''} most."


UNITS = experiment(
    __doc__,
    key="units",
    notes=Notes(
        say="A unit is a row it adds and how strongly. The words beside it are read off that row.",
        ask="What does a unit do to its words when it is below 0?",
        trap="A list of words is not a meaning: look whether it holds in a second sentence.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    question=Question(
        ask="Does a unit always promote the words it is listed with?",
        choices=("Yes, its row is learned and fixed", "No, where its activation is below 0 it lowers them"),
        answer=1,
        why="GELU lets small negative activations through, down to −0.17. The row is fixed; its sign and strength are not.",
    ),
)
