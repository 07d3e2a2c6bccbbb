r"""# The ledger

The last row is a sum: the token's row, its position's row, and what every head, bias and feed-forward layer wrote. So its logit is
a sum too (direct attribution; Elhage et al. 2021), with nothing left over but rounding.

Click a part to take it apart, down to the rows of the two tables. Attention weights, each LayerNorm's divisor and how far each GELU
is open stay as in this pass. A part says what reached the logit directly, not what would happen without it.

$$\text{logit}_w = \sum_{\text{parts}} \frac{(p - \bar p) \odot \gamma}{\sigma} \cdot u_w + \beta \cdot u_w$$
"""

from collections.abc import Sequence

import numpy as np

from ... import attribution
from ...attribution import Level
from ...figures import waterfall
from ...figures.depth import written
from ...figures.forms import Picture
from ...figures.matrix import Grid, Panel, Tiles
from ...stages.stage import Notes, Question
from ...words import MINUS, added, count, percent
from ..lab import Control, Setting, experiment, once
from ..subjects import answer

AGAINST = {"none": "nothing", "second": "the second best", "typed": "a word I type"}
OPEN = {"blocks": "blocks", "parts": "heads"}
TERMS = 10  # of a sum with many of them that have a step of their own
KEYS = 24  # tokens that a head read in the picture
STRONGEST = 12  # units that can be chosen by name
LINE = 64  # cells in a line of all units
COLOURS = {"token": "token", "position": "position", "head": "attention", "bias": "residual", "feed-forward": "feed-forward"}


# what is asked ---------------------------------------------------------------------------------------------------------


def controls(setting: Setting) -> tuple[Control, ...]:
    return (
        answer.place(setting),
        Control("word", "Why this word", "text", "", help="Empty: the most probable one. " + answer.WORD_HELP),
        Control("against", "And not", "choice", "none", tuple(AGAINST), show=AGAINST.get),
        Control("other", "The other word", "text", "", help=answer.WORD_HELP, when=lambda values: values["against"] == "typed"),
        Control(
            "open", "Steps are", "choice", "blocks", tuple(OPEN), show=OPEN.get, help="Collapsed to blocks, or opened to heads."
        ),
        Control("way", "Way down", "path", drawn=False),
    )


def asked(setting: Setting) -> tuple[int, int | None]:
    """The word whose logit it is, and the one it is held against."""
    row = setting["at"]
    best = answer.favourites(setting, row, 2)
    word = answer.typed(setting, setting["word"])
    word = best[0] if word is None else word
    match setting["against"]:
        case "none":
            return word, None
        case "typed" if (other := answer.typed(setting, setting["other"])) is not None:
            return word, other
    return word, next((one for one in best if one != word), None)


@once
def levels(setting: Setting) -> list[Level]:
    """The levels from the logit down to where the reader is."""
    trace = setting.trace(points=attribution.KEPT)
    trace.require_finite()
    start = answer.taken(setting, trace).logit(setting["at"], *asked(setting))
    return attribution.walk(start, map(int, filter(None, setting["way"].split("."))))


def trail(setting: Setting) -> list[str]:
    """A name for every level on the way."""
    return [short(level) for level in levels(setting)]


def short(level: Level) -> str:
    """What a level is called where there is little room."""
    where = level.where
    match level.kind:
        case "logit":
            return "The ledger"
        case "head":
            return f"head {where['block'] + 1}.{where['head'] + 1}"
        case "read":
            return level.title.removeprefix("what ").partition(" hands")[0]
        case "channel" | "score":
            return level.title.partition(":")[0].partition(" of ")[0] + (" (key)" if ": key" in level.title else "")
        case "unit":
            return f"unit {where['block'] + 1}.{where['unit']}"
    return level.title.partition(" at ")[0]


# pictures ---------------------------------------------------------------------------------------------------------------


def kind_of(level: Level, number: int) -> str:
    """Whose colour a term takes."""
    if number < len(level.parts):
        return COLOURS[level.parts[number].kind]
    return {"head": "value", "score": "query", "feed-forward": "feed-forward", "row": "token"}.get(level.kind, "residual")


SHORT = 8  # lines of a bill besides the last one

Steps = tuple[np.ndarray, list[str], list[str], list[int]]
"""Of the steps of a waterfall: numbers, names, colours, and the term each leads to, -1 where it is more than one."""


