"""What the reader has chosen: one frozen value, kept in the URL, changed only through `change`.

The URL is the truth at the start of a visit, after a link, and after Back or Forward; session state holds plain values in between.
Nonsense in the URL falls back to the default of that one field, with a note.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

import streamlit as st

from .. import catalogue, edits, hub, tokenizer
from ..points import Address
from ..stages import BY_KEY, STAGES
from ..story import CARDS, Card
from . import address, carrier, incoming, seats

DEFAULT_TEXT = "Every effort moves you"
MAX_CHARACTERS = 20_000
MOST_APPENDED = 200  # tokens a link can ask for
TEXTS_KEPT = 8  # texts too long for an address that a visit keeps
OVERVIEW, END = "overview", "end"
AROUND = (OVERVIEW, END)
"""Pages of the walk before its first stage and after its last one."""
EXAMPLES = tuple(card.text for card in CARDS)
DRAWERS = ("recompute", "numbers", "code", "about")


@dataclass(frozen=True)
class Choice:
    """Everything chosen. block and head count from 1 here and in the URL, as readers see them, and 0 leaves them to
    `first_look.place`; token counts from 0, and -1 is the last one. second: the other sentence of a batch of two, "" for none; item: which of the two is shown.
    more: tokens the model has appended. dropout: the rate, 0 = off. beside: the model it is compared with, "" for none; other:
    the chosen cell and the open drawer are about that one. edit: what is changed in the pass of the model, see `gptviz.edits`;
    whatif: the parts that can be switched off are offered. read: the walk is one page of words and tables. With an edit, beside may be the same model, unchanged."""

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
    read: bool = False


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


def _one_of(options: Callable[[], Any]) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in options():
            near = get_close_matches(raw, [str(option) for option in options()], n=1)
            raise ValueError("is not known" + (f" (did you mean {near[0]}?)" if near else ""))
        return raw

    return parse


def models() -> list[str]:
    """The models this reader can choose: those that everybody sees, and their own."""
    own = st.session_state.get("own-models", ())
    return [key for key, entry in catalogue.MODELS.items() if entry.listed or key in own]


def _model(raw: str) -> str:
    if raw in hub.PUBLISHED and raw not in catalogue.MODELS:
        catalogue.refresh()
        if raw not in catalogue.MODELS:
            raise ValueError("is not on this machine yet")
    known = models()
    if catalogue.like_own(raw) and raw not in known:
        raise Rejected(
            "A model trained here belongs to one reader's visit: reloading the page or restarting the server ends it, and its link "
            "opens it nowhere else. Train, under Labs, makes another."
        )
    return _one_of(lambda: known)(raw)


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


def _cell(raw: str) -> str:
    return Address.parse(raw).write() if raw else ""


PARSERS: Mapping[str, Callable[[str], Any]] = {
    "stage": _one_of(lambda: (*BY_KEY, *AROUND)),
    "text": clean_text,
    "model": _model,
    "beside": lambda raw: _model(raw) if raw else "",
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
    "drawer": _one_of(lambda: ("", *DRAWERS)),
    "other": _flag,
    "edit": _edit,
    "whatif": _flag,
    "present": _flag,
    "read": _flag,
}


def from_url(params: Mapping[str, str]) -> tuple[Choice, list[str]]:
    """The choice a URL stands for, and a note for every parameter that could not be used. One without parameters is a first visit,
    which begins with the overview."""
    if not params:
        return Choice(stage=OVERVIEW), []
    chosen, notes = {}, []
    for name, raw in params.items():
        if name not in PARSERS:
            continue  # other parameters belong to Streamlit (embed) or to nobody
        try:
            chosen[name] = PARSERS[name](raw)
        except Rejected as error:
            notes.append(f"The link's {name} cannot be used, the default is shown. {error}")
        except ValueError as error:
            shown = raw if len(raw) <= 40 else raw[:40] + "..."
            notes.append(f'The link says {name} = "{shown}", which {error}; the default is used instead.')
    if not chosen.get("beside"):
        chosen.pop("other", None)  # there is none
    return Choice(**chosen), notes


def to_url(choice: Choice) -> dict[str, str]:
    """The parameters that say how a choice differs from the default; where nothing does, the stage, as no parameters are the
    overview."""
    default = Choice()
    if choice == Choice(stage=OVERVIEW):
        return {}
    written = {}
    for field in fields(Choice):
        value = getattr(choice, field.name)
        if value != getattr(default, field.name):
            written[field.name] = _written(value)
    return written or {"stage": choice.stage}


def _written(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


SHARED = ("text", "model", "special")
"""The choices that every page shares; the others belong to the walk."""


def current(names: Sequence[str] = tuple(PARSERS)) -> Choice:
    """What is chosen now: from the URL when there is news in it (first visit, a link, Back), else as kept. Asked once in a run,
    before anything is drawn.

    names: the parameters this page keeps in its URL.
    """
    kept = st.session_state
    came, led = kept.pop("came", ""), kept.pop("led", None)
    kept["arrived"] = address.news() or came
    if kept["arrived"]:
        kept["came-with"] = address.here() if led is None else led
        everything, absent, kept["missing"] = carrier.read(kept["came-with"], kept.setdefault("texts", {}))
        params = _whole({name: value for name, value in everything.items() if name in names}, absent)
        read, kept["notes"] = from_url(params)
        kept["notes"] += absent.values()
        if "choice" in kept:
            read = replace(kept["choice"], **{name: getattr(read, name) for name in names})
        else:
            kept["rate-before"] = read.dropout or 0.1
        kept["choice"], kept["problem"] = read, ""
        kept["passing"] = bool(read.cell)
        _offer(params)
    if kept["choice"].model not in models():
        settle("The model you trained is not here any more; Train, under Labs, makes another.", model=Choice().model, cell="")
    return kept["choice"]


def arrived() -> str:
    """Why the address was read in this run; "" when it was not."""
    return st.session_state["arrived"]


OF_THE_TEXT = ("token", "piece", "step", "more", "cell")
"""The choices that mean nothing with another text."""


def _whole(params: Mapping[str, str], absent: Mapping[str, str]) -> dict[str, str]:
    """The parameters without those that belong to a text that is not here."""
    lost = {"text", "second"} & absent.keys()
    return {name: value for name, value in params.items() if not lost or name not in OF_THE_TEXT}


def addressed() -> dict[str, str]:
    """The parameters in the address as they were before it was made to fit."""
    return carrier.read(st.session_state["came-with"] if arrived() else address.here(), st.session_state["texts"])[0]


def lead(params: Mapping[str, str]) -> None:
    """In this run these parameters count as a link that was followed. The address is written at the end, as ever: before, it would
    come back as a proof that all of the page is there."""
    st.session_state.update({"came": address.LINK, "led": dict(params)})


def missing() -> tuple[str, ...]:
    """The marks of texts the address stands for that are not here, until the reader chooses something else."""
    return st.session_state.get("missing", ())


def found(texts: Mapping[str, str]) -> None:
    """Texts that the address was too short for, brought back by the browser: the address is read again."""
    sound = {
        mark: tokenizer.well_formed(text) for mark, text in texts.items() if mark in missing() and len(text) <= MAX_CHARACTERS
    }
    known = {mark: text for mark, text in sound.items() if carrier.mark(text) == mark}
    if not known:
        incoming.ignored("the texts of this tab")
        return
    remember(known)
    st.session_state["came"] = address.LINK


def remember(texts: Mapping[str, str]) -> None:
    """Keep texts that no address carries, the last ones of this visit."""
    kept = {mark: text for mark, text in st.session_state.get("texts", {}).items() if mark not in texts} | dict(texts)
    st.session_state["texts"] = dict(list(kept.items())[-TEXTS_KEPT:])


def carried(params: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The parameters as an address carries them, and the names of those it cannot: these are kept for the visit."""
    written, left = carrier.write(params)
    remember({carrier.mark(params[name]): params[name] for name in left})
    return written, left


