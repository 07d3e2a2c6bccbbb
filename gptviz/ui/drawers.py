"""Behind every picture, one open at a time and built only when open: recompute this number, the numbers, the code, about."""

import numpy as np
import pandas as pd
import streamlit as st

from .. import catalogue, verbatim, weights
from ..figures.matrix import Grid
from ..stages import Stage, View, base, source
from ..stages.recompute import recompute
from ..trace import NotFinite, Trace
from . import address, state
from .state import Choice, change

TITLES = {"": "Words", "recompute": "Recompute this number", "numbers": "Numbers", "code": "Code", "about": "About"}
FIRST = 8  # features a table shows before it is asked for all of them
SHOWN_OPERANDS = 8

Cell = tuple[str, tuple[int, ...]]


def row(choice: Choice) -> None:
    """What the place beside the picture shows: the words, or one of the drawers."""
    address.hold("drawer", choice.drawer)
    st.segmented_control(
        "More about this step",
        list(TITLES),
        key="drawer",
        format_func=TITLES.get,
        required=True,
        label_visibility="collapsed",
        on_change=address.chose("drawer", lambda drawer: change(drawer=drawer or "")),
    )


def show(stage: Stage, trace: Trace, view: View, choice: Choice, cell: Cell | None) -> None:
    """The open drawer, in the place of the words, so that the picture stays in view."""
    try:
        _open(stage, trace, view, choice, cell)
    except NotFinite as error:
        st.error(verbatim.markdown(error))


def _open(stage: Stage, trace: Trace, view: View, choice: Choice, cell: Cell | None) -> None:
    if choice.drawer == "recompute":
        _recompute(stage, trace, view, cell)
    elif choice.drawer == "numbers":
        _numbers(stage, trace, view)
    elif choice.drawer == "code":
        _code(stage)
    else:
        _about(stage, trace, view, choice)


def default_cell(stage: Stage, trace: Trace, view: View) -> Cell:
    """The number a reader gets who has not picked one: the first one of the chosen token's row that is not hidden."""
    picture = stage.picture(trace, view)
    row = base.token(trace, view)
    if isinstance(picture, Grid) and picture.main.point:
        panel = picture.main
        row = min(row, len(panel.values) - 1)
        finite = np.flatnonzero(np.isfinite(panel.values[row]) & (panel.values[row] != 0))
        return panel.cell(row, int(finite[-1]) if panel.kind == "weight" and finite.size else 0)
    points = stage.named(view)
    point = points[-1] if points else "ids"
    if point == "ids":
        return point, (view.item, row)
    if point == "logits":
        best = int(base.array(trace, view, "logits")[row].argmax())
        return ("probabilities" if stage.key == "softmax" else "logits"), (view.item, row, best)
    return point, (*base.prefix(trace, view, point), row, 0)


def _recompute(stage: Stage, trace: Trace, view: View, cell: Cell | None) -> None:
    asked = cell
    cell = cell or default_cell(stage, trace, view)
    try:
        made = recompute(trace, *cell)
    except (KeyError, IndexError) as error:
        said = f"That number cannot be recomputed here: {error.args[0]}. Another one of this step is shown."
        st.warning(verbatim.markdown(said))
        cell = default_cell(stage, trace, view)
        made = recompute(trace, *cell)
    hint = "" if asked else " Click any cell of the picture for another one."
    st.markdown(f"**`{made.point}{[*made.index]}`** {verbatim.markdown(made.sentence)}{hint}")
    st.latex(made.formula)
    st.latex(made.numbers)
    st.html(
        "<div class='check'>"
        f"<span>shown <b>{made.shown:.9g}</b></span> <span>recomputed <b>{made.value:.9g}</b></span> "
        f"<span>|shown − recomputed| <b>{made.difference:.1e}</b></span></div>"
    )
    operands(made)
    pick(stage, trace, view, cell)
    st.code(made.code, language="python", wrap_lines=True)


def pick(stage: Stage, trace: Trace, view: View, cell: Cell) -> None:
    """Any number by its indices, for those who do not click."""
    point, index = cell
    if point not in trace.tensors:
        return
    shape, axes = trace[point].shape, trace.axes(point)
    columns = st.columns(len(index))
    for at, (column, axis) in enumerate(zip(columns, axes)):
        key = f"pick-{at}"
        st.session_state[key] = index[at]
        column.number_input(
            axis,
            0,
            shape[at] - 1,
            key=key,
            on_change=lambda: change(
                cell=state.format_cell(point, tuple(int(st.session_state[f"pick-{n}"]) for n in range(len(index))))
            ),
        )


