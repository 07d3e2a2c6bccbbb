r"""# Dropout on the input embedding

In training, a random part of the numbers is set to 0: each one on its own, with probability p (dropout). No number can be
relied on alone, which guards against learning the training text by heart (overfitting). What survives is multiplied by
1/(1-p), so the average stays as it was. How many fall varies from pass to pass. When the trained model is used, dropout is
off and changes nothing: what comes in goes out.

$$y_i = x_i \cdot \frac{m_i}{1 - p}, \qquad m_i = 0 \text{ with probability } p, \text{ else } 1$$
"""

from ..figures.matrix import Grid
from ..seen import Seen
from . import dropout
from .stage import Question, stage


def picture(seen: Seen) -> Grid:
    return dropout.picture(seen, "input_emb", "drop_emb", ("Input embedding", "After dropout"), "residual")


def caption(seen: Seen) -> str:
    return dropout.caption(seen, "input_emb", "drop_emb")


STAGE = stage(
    __doc__,
    key="embedding-dropout",
    deeper=("Dropout/drag", "Dropout/counts"),
    number="4",
    short="Drop",
    part="residual",
    points=("drop_emb",),
    inputs=("input_emb",),
    lines=("self.hook_drop_emb(",),
    picture=picture,
    caption=caption,
    question=Question(
        ask="At p = 0.1, what is every surviving number multiplied by?",
        choices=("0.9", "1.11", "10"),
        answer=1,
        why="1/(1-p) = 1/0.9 = 1.11. Nine tenths survive, each a ninth larger: the average stays the same.",
    ),
)
