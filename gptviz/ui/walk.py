"""The walk: the map, the picture and its words, the drawers, and the bar to step and choose."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from .. import verbatim
from ..choice import MOST_APPENDED
from ..config import PRESETS, GPTConfig
from ..figures import changes
from ..figures.forms import Picture
from ..model import GPT
from ..points import Address
from ..recompute import axes_among, axes_by_name, block_of, recompute
from ..seen import Seen
from ..stages import BY_KEY, STAGES, Stage, first_look
from ..trace import NotFinite, Trace
from ..verbatim import Html, Markdown
from . import (
    address,
    appending,
    beside,
    cache,
    drawers,
    glossary,
    guide,
    keep,
    lesson,
    matrix,
    picture,
    pipeline,
    predict,
    projector,
    reading,
    sentences,
    state,
    story,
    top,
    waiting,
    whatif,
)
from .appending import Written
from .beside import Half
from .drawers import Cell
from .state import Choice, change
from .whatif import Done


def page() -> None:
    """The whole page, from the URL to the last pixel."""
    choice = state.current()
    top.style(present=choice.present, hide=choice.hide)
    with waiting.shown("walk"), st.container(gap="xsmall"):
        if choice.present:
            projector.show(on_leave=lambda: change(cell=""), open_=bool(choice.cell))
        walk(choice)


def walk(choice: Choice) -> None:
    """Run what is chosen, and draw it."""
    choice = beside.check(whatif.check(choice))
    places: dict[str, DeltaGenerator] = {}
    model = cache.opened(choice.model)
    top.show(choice, model, places=places)
    if isinstance(model, str):
        state.write_url(choice)
        return
    compared = cache.model(choice.beside) if choice.beside else None
    choice = fit(choice, model.config, compared.config if compared else model.config)
    try:
        main, choice, written = first_half(choice, model)
        if choice.token >= len(main.sentence.ids) and written.done < written.wanted:
            choice = replace(choice, token=-1)  # it may be one of those that are still to come
            main = beside.half(choice, choice.model, model)
        elif choice.token >= len(main.sentence.ids):
            choice = placed(state.settle(f"There is no token {choice.token}: the last one is shown.", token=-1), model)
            main = beside.half(choice, choice.model, model)
        changed = whatif.done(choice, main)
    except MemoryError as error:
        st.error(verbatim.markdown(f"This does not fit: {error}."))
        state.write_url(choice)
        return
    if compared and (foreign := max(map(max, main.rows))) >= compared.config.vocab_size:
        name = main.trace.word(foreign)
        beside.leave(
            f'{choice.beside} has no token {foreign} ("{name}"), which {choice.model} has written. {choice.model} goes on alone.'
        )
        st.rerun()
    try:
        other = beside.half(choice, choice.beside, compared, main) if compared else None
        for one in filter(None, (main, other) if other else ()):
            one.trace.require_finite()
    except MemoryError as error:
        beside.leave(f"In {choice.beside} this does not fit: {error}. {choice.model} goes on alone.")
        st.rerun()
    except NotFinite as error:
        beside.leave(f"The two cannot stand beside each other. {error} {choice.model} goes on alone.")
        st.rerun()
    waiting.over()
    stage = BY_KEY.get(choice.stage)
    st.set_page_config(page_title=f"{stage.title if stage else story.TITLES[choice.stage]} · gptviz")
    _, left_out = state.carried(state.to_url(state.chosen()))
    if left_out and not choice.present:
        top.too_long(left_out)
    for note in filter(None, (state.problem(), *state.notes())):
        st.warning(verbatim.markdown(note), icon=":material/info:")
    if choice.read and not choice.present and not lesson.instead():
        whatif.standing(choice, "What is read here is the edited pass.")
        reading.show(main)
        state.write_url(replace(choice, block=state.chosen().block, head=state.chosen().head))
        return
    part = covered(stage, main, choice) if stage and not other else None
    led = guide.led(choice)
    pipeline.show(
        choice.stage,
        main.seen.block + 1,
        model,
        len(main.rows),
        len(main.rows[0]),
        present=choice.present,
        on_go=guide.gone,
        parts=(min(choice.revealed, part.count), part.count) if part else (0, 0),
        whose=main.title if other else "",
        around=story.TITLES,
        reached=whatif.marks(changed),
        guessed=predict.marks(),
        led=guide.order(led),
        at=led.at if led else 0,
        own=(own := whatif.own(stage, main.seen, choice)),
        on_own=partial(whatif.put, own["name"]) if own else lambda on: None,
    )
    guide.strip(choice)
    whatif.row(stage or STAGES[-1], main, choice, changed)
    appending.panel(written, main.title)
    if stage and "question" in places and not lesson.busy() and not (part and part.hidden):
        with places["question"]:
            predict.ask(stage, "Predict", main.seen)
    lesson.ask_next(main.seen, main.sentence, model.config.vocab_size)
    if lesson.instead():
        pass
    elif not stage:
        story.show(main, choice)
    elif other:
        pair(stage, main, other, choice, changed)
    elif part and part.hidden:
        partly(stage, main, choice, part)
    else:
        body(stage, main, choice, changed)
    with st.bottom:
        whatif.in_sight(changed, main.seen)
        controls(stage, main, other, choice) if stage else steps(choice)
    kept = state.chosen()
    state.write_url(kept if written.done < written.wanted else replace(choice, block=kept.block, head=kept.head))
    appending.go_on(written, choice, main.sentence.cropped + main.sentence.ids, main.trace)


def first_half(choice: Choice, model: GPT) -> tuple[Half, Choice, Written]:
    """What is shown of the chosen model, with as many of the tokens it is to append as there are by now; without them where its
    numbers choose none."""
    try:
        written = appending.so_far(choice, model)
    except NotFinite as error:
        choice = state.settle(f"This model can append nothing. {error}", more=0, token=-1)
        written = Written(0, 0, False)
    choice = placed(replace(choice, more=written.done), model)
    return beside.half(choice, choice.model, model), choice, written


def placed(choice: Choice, model: GPT) -> Choice:
    """The choice with a block and a head: the reader's own, else those of the number that was asked for, else where the sentence
    shows what attention does. That is looked up with dropout off and before anything was appended, so that neither moves anybody."""
    if choice.block and choice.head:
        return choice
    if choice.cell:
        point, index = Address.parse(choice.cell)
        found = block_of(point)
        choice = replace(choice, block=choice.block or (-1 if found is None else found) + 1)
        if not choice.head and point.startswith(("blocks.", "weighted_value:", "mask:")) and len(index) > 3:
            choice = replace(choice, head=min(index[1], model.config.n_head - 1) + 1)
    if choice.block and choice.head:
        return choice
    batch = sentences.read(replace(choice, more=0), model.config.context_length)
    last = choice.block or model.config.n_layer
    run = cache.traced(choice.model, batch.rows, 0.0, 0, last - 1)
    length = len(batch.sentences[choice.item].ids)
    block, head = first_look.place(run, choice.item, length, choice.block - 1 if choice.block else None)
    return replace(choice, block=choice.block or block + 1, head=choice.head or head + 1)


def fit(choice: Choice, config: GPTConfig, other: GPTConfig) -> Choice:
    """A choice that one of the models on screen has: block, head and sentence within their sizes."""
    blocks, heads = max(config.n_layer, other.n_layer), max(config.n_head, other.n_head)
    who = "These models have at most" if choice.beside else "This model has"
    if choice.block > blocks:
        note = f"{who} {blocks} blocks; block {choice.block} was asked for, the last one is shown."
        choice = state.settle(note, block=blocks, cell="")
    if choice.head > heads:
        note = f"{who} {heads} heads; head {choice.head} was asked for, the last one is shown."
        choice = state.settle(note, head=heads, cell="")
    if choice.item and not choice.second:
        choice = state.settle("There is no second sentence; the first one is shown.", item=0)
    return choice


def chosen_cell(choice: Choice) -> Cell | None:
    return Address.parse(choice.cell) if choice.cell else None


# part by part ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """A picture of which some parts are still to come. count: how many there are. hidden: whether any is not shown."""

    picture: Picture
    count: int
    hidden: bool


def covered(stage: Stage, main: Half, choice: Choice) -> Part | None:
    """What is shown so far, as the projector has it; None where nothing is to be covered."""
    if not (choice.cover and stage.covers):
        return None
    try:
        picture, count = stage.covers(stage.picture(replace(main.seen, present=True)), choice.revealed)
    except NotFinite:
        return None
    return Part(picture, count, choice.revealed < count)


def partly(stage: Stage, main: Half, choice: Choice, part: Part) -> None:
    """The picture so far, and nothing beside it that says what is still to come."""
    with in_title(stage), st.container(key="here", horizontal=True, horizontal_alignment="right", gap="small"):
        cover(stage, choice)
    with st.container(key="stage", gap="small"):
        picture.show(
            part.picture, "picture-covered", present=choice.present, on_event=acting(main, main, choice), alt=stage.title
        )
    left = part.count - choice.revealed
    said = f"{choice.revealed} of {part.count} shown. Next, or the key of a clicker, shows the next one."
    if not choice.present:
        said = f"{choice.revealed} of {part.count} shown, {left} still covered."
    st.html(f"<p class='look'>{verbatim.html(said)}</p>")


def cover(stage: Stage, choice: Choice) -> None:
    """Whether pictures begin covered."""
    if not stage.covers:
        return
    address.hold("cover", choice.cover)
    st.toggle("Cover", key="cover", on_change=address.chose("cover", lambda on: change(cover=bool(on), revealed=0, cell="")))


# picture and words ----------------------------------------------------------------------------------------------------


def acting(one: Half, main: Half, choice: Choice) -> Callable[[object], None]:
    """What a click in a picture of one half does. Tokens are counted in the rows of the main model. Streamlit keeps what is
    returned until the reader's next run, so it holds plain values: a half would keep its whole trace in memory."""
    shift, length = one.first - main.first, one.seen.size
    named, block, head = axes_by_name(one.trace), one.seen.block, one.seen.head
    title, second = main.title, one is not main
    switches = whatif.offers(choice) and not second

    def token(row: int) -> dict[str, int]:
        return {"token": row + shift} if row + shift >= 0 else {}

    def acted(event: matrix.Event) -> None:
        match event:
            case matrix.Cell(point, index):
                state.open_cell(Address(point, index).write(), other=second, **chosen_with(point, index))
            case matrix.Row(row, axis) if axis.startswith(("token", "position", "query", "key")):
                if not token(row):
                    state.settle(f"That token is not in the context of {title}, so it cannot be chosen for both.")
                else:
                    change(cell="", **token(row))
            case matrix.Row(row, "after"):
                change(block=max(1, row), cell="")
            case matrix.Pick("head", head):
                change(head=head + 1, cell="")
                if switches:
                    name = f"head:{block + 1}.{head + 1}"
                    whatif.put(name, name not in whatif.names(state.chosen().edit))

    def chosen_with(point: str, index: tuple[int, ...]) -> dict[str, int]:
        """What a number brings along: the token of its row, its head, and in the stack the block it comes out of."""
        try:
            place = dict(reversed(list(zip(axes_among(named, point), index))))  # of two tokens the first, whose row it is
        except KeyError:
            return {}  # no number of this model: the drawer says so
        row = place.get("query", place.get("token"))
        found = token(row) if row is not None and row < length else {}
        if place.get("head", head) != head:
            found["head"] = place["head"] + 1
        if point == "stream" and place["row"] != block + 1:
            found["block"] = max(1, place["row"])
        return found

    return acted


