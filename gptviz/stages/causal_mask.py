r"""# Causal mask

A model that predicts the next token must not read it. So every score of a later token becomes minus infinity (causal mask):
all cells above the diagonal are hidden, hatched here. Each row keeps the token itself and the ones before it.

The mask comes before the shares are made: the exponential of minus infinity is exactly 0, so hidden tokens get no share,
and the rest still adds up to 1. The mask is a rule, not learned, and the same in every head and block.

$$m_{ij} = \begin{cases} s^{\prime}_{ij} & j \le i \\ -\infty & j > i \end{cases}$$
"""

from ..figures import covering
from ..figures.matrix import Grid
from ..seen import Seen
from .stage import Notes, Question, among, stage


def picture(seen: Seen) -> Grid:
    at = f"blocks.{seen.block}.att."
    size = seen.size
    return Grid(
        panels=(
            seen.square(at + "scaled", "Scaled scores", dim=True),
            seen.square(
                at + "masked",
                "Masked scores",
                joiner="mask →",
                side=tuple(f"{seen.readable(row)} of {size}" for row in range(size)),
                side_title="reads",
            ),
        ),
        per_row=2,
        selected=seen.row,
        left_out=seen.window_note,
        alt=f"Scaled scores of block {seen.block + 1}, head {seen.head + 1}, and the same, hidden above the diagonal.",
        height=seen.height_beside,
    )


def overview(seen: Seen) -> Grid:
    return seen.heads(f"blocks.{seen.block}.att.masked")


def caption(seen: Seen) -> tuple[str, ...]:
    size = seen.size
    row = seen.row
    if not seen.hides:
        masked, scaled = (seen.array(f"blocks.{seen.block}.att.{name}")[row] for name in ("masked", "scaled"))
        kept = "as they are" if (masked == scaled).all() else "but those of later tokens become 0"
        return (
            f"Nothing is hidden: {seen.quoted(row)} reads all {size} tokens, also those after it.",
            f"Its scores stay {kept}.",
        )
    if size == 1:
        return "One token: 1 score kept, none hidden.", "There is no future to hide yet."
    reads = "only itself" if row == 0 else f"{row + 1} tokens, itself and {row} before it"
    return (
        f"{size} tokens make {size * size:,} scores: {size * (size + 1) // 2:,} kept, {size * (size - 1) // 2:,} hidden.",
        f"{seen.quoted(row)} may read {reads}.",
    )


def question(seen: Seen) -> Question:
    """How many scores one more token adds to those that are kept."""
    size = seen.size
    kept = size * (size + 1) // 2
    choices, answer = among(*(f"{number:,}" for number in (size + 1, 1, 2 * size + 1, size * size)))
    return Question(
        ask=f"{kept:,} score{'s are' if kept > 1 else ' is'} kept now. One more token is written: how many more are kept?",
        choices=choices[:3],
        answer=answer,
        why=f"The new row may read all {size + 1:,} tokens, itself included. The {size:,} old rows get one more hidden score each.",
        trial="one more token, written by the model",
        tries={"more": seen.appended + 1},
    )


STAGE = stage(
    __doc__,
    key="causal-mask",
    notes=Notes(
        say="What comes later is set to minus infinity before anybody compares: a token reads itself and what came before.",
        ask="What if the future were set to 0 instead? Would it get no weight?",
        trap="The exponential of 0 is 1, so 0 would hide nothing.",
    ),
    deeper=("Attention/masks",),
    number="5.2c",
    short="Mask",
    so_far="A score for every pair of tokens.",
    missing="The rule that nobody reads ahead.",
    part="attention",
    points=("blocks.{block}.att.masked",),
    switch="no-mask:{block}",
    inputs=("blocks.{block}.att.scaled",),
    lines=("self.hook_masked(", "torch.ones(x.shape[1]"),
    per_block=True,
    per_head=True,
    picture=picture,
    covers=covering.rows,
    caption=caption,
    overview=overview,
    question=question,
)
