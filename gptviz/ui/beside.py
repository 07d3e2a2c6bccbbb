"""Two models on one sentence: what each half of the page holds, and the words that say whose numbers are whose."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .. import catalogue, edits, weights
from ..figures import style
from ..figures.chips import Chips
from ..figures.forms import Picture
from ..figures.matrix import Grid, Panel
from ..model import GPT
from ..seen import Seen
from ..stages import Stage
from ..stages.stage import Whose
from ..trace import Trace
from . import cache, sentences, state
from .sentences import Rows, Sentence
from .state import Choice

HEIGHT = 372  # pixels of a picture beside another one at 1366 x 768
OVER = {1: 238, 2: 178, 3: 144}  # of one with small pictures under it, in so many lines
UNDER = {1: 118, 2: 150, 3: 190}  # of those
REMARK = 20  # of the line that says what a half cannot show as chosen
PRESENTED = 345  # of a picture beside another one in Present mode
BRIEF, SHORT = 130, 60  # characters of a "look for" line and of a note or title there, as far as whole sentences allow it
NOTE_WIDTH, NOTE_LINE = 52, 32  # characters of a note in a line there, and its pixels


@dataclass(frozen=True)
class Half:
    """What is shown of one model. rows: the batch as it goes into this model. named: what it is called beside itself."""

    key: str
    model: GPT
    sentence: Sentence
    rows: Rows
    seen: Seen
    named: str = ""

    @property
    def trace(self) -> Trace:
        return self.seen.trace

    @property
    def title(self) -> str:
        return f"{catalogue.MODELS[self.key].title}{self.named}"

    @property
    def badge(self) -> str:
        return "TRAINED" if weights.is_trained(self.model) else "RANDOM INIT"

    @property
    def first(self) -> int:
        """The token of the whole text that stands in row 0: so many before it were cropped."""
        return len(self.sentence.cropped)


def check(choice: Choice) -> Choice:
    """The choice with a model beside that can be shown, or without one and with a note that says why."""
    if not choice.beside:
        return replace(choice, other=False)
    if choice.beside not in state.models():
        return leave("The model that stood beside this one is not here any more.")
    main, title = (catalogue.MODELS[key].title if key in catalogue.MODELS else key for key in (choice.model, choice.beside))
    if choice.beside == choice.model and not choice.edit:
        return leave(f"{main} was to stand beside itself. Choose another model to compare it with.")
    try:
        cache.model(choice.beside)
    except (weights.CheckpointError, OSError, MemoryError) as error:
        return leave(f"{title} cannot be shown beside {main}, which goes on alone. {catalogue.refusal(choice.beside, error)}")
    return choice


def leave(note: str) -> Choice:
    """One model again, and why."""
    return state.settle(note, beside="", other=False, cell="")


def half(choice: Choice, key: str, model: GPT, main: Half | None = None) -> Half:
    """What is chosen, as one model shows it: block and head within its sizes, the text cropped to its context, and the chosen
    token in the row where it stands there. main: the half whose rows choice.token counts, if that is another one; edits change
    that one alone. Raises MemoryError when the numbers do not fit."""
    config = model.config
    batch = sentences.read(choice, config.context_length)
    sentence = batch.sentences[choice.item]
    token = choice.token
    if main and token >= 0:
        token = max(0, token + main.first - len(sentence.cropped))
    block = max(0, min(choice.block, config.n_layer) - 1)
    changed = () if main else edits.parse(choice.edit)
    seen = Seen(
        cache.traced(key, batch.rows, choice.dropout, choice.seed, block, changed),
        item=choice.item,
        block=block,
        head=max(0, min(choice.head, config.n_head) - 1),
        token=token,
        length=len(sentence.ids),
        present=choice.present,
        text=choice.second if choice.item else choice.text,
        piece=choice.piece,
        step=None if choice.step < 0 else choice.step,
        cropped=sentence.cropped,
        appended=sentence.appended,
        special=choice.special,
        narrow=bool(choice.beside),
    )
    twice = choice.beside == choice.model
    return Half(key, model, sentence, batch.rows, seen, (", edited" if changed else ", unedited") if twice else "")


def row(wanted: int, here: Half, there: Half) -> int | None:
    """The row in which a token of one half stands in the other; None where that one's context does not reach back to it."""
    found = wanted + here.first - there.first
    return found if found >= 0 else None


# words ----------------------------------------------------------------------------------------------------------------


