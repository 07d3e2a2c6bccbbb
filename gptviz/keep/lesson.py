"""A lesson in one file: its steps that are stages of the walk, each with its own sentence and place. Notes are never in it."""

from dataclasses import dataclass, replace
from functools import cache

from .. import catalogue, choice, tokenizer
from ..canvas.packing import SHARED
from ..choice import Choice
from ..figures import style
from ..lessons import Lesson, Step
from ..model import GPT
from ..points import Address
from ..seen import Seen
from ..stages import BY_KEY, first_look
from ..verbatim import Html
from . import accounts, walk
from .chosen import Chosen
from .store import Store


@dataclass(frozen=True)
class Stop:
    """A step that is kept. pass_: what its numbers depend on, beside block and head."""

    step: Step
    seen: Seen
    pass_: tuple

    @property
    def view(self) -> walk.View:
        return walk.View(BY_KEY[self.step.params.get("stage", Choice.stage)], self.seen)

    @property
    def sentence(self) -> str:
        """Its text, and the block and head it looks at."""
        stage = self.view.stage
        place = [f"block {self.seen.block + 1}"] * stage.per_block + [f"head {self.seen.head + 1}"] * stage.per_head
        return " · ".join([tokenizer.in_one_line(self.seen.text), *place])


def kept(step: Step) -> bool:
    """Whether a step is a stage of the walk in one model."""
    params = step.params
    return not step.page and params.get("stage", Choice.stage) in BY_KEY and not params.get("beside")


def left_out(lesson: Lesson) -> str:
    """What of a lesson a file does not hold, in a sentence; "" where it holds all."""
    out = [f"{n} {step.title}" for n, step in enumerate(lesson.steps, 1) if not kept(step)]
    if not out:
        return ""
    what = "labs, comparisons of two models and pages around the walk need the running gptviz"
    return f"Left out are {len(out)} of {len(lesson.steps)} steps ({what}): {', '.join(out)}."


def stop(step: Step, model: GPT) -> Stop:
    """A step's pass and place. Raises ValueError where the model or the text has no such place."""
    asked, _ = choice.from_url(step.params or {"stage": Choice.stage})
    chosen = Chosen(
        asked.text,
        model=asked.model,
        second=asked.second,
        item=asked.item,
        block=asked.block or 1,
        head=asked.head or 1,
        token=asked.token,
        dropout=asked.dropout,
        seed=asked.seed,
        more=asked.more,
        special=asked.special,
        edits=asked.edit,
    )
    pass_ = tuple(vars(replace(chosen, block=1, head=1)).values())
    if not (asked.block and asked.head):  # where the sentence shows what attention does, as in the walk
        plain = replace(chosen, more=0, token=-1, dropout=0.0, edits="").seen(model)
        block, head = first_look.place(plain.trace, asked.item, plain.size, asked.block - 1 if asked.block else None)
        chosen = replace(chosen, block=asked.block or block + 1, head=asked.head or head + 1)
    return Stop(step, chosen.seen(model), pass_)


def page(lesson: Lesson, told: walk.Told = lambda done, of: None, paper: bool = False) -> Html:
    """The file. told, paper: as in `walk.page`. Raises ValueError when there is nothing to keep or far too much."""
    load = cache(catalogue.load)
    stops = [stop(step, load(step.params.get("model", Choice.model))) for step in lesson.steps if kept(step)]
    if not stops:
        raise ValueError(f"no step of {lesson.name} is a stage of the walk, and a file holds nothing else")
    store = Store()
    pictures, views, steps = [], {}, []
    passes: dict[tuple, list[Address]] = {}
    first = {one.pass_: one.seen for one in reversed(stops)}
    for n, one in enumerate(stops, 1):
        name = f"{n}  "
        views[name], numbers = walk.looked_at(one.view, pictures, store)
        cells = passes.setdefault(one.pass_, [])
        cells += [] if paper else accounts.of_token(one.seen, numbers)
        steps.append(
            walk.about(one.view.stage)
            | {"key": str(n), "title": one.step.title, "per_block": False, "per_head": False, "view": name}
            | {"sentence": one.sentence, "told": one.step.words, "badges": walk.marks(one.seen)}
            | {"pass": list(passes).index(one.pass_)}
        )
    of, done = sum(len(set(cells)) for cells in passes.values()), 0
    held = []
    for pass_, cells in passes.items():
        mine = list(dict.fromkeys(cells))
        said = accounts.keep(first[pass_], mine, store, lambda n, before=done: told(before + n, of))
        held.append({"accounts": said, "token": first[pass_].labels[first[pass_].row]})
        done += len(mine)
    opens = stops[0].seen
    content = {
        "title": lesson.title,
        "paper": paper,
        "stages": steps,
        "blocks": [opens.block + 1],
        "layers": opens.config.n_layer,
        "heads": opens.config.n_head,
        "head": opens.head + 1,
        "opens": opens.block + 1,
        "views": views,
        "pictures": pictures,
        "usual": walk.usual(pictures),
        "shared": SHARED,
        "deeper": dict(style.DEEPER["light"]),
        "passes": held,
        **held[0],
    }
    models = ", ".join(dict.fromkeys(one.step.params.get("model", Choice.model) for one in stops))
    foot = f"Lesson: {lesson.title}. Models: {models}. {left_out(lesson)} Made by {walk.version()}."
    badges = "" if paper else walk.badges(opens)
    return walk.html(lesson.title, lesson.title, badges, foot, store.pack(content), paper)
