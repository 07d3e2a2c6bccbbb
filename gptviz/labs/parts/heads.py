r"""# Every head in turn

Which heads does this prediction need? Each one is switched off alone, the sentence goes through the model again, and the
probability of one word is held against what it was. A strong colour is a head that mattered; a pale cell is one the word does
not need, or one that others make up for.

What a head does alone is not its share: two heads that do the same can each be missed, and both together cannot.

$$\Delta_h = p(\text{word} \mid \text{head } h \text{ off}) - p(\text{word})$$
"""

from ...edits import Named
from ...figures.forms import Picture
from ...stages.stage import Notes, Question
from ..lab import Control, Setting, experiment
from . import tries

HOWS = {"zero": "off", "mean": "its mean", "even": "even"}


def controls(setting: Setting) -> tuple[Control, ...]:
    how = Control("how", "Each head is", "choice", options=tuple(HOWS), show=HOWS.get)
    return (*tries.controls(setting), how)


def by_block(setting: Setting) -> list[list[Named]]:
    """All heads, block by block."""
    config = setting.config
    return [
        [Named("head", (str(block + 1), str(head + 1)), setting["how"]) for head in range(config.n_head)]
        for block in range(config.n_layer)
    ]


found = tries.experiment_of(by_block, "heads")


def pictures(setting: Setting) -> list[Picture]:
    count = setting.config.n_head
    word = "head " if count <= 8 else ""
    return tries.pictures(setting, found(setting), [f"{word}{n + 1}" for n in range(count)], "head")


HEADS = experiment(
    __doc__,
    key="heads",
    notes=Notes(
        say="One head off, one pass, one number. Begin with the strongest colour and open it.",
        ask="Do you expect many strong cells, or few?",
        trap="The effect of one head alone is not its share: others can make up for it.",
    ),
    controls=controls,
    pictures=pictures,
    caption=lambda setting: tries.said(setting, found(setting), "heads"),
    opens=lambda setting: tries.opened(setting, found(setting)),
    under_way=lambda setting: tries.under_way(setting, found(setting)),
    question=Question(
        ask="A head is switched off. Can the most probable word become still more probable?",
        choices=("No, every head was trained to help", "Yes"),
        answer=1,
        why="A head adds to the stream what helped on average over the training text. On one sentence that can speak for another word; "
        "such heads have the colour of a rise.",
    ),
)
