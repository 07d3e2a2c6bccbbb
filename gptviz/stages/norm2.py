r"""# LayerNorm before the feed-forward layer

The stream has changed: attention was added to it. So each token's numbers are put on a common scale again before the next
sublayer reads them. The rule is the same as before (mean 0, variance 1, then scale and shift), but this LayerNorm has learned
scales and shifts of its own. Normalising keeps the shape of a token's histogram; the scale and shift, one pair a feature,
change it a little.

$$y = \gamma \odot \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$
"""

import plotly.graph_objects as go

from ..figures import covering
from ..figures.matrix import Grid
from ..seen import Seen
from . import layer_norm
from .stage import Notes, Question, stage


def points(seen: Seen) -> tuple[str, str]:
    return f"blocks.{seen.block}.shortcut1", f"blocks.{seen.block}.norm2"


def picture(seen: Seen) -> go.Figure:
    return layer_norm.picture(seen, *points(seen))


def overview(seen: Seen) -> Grid:
    return layer_norm.overview(seen, *points(seen))


def caption(seen: Seen) -> tuple[str, ...]:
    return layer_norm.caption(seen, seen.trace.model.blocks[seen.block].norm2, *points(seen))


def question(seen: Seen) -> Question:
    """What a longer text changes for the tokens that stand already."""
    return Question(
        ask=f"The text gets one more token. What happens to the mean and the variance of {seen.quoted(seen.row)}?",
        choices=("They stay as they are", "Both shift a little", "Only the mean moves"),
        answer=0,
        why="Each token is normalised over its own features: there are as many means as tokens, and none looks at another token.",
        trial="one more token, written by the model",
        tries={"more": seen.appended + 1, "token": seen.row},
    )


STAGE = stage(
    __doc__,
    key="norm2",
    notes=Notes(
        say="LayerNorm again, with stretch and shift of its own, before the second half of the block.",
        ask="Does this step see any other token?",
        trap="It is a second set of learnt numbers: norm 1 and norm 2 share none.",
    ),
    deeper=("Gradients/epsilon", "Gradients/wiring"),
    number="5.5",
    short="LN",
    so_far="Rows that know what stands before them.",
    missing="A common scale again, before the next layer.",
    part="residual",
    points=("blocks.{block}.norm2",),
    switch="norm:{block}.2",
    inputs=("blocks.{block}.shortcut1",),
    lines=(*layer_norm.LINES, "self.hook_norm2("),
    per_block=True,
    picture=picture,
    covers=covering.histograms,
    caption=caption,
    overview=overview,
    question=question,
)
