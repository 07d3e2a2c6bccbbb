r"""# Shortcut around the feed-forward layer

The second sum of the block: what the feed-forward layer made is added to the stream as it was after attention. Nothing is
replaced; both contributions and all earlier ones stay in the sum. The angle says how far the direction turned: a cosine of 1
means same direction, 0 a right angle. The result leaves the block and enters the next one. The same sum after every sublayer
gives training a direct path back through all blocks.

$$x'' = x' + \mathrm{Dropout}(\mathrm{FeedForward}(\mathrm{LN}(x')))$$
"""

from ..figures.matrix import Grid
from ..seen import Seen
from . import shortcut
from .stage import Question, stage


def points(seen: Seen) -> tuple[str, str, str]:
    at = f"blocks.{seen.block}."
    return at + "shortcut1", at + "drop2", at + "shortcut2"


def picture(seen: Seen) -> Grid:
    return shortcut.picture(seen, points(seen), "feed-forward", "feed-forward")


def caption(seen: Seen) -> str:
    return shortcut.caption(seen, points(seen), "feed-forward")


STAGE = stage(
    __doc__,
    key="feed-forward-shortcut",
    deeper=("Gradients/wiring",),
    number="5.8",
    short="+",
    part="residual",
    points=("blocks.{block}.shortcut2",),
    inputs=("blocks.{block}.shortcut1", "blocks.{block}.drop2"),
    lines=("self.hook_shortcut2(",),
    per_block=True,
    picture=picture,
    caption=caption,
    question=Question(
        ask="A toy network of 10 layers without shortcuts: how does the first layer's gradient compare with the last one's?",
        choices=("About the same", "Some ten times smaller", "More than ten thousand times smaller"),
        answer=2,
        why="About 0.0000003 against 0.007 when measured. With shortcuts there is a path that skips every layer.",
    ),
)
