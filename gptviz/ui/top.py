"""The line on top of every page: sentence, examples, model, labs, options, and the state the numbers come from."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from .. import catalogue, tokenizer, verbatim, weights
from ..figures import chips
from ..model import GPT
from ..story import Card, cards
from ..verbatim import Html, Markdown
from . import address, cache, carrier, download, lesson, links, projector, seats, state, writing
from .state import Choice, change

HIDDEN: Mapping[str, str] = MappingProxyType(
    {
        "sentence": ".st-key-typed-text, .st-key-typed-second",
        "examples": ".st-key-example",
        "model": ".st-key-model, .badge.trained, .badge.random",
        "compare": ".st-key-beside",
        "labs": ".st-key-labs",
        "options": ".st-key-options",
        "room": ".st-key-room",
        "question": ".st-key-question, [class*=st-key-ask-]",
        "keep": "[class*=st-key-keep-]",
        "append": ".st-key-append-here",
        "cover": ".st-key-cover",
        "map": ".st-key-pipeline",
        "stage": ".st-key-jump",
        "block": ".st-key-block",
        "head": ".st-key-head",
        "token": ".st-key-token",
        "whatif": ".st-key-whatif",
        "dropout": ".st-key-training, .badge.eval",
        "control": "[class*=st-key-control-]",
    }
)
"""Where what `hide` in an address names stands on a page."""

LINES = 2  # of a sentence, that the top line shows before it scrolls
_here = Path(__file__).parent
CSS = (
    (_here / "page.css").read_text(encoding="utf-8")
    + chips.CSS
    + writing.CSS
    + lesson.CSS
    + (_here / "small.css").read_text(encoding="utf-8")
)
PRESENT = """
:is(.st-key-top, .st-key-title-row) button { min-height: 1.5rem; padding: 0 0.6rem; }
.st-key-title-row h1.title { font-size: 1.2rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.badge { font-size: 0.9rem; }
.remark { font-size: 0.78rem; }
[class*=st-key-half-] .look { font-size: 0.9rem; line-height: 1.25rem; }
.half { font-size: 0.82rem; }
.half .badge { font-size: 0.72rem; line-height: 1.1rem; }
[class*=st-key-half-] .chips.present .piece { font-size: 1.1rem; line-height: 1.6rem; }
[class*=st-key-half-] .chips.present :is(.ids, .about, .heading, .note) { font-size: 0.8rem; line-height: 1.1rem; }
"""
"""In Present mode every size that is counted in rem grows with the window, and the browser shows the lesson alone."""


def menu(name: str) -> Html:
    """On a small screen, a button that shows the rest of its row and puts it away again; anywhere else the row is there as a whole.
    small.css does both, so that it answers at once and no server knows the size of a window."""
    return f"<details class='menu'><summary>{verbatim.html(name)}</summary></details>"


def style(*, present: bool = False, hide: str = "") -> None:
    """The page's own type and colours, for reading or for a projector. hide: what is not to be seen, as an address says it."""
    gone = ", ".join(HIDDEN[name] for name in hide.split(",") if name in HIDDEN)
    away = f":is({gone}), [data-testid=stColumn]:has(> * > * > :is({gone})) {{ display: none; }}" if gone else ""
    st.html(f"<style>{CSS}{projector.CSS + PRESENT if present else ''}{away}</style>")


def show(
    choice: Choice,
    model: GPT | str,
    *,
    lab: bool = False,
    marked: bool = True,
    places: dict[str, DeltaGenerator] | None = None,
    presents: bool = True,
) -> None:
    """Draw the line. model: the chosen one, or why it cannot be loaded, which is then said below. marked: whether a badge says if it
    is trained; a page whose numbers come from other weights has badges of its own. places: gets the one where Present mode asks its
    question. presents: the page can be shown in Present mode."""
    loaded = None if isinstance(model, str) else model
    if seats.leads() and not choice.present:
        with st.container(key="lesson"):
            lesson.desk(walk=not lab)
    with st.container(key="top"):
        keep = {carrier.mark(text): text for text in (choice.text, choice.second) if carrier.long(text)}
        writing.show(keep, state.missing(), state.found)
        badge = "NOT LOADED" if loaded is None else "TRAINED" if weights.is_trained(loaded) else "RANDOM INIT"
        line(
            choice, badge if marked or loaded is None else "", lab, loaded, {} if places is None else places, presents=presents
        )
    if loaded is None:
        st.error(verbatim.markdown(model))
        st.button("Use mini instead", on_click=change, kwargs={"model": "mini"})
    if loaded is None or not choice.present:
        download.panel()


def line(
    choice: Choice, badge: Html, lab: bool, loaded: GPT | None, places: dict[str, DeltaGenerator], *, presents: bool
) -> None:
    """Sentence, examples, model, options, state badges, Present. loaded: the model, once it is in memory."""
    if choice.present:
        left, said, labs, room, question, right = st.columns(
            [3.3, 2.75, 1.1, 1.2, 1.25, 1.4], vertical_alignment="center", gap="xsmall"
        )
        with room:
            lesson.desk(walk=not lab)
        if not lab:
            places["question"] = question.container(key="question")
        with labs.popover("Labs", type="tertiary", key="labs"):
            links.to_all(choice)
        field = "second" if choice.item and choice.second else "text"
        typed(field, left, getattr(choice, field))
        said.html(f"<div class='sentence'>{badges(choice, badge, lab, loaded)}</div>")
        right.toggle("Present", value=True, key="leave", on_change=change, kwargs={"present": False})
        return
    if lab:
        name, text, examples, model, labs, options, state_, present = st.columns(
            [0.6, 3.4, 0.95, 1.45, 0.75, 0.95, 2.25, 0.9], vertical_alignment="center", gap="small"
        )
    else:
        name, text, examples, model, against, labs, options, state_, present = st.columns(
            [0.6, 2.6, 0.95, 1.4, *((1.9, 0.75, 0.95, 1.8) if choice.beside else (1.55, 0.75, 0.95, 2.15)), 1],
            vertical_alignment="center",
            gap="xsmall",
        )
        compare(choice, against)
    name.html(f"<span class='name'>gptviz</span>{menu('Menu')}")
    with labs.popover("Labs", type="tertiary", key="labs"):
        links.to_all(choice)
    field = "second" if choice.item and choice.second and not lab else "text"
    typed(field, text, getattr(choice, field))
    st.html(f"<style>:root {{ --lines: {min(LINES, getattr(choice, field).count(chr(10)) + 1):d}; }}</style>")
    examples.menu_button(
        "Examples",
        list(cards.BY_KEY),
        key="example",
        type="tertiary",
        format_func=lambda key: card_label(cards.BY_KEY[key]),
        on_click=lambda: take_example(lab),
    )
    address.hold("model", choice.model, offers=tuple(map(download.title, download.choices())))
    model.selectbox(
        "Model",
        download.choices(),
        key="model",
        format_func=download.title,
        label_visibility="collapsed",
        on_change=address.chose("model", take_model),
    )
    with options.popover("Options", type="tertiary", key="options"):
        more_options(choice, lab, loaded is not None)
    if badge:
        state_.html(badges(choice, badge, lab, loaded))
    if lab and not presents:
        return
    st.session_state["present"] = choice.present
    present.toggle("Present", key="present", on_change=lambda: change(present=st.session_state["present"], drawer=""))


def typed(field: str, where, value: str, label: Markdown = "") -> None:
    """A text box that keeps what was typed even when it cannot be used. label: shown above it; none on the top line."""
    key = f"typed-{field}"
    if not state.problem() or key not in st.session_state:
        st.session_state[key] = value
    writing.box(
        where,
        label or "Sentence",
        key,
        lambda: state.choose_text(field, st.session_state[key]),
        named=bool(label),
        placeholder="Type a sentence and press Enter",
    )


def too_long(names: Sequence[str]) -> None:
    """Say that the address cannot carry some texts, and what that means."""
    known = {"text": "the sentence", "second": "the second sentence"}
    what = " and ".join(known.get(name, "what you typed here") for name in names)
    st.html(
        f"<p class='message'>The address is too short for {verbatim.html(what)}: servers take about {carrier.LONGEST:,} bytes. It stays in this tab; "
        "anywhere else the link opens without it.</p>"
    )


def take_model(key: str) -> None:
    """Another model; the one beside it takes the place of the one it was compared with. A label that is no model any more, sent
    along by a press while the list changed, is no choice."""
    if key not in download.choices():
        return
    before = state.chosen()
    download.choose(key)
    if before.beside == before.model:
        change(beside=state.chosen().model)
    elif before.beside and state.chosen().model == before.beside:
        change(beside=before.model, other=False)


def take_beside(key: str) -> None:
    """Another model to compare with, or none."""
    if not key or key in state.models():
        change(beside=key, other=False, cell="")


def compare(choice: Choice, where) -> None:
    """The model beside: chosen here, and put away with the cross."""
    address.hold("beside", choice.beside or None)
    where.selectbox(
        "Compare with",
        [key for key in state.models() if key != choice.model or choice.edit],
        index=None,
        key="beside",
        format_func=partial(against, unedited=choice.model),
        placeholder="Compare with ...",
        label_visibility="collapsed",
        on_change=address.chose("beside", lambda key: take_beside(key or "")),
    )


def against(key: str, unedited: str) -> str:
    """A model's line among those to compare with, where the one on screen stands for itself without its edits."""
    return f"{download.title(key)}, unedited" if key == unedited else download.title(key)


def card_label(card: Card) -> Markdown:
    """An example in one line: what to do, with which sentence."""
    return f"**{verbatim.markdown(card.verb)}** {verbatim.markdown(tokenizer.in_one_line(card.text))}"


def take_example(lab: bool) -> None:
    """Of an example a lab takes the sentence, the walk also the place where to look."""
    card = cards.BY_KEY.get(st.session_state["example"])
    if card and lab:
        state.choose_text("text", card.text)
    elif card:
        state.take(card)


def more_options(choice: Choice, lab: bool, loaded: bool) -> None:
    """Rarely used things: the second sentence of a batch, the special token, what the models are."""
    if not lab:
        second_sentence(choice)
    address.hold("special", choice.special)
    st.toggle(
        "Read <|endoftext|> as the special token",
        key="special",
        on_change=address.chose("special", lambda special: change(special=special, token=-1, cell="")),
    )
    if not lab:
        address.hold("read", choice.read)
        st.toggle(
            "Read the walk as words and tables",
            key="read",
            help="One page without pictures, for a screen reader or to read in one go.",
            on_change=address.chose("read", lambda read: change(read=bool(read))),
        )
    for entry in (catalogue.MODELS[key] for key in (choice.model, "" if lab else choice.beside) if key):
        st.caption(f"**{verbatim.markdown(entry.title)}**: {verbatim.markdown(entry.about)}")
        for remark in cache.model(entry.key).remarks if loaded else ():
            st.caption(verbatim.markdown(remark))
        card(entry)
    st.button("Start over with the defaults", on_click=lambda: change(**vars(Choice())))


def card(entry: catalogue.Entry) -> None:
    """A model's card, where there is one. One that ships with gptviz is laid out, below its title, which stands above already; any
    other is text."""
    if not entry.card:
        return
    shown = st.expander("Model card")
    try:
        said = entry.card.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        shown.caption(verbatim.markdown(f"It cannot be read: {error.strerror or entry.card.name}"))
        return
    if entry.card.is_relative_to(catalogue.BUNDLED):
        shown.markdown(said.partition("\n")[2])
    else:
        shown.html(f"<div class='card'>{verbatim.html(said)}</div>")


def second_sentence(choice: Choice) -> None:
    """A batch of two, and which of the two is shown."""
    st.markdown("**Batch of two sentences**")
    if choice.item and choice.second:
        typed("text", st, choice.text, "First sentence")
    else:
        typed("second", st, choice.second, "Second sentence")
    if choice.second:
        address.hold("item", choice.item)
        st.radio(
            "Show",
            (0, 1),
            key="item",
            horizontal=True,
            format_func=("first sentence", "second sentence").__getitem__,
            on_change=address.chose("item", lambda item: change(item=item, token=-1, piece=-1, step=-1, cell="")),
        )
        st.caption("Both go through together, padded on the right to one length. Neither sees a number of the other.")
    else:
        st.button(
            'Add "Every day holds a"',
            on_click=lambda: state.choose_text("second", "Every day holds a"),
        )


def badges(choice: Choice, badge: Html, lab: bool, loaded: GPT | None) -> Html:
    """The state every number on screen comes from. Of two models beside each other, what holds for both."""
    kind = {"TRAINED": "trained", "RANDOM INIT": "random"}.get(badge, "failed")
    model = f"{verbatim.html(catalogue.MODELS[choice.model].title)} · " if choice.present else ""
    weights_badge = f"<span class='badge {kind}'>{model}{badge}</span>"
    if lab:
        return weights_badge
    if choice.beside:
        weights_badge = ""  # each picture carries the state of its own model
    said = weights.mode(None if choice.beside else loaded, choice.dropout, f"seed {choice.seed}")
    if choice.present:
        said = said.removesuffix(": dropout off").partition(",")[0]  # a badge that says more would be cut off
    mode = verbatim.html(said)
    drop = "train" if choice.dropout else "eval"
    if choice.edit:
        weights_badge += " <span class='badge edited'>EDITED</span>"
    which = f" <span class='badge eval'>sentence {choice.item + 1:d} of 2</span>" if choice.second else ""
    return f"{weights_badge} <span class='badge {drop}'>{mode}</span>{which}".strip()