def every(level: Level) -> Steps:
    """Each term on its own."""
    numbers = list(range(len(level.terms)))
    return level.terms, list(level.names), [kind_of(level, n) for n in numbers], numbers


def collapsed(level: Level) -> Steps:
    """The terms of a sum over parts with each block's heads and bias together."""
    groups: dict[tuple[str, str], tuple[float, int]] = {}
    for number, term in enumerate(level.terms):
        part = level.parts[number] if number < len(level.parts) else None
        together = part is not None and part.kind in ("head", "bias")
        key = (f"attention {part.block + 1}", "attention") if together else (level.names[number], kind_of(level, number))
        groups[key] = groups.get(key, (0.0, 0))[0] + float(term), -1 if together else number
    names, colours = zip(*groups)
    sums, numbers = zip(*groups.values())
    return np.array(sums), list(names), list(colours), list(numbers)


def in_short(level: Level) -> list[tuple[str, float, str]]:
    """The sum as a bill, blocks collapsed: the largest lines in the order of the pass, and the others together; name, number, colour."""
    sums, names, colours, _ = collapsed(level)
    shown = sorted(np.argsort(-np.abs(sums), kind="stable")[:SHORT].tolist())
    lines = [(names[n], float(sums[n]), colours[n]) for n in shown]
    rest = len(sums) - len(shown)
    return lines + ([(count(rest, "other"), level.total - sum(line[1] for line in lines), "residual")] if rest else [])


def largest(level: Level) -> Steps:
    """The largest terms of a sum with many, and all others together."""
    order = np.argsort(-np.abs(level.terms), kind="stable")[:TERMS].tolist()
    sums, names, colours = level.terms[order], [level.names[n] for n in order], [kind_of(level, n) for n in order]
    if len(order) == len(level.terms):
        return sums, names, colours, order
    rest = level.total - float(sums.sum())
    return np.append(sums, rest), [*names, f"{len(level.terms) - len(order):,} others"], [*colours, "residual"], [*order, -1]


def steps(setting: Setting, level: Level, title: str) -> Picture:
    if level.parts and setting["open"] == "blocks":
        found = collapsed(level)
    elif level.kind == "logit" or level.kind == "head" and len(level.terms) <= TERMS:
        found = every(level)
    else:
        found = largest(level)
    terms, names, colours, numbers = found
    return waterfall.steps(
        terms,
        names,
        colours,
        whole=level.value,
        whole_name="the model" if level.kind == "logit" else "this part",
        title=title,
        y_title="score" if level.kind in ("score", "channel") else "logit",
        height=205,
        pick=("", ()) if level.kind == "row" else ("way", numbers),
    )


def choices(names: Sequence[str], values: Sequence[int], across: int) -> Tiles:
    """Cells that each lead one step down."""
    return Tiles(rows=1, columns=1, across=across, names=tuple(names), field="way", values=tuple(values))


def map_of_parts(level: Level, heads: int) -> tuple[Panel, ...]:
    """The terms of a sum over parts: what is no part of a block in one line, blocks under each other below."""
    blocks = 1 + max((part.block for part in level.parts), default=-1)
    loose = [0, 1, *range(len(level.parts), len(level.terms))]
    limits = _limits(level.terms)
    door = [len(level.terms) + n for n in range(len(level.doors))]
    names = [level.names[n] for n in loose] + list(level.doors)
    first = Panel(
        title="Rows of the tables, and what is learned and always there",
        values=np.append(level.terms[loose], [0.0] * len(door)).astype(np.float32)[None],
        rows=("",),
        columns=tuple(name.partition(":")[0] for name in names),
        row_axis="",
        column_axis="",
        limits=limits,
        part="token",
        tiles=choices(
            [name if n in door else f"{name} ›" for n, name in zip([*loose, *door], names)], [*loose, *door], len(names)
        ),
        texts=_written(level.terms[loose]) + ("›",) * len(door),
    )
    if not blocks:
        return (first,)
    width = heads + 2
    values, numbers = np.full((blocks, width), np.nan, dtype=np.float32), np.full((blocks, width), -1)
    for number, part in enumerate(level.parts):
        if part.block >= 0:
            column = part.head if part.kind == "head" else heads + (part.kind == "feed-forward")
            values[part.block, column], numbers[part.block, column] = level.terms[number], number
    columns = (*(f"{'head ' if heads <= 8 else ''}{n + 1}" for n in range(heads)), "bias", "feed-fwd" if heads <= 8 else "FF")
    table = Panel(
        title="What heads, biases and feed-forward layers wrote",
        values=values,
        rows=tuple(f"block {n + 1}" for n in range(blocks)),
        columns=columns,
        row_axis="",
        column_axis="",
        limits=limits,
        part="attention",
        tiles=choices([level.names[n] if n >= 0 else "" for n in numbers.ravel()], numbers.ravel().tolist(), width),
        texts=_written(values.ravel()),
    )
    return first, table


