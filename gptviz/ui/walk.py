"""The walk: the map, the picture and its words, the drawers, and the bar to step and choose."""

from html import escape

import streamlit as st

from .. import sampling, tokenizer
from ..stages import BY_KEY, STAGES, Stage, View, base, text
from ..stages.recompute import recompute
from ..trace import Trace
from . import cache, drawers, matrix, picture, pipeline, predict, sentences, state, top
from .state import Choice, change


def page() -> None:
    """The whole page, from the URL to the last pixel."""
    choice = state.current()
    top.style(present=choice.present)
    with st.container(gap="xsmall"):
        walk(choice)


def walk(choice: Choice) -> None:
    """Run what is chosen, and draw it."""
    model = top.show(choice)
    if model is None:
        state.write_url(choice)
        return
    choice = fit(choice, model.config)
    batch = sentences.read(choice, model.config.context_length)
    sentence = batch.sentences[choice.item]
    if choice.token >= len(sentence.ids):
        choice = settle(choice, token=-1, note=f"There is no token {choice.token}: the last one is shown.")
    try:
        trace = cache.traced(choice.model, batch.rows, choice.dropout, choice.seed, choice.block - 1)
    except MemoryError as error:
        st.error(f"This does not fit: {error}.")
        state.write_url(choice)
        return
    view = View(
        item=choice.item,
        block=choice.block - 1,
        head=choice.head - 1,
        token=choice.token,
        length=len(sentence.ids),
        present=choice.present,
        text=choice.second if choice.item else choice.text,
        piece=choice.piece,
        step=None if choice.step < 0 else choice.step,
        cropped=sentence.cropped,
        appended=sentence.appended,
        special=choice.special,
    )
    stage = BY_KEY[choice.stage]
    cell = chosen_cell(choice, trace)
    for note in filter(None, (state.problem(), *state.notes())):
        st.warning(note, icon=":material/info:")
    pipeline.show(
        choice.stage,
        choice.block,
        model.config,
        len(batch.rows),
        len(batch.rows[0]),
        present=choice.present,
        on_stage=lambda key: change(stage=key, cell=""),
        on_block=lambda block: change(block=block, cell=""),
    )
    body(stage, trace, view, choice, cell, sentences.messages(choice, sentence, model.config.context_length))
    with st.bottom:
        controls(stage, trace, view, choice)
    state.write_url(choice)


def settle(choice: Choice, note: str, **changes) -> Choice:
    """Change something the reader asked for that this model or text does not have, and say so."""
    notes = [*state.notes(), note]
    change(**changes)
    st.session_state["notes"] = notes
    return state.current()


def fit(choice: Choice, config) -> Choice:
    """A choice this model has: block, head and sentence within its sizes."""
    if choice.block > config.n_layer:
        note = f"This model has {config.n_layer} blocks; block {choice.block} was asked for, the last one is shown."
        choice = settle(choice, note, block=config.n_layer, cell="")
    if choice.head > config.n_head:
        note = f"This model has {config.n_head} heads; head {choice.head} was asked for, the last one is shown."
        choice = settle(choice, note, head=config.n_head, cell="")
    if choice.item and not choice.second:
        choice = settle(choice, "There is no second sentence; the first one is shown.", item=0)
    return choice


def chosen_cell(choice: Choice, trace: Trace) -> tuple[str, tuple[int, ...]] | None:
    return state.parse_cell(choice.cell) if choice.cell else None


# picture and words ----------------------------------------------------------------------------------------------------