def _offer(params: Mapping[str, str]) -> None:
    """A link to a published size that is not here opens the offer to download it."""
    if params.get("model") in catalogue.offers():
        st.session_state["offer"] = params["model"]


def chosen() -> Choice:
    """What is chosen at this moment, for a callback that goes one further."""
    return st.session_state["choice"] if "choice" in st.session_state else current()


def change(**changes: Any) -> None:
    """Choose something else (from a widget's callback, or before the page is drawn). Another stage begins with its words, unless
    the reader opened a drawer by its tab: that one stays. Values that no link could hold change nothing: no widget offers them, so
    the message was forged."""
    if not all(_holds(name, value) for name, value in changes.items()):
        incoming.ignored("the choices")
        return
    seats.let_go(changes)
    moved()
    _set(**changes)


def _set(**changes: Any) -> None:
    """The choice with these changes; what was wrong with the link is said no longer."""
    kept, before = st.session_state, chosen()
    if kept["passing"] and changes.get("stage", before.stage) != before.stage:
        changes = {"drawer": ""} | changes
    if "drawer" in changes:
        kept["passing"] = False
    kept["choice"] = replace(before, **changes)
    if changes.get("dropout"):
        kept["rate-before"] = changes["dropout"]
    kept["notes"] = []


def open_cell(cell: str, **changes: Any) -> None:
    """Choose a number in a picture. The drawer that this opens is for this number, and goes with the stage."""
    opened = chosen().drawer != "recompute" or st.session_state["passing"]
    change(cell=cell, drawer="" if chosen().present else "recompute", **changes)
    st.session_state["passing"] = opened


