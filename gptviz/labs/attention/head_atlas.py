r"""# All heads at once

Each block holds several attention heads side by side; every head has its own map of who reads whom. Here they are all in one
picture, beside the one you choose: click a map to open it.

A head's score is the mean weight its rows put in one place: on the token before, the first token, the token itself (rows 2
and later), on earlier copies of the row's own token, or on what came right after such a copy (induction, rows that have one).
Broad is a row's entropy over the largest possible. From 50 % on, a head is named after the place.
"""

import numpy as np

from ...figures.forms import Picture
from ...figures.matrix import Grid, Panel, Tiles
from ...figures.table import Table
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment
from ..subjects.heads import (
    HALF,
    PATTERNS,
    RANKED,
    WINDOW,
    Survey,
    attention,
    chosen_head,
    head_control,
    place,
    sentence,
    survey,
    unread,
    weights_panel,
)

NAMED = 8  # so many heads beside each other have room for the word "head"
COLUMNS = {"previous": "previous", "first": "first", "self": "self", "same": "same", "after": "after same", "broad": "broad"}
"""Score -> its heading in the table."""


def controls(setting: Setting) -> tuple[Control, ...]:
    rank = Control("rank", "Rank heads by", "choice", options=tuple(RANKED), show=RANKED.get)
    size = len(setting.ids)
    if size <= WINDOW:
        return head_control(setting), rank
    start = Control("start", "Small maps start at token", "slider", default=0, options=(0, size - WINDOW, 1))
    return head_control(setting), rank, start


def found(setting: Setting) -> Survey:
    return survey(setting, setting["start"] if len(setting.ids) > WINDOW else 0)


def composed(window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All heads' maps (block, head, query, key) as one matrix with a blank line between two, and its marks.

    Row block * (size + 1) + query, column head * (size + 1) + key; what a head may not read is MASKED.
    """
    blocks, heads, size, _ = window.shape
    room = ((0, 0), (0, 0), (0, 1), (0, 1))
    padded = np.pad(window, room, constant_values=np.nan)
    marks = np.pad(unread(window), room)

    def flat(tiles: np.ndarray) -> np.ndarray:
        return tiles.swapaxes(1, 2).reshape(blocks * (size + 1), heads * (size + 1))[:-1, :-1]

    return flat(padded), flat(marks)


def atlas(setting: Setting, survey: Survey) -> Panel:
    """One panel with every head's map as a tile."""
    config, size = setting.config, survey.window.shape[-1]
    block, head = chosen_head(setting)
    values, marks = composed(survey.window)
    names = (*setting.labels()[survey.start : survey.start + size], "")
    count = config.n_layer * config.n_head
    word = "head " if config.n_head <= NAMED else ""
    return Panel(
        title=f"All {count} heads",
        values=values,
        rows=(names * config.n_layer)[:-1],
        columns=(names * config.n_head)[:-1],
        row_axis="query: reads",
        column_axis="key: is read",
        kind="weight",
        marks=marks,
        part="attention",
        printed=False,
        tiles=Tiles(
            rows=size,
            columns=size,
            gap=1,
            across=config.n_head,
            names=tuple(f"block {n // config.n_head + 1}, head {n % config.n_head + 1}" for n in range(count)),
            field="head",
            values=tuple(range(count)),
            chosen=block * config.n_head + head,
            row_names=tuple(f"block {n + 1}" for n in range(config.n_layer)),
            column_names=tuple(f"{word}{n + 1}" for n in range(config.n_head)),
        ),
    )


def ranked(setting: Setting, survey: Survey) -> Table:
    """Every head with all its scores, in the chosen order."""
    order = survey.ranking(setting["rank"])

    def column(name: str) -> list[float | None]:
        values = [float(survey.scores[name][place]) for place in order]
        return [round(100 * value, 1) if np.isfinite(value) else None for value in values]

    scored = [name for name in RANKED if np.isfinite(survey.even[name])]
    usual = [f"{COLUMNS[name]} {100 * survey.even[name]:.1f} %" for name in scored]
    missing = " and ".join(RANKED[name] for name in RANKED if name not in scored)
    notes = [f"An even spread: {', '.join(usual)}." if usual else "", f"No row counts for {missing}." if missing else ""]
    return Table(
        {
            "rank": list(range(1, len(order) + 1)),
            "head": [f"block {block + 1}, head {head + 1}" for block, head in order],
            **{f"{COLUMNS[name]} %": column(name) for name in scored},
            "named": [COLUMNS.get(survey.name(*place), "none") for place in order],
        },
        title=f"Heads by {RANKED[setting['rank']]}",
        note=" ".join(filter(None, notes)),
    )


def pictures(setting: Setting) -> list[Picture]:
    made = found(setting)
    block, head = chosen_head(setting)
    (weights,) = attention(setting, "weights")
    size, shown = len(setting.ids), made.window.shape[-1]
    note = "Click a map to open it."
    if shown < size:
        note = f"Small maps: tokens {made.start} to {made.start + shown - 1} of {size}; the scores use all of them. {note}"
    grid = Grid(
        panels=(
            atlas(setting, made),
            weights_panel(setting, f"Block {block + 1}, head {head + 1}", weights, **place(setting, "weights")),
        ),
        per_row=2,
        note=note,
        alt=f"Attention weights of all heads, one small map each; block {block + 1}, head {head + 1} is open beside them.",
        height=min(400, 200 + 30 * setting.config.n_layer),
    )
    return [grid, ranked(setting, made)] if np.isfinite(made.even["broad"]) else [grid]


def caption(setting: Setting) -> str:
    made = found(setting)
    block, head = chosen_head(setting)
    said = sentence(made, block, head)
    count = setting.config.n_layer * setting.config.n_head
    if not made.best(block, head):
        return said
    rank = setting["rank"]
    if not np.isfinite(made.scores[rank]).any():
        missing = "occurs twice" if rank == "same" else "stands after a copy of a later one"
        return f"{said} No token of this sentence {missing}: no head can be ranked."
    if rank == "broad":
        top = made.scores["broad"].max()
        return f"{said} The broadest of {count} heads reaches {100 * top:.1f} % of an even spread's entropy."
    named = int((made.scores[rank] >= HALF).sum())
    top = made.ranking(rank)[0]
    return (
        f"{said} Of {count} heads {named} {'puts' if named == 1 else 'put'} half or more on {PATTERNS[rank]}; "
        f"block {top[0] + 1}, head {top[1] + 1} puts the most there, {percent(made.scores[rank][top])}."
    )


ATLAS = experiment(
    __doc__,
    key="atlas",
    notes=Notes(
        say="Step back: every head has a map of its own. Look for a stripe, a first column, a diagonal.",
        ask="Which of these maps would you call a habit?",
        trap="A pattern in one sentence is no job description; look at several before naming a head.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    edited=True,
    own=lambda setting: setting.trace(),
    question=Question(
        ask="What does the first row of every one of these maps look like?",
        choices=("All weight on the first token", "An even spread", "It depends on the head"),
        answer=0,
        why="The first token may read only itself, so its row is 1 and nothing else, in every head, trained or not. That is "
        "why the scores leave it out.",
    ),
)
