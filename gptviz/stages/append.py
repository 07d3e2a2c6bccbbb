r"""# Append and repeat

The most probable token is written behind the text, and the longer text goes through the whole model again, from the first step.
That is how a text grows: one pass, one token. Real use often draws by the probabilities instead of taking the highest. Nothing
is remembered between passes here but the text itself.

The model has room for a fixed number of tokens (context length), because its position table has no more rows. When the text is
longer, the oldest token falls out before the next pass.

$$\text{next} = \arg\max_{w}\, P_{\text{last},\,w}, \qquad \text{text} \leftarrow \text{text} + \text{next}$$
"""

from dataclasses import replace

import numpy as np

from .. import sampling, tokenizer
from ..figures.chips import Chip, Chips
from ..figures.matrix import Grid, Panel
from ..seen import Seen
from ..words import percent
from .stage import Action, Beside, Notes, Question, Whose, among, stage

MOST_CHIPS = 24
NARROW_CHIPS = 14  # beside another picture
PRESENTED_CHIPS = 6
OFFERED, CHANCES = 6, 95  # tokens whose chances are shown, and how high


def next_token(seen: Seen) -> tuple[int, float]:
    """The argmax of the last row and its probability."""
    last = seen.array("logits")[-1]
    word = int(last.argmax())
    return word, float(sampling.softmax(last)[word])


def since_end(seen: Seen) -> int | None:
    """How many tokens the model has written since it last ended the text with `<|endoftext|>`; None when it has not."""
    size = seen.size
    written = seen.trace.ids[seen.item, size - seen.appended : size].tolist()[::-1]
    return written.index(tokenizer.END_OF_TEXT_ID) if tokenizer.END_OF_TEXT_ID in written else None


def chosen_with(seen: Seen) -> list[float] | None:
    """The probability each appended token had when it was chosen: row t of this pass holds that of token t + 1, because no row
    reads later tokens. None where this pass is not the earlier one continued: dropout, an edit, or a text that was cropped."""
    if seen.trace.dropout or seen.trace.edits or seen.cropped:
        return None
    logits = seen.array("logits")
    size = len(logits)
    ids = seen.trace.ids[seen.item].tolist()
    return [float(sampling.softmax(logits[at - 1])[ids[at]]) for at in range(max(1, size - seen.appended), size)]


def picture(seen: Seen) -> Chips:
    size = seen.size
    ids = seen.trace.ids[seen.item].tolist()[:size]
    word, share = next_token(seen)
    room = seen.trace.config.context_length
    most = PRESENTED_CHIPS if seen.present else NARROW_CHIPS if seen.narrow else MOST_CHIPS
    written = range(max(0, size - seen.appended), size)
    chosen = chosen_with(seen)
    notes = dict(zip(range(max(1, size - seen.appended), size), map(percent, chosen or ())))
    full = size >= room

    def chip(at: int, note: str = "", state: str = "") -> Chip:
        state = state or ("appended" if at in written else "")
        return Chip(seen.trace.word(ids[at]), (ids[at],), colour=at, state=state, note=note)

    new = Chip(seen.trace.word(word), (word,), colour=size, state="appended", note=f"argmax, {percent(share)}")
    before = [chip(at) for at in range(max(0, size - most), size)]
    kept = range(max(int(full), size + 1 - most), size)
    after = [chip(0, "falls out", "cropped")] if full else []
    after += [chip(at) for at in kept] + [new]
    lines = [
        (f"Goes in: {size} token{'s' if size > 1 else ''}", tuple(before)),
        (f"Goes in next: {min(size + 1, room)} token{'s' if min(size + 1, room) > 1 else ''}", tuple(after)),
    ]
    if seen.appended and not seen.present:
        lines.append((f"Written so far: {len(written)}", tuple(chip(at, notes.get(at, "")) for at in written[-most:])))
    remarks = []
    if len(before) < size:
        remarks.append(f"Only the last {len(before)} of {size} tokens are drawn.")
    if full:
        remarks.append(
            f"{f'All {room} places are' if room > 1 else 'The only place is'} taken: {seen.quoted(0)} falls out at the next step."
        )
    if seen.appended and chosen is None:
        remarks.append("Earlier probabilities are not shown: dropout, an edit or a cropped text makes this pass differ.")
    return Chips(
        lines=tuple(lines),
        selected=(len(before) - 1,),
        note=" ".join(remarks),
        alt=f'The text of {size} tokens and the token written next, "{new.text}".',
    )


