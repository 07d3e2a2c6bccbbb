"""Which prediction is looked at, and which words are asked about."""

from collections.abc import Sequence

import numpy as np

from ... import lens, sampling, tokenizer
from ...attribution import Taken, doubled
from ...trace import Trace
from ..lab import Control, Setting

WINDOW = 12  # tokens of a picture with their words in it
QUOTES = "\"“”'"
WORD_HELP = (
    "A word is read with the space before it, as inside a sentence; in quotation marks it is taken as it stands. Of a word of several "
    "tokens the first counts."
)


def place(setting: Setting) -> Control:
    """After which token the prediction is made."""
    labels = setting.labels()
    return Control(
        "at",
        "After token",
        "choice",
        default=len(labels) - 1,
        options=tuple(range(len(labels))),
        show=lambda row: labels[row],
        help="The prediction made after this token; the last one is the word that comes next.",
    )


def typed(setting: Setting, text: str) -> int | None:
    """The token a reader means by a word; None for no word. Raises ValueError for one this model does not have."""
    text = text.strip()
    if not text:
        return None
    quoted = len(text) > 2 and text[0] in QUOTES and text[-1] in QUOTES
    token = tokenizer.encode(text[1:-1] if quoted else f" {text}")[0]
    if token >= setting.config.vocab_size:
        raise ValueError(
            f"This model has {setting.config.vocab_size:,} words, and {text[:40]!r} is none of them. Type another word."
        )
    return token


def logits(setting: Setting, row: int) -> np.ndarray:
    """(word,): the model's logits after a token."""
    return setting.trace(points=("logits",)).array("logits")[0, row]


def taken(setting: Setting, trace: Trace) -> Taken:
    """The plain pass of the sentence, to be taken apart; its double precision is worked out once."""
    key = ("in double precision", setting.model_key, setting.ids)
    exact = setting.once(key, lambda: doubled(setting.model, trace.ids), "The text goes through in double precision")
    return Taken(trace, exact=exact)


def favourites(setting: Setting, row: int, count: int) -> list[int]:
    """The most probable words after a token, the best first."""
    return sampling.top(logits(setting, row), count).tolist()


def window(tokens: int, row: int, most: int = WINDOW) -> range:
    """The tokens a picture shows: as many as have room, up to the chosen one where that does."""
    stop = max(row + 1, min(tokens, most))
    return range(max(0, stop - most), stop)


def depth_names(layers: int) -> tuple[str, ...]:
    """Of `lens.points`, as rows are called."""
    return ("embedding", *(f"{block + 1} {half}" for block in range(layers) for half in ("attention", "feed-forward")))


def block_names(layers: int) -> tuple[str, ...]:
    """Of `lens.block_points`."""
    return ("embedding", *(f"block {block + 1}" for block in range(layers)))


def of_lens(
    setting: Setting, found: lens.Lens, tokens: Sequence[int], names: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words in a lens's cells, row by row, and what is told of each cell. tokens: the columns' labels come from these places."""
    words = tuple(setting.word(word) for word in found.best.ravel())
    places = [f"{name}, after token {token}" for name in names for token in tokens]
    return words, tuple(f"{word}: {place}" for word, place in zip(words, places))