def operands(made) -> None:
    """The terms of the sum: the largest first, all of them when asked."""
    if not made.operands:
        return
    size = len(next(iter(made.operands.values())))
    table = pd.DataFrame(made.operands, index=pd.Index(made.names or range(size), name="term"))
    last = table.columns[-1]
    everything = size <= SHOWN_OPERANDS or st.toggle(f"All {size:,} terms, in order", key="all-operands")
    if not everything:
        table = table.reindex(table[last].abs().sort_values(ascending=False, kind="stable").index[:SHOWN_OPERANDS])
        st.caption(f"The {SHOWN_OPERANDS} largest of {size:,} terms")
    st.dataframe(
        table,
        height="auto" if len(table) <= SHOWN_OPERANDS + 2 else 330,
        column_config={name: st.column_config.NumberColumn(format="%.6g") for name in table.columns},
    )


def _numbers(stage: Stage, trace: Trace, view: View) -> None:
    points = stage.named(view) or ("ids",)
    for point in points:
        table, kind = numbers(trace, view, point)
        rows = len(table)
        st.markdown(f"**`{point}`** {verbatim.markdown(kind)}")
        if rows > FIRST and not st.toggle(f"All {rows:,} rows", key=f"all-{point}"):
            table = table.iloc[:FIRST]
            st.caption(f"The first {FIRST} of {rows:,}")
        st.dataframe(
            table,
            height="auto" if len(table) <= 14 else 420,
            column_config={name: st.column_config.NumberColumn(format="%.6g") for name in table.columns},
        )


def numbers(trace: Trace, view: View, point: str) -> tuple[pd.DataFrame, str]:
    """The viewed numbers of a point as a long table, features down and tokens across, and what rows and columns are.

    Of a long text the columns are the 12 tokens that end at the chosen one; of the logits, the 50 largest of that token.
    """
    if point == "ids":
        names = base.labels(trace, view)
        return pd.DataFrame({"id": trace.ids[view.item, : len(names)].numpy()}, index=pd.Index(names, name="token")), "ids"
    values = base.array(trace, view, point)
    names = base.labels(trace, view)
    last = base.token(trace, view)
    first = max(0, last - 11) if len(names) > 12 else 0
    shown = slice(first, min(len(names), max(last + 1, 12)))
    some = f", tokens {shown.start} to {shown.stop - 1} of {len(names)}" if shown.stop - shown.start < len(names) else ""
    axis = trace.axes(point)[-1]
    if point == "logits":
        best = np.argsort(-values[last], kind="stable")[:50]
        labels = [f"{word} {trace.word(int(word))}" for word in best]
        table = pd.DataFrame({names[last]: values[last, best]}, index=pd.Index(labels, name="word"))
        return table, f"for {names[last]}: the 50 largest of {values.shape[1]:,}"
    if axis == "key":
        table = pd.DataFrame(values[shown].T, index=pd.Index(names, name="key"), columns=list(names[shown]))
        return table, f"head {view.head + 1}: keys down, queries across{some}"
    table = pd.DataFrame(values[shown].T, columns=list(names[shown]))
    table.index.name = axis
    return table, f"{axis}s down, tokens across{some}"


def _code(stage: Stage) -> None:
    if not stage.lines:
        st.caption("This step happens before or after the model: gptviz/tokenizer.py and gptviz/sampling.py do it.")
    for excerpt in source.lines(stage.lines):
        rows = "".join(
            f"<span class='{'marked' if number in excerpt.marked else 'plain'}'><i>{number:4d}</i>  {verbatim.html(line)}\n</span>"
            for number, line in enumerate(excerpt.text.splitlines(), excerpt.start)
        )
        st.html(f"<div class='source'><b>gptviz/model.py</b> {verbatim.html(excerpt.title)}<pre>{rows}</pre></div>")


def _about(stage: Stage, trace: Trace, view: View, choice: Choice) -> None:
    config = trace.config
    entry = catalogue.MODELS[choice.model]
    kept = "trained" if weights.is_trained(trace.model) else "random, as at initialisation"
    st.markdown(
        f"**Where these numbers come from.** Model **{verbatim.markdown(entry.title)}**, weights {kept}; "
        f"{verbatim.markdown(base.state(trace))}; batch of {trace.ids.shape[0]}, {trace.ids.shape[1]} tokens. {verbatim.markdown(entry.about)}"
    )
    for remark in trace.model.remarks:
        st.caption(verbatim.markdown(remark))
    named = ", ".join(f"`{point}` ({' × '.join(trace.axes(point))})" for point in stage.named(view))
    if named:
        st.markdown(
            f"**Recorded at** {named}. Rows are tokens, columns are features; in attention maps the row is the query (the token "
            "that reads) and the column the key (the token that is read)."
        )
    parts = config.parameters()
    total = config.n_parameters
    table = pd.DataFrame(
        {"numbers": parts.values(), "share": [count / total for count in parts.values()]},
        index=pd.Index(parts.keys(), name=f"learned numbers: {total:,}"),
    )
    st.dataframe(
        table,
        column_config={
            "numbers": st.column_config.NumberColumn(format="localized"),
            "share": st.column_config.NumberColumn(format="percent"),
        },
    )
