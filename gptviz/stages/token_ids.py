r"""# Token ids

Each token has a number, its id: the row it has in the vocabulary, a fixed list of 50,257 tokens (256 bytes, 50,000 merges,
one end-of-text mark). These whole numbers are all the model receives. An id is a name, not an amount: the next id is not a
bit more of anything, and neighbours in the list share nothing but the time at which they were learned. Positions count from
0. Several sentences are sent together as a table (batch), one row each.

$$\mathrm{ids} \in \{0, 1, \dots, V - 1\}^{\,\text{batch} \times \text{token}}$$
"""

from ..figures.chips import Chip, Chips
from ..likeness import closest
from ..seen import Seen
from . import token_chips
from .stage import Question, stage

ROW, FEW, FEWEST = 18, 7, 4  # chips of the sentence; in Present mode or in half the width; in both
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
            Chip(seen.trace.word(token), (token,), token_chips.NEUTRAL, note=f"cosine {near:.2f}")
            for token, near in closest(seen.trace.model.tok_emb.weight, chosen, 2 * AROUND)
        )
        lines.append((f"next to row {chosen} by its vector, which the next step looks up", alike))
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


def caption(seen: Seen) -> str:
    ids = seen.trace.ids[seen.item, : seen.size].tolist()
    row = seen.row
    chosen = ids[row]
    beside = [token for token in neighbours(seen.trace, chosen, 1) if token != chosen]
    names = " and ".join(f'"{seen.trace.word(token)}" ({token})' for token in beside)
    same = [at for at, token in enumerate(ids) if token == chosen and at != row]
    again = f" It also stands at position {same[0]}, with the same id." if same else ""
    verb = "stand" if len(beside) > 1 else "stands"
    return (
        f"{seen.quoted(row)} at position {row} is row {chosen} of {seen.trace.config.vocab_size:,}. "
        f"Next to it in the list {verb} {names}: alike in number, not in meaning.{again}"
    )


STAGE = stage(
    __doc__,
    key="token-ids",
    deeper=("Embeddings/neighbours",),
    number="",
    short="Ids",
    part="token",
    points=("ids",),
    inputs=(),
    lines=("self.check(ids)", "self.hook_ids(ids)"),
    picture=picture,
    caption=caption,
    question=Question(
        ask='You type "every effort moves you" with a small e. Which ids change?',
        choices=("None", "Only the first", "All four"),
        answer=1,
        why="6109 becomes 16833: another spelling is another row. The other three tokens are untouched.",
    ),
)
