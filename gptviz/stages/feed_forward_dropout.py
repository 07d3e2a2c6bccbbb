r"""# Dropout on the feed-forward output

The last dropout of the block, by the same rule: what the feed-forward layer wants to add to the stream loses a random part of
its numbers in training with dropout, and the rest grows by 1/(1-p). A block has three such places (attention weights, attention
output, here) and the model one more at the start. All of them draw anew in every training pass, and all of them are off when a
model is used.

$$y_j = \dfrac{r_j}{1 - p}\, x_j, \qquad r_j = 0 \text{ with probability } p, \text{ else } 1$$
"""

from ..figures.matrix import Grid
from ..seen import Seen
from . import dropout
from .stage import Notes, Question, stage


def points(seen: Seen) -> tuple[str, str]:
    return f"blocks.{seen.block}.ff_out", f"blocks.{seen.block}.drop2"


def picture(seen: Seen) -> Grid:
    return dropout.picture(seen, *points(seen), ("Feed-forward output", "After dropout"), "feed-forward")


def caption(seen: Seen) -> tuple[str, ...]:
    return dropout.caption(seen, *points(seen))


STAGE = stage(
    __doc__,
    key="feed-forward-dropout",
    notes=Notes(
        say="Dropout a last time in this block, on what the feed-forward part adds.",
        ask="In use, what does this step cost?",
        trap="With dropout off nothing changes here: name it and go on.",
    ),
    deeper=("Dropout/places",),
    number="5.7",
    short="Drop",
    so_far="What the feed-forward layer wants to add.",
    missing="In training, numbers of it that fall.",
    part="residual",
    points=("blocks.{block}.drop2",),
    switch="feed-forward:{block}",
    inputs=("blocks.{block}.ff_out",),
    lines=("self.hook_drop2(",),
    per_block=True,
    picture=picture,
    caption=caption,
    question=Question(
        ask="You ask a model twice and get two different lists of probabilities for the same text. What was forgotten?",
        choices=("To switch dropout off", "To normalise the stream", "To fix the temperature"),
        answer=0,
        why="With dropout off a pass has nothing random in it: two runs on the same text agree to the last digit.",
        trial="the probabilities with dropout on",
        tries={"stage": "softmax", "dropout": 0.1},
    ),
)
