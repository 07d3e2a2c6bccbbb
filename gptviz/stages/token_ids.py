r"""# Token ids

Each token has a number, its id: the row it has in the vocabulary, a fixed list of 50,257 tokens (256 bytes, 50,000 merges, one
end-of-text mark). They are all the model receives. An id is a name, not an amount: the next id is not a bit more
of anything. The bytes come first, in the order of their code (so 1 stands beside 2); the merges follow in the order in which
they were learned. Positions count from 0. Several sentences make a table (batch).

$$\mathrm{ids} \in \{0, 1, \dots, \text{rows} - 1\}^{\,\text{batch} \times \text{token}}$$
"""

from .. import tokenizer
from ..figures.chips import Chip, Chips
from ..seen import Seen
from ..words import fixed
from . import meaning, token_chips
from .stage import Notes, Question, among, stage

ROW, FEW, FEWEST = 18, 7, 4  # chips of the sentence; in Present mode or in half the width; in both
BYTES = 256  # rows of the vocabulary that are single bytes
LOUDEST = 1_000  # characters of a text that is offered in capitals
AROUND = 3  # rows of the vocabulary shown on either side of the chosen one


def neighbours(trace, token: int, around: int = AROUND) -> range:
    """The rows of the vocabulary around an id."""
    return range(max(0, token - around), min(trace.config.vocab_size, token + around + 1))


def picture(seen: Seen) -> Chips:
    ids = seen.trace.ids[seen.item, : seen.size].tolist()
    row = seen.row
    chips = [
        Chip(
            seen.trace.word(token),
            (token,),
            token_chips.colour(at),
            "appended" if at >= len(ids) - seen.appended else "",
            note=f"position {at}",
        )
        for at, token in enumerate(ids)
    ]
    kept, selected, hidden = token_chips.abridged(chips, (ROW, FEW, FEWEST)[seen.present + seen.narrow], (row,))
    chosen = ids[row]
    around = tuple(
        Chip(
            seen.trace.word(token),
            (token,),
            token_chips.colour(row) if token == chosen else token_chips.NEUTRAL,
            note="this token" if token == chosen else "",
        )
        for token in neighbours(seen.trace, chosen, 1 if seen.present else AROUND)
    )
    lines = [
        (f"what the model receives: row {seen.item} of ({seen.trace.ids.shape[0]}, {seen.trace.ids.shape[1]})", kept),
        (f"next to row {chosen} in the vocabulary", around),
    ]
    if not seen.present:
        alike = tuple(
            Chip(seen.trace.word(token), (token,), token_chips.NEUTRAL, note=f"cosine {fixed(near)}")
            for token, near in meaning.nearest(seen.trace.model, chosen, 2 * AROUND)
        )
        why = meaning.silent(seen.trace.model, chosen)
        by_vector = f"next to row {chosen} by its vector, which the next step looks up"
        lines.append((f"{by_vector}: {why}" if why else by_vector, alike))
    batch, tokens = seen.trace.ids.shape
    notes = [f"{hidden} of {len(ids)} tokens are not drawn."] if hidden and not seen.present else []
    if batch > 1:
        notes.append(f"Row {seen.item} of a batch of {batch}; shorter rows are filled up to {tokens} tokens.")
    return Chips(
        lines=tuple(lines),
        selected=selected,
        note=" ".join(notes),
        alt=f"{len(ids)} tokens with id and position, and the rows of the vocabulary next to row {chosen}.",
    )


def caption(seen: Seen) -> tuple[str, ...]:
    ids = seen.trace.ids[seen.item, : seen.size].tolist()
    row = seen.row
    chosen = ids[row]
    beside = [token for token in neighbours(seen.trace, chosen, 1) if token != chosen]
    names = " and ".join(f'"{seen.trace.word(token)}" ({token})' for token in beside)
    same = [at for at, token in enumerate(ids) if token == chosen and at != row]
    again = (f"It also stands at position {same[0]}, with the same id.",) if same else ()
    verb = "stand" if len(beside) > 1 else "stands"
    alike = [token for token, _ in meaning.nearest(seen.trace.model, chosen, 2 * AROUND)]
    both = " and ".join(f'"{seen.trace.word(token)}"' for token in beside if token in alike)
    if chosen < BYTES:
        said = "single bytes in the order of their code"
    else:
        said = "learned just before and after it"
    if why := meaning.silent(seen.trace.model, chosen):
        said += f"; by its vector nothing can be said of it: {why}"
    elif both:
        said += f"; by its vector {both} is near too"
    else:
        said += ", and not among the six nearest by vector"
    return (
        f"{seen.word(row)} at position {row} is row {chosen} of {seen.trace.config.vocab_size:,}.",
        f"Next to it in the list {verb} {names}: {said}.",
        *again,
    )


def question(seen: Seen) -> Question:
    """How many tokens the same text has in capitals."""
    text = "".join(tokenizer.decode([token]) for token in seen.trace.ids[seen.item, : seen.size].tolist())
    loud = text.upper()
    size, found = seen.size, len(tokenizer.encode(loud))
    choices, answer = among(*(f"{number:,}" for number in (found, size, max(1, size - 1), 2 * found, found + 2)))
    same = "as many" if found == size else "more" if found > size else "fewer"
    return Question(
        ask=f"These {size:,} tokens, written IN CAPITALS: how many tokens are they then?"
        if size > 1
        else "This token, IN CAPITALS: how many tokens is it then?",
        choices=choices[:3],
        answer=answer,
        why=f"Another spelling is another text, cut anew: {same}. Words in capitals are rare, so few of them were learned whole.",
        trial="the text in capitals" if len(loud) <= LOUDEST else "",
        tries={"text": loud} if len(loud) <= LOUDEST else {},
    )


STAGE = stage(
    __doc__,
    key="token-ids",
    notes=Notes(
        say="Every piece has a number, its place in a long list. From here on the model sees numbers only.",
        ask="Is the token with number 400 more like number 401 than like number 9000?",
        trap="The number is a name and no amount: nobody adds or compares ids.",
    ),
    deeper=("Embeddings/neighbours",),
    number="",
    short="Ids",
    so_far="The text, cut into pieces.",
    missing="A number for each piece.",
    part="token",
    points=("ids",),
    inputs=(),
    lines=("self.check(ids)", "self.hook_ids(ids)"),
    picture=picture,
    caption=caption,
    question=question,
)
