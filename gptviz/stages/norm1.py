r"""# LayerNorm before attention

Each token's numbers are put on a common scale, every token on its own (LayerNorm): subtract their mean, divide by their
standard deviation. Now the mean is 0 and the variance 1, less a hair, because a tiny ε keeps the division safe. Then each
feature gets a learned scale and a learned shift. They start at 1 and 0, so only after training may mean and variance leave 0
and 1 again. Attention reads this copy; the stream itself stays as it is.

$$y = \gamma \odot \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$
"""

import plotly.graph_objects as go

from ..points import stream_in
from ..seen import Seen
from . import layer_norm
from .stage import Question, stage


def points(seen: Seen) -> tuple[str, str]:
    return stream_in(seen.block), f"blocks.{seen.block}.norm1"


def picture(seen: Seen) -> go.Figure:
    return layer_norm.picture(seen, *points(seen))


def caption(seen: Seen) -> str:
    return layer_norm.caption(seen, seen.trace.model.blocks[seen.block].norm1, *points(seen))


STAGE = stage(
    __doc__,
    key="norm1",
    deeper=("Gradients/variance", "Gradients/scale-shift"),
    number="5.1",
    short="LN",
    part="residual",
    points=("blocks.{block}.norm1",),
    inputs=("stream_in",),
    lines=(*layer_norm.LINES, "self.hook_norm1("),
    per_block=True,
    picture=picture,
    caption=caption,
    question=Question(
        ask="A token's numbers are 3, 3, 3, 3, 3, 3. What are they once normalised?",
        choices=("All 0", "All 1", "Undefined: division by zero"),
        answer=0,
        why="Each is its mean, so 0 is divided by the square root of 0 + ε: the ε makes that 0.",
    ),
)
