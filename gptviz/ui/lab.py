"""A lab's page: its experiments, their controls beside the picture, the words, everything in the URL."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from .. import edits, verbatim
from ..figures.chips import Chips
from ..figures.forms import Picture
from ..figures.matrix import Grid
from ..figures.table import Table
from ..labs.lab import LONGEST_TEXT, Control, Experiment, Lab, Setting, Sheet
from ..recompute import Recomputation, recompute
from ..trace import NotFinite, Trace
from ..verbatim import Html, Markdown
from . import (
    address,
    appending,
    cache,
    glossary,
    guide,
    incoming,
    lesson,
    links,
    matrix,
    picture,
    predict,
    projector,
    seats,
    sentences,
    state,
    story,
    top,
    waiting,
    whatif,
    writing,
)
from . import keep as keeping
from .strips import Released
from .work import tell

SLICE = 1.0  # seconds of an experiment that goes on by itself, between two drawings
AGAIN = 0.2  # seconds until the next one
MOST = 60.0  # seconds of the model's time that one link or press buys; what is begun by then is brought to its end
EDITED = "EDITED"
ENOUGH = f"The model was at it for more than {MOST:.0f} seconds and there is more to do. What is done is kept."


def show(chosen: Lab) -> None:
    """The whole page of one lab."""
    st.set_page_config(page_title=f"{chosen.title} · gptviz")
    choice = whatif.check(state.current(state.SHARED))
    arrive(chosen)
    if state.arrived():
        further(None)
    top.style(present=choice.present, hide=choice.hide)
    with waiting.shown("lab"), st.container(gap="xsmall"):
        if choice.present:
            opened = "lab-cell" in st.session_state
            projector.show(on_step=partial(step, chosen), on_leave=lambda: st.session_state.pop("lab-cell", None), open_=opened)
        model = cache.opened(choice.model)
        top.show(choice, model, lab=True, marked=not chosen.own_state)
        if isinstance(model, str):
            state.write_url(choice, state.SHARED)
            return
        for text in filter(None, (state.problem(), *state.notes())):
            st.warning(verbatim.markdown(text), icon=":material/info:")
        context = model.config.context_length
        sentence = sentences.read(choice, context, alone=True).sentences[0]
        guide.strip(choice)
        whatif.standing(choice)
        with st.bottom:
            guide.bar(choice)
        if lesson.instead():
            return
        every = AGAIN if going_on() else None
        told = sentences.messages(choice, sentence, context)
        st.fragment(body, run_every=every)(chosen, choice.model, choice.text, sentence.ids, told, every)


def going_on() -> bool:
    """Whether the experiment on screen goes on by itself: what it has to do is done a little in every drawing, so that a press comes
    through in between. A press or a link buys as many seconds of that as of anything else."""
    kept = st.session_state
    return kept.get("under-way-lab", False) and time.monotonic() - kept["under-way-since"] < MOST


def body(chosen: Lab, key: str, text: str, ids: tuple[int, ...], messages: list[str], every: float | None) -> None:
    """Everything a control of the lab can change; moving one runs this part alone. Streamlit keeps what it was called with, so that
    is plain values, and the model is looked up again: kept, it would stay in memory after everybody else let it go."""
    if st.session_state.pop("to-walk", False):  # pressed in a picture, where a page cannot be left yet
        links.walk_through(state.chosen())
    try:
        with waiting.shown("experiment", MOST):
            experiment(chosen, key, text, ids, messages)
    except waiting.Enough:
        st.warning(ENOUGH)
        st.button("Go on", key="go-on", type="primary")
    if (AGAIN if going_on() else None) != every:
        st.rerun()


def further(share: float | None) -> None:
    """Say how far an experiment is that goes on by itself, and see to it that it does."""
    kept = st.session_state
    if share is None:
        kept["under-way-lab"] = False
        return
    if not kept.get("under-way-lab", False):
        kept["under-way-lab"], kept["under-way-since"] = True, time.monotonic()
    if going_on():
        st.html(appending.UNDIMMED)
        st.progress(share, f"{100 * share:.0f} % done")
        return
    st.warning(ENOUGH)
    st.button("Go on", key="go-further", type="primary", on_click=spell)


def spell() -> None:
    """As many seconds again."""
    st.session_state["under-way-since"] = time.monotonic()


def experiment(chosen: Lab, key: str, text: str, ids: tuple[int, ...], messages: list[str]) -> None:
    model = cache.opened(key)
    if isinstance(model, str):
        st.error(verbatim.markdown(model))
        return
    setting = Setting(
        model=model,
        ids=ids,
        values={},
        text=text,
        run=partial(cache.run, key),
        model_key=key,
        once=cache.once,
        kept=cache.kept,
        told=tell,
        until=time.monotonic() + SLICE,
    )
    raw = values(chosen)
    current = chosen.find(raw.get("view", ""))
    changes = edits.parse(st.session_state["choice"].edit)
    setting = current.changed(setting, changes)
    present = st.session_state["choice"].present
    if present:
        kept = presented(chosen, current)
    else:
        kept = tabs(chosen, current)
    try:
        controls = current.controls_for(setting)
    except ValueError as error:
        st.error(verbatim.markdown(error))
        return
    chosen_values, notes = read(controls, raw)
    if (asked_for := raw.get("view", current.key)) != current.key:
        notes.insert(0, f'There is no experiment "{asked_for[:40]}" here; the first one is shown.')
    for note in notes:
        st.warning(verbatim.markdown(note), icon=":material/info:")
    if present:
        large(chosen, current, controls, replace(setting, values=chosen_values), kept)
        below(chosen, current, controls, chosen_values, messages)
        return
    left, right = st.columns([1.9, 1], gap="medium")
    with left, st.container(key="stage", gap="small"):
        presets(chosen, current.presets(setting), controls, chosen_values)
        widgets(chosen, [control for control in controls if control.drawn and control.when(chosen_values)], chosen_values)
        asked = replace(setting, values=chosen_values)
        marks = ()
        try:
            marks = marked(current, asked)
            trail(chosen, current, controls, asked)
            said = shown(chosen, current, asked, controls, kept, marks)
        except (MemoryError, ValueError) as error:
            further(None)
            st.error(verbatim.markdown(error))
            said = ""
    with right, st.container(key="words", gap="xsmall"):
        if line := guide.words(st.session_state["choice"]):
            st.html(line)
        words(current, said, marks, current.standing(changes))
        story.back(chosen, current, st.session_state["choice"])
        below(chosen, current, controls, chosen_values, messages)


def marked(current: Experiment, asked: Setting) -> tuple[str, ...]:
    """The badges: what the numbers are besides the model's own state."""
    return (*current.state(asked), *[EDITED] * bool(asked.edits))


