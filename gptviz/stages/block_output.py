r"""# Block output and the whole stack

That was one block. Its output has the shape of its input, so the next block can take it up, and the next: blocks stand in
series, each with weights of its own. Every block adds to the same row of numbers (residual
stream), first from attention, then from the feed-forward layer.

Here one token's row is followed from the input embedding to the last block. Rows of this picture are moments, not tokens.

$$x^{(i)} = x^{(i-1)} + \text{attention}_i + \text{feed-forward}_i$$
"""

from dataclasses import replace

import numpy as np

from ..figures import style
from ..figures.matrix import Grid, Panel
from ..points import stream_in
from ..seen import Seen
from ..words import size
from . import addition, present
from .stage import Notes, Question, stage


def stream(seen: Seen) -> np.ndarray:
    """(block + 1, feature): the viewed token's row as it enters the first block, and after every block."""
    row = seen.row
    return np.stack([seen.array(stream_in(i))[row] for i in range(seen.trace.config.n_layer + 1)])


def picture(seen: Seen) -> Grid:
    """The row at every moment; what enters has colours of its own where in those of the others it would look empty."""
    row = seen.row
    who = seen.quoted(row)
    rows = stream(seen)
    blocks = len(rows) - 1
    norms = np.linalg.norm(rows, axis=1)
    added = np.linalg.norm(np.diff(rows, axis=0), axis=1)
    lengths = (f"{norms[0]:.1f}", *(f"{norm:.1f} (+ {extra:.1f})" for norm, extra in zip(norms[1:], added)))
    small = seen.present and seen.narrow  # there a second number in a line would be cut off
    faint = norms[0] * addition.APART < norms[1:].max()
    whole = (
        Panel(
            title=f"{who} on its way through {blocks} block{'s' if blocks > 1 else ''}",
            values=rows,
            rows=("input", *(f"block {i + 1}" for i in range(blocks))),
            row_axis="after",
            point="stream",
            prefix=(seen.item, row),
            side=tuple(f"{norm:.1f}" for norm in norms) if small else lengths,
            side_title="length" if small else "length (added)",
            printed=False,
        ),
    )
    if faint:
        [panel] = whole
        first = present.crop(panel, (0,), tuple(range(rows.shape[1])), printed=False)
        others = present.crop(panel, tuple(range(1, blocks + 1)), tuple(range(rows.shape[1])), printed=False)
        whole = (
            replace(first, limits=None, side_title=""),
            replace(others, title="after each block", limits=style.robust_limits(rows[1:], "signed")),
        )
    own = " The input has colours of its own." if faint else ""
    return Grid(
        panels=whole,
        selected=seen.block + 1,
        note="One token, one row per moment." + own + " Added: length of what the block added to the row above." * (not small),
        alt=f"The residual stream of {who} at the input and after each of {blocks} blocks, "
        f"length {norms[0]:.1f} at first and {norms[-1]:.1f} at last.",
    )


def caption(seen: Seen) -> tuple[str, ...]:
    rows = stream(seen)
    norms = np.linalg.norm(rows, axis=1)
    added = np.linalg.norm(np.diff(rows, axis=0), axis=1)
    most = int(added.argmax())
    who = seen.quoted(seen.row)
    return (
        f"Block {seen.block + 1} adds a row of length {size(float(added[seen.block]))} to {who}.",
        f"Over the whole stack the length goes from {size(float(norms[0]))} to {size(float(norms[-1]))}; block {most + 1} adds most ({size(float(added[most]))}).",
    )


STAGE = stage(
    __doc__,
    key="block-output",
    notes=Notes(
        say="That was one block. The next one does the same steps with its own tables, as many times as the model has blocks.",
        ask="You change the last word only. Which rows differ after all blocks?",
        trap="Blocks stand one after another, heads beside each other: two counts that are often mixed up.",
    ),
    deeper=("Embeddings/blocks", "Size/heads", "Size/forward", "Parts/sublayers"),
    number="5.9",
    short="Stack",
    so_far="One block, from end to end.",
    missing="The other blocks: the same steps, other tables.",
    part="residual",
    points=("blocks.{block}.shortcut2",),
    switch="block:{block}",
    inputs=("stream_in", "blocks.*.shortcut?", "blocks.*.drop?"),
    lines=("for block in self.blocks:", "x = block(x)"),
    per_block=True,
    picture=picture,
    caption=caption,
    question=Question(
        ask="You change only the last word of a sentence. Which rows differ after the whole stack?",
        choices=("The last row only", "All rows", "All rows but the first"),
        answer=0,
        why="No token reads a later one, in any block. Everything before the change stays bit for bit the same.",
    ),
)
