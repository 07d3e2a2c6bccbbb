"""Behind every picture, one open at a time and built only when open: recompute this number, the numbers, the code, about."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from .. import catalogue, edits, verbatim, weights
from ..figures import style
from ..figures.matrix import Grid
from ..labs.lab import Setting
from ..labs.why import ledger
from ..recompute import axes, block_of, recompute, sizes
from ..seen import Seen
from ..stages import Stage, source
from ..trace import NotFinite, Trace
from ..verbatim import Html
from . import address, cache, links, matrix
from .state import Choice, change
from .whatif import Done, without

TITLES = {
    "": "Words",
    "recompute": "Recompute this number",
    "why": "Why this word",
    "numbers": "Numbers",
    "code": "Code",
    "about": "About",
}
FIRST = 8  # features a table shows before it is asked for all of them
SHOWN_OPERANDS = 8

Cell = tuple[str, tuple[int, ...]]


def opened(stage: Stage, choice: Choice) -> str:
    """The open drawer, "" for the words: a stage that ends with no word has none that says why."""
    return choice.drawer if choice.drawer != "why" or stage.ledger else ""


def row(stage: Stage, choice: Choice) -> None:
    """What the place beside the picture shows: the words, or one of the drawers."""
    address.hold("drawer", opened(stage, choice))
    st.segmented_control(
        "More about this step",
        [name for name in TITLES if name != "why" or stage.ledger],
        key="drawer",
        format_func=TITLES.get,
        required=True,
        label_visibility="collapsed",
        on_change=address.chose("drawer", lambda drawer: change(drawer=drawer or "")),
    )


def show(
    stage: Stage,
    seen: Seen,
    choice: Choice,
    cell: Cell | None,
    acted: Callable[[matrix.Event], None],
    changed: Done | None = None,
) -> None:
    """The open drawer, in the place of the words, so that the picture stays in seen. acted: what a click in the picture does; to
    name a number by its place does the same. changed: what an edit in force did."""
    try:
        _open(stage, seen, choice, cell, acted, changed)
    except (NotFinite, MemoryError) as error:
        st.error(verbatim.markdown(error))


def _open(
    stage: Stage,
    seen: Seen,
    choice: Choice,
    cell: Cell | None,
    acted: Callable[[matrix.Event], None],
    changed: Done | None,
) -> None:
    if choice.drawer == "recompute":
        _recompute(stage, seen, cell, acted, changed)
    elif choice.drawer == "why":
        _why(seen, choice)
    elif choice.drawer == "numbers":
        _numbers(stage, seen)
    elif choice.drawer == "code":
        _code(stage)
    else:
        _about(stage, seen, choice)


def default_cell(stage: Stage, seen: Seen) -> Cell:
    """The number a reader gets who has not picked one."""
    return stage.first_number(seen)


def _recompute(
    stage: Stage, seen: Seen, cell: Cell | None, acted: Callable[[matrix.Event], None], changed: Done | None
) -> None:
    asked = cell
    cell = cell or default_cell(stage, seen)
    try:
        made = recompute(seen.trace, *cell)
    except (KeyError, IndexError) as error:
        said = f"That number cannot be recomputed here: {error.args[0]}. Another one of this step is shown."
        st.warning(verbatim.markdown(said))
        cell = default_cell(stage, seen)
        made = recompute(seen.trace, *cell)
    hint = "" if asked else clickable(stage, seen)
    st.markdown(f"**`{made.point}{[*made.index]}`** {verbatim.markdown(made.sentence + hint)}")
    st.latex(breakable(made.formula))
    st.latex(breakable(made.numbers))
    st.html(
        "<div class='check'>"
        f"<span>shown <b>{made.shown:.9g}</b></span> <span>recomputed <b>{made.value:.9g}</b></span> "
        f"<span>|shown − recomputed| <b>{made.difference:.1e}</b></span></div>"
    )
    if said := without(changed, cell, made.shown):
        st.html(f"<p class='message'>{verbatim.html(said)}</p>")
    operands(made)
    pick(seen.trace, cell, acted)
    st.code(made.code, language="python", wrap_lines=True)


def clickable(stage: Stage, seen: Seen) -> str:
    """Where another number can be clicked, in words; "" where no picture has cells. Beside another model charts stand alone."""
    if isinstance(stage.picture(seen), Grid):
        return " Click any cell of the picture for another one."
    return " Click any cell under the picture for another one." if stage.overview and not seen.narrow else ""


NAME = 24  # characters of LaTeX on the left of an equals sign that are only the name of what follows


def breakable(latex: str) -> str:
    r"""The same formula, which may go on in a new line: between its clauses, and before a plus, a product or an equals sign, where
    that is in no brackets of TeX. What is only a name stays with its equals sign."""
    depth, since, made = 0, 0, []
    for part in re.split(r"(\\[{}]|[{}]| (?:[=+]|\\cdot) |(?:, ?|: ?)\\quad )", latex):
        depth += {"{": 1, "}": -1}.get(part, 0)
        since += len(part)
        if depth or not part.strip():
            made.append(part)
        elif part.endswith("\\quad "):
            made.append(rf"{part}\allowbreak ")
            since = 0
        elif part in (" + ", r" \cdot ") or (part == " = " and since > NAME):
            made.append(rf" \allowbreak{part}\nobreak ")
        else:
            made.append(part)
    return "".join(made)


FROM_ONE = ("sentence", "head", "part")
"""The places whose numbers are names, which count from 1; all others count from 0, as at the rows and columns of the pictures."""


def place_names(point: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """What the axes of a point are called where a reader types numbers."""
    rows = {"stream": "after block", "head_out": "part"}.get(point.partition(":")[0], "row")
    return tuple({"batch": "sentence", "row": rows}.get(name, name) for name in names)


def told_apart(point: str, index: tuple[int, ...], names: tuple[str, ...], heads: int) -> str:
    """How the numbers in the words and those in the code go together. names: of the places, heads: how many there are."""
    block, place = block_of(point), dict(zip(names, index))
    both = [] if block is None else [f"block {block + 1} is blocks.{block}"]
    head = place.get("head", place.get("part", heads))
    if head < heads:
        both.append(f"head {head + 1} is index {head}")
    pairs = f": {', '.join(both)}" if both else ""
    found = [f"Sentences, blocks and heads count from 1, all else from 0. Code counts all from 0{pairs}."]
    if "after block" in names:
        found.append("After block 0 is the input.")
    if "part" in names:
        found.append(f"Parts 1 to {heads} are the heads, {heads + 1} is the bias, {heads + 2} the sum.")
    return " ".join(found)


def pick(trace: Trace, cell: Cell, acted: Callable[[matrix.Event], None]) -> None:
    """Any number by its place, for those who do not click."""
    point, index = cell
    names = place_names(point, axes(trace, point))
    first = [int(name in FROM_ONE) for name in names]
    st.caption(verbatim.markdown(told_apart(point, index, names, trace.config.n_head)))

    def typed(_: int | None) -> None:
        wanted = [st.session_state[f"pick-{at}"] for at in range(len(names))]
        if None not in wanted:
            acted(matrix.Cell(point, tuple(int(n) - start for n, start in zip(wanted, first))))

    for at, (column, name, size) in enumerate(zip(st.columns(len(names)), names, sizes(trace, point))):
        key = f"pick-{at}"
        address.hold(key, index[at] + first[at])
        column.number_input(
            verbatim.markdown(name), first[at], size - 1 + first[at], key=key, on_change=address.chose(key, typed)
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


def _why(seen: Seen, choice: Choice) -> None:
    """The ledger of the word that is written next, in short."""
    key, changes = choice.model, edits.parse(",".join(seen.trace.edits))
    bare = Setting(
        model=seen.trace.model,
        ids=tuple(seen.trace.ids[seen.item, : seen.size].tolist()),
        values={},
        text=seen.text,
        run=partial(cache.run, key),
        model_key=key,
        once=cache.once,
        kept=cache.kept,
    )
    setting = replace(bare, values={control.name: control.start() for control in ledger.LEDGER.controls_for(bare)})
    level = ledger.levels(setting)[0]
    dropout = "Dropout is off here: a pass with dropout is no sum of these parts." if seen.trace.dropout else ""
    for said in filter(None, (ledger.LEDGER.standing(changes), dropout)):
        st.html(f"<p class='message'>{verbatim.html(said)}</p>")
    st.markdown(f"**{verbatim.markdown(ledger.title_of(setting, level))}** is a sum, and this is its bill.")
    current, lines = ledger.LEDGER, ledger.in_short(level)
    told = current.caption(setting)
    values = [value for _, value, _ in lines]
    low, high = min(0.0, *values), max(0.0, *values)
    st.html(f"<div class='bill'>{''.join(bill_line(*line, low, high) for line in lines)}</div>")
    st.html(f"<p class='look'><b>Look for:</b> {verbatim.html(told)}</p>")
    links.to_experiment("Why/ledger", choice, "Take each line apart, down to the tables")


def bill_line(name: str, value: float, part: str, low: float, high: float) -> Html:
    """A line of a bill, its bar from 0 to the left or to the right. low, high: the ends of what all bars share."""
    whole = (high - low) or 1.0
    left, wide = 100 * (min(0.0, value) - low) / whole, 100 * abs(value) / whole
    return (
        f"<span>{verbatim.html(name)}</span><i style='--zero: {-100 * low / whole:.1f}%'><b style='left: {left:.1f}%; width: {wide:.1f}%; "
        f"background: {verbatim.html(style.PARTS[part])}'></b></i><span>{verbatim.html(ledger.number(value))}</span>"
    )


def _numbers(stage: Stage, seen: Seen) -> None:
    points = stage.named(seen) or ("ids",)
    for point in points:
        table, kind = numbers(seen, point)
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


def numbers(seen: Seen, point: str) -> tuple[pd.DataFrame, str]:
    """The viewed numbers of a point as a long table, features down and tokens across, and what rows and columns are.

    Of a long text the columns are the 12 tokens that end at the chosen one; of the logits, the 50 largest of that token.
    """
    if point == "ids":
        names = seen.labels
        return pd.DataFrame({"id": seen.trace.ids[seen.item, : len(names)].numpy()}, index=pd.Index(names, name="token")), "ids"
    values = seen.array(point)
    names = seen.labels
    last = seen.row
    first = max(0, last - 11) if len(names) > 12 else 0
    shown = slice(first, min(len(names), max(last + 1, 12)))
    some = f", tokens {shown.start} to {shown.stop - 1} of {len(names)}" if shown.stop - shown.start < len(names) else ""
    axis = seen.trace.axes(point)[-1]
    if point == "logits":
        best = np.argsort(-values[last], kind="stable")[:50]
        labels = [f"{word} {seen.trace.word(int(word))}" for word in best]
        table = pd.DataFrame({names[last]: values[last, best]}, index=pd.Index(labels, name="word"))
        return table, f"for {names[last]}: the 50 largest of {values.shape[1]:,}"
    if axis == "key":
        table = pd.DataFrame(values[shown].T, index=pd.Index(names, name="key"), columns=list(names[shown]))
        return table, f"head {seen.head + 1}: keys down, queries across{some}"
    table = pd.DataFrame(values[shown].T, columns=list(names[shown]))
    table.index.name = axis
    return table, f"{axis}s down, tokens across{some}"


def _code(stage: Stage) -> None:
    for excerpt in source.lines(stage.lines):
        rows = "".join(
            f"<span class='{'marked' if number in excerpt.marked else 'plain'}'><i>{number:4d}</i>  {verbatim.html(line)}\n</span>"
            for number, line in enumerate(excerpt.text.splitlines(), excerpt.start)
        )
        st.html(
            f"<div class='source'><b>gptviz/{verbatim.html(excerpt.file)}</b> {verbatim.html(excerpt.title)}<pre>{rows}</pre></div>"
        )


def _about(stage: Stage, seen: Seen, choice: Choice) -> None:
    config = seen.trace.config
    entry = catalogue.MODELS[choice.model]
    kept = "trained" if weights.is_trained(seen.trace.model) else "random, as at initialisation"
    st.markdown(
        f"**Where these numbers come from.** Model **{verbatim.markdown(entry.title)}**, weights {kept}; "
        f"{verbatim.markdown(seen.trace.state)}; batch of {seen.trace.ids.shape[0]}, {seen.trace.ids.shape[1]} tokens. {verbatim.markdown(entry.about)}"
    )
    for remark in seen.trace.model.remarks:
        st.caption(verbatim.markdown(remark))
    named = ", ".join(f"`{point}` ({' × '.join(seen.trace.axes(point))})" for point in stage.named(seen))
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
