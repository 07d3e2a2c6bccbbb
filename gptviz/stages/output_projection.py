r"""# Output projection

The heads' mixes lie side by side, but still apart: head 1 filled the first columns, head 2 the next. One more learned table
(output projection) reads the long row and spreads what every head found over all features.

The product of a row with a table is a sum over the row's numbers, and a sum can be cut into parts: each head has a share of its
own, its slice of the row times its rows of the table. The shares and one bias are the output.

$$o_i = \sum_{h} z_i^{(h)}\, W_{\text{out}}^{(h)} + b_{\text{out}}$$
"""

import numpy as np

from ..figures.matrix import Grid, Panel
from ..seen import Seen
from ..words import count, size
from .stage import Notes, Question, among, stage


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


CLOSE = 1e-5  # a difference below that, against the length of the whole, is rounding
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
        left_out=f"The {ROOM} of {heads} heads that add most." if len(shown) < heads + 2 else "",
        alt=f"Output of attention for {who} in block {seen.block + 1}: one strip per head, the bias, and their sum.",
    )


def caption(seen: Seen) -> tuple[str, ...]:
    rows = shares(seen)
    heads = seen.trace.config.n_head
    lengths = np.linalg.norm(rows, axis=1)
    best, least = int(lengths[:heads].argmax()), int(lengths[:heads].argmin())
    who = seen.quoted(seen.row)
    apart = float(np.abs(rows[:-1].astype(np.float64).sum(0) - rows[-1]).max())
    most = f"Head {best + 1} adds most to {who} (length {size(float(lengths[best]))}), head {least + 1} least ({size(float(lengths[least]))})"
    if heads == 1:
        most = f"The only head adds a row of length {size(float(lengths[0]))} to {who}"
    agree = "but for rounding" if apart < CLOSE * max(1.0, float(lengths[-1])) else f"but for {apart:.2g}"
    return f"{most}.", f"The {count(heads, 'head')} and the bias add up to the output, {agree}."


def question(seen: Seen) -> Question:
    """How long two heads' shares are together."""

    def off(head: int) -> dict[str, str | int]:
        return {"edit": f"head:{seen.block + 1}.{head + 1}", "whatif": True, "block": seen.block + 1}

    heads = seen.trace.config.n_head
    parts = shares(seen)[:heads].astype(np.float64)
    lengths = np.linalg.norm(parts, axis=1)
    if heads == 1:
        return Question(
            ask="You switch the only head off: its context vector becomes 0. What is the output of attention then?",
            choices=("The bias", "A row of zeros", "The same as before"),
            answer=0,
            why="The head's share is 0 times the table, and the bias is added all the same.",
            trial="the head switched off",
            tries=off(0),
        )
    first, second = sorted(np.argsort(-lengths, kind="stable")[:2].tolist())
    total = float(np.linalg.norm(parts[first] + parts[second]))
    added, apart = lengths[first] + lengths[second], abs(lengths[first] - lengths[second])
    choices, answer = among(size(total), size(float(added)), size(float(added * 1.4)), size(float(apart)))
    return Question(
        ask=f"Heads {first + 1} and {second + 1} add rows of length {size(float(lengths[first]))} and {size(float(lengths[second]))}. How long are the two added up?",
        choices=choices[:3],
        answer=answer,
        why=f"{size(total)}: rows add up number by number, and where they point different ways their sum is shorter than their lengths.",
        trial=f"head {first + 1} switched off, to see what its row did",
        tries=off(first),
    )


STAGE = stage(
    __doc__,
    key="output-projection",
    notes=Notes(
        say="The heads' rows are laid side by side and multiplied by one more table, so that what they found can be mixed.",
        ask="With one head instead of many, how many numbers would this table have?",
        trap="Heads are not averaged: each keeps its own columns until this table.",
    ),
    deeper=("Attention/heads",),
    number="5.2g",
    short="Project",
    so_far="What each head has read, side by side.",
    missing="One row made of all of them.",
    part="attention",
    points=("blocks.{block}.att_out",),
    switch="attention:{block}",
    inputs=("blocks.{block}.att.concat",),
    lines=("self.out_proj(concat)", "self.hook_att_out("),
    per_block=True,
    picture=picture,
    caption=caption,
    question=question,
)
