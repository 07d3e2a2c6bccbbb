r"""# Text into tokens

A model reads no letters, only numbers from a fixed list. The text is first cut into words, each with the space before it,
drawn as a dot. Each word is then cut into pieces (tokens) by byte-pair encoding: start from single bytes, join the
neighbouring pair that was learned first (lowest rank), repeat until no known pair is left. Frequent words end as one token,
rare ones as several. Any text works: what is unknown stays in smaller parts. The library tiktoken does this (encode), and back (decode).

$$\text{next pair} = \underset{(a,\,b)\ \text{neighbours}}{\arg\min}\ \mathrm{rank}(a + b)$$
"""

from dataclasses import dataclass

from .. import tokenizer
from ..figures.chips import Chip, Chips
from ..seen import Seen
from ..tokenizer import Merge
from ..words import count
from . import token_chips
from .stage import Beside, Dial, Notes, Question, stage

SENTENCE = 36  # chips of the sentence, so that the merges below stay in sight
STATES = ((10, 5), (22, 3), (SENTENCE, 2))  # up to so many chips above, so many states of the stepper below
PARTS, FEW = 16, 11  # chips of one state; in Present mode
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
    def merges(self) -> int:
        """How many merges lead from its bytes to its tokens: each makes one of two."""
        return len(self.text.encode()) - len(self.ids)

    @property
    def name(self) -> str:
        """The piece in quotation marks, its end left out where it is long."""
        return f'"{self.shown[:24]}{"..." * (len(self.shown) > 24)}"'

    @property
    def whole(self) -> bool:
        """The special token: it has an id of its own and is never built by merges."""
        return self.special and self.text == tokenizer.END_OF_TEXT

    @property
    def steppable(self) -> bool:
        return not self.whole and len(self.text.encode()) <= LONGEST


def merge_steps(seen: Seen) -> int:
    """How many merges of the viewed piece can be stepped through; 0 when there are none or the piece is too long."""
    piece = chosen_piece(seen)
    return piece.merges if piece and piece.steppable else 0


def chosen_piece(seen: Seen) -> Piece | None:
    """The viewed piece of the typed text; None when there is no text. Unless a piece is asked for it is the one of the chosen
    token, and without one (or where only a number of merges is asked for) the first that merges build."""
    pieces = tokenizer.pieces(seen.text, special=seen.special)
    if not pieces:
        return None
    found, row = [], -len(seen.cropped)
    for number, text in enumerate(pieces):
        found.append(Piece(text, number, len(pieces), row, seen.special))
        row += len(found[-1].ids)
    if seen.piece >= 0:
        return found[min(seen.piece, len(found) - 1)]
    if seen.step is None and seen.token >= 0:
        return [piece for piece in found if piece.row <= seen.token][-1]
    return next((piece for piece in found if piece.steppable and piece.merges), found[0])


def chosen_step(seen: Seen, states: list[Merge]) -> int:
    """The viewed number of merges: the last one unless another is asked for."""
    asked = len(states) - 1 if seen.step is None or seen.step < 0 else seen.step
    return min(asked, len(states) - 1)


def unmerged(piece: Piece) -> str:
    """Why no merges of this piece can be stepped through; "" where they can."""
    size = len(piece.text.encode())
    if piece.whole:
        return "this is the special token, which no merge makes"
    if size > LONGEST:
        return f"this piece has {size:,} bytes, and up to {LONGEST} can be followed"
    if piece.merges:
        return ""
    return "this piece is one byte" if size == 1 else f"no two of the {size} bytes of this piece were learned as a pair"