def _holds(name: str, value: Any) -> bool:
    """Whether a link could hold a value of that name."""
    if isinstance(getattr(Choice, name), str) and not isinstance(value, str):
        return False
    try:
        PARSERS[name](_written(value))
    except ValueError:
        return False
    return True


def moved() -> None:
    """The reader has chosen something: the address follows again, whatever text it stood for."""
    st.session_state["missing"] = ()


def settle(note: str, **changes: Any) -> Choice:
    """Change something the reader asked for that cannot be shown, and say so."""
    kept = [*notes(), note]
    _set(**changes)
    st.session_state["notes"] = kept
    return chosen()


def last_rate() -> float:
    """The dropout rate to go back to: the one chosen before it was switched off."""
    return st.session_state.get("rate-before", 0.1)


def choose_text(field: str, text: str) -> None:
    """Take a typed sentence, or keep the last good one and say what is wrong."""
    if not isinstance(text, str):
        incoming.ignored("a text box")
        return
    try:
        text = clean_text(text) if text or field == "text" else ""
    except Rejected as error:
        st.session_state["problem"] = str(error)
        return
    st.session_state["problem"] = ""
    if field == "text":
        change(text=text, token=-1, more=0, piece=-1, step=-1, cell="")
    else:
        change(second=text, item=chosen().item if text else 0, token=-1, more=0, piece=-1, step=-1, cell="")


def step(by: int) -> None:
    """Some pages of the walk on: before the first stage is the overview, after the last one the end."""
    order = (OVERVIEW, *BY_KEY, END)
    at = order.index(chosen().stage) + by
    change(stage=order[min(max(at, 0), len(order) - 1)], cell="")


def take(card: Card) -> None:
    """An example: its sentence, and the place where it shows something."""
    change(
        text=card.text,
        stage=card.stage,
        block=card.block,
        head=card.head,
        token=card.token,
        item=0,
        more=0,
        piece=-1,
        step=-1,
        cell="",
        drawer="",
    )


def write_url(
    choice: Choice, names: Sequence[str] = tuple(PARSERS), others: Mapping[str, str] = MappingProxyType({})
) -> tuple[str, ...]:
    """Put the choice (these names of it, and a lab's own parameters) into the address, without a rerun, and return the names of
    those it cannot carry. Last, when everything is drawn: an address that comes back from the browser proves that all of it arrived
    there. One that stands for a text that is not here is left alone: the text may still come."""
    if missing():
        return ()
    shared = {name: value for name, value in to_url(replace(choice, **seats.OWN)).items() if name in names}
    seats.publish(shared | dict(others))
    written, left = carried({name: value for name, value in to_url(choice).items() if name in names} | dict(others))
    address.write(written)
    return left


def problem() -> str:
    """Why the last text was not taken, or ""."""
    return st.session_state["problem"]


def notes() -> list[str]:
    """What was wrong with the link."""
    return st.session_state["notes"]