def body(stage: Stage, main: Half, choice: Choice, changed: Done | None = None, *, titled: bool = True) -> None:
    """The picture on the left, the words on the right; in Present mode the picture takes the width. Where the numbers of this
    step are too large to be shown, a message stands in the picture's place. changed: what an edit did."""
    seen, cell = main.seen, chosen_cell(choice)
    acted = acting(main, main, choice)
    try:
        made = whatif.compared(stage, seen, changed) or whatif.marked(stage.picture(seen), seen)
        said = stage.caption(seen)
        overview = stage.overview(seen) if stage.overview else None
    except NotFinite as error:
        not_shown(stage, seen, choice, error, acted)
        return
    shown = (made, overview) if overview and not seen.present else (made,)
    own = bool(changed and stage.edited)
    if seen.present:
        if titled:
            with in_title(stage), st.container(key="here", horizontal=True, horizontal_alignment="right", gap="small"):
                cover(stage, choice)
                further(stage, choice)
                keep.stage(main, stage, choice, shown, "main", compared=own)
        with st.container(key="stage", gap="small"):
            picture.show(
                made,
                "picture",
                cell=cell,
                present=True,
                on_event=acted,
                alt=said,
                height=whatif.room(whatif.asks(made, choice), choice),
            )
        asked = predict.still(stage, seen)
        line = checked(seen.trace, cell, changed) or edited_here(stage, seen) + (
            look(asked, "Predict") if asked else look(said)
        )
        if not (stage.dials or stage.actions):
            st.html(line)
            return
        left, right = st.columns([3, 2], vertical_alignment="center")
        left.html(line)
        with right:
            dials(stage, seen)
            actions(stage, seen, choice)
        return
    with st.container(key="body"):
        left, right = st.columns([1.68, 1], gap="medium")
    with left:
        if titled:
            st.html(bridge(stage))
        place = st.container(key="stage", gap="small")
    with place:
        height = whatif.room(whatif.asks(made, choice), choice)
        picture.show(made, "picture", cell=cell, present=False, on_event=acted, alt=said, height=height)
        st.html(reading.beneath(made, stage.title))
        dials(stage, seen)
        if overview:
            picture.show(overview, "overview", on_event=acted, alt="")
    with right, st.container(key="words", gap="xsmall"):
        if titled:
            with beside_title(stage):
                keep.stage(main, stage, choice, shown, "main", compared=own)
        drawers.row(stage, choice)
        if drawers.opened(stage, choice):
            drawers.show(stage, seen, choice, cell, acted, changed)
            return
        if line := guide.words(choice) or story.told(main, choice):
            st.html(line)
        actions(stage, seen, choice)
        words(stage, seen, said)
        messages(main, choice)
        story.deeper(stage, choice)