def _limits(terms: np.ndarray) -> tuple[float, float]:
    reach = float(np.abs(terms).max()) or 1.0
    return -reach, reach


def _written(terms: Sequence[float]) -> tuple[str, ...]:
    """Terms in cells, with as many digits as the largest needs; a blank where there is none."""
    most = float(np.nanmax(np.abs(terms)))
    digits = 2 if most == 0 else min(5, max(2, 1 - int(np.floor(np.log10(most)))))
    return tuple(added(float(term), digits) if np.isfinite(term) else "" for term in terms)


def keys(level: Level) -> tuple[Panel, ...]:
    """The tokens a head read: weight, and what each handed over."""
    shown = sorted(np.argsort(-np.abs(level.terms), kind="stable")[:KEYS].tolist())
    names = tuple(level.names[n] for n in shown)
    options = {"rows": ("",), "columns": names, "row_axis": "", "column_axis": "", "tiles": choices(names, shown, len(shown))}
    weights = level.columns["weight"][shown].astype(np.float32)
    handed = level.terms[shown].astype(np.float32)
    return (
        Panel(
            "Weight: how much it reads",
            weights[None],
            kind="weight",
            part="attention",
            texts=tuple(f"{w:.2f}" for w in weights),
            **options,
        ),
        Panel(
            "What each token handed over",
            handed[None],
            limits=_limits(level.terms),
            part="value",
            texts=_written(handed),
            **options,
        ),
    )


def strip(title: str, values: np.ndarray, part: str, axis: str, **options) -> Panel:
    return Panel(
        title, values.astype(np.float32)[None], ("",), row_axis="", column_axis=axis, part=part, printed=False, **options
    )


