"""Everything that can be chosen in the walk, and the addresses that say it. No page is known here, and no reader."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from . import catalogue, edits, hub, tokenizer
from .figures import covering
from .points import Address
from .stages import BY_KEY, STAGES

DEFAULT_TEXT = "Every effort moves you"
MAX_CHARACTERS = 20_000
MOST_APPENDED = 200  # tokens a link can ask for
OVERVIEW, END = "overview", "end"
AROUND = (OVERVIEW, END)
"""Pages of the walk before its first stage and after its last one."""
DRAWERS = ("recompute", "why", "numbers", "code", "about")
MOST_STEPS = 200  # of a lesson
NAME = 60  # characters of a lesson's name
HIDEABLE = (
    "sentence",
    "examples",
    "model",
    "compare",
    "labs",
    "options",
    "room",
    "question",
    "keep",
    "append",
    "cover",
    "map",
    "stage",
    "block",
    "head",
    "token",
    "whatif",
    "dropout",
    "control",
)
"""What `hide` in an address can name."""


@dataclass(frozen=True)
class Choice:
    """Everything chosen. block and head count from 1 here and in the URL, as readers see them, and 0 leaves them to
    `first_look.place`; token counts from 0, and -1 is the last one. second: the other sentence of a batch of two, "" for none; item: which of the two is shown.
    more: tokens the model has appended. dropout: the rate, 0 = off. beside: the model it is compared with, "" for none; other:
    the chosen cell and the open drawer are about that one. edit: what is changed in the pass of the model, see `gptviz.edits`;
    whatif: the parts that can be switched off are offered. With an edit, beside may be the same model, unchanged. present: type for a
    projector; hide: what is not to be seen, of `HIDEABLE`. cover: numbers of a picture come one after the other; revealed: how many
    parts of the one on screen have come. read: the walk is one page of words and tables. lesson: the name of one that leads, "" for none; stop: which of its steps, from 1."""

    stage: str = STAGES[0].key
    text: str = DEFAULT_TEXT
    model: str = "mini"
    beside: str = ""
    block: int = 0
    head: int = 0
    token: int = -1
    dropout: float = 0.0
    seed: int = 0
    more: int = 0
    second: str = ""
    item: int = 0
    special: bool = False
    piece: int = -1
    step: int = -1
    cell: str = ""
    drawer: str = ""
    other: bool = False
    edit: str = ""
    whatif: bool = False
    present: bool = False
    hide: str = ""
    cover: bool = False
    revealed: int = 0
    read: bool = False
    lesson: str = ""
    stop: int = 0


class Rejected(ValueError):
    """A value the reader gave that cannot be used; the message says why and what to do."""


def clean_text(text: str) -> str:
    """The text as the tokenizer can take it. Raises Rejected when there is nothing to show or far too much."""
    text = tokenizer.as_read(text)
    if not text.strip():
        blank = "That text is only spaces and line ends" if text else "With no text there are no tokens"
        raise Rejected(f"Type at least one word. {blank}, and nothing goes through the model.")
    if len(text) > MAX_CHARACTERS:
        raise Rejected(f"That text has {len(text):,} characters; up to {MAX_CHARACTERS:,} fit. Shorten it and try again.")
    return text


def one_of(options: Callable[[], Any]) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in options():
            near = get_close_matches(raw, [str(option) for option in options()], n=1)
            raise ValueError("is not known" + (f" (did you mean {near[0]}?)" if near else ""))
        return raw

    return parse


def model(raw: str, known: Callable[[], Any] = catalogue.listed) -> str:
    """The key of a model. Raises ValueError where it is none of those that are known."""
    if raw in hub.PUBLISHED and raw not in catalogue.MODELS:
        catalogue.refresh()
        if raw not in catalogue.MODELS:
            raise ValueError("is not on this machine yet")
    return one_of(known)(raw)


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        number = int(raw) if raw.removeprefix("-").isdecimal() and len(raw) < 12 else None
        if number is None or not low <= number <= high:
            raise ValueError(f"is not a whole number from {low} to {high}")
        return number

    return parse


def _rate(raw: str) -> float:
    try:
        rate = float(raw)
    except ValueError:
        rate = math.nan
    if not 0 <= rate <= 0.9:
        raise ValueError("is not a rate from 0 to 0.9")
    return round(rate, 2)


def _flag(raw: str) -> bool:
    if raw not in ("0", "1"):
        raise ValueError("is neither 0 nor 1")
    return raw == "1"


def _edit(raw: str) -> str:
    try:
        return edits.write(edits.parse(raw))
    except ValueError as error:
        raise Rejected(f"It takes names of changes such as head:5.1 or no-mask, with commas between them: {error}.") from None


def _hide(raw: str) -> str:
    """The known names, in the order above."""
    asked = {one.strip().lower() for one in raw.split(",")}
    return ",".join(name for name in HIDEABLE if name in asked)


def _cell(raw: str) -> str:
    return Address.parse(raw).write() if raw else ""


def _name(raw: str) -> str:
    if len(raw) > NAME or not (raw == "" or raw.isprintable() and raw.strip()):
        raise ValueError("is no lesson's name")
    return raw


PARSERS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {
        "stage": one_of(lambda: (*BY_KEY, *AROUND)),
        "text": clean_text,
        "model": model,
        "beside": lambda raw: model(raw) if raw else "",
        "block": _integer(0, 1000),
        "head": _integer(0, 1000),
        "token": _integer(-1, 100_000),
        "dropout": _rate,
        "seed": _integer(0, 999_999),
        "more": _integer(0, MOST_APPENDED),
        "second": lambda raw: clean_text(raw) if raw else "",
        "item": _integer(0, 1),
        "special": _flag,
        "piece": _integer(-1, 100_000),
        "step": _integer(-1, 100_000),
        "cell": _cell,
        "drawer": one_of(lambda: ("", *DRAWERS)),
        "other": _flag,
        "edit": _edit,
        "whatif": _flag,
        "present": _flag,
        "hide": _hide,
        "cover": _flag,
        "read": _flag,
        "revealed": _integer(0, covering.ALL),
        "lesson": _name,
        "stop": _integer(0, MOST_STEPS),
    }
)


def from_url(params: Mapping[str, str], parsers: Mapping[str, Callable[[str], Any]] = PARSERS) -> tuple[Choice, list[str]]:
    """The choice a URL stands for, and a note for every parameter that could not be used. One without parameters is a first visit,
    which begins with the overview."""
    if not params:
        return Choice(stage=OVERVIEW), []
    chosen, notes = {}, []
    for name, raw in params.items():
        if name not in parsers:
            continue  # other parameters belong to Streamlit (embed) or to nobody
        try:
            chosen[name] = parsers[name](raw)
        except Rejected as error:
            notes.append(f"The link's {name} cannot be used, the default is shown. {error}")
        except ValueError as error:
            shown = raw if len(raw) <= 40 else raw[:40] + "..."
            notes.append(f'The link says {name} = "{shown}", which {error}; the default is used instead.')
    asked = [one.strip() for one in params.get("hide", "").split(",")]
    if unknown := [one for one in asked if one not in ("", "0", "1") and one.lower() not in HIDEABLE]:
        notes.append(
            f"Nothing here is called {', '.join(unknown)[:60]}, so that cannot be hidden. What can: {', '.join(HIDEABLE)}."
        )
    if not chosen.get("beside"):
        chosen.pop("other", None)  # there is none
    return Choice(**chosen), notes


def to_url(choice: Choice) -> dict[str, str]:
    """The parameters that say how a choice differs from the default; where nothing does, the stage, as no parameters are the
    overview."""
    default = Choice()
    if choice == Choice(stage=OVERVIEW):
        return {}
    found = {}
    for field in fields(Choice):
        value = getattr(choice, field.name)
        if value != getattr(default, field.name):
            found[field.name] = written(value)
    return found or {"stage": choice.stage}


def written(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