def body(stage: Stage, trace: Trace, view: View, choice: Choice, cell, messages: list[str]) -> None:
    """The picture on the left, the words on the right; in Present mode the picture takes the width."""

    def acted(event: matrix.Event) -> None:
        match event:
            case matrix.Cell(point, index):
                change(
                    cell=state.format_cell(point, index), drawer="" if choice.present else "recompute", **row_of(point, index)
                )
            case matrix.Row(row, axis) if axis.startswith(("token", "position", "query", "key")):
                change(token=row, cell="")
            case matrix.Row(row, "after"):
                change(block=max(1, row), cell="")
            case matrix.Pick("head", head):
                change(head=head + 1, cell="")

    def row_of(point: str, index: tuple[int, ...]) -> dict[str, int]:
        """The token a clicked number belongs to, where its rows are tokens."""
        real = point.removeprefix("cosine:").removeprefix("mask:").removeprefix("normalised:")
        rows = len(index) > 1 and real in trace.tensors and trace.axes(real)[-2] in ("token", "query")
        return {"token": index[-2]} if rows and index[-2] < base.length(trace, view) else {}

    made = stage.picture(trace, view)
    said = stage.caption(trace, view)
    if view.present:
        heading(stage)
        with st.container(key="stage", gap="small"):
            picture.show(made, "picture", cell=cell, present=True, on_event=acted, alt=said)
        line = checked(trace, cell) or f"<p class='look'><b>Look for:</b> {escape(said)}</p>"
        if stage.key not in ("append", "text"):
            st.html(line)
            return
        left, right = st.columns([2, 1], vertical_alignment="center")
        left.html(line)
        with right:
            append(trace, view, choice) if stage.key == "append" else stepper(stage, choice)
        return
    left, right = st.columns([1.68, 1], gap="medium")
    with left, st.container(key="stage", gap="small"):
        picture.show(made, "picture", cell=cell, present=False, on_event=acted, alt=said)
        stepper(stage, choice)
        if stage.overview:
            picture.show(stage.overview(trace, view), "overview", cell=None, present=False, on_event=acted, alt="")
    with right, st.container(key="words", gap="xsmall"):
        heading(stage)
        drawers.row(choice)
        if choice.drawer:
            drawers.show(stage, trace, view, choice, cell)
            return
        words(stage, trace, view, said)
        if stage.key == "append":
            append(trace, view, choice)
        for message in messages:
            st.html(f"<p class='message'>{escape(message)}</p>")


def heading(stage: Stage) -> None:
    """Number and title."""
    colour = f"var(--part-{stage.part})"
    st.html(
        f"<h1 class='title'><span class='number' style='border-color: {colour}'>{stage.number or '·'}</span> "
        f"{escape(stage.title)}</h1>"
    )


def checked(trace: Trace, cell) -> str:
    """One line for the room: the clicked number, recomputed. Empty when none is chosen, or it is not in this pass."""
    if cell is None:
        return ""
    try:
        made = recompute(trace, *cell)
    except (KeyError, IndexError):
        return ""
    return (
        f"<p class='look'><b>Recomputed:</b> {escape(made.sentence)} Shown {made.shown:.6g}, recomputed {made.value:.6g}, "
        f"difference {made.difference:.0e}.</p>"
    )


def words(stage: Stage, trace: Trace, view: View, said: str) -> None:
    """What happens, formula, shapes, what to look for, and the question."""
    st.markdown(stage.prose)
    st.latex(stage.formula)
    st.html(f"<p class='shapes'>{shapes(stage, trace, view)}</p><p class='look'><b>Look for:</b> {escape(said)}</p>")
    predict.ask(stage)


def shapes(stage: Stage, trace: Trace, view: View) -> str:
    """What goes in and what comes out: shapes with the names of their axes."""

    def one(point: str) -> str:
        if point == "text":
            return "text"
        tensor = trace[point]
        return f"<span class='shape'>({', '.join(map(str, tensor.shape))})</span> {' × '.join(trace.axes(point))}"

    inputs = [point.format(block=view.block) for point in stage.inputs] or ["text"]
    entered = view.block if stage.per_block else trace.config.n_layer
    before = base.stream_in(entered) if inputs[0] == "stream_in" else inputs[0]
    points = stage.named(view)
    after = one(points[-1])
    if stage.key == "append":
        batch, tokens = trace.ids.shape
        after = f"<span class='shape'>({batch}, {min(tokens + 1, trace.config.context_length)})</span> batch × token"
    return f"<span class='io'>in</span> {one(before)}<br><span class='io'>out</span> {after}"


def stepper(stage: Stage, choice: Choice) -> None:
    """For the first stage: which piece of the text, and how many of its merges."""
    if stage.key != "text":
        return
    found = tokenizer.pieces(choice.second if choice.item else choice.text, special=choice.special)
    piece = min(choice.piece, len(found) - 1)
    steps = text.merge_steps(View(text=found[piece], special=choice.special))
    right = st.container()
    if not choice.present:
        left, right = st.columns([1, 2], gap="medium")
        st.session_state["piece"] = piece
        left.selectbox(
            "Piece of the text",
            range(len(found)),
            key="piece",
            format_func=lambda n: f"{n}  {tokenizer.printable(found[n].encode())}",
            on_change=lambda: change(piece=st.session_state["piece"], step=-1),
        )
    if not steps:
        right.caption(
            f"Nothing to step through: this piece is one byte, the special token, or longer than {text.LONGEST} bytes."
        )
        return
    st.session_state["step"] = steps if choice.step < 0 else min(choice.step, steps)
    right.slider("Merges done", 0, steps, key="step", on_change=lambda: change(step=st.session_state["step"]))


