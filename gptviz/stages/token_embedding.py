r"""# Token embedding

Every token id picks one row of a big table: the token table. The row is the token's vector (its embedding), a list of learned
numbers that says how the token is used. Looking a row up gives the same numbers as multiplying a one-hot row by the table, with
less work. The table starts random; training moves tokens that are used alike towards each other. One number alone means little:
meaning lies in directions, and the cosine of two vectors tells how alike they point.

$$\mathrm{tok}_t = W_{\text{token}}[\mathrm{id}_t]$$
"""

import numpy as np

from ..figures.matrix import Grid, Panel
from ..likeness import cosines
from ..seen import Seen
from ..words import count, fixed, size
from . import addition, meaning, present
from .stage import Notes, Question, stage


def picture(seen: Seen) -> Grid:
    vectors = seen.array("tok_emb")
    names = seen.labels
    many, width = vectors.shape
    ids = seen.trace.ids[seen.item].tolist()[:many]
    strips = seen.strip(
        "tok_emb",
        f"rows {', '.join(map(str, ids[:4]))}{' ...' if many > 4 else ''} of the token table",
        part="token",
        side=tuple(size(length) for length in addition.lengths(vectors)),
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
    left_out = ""
    if seen.present:
        alike, strips, left_out = present.pairs(seen, alike, strips)
    return Grid(
        panels=(alike, strips),
        per_row=2,
        selected=seen.row,
        left_out=left_out,
        alt=f"Token vectors of {many} tokens as strips of {width} cells, and their cosine similarities.",
    )


def caption(seen: Seen) -> tuple[str, ...]:
    vectors = seen.array("tok_emb")
    ids = seen.trace.ids[seen.item].tolist()[: len(vectors)]
    width, row = vectors.shape[1], seen.row
    model = seen.trace.model
    among = "tokens it read in training" if model.read is not None else "rows"
    if why := meaning.silent(model, ids[row]):
        nearest = f"The vector of {seen.word(row)} says nothing: {why}."
    elif found := meaning.nearest(model, ids[row], 1):
        [(best, near)] = found
        nearest = (
            f"Of all {meaning.known(model):,} {among}, the one closest to {seen.word(row)} is "
            f'"{seen.trace.word(best)}" (cosine {fixed(near)}; on average they have {fixed(meaning.average(model, ids[row]))}).'
        )
    else:
        nearest = f"{seen.word(row)} is the only row."
    likeness = cosines(vectors)
    told = {token: meaning.silent(model, token) for token in set(ids)}
    pairs = [
        (likeness[a, b], a, b)
        for b in range(len(ids))
        for a in range(b)
        if ids[a] != ids[b] and not np.isnan(likeness[a, b]) and not (told[ids[a]] or told[ids[b]])
    ]
    if not pairs:
        return nearest, f"Each row of the table has {width} numbers."
    most, a, b = max(pairs)
    left_out = [row for row in dict.fromkeys(ids.index(token) for token in ids if told[token])]
    less = f" ({count(len(left_out), 'token')} left out, as their vectors say nothing)" if left_out else ""
    alike = f"{seen.word(a)} and {seen.word(b)} are the most alike pair here: {fixed(most)}{less}."
    return alike, nearest


STAGE = stage(
    __doc__,
    key="token-embedding",
    notes=Notes(
        say="The id chooses one row of a table. That row is all the model knows of the token so far, and it was learnt.",
        ask="The same word stands twice in a sentence. Do its two rows differ here?",
        trap="Being close comes from training: in an untrained table every direction is chance.",
    ),
    deeper=("Embeddings/cosine", "Embeddings/map"),
    number="1",
    short="Token",
    so_far="One id for each token.",
    missing="What the token is like: an id is only its name.",
    part="token",
    points=("tok_emb",),
    inputs=("ids",),
    lines=("self.hook_tok_emb(",),
    picture=picture,
    caption=caption,
    question=Question(
        ask="A word comes a second time in a sentence. Which token vector does it get?",
        choices=("Another one, for another place", "The same one again", "The mean of the two places"),
        answer=1,
        why="The table knows ids only, so the same token gets the same row wherever it stands. What differs between two places is added in the next step: the position.",
        trial='a sentence with "·the" in it twice',
        tries={"text": "I saw the cat and the dog", "token": 5},
    ),
)
