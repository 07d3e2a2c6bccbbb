r"""# Token embedding

Every token id picks one row of a big table: the token table. The row is the token's vector (its embedding), a list of learned
numbers that says what the token is. Looking a row up gives the same numbers as multiplying a one-hot row by the table, with less
work. The table starts random; training moves tokens that are used alike towards each other. One number alone means little:
meaning lies in directions. The same token gets the same vector wherever it stands.

$$\mathrm{tok}_t = W_{\text{token}}[\mathrm{id}_t]$$
"""

import numpy as np

from ..figures.matrix import Grid, Panel
from . import base
from .base import Question, stage


def cosines(vectors: np.ndarray) -> np.ndarray:
    """Cosine similarity of every pair of rows."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit @ unit.T).astype(np.float32)


def picture(trace, view) -> Grid:
    vectors = base.array(trace, view, "tok_emb")
    names = base.labels(trace, view)
    norms = np.linalg.norm(vectors, axis=1)
    ids = trace.ids[view.item].tolist()
    strips = base.strip(
        trace,
        view,
        "tok_emb",
        f"rows {', '.join(map(str, ids[:4]))}{' ...' if len(names) > 4 else ''} of the token table",
        part="token",
        side=tuple(f"{norm:.2f}" for norm in norms),
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
    return Grid(
        panels=(alike, strips),
        per_row=2,
        selected=base.token(trace, view),
        alt=f"Token vectors of {len(names)} tokens as strips of {vectors.shape[1]} cells, and their cosine similarities.",
    )


def caption(trace, view) -> str:
    vectors = base.array(trace, view, "tok_emb")
    ids = trace.ids[view.item].tolist()[: len(vectors)]
    likeness = cosines(vectors)
    pairs = [(likeness[a, b], a, b) for b in range(len(ids)) for a in range(b) if ids[a] != ids[b]]
    width = vectors.shape[1]
    if not pairs:
        return f"one row of {width} numbers; the sentence has no two different tokens to compare."
    best, a, b = max(pairs)
    return (
        f"{base.quoted(trace, view, a)} and {base.quoted(trace, view, b)} are the most alike pair here: cosine {best:.2f}. "
        f"Two random directions of {width} numbers would give 0, give or take {1 / width**0.5:.2f}."
    )


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
