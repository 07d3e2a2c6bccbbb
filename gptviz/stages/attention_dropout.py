r"""# Dropout on the attention output

The same rule at a new place: now it acts on what attention wants to add to the stream, not on the stream itself. A zero here
does not wipe out what the token knows; it only means that attention adds nothing to that number in this training pass. Which
numbers fall is drawn anew for every token, every place and every pass. Survivors are multiplied by 1/(1-p). When the model is
used, this step hands its input on unchanged.

$$y_i = x_i \cdot \frac{m_i}{1 - p}, \qquad m_i = 0 \text{ with probability } p, \text{ else } 1$$
"""

from ..figures.matrix import Grid
from ..seen import Seen
from . import dropout
from .stage import Question, stage


def points(seen: Seen) -> tuple[str, str]:
    return f"blocks.{seen.block}.att_out", f"blocks.{seen.block}.drop1"


def picture(seen: Seen) -> Grid:
    return dropout.picture(seen, *points(seen), ("Attention output", "After dropout"), "attention")


def caption(seen: Seen) -> str:
    return dropout.caption(seen, *points(seen))


STAGE = stage(
    __doc__,
    key="attention-dropout",
    deeper=("Dropout/spread", "Dropout/fan"),
    number="5.3",
    short="Drop",
    part="residual",
    points=("blocks.{block}.drop1",),
    inputs=("blocks.{block}.att_out",),
    lines=("self.hook_drop1(",),
    per_block=True,
    picture=picture,
    caption=caption,
    question=Question(
        ask="768 numbers, p = 0.5. How often are exactly 384 of them zero?",
        choices=("Always", "In about every second pass", "In about 1 pass of 35"),
        answer=2,
        why="Every number is decided on its own: 384 on average, give or take 14. Exactly 384 has a chance of 2.9 %.",
    ),
)
