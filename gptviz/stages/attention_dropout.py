r"""# Dropout on the attention output

The same rule at a new place: now it acts on what attention wants to add to the stream, not on the stream itself. Which numbers
fall is drawn anew for every token, every place and every training pass; all heads' work is hit alike, as their shares are
already added up here. Survivors are multiplied by 1/(1-p). When a model is used, this step hands its input on unchanged.

$$y_j = \dfrac{r_j}{1 - p}\, x_j, \qquad r_j = 0 \text{ with probability } p, \text{ else } 1$$
"""

from ..figures.matrix import Grid
from ..seen import Seen
from . import dropout
from .stage import Notes, Question, stage


def points(seen: Seen) -> tuple[str, str]:
    return f"blocks.{seen.block}.att_out", f"blocks.{seen.block}.drop1"


def picture(seen: Seen) -> Grid:
    return dropout.picture(seen, *points(seen), ("Attention output", "After dropout"), "attention")


def caption(seen: Seen) -> tuple[str, ...]:
    return dropout.caption(seen, *points(seen))


STAGE = stage(
    __doc__,
    key="attention-dropout",
    notes=Notes(
        say="The same dropout as before, now on what attention adds. With dropout off it is a step in which nothing changes.",
        ask="Why does it stand before the sum and not after it?",
        trap="With the switch off both pictures are the same: say so, or step past it.",
    ),
    deeper=("Dropout/spread", "Dropout/fan"),
    number="5.3",
    short="Drop",
    so_far="What attention wants to add.",
    missing="In training, numbers of it that fall.",
    part="residual",
    points=("blocks.{block}.drop1",),
    switch="attention:{block}",
    inputs=("blocks.{block}.att_out",),
    lines=("self.hook_drop1(",),
    per_block=True,
    picture=picture,
    caption=caption,
    question=Question(
        ask="One number of the attention output falls here. What does the stream hold at that place after the shortcut?",
        choices=("What it held before", "0", "Twice what it held"),
        answer=0,
        why="A zero here does not wipe out what the token knows: attention just adds nothing to that number, in this pass.",
        trial="dropout on",
        tries={"dropout": 0.1},
    ),
)
