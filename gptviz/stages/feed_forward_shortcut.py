r"""# Shortcut around the feed-forward layer

The second sum of the block: what the feed-forward layer made is added to the stream as it was after attention. The angle says how far the direction turned: a cosine of 1
means same direction, 0 a right angle. The result leaves the block and enters the next one. The same sum after every sublayer
gives training a direct path back through all blocks.

$$x'' = x' + \mathrm{Dropout}(\mathrm{FeedForward}(\mathrm{LN}(x')))$$
"""

from ..figures.matrix import Grid
from ..seen import Seen
from . import shortcut
from .stage import Notes, Question, stage


def points(seen: Seen) -> tuple[str, str, str]:
    at = f"blocks.{seen.block}."
    return at + "shortcut1", at + "drop2", at + "shortcut2"


def picture(seen: Seen) -> Grid:
    return shortcut.picture(seen, points(seen), "feed-forward", "feed-forward")


def caption(seen: Seen) -> tuple[str, ...]:
    return shortcut.caption(seen, points(seen), "feed-forward")


def question(seen: Seen) -> Question:
    """What is left of the start of the stream."""
    added = 2 * (seen.block + 1)
    return Question(
        ask=f"By the end of block {seen.block + 1}, {added} sublayers have added to the row. How much of the input embedding is still in the sum?",
        choices=("All of it", f"One part in {added + 1}", "Nothing: it was replaced on the way"),
        answer=0,
        why="Nothing is replaced: the row is the input embedding plus everything that was added since, number by number.",
    )


STAGE = stage(
    __doc__,
    key="feed-forward-shortcut",
    notes=Notes(
        say="And added again to what came in. Two sums in each block are the path on which the first layer is still reached in training.",
        ask="Follow one number from the input: by how many sums has it gone so far?",
        trap="The sum keeps the way open; it promises nothing about how large a gradient is.",
    ),
    deeper=("Gradients/wiring",),
    number="5.8",
    short="+",
    so_far="What the token has worked out for itself.",
    missing="The row it is meant for.",
    part="residual",
    points=("blocks.{block}.shortcut2",),
    switch="shortcut:{block}.2",
    inputs=("blocks.{block}.shortcut1", "blocks.{block}.drop2"),
    lines=("self.hook_shortcut2(",),
    per_block=True,
    picture=picture,
    caption=caption,
    question=question,
)
