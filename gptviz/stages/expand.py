r"""# Expand

Attention let tokens read each other. Now every token works alone (feed-forward layer): nothing flows between rows here, and
all rows use the same table.

First the row is made four times as wide. Each new number (hidden unit) is a weighted sum of all features plus a bias: it
measures how strongly one learned pattern is present in this token. Positive means present. Four times the width is a choice
that works: room for many patterns before the row is folded back.

$$h_t = \mathrm{LN}(x_t)\, W_{\text{up}} + b_{\text{up}}$$
"""

from .. import sampling
from ..figures.matrix import Grid
from . import stage as base
from .stage import Question, stage


def picture(trace, view) -> Grid:
    at = f"blocks.{view.block}."
    hidden = base.array(trace, view, at + "ff.hidden")
    return Grid(
        panels=(
            base.strip(trace, view, at + "norm2", f"after LayerNorm: {trace.config.n_embd:,} numbers a token", dim=True),
            base.strip(
                trace,
                view,
                at + "ff.hidden",
                f"hidden units: {hidden.shape[1]:,} numbers a token",
                joiner="× W_up + b →",
                part="feed-forward",
                side=tuple(f"{share:.0%}" for share in (hidden > 0).mean(1)),
                side_title="above 0",
            ),
        ),
        per_row=1,
        selected=base.token(trace, view),
        alt=f"Block {view.block + 1}: {len(hidden)} tokens grow from {trace.config.n_embd} to {hidden.shape[1]} numbers each.",
    )


def caption(trace, view) -> str:
    row = base.token(trace, view)
    hidden = base.array(trace, view, f"blocks.{view.block}.ff.hidden")[row]
    strongest = sampling.top(hidden, 3)
    units = ", ".join(f"{unit} ({hidden[unit]:.2f})" for unit in strongest)
    return (
        f"{base.quoted(trace, view, row)} makes {(hidden > 0).sum():,} of {len(hidden):,} units positive. "
        f"Its strongest are units {units}."
    )


STAGE = stage(
    __doc__,
    key="expand",
    number="5.6a",
    short="Up",
    part="feed-forward",
    points=("blocks.{block}.ff.hidden",),
    inputs=("blocks.{block}.norm2",),
    lines=("self.hook_hidden(",),
    per_block=True,
    picture=picture,
    caption=caption,
    question=Question(
        ask="You change the row of token 2 right before the feed-forward layer. Which rows differ right after it?",
        choices=("Row 2 only", "Row 2 and all later rows", "All rows"),
        answer=0,
        why="The feed-forward layer handles each row on its own. Only attention moves anything between tokens.",
    ),
)