def not_shown(stage: Stage, seen: Seen, choice: Choice, error: NotFinite, acted: Callable[[object], None]) -> None:
    """Why there is no picture, and the words of the step."""
    if seen.present:
        heading(stage)
        st.error(verbatim.markdown(error))
        return
    with st.container(key="body"):
        left, right = st.columns([1.68, 1], gap="medium")
    left.error(verbatim.markdown(error))
    with right, st.container(key="words", gap="xsmall"):
        heading(stage)
        drawers.row(stage, choice)
        if choice.drawer in ("code", "about"):
            drawers.show(stage, seen, choice, None, acted)
        else:
            words(stage, seen, "")


def messages(main: Half, choice: Choice) -> None:
    for message in sentences.messages(choice, main.sentence, main.model.config.context_length):
        st.html(f"<p class='message'>{verbatim.html(message)}</p>")


def edited_here(stage: Stage, seen: Seen) -> Html:
    """That an edit changes what this very stage makes."""
    said = whatif.here(stage, seen)
    return f"<p class='message'>{verbatim.html(said)}</p>" if said else ""


def bridge(stage: Stage) -> Html:
    """What the steps before have made, and what is still missing."""
    return f"<p class='bridge'><b>So far:</b> {verbatim.html(stage.so_far)} <b>Still missing:</b> {verbatim.html(stage.missing)}</p>"