def cells(setting: Setting, level: Level) -> tuple[Panel, ...]:
    """What can be chosen at this level, and the numbers the terms are made of."""
    match level.kind:
        case "head":
            return keys(level)
        case "score":
            every = range(len(level.terms))
            return (
                strip("query: what it looks for", level.columns["query"], "query", "channel"),
                strip("key: what the other offers", level.columns["key"], "key", "channel"),
                strip("products", level.terms, "attention", "channel", tiles=choices(level.names, every, len(every))),
            )
        case "feed-forward":
            order = np.argsort(-np.abs(level.terms[:-1]), kind="stable")[:STRONGEST].tolist() + [len(level.terms) - 1]
            best = level.terms[order].astype(np.float32)
            names = tuple(level.names[n] for n in order)
            across = min(LINE, len(level.terms))
            lines = -(-len(level.terms) // across)
            blank = lines * across - len(level.terms)
            all_units = np.append(level.terms, [np.nan] * blank).astype(np.float32).reshape(lines, across)
            return (
                Panel(
                    "The units that add most, and the bias",
                    best[None],
                    ("",),
                    names,
                    row_axis="",
                    column_axis="",
                    limits=_limits(level.terms),
                    part="feed-forward",
                    tiles=choices(names, order, len(order)),
                    texts=_written(best),
                ),
                Panel(
                    f"All {len(level.terms) - 1:,} units, {across} in a line",
                    all_units,
                    ("",) * lines,
                    row_axis="",
                    column_axis="",
                    limits=_limits(level.terms),
                    part="feed-forward",
                    printed=False,
                    tiles=choices((*level.names, *("",) * blank), (*range(len(level.terms)), *(-1,) * blank), across),
                ),
            )
        case "row":
            return (
                strip("the row", level.columns["row"], "token", "feature"),
                strip("the direction it is held against", level.columns["direction"], "output", "feature"),
                strip("products", level.terms, "residual", "feature"),
            )
    return map_of_parts(level, setting.config.n_head)


def pictures(setting: Setting) -> list[Picture]:
    level = levels(setting)[-1]
    panels = cells(setting, level)
    rows = sum(len(one.values) for one in panels)
    grid = Grid(
        panels=panels,
        note="" if level.kind == "row" else "Click a cell, or a step above, to take it apart.",
        alt=f"{title_of(setting, level)}, taken apart into {len(level.terms):,} terms.",
        height=min(330, 60 * len(panels) + 24 * rows) if level.kind != "feed-forward" else 250,
    )
    return [steps(setting, level, title_of(setting, level)), grid]


# words -------------------------------------------------------------------------------------------------------------------


def quoted(setting: Setting, word: int) -> str:
    return f"“{setting.word(word)}”"


def title_of(setting: Setting, level: Level) -> str:
    word, against = asked(setting)
    if level.kind == "logit":
        name = f"The logit of {quoted(setting, word)}"
        return name if against is None else f"{name} above that of {quoted(setting, against)}"
    return level.title[0].upper() + level.title[1:]


def number(value: float) -> str:
    """A term in a sentence."""
    said = f"{value:+.3f}" if abs(value) >= 0.0005 or value == 0 else f"{'+' if value > 0 else ''}{written(value)}"
    return said.replace("-", MINUS)


def exactly(value: float) -> str:
    """A number with as many digits as single precision holds."""
    return f"{value:.6f}" if abs(value) >= 0.01 or value == 0 else written(value)


def caption(setting: Setting) -> str:
    level = levels(setting)[-1]
    word, against = asked(setting)
    best = int(np.argmax(np.abs(level.terms)))
    parent = "The model's number" if level.kind == "logit" else "The number above"
    exact = (
        f"{count(len(level.terms), 'term')} together: {exactly(level.total)}. {parent} is {exactly(level.value)}, a difference of "
        f"{written(abs(level.remainder)) if level.remainder else 0}."
    ).replace("-", MINUS)
    most = f"most is {level.names[best]}, {number(float(level.terms[best]))}"
    match level.kind:
        case "logit":
            over = "" if against is None else f" over {quoted(setting, against)}"
            said = f"For {quoted(setting, word)}{over} {most}."
        case "head":
            key = int(np.argmax(level.columns["weight"]))
            said = (
                f"It reads {level.names[key]} with {percent(float(level.columns['weight'][key]))}; of what the tokens handed over the "
                f"{most}."
            )
        case "read":
            said = f"It handed over {number(level.value)}: its own row at this depth is a sum again, and the {most}."
        case "score":
            said = f"Query and key, multiplied number by number and divided by √{len(level.terms)}: the {most}."
        case "channel":
            said = f"One product, {number(level.value)}, with one factor held: the {most}."
        case "feed-forward":
            share = float((np.abs(level.terms[:-1]) > np.abs(level.value) / 10).sum())
            said = f"{share:,.0f} of {len(level.terms) - 1:,} units add more than a tenth of the whole, {number(level.value)}; the {most}."
        case "unit":
            said = f"This unit adds {number(level.value)}. What opened it is a sum as well: the {most}."
        case _:
            said = f"Here the way ends: {len(level.terms):,} learned numbers, each times one of the direction. The {most}."
    beyond = len(setting["way"].split(".")) if setting["way"] else 0
    lost = " The rest of the way in the address leads nowhere here." if beyond > len(levels(setting)) - 1 else ""
    return f"{said} {exact}{lost}"


LEDGER = experiment(
    __doc__,
    key="ledger",
    notes=Notes(
        say="A logit is a sum, so it has a bill. Open the largest line.",
        ask="If this line is +2 and I switch it off, does the logit fall by 2?",
        trap="The bill counts what went straight to the logit, not what others made of it.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    trail=trail,
    question=Question(
        ask="The part of a head is +2 in the ledger. The head is switched off. By how much does the logit fall?",
        choices=("By 2 exactly", "By 2 if all later blocks did the same as before, else by another amount", "Not at all"),
        answer=1,
        why="The ledger counts what reached the logit directly. Later blocks read what the head wrote, and without it they write "
        "something else; What if, in the walk, shows the whole effect.",
    ),
)
