r"""# Final LayerNorm

Blocks only add to the stream, and nothing in it ever scales it back, so its numbers can grow from block to block. One last
LayerNorm puts every token's vector on a common scale before the output head compares it with all the words; otherwise the
size of the stream would set how sure the model sounds. Same rule as in the blocks, with a scale and a shift of its own. This
is the vector the prediction is read from.

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
    return stream_in(seen.trace.config.n_layer), "final_norm"


def picture(seen: Seen) -> go.Figure:
    return layer_norm.picture(seen, *points(seen))


def overview(seen: Seen) -> Grid:
    return layer_norm.overview(seen, *points(seen))


def caption(seen: Seen) -> tuple[str, ...]:
    return layer_norm.caption(seen, seen.trace.model.final_norm, *points(seen))


STAGE = stage(
    __doc__,
    key="final-norm",
    notes=Notes(
        say="After the last block one more LayerNorm, so that the rows are of one size before they are compared with all tokens.",
        ask="Why would it matter here how long a row is?",
        trap="It belongs to no block: it stands once, at the end.",
    ),
    deeper=("Gradients/scale-shift",),
    number="6",
    short="LN",
    so_far="A row that every block has added to.",
    missing="A common scale, one last time.",
    part="residual",
    points=("final_norm",),
    switch="norm:final",
    inputs=("stream_in",),
    lines=(*layer_norm.LINES, "self.hook_final_norm("),
    picture=picture,
    covers=covering.histograms,
    caption=caption,
    overview=overview,
    question=Question(
        ask="Every number of a token's stream is doubled just before this step. What happens to its normalised vector?",
        choices=("It doubles", "It stays the same, but for ε", "It halves"),
        answer=1,
        why="Mean and standard deviation double too, and the division takes the factor out again.",
    ),
)
