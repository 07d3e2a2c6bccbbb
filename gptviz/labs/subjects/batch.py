"""Several sentences as one batch."""

from collections.abc import Sequence

from ... import tokenizer


def padded(rows: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """Rows of one length: the shorter ones get <|endoftext|> on the right, where no earlier token can read it."""
    longest = max(map(len, rows))
    return tuple(tuple(row) + (tokenizer.END_OF_TEXT_ID,) * (longest - len(row)) for row in rows)