def append(trace: Trace, view: View, choice: Choice) -> None:
    """The loop: take the most probable token and go round again."""
    row = base.length(trace, view) - 1
    token = int(trace["logits"][view.item, row].argmax())
    chance = float(sampling.softmax(base.array(trace, view, "logits")[row])[token])
    first, second = st.columns(2)
    first.button(
        f"Append `{tokenizer.printable(token)}`" + ("" if view.present else f" ({base.percent(chance)})"),
        type="primary",
        width="stretch",
        key="append",
        on_click=lambda: change(more=min(state.chosen().more + 1, 200), token=-1, cell=""),
        disabled=choice.more >= 200,
    )
    second.button(
        "Undo" if view.present else "Take one back",
        width="stretch",
        key="take-back",
        disabled=choice.more == 0,
        on_click=lambda: change(more=max(state.chosen().more - 1, 0), token=-1, cell=""),
    )


# the bar --------------------------------------------------------------------------------------------------------------


def controls(stage: Stage, trace: Trace, view: View, choice: Choice) -> None:
    """Back, Next, and what the picture shows: block, head, token, dropout. Always in view."""
    at = STAGES.index(stage)
    config = trace.config

    def go(to: int):
        return {"on_click": change, "kwargs": {"stage": STAGES[to % len(STAGES)].key, "cell": ""}}

    if choice.present:
        back, count, forward, restart, block, head, switch = st.columns(
            [1, 0.9, 1, 1, 1.45, 1.4, 1.1], vertical_alignment="center", gap="small"
        )
    else:
        back, count, forward, block, head, token, switch, rate, seed = st.columns(
            [0.85, 0.8, 0.85, 1.15, 1.15, 1.5, 1.05, 1.3, 0.95], vertical_alignment="center", gap="small"
        )
    back.button("‹ Back", width="stretch", disabled=at == 0, key="back", **go(at - 1))
    count.html(f"<div class='count'>{at + 1} of {len(STAGES)}</div>")
    forward.button("Next ›", width="stretch", type="primary", disabled=at == len(STAGES) - 1, key="next", **go(at + 1))
    if choice.present:
        restart.button("Restart", width="stretch", key="restart", **go(0))
    select(block, "Block", "block", range(1, config.n_layer + 1), choice.block, f"of {config.n_layer}", not stage.per_block)
    select(head, "Head", "head", range(1, config.n_head + 1), choice.head, f"of {config.n_head}", not stage.per_head)
    st.session_state["training"] = choice.dropout > 0
    switch.toggle(
        "Dropout",
        key="training",
        help=None if choice.present else "On: numbers fall at random, as in training (TRAIN). Off: nothing is dropped (EVAL).",
        on_change=lambda: change(dropout=state.last_rate() if st.session_state["training"] else 0.0),
    )
    if choice.present:
        return
    names = base.labels(trace, view)
    st.session_state["token"] = base.token(trace, view)
    token.selectbox(
        "Token",
        range(len(names)),
        key="token",
        format_func=lambda n: f"Token {names[n]}" if n < len(names) else str(n),
        label_visibility="collapsed",
        on_change=lambda: change(token=st.session_state["token"], cell=""),
    )
    if choice.dropout:
        st.session_state["rate"] = choice.dropout
        rate.slider(
            "p",
            0.01,
            0.9,
            step=0.01,
            key="rate",
            label_visibility="collapsed",
            format="p = %.2f",
            on_change=lambda: change(dropout=round(st.session_state["rate"], 2)),
        )
        st.session_state["seed"] = choice.seed
        seed.number_input(
            "Seed",
            0,
            999_999,
            key="seed",
            label_visibility="collapsed",
            on_change=lambda: change(seed=st.session_state["seed"] or 0),
        )


def select(where, label: str, field: str, options: range, value: int, tail: str, off: bool) -> None:
    """A choice of block or head, greyed where the stage has none."""
    st.session_state[field] = value
    where.selectbox(
        label,
        options,
        key=field,
        format_func=lambda n: f"{label} {n} {tail}",
        label_visibility="collapsed",
        disabled=off,
        on_change=lambda: change(**{field: st.session_state[field], "cell": ""}),
    )
