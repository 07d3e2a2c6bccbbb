r"""# Dropout on the input embedding

A model may be trained with dropout: in every training pass a random part of the numbers is set to 0, each one on its own, with
probability p. No unit can lean on one other that is always there, so what each learns has to be of use alone; that guards
against learning the training text by heart (overfitting). What survives is multiplied by 1/(1-p), so the average stays as it
was. When a model is used, dropout is off: what comes in goes out.

$$y_j = \dfrac{r_j}{1 - p}\, x_j, \qquad r_j = 0 \text{ with probability } p, \text{ else } 1$$
"""

from ..figures.matrix import Grid
from ..seen import Seen
from . import dropout
from .stage import Notes, Question, stage


def picture(seen: Seen) -> Grid:
    return dropout.picture(seen, "input_emb", "drop_emb", ("Input embedding", "After dropout"), "residual")


def caption(seen: Seen) -> tuple[str, ...]:
    return dropout.caption(seen, "input_emb", "drop_emb")


STAGE = stage(
    __doc__,
    key="embedding-dropout",
    notes=Notes(
        say="In training some numbers fall to 0 by chance, and the others grow so that the sum stays the same on average. In use nothing happens here.",
        ask="With p = 0.1, what is every number multiplied by that stays?",
        trap="It is not known which numbers fall, nor exactly how many: p is a chance, and each pass draws anew.",
    ),
    deeper=("Dropout/drag", "Dropout/counts"),
    number="4",
    short="Drop",
    so_far="One row of numbers for each token.",
    missing="In training, something against learning by heart.",
    part="residual",
    points=("drop_emb",),
    inputs=("input_emb",),
    lines=("self.hook_drop_emb(",),
    picture=picture,
    caption=caption,
    question=Question(
        ask="Dropout is on. The same text goes through twice, with two seeds. What differs at this step?",
        choices=("Which numbers fall, and how many", "Only which numbers fall", "Nothing: the text is the same"),
        answer=0,
        why="Every number is decided on its own, so even how many fall varies from pass to pass.",
        trial="dropout on, p = 0.1, and then other seeds in the bar",
        tries={"dropout": 0.1, "seed": 1},
    ),
)
