"""Where an address leads, and why one leads nowhere: asked of what reads addresses in the app, the choices and the labs' controls."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

from .. import choice, hooks, tokenizer
from ..choice import END, OVERVIEW, Choice
from ..labs import index
from ..labs.lab import Control, Experiment, Lab, Setting
from ..labs.train.lab import LAB as TRAIN
from ..model import GPT
from ..stages import BY_KEY, Question

LABS: Mapping[str, Lab] = MappingProxyType({**index.LABS, TRAIN.key: TRAIN})
AROUND: Mapping[str, str] = MappingProxyType({OVERVIEW: "A GPT in one picture", END: "What you have seen"})
"""Titles of the pages around the stages."""
SHARED = ("text", "model", "special", "edit")  # choices that a lab has too
NOBODYS = ("embed", "embed_options", "join", "desk", "present", "lesson", "stop")  # in an address, but not of the place
STARTS = ("?", "/", "http://", "https://")
MOST = 60  # parameters
OWN_STEP = "merge"  # what a page's own `step` is called in the address of a lesson

Load = Callable[[str], GPT | None]
"""Gives a model by its key, or None where it is not to be opened for this: then what depends on its sizes is not checked."""


def unloaded(key: str) -> None:
    """No model is opened."""


def read(address: str) -> tuple[str, dict[str, str]]:
    """The page of an address ("" is the walk) and what is chosen there. Raises ValueError where it is no address of gptviz."""
    address = address.strip("<>`")
    if not address.startswith(STARTS):
        raise ValueError(f"an address was expected, such as ?stage=softmax or /Dropout?view=sums, got {address[:60]!r}")
    parts = urlsplit(address)
    try:
        found = dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=MOST))
    except ValueError:
        raise ValueError(f"the address has more than {MOST} parameters") from None
    page = parts.path.rstrip("/").rpartition("/")[2]
    page = index.MOVED.get(page, page)
    if page == "walk" or page not in LABS and parts.scheme:
        page = ""  # an app can live below the root of its server
    if page and page not in LABS:
        raise ValueError(hooks.unknown("page", page, LABS))
    if "lesson" in found:
        found.pop("stop" if "stop" in found else "step", None)  # of another lesson
        if OWN_STEP in found:
            found["step"] = found.pop(OWN_STEP)
    return page, {name: value for name, value in found.items() if name not in NOBODYS}


def wrong(page: str, params: Mapping[str, str], load: Load = unloaded) -> list[str]:
    """What an address asks for in vain, in words; nothing where all of it can be shown."""
    try:
        return _lab(LABS[page], params, load) if page else _walk(params, load)
    except (OSError, KeyError, MemoryError) as error:
        return [f"its model cannot be opened ({error})"]


def _parsed(params: Mapping[str, str], names: Mapping) -> list[str]:
    found = []
    for name, raw in params.items():
        try:
            names[name](raw)
        except choice.Rejected as error:
            found.append(f"{name} cannot be used: {error}")
        except ValueError as error:
            found.append(f"{name} = {raw[:40]!r} {error}")
    return found


def _walk(params: Mapping[str, str], load: Load) -> list[str]:
    unknown = [hooks.unknown("choice", name, choice.PARSERS) for name in params if name not in choice.PARSERS]
    if found := unknown or _parsed(params, choice.PARSERS):
        return found
    asked, _ = choice.from_url(params)
    if asked.item and not asked.second:
        return ["item = '1' asks for the second of two sentences, and there is one"]
    model = load(asked.model)
    if model is None:
        return []
    config, found = model.config, []
    text = asked.second if asked.item else asked.text
    size = min(len(tokenizer.encode(text, special=asked.special)) + asked.more, config.context_length)
    for name, value, most in (("block", asked.block, config.n_layer), ("head", asked.head, config.n_head)):
        if value > most:
            found.append(f"{name} = {value}, and {asked.model} has {most}")
    if asked.token >= size:
        found.append(f"token = {asked.token}, and the last one is {size - 1}")
    return found


def _lab(lab: Lab, params: Mapping[str, str], load: Load) -> list[str]:
    shared = {name: raw for name, raw in params.items() if name in SHARED}
    own = {name: raw for name, raw in params.items() if name not in (*SHARED, "view")}
    if found := _parsed(shared, choice.PARSERS):
        return found
    if "view" in params and params["view"] not in {one.key for one in lab.experiments}:
        return [hooks.unknown("experiment", params["view"], [one.key for one in lab.experiments])]
    if not own:
        return []
    if not lab.experiments:
        return _controls(own, lab.controls)
    current = lab.find(params.get("view", ""))
    if not callable(current.controls):
        return _controls(own, current.controls)
    asked, _ = choice.from_url(shared)
    model = load(asked.model)
    if model is None:
        return []
    ids = tokenizer.encode(asked.text, special=asked.special)[-model.config.context_length :]
    return _controls(own, current.controls_for(Setting(model=model, ids=tuple(ids), values={}, text=asked.text)))


def _controls(own: Mapping[str, str], controls: tuple[Control, ...]) -> list[str]:
    names = {control.name: control.parse for control in controls}
    return [hooks.unknown("control", name, names) for name in own if name not in names] or _parsed(own, names)


def experiment(page: str, params: Mapping[str, str]) -> Experiment | None:
    """The experiment of a lab's address; None in the walk, and where a lab has none."""
    lab = LABS.get(page)
    return lab.find(params.get("view", "")) if lab and lab.experiments else None


def title(page: str, params: Mapping[str, str]) -> str:
    """What a place is called."""
    if found := experiment(page, params):
        return found.title
    if page:
        return LABS[page].title
    stage = params.get("stage", Choice.stage)
    return AROUND.get(stage) or BY_KEY[stage].title


def prose(page: str, params: Mapping[str, str]) -> str:
    """The words that stand beside the picture of a place."""
    found = experiment(page, params) or BY_KEY.get("" if page else params.get("stage", Choice.stage))
    return found.prose if found else ""


def notes(page: str, params: Mapping[str, str]) -> tuple[str, ...]:
    """What is said at a place where the lesson has no notes of its own."""
    found = experiment(page, params) or BY_KEY.get("" if page else params.get("stage", Choice.stage))
    said = found.notes if found else None
    return (f"Say: {said.say}", f"Ask: {said.ask}", f"Trap: {said.trap}") if said else ()


def answered(page: str, params: Mapping[str, str]) -> str:
    """The name by which a visit keeps what was answered at a place; "" where nothing is asked."""
    if found := experiment(page, params):
        return f"experiment {found.key}" if isinstance(found.question, Question) else ""
    stage = params.get("stage", Choice.stage)
    return stage if not page and stage in BY_KEY else ""