def overview(seen: Seen) -> Grid:
    """The chances of the tokens that might have been written."""
    last = seen.array("logits")[-1]
    words = tuple(sampling.top(last, OFFERED).tolist())
    row = seen.size - 1
    return Grid(
        panels=(
            Panel(
                title=f"chances after {seen.quoted(row)}; the first is written",
                values=sampling.softmax(last)[list(words)].astype(np.float32)[None],
                rows=(seen.labels[row],),
                columns=tuple(f'"{seen.trace.word(word)}"' for word in words),
                row_axis="",
                column_axis="",
                kind="weight",
                point="probabilities",
                prefix=(seen.item,),
                row_index=(row,),
                column_index=words,
                part="output",
            ),
        ),
        alt=f"The {len(words)} most probable next tokens.",
        height=CHANCES,
    )


def caption(seen: Seen) -> tuple[str, ...]:
    size = seen.size
    room = seen.trace.config.context_length
    word, share = next_token(seen)
    ending = (
        f"{f'{size} of {room} places are' if room > 1 else 'The only place is'} taken, so {seen.quoted(0)} falls out to make room."
        if size >= room
        else f"The next pass takes {size + 1} tokens."
    )
    said = (
        f'"{seen.trace.word(word)}" has the highest probability after {seen.quoted(size - 1)}, '
        f"{percent(share)}, and is written next."
    )
    since = since_end(seen)
    if since == 0:
        ended = f"The model has ended the text with {tokenizer.END_OF_TEXT}."
        return ended, "Stop here, or go on: what comes now begins another text.", said
    if word == tokenizer.END_OF_TEXT_ID:
        return said, "With it the model ends the text.", ending
    if since:
        ago = "a token" if since == 1 else f"{since} tokens"
        return said, f"The model ended its text {ago} ago, with {tokenizer.END_OF_TEXT}: this is another one.", ending
    return said, ending


def actions(seen: Seen) -> tuple[Action, ...]:
    """The loop: take the most probable token and go round again."""
    token, chance = next_token(seen)
    ended = since_end(seen) == 0
    return (
        Action(
            "append",
            "Go on: append" if ended else "Append",
            tokens=1,
            word=seen.trace.word(token),
            note=percent(chance),
            first=not ended,
        ),
        Action("take-back", "Take one back", tokens=-1, short="Undo"),
    )


def would_write(first: Chips, second: Chips, main: Whose, other: Whose) -> tuple[Chips, Chips]:
    """The other model only reads along: what it would append, and what chance it gives what was written."""
    goes_in, next_in, *written = second.lines
    chance = "" if chosen_with(other.seen) is None else f", with the chance {other.title} gives it"
    lines = (
        goes_in,
        (f"Would go in next if {other.title} wrote", next_in[1]),
        *((f"Written by {main.title} so far: {other.seen.appended}{chance}", chips) for _, chips in written),
    )
    return first, replace(second, lines=lines)


def would_say(main: Whose, other: Whose) -> str:
    """What the other model would have written."""
    word, share = next_token(other.seen)
    written, own = next_token(main.seen)
    name = other.seen.trace.word(written)
    end = ", which ends the text" if word == tokenizer.END_OF_TEXT_ID else ""
    if word == written:
        return f'{other.title} would write "{name}" too{end}, with {percent(share)} where {main.title} has {percent(own)}.'
    logits = other.seen.array("logits")[-1]
    given = percent(float(sampling.softmax(logits)[written]))
    return (
        f'{other.title} would write "{other.seen.trace.word(word)}", {percent(share)}{end}. '
        f'The "{name}" that {main.title} writes has {given} here, rank {sampling.rank(logits, written):,}.'
    )


def question(seen: Seen) -> Question:
    """How much can be written before something falls out."""
    size, room = seen.size, seen.trace.config.context_length
    choices, answer = among(*(f"{number:,}" for number in (room - size, room, room + size, room // 2)))
    return Question(
        ask=f"The text has {size:,} of at most {room:,} tokens. How many can be written before the first one falls out?",
        choices=choices[:3],
        answer=answer,
        why=f"{room:,} places less the {size:,} that are taken. After that each new token pushes out the oldest, and all are numbered anew.",
    )


STAGE = stage(
    __doc__,
    key="append",
    notes=Notes(
        say="One token is chosen, set behind the sentence, and all of it runs again. This loop is all that writing is.",
        ask="What does the model remember of the pass before this one?",
        trap="It does not plan a sentence and then say it: each token is chosen once, and stays.",
    ),
    deeper=("Sampling/write", "Context/cached", "Context/limit"),
    number="",
    short="Append",
    so_far="A chance for each token of the vocabulary.",
    missing="One of them, written down.",
    part="output",
    points=("ids",),
    inputs=("logits",),
    lines=("for _ in range(count):", "window = ids[-model.config", "token = int(logits[0, -1].argmax())", "ids.append(token)"),
    picture=picture,
    caption=caption,
    overview=overview,
    shape=lambda config, batch, tokens: (batch, min(tokens + 1, config.context_length)),
    actions=actions,
    beside=Beside("The text follows {main}", pictures=would_write, caption=would_say),
    question=question,
    ledger=True,
)