def shown(chosen: Lab, current: Experiment, asked: Setting, controls: tuple[Control, ...], kept, marks: Sequence[str]) -> str:
    """The pictures, how much of a longer work they show, and what keeps them; returns what to look for."""
    place = st.empty()
    said, pictures = draw(chosen, current, asked, controls)
    with place.container():
        further(current.under_way(asked))
    with kept:
        keeping.experiment(current, asked, pictures, marks)
    return said


def below(
    chosen: Lab, current: Experiment, controls: tuple[Control, ...], values: Mapping[str, Any], messages: Sequence[str]
) -> None:
    """Under the words: what could not be used, and what the address, which is written here, has no room for."""
    for message in messages:
        st.html(f"<p class='message'>{verbatim.html(message)}</p>")
    if left_out := write(chosen, current, controls, values):
        top.too_long(left_out)


def tabs(chosen: Lab, current: Experiment):
    """The lab's name, its experiments to choose from, and the place right of them."""
    with st.container(key="experiments"):
        head, tabs, kept = st.columns([1, 4, 0.4], vertical_alignment="center")
    head.html(f"<h1 class='title'>{verbatim.html(chosen.title)}</h1>")
    address.hold("view", current.key)
    tabs.segmented_control(
        "Experiment",
        [one.key for one in chosen.experiments],
        key="view",
        format_func={one.key: verbatim.markdown(one.title) for one in chosen.experiments}.get,
        label_visibility="collapsed",
        required=True,
        on_change=address.chose("view", lambda view: keep(chosen, {"view": view})),
    )
    return kept


# in Present mode ------------------------------------------------------------------------------------------------------


