r"""# Expand

Attention let tokens read each other. Now every token works alone (feed-forward layer): nothing flows between rows here, and all
rows use the same table.

First the row is made four times as wide. Each new number (hidden unit) is a weighted sum of all features plus a bias: large
where the token's vector goes along with what the unit's column has learned. Four times the width is a choice that works: room
for many patterns before the row is folded back.

$$h_t = y_t\, W_{\text{up}} + b_{\text{up}}, \qquad y_t = \mathrm{LN}(x'_t)$$
"""

from .. import sampling
from ..figures.matrix import Grid
from ..seen import Seen
from ..words import fixed, percent
from .stage import Notes, Question, among, stage


def picture(seen: Seen) -> Grid:
    at = f"blocks.{seen.block}."
    hidden = seen.array(at + "ff.hidden")
    return Grid(
        panels=(
            seen.strip(at + "norm2", f"after LayerNorm: {seen.trace.config.n_embd:,} numbers a token", dim=True),
            seen.strip(
                at + "ff.hidden",
                f"hidden units: {hidden.shape[1]:,} numbers a token",
                joiner="× W_up + b →",
                part="feed-forward",
                side=tuple(percent(float(share)) for share in (hidden > 0).mean(1)),
                side_title="above 0",
            ),
        ),
        per_row=1,
        selected=seen.row,
        to_scale=True,
        alt=f"Block {seen.block + 1}: {len(hidden)} tokens grow from {seen.trace.config.n_embd} to {hidden.shape[1]} numbers each.",
    )


def caption(seen: Seen) -> tuple[str, ...]:
    row = seen.row
    hidden = seen.array(f"blocks.{seen.block}.ff.hidden")[row]
    strongest = sampling.top(hidden, 3)
    units = ", ".join(f"{unit} ({fixed(hidden[unit])})" for unit in strongest)
    return (
        f"{seen.quoted(row)} makes {(hidden > 0).sum():,} of {len(hidden):,} units positive.",
        f"Its strongest are units {units}.",
    )


def question(seen: Seen) -> Question:
    """How many learned numbers expanding takes."""
    width, hidden = seen.trace.config.n_embd, seen.trace.config.hidden_size
    choices, answer = among(*(f"{number:,}" for number in (width * hidden + hidden, hidden, width + hidden)))
    return Question(
        ask=f"From {width:,} numbers a token to {hidden:,}: how many learned numbers does this step have in one block?",
        choices=choices,
        answer=answer,
        why=f"{hidden:,} columns of {width:,} weights, and a bias for each column; all tokens share them.",
    )


STAGE = stage(
    __doc__,
    key="expand",
    notes=Notes(
        say="Each token alone goes through a wide table, four times as wide. Here the model looks at what it has collected.",
        ask="I change one token's row just before this step. Which rows differ after it?",
        trap="No token meets another in this half; that was attention's part.",
    ),
    deeper=("Gradients/four-times",),
    number="5.6a",
    short="Up",
    so_far="What each token has read, on a common scale.",
    missing="Work on it, token by token.",
    part="feed-forward",
    points=("blocks.{block}.ff.hidden",),
    switch="feed-forward:{block}",
    inputs=("blocks.{block}.norm2",),
    lines=("self.hook_hidden(",),
    per_block=True,
    picture=picture,
    caption=caption,
    question=question,
)
