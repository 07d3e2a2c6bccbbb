r"""# Shortcut around attention

What attention found is added, number by number, to the vector that came into the block (shortcut, or residual connection).
The input goes around the sublayer as well as through it, so attention only has to supply what should change. It is the
sublayer's input that is added to its own output; both have the same width. In training, the correction (gradient) flows back
along this direct path too and shrinks far less on its way to the early blocks.

$$x' = x + \mathrm{Dropout}(\mathrm{Attention}(\mathrm{LN}(x)))$$
"""

from ..figures.matrix import Grid
from ..points import stream_in
from ..seen import Seen
from . import shortcut
from .stage import Notes, Question, stage


def points(seen: Seen) -> tuple[str, str, str]:
    return stream_in(seen.block), f"blocks.{seen.block}.drop1", f"blocks.{seen.block}.shortcut1"


def picture(seen: Seen) -> Grid:
    return shortcut.picture(seen, points(seen), "attention", "attention")


def caption(seen: Seen) -> tuple[str, ...]:
    return shortcut.caption(seen, points(seen), "attention")


def question(seen: Seen) -> Question:
    """What a sublayer that is switched off leaves of the stream."""
    block = seen.block + 1
    return Question(
        ask=f"If attention's output were all zeros in block {block}, what would leave this step?",
        choices=("Zeros", "The vector that came in", "The normalised vector"),
        answer=1,
        why="x + 0 = x. A block can leave the stream alone; it does not have to copy it.",
        trial=f"attention of block {block} switched off",
        tries={"edit": f"attention:{block}", "whatif": True, "block": block},
    )


STAGE = stage(
    __doc__,
    key="attention-shortcut",
    notes=Notes(
        say="What attention found is added to what was there before. Nothing is replaced.",
        ask="If attention gave only zeros, what would this block hand on?",
        trap="It is added to the input of the part, before its LayerNorm, not to what LayerNorm made.",
    ),
    deeper=("Gradients/toy", "Gradients/way-back"),
    number="5.4",
    short="+",
    so_far="What attention has found.",
    missing="The row it is meant for.",
    part="residual",
    points=("blocks.{block}.shortcut1",),
    switch="shortcut:{block}.1",
    inputs=("stream_in", "blocks.{block}.drop1"),
    lines=("self.hook_shortcut1(",),
    per_block=True,
    picture=picture,
    caption=caption,
    question=question,
)
