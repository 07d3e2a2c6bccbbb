r"""# Positional embedding

The token table gives a word the same vector wherever it stands. Order comes from a second table: row 0 belongs to the first
position, row 1 to the next, and so on. The vectors (positional embeddings) say where, not what. They start random and are learned like everything else; some other models add fixed waves instead. The table has one row
for each position the model can take, and no more: 256 in mini, 1,024 in GPT-2.

$$\mathrm{pos}_t = W_{\text{position}}[t], \qquad t = 0, 1, 2, \dots$$
"""

from dataclasses import replace

import numpy as np

from .. import tokenizer
from ..figures.matrix import Grid, Panel
from ..likeness import cosines
from ..seen import Seen
from ..words import fixed, size
from . import addition, present
from .stage import Notes, Question, stage


def picture(seen: Seen) -> Grid:
    vectors = seen.array("pos_emb")
    many, rows = len(vectors), seen.trace.config.context_length
    names = tuple(map(str, range(many)))
    strips = replace(
        seen.strip(
            "pos_emb",
            f"row 0 of {rows:,}" if many == 1 else f"rows 0 to {many - 1} of {rows:,} of the position table",
            part="position",
            side=tuple(size(length) for length in addition.lengths(vectors)),
            side_title="length",
            row_axis="position",
        ),
        rows=names,
    )
    alike = Panel(
        title="How alike? cosine of every pair",
        values=cosines(vectors),
        rows=names,
        columns=names,
        row_axis="position",
        column_axis="position",
        limits=(-1.0, 1.0),
        point="cosine:pos_emb",
        part="position",
    )
    left_out = ""
    if seen.present:
        alike, strips, left_out = present.pairs(seen, alike, strips)
    return Grid(
        panels=(alike, strips),
        per_row=2,
        selected=seen.row,
        left_out=left_out,
        alt=f"Position vectors 0 to {many - 1} as strips of {vectors.shape[1]} cells, and their cosine similarities.",
    )


def caption(seen: Seen) -> tuple[str, ...]:
    vectors = seen.array("pos_emb")
    many, width, rows = *vectors.shape, seen.trace.config.context_length
    if many == 1:
        return (
            f"One token, one position: row 0 of {rows:,}, {width} numbers with length {size(float(np.linalg.norm(vectors)))}.",
        )
    likeness = cosines(vectors)
    if np.isnan(likeness).any():
        zeros = int((addition.lengths(vectors) == 0).sum())
        return (f"{zeros} of the {many} position vectors are all zeros here: they have no direction, and nothing to compare.",)
    near = np.diag(likeness, 1).mean()
    far = likeness[0, -1]
    beside = f"Neighbouring positions have cosine {fixed(near)}" + (" on average" if many > 2 else "")
    ends = f", the first and the last of these {many} have {fixed(far)}" if many > 2 else ""
    return f"{beside}{ends}.", f"{many} of {rows:,} rows are used; any other sentence of {many} tokens uses the same ones."


def question(seen: Seen) -> Question:
    """Whether rows go with words."""
    ids = seen.trace.ids[seen.item, : seen.size].tolist()
    choices = ("The same rows", "Two rows trade places, as the words do", "Two rows that were not used before")
    why = "Position 1 gets row 1 and position 2 gets row 2, whatever stands there: the words move, the rows stay."
    if len(ids) < 3 or ids[1] == ids[2]:
        return Question(
            ask="Two words of a sentence, one token each, trade places. Which rows of the position table are used then?",
            choices=choices,
            answer=0,
            why=why,
        )
    swapped = [ids[0], ids[2], ids[1], *ids[3:]]
    text = tokenizer.decode(swapped)
    stays = tokenizer.encode(text) == swapped  # else the text would be cut at other places
    return Question(
        ask=f"{seen.word(1)} and {seen.word(2)} trade places. Which rows of the position table are used then?",
        choices=choices,
        answer=0,
        why=why,
        trial="the words swapped" if stays else "",
        tries={"text": text} if stays else {},
    )


STAGE = stage(
    __doc__,
    key="positional-embedding",
    notes=Notes(
        say="A second table has one row for each place, counted from 0. It is read by place alone, whatever the word is.",
        ask="Two words change places. Which rows of this table are read now?",
        trap="The table has as many rows as the context is long; a short sentence reads the first few of them.",
    ),
    deeper=("Embeddings/positions", "Context/shift"),
    number="2",
    short="Position",
    so_far="A vector that says what each token is.",
    missing="Where it stands.",
    part="position",
    points=("pos_emb",),
    switch="position",
    inputs=(),
    lines=("self.hook_pos_emb(",),
    picture=picture,
    caption=caption,
    question=question,
)
