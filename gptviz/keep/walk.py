"""The walk in one file: every stage, block and head of a pass, and what the recomputation says of the viewed token's numbers.

The page needs no server, no Python and no network; its own policy forbids it any. All numbers lie in it as the model computed them.
"""

import json
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, singledispatch
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from .. import canvas, catalogue, tokenizer, verbatim, weights
from ..canvas import grid, strips
from ..canvas.packing import SHARED
from ..figures import chips, style
from ..figures.chips import Chips
from ..figures.forms import Picture
from ..figures.matrix import Grid
from ..figures.strips import DropoutStrips
from ..points import Address
from ..recompute import recompute
from ..seen import Seen
from ..stages import STAGES, Stage
from ..verbatim import Html
from . import accounts
from .store import Store

HERE = Path(__file__).parent
MODULES = ((canvas.JS, "chart"), *((HERE / "js", name) for name in ("formula", "kept", "pictures", "paper", "walk")))
LARGEST = 256 << 20  # bytes of numbers in one file: a browser reads them all at once
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"

Told = Callable[[int, int], None]
"""Called with how many numbers are recomputed, and of how many."""


@dataclass(frozen=True)
class View:
    """One stage in one block and head."""

    stage: Stage
    seen: Seen

    @property
    def name(self) -> str:
        block = self.seen.block + 1 if self.stage.per_block else ""
        head = self.seen.head + 1 if self.stage.per_head else ""
        return f"{self.stage.key} {block} {head}"


def page(
    seen: Seen,
    model: str,
    stages: Sequence[Stage] = STAGES,
    blocks: Sequence[int] | None = None,
    told: Told = lambda done, of: None,
    paper: bool = False,
) -> Html:
    """The file. seen: the pass, and the block, head and token it opens at. model: its key in the catalogue. blocks: those that go
    into the file, from 0; all of them if None. paper: a handout to print, in that block and head alone, where nothing can be
    clicked. Raises ValueError when there is nothing to keep or far too much."""
    blocks = list(range(seen.config.n_layer) if blocks is None else sorted(set(blocks)))
    if not stages or not blocks:
        raise ValueError("choose at least one stage and one block to keep")
    if seen.block not in blocks:
        seen = replace(seen, block=blocks[0])
    store = Store()
    pictures: list[dict[str, Any]] = []
    views, cells = {}, []
    for view in [View(stage, seen) for stage in stages] if paper else every(seen, stages, blocks):
        views[view.name], numbers = looked_at(view, pictures, store)
        cells += [] if paper else accounts.of_token(seen, numbers)
    cells = list(dict.fromkeys(cells))
    content = {
        "title": "gptviz",
        "paper": paper,
        "stages": [about(stage) | {"view": View(stage, seen).name} for stage in stages],
        "blocks": [block + 1 for block in blocks],
        "layers": seen.config.n_layer,
        "heads": seen.config.n_head,
        "head": seen.head + 1,
        "opens": seen.block + 1,
        "token": seen.labels[seen.row],
        "views": views,
        "pictures": pictures,
        "usual": usual(pictures),
        "shared": SHARED,
        "deeper": dict(style.DEEPER["light"]),
        "accounts": accounts.keep(seen, cells, store, lambda done: told(done, len(cells))),
    }
    sentence = tokenizer.in_one_line(seen.text)
    return html(sentence[:60], sentence, badges(seen), source(seen, model, paper), store.pack(content), paper)


def looked_at(view: View, pictures: list[dict[str, Any]], store: Store) -> tuple[dict[str, Any], list[Address]]:
    """What a view holds besides the words of its stage, and the numbers that can be chosen in it. Raises ValueError when all that is
    kept so far is far too much."""
    made = view.stage.picture(view.seen)
    overview = view.stage.overview(view.seen) if view.stage.overview else None
    first = view.stage.first_number(view.seen)
    held = {
        "picture": add(pictures, made, store),
        "overview": add(pictures, overview, store) if overview else None,
        "caption": verbatim.plain(view.stage.caption(view.seen)),
        "question": asked(view),
        "shapes": list(shapes(view)),
        "cell": {"point": first.point, "index": [int(n) for n in first.index]},
        "shown": finite(recompute(view.seen.trace, *first).shown),
    }
    if store.size > LARGEST:
        raise ValueError(
            f"this walk has more than {LARGEST >> 20} MiB of numbers, which is what one file may hold: keep fewer stages or blocks, "
            "or a shorter text"
        )
    return held, [*cells_of(made), *(cells_of(overview) if overview else ()), first]


def every(seen: Seen, stages: Sequence[Stage], blocks: Sequence[int]) -> Iterator[View]:
    """Every stage in every block and head that it has."""
    for stage in stages:
        for block in blocks if stage.per_block else [seen.block]:
            for head in range(seen.config.n_head) if stage.per_head else [seen.head]:
                yield View(stage, replace(seen, block=block, head=head))


def finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def about(stage: Stage) -> dict[str, Any]:
    """The words of a stage, which are the same in every block and head."""
    return {
        "key": stage.key,
        "number": stage.number,
        "short": stage.short,
        "title": stage.title,
        "colour": style.PARTS[stage.part],
        "per_block": stage.per_block,
        "per_head": stage.per_head,
        "prose": [runs(paragraph) for paragraph in stage.prose.split("\n\n")],
        "formula": stage.formula,
    }


def asked(view: View) -> dict[str, Any]:
    """The question of a stage, which may be about the numbers of this block and head."""
    question = view.stage.asked(view.seen)
    return {"ask": question.ask, "choices": list(question.choices), "answer": question.answer, "why": question.why}


def runs(paragraph: str) -> list[tuple[str, str]]:
    """A paragraph of a stage's prose as (kind, text): plain, code or bold."""
    found = []
    for part in re.split(r"(`[^`]+`|\*\*[^*]+\*\*)", paragraph):
        kind = "code" if part.startswith("`") else "b" if part.startswith("**") else ""
        if part:
            found.append((kind, part.strip("`*") if kind else part))
    return found


def shapes(view: View) -> Iterator[tuple[str, str, str]]:
    """What goes in and what comes out: shapes with the names of their axes."""
    stage, trace = view.stage, view.seen.trace
    read = stage.reads(view.seen.block, view.seen.config.n_layer)
    made = stage.named(view.seen)[-1]
    lengths = stage.handed_on(trace.model, *trace.ids.shape) or trace.tensors[made].shape
    yield ("in", *shape(view.seen, read[0], trace.tensors[read[0]].shape)) if read else ("in", "text", "")
    yield "out", *shape(view.seen, made, lengths)


def shape(seen: Seen, point: str, lengths: Sequence[int]) -> tuple[str, str]:
    return f"({', '.join(map(str, lengths))})", " × ".join(seen.trace.axes(point))


# pictures -------------------------------------------------------------------------------------------------------------


def cells_of(made: Picture) -> Iterator[Address]:
    """The numbers of a picture that can be chosen in it."""
    if not isinstance(made, Grid):
        return
    for panel in made.panels:
        if panel.point and not panel.tiles:
            rows, columns = panel.values.shape
            yield from (Address(*panel.cell(row, column)) for row in range(rows) for column in range(columns))


def add(pictures: list[dict[str, Any]], made: Picture, store: Store) -> int:
    """The number of a picture among those that are kept."""
    pictures.append(form(made, store))
    return len(pictures) - 1


@singledispatch
def form(made: Picture, store: Store) -> dict[str, Any]:
    """A picture as js/walk.js draws it. Raises TypeError for one that has no such form."""
    raise TypeError(f"{type(made).__name__} has no form in a kept file")


@form.register
def _(made: Chips, store: Store) -> dict[str, Any]:
    return {"kind": "chips", "html": chips.markup(made, present=False)}


@form.register
def _(made: go.Figure, store: Store) -> dict[str, Any]:
    figure = json.loads(made.to_json(), parse_float=shortest)
    figure["layout"].pop("template", None)
    return {"kind": "chart", "figure": figure}


def shortest(written: str) -> float:
    """A number, in as few digits as tell it from every other number of the model's kind where it is one, which has 32 bits."""
    value = float(written)
    kept = np.float32(value)
    return float(str(kept)) if kept == value else value


@form.register
def _(made: Grid, store: Store) -> dict[str, Any]:
    header, body = opened(grid.payload(made))
    arrays, at = [], 0
    for panel in header["panels"]:
        count = panel["rows"] * panel["cols"]
        kinds = ["<f4" if header["exact"] else "u1", *["u1"] * panel["marked"], *["<u2"] * (panel["pool"] > 1)]
        for kind in kinds:
            values = np.frombuffer(body, kind, count, at)
            arrays.append(store.add(values))
            at += values.nbytes
    return {"kind": "grid", "header": header, "arrays": arrays}


@form.register
def _(made: DropoutStrips, store: Store) -> dict[str, Any]:
    header, body = opened(strips.payload(made))
    return {
        "kind": "dropout",
        "header": header,
        "arrays": [store.add(half) for half in np.split(np.frombuffer(body, "<f4"), 2)],
    }


