"""Tokens of a sentence as chips: whole characters, their ids, and where each token comes from."""

from collections.abc import Sequence

from .. import tokenizer
from ..figures import style
from ..figures.chips import Chip
from ..seen import Seen
from ..trace import Trace

NEUTRAL = style.TOKENS.index(style.PARTS["residual"])


def shown(trace: Trace, ids: Sequence[int]) -> str:
    """The text of consecutive tokens as it can be printed: a space as a visible dot, stray bytes as <F0>."""
    if len(ids) == 1:
        return trace.word(ids[0])
    return tokenizer.printable(b"".join(tokenizer.token_bytes(token) for token in ids))


def colour(row: int) -> int:
    """The colour of the token in this row; rows that fell out of the context count backwards."""
    return row % len(style.TOKENS)


def sentence(seen: Seen) -> list[Chip]:
    """The viewed sentence as chips, first what fell out of the context.

    A character split over several tokens is one chip with all their ids.
    """
    ids = seen.trace.ids[seen.item, : seen.size].tolist()
    chips, row = [], -len(seen.cropped)
    for group in tokenizer.groups(list(seen.cropped)):
        chips.append(Chip(shown(seen.trace, group.ids), group.ids, colour(row), "cropped"))
        row += len(group.ids)
    for group in tokenizer.groups(ids):
        last = row + len(group.ids) - 1
        chips.append(
            Chip(shown(seen.trace, group.ids), group.ids, colour(row), "appended" if last >= len(ids) - seen.appended else "")
        )
        row = last + 1
    return chips


def holding(chips: Sequence[Chip], first: int, rows: range) -> tuple[int, ...]:
    """The places of the chips with a token in one of these rows. first: the row of the first chip's first token."""
    found, row = [], first
    for place, chip in enumerate(chips):
        if row < rows.stop and rows.start < row + len(chip.ids):
            found.append(place)
        row += len(chip.ids)
    return tuple(found)


def abridged(
    chips: Sequence[Chip], at_most: int, selected: Sequence[int] = ()
) -> tuple[tuple[Chip, ...], tuple[int, ...], int]:
    """The first and the last chips with "... N more" between them, the places of the selected ones that are among these, and how
    many are hidden."""
    if len(chips) <= at_most:
        return tuple(chips), tuple(selected), 0
    head, tail = at_most // 2, at_most - at_most // 2 - 1
    hidden = len(chips) - head - tail
    kept = (*chips[:head], Chip(f"... {hidden:,} more", (), NEUTRAL), *chips[len(chips) - tail :])
    before = [place for place in selected if place < head]
    after = [place - hidden + 1 for place in selected if place >= len(chips) - tail]
    return kept, (*before, *after), hidden