def facts(one: Half, stage: Stage) -> str:
    """Which block and head of how many, and the width: "block 2 of 6, head 3 of 8, 256 wide"."""
    config, view = one.model.config, one.seen
    block = f"block {view.block + 1} of {config.n_layer}" if stage.per_block else count(config.n_layer, "block")
    head = f"head {view.head + 1} of {config.n_head}" if stage.per_head else count(config.n_head, "head")
    return f"{block}, {head}, {config.n_embd:,} wide"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def remarks(one: Half, other: Half, choice: Choice, stage: Stage) -> str:
    """Where this half cannot show just what was chosen: a block or head it has not, tokens its context does not hold."""
    config = one.model.config
    found = []
    missing = [f"no block {choice.block}"] if stage.per_block and choice.block > config.n_layer else []
    missing += [f"no head {choice.head}"] if stage.per_head and choice.head > config.n_head else []
    if missing:
        found.append(f"It has {' and '.join(missing)}: its last instead.")
    if one.sentence.cropped:
        read = len(one.sentence.ids)
        found.append(f"It reads the last {read:,} of {one.first + read:,} tokens.")
    if row(other.seen.row, other, one) is None:
        found.append("The chosen one is not among them.")
    return " ".join(found)


def one_picture(main: Half, other: Half) -> str:
    """For the stage before any model: that there is one picture, and which of its tokens each model reads, if not all."""
    said = "One picture: no model reads yet"
    for one in (main, other):
        if one.first:
            said += f". {one.title} reads the last {len(one.sentence.ids):,}"
    return said


def brief(sentences: Sequence[str], most: int) -> str:
    """The first sentences of a line, as many as fit into `most` characters, and at least one."""
    kept, *rest = sentences
    for sentence in rest:
        if len(kept) + len(sentence) >= most:
            break
        kept = f"{kept} {sentence}"
    return kept


def caption(one: Half, main: Half, stage: Stage) -> str:
    """The "look for" line of one half."""
    if one is main or not stage.beside.caption:
        return brief(stage.says(one.seen), BRIEF) if one.seen.present else stage.caption(one.seen)
    return stage.beside.caption(whose(main), whose(one))


def whose(one: Half) -> Whose:
    return Whose(one.title, one.seen)


# pictures -------------------------------------------------------------------------------------------------------------


def pictures(main: Half, other: Half, stage: Stage) -> tuple[Picture, Picture]:
    """The stage's picture of each half, made comparable where that takes more."""
    first, second = (stage.picture(one.seen) for one in (main, other))
    if stage.beside.pictures:
        first, second = stage.beside.pictures(first, second, whose(main), whose(other))
    if main.seen.present:
        return presented(first), presented(second)
    if isinstance(first, Grid) and stage.overview:
        return numbered(first), numbered(second)
    return first, second


def presented(picture: Picture) -> Picture:
    """A picture of Present mode in half the width: one panel where it has squares or numbers in cells."""
    if not isinstance(picture, Grid):
        return picture
    panels = [panel for panel in picture.panels if not panel.dim]
    squares = [panel for panel in panels if panel.columns and len(panel.columns) == len(panel.rows)]
    if squares or all(panel.prints for panel in panels):
        panels = (squares or panels)[-1:]
    panels = [replace(panel, title=f"{panel.joiner} {panel.title}".strip(), joiner="") for panel in panels]
    note = "" if picture.left_out or len(picture.note) > SHORT else picture.note
    height = PRESENTED - NOTE_LINE * -(-len(picture.left_out or note) // NOTE_WIDTH)
    return replace(picture, panels=tuple(panels), per_row=1, note=note, height=height)


def numbered(picture: Grid) -> Grid:
    """The same squares with a number over every column in the place of a slanted token, which leaves the cells more room."""

    def panel(one: Panel) -> Panel:
        if not one.columns or one.columns != one.rows:
            return one
        index = tuple(range(len(one.rows)))
        return replace(one, columns=(), row_index=one.row_index or index, column_index=one.column_index or index)

    return replace(picture, panels=tuple(map(panel, picture.panels)))


def heights(main: Half, other: Half, stage: Stage, remarked: bool) -> tuple[int, int]:
    """Pixels of a half's picture, and of the small ones under it (0: there are none), the same on both sides. remarked: there
    is a line above them."""
    less = REMARK * remarked
    if main.seen.present:
        return PRESENTED - less, 0
    if not stage.overview or not isinstance(stage.picture(main.seen), Grid):
        return HEIGHT - less, 0  # a chart is too low to be read with more under it
    lines = min(max(-(-one.model.config.n_head // style.OVERVIEW_ACROSS) for one in (main, other)), max(OVER))
    return OVER[lines] - less, UNDER[lines]


def scales(first: Picture, second: Picture, stage: Stage, main: Half) -> str:
    """Whether the two pictures can be compared by eye, in a few words."""
    if stage.beside.said:
        return stage.beside.said.format(main=main.title)
    match first, second:
        case (Grid(), Grid()):
            same = [(a.shown_limits == b.shown_limits, a.dim) for a, b in zip(first.panels, second.panels)]
            if all(equal for equal, _ in same):
                return "Same colours in both"
            if all(equal or dim for equal, dim in same):
                return f"{first.main.title}: same colours in both"
            return "Each picture has its own colour limits"
        case (Chips(), Chips()):
            return "Both read the same ids"
    return "Each chart has its own axes"