def look(said: str, label: str = "Look for") -> Html:
    return f"<p class='look'><b>{verbatim.html(label)}:</b> {verbatim.html(said)}</p>"


EDITED = "<span class='badge edited'>EDITED</span> "


# two models beside each other -----------------------------------------------------------------------------------------


def pair(stage: Stage, main: Half, other: Half, choice: Choice, changed: Done | None) -> None:
    """Both models' pictures of one stage, each under its own name and with its own "look for" line; the words below them."""
    if stage.beside.alone:
        title_row(stage, main, other, choice, beside.one_picture(main, other))
        with st.container(key="half-both", gap="xsmall"):
            body(stage, main, choice, changed, titled=False)
        return
    made = beside.pictures(main, other, stage)
    title_row(stage, main, other, choice, beside.scales(*made, stage, main))
    remarks = [beside.remarks(one, two, choice, stage) for one, two in ((main, other), (other, main))]
    tall, low = beside.heights(main, other, stage, any(remarks))
    apart = changes.difference(*made) if choice.beside == choice.model and not choice.present else None
    if apart:
        tall, low = beside.HEIGHT, 0  # three pictures beside each other leave no room for small ones
        made = changes.alone(made[0]), changes.alone(made[1])
    heights = whatif.room(tall, choice) or tall, low
    asked = predict.still(stage, main.seen) if choice.present else ""
    made = whatif.marked(made[0], main.seen), made[1]
    with st.container(key="stage"):
        places = st.columns(3 if apart else 2, gap="medium")
    for place, one, drawn, remark in zip(places, (main, other), made, remarks):
        with place, st.container(key=f"half-{'main' if one is main else 'other'}", gap="xsmall"):
            half(stage, one, main, drawn, remark if any(remarks) else None, choice, heights, asks=bool(asked))
    if apart:
        with places[2], st.container(key="half-difference", gap="xsmall"):
            third(apart, heights[0])
    if choice.present:
        if asked:
            st.html(look(asked, "Predict"))
        return
    with st.container(key="below", gap="xsmall"):
        below(stage, main, other, choice, changed)


