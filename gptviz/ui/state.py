"""What the reader has chosen: one frozen value, kept in the URL, changed only through `change`.

The URL is the truth at the start of a visit, after a link, and after Back or Forward; session state holds plain values in between.
Nonsense in the URL falls back to the default of that one field, with a note.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import streamlit as st

from .. import catalogue, choice, tokenizer
from ..choice import (
    END,
    MAX_CHARACTERS,
    OVERVIEW,
    Choice,
    Rejected,
    clean_text,
    to_url,
    written,
)
from ..stages import BY_KEY
from ..story import CARDS, Card
from . import address, carrier, incoming, seats

TEXTS_KEPT = 8  # texts too long for an address that a visit keeps
EXAMPLES = tuple(card.text for card in CARDS)


def models() -> list[str]:
    """The models this reader can choose: those that everybody sees, and their own."""
    own = st.session_state.get("own-models", ())
    return [key for key, entry in catalogue.MODELS.items() if entry.listed or key in own]


def _model(raw: str) -> str:
    if catalogue.like_own(raw) and raw not in models():
        raise Rejected(
            "A model trained here belongs to one reader's visit: reloading the page or restarting the server ends it, and its link "
            "opens it nowhere else. Train, under Labs, makes another."
        )
    return choice.model(raw, models)


PARSERS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {**choice.PARSERS, "model": _model, "beside": lambda raw: _model(raw) if raw else ""}
)


def from_url(params: Mapping[str, str]) -> tuple[Choice, list[str]]:
    """What an address stands for, as this reader may see it."""
    return choice.from_url(params, PARSERS)


SHARED = ("text", "model", "special", "edit", "present", "hide", "lesson", "stop")
"""The choices that every page shares; the others belong to the walk."""


def own(params: Mapping[str, str]) -> dict[str, str]:
    """What of an address is a page's own. Older ones say hide=0 or hide=1 of the view without the first token."""
    found = {name: value for name, value in params.items() if name not in SHARED}
    return found | ({"without": params["hide"]} if params.get("hide") in ("0", "1") else {})


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
    if {"stage", "text", "second"} & changes.keys():
        changes = {"revealed": 0} | changes
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
        PARSERS[name](written(value))
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