def state_chips(states: list[Merge], number: int, row: int, most: int) -> tuple[Chip, ...]:
    """One state as chips, with token ids, or at the start with the values of the bytes. A part has the colour of the token it
    ends in; the part the merge just made is marked."""
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
        colour = token_chips.colour(row + owner)
        found.append(
            Chip(tokenizer.printable(part), (token,), colour, state)
            if number
            else Chip(tokenizer.printable(part), (), colour, note=str(part[0]))
        )
        at += len(part)
    if len(found) <= most:
        return tuple(found)
    start = max(0, min((joined or 0) - most // 2, len(found) - most + 2))
    stop = start + most - 2
    left = (Chip(f"{start} before", (), token_chips.NEUTRAL),) if start else ()
    right = (Chip(f"{len(found) - stop} more", (), token_chips.NEUTRAL),) if stop < len(found) else ()
    return (*left, *found[start:stop], *right)


def heading(states: list[Merge], number: int, step: int, drawn: int) -> str:
    """What stands in the line of one state. step: how many merges are done; drawn: the state a line higher, -1 for none."""
    last, size = len(states) - 1, len(states[0].parts)
    if number:
        said = f"merge {number} of {last}: rank {states[number].rank:,}"
    else:
        said = "1 byte, with its value" if size == 1 else f"start: {size} bytes, with their values"
    if not last and size > 1:
        said = f"{size} bytes, with their values: no two of them were learned as a pair"
    left_out = _left_out(drawn + 1, number)
    return f"{'to come: ' * (number > step)}{said}{left_out and f' ({left_out})'}"


def _left_out(first: int, number: int) -> str:
    """Which states from the first on are not drawn before this one; "" for none."""
    if first == number:
        return ""
    start, first = first == 0, max(first, 1)
    merges = "" if first == number else f"merge {first}" if first == number - 1 else f"merges {first} to {number - 1}"
    names = " and ".join(filter(None, ("the start" * start, merges)))
    return f"{names} {'is' if names in ('the start', f'merge {first}') else 'are'} not drawn"


def stepper(seen: Seen, piece: Piece, at_most: int) -> list[tuple[str, tuple[Chip, ...]]]:
    """Lines of the merge stepper: the chosen state, the final tokens, the bytes, then as many merges before it as fit, and
    then of those to come."""
    if not piece.steppable:
        chips = [
            Chip(tokenizer.printable(token), (token,), token_chips.colour(piece.row + n)) for n, token in enumerate(piece.ids)
        ]
        final, _, _ = token_chips.abridged(chips, PARTS)
        merged = f"{len(piece.text.encode()):,} bytes, after all {piece.merges:,} merges: {count(len(chips), 'token')}"
        return [("the special token: no merges" if piece.whole else merged, final)]
    states = tokenizer.merges(piece.text)
    step, last = chosen_step(seen, states), len(states) - 1
    wanted = dict.fromkeys((step, last, 0, *range(step - 1, 0, -1), *range(step + 1, last)))
    drawn = sorted(list(wanted)[:at_most])
    return [
        (heading(states, number, step, before), state_chips(states, number, piece.row, FEW if seen.present else PARTS))
        for before, number in zip((-1, *drawn), drawn)
    ]


def picture(seen: Seen) -> Chips:
    chips, piece = token_chips.sentence(seen), chosen_piece(seen)
    rows = range(piece.row, piece.row + len(piece.ids)) if piece else range(0)
    held = token_chips.holding(chips, -len(seen.cropped), rows)
    kept, framed, hidden = token_chips.abridged(chips, 7 if seen.present else SENTENCE, held)
    lines = [("tokens and their ids", kept)]
    notes = [f"{hidden:,} of {len(chips):,} chips are not drawn."] if hidden and not seen.present else []
    if seen.cropped:
        notes.append(f"Tokens at the front that do not fit: {len(seen.cropped):,}.")
    size = seen.size
    alt = f"The sentence as {size} tokens with their ids"
    if piece:
        number = f"piece {piece.number:,}, counted from 0 to {piece.of - 1:,}" if piece.of > 1 else "the only piece"
        part = "" if len(framed) == len(held) else "in part "
        shown = f"{part}framed above" if framed else "among those not drawn above"
        ranked = "" if seen.present or not piece.steppable or not piece.merges else ". Rank 1 was learned first."
        lines.append((f"{piece.name}, {shown}: {number}{ranked}", ()))
        steps = stepper(seen, piece, 2 if seen.present else next(states for most, states in STATES if len(kept) <= most))
        lines += steps
        alt += f", and {piece.name}: " + "; ".join(said for said, _ in steps)
    return Chips(lines=tuple(lines), selected=framed, note=" ".join(notes), alt=f"{alt}.")


def caption(seen: Seen) -> tuple[str, ...]:
    size = seen.size
    chips = token_chips.sentence(seen)
    split = next((chip for chip in chips if len(chip.ids) > 1), None)
    typed = count(size + len(seen.cropped) - seen.appended, "token")
    sentences = [f"{count(len(seen.text), 'character')}, {typed}." if seen.text else f"{typed}."]
    if seen.cropped:
        sentences.append(
            f"Left out at the front: {len(seen.cropped):,}, because the context holds {seen.trace.config.context_length:,}."
        )
    if split:
        sentences.append(
            f'"{split.text}" is one chip with {len(split.ids)} ids: its bytes are spread over {len(split.ids)} tokens.'
        )
    piece = chosen_piece(seen)
    if piece and piece.steppable:
        states = tokenizer.merges(piece.text)
        step, last = chosen_step(seen, states), len(states) - 1
        start, ids = count(len(states[0].parts), "byte"), states[-1].ids
        if last == 0 and len(ids) > 1:
            sentences.append(f'"{piece.shown}" is {start} and stays {len(ids)} tokens: no two of them were learned as a pair.')
        elif last == 0:
            sentences.append(f'"{piece.shown}" is {start} and already token {ids[0]}.')
        elif step == last:
            ending = f"token {ids[0]}" if len(ids) == 1 else f"{len(ids)} tokens"
            sentences.append(f'"{piece.shown}" starts as {start} and after {count(last, "merge")} is {ending}.')
        elif step == 0:
            sentences.append(f'"{piece.shown}" starts as {start}; nothing is joined yet.')
        else:
            made = tokenizer.printable(states[step].joined)
            sentences.append(f'Merge {step} of {last} makes "{made}", learned as number {states[step].rank:,} of 50,000.')
    return tuple(sentences)


def dials(seen: Seen) -> tuple[Dial, ...]:
    """Which piece of the text, and how many of its merges."""
    piece = chosen_piece(seen)
    names = tuple(tokenizer.printable(one.encode()) for one in tokenizer.pieces(seen.text, special=seen.special))
    choice = Dial("piece", "Piece of the text", piece.number, names, also={"step": -1}, study=True)
    if unmerged(piece):
        return (choice,)
    steps = piece.merges
    done = steps if seen.step is None else min(seen.step, steps)
    return choice, Dial("step", "Merges done", done, highest=steps, also={"piece": piece.number})


def idle(seen: Seen) -> str:
    why = unmerged(chosen_piece(seen))
    return why and f"Nothing to step through: {why}."


STAGE = stage(
    __doc__,
    key="text",
    notes=Notes(
        say="A sentence comes in as letters and has to become numbers. It is cut into pieces that are known beforehand, some longer than a word's stem, some shorter.",
        ask="How many tokens will this sentence be? And the same one in capitals?",
        trap="A token is no word: the space before a word belongs to its token, and a rare word is several.",
    ),
    number="",
    short="Text",
    so_far="A text, as you typed it.",
    missing="Numbers: a model reads nothing else.",
    part="token",
    points=("ids",),
    inputs=(),
    lines=(
        "return encoding().encode(",
        "return regex.findall(PATTERN, text)",
        "rank, at = min(known)",
        "parts = parts[:at] + (joined,)",
        "return encoding().decode([",
    ),
    picture=picture,
    caption=caption,
    shape=lambda config, batch, tokens: (),
    dials=dials,
    idle=idle,
    beside=Beside(alone=True),
    question=Question(
        ask='"effort" after a space is one token. How many tokens is "Effort" at the very start of a text?',
        choices=("1", "2", "3"),
        answer=2,
        why='E + ff + ort. No merge for the capital and no leading space was learned, while "·effort" was frequent enough.',
        trial='the text "Effort"',
        tries={"text": "Effort"},
    ),
)
