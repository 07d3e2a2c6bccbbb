r"""# LayerNorm before attention

Each token's numbers are put on a common scale, every token on its own (LayerNorm): subtract their mean, divide by their
standard deviation. Now the mean is 0 and the variance 1, less a hair, because a tiny ε keeps the division safe. Then each
feature gets a learned scale and a learned shift; they start at 1 and 0. So every layer meets numbers of the same size, whatever
the ones before it learn: that keeps training stable. Attention reads this copy; the stream itself stays as it is.

$$y = \gamma \odot \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$
"""

import plotly.graph_objects as go

from ..figures import covering
from ..figures.matrix import Grid
from ..points import stream_in
from ..seen import Seen
from . import layer_norm
from .stage import Notes, Question, stage


def points(seen: Seen) -> tuple[str, str]:
    return stream_in(seen.block), f"blocks.{seen.block}.norm1"


def picture(seen: Seen) -> go.Figure:
    return layer_norm.picture(seen, *points(seen))


def overview(seen: Seen) -> Grid:
    return layer_norm.overview(seen, *points(seen))


def caption(seen: Seen) -> tuple[str, ...]:
    return layer_norm.caption(seen, seen.trace.model.blocks[seen.block].norm1, *points(seen))


STAGE = stage(
    __doc__,
    key="norm1",
    notes=Notes(
        say="Every token's row is set to mean 0 and variance 1, then stretched and moved by two learnt rows. Each token is treated alone.",
        ask="What becomes of a row whose numbers are all the same?",
        trap="Mean 0 and variance 1 hold before the learnt stretch; afterwards they need not.",
    ),
    deeper=("Gradients/variance", "Gradients/scale-shift"),
    number="5.1",
    short="LN",
    so_far="A row for each token, large or small.",
    missing="A common scale, before tokens can be compared.",
    part="residual",
    points=("blocks.{block}.norm1",),
    switch="norm:{block}.1",
    inputs=("stream_in",),
    lines=(*layer_norm.LINES, "self.hook_norm1("),
    per_block=True,
    picture=picture,
    covers=covering.histograms,
    caption=caption,
    overview=overview,
    question=Question(
        ask="You add 5 to all numbers of a token just before this step. What does that change in its normalised vector?",
        choices=("Nothing", "Every number grows by 5", "The variance grows"),
        answer=0,
        why="The mean grows by 5 too, and is taken off again. The variance measures distances from the mean, so it stays.",
    ),
)
