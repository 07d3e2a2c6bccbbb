r"""# Text into tokens

A model reads no letters, only numbers from a fixed list. So the text is cut into pieces (tokens) by byte-pair encoding: start
from single bytes, join the neighbouring pair that was learned first, and repeat until no known pair is left. Frequent words
end as one token, rare ones as several. A space belongs to the token after it; here it is drawn as a dot. Every text works:
what is unknown stays in smaller parts, down to bytes. The model has no part in this.

$$\text{next pair} = \underset{(a,\,b)\ \text{neighbours}}{\arg\min}\ \mathrm{rank}(a + b)$$
"""

from dataclasses import dataclass

from .. import tokenizer
from ..figures.chips import Chip, Chips
from ..tokenizer import Merge
from . import base, token_chips
from .base import Question, View, stage

SENTENCE = 36  # chips of the sentence, so that the merges below stay in sight
STATES = ((10, 4), (22, 3), (SENTENCE, 2))  # up to so many chips above, so many states of the stepper below
PARTS = 16  # chips of one state
LONGEST = 64  # bytes of a piece that can be stepped through


@dataclass(frozen=True)
class Piece:
    """The piece of the text the stepper shows. number: its place among all, from 0; row: of its first token."""

    text: str
    number: int
    of: int
    row: int
    special: bool

    @property
    def shown(self) -> str:
        return tokenizer.printable(self.text.encode())

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(tokenizer.encode(self.text, special=self.special))

    @property
    def whole(self) -> bool:
        """The special token: it has an id of its own and is never built by merges."""
        return self.special and self.text == tokenizer.END_OF_TEXT

    @property
    def steppable(self) -> bool:
        return not self.whole and len(self.text.encode()) <= LONGEST


def merge_steps(view: View) -> int:
    """How many merges of the viewed piece can be stepped through; 0 when there are none or the piece is too long."""
    piece = chosen_piece(view)
    return len(tokenizer.merges(piece.text)) - 1 if piece and piece.steppable else 0


def chosen_piece(view: View) -> Piece | None:
    """The viewed piece of the typed text; None when there is no text."""
    pieces = tokenizer.pieces(view.text, special=view.special)
    if not pieces:
        return None
    number = min(max(view.piece, 0), len(pieces) - 1)
    before = sum(len(tokenizer.encode(piece, special=view.special)) for piece in pieces[:number])
    return Piece(pieces[number], number, len(pieces), before - len(view.cropped), view.special)


def chosen_step(view: View, states: list[Merge]) -> int:
    """The viewed number of merges: the last one unless another is asked for."""
    asked = len(states) - 1 if view.step is None or view.step < 0 else view.step
    return min(asked, len(states) - 1)