def title_row(stage: Stage, main: Half, other: Half, choice: Choice, note: str) -> None:
    """Number and title, whether the pictures share their colours, and the ways out of the comparison."""
    widths = [5, 3, 1.1, 1.5] if choice.present else [4.4, 3.4, 0.9, 1.1]
    with st.container(key="title-row"):
        title, said, swap, leave = st.columns(widths, vertical_alignment="center", gap="small")
    with title:
        heading(stage)
    said.html(f"<p class='scales'>{verbatim.html(note)}</p>")
    turned = {"model": other.key, "beside": main.key, "token": other.seen.token, "other": False, "cell": ""}
    swap.button(
        "Swap",
        key="swap",
        width="stretch",
        disabled=other.key == main.key,
        help=None
        if choice.present
        else f"{verbatim.markdown(other.title)} to the left: the map is about it then, and it is the one that writes.",
        on_click=change,
        kwargs=turned,
    )
    leave.button(
        "One model",
        key="alone",
        width="stretch",
        help=None if choice.present else f"Back to {verbatim.markdown(main.title)} alone.",
        on_click=lambda: change(beside="", other=False, cell=""),
    )


def half(
    stage: Stage,
    one: Half,
    main: Half,
    made: Picture,
    remark: str | None,
    choice: Choice,
    heights: tuple[int, int],
    *,
    asks: bool,
) -> None:
    """One model's name, picture and line. remark: what it cannot show as chosen; None where neither half has one. heights: of
    the picture, and of the small ones under it, 0 for none. asks: a question about both stands below, instead of what answers it."""
    cell = chosen_cell(choice) if (one is not main) == choice.other else None
    name = "main" if one is main else "other"
    kind = "trained" if one.badge == "TRAINED" else "random"
    named, kept = st.columns([6, 1], vertical_alignment="center", gap="small")
    with kept:
        keep.stage(one, stage, choice, (made,), name)
    named.html(
        f"<div class='half'><b>{verbatim.html(one.title)}</b> <span class='badge {kind}'>{one.badge}</span> "
        f"{EDITED if one.trace.edits else ''}<span class='facts'>{verbatim.html(beside.facts(one, stage))}</span></div>"
        + ("" if remark is None else f"<div class='remark'>{verbatim.html(remark) or '&nbsp;'}</div>")
    )
    acted = acting(one, main, choice)
    said = beside.caption(one, main, stage)
    picture.show(
        made,
        f"picture-{name}",
        cell=cell,
        present=choice.present,
        on_event=acted,
        alt=f"{one.title}: {said}",
        height=heights[0],
    )
    if heights[1]:
        drawn = stage.overview(one.seen)
        picture.show(drawn, f"overview-{name}", on_event=acted, alt="", height=heights[1])
    if line := checked(one.trace, cell, brief=choice.present) or edited_here(stage, one.seen) + ("" if asks else look(said)):
        st.html(line)
    if one is main:
        actions(stage, one.seen, choice)


def third(apart: Picture, height: int) -> None:
    """What an edit adds, beside the pass with it and the pass without."""
    said = "with the edit minus without it"
    st.html(f"<div class='half'><b>The difference</b> <span class='facts'>{said}</span></div>")
    picture.show(apart, "picture-difference", on_event=lambda event: None, alt=f"The difference: {said}", height=height)