def presented(chosen: Lab, current: Experiment):
    """The experiment's name, its question, the ways to the others, and the place for what keeps it."""
    widths = [3.2, 1.15, 0.95, 2.3, 0.95, 0.8]
    with st.container(key="presented"):
        title, asked, back, view, forward, kept = st.columns(widths, vertical_alignment="center", gap="xsmall")
    title.html(f"<h1 class='title'>{verbatim.html(current.title)}</h1>")
    if current.question and not lesson.busy():
        with asked.container(key="question"):
            predict.ask(current, "Predict")
    at = chosen.experiments.index(current)
    last = len(chosen.experiments) - 1
    back.button("‹ Back", key="view-back", width="stretch", disabled=at == 0, on_click=step, args=(chosen, -1))
    address.hold("view", current.key)
    view.selectbox(
        "Experiment",
        [one.key for one in chosen.experiments],
        key="view",
        format_func={one.key: f"{n + 1} of {last + 1} · {one.title}" for n, one in enumerate(chosen.experiments)}.get,
        label_visibility="collapsed",
        on_change=address.chose("view", lambda view: keep(chosen, {"view": view})),
    )
    forward.button(
        "Next ›", key="view-next", type="primary", width="stretch", disabled=at == last, on_click=step, args=(chosen, 1)
    )
    return kept


def step(chosen: Lab, by: int) -> None:
    """Some experiments on, within the lab."""
    at = chosen.experiments.index(chosen.find(values(chosen).get("view", ""))) + by
    keep(chosen, {"view": chosen.experiments[min(max(at, 0), len(chosen.experiments) - 1)].key})


def large(chosen: Lab, current: Experiment, controls: tuple[Control, ...], asked: Setting, kept) -> None:
    """One picture, as large as there is room, the one control that moves it, and one line."""
    try:
        marks = marked(current, asked)
        offered = [one for one in controls if one.drawn and one.kind not in ("live", "path", "text") and one.when(asked.values)]
        first = [one for one in offered if one.name == current.main] or offered[:1]
        if not any(one.kind == "live" and one.drawn for one in controls):
            with st.container(key="lab-control"):
                widgets(chosen, first, asked.values)
        trail(chosen, current, controls, asked)
        with st.container(key="stage", gap="small"):
            said = shown(chosen, current, asked, controls, kept, marks)
    except (MemoryError, ValueError) as error:
        further(None)
        st.error(verbatim.markdown(error))
        return
    badges = "".join(f"{badge(mark)} " for mark in marks)
    question = predict.unanswered(current)
    line = f"<b>Predict:</b> {verbatim.html(question)}" if question else f"<b>Look for:</b> {verbatim.html(said)}"
    st.html(f"<p class='look'>{badges}{line}</p>")
    if standing := current.standing(edits.parse(st.session_state["choice"].edit)):
        st.html(f"<p class='did'>{verbatim.html(standing)}</p>")


def write(chosen: Lab, current: Experiment | None, controls: Sequence[Control], values: Mapping[str, Any]) -> tuple[str, ...]:
    """Put into the URL what differs from the defaults; returns the names of what is too long for it. current: the experiment on
    screen, where the lab has some to choose from."""
    written = {control.name: control.write(values[control.name]) for control in controls}
    defaults = {control.name: control.write(control.start()) for control in controls}
    own = {name: value for name, value in written.items() if value != defaults[name]}
    if current and current is not chosen.experiments[0]:
        own["view"] = current.key
    return state.write_url(st.session_state["choice"], state.SHARED, own)


def arrive(chosen: Lab) -> None:
    """Take a lab's own parameters out of the address where there is news in it. A link that has none comes back to the lab as it
    was left."""
    params = state.own(state.addressed())
    key = f"lab-{chosen.key}"
    if key not in st.session_state or state.arrived() == address.HISTORY or (state.arrived() and params):
        st.session_state[key] = params


def values(chosen: Lab) -> dict[str, str]:
    """The lab's own parameters, as last chosen."""
    return st.session_state[f"lab-{chosen.key}"]


def keep(chosen: Lab, changes: Mapping[str, str]) -> None:
    """Remember what a control was moved to; the URL follows when the page is drawn."""
    if not all(isinstance(value, str) for value in changes.values()):
        incoming.ignored("a control")
        return
    seats.let_go()
    key = f"lab-{chosen.key}"
    st.session_state[key] = {**st.session_state[key], **changes}
    spell()
    state.moved()


