r"""# Every sublayer in turn

The same for larger parts: the attention or the feed-forward layer of a block adds nothing, a LayerNorm hands on what it is
given, a sum loses the shortcut around its sublayer, or a whole block is passed by. Each is tried alone, in every block.

Without its attention or its feed-forward layer a block loses one term of the sum, and at times the word gains by that. Without a
shortcut it loses everything that was written before.

$$\begin{aligned} x + f(x) &\to x &&\text{a sublayer is off} \\ x + f(x) &\to f(x) &&\text{a shortcut is off} \end{aligned}$$
"""

from ...edits import Named
from ...figures.forms import Picture
from ...stages.stage import Notes, Question
from ..lab import Setting, experiment
from . import tries

PARTS = {
    "attention": ("attention", ()),
    "feed-forward": ("feed-forward", ()),
    "norm 1": ("norm", ("1",)),
    "norm 2": ("norm", ("2",)),
    "shortcut 1": ("shortcut", ("1",)),
    "shortcut 2": ("shortcut", ("2",)),
    "block": ("block", ()),
}
"""What stands under a column -> the kind of the edit and what follows the block in its name."""
HOW = {"attention": "zero", "feed-forward": "zero"}


def by_block(setting: Setting) -> list[list[Named]]:
    """All parts, block by block."""
    return [
        [Named(kind, (str(block + 1), *rest), HOW.get(kind, "")) for kind, rest in PARTS.values()]
        for block in range(setting.config.n_layer)
    ]


found = tries.experiment_of(by_block, "parts")


def pictures(setting: Setting) -> list[Picture]:
    return tries.pictures(setting, found(setting), list(PARTS), "part")


SUBLAYERS = experiment(
    __doc__,
    key="sublayers",
    notes=Notes(
        say="Now larger parts. Compare losing a term of the sum with losing the sum itself.",
        ask="Which single part would you least like to lose?",
        trap="A large drop shows that the part is needed here, not that the answer is stored in it.",
    ),
    controls=tries.controls,
    pictures=pictures,
    caption=lambda setting: tries.said(setting, found(setting), "parts"),
    opens=lambda setting: tries.opened(setting, found(setting)),
    under_way=lambda setting: tries.under_way(setting, found(setting)),
    question=Question(
        ask="From block 2 on: attention adds nothing, or the shortcut around it is missing. Which takes more from the prediction?",
        choices=("No attention", "No shortcut", "Both the same"),
        answer=1,
        why="Without its attention a block loses one term of the sum. Without the shortcut the sum loses all the others: the token "
        "itself, and what the blocks before have written.",
    ),
)