def below(stage: Stage, main: Half, other: Half, choice: Choice, changed: Done | None) -> None:
    """Under the pictures: the words of the stage, which hold for both, or an open drawer, which is about one of them."""
    tabs, whose = st.columns(2, vertical_alignment="center", gap="medium")
    with tabs:
        drawers.row(stage, choice)
    if drawers.opened(stage, choice) in ("", "code"):
        whose.html("<p class='scales'>The words hold for both models.</p>")
    else:
        titles = (verbatim.markdown(main.title), verbatim.markdown(other.title))
        address.hold("other", choice.other, offers=titles)
        whose.segmented_control(
            "Of which model",
            (False, True),
            key="other",
            required=True,
            format_func=lambda second: f"Of {titles[second]}",
            label_visibility="collapsed",
            on_change=address.chose("other", lambda other: change(other=bool(other), cell="")),
        )
    if drawers.opened(stage, choice):
        one = other if choice.other else main
        with st.container(key="words", gap="xsmall"):
            acted = acting(one, main, choice)
            asked = replace(choice, model=one.key)
            drawers.show(stage, one.seen, asked, chosen_cell(choice), acted, changed if one is main else None)
        return
    left, right = st.columns(2, gap="medium")
    with left, st.container(gap="xsmall"):
        if line := guide.words(choice):
            st.html(line)
        st.html(bridge(stage))
        predict.ask(stage, seen=main.seen)
        glossary.prose(stage.prose)
    with right, st.container(gap="xsmall"):
        st.latex(stage.formula)
        for one in (main, other):
            st.html(f"<p class='shapes'><b>{verbatim.html(one.title)}</b><br>{shapes(stage, one.seen)}</p>")
        messages(main, choice)


def heading(stage: Stage) -> None:
    """Number and title."""
    colour = f"var(--part-{stage.part})"
    st.html(
        f"<h1 class='title'><span class='number' style='border-color: {colour}'>{stage.number or '·'}</span> "
        f"{verbatim.html(stage.title)}</h1>"
    )


def in_title(stage: Stage):
    """The same in Present mode, where more stands there."""
    title, place = st.columns([3, 2], vertical_alignment="center", gap="small")
    with title:
        heading(stage)
    return place


def further(stage: Stage, choice: Choice) -> None:
    """The next token, from any stage that does not offer it itself. Which one it is, the class is still to guess."""
    if stage.actions:
        return
    st.button(
        "+ 1 token",
        key="append-here",
        on_click=appended,
        kwargs={"tokens": 1},
        disabled=state.chosen().more != choice.more or choice.more >= MOST_APPENDED,
    )


def beside_title(stage: Stage):
    """Number and title, and the place right of them."""
    title, place = st.columns([5, 1], vertical_alignment="center", gap="small")
    with title:
        heading(stage)
    return place


def checked(trace: Trace, cell: Cell | None, changed: Done | None = None, *, brief: bool = False) -> Html:
    """One line for the room: the clicked number, recomputed. Empty when none is chosen, or it is not in this pass. brief: by its
    name in the trace, without the words on how it is made."""
    if cell is None:
        return ""
    try:
        made = recompute(trace, *cell)
    except (KeyError, IndexError, NotFinite):
        return ""
    what = f"{cell[0]}[{', '.join(map(str, cell[1]))}]." if brief else made.sentence
    return (
        f"<p class='look'><b>Recomputed:</b> {verbatim.html(what)} Shown {made.shown:.6g}, recomputed {made.value:.6g}, "
        f"difference {made.difference:.0e}. {verbatim.html(whatif.without(changed, cell, made.shown))}</p>"
    )


def words(stage: Stage, seen: Seen, said: str) -> None:
    """The question, before anything answers it; what happens, formula, shapes, and what to look for."""
    predict.ask(stage, seen=seen)
    glossary.prose(stage.prose)
    st.latex(stage.formula)
    st.html(f"<p class='shapes'>{shapes(stage, seen)}</p>{edited_here(stage, seen)}{look(said) if said else ''}")


def shapes(stage: Stage, seen: Seen) -> Html:
    """What goes in and what comes out: shapes with the names of their axes."""
    trace = seen.trace

    def written(point: str, shape: Sequence[int]) -> Html:
        axes = trace.axes(point)
        published = tuple(PRESETS["gpt2"].sizes(*trace.ids.shape)[axis] for axis in axes)
        same = published == tuple(trace.tensors[point].shape)
        beside = "" if same else f" · GPT-2 small ({', '.join(f'{n:d}' for n in published)})"
        return f"<span class='shape'>({', '.join(f'{n:d}' for n in shape)})</span> {' × '.join(axes)}{beside}"

    read = stage.reads(seen.block, trace.config.n_layer)
    made = stage.named(seen)[-1]
    lengths = stage.handed_on(trace.model, *trace.ids.shape) or trace.tensors[made].shape
    before = written(read[0], trace.tensors[read[0]].shape) if read else "text" if made == "ids" else "the number of tokens"
    return f"<span class='io'>in</span> {before}<br><span class='io'>out</span> {written(made, lengths)}"


