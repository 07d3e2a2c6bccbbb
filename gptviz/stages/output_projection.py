r"""# Output projection

The heads' mixes lie side by side, but still apart: head 1 filled the first columns, head 2 the next. One more learned table
(output projection) reads the long row and spreads what every head found over all features.

Because multiplying and adding can be done in any order, each head has its own share of the result: its slice of the row
times its rows of the table. All heads' shares plus one bias are exactly what attention hands back.

$$\text{att}_t = \sum_{h} c_t^{h}\, W_{\text{out}}^{h} + b_{\text{out}}$$
"""

import numpy as np

from ..figures.matrix import Grid, Panel
from ..seen import Seen
from .stage import Question, stage


def shares(seen: Seen) -> np.ndarray:
    """(head + 2, feature): what each head adds to the viewed token, the bias, and the output the model computed."""
    row = seen.row
    at = f"blocks.{seen.block}."
    config = seen.trace.config
    concat = seen.array(at + "att.concat")[row]
    project = seen.trace.model.blocks[seen.block].att.out_proj
    weight = project.weight.detach().numpy().reshape(config.n_head, config.head_size, config.n_embd)
    parts = np.einsum("hc,hcf->hf", concat.reshape(config.n_head, config.head_size), weight)
    return np.concatenate([parts, project.bias.detach().numpy()[None], seen.array(at + "att_out")[row][None]])


ROOM = 5  # heads that Present mode shows


def picture(seen: Seen) -> Grid:
    row = seen.row
    who = seen.quoted(row)
    rows = shares(seen)
    heads = seen.trace.config.n_head
    concat = f"blocks.{seen.block}.att.concat"
    names = (*(f"head {head + 1}" for head in range(heads)), "+ bias", "= output")
    lengths = np.linalg.norm(rows, axis=1)
    shown = [*range(heads + 2)]
    if seen.present:  # the heads that add most, with names a room can read
        shown = [*sorted(np.argsort(-lengths[:heads], kind="stable")[:ROOM].tolist()), heads, heads + 1]
    return Grid(
        panels=(
            Panel(
                title=f"{who}: the context vectors of {heads} heads side by side",
                values=seen.array(concat)[row][None],
                rows=(seen.labels[row],),
                point=concat,
                prefix=seen.prefix(concat),
                row_index=(row,),
                part="value",
                dim=True,
                printed=False,
            ),
            Panel(
                title="what each head adds, + bias = output",
                values=rows[shown],
                rows=tuple(names[row] for row in shown),
                row_index=tuple(shown),
                row_axis="part",
                point=f"head_out:blocks.{seen.block}",
                prefix=(seen.item, row),
                side=tuple(f"{length:.2f}" for length in lengths[shown]),
                side_title="length",
                part="attention",
                joiner="× W_out →",
                printed=False,
            ),
        )[seen.present :],
        per_row=1,
        note=f"The {ROOM} of {heads} heads that add most." if len(shown) < heads + 2 else "",
        alt=f"Output of attention for {who} in block {seen.block + 1}: one strip per head, the bias, and their sum.",
    )


def caption(seen: Seen) -> str:
    rows = shares(seen)
    heads = seen.trace.config.n_head
    lengths = np.linalg.norm(rows, axis=1)
    best, least = int(lengths[:heads].argmax()), int(lengths[:heads].argmin())
    who = seen.quoted(seen.row)
    apart = float(np.abs(rows[:-1].astype(np.float64).sum(0) - rows[-1]).max())
    most = f"Head {best + 1} adds most to {who} (length {lengths[best]:.2f}), head {least + 1} least ({lengths[least]:.2f})"
    if heads == 1:
        most = f"The only head adds a row of length {lengths[0]:.2f} to {who}"
    return f"{most}. The {heads + 1} parts add up to the output, largest difference {apart:.0e}."


STAGE = stage(
    __doc__,
    key="output-projection",
    deeper=("Attention/heads",),
    number="5.2g",
    short="Project",
    part="attention",
    points=("blocks.{block}.att_out",),
    inputs=("blocks.{block}.att.concat",),
    lines=("self.out_proj(concat)", "self.hook_att_out("),
    per_block=True,
    picture=picture,
    caption=caption,
    question=Question(
        ask="You switch one head off: its context vector becomes 0. What happens to the output of attention?",
        choices=("It loses exactly that head's share", "Every head's share changes", "Nothing changes"),
        answer=0,
        why="The shares are simply added, so taking one away leaves the others of this block as they are.",
    ),
)
