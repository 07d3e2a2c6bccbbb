"""Tokens of a sentence as chips: whole characters, their ids, and where each token comes from."""

from collections.abc import Sequence

from .. import tokenizer
from ..figures import style
from ..figures.chips import Chip
from ..trace import Trace
from . import base
from .base import View

NEUTRAL = style.TOKENS.index(style.PARTS["residual"])


def shown(trace: Trace, ids: Sequence[int]) -> str:
    """The text of consecutive tokens as it can be printed: a space as a visible dot, stray bytes as <F0>."""
    if len(ids) == 1:
        return trace.word(ids[0])
    return tokenizer.printable(b"".join(tokenizer.token_bytes(token) for token in ids))


def colour(row: int) -> int:
    """The colour of the token in this row; rows that fell out of the context count backwards."""
    return row % len(style.TOKENS)


def sentence(trace: Trace, view: View) -> tuple[list[Chip], int]:
    """The viewed sentence as chips, first what fell out of the context, and the place of the chosen token's chip.

    A character split over several tokens is one chip with all their ids.
    """
    ids = trace.ids[view.item, : base.length(trace, view)].tolist()
    chips, row = [], -len(view.cropped)
    for group in tokenizer.groups(list(view.cropped)):
        chips.append(Chip(shown(trace, group.ids), group.ids, colour(row), "cropped"))
        row += len(group.ids)
    chosen, selected = base.token(trace, view), 0
    for group in tokenizer.groups(ids):
        last = row + len(group.ids) - 1
        if row <= chosen <= last:
            selected = len(chips)
        chips.append(Chip(shown(trace, group.ids), group.ids, colour(row), "appended" if last >= len(ids) - view.appended else ""))
        row = last + 1
    return chips, selected


def abridged(chips: Sequence[Chip], at_most: int, selected: int | None = None) -> tuple[tuple[Chip, ...], int | None, int]:
    """The first and the last chips with "... N more" between them, the place of the selected one, and how many are hidden.

    The selected place is None when its chip is among the hidden ones.
    """
    if len(chips) <= at_most:
        return tuple(chips), selected, 0
    head, tail = at_most // 2, at_most - at_most // 2 - 1
    hidden = len(chips) - head - tail
    kept = (*chips[:head], Chip(f"... {hidden:,} more", (), NEUTRAL), *chips[len(chips) - tail :])
    if selected is not None and selected >= head:
        selected = selected - hidden + 1 if selected >= len(chips) - tail else None
    return kept, selected, hidden