def dials(stage: Stage, seen: Seen) -> None:
    """What can be moved at this stage only, and why there is nothing to move where there is not."""
    shown = [dial for dial in stage.dials(seen) if not (dial.study and seen.present)] if stage.dials else []
    idle = stage.idle(seen) if stage.idle else ""
    slots = len(shown) + bool(idle)
    places = st.columns([1, 2][:slots], gap="medium") if slots > 1 else [st.container()]
    for place, dial in zip(places, shown):
        move = partial(change, **dial.also)
        if not dial.options:
            address.hold(dial.name, dial.value, offers=dial.highest)
            moved = address.chose(dial.name, lambda value, name=dial.name, move=move: move(**{name: value}))
            place.slider(dial.label, 0, dial.highest, key=dial.name, on_change=moved)
            continue
        address.hold(dial.name, dial.value, offers=dial.options)
        place.selectbox(
            dial.label,
            range(len(dial.options)),
            key=dial.name,
            format_func=lambda n, options=dial.options: f"{n}  {options[n]}",
            on_change=picked(dial.name, lambda value, name=dial.name, move=move: move(**{name: value})),
        )
    if idle:
        places[-1].caption(verbatim.markdown(idle))


def actions(stage: Stage, seen: Seen, choice: Choice) -> None:
    """What can be pressed at this stage only: tokens appended and taken back."""
    offered = stage.actions(seen) if stage.actions else ()
    waits = state.chosen().more != choice.more  # more tokens are on their way
    for place, one in zip(st.columns(len(offered)) if offered else (), offered):
        label = one.short if seen.present and one.short else one.label
        word = f" **{verbatim.markdown(one.word)}**" if one.word else ""
        note = f" ({verbatim.markdown(one.note)})" if one.note and not seen.present else ""
        place.button(
            f"{verbatim.markdown(label)}{word}{note}",
            type="primary" if one.first else "secondary",
            width="stretch",
            key=one.key,
            on_click=appended,
            kwargs={"tokens": one.tokens},
            disabled=waits or not 0 <= choice.more + one.tokens <= MOST_APPENDED,
        )


def appended(tokens: int) -> None:
    """So many more tokens, or fewer."""
    change(more=min(max(state.chosen().more + tokens, 0), MOST_APPENDED), token=-1, cell="")


# the bar --------------------------------------------------------------------------------------------------------------


def steps(choice: Choice) -> None:
    """Back and Next of the pages around the stages."""
    back, said, forward, _ = st.columns([1, 1, 1.4, 5], vertical_alignment="center", gap="small")
    first = choice.stage == state.OVERVIEW
    if led := guide.led(choice):
        if line := guide.words(choice):
            st.html(line)
    back.button(
        "‹ Back", width="stretch", disabled=first and not led, key="back", on_click=step_to, kwargs={"to": None, "by": -1}
    )
    around = "before the first step" if first else "after the last step"
    said.html(f"<div class='count'>{verbatim.html(led.count if led else around)}</div>")
    forward.button(
        "Start the walk ›" if first and not led else "Next ›",
        width="stretch",
        type="primary",
        disabled=not (first or led and led.after),
        key="next",
        on_click=step_to,
        kwargs={"to": None, "by": 1},
    )


