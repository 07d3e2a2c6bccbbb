"""What if: parts of the model switched off in the walk, what that did to the next token, and the ways back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from .. import edits, effects, tokenizer, verbatim, weights
from ..config import GPTConfig
from ..edits import Named
from ..effects import Effect, Reached
from ..figures import changes, style
from ..figures.forms import Picture
from ..points import Address
from ..recompute import recompute
from ..seen import Seen
from ..stages import STAGES, Stage
from ..trace import NotFinite, Trace
from ..verbatim import Html
from ..words import percent
from . import address, cache, incoming, state
from .beside import Half
from .state import Choice, change

ROOM = {False: 46, True: 76}  # pixels the row takes from the picture, in Present mode and else
LEAST = 240  # pixels a picture keeps
UNITS = 3  # feed-forward units that are offered: those with the largest activation at the chosen token


@dataclass(frozen=True, eq=False)
class Done:
    """What the edit in force did. plain: the same ids through the model as it is, seen in the same place. effect: on the prediction
    after the chosen token; None where its numbers are too large to be compared. reached: per stage of the walk."""

    plain: Seen
    effect: Effect | None
    reached: tuple[Reached, ...]


# what is chosen -------------------------------------------------------------------------------------------------------


def check(choice: Choice) -> Choice:
    """The choice with edits that its model has a place for. A model that cannot be loaded is left to the line on top, which says why."""
    if not choice.edit:
        return choice
    try:
        config = cache.model(choice.model).config
    except (weights.CheckpointError, OSError, MemoryError):
        return choice
    return fit(choice, config)


def fit(choice: Choice, config: GPTConfig) -> Choice:
    """The choice without the edits that a model of this shape has no place for, or whose positions would run out of its table, and a
    note on each that says so."""
    texts = (choice.text, choice.second) if choice.second else (choice.text,)
    tokens = max(len(tokenizer.encode(text, special=choice.special)) for text in texts) + choice.more
    kept, problems = [], []
    for edit in edits.parse(choice.edit):
        try:
            edits.check(edit, config)
            edits.suits(edit, config, tokens)
        except ValueError as error:
            problems.append(f"{error}. It is left out.")
            continue
        kept.append(edit)
    if not problems:
        return choice
    written = edits.write(kept)
    for problem in problems:
        state.settle(problem, **keeping(choice, written))
    return replace(choice, **keeping(choice, written))


def keeping(choice: Choice, written: str) -> dict[str, object]:
    """The changes of a choice that put these edits in force: a model beside its unedited self goes with the last of them."""
    alone = {"beside": "", "other": False} if not written and choice.beside == choice.model else {}
    return {"edit": written} | alone


def names(text: str) -> list[str]:
    return [str(edit) for edit in edits.parse(text)]


def candidates(stage: Stage, seen: Seen, choice: Choice) -> list[str]:
    """The edits that are offered at a stage, those of what it makes first, then those of what it reads, then all others; of the
    viewed block, and of the whole model. What is in force is always among them."""
    block, head, config = seen.block + 1, seen.head + 1, seen.config
    own = stage.switched(seen)
    heads = [head, *(other for other in range(1, config.n_head + 1) if other != head)]
    offered = [
        *one_weight(seen, choice),
        *one_entry(stage, seen, choice),
        f"head:{block}.{head}",
        f"head:{block}.{head}:mean",
        f"head:{block}.{head}:even",
    ]
    offered += [f"head:{block}.{other}" for other in heads[1:]]
    offered += [f"unit:{block}.{unit}" for unit in units(seen, choice)]
    for name in ("no-mask", "zero-mask", "no-scale"):
        offered += [f"{name}:{block}", name]
    offered += [f"attention:{block}", f"attention:{block}:mean", f"feed-forward:{block}", f"feed-forward:{block}:mean"]
    offered += [f"{kind}:{block}.{which}" for kind in ("norm", "shortcut") for which in (1, 2)]
    offered += [f"block:{block}", "position", "position:mean", "norm:final", "post-norm"]
    offered += patches(seen, choice)
    makes, reads = set(stage.named(seen)), set(stage.reads(seen.block, config.n_layer))

    def far(name: str) -> int:
        if name == own:
            return -1
        (edit,) = edits.parse(name)
        touched = {point for point, _ in edits.apply([edit], seen.trace.model)}
        if touched & makes or (stage.per_head and edit.kind == "head"):
            return 0
        return 1 if touched & reads else 2

    found = sorted(offered, key=far)
    return found + [name for name in names(choice.edit) if name not in found]


def units(seen: Seen, choice: Choice) -> list[int]:
    """Feed-forward units of the viewed block that are worth switching off: the one whose number is chosen, and the most active."""
    point = f"blocks.{seen.block}.ff.active"
    if not seen.trace.finite(point):
        return []
    active = np.abs(seen.array(point)[seen.row])
    found = np.argsort(-active, kind="stable")[:UNITS].tolist()
    if choice.cell:
        named, index = Address.parse(choice.cell)
        if named in (point, f"blocks.{seen.block}.ff.hidden") and index[-1] < len(active):
            found = [index[-1], *(unit for unit in found if unit != index[-1])]
    return found


def one_weight(seen: Seen, choice: Choice) -> list[str]:
    """The attention weight that is chosen in the picture, set to 0."""
    if not choice.cell:
        return []
    named, index = Address.parse(choice.cell)
    if named != f"blocks.{seen.block}.att.weights" or len(index) != 4 or index[3] > index[2] or index[2] >= seen.size:
        return []
    return [f"weight:{seen.block + 1}.{index[1] + 1}.{index[2]}.{index[3]}"] if index[1] < seen.config.n_head else []


def one_entry(stage: Stage, seen: Seen, choice: Choice) -> list[str]:
    """The learned number that counts most in the number that is chosen, or in the first one of the stage, set to 0."""
    trace = seen.trace
    try:
        point, index = Address.parse(choice.cell) if choice.cell else stage.first_number(seen)
        near = point == "tok_emb" or point.startswith(
            f"blocks.{seen.block}."
        )  # of other blocks a long text's pass keeps little
        sizes = trace.array(point).shape if near and point in trace.tensors else ()
        fits = len(index) == len(sizes) and all(at < size for at, size in zip(index, sizes))
        name = edits.largest_entry(trace.model, point, index, trace) if fits else ""
    except NotFinite:
        return []
    return [name] if name else []


def patches(seen: Seen, choice: Choice) -> list[str]:
    """The row of the chosen token as the other sentence of the batch has it, where that reaches so far."""
    if not choice.second:
        return []
    other = choice.text if choice.item else choice.second
    ids = tokenizer.encode(other, special=choice.special)[-seen.config.context_length :]
    return [row_of(seen.block + 1, seen.row, ids)] if len(ids) > seen.row else []


def row_of(block: int, token: int, ids: Sequence[int]) -> str:
    """The name of a patch: the row of a token, as these ids have it. What comes behind it there does not count."""
    return f"row:{block}.{token}:{'-'.join(map(str, ids[: token + 1]))}"


def typed(name: str) -> str:
    """A name as a reader types it: the other sentence of a patch may be its words."""
    kind, _, rest = name.partition(":")
    place, _, words = rest.partition(":")
    token = place.partition(".")[2]
    if kind != "row" or not token.isdecimal() or not words.strip() or re.fullmatch(r"[0-9-]+", words):
        return name
    block = place.partition(".")[0]
    return row_of(int(block), int(token), tokenizer.encode(words)) if block.isdecimal() else name


def told(name: str) -> str:
    """An edit as it is offered: what it does, and its name in the address."""
    try:
        (edit,) = edits.parse(name)
    except ValueError:
        return name
    return edit.words


def take(chosen: Sequence[str]) -> None:
    """Put these names in force; a typed one that is none, or that is not of this model, is refused, and the others stay."""
    choice = state.chosen()
    if not all(isinstance(name, str) for name in chosen):
        incoming.ignored("the parts to switch off")
        return
    kept: list[Named] = []
    problems = []
    for name in chosen:
        try:
            kept += edits.parse(typed(name))
        except ValueError as error:
            problems.append(f"Nothing was switched off: {error}. Names are such as head:5.1, no-mask or feed-forward:2.")
    if len(kept) > edits.MOST:
        problems.append(f"At most {edits.MOST} parts can be changed at once.")
        kept = kept[: edits.MOST]
    change(whatif=True, **keeping(choice, edits.write(kept)))
    for problem in problems:
        state.settle(problem)


def switch(on: bool) -> None:
    """The toggle in the bar: off shows the pass as it is, and on again the edits that were in force."""
    choice = state.chosen()
    if on:
        change(whatif=True, **keeping(choice, st.session_state.get("edit-before", "")))
        return
    st.session_state["edit-before"] = choice.edit
    change(whatif=False, **keeping(choice, ""))


def put(name: str, on: bool) -> None:
    """One edit in force, or not; the others stay."""
    choice = state.chosen()
    others = [one for one in edits.parse(choice.edit) if str(one) != name]
    change(whatif=True, **keeping(choice, edits.write([*others, *edits.parse(name * on)])))


def own(stage: Stage | None, seen: Seen, choice: Choice) -> dict[str, object] | None:
    """The switch of the step on screen, for the map, while parts can be switched off."""
    name = stage.switched(seen) if stage and offers(choice) else ""
    if not name:
        return None
    on = name in names(choice.edit)
    return {"name": name, "on": on, "said": f"press again to undo: {told(name)}" if on else f"press again, and {told(name)}"}


def undo() -> None:
    """Nothing is changed any more."""
    st.session_state["edit-before"] = ""
    change(whatif=True, **keeping(state.chosen(), ""))


def stand_beside() -> None:
    """The edited pass beside the pass as it is."""
    choice = state.chosen()
    change(beside=choice.model if choice.edit else "", other=False, cell="")


# what it did ----------------------------------------------------------------------------------------------------------


def done(choice: Choice, main: Half) -> Done | None:
    """What the edits in force did; None where there are none. Raises MemoryError where the second pass does not fit."""
    if not main.trace.edits:
        return None
    seen = main.seen
    plain = cache.traced(main.key, main.rows, choice.dropout, choice.seed, seen.block)
    points = [main_point(stage, seen) for stage in STAGES]
    key = ("reached", main.key, main.rows, choice.dropout, choice.seed, main.trace.edits, seen.block, seen.item)
    found = cache.once(key, lambda: shares(plain, main.trace, points, seen.item, seen.size))
    try:
        made = effects.effect(*(one.array("logits")[seen.item, seen.row] for one in (plain, main.trace)))
    except NotFinite:
        made = None
    return Done(replace(seen, trace=plain), made, tuple(found[point] for point in points))


def main_point(stage: Stage, seen: Seen) -> str:
    """What a stage is about, by which its change is measured: the point it makes, or the one it is said to be made of where the
    pass makes that later (to append changes the ids, and is made of the logits)."""
    order = list(seen.trace.model.points)
    return max((stage.named(seen)[-1], *stage.reads(seen.block, seen.config.n_layer)[:1]), key=order.index)


def shares(plain: Trace, edited: Trace, points: Sequence[str], item: int, size: int) -> dict[str, Reached]:
    once = list(dict.fromkeys(points))
    return dict(zip(once, effects.reached(plain, edited, once, item, size)))


def marks(made: Done | None) -> list[dict[str, object]]:
    """For the map: what the edit did to every stage, as a number and in words."""
    if made is None:
        return []
    return [{"same": one.before, "share": min(1.0, one.share), "said": mark(one)} for one in made.reached]


def mark(one: Reached) -> str:
    if one.before:
        return "unchanged: it comes before the edit"
    return f"changed by {percent(one.share)}" if one.share else "not changed, though it comes after the edit"


def outcome(made: Done, seen: Seen) -> str:
    """What the edit did to the prediction after the chosen token, in one line."""
    found = made.effect
    if found is None:
        return "The numbers of this pass grow too large to be compared."
    word = seen.trace.word
    ranks = f"rank {found.ranks[0]} → {found.ranks[1]:,}" if found.ranks[0] != found.ranks[1] else "still the best"
    best = f', the best is now "{word(found.best)}"' if found.best != found.word else ""
    return (
        f'After {seen.quoted(seen.row)}: "{word(found.word)}" {percent(found.shares[0])} → {percent(found.shares[1])}, {ranks}{best}. '
        f"KL divergence {found.divergence:.3g} nats."
    )


def row(stage: Stage, main: Half, choice: Choice, made: Done | None) -> None:
    """Under the map: the parts that can be switched off, what is off with a cross at each, what that did, and the way back."""
    if not offers(choice):
        return
    seen = main.seen
    offered = candidates(stage, seen, choice)
    with st.container(key="what-if"):
        if made is None:
            menu, said = st.columns([1.6, 1], vertical_alignment="center", gap="small")
        else:
            widths = [2.5, 2.4, 0.8] if choice.present else [3.2, 3.2, 1.05, 0.75]
            menu, said, *ways = st.columns(widths, vertical_alignment="center", gap="small")
    address.hold("edit", names(choice.edit), offers=tuple(offered))
    menu.multiselect(
        "What if this is changed",
        offered,
        key="edit",
        format_func=told,
        placeholder="Switch a part off ...",
        label_visibility="collapsed",
        accept_new_options=True,
        on_change=address.chose("edit", take),
    )
    if made is None:
        said.html(f"<p class='scales'>Nothing is changed. {hint(stage, seen)}</p>")
        return
    several = f"{edits.words(edits.parse(choice.edit))}. " if len(names(choice.edit)) > 1 else ""
    did = several + outcome(made, seen)
    said.html(f"<p class='did'><b>EDITED</b> {verbatim.html(did)}{written_under(choice)}</p>")
    *against, back = ways
    for place in against:
        place.button(
            "Side by side",
            key="beside-itself",
            width="stretch",
            disabled=choice.beside == choice.model,
            help="This stage with the edit, and without it.",
            on_click=stand_beside,
        )
    back.button("Undo all" if len(names(choice.edit)) > 1 else "Undo", key="undo-edits", width="stretch", on_click=undo)


def standing(choice: Choice, said: str = "") -> None:
    """On a page that is not the walk: what is changed there, each with a cross, and the way back. said: what that means here, where it
    is the same for all of the page."""
    if not choice.edit:
        return
    held = names(choice.edit)
    with st.container(key="what-if"):
        menu, *where, back = st.columns([4, 2.5, 0.8] if said else [6.5, 0.8], vertical_alignment="center", gap="small")
    address.hold("edit", held, offers=tuple(held))
    menu.multiselect(
        "What is changed in the walk",
        held,
        key="edit",
        format_func=told,
        label_visibility="collapsed",
        on_change=address.chose("edit", take),
    )
    for place in where:
        place.html(f"<p class='did'>{verbatim.html(said)}</p>")
    back.button("Undo all" if len(held) > 1 else "Undo", key="undo-edits", width="stretch", on_click=undo)


def in_sight(made: Done | None, seen: Seen) -> None:
    """What the edit did, in the bar of a narrow window: the row has scrolled away there."""
    if made is None:
        return
    if (found := made.effect) is None:
        said = "numbers too large to be compared"
    else:
        shares, ranks = (" → ".join(pair) for pair in (map(percent, found.shares), (f"{rank:,}" for rank in found.ranks)))
        said = f'"{seen.trace.word(found.word)}" {shares}, rank {ranks}, KL {found.divergence:.3g}'
    with st.container(key="in-sight"):
        st.html(f"<p><b>EDITED</b> {verbatim.html(said)}</p>")


def hint(stage: Stage, seen: Seen) -> Html:
    """How a part is switched off where it is."""
    if not stage.switch:
        return "The pass is the model's own."
    if seen.present:
        return "Press the lit step of the map to switch its part off."
    maps = " or the title of a small map, for that head" if stage.per_head and stage.overview else ""
    return f"To switch a part off, press its lit step on the map{maps}. A click on a cell recomputes it, as always."


def offers(choice: Choice) -> bool:
    """Whether the row is on the page."""
    return choice.whatif or bool(choice.edit)


def asks(made: Picture, choice: Choice) -> int:
    """Pixels a picture takes where it stands alone."""
    own = (made.layout.height if isinstance(made, go.Figure) else getattr(made, "height", 0)) or style.PICTURE_HEIGHT
    return min(own, style.PRESENT_HEIGHT) if choice.present else own


def room(asked: int, choice: Choice) -> int:
    """Pixels a picture that asks for so many has beside the row; 0, for as many as it asks for, where there is none."""
    return max(LEAST, asked - ROOM[choice.present]) if offers(choice) else 0


def written_under(choice: Choice) -> Html:
    """Whose the appended tokens are."""
    return " The appended tokens are those that the edited model writes." if choice.more else ""


def here(stage: Stage, seen: Seen) -> str:
    """Where the pass is changed at this very stage: what that means for its words. Empty elsewhere."""
    if not seen.trace.edited.intersection(stage.named(seen)):
        return ""
    found = [edit for edit in edits.parse(",".join(seen.trace.edits)) if touches(edit, stage, seen)]
    return f"Changed here: {edits.words(found)}. The formula and the words tell of the pass without that."


def touches(edit: Named, stage: Stage, seen: Seen) -> bool:
    return any(point in stage.named(seen) for point, _ in edits.apply([edit], seen.trace.model))


def without(made: Done | None, cell: tuple[str, tuple[int, ...]], shown: float) -> str:
    """What a number is in the pass as it is."""
    if made is None:
        return ""
    try:
        plain = recompute(made.plain.trace, *cell).shown
    except (KeyError, IndexError, NotFinite) as error:
        return f"Without the edit this number cannot be shown: {error.args[0]}."
    if plain == shown:
        return f"Without the edit it is the same, {plain:.9g}."
    return f"Without the edit it is {plain:.9g}: the edit adds {shown - plain:+.3g}."


def unreached(seen: Seen) -> int:
    """How many rows, from the first one, no edit in force can have changed: they stand left of all of them in the text."""
    return min((edit.first_row for edit in edits.parse(",".join(seen.trace.edits))), default=0)


def marked(made: Picture, seen: Seen) -> Picture:
    """The picture with a sign at the rows that cannot have changed."""
    return changes.marked(made, seen.labels, unreached(seen))


def compared(stage: Stage, seen: Seen, made: Done | None) -> Picture | None:
    """The stage's own picture of before and after, where it has one."""
    return stage.edited(made.plain, seen) if made and stage.edited else None
