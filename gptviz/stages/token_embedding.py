r"""# Token embedding

Every token id picks one row of a big table: the token table. The row is the token's vector (its embedding), a list of learned
numbers that says what the token is. Looking a row up gives the same numbers as multiplying a one-hot row by the table, with
less work. The table starts random; training moves tokens that are used alike towards each other. One number alone means
little: meaning lies in directions. The same token gets the same vector wherever it stands.

$$\mathrm{tok}_t = W_{\text{token}}[\mathrm{id}_t]$$
"""

import numpy as np

from ..figures.matrix import Grid, Panel
from . import addition, present
from . import stage as base
from .likeness import closest, cosines
from .stage import Question, stage


def picture(trace, view) -> Grid:
    vectors = base.array(trace, view, "tok_emb")
    names = base.labels(trace, view)
    size, width = vectors.shape
    ids = trace.ids[view.item].tolist()[:size]
    strips = base.strip(
        trace,
        view,
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
        prefix=(view.item,),
        part="token",
    )
    note = ""
    if view.present:
        alike, strips, note = present.pairs(trace, view, alike, strips)
    return Grid(
        panels=(alike, strips),
        per_row=2,
        selected=base.token(trace, view),
        note=note,
        alt=f"Token vectors of {size} tokens as strips of {width} cells, and their cosine similarities.",
    )


def caption(trace, view) -> str:
    vectors = base.array(trace, view, "tok_emb")
    ids = trace.ids[view.item].tolist()[: len(vectors)]
    width, row = vectors.shape[1], base.token(trace, view)
    [(best, near)] = closest(trace.model.tok_emb.weight, ids[row])
    chance = f"Two random directions of {width} numbers give 0, give or take {1 / width**0.5:.2f}."
    nearest = (
        f"Of all {trace.config.vocab_size:,} rows, the one closest to {base.quoted(trace, view, row)} is "
        f'"{trace.word(best)}" (cosine {near:.2f}).'
    )
    likeness = cosines(vectors)
    pairs = [
        (likeness[a, b], a, b) for b in range(len(ids)) for a in range(b) if ids[a] != ids[b] and not np.isnan(likeness[a, b])
    ]
    if not pairs:
        return f"{nearest} {chance}"
    most, a, b = max(pairs)
    alike = f"{base.quoted(trace, view, a)} and {base.quoted(trace, view, b)} are the most alike pair here: {most:.2f}."
    return f"{alike} {nearest} {chance}"


STAGE = stage(
    __doc__,
    key="token-embedding",
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