def controls(stage: Stage, main: Half, other: Half | None, choice: Choice) -> None:
    """Back, Next, and what the picture shows: block, head, token, dropout. Always in seen."""
    at = STAGES.index(stage)
    seen = main.seen
    sizes = [one.model.config for one in (main, other) if one]

    def go(to: int | None = None, by: int = 0):
        """To a stage, or one further than where the reader is by then."""
        return {"on_click": step_to, "kwargs": {"to": to, "by": by}}

    led = guide.led(choice)
    if choice.present:
        back, count, forward, block, head, what, switch = st.columns(
            [0.9, 2.2, 0.95, 1.35, 1.25, 1.3, 1.4], vertical_alignment="center", gap="xsmall"
        )
    else:
        back, count, forward, block, head, token, what, switch, rate, seed = st.columns(
            [0.8, 0.7, 0.8, 1.1, 1.1, 1.4, 0.95, 1, 1.2, 0.95], vertical_alignment="center", gap="small"
        )
    back.button("‹ Back", width="stretch", key="back", **go(by=-1))
    if led and choice.present:
        with count:
            guide.menu(led, choice)
    elif choice.present:
        address.hold("jump", at)
        count.selectbox(
            "Stage",
            range(len(STAGES)),
            key="jump",
            format_func=lambda n: f"{n + 1} of {len(STAGES)} · {STAGES[n].short}",
            label_visibility="collapsed",
            on_change=picked("jump", lambda to: step_to(to, 0)),
        )
    else:
        where = led.count if led else f"{at + 1} of {len(STAGES)}"
        count.html(f"<div class='count'>{verbatim.html(where)}</div>")
    count.html(top.menu("More"))
    forward.button("Next ›", width="stretch", type="primary", key="next", **go(by=1))
    brief = choice.present
    select(block, "Block", "block", [config.n_layer for config in sizes], choice.block, not stage.per_block, brief=brief)
    select(head, "Head", "head", [config.n_head for config in sizes], choice.head, not stage.per_head, brief=brief)
    address.hold("whatif", bool(choice.whatif or choice.edit))
    what.toggle(
        "What if",
        key="whatif",
        help=None if choice.present else "Switch parts of the model off and see what that does. Off: the model's own pass.",
        on_change=address.chose("whatif", lambda on: whatif.switch(bool(on))),
    )
    address.hold("training", choice.dropout > 0)
    switch.toggle(
        "Dropout",
        key="training",
        help=None
        if choice.present
        else "On: numbers fall at random, as in training with dropout. Off: nothing is dropped, as in use (EVAL).",
        on_change=address.chose("training", lambda on: change(dropout=state.last_rate() if on else 0.0)),
    )
    if choice.present:
        return
    names = seen.labels
    address.hold("token", seen.row, offers=names)
    token.selectbox(
        "Token",
        range(len(names)),
        key="token",
        format_func=lambda n: f"Token {names[n]}" if n < len(names) else str(n),
        label_visibility="collapsed",
        on_change=picked("token", lambda token: change(token=token, piece=-1, step=-1, cell="")),
    )
    if choice.dropout:
        address.hold("rate", choice.dropout)
        rate.slider(
            "p",
            0.01,
            0.9,
            step=0.01,
            key="rate",
            label_visibility="collapsed",
            format="p = %.2f",
            on_change=address.chose("rate", lambda rate: change(dropout=round(rate, 2))),
        )
        address.hold("seed", choice.seed)
        seed.number_input(
            "Seed",
            0,
            999_999,
            key="seed",
            label_visibility="collapsed",
            on_change=address.chose("seed", lambda seed: change(seed=seed or 0)),
        )


def step_to(to: int | None, by: int) -> None:
    """Go to a stage, or some pages on: before the first one is the overview, after the last one the end."""
    if to is None and state.chosen().lesson:
        guide.step(by)
        return
    at = story.ORDER.index(state.chosen().stage) if to is None else to + 1
    change(stage=story.ORDER[min(max(at + by, 0), len(story.ORDER) - 1)], cell="")


def picked(key: str, act: Callable[[int], None]) -> Callable[[], None]:
    """What a choice among numbers does. A press that comes while the options change sends along the label that was on screen; where
    that names none of the new options Streamlit hands it on as it is, and nobody has chosen anything."""
    return address.chose(key, lambda number: act(number) if isinstance(number, int) else None)


def select(where, label: Markdown, field: str, counts: list[int], value: int, off: bool, *, brief: bool) -> None:
    """A choice of block or head, greyed where the stage has none. counts: how many each model on screen has. brief: without that."""
    most = max(counts)
    tail = f" of {most}" if min(counts) == most and not brief else ""
    address.hold(field, value, offers=(most, tail))
    where.selectbox(
        label,
        range(1, most + 1),
        key=field,
        format_func=lambda n: f"{label} {n}{tail}",
        label_visibility="collapsed",
        disabled=off,
        on_change=picked(field, lambda number: change(**{field: number, "cell": ""})),
    )