def read(controls: tuple[Control, ...], raw: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Every control's value, and a note for each that the URL asked for in vain."""
    chosen, notes = {}, []
    for control in controls:
        try:
            chosen[control.name] = control.parse(raw[control.name]) if control.name in raw else control.start()
        except ValueError as error:
            shown = raw[control.name][:40]
            notes.append(f'{control.label} was asked to be "{shown}", which {error}; the default is used instead.')
            chosen[control.name] = control.start()
    return chosen, notes


def presets(
    chosen: Lab, offered: Mapping[str, Mapping[str, Any]], controls: tuple[Control, ...], current: Mapping[str, Any]
) -> None:
    """Named settings of several controls at once; the one in force is lit."""
    if not offered:
        return
    write = {control.name: control.write for control in controls}
    lit = [name for name, values in offered.items() if all(current[key] == value for key, value in values.items())]
    address.hold("preset", lit[0] if lit else None)

    def pressed(name: str | None) -> None:
        wanted = offered.get(name, {})
        keep(chosen, {name: write[name](value) for name, value in wanted.items()})

    st.segmented_control(
        "Settings",
        list(offered),
        key="preset",
        format_func=verbatim.markdown,
        label_visibility="collapsed",
        on_change=address.chose("preset", pressed),
    )


def widgets(chosen: Lab, controls: Sequence[Control], current: Mapping[str, Any]) -> None:
    """The controls in rows of up to five beside each other; a live one has its slider in the picture."""
    controls = tuple(control for control in controls if control.kind != "live")
    rows = -(-len(controls) // 5)
    across = -(-len(controls) // rows) if rows else 1
    for start in range(0, len(controls), across):
        some = controls[start : start + across]
        wide = [2 if control.kind == "text" and len(str(control.start())) > 30 else 1 for control in some]
        for place, control in zip(st.columns(wide, vertical_alignment="bottom"), some):
            widget(place, chosen, control, current[control.name])


def widget(place, chosen: Lab, control: Control, value: Any) -> None:
    if control.kind == "slider" and control.options[0] == control.options[1]:
        place.caption(f"{verbatim.markdown(control.label)}: {verbatim.markdown(value)}, the only one")
        return
    key = f"control-{control.name}"

    def same(one: Any, other: Any) -> bool:
        return type(one) is type(other) and (abs(one - other) < 1e-6 if control.kind == "slider" else one == other)

    address.hold(key, value, same, offers=control.options)
    moved = address.chose(key, lambda now: keep(chosen, {control.name: control.write(now)}))

    def shown(option: Any) -> Markdown:
        return verbatim.markdown(control.show(option))

    options = {"key": key, "help": control.help or None, "on_change": moved}
    if control.kind == "slider":
        low, high, step = control.options
        place.slider(control.label, low, high, step=step, **options)
    elif control.kind == "steps":
        place.select_slider(control.label, control.options, format_func=shown, **options)
    elif control.kind == "switch":
        place.toggle(control.label, **options)
    elif control.kind == "text":
        writing.box(place, control.label, max_chars=LONGEST_TEXT, **options)
    elif len(control.options) <= 4 and sum(len(control.show(option)) for option in control.options) < 28:
        place.segmented_control(control.label, control.options, format_func=shown, required=True, **options)
    else:
        place.selectbox(control.label, control.options, format_func=control.show, **options)


def followed(current: Experiment, controls: tuple[Control, ...], setting: Setting) -> list[tuple[str, list[str], list[str]]]:
    """Of the control that is a way, if there is one: its name, the steps that lead somewhere, and the names of all places on it."""
    names = [control.name for control in controls if control.kind == "path"]
    places = list(current.trail(setting)) if names else []
    return [(name, setting[name].split(".")[: len(places) - 1] if setting[name] else [], places) for name in names]


def trail(chosen: Lab, current: Experiment, controls: tuple[Control, ...], setting: Setting) -> None:
    """The places on the way down; a press on one goes back to it."""
    for name, steps, places in followed(current, controls, setting):
        if len(places) == 1:
            continue
        address.hold("trail", len(places) - 1, offers=tuple(places))
        st.segmented_control(
            "The way down",
            range(len(places)),
            key="trail",
            format_func=[verbatim.markdown(place) for place in places].__getitem__,
            label_visibility="collapsed",
            required=True,
            on_change=address.chose("trail", lambda at, name=name, steps=steps: keep(chosen, {name: ".".join(steps[:at])})),
        )


def draw(chosen: Lab, current: Experiment, setting: Setting, controls: tuple[Control, ...]) -> tuple[str, list[Picture]]:
    """The pictures; returns the "look for" line and them."""
    name_of, recomputes = f"{chosen.key}/{current.key}", current.own is not None  # plain values for what Streamlit keeps

    ways = {name: "".join(f"{step}." for step in steps) for name, steps, _ in followed(current, controls, setting)}

    opens = current.opens(setting)

    def happened(event: object) -> None:
        named = {control.name: control for control in controls}
        match event:
            case matrix.Pick("walk", value) if value < len(opens):
                state.change(**opens[value])
                st.session_state["to-walk"] = True
            case Released(name, value) if name in named:
                keep(chosen, {name: named[name].write(value)})
            case matrix.Pick(name, value) if name in ways:
                keep(chosen, {name: f"{ways[name]}{value}"})
            case matrix.Pick(name, value) if name in named:  # a choice moves to that place in its options, others to that value
                options = named[name].options if named[name].kind == "choice" else range(value + 1)
                if value < len(options):
                    keep(chosen, {name: named[name].write(options[value])})
            case matrix.Cell(point, index) if recomputes:
                st.session_state["lab-cell"] = (name_of, point, index)

    said = current.caption(setting)
    pictures = list(current.pictures(setting))
    whose, *cell = st.session_state.get("lab-cell", ("",))
    found = computed_again(current.own(setting), pictures, *cell) if whose == name_of and recomputes else None
    if st.session_state["choice"].present:
        drawn = [
            n for n, made in enumerate(pictures) if not isinstance(made, (Chips, Table))
        ]  # words are small beside a picture
        shown = min(drawn[0] if drawn and current.large is None else current.large or 0, len(pictures) - 1)
        outlined = (found.point, found.index) if found else None
        picture.show(
            pictures[shown],
            f"lab-picture-{current.key}-{shown}",
            cell=outlined,
            fills=True,
            on_event=happened,
            alt=said,
        )
        if found:
            st.html(f"<p class='scales'>{again(found)}</p>")
        return said, pictures
    places = (
        st.columns(len(pictures), gap="small") if current.beside and len(pictures) > 1 else [st.container()] * len(pictures)
    )
    for n, (place, made) in enumerate(zip(places, pictures)):
        with place:
            outlined = (found.point, found.index) if found else None
            picture.show(made, f"lab-picture-{current.key}-{n}", cell=outlined, on_event=happened, alt=said)
    if recomputes:
        st.html(f"<p class='scales'>{again(found)}</p>")
    return said, pictures


def computed_again(own: Trace, pictures: Sequence[Picture], point: str, index: tuple[int, ...]) -> Recomputation | None:
    """A clicked number, recomputed; None where no panel shows it, or shows another."""
    for panel in (panel for made in pictures if isinstance(made, Grid) for panel in made.panels):
        if place := panel.find(point, index):
            try:
                found = recompute(own, point, index)
            except (KeyError, IndexError, NotFinite):
                return None
            return found if np.isclose(found.shown, panel.values[place], rtol=1e-5, atol=1e-6) else None
    return None


def again(found: Recomputation | None) -> Html:
    """One line on the number that was clicked, or that one can be."""
    if found is None:
        return "Cells with the model's own numbers can be clicked: each is computed again."
    return (
        f"<b>Recomputed:</b> {verbatim.html(found.sentence)} Shown {found.shown:.6g}, recomputed {found.value:.6g}, "
        f"difference {found.difference:.0e}."
    )


def badge(mark: str) -> Html:
    return f"<span class='badge {'edited' if mark == EDITED else 'train'}'>{verbatim.html(mark)}</span>"


def words(current: Sheet, said: str, marks: Sequence[str], standing: str = "") -> None:
    """The question, what happens, the formula, and what to look for. marks: the badges beside the title. standing: what the edits of
    the walk mean here."""
    badges = "".join(f" {badge(mark)}" for mark in marks)
    st.html(f"<h1 class='title'>{verbatim.html(current.title)}{badges}</h1>")
    if standing:
        st.html(f"<p class='did'>{verbatim.html(standing)}</p>")
    if current.question:
        predict.ask(current)
    glossary.prose(current.prose)
    if current.formula:
        st.latex(current.formula)
    if said:
        st.html(f"<p class='look'><b>Look for:</b> {verbatim.html(said)}</p>")