def usual(pictures: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What panels mostly say, taken out of those that say it; js/kept.js puts it back."""
    panels = [panel for picture in pictures for panel in picture.get("header", {}).get("panels", ())]
    found = {}
    for name in sorted({name for panel in panels for name in panel}):
        if all(name in panel for panel in panels):
            [(most, _)] = Counter(json.dumps(panel[name]) for panel in panels).most_common(1)
            found[name] = json.loads(most)
            for panel in (one for one in panels if json.dumps(one[name]) == most):
                del panel[name]
    return found


def opened(payload: bytes) -> tuple[dict[str, Any], bytes]:
    """The header of a packed picture, without what all share, and its arrays."""
    (size,) = struct.unpack_from("<I", payload)
    header = json.loads(payload[4 : 4 + size])
    return {name: value for name, value in header.items() if name not in SHARED}, payload[4 + size :]


# the page -------------------------------------------------------------------------------------------------------------


WALK = """<button id="theme" type="button">Light or dark</button></header>
<nav id="map" aria-label="The stages of the walk"></nav>
<p id="said" class="hidden" role="status"></p>
<main>
<section aria-label="The picture"><div id="picture"></div><div id="overview" hidden></div></section>
<section id="words" aria-label="The words">
<h1><span id="number" class="number"></span> <span id="title"></span></h1>
<div id="told"></div>
<div id="prose"></div>
<div id="formula"></div>
<div id="shapes"></div>
<p id="look"></p>
<details id="question"></details>
<div id="account" hidden></div>
</section>
</main>
<div id="bar"><button id="back" type="button">‹ Back</button><span id="count"></span><button id="next" type="button">Next ›</button>
<select id="block" aria-label="Block"></select><select id="head" aria-label="Head"></select></div>
"""
HANDOUT = """</header>
<main id="sheets"></main>
"""


@cache
def script() -> str:
    """All that draws and steps, as one module."""
    joined = [canvas.source().replace("export const { draw }", "const { draw }")]
    for folder, name in MODULES:
        text = (folder / f"{name}.js").read_text(encoding="utf-8")
        own = canvas.EXPORT.findall(text) + re.findall(r"^export async function (\w+)", text, re.MULTILINE)
        lines = (line.strip() for line in text.splitlines())
        inside = "".join(
            f"{line.removeprefix('export ')}\n" for line in lines if line and not line.startswith(("//", "import "))
        )
        joined.append(f"const {{ {', '.join(own)} }} = (() => {{\n{inside}return {{ {', '.join(own)} }}\n}})()")
    return "\n".join([*joined, "await start()"])


def version() -> str:
    """Which gptviz this is."""
    try:
        return f"gptviz {metadata.version('gptviz')}"
    except metadata.PackageNotFoundError:
        return "gptviz, from its source"


def marks(seen: Seen) -> list[tuple[str, str]]:
    """The state every number comes from: kind of badge, and what it says."""
    trace = seen.trace
    found = [("trained", "TRAINED") if weights.is_trained(trace.model) else ("random", "RANDOM INIT")]
    found.append(("train" if trace.dropout else "eval", weights.mode(trace.model, trace.dropout, f"seed {trace.seed}")))
    found += [("train", f"edited: {name}") for name in trace.edits]
    if len(trace.ids) > 1:
        found.append(("eval", f"sentence {seen.item + 1} of {len(trace.ids)}"))
    return found


def badges(seen: Seen) -> Html:
    """The same as badges."""
    return " ".join(f"<span class='badge {kind}'>{verbatim.html(text)}</span>" for kind, text in marks(seen))


def source(seen: Seen, model: str, paper: bool) -> str:
    """What made a file, in words: the model, its state, the pass."""
    entry = catalogue.MODELS.get(model)
    config, (batch, tokens) = seen.config, seen.trace.ids.shape
    kept = "trained" if weights.is_trained(seen.trace.model) else "random, as at initialisation"
    title = entry.title if entry else model
    what = (
        f"Block {seen.block + 1}, head {seen.head + 1}"
        if paper
        else f"Recomputations are kept for token {seen.labels[seen.row]}"
    )
    return (
        f"Model {title}: {config.n_layer} blocks, {config.n_head} heads, {config.n_embd:,} wide, weights {kept}; {seen.trace.state}; "
        f"batch of {batch}, {tokens} token{'s' * (tokens > 1)}. {what}. "
        f"Made by {version()}."
    )


def html(title: str, sentence: str, badges: Html, foot: str, store: str, paper: bool) -> Html:
    """The page around what is kept. title: of the window; sentence: on top; foot: what made it."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="{verbatim.html(version())}">
<title>{verbatim.html(title)} · gptviz</title>
<style>
{(HERE / "walk.css").read_text(encoding="utf-8")}{chips.CSS}</style>
</head>
<body>
<header><span class="name">gptviz</span><span class="sentence">{verbatim.html(sentence)}</span><span id="badges">{badges}</span>
{HANDOUT if paper else WALK}<footer>{verbatim.html(foot)}</footer>
<noscript>This file draws its pictures with JavaScript, which is switched off here.</noscript>
<script id="store" type="text/plain">{store}</script>
<script type="module">
{script()}
</script>
</body>
</html>
"""
