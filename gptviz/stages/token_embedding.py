r"""# Token embedding

Every token id picks one row of a big table: the token table. The row is the token's vector (its embedding), a list of learned
numbers that says what the token is. Looking a row up gives the same numbers as multiplying a one-hot row by the table, with
less work. The table starts random; training moves tokens that are used alike towards each other. One number alone means
little: meaning lies in directions. The same token gets the same vector wherever it stands.

$$\mathrm{tok}_t = W_{\text{token}}[\mathrm{id}_t]$$
"""

import numpy as np

from ..figures.matrix import Grid, Panel
from ..likeness import closest, cosines
from ..seen import Seen
from . import addition, present
from .stage import Question, stage


def picture(seen: Seen) -> Grid:
    vectors = seen.array("tok_emb")
    names = seen.labels
    size, width = vectors.shape
    ids = seen.trace.ids[seen.item].tolist()[:size]
    strips = seen.strip(
        "tok_emb",
        f"rows {', '.join(map(str, ids[:4]))}{' ...' if size > 4 else ''} of the token table",
        part="token",
        side=tuple(addition.size(length) for length in addition.lengths(vectors)),
        side_title="length",
    )
    alike = Panel(
        title="How alike? cosine of every pair",
        values=cosines(vectors),
        rows=names,
        columns=names,
        row_axis="token",
        column_axis="token",
        limits=(-1.0, 1.0),
        point="cosine:tok_emb",
        prefix=(seen.item,),
        part="token",
    )
    note = ""
    if seen.present:
        alike, strips, note = present.pairs(seen, alike, strips)
    return Grid(
        panels=(alike, strips),
        per_row=2,
        selected=seen.row,
        note=note,
        alt=f"Token vectors of {size} tokens as strips of {width} cells, and their cosine similarities.",
    )


def caption(seen: Seen) -> str:
    vectors = seen.array("tok_emb")
    ids = seen.trace.ids[seen.item].tolist()[: len(vectors)]
    width, row = vectors.shape[1], seen.row
    [(best, near)] = closest(seen.trace.model.tok_emb.weight, ids[row])
    chance = f"Two random directions of {width} numbers give 0, give or take {1 / width**0.5:.2f}."
    nearest = (
        f"Of all {seen.trace.config.vocab_size:,} rows, the one closest to {seen.quoted(row)} is "
        f'"{seen.trace.word(best)}" (cosine {near:.2f}).'
    )
    likeness = cosines(vectors)
    pairs = [
        (likeness[a, b], a, b) for b in range(len(ids)) for a in range(b) if ids[a] != ids[b] and not np.isnan(likeness[a, b])
    ]
    if not pairs:
        return f"{nearest} {chance}"
    most, a, b = max(pairs)
    alike = f"{seen.quoted(a)} and {seen.quoted(b)} are the most alike pair here: {most:.2f}."
    return f"{alike} {nearest} {chance}"


STAGE = stage(
    __doc__,
    key="token-embedding",
    deeper=("Embeddings/cosine", "Embeddings/map"),
    number="1",
    short="Token",
    part="token",
    points=("tok_emb",),
    inputs=("ids",),
    lines=("self.hook_tok_emb(",),
    picture=picture,
    caption=caption,
    question=Question(
        ask="The same word stands twice in a sentence. Do its two token vectors differ?",
        choices=("Yes, they depend on the place", "No, the same row of the table", "Only in a trained model"),
        answer=1,
        why="The table knows ids only. What differs between two places is added in the next step: the position.",
    ),
)