def state_chips(states: list[Merge], number: int, row: int) -> tuple[Chip, ...]:
    """One state as chips. A part has the colour of the token it ends in; the part the merge just made is marked."""
    ends, at = [], 0
    for part in states[-1].parts:
        at += len(part)
        ends.append(at)
    parts = states[number].parts
    before = states[number - 1].parts if number else parts
    joined = next((at for at, (old, new) in enumerate(zip(before, parts)) if old != new), None)
    found, at = [], 0
    for place, (part, token) in enumerate(zip(parts, states[number].ids)):
        owner = next(n for n, end in enumerate(ends) if at < end)
        state = "joined" if place == joined else ""
        found.append(Chip(tokenizer.printable(part), (token,), token_chips.colour(row + owner), state))
        at += len(part)
    if len(found) <= PARTS:
        return tuple(found)
    start = max(0, min((joined or 0) - PARTS // 2, len(found) - PARTS + 2))
    stop = start + PARTS - 2
    left = (Chip(f"{start} before", (), token_chips.NEUTRAL),) if start else ()
    right = (Chip(f"{len(found) - stop} more", (), token_chips.NEUTRAL),) if stop < len(found) else ()
    return (*left, *found[start:stop], *right)


def stepper(view: View, piece: Piece, at_most: int) -> list[tuple[str, tuple[Chip, ...]]]:
    """Lines of the merge stepper: the chosen state, the final tokens, the bytes, then as many merges before it as fit."""
    if not piece.steppable:
        final, _, _ = token_chips.abridged(
            [
                Chip(tokenizer.printable(token), (token,), token_chips.colour(piece.row + n))
                for n, token in enumerate(piece.ids)
            ],
            PARTS,
        )
        return [("the special token: no merges" if piece.whole else f"{len(piece.text.encode()):,} bytes, all merged", final)]
    states = tokenizer.merges(piece.text)
    step, last = chosen_step(view, states), len(states) - 1
    wanted = dict.fromkeys((step, last, 0, *range(step - 1, 0, -1), *range(step + 1, last)))
    lines = []
    for number in sorted(list(wanted)[:at_most]):
        rank = states[number].rank
        heading = ("1 byte" if len(states[0].parts) == 1 else f"{len(states[0].parts)} bytes") if rank is None else f"merge {number} of {last}: rank {rank:,}"
        if number > step:
            heading = f"ends as, after {last} merges"
        lines.append((heading, state_chips(states, number, piece.row)))
    return lines


def picture(trace, view) -> Chips:
    chips, selected = token_chips.sentence(trace, view)
    kept, selected, hidden = token_chips.abridged(chips, 7 if view.present else SENTENCE, selected)
    piece = chosen_piece(view)
    lines = [("tokens and their ids", kept)]
    notes = [f"{hidden:,} of {len(chips):,} chips are not drawn."] if hidden and not view.present else []
    if view.cropped:
        notes.append(f"Tokens at the front that do not fit: {len(view.cropped):,}.")
    if piece:
        lines += stepper(view, piece, 2 if view.present else next(states for most, states in STATES if len(kept) <= most))
        name = piece.shown if len(piece.shown) <= 24 else piece.shown[:24] + "..."
        if not view.present:
            notes.append(f'Below: piece {piece.number} of {piece.of:,} (counted from 0), "{name}". Rank 1 was learned first.')
    size = base.length(trace, view)
    return Chips(
        lines=tuple(lines),
        selected=selected,
        note=" ".join(notes),
        alt=f"The sentence as {size} tokens with their ids, and one piece of it being merged from bytes to tokens.",
    )


def caption(trace, view) -> str:
    size = base.length(trace, view)
    chips, _ = token_chips.sentence(trace, view)
    split = next((chip for chip in chips if len(chip.ids) > 1), None)
    typed = _count(size + len(view.cropped) - view.appended, "token")
    sentences = [f"{_count(len(view.text), 'character')}, {typed}." if view.text else f"{typed}."]
    if view.cropped:
        sentences.append(
            f"Left out at the front: {len(view.cropped):,}, because the context holds {trace.config.context_length:,}."
        )
    if split:
        sentences.append(
            f'"{split.text}" is one chip with {len(split.ids)} ids: its bytes are spread over {len(split.ids)} tokens.'
        )
    piece = chosen_piece(view)
    if piece and piece.steppable:
        states = tokenizer.merges(piece.text)
        step, last = chosen_step(view, states), len(states) - 1
        start, ids = _count(len(states[0].parts), "byte"), states[-1].ids
        if last == 0:
            sentences.append(f'"{piece.shown}" is {start} and already token {ids[0]}.')
        elif step == last:
            ending = f"token {ids[0]}" if len(ids) == 1 else f"{len(ids)} tokens"
            sentences.append(f'"{piece.shown}" starts as {start} and after {_count(last, "merge")} is {ending}.')
        elif step == 0:
            sentences.append(f'"{piece.shown}" starts as {start}; nothing is joined yet.')
        else:
            made = tokenizer.printable(states[step].joined)
            sentences.append(f'Merge {step} of {last} makes "{made}", learned as number {states[step].rank:,} of 50,000.')
    return " ".join(sentences)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


STAGE = stage(
    __doc__,
    key="text",
    number="",
    short="Text",
    part="token",
    points=("ids",),
    inputs=(),
    lines=(),
    picture=picture,
    caption=caption,
    question=Question(
        ask='"effort" after a space is one token. How many tokens is "Effort" at the very start of a text?',
        choices=("1", "2", "3"),
        answer=2,
        why='E + ff + ort. No merge for the capital and no leading space was learned, while "·effort" was frequent enough.',
    ),
)
