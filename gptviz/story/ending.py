"""The last page, after the walk: what was seen, what to try, where to go on."""

SEEN = (
    ("token", "A sentence became rows of numbers, one row a token: what it is, plus where it stands."),
    (
        "attention",
        "Attention let each row fetch from earlier rows. A query meets keys, scores become shares of 1, values are mixed by them.",
    ),
    ("feed-forward", "The feed-forward layer worked on each row alone: it got wider, bent, and narrower again."),
    ("residual", "Shortcuts added every result to the row, so nothing was replaced; LayerNorm kept the sizes in order."),
    ("output", "The last row was compared with every token of the vocabulary. The best one was written behind the text."),
)
"""Part of the model, whose colour it takes -> what happened there."""

NOT_LEARNED = (
    "Learned in training: both tables, the tables of query, key, value and output, those of the feed-forward layer, and LayerNorm's "
    "scale and shift. Not learned: the mask, softmax, GELU, dropout, and the order of the steps."
)

CARDS = ("letter", "him", "copy", "pardon")
"""Examples to try next."""

LABS = (
    ("Attention/masks", "What if a token could read what comes later?"),
    ("Sampling/write", "What if the most probable word is not taken every time?"),
    ("Replay/next", "How did it come to know this word?"),
)
"""Three experiments -> the question each of them answers."""
