"""Thousands of addresses and texts that nobody would think of: `python benchmarks/fuzz.py addresses --count 3000`.

  addresses  every page, with values good, odd and bad mixed in all its parameters, run as a visit without a browser
  texts      any text at all through the tokenizer, a pass, and stages' pictures, captions and numbers recomputed
  checkpoints  folders as people have them or could make them up: the model that a folder holds, or a refusal that helps

Counted are exceptions on a page, exceptions that reached this script, runs over 10 s, reaches for the network, addresses that a
page wrote and does not read back as they were, and numbers that are not what comes out when they are computed again. A case
depends on --seed and its number alone: `--only NUMBER` repeats one and prints all there is to say. Nothing here is asserted by
the tests.
"""

import argparse
import logging
import math
import socket
import statistics
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import quote, urlencode

import numpy as np
import plotly.graph_objects as go
import torch
from streamlit import config
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import sample_checkpoints
from gptviz import tokenizer, trace, weights
from gptviz.choice import HIDEABLE
from gptviz.figures.forms import to_plotly
from gptviz.figures.matrix import Grid
from gptviz.labs.lab import Control, Lab, Setting
from gptviz.recompute import CLOSE, recompute
from gptviz.seen import Seen
from gptviz.stages import STAGES
from gptviz.ui import cache, carrier, drawers, state
from gptviz.ui.links import LABS

PAGES = ("The walk", *LABS)
SLOW = 10.0  # seconds no run may take
PATIENCE = 300.0  # seconds after which this script waits no more for one
MODELS = ("mini",) * 16 + ("mini-untrained",) * 2 + ("gpt2-untrained",) * 2
SHOWN = 12  # slowest cases, and cases that failed, in the report


# ---- texts

WORDS = ("the", "of", "and", "a", "to", "in", "he", "was", "that", "it", "her", "with", "you", "not", "from", "effort", "moves")
PARTS = {
    "markup": ("<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "</div>", "<b>", "&amp;", "&#0;", "<!--", "]]>"),
    "markdown": ("[x](http://evil.example/)", "![x](http://evil.example/a.png)", "`", "```\n", "**", "__", "# ", "> ", "~~"),
    "directives": (":red[x]", ":material/home:", ":smile:", ":blue-background[", ":streamlit:", "::", ":gray-badge[x]"),
    "latex": ("$x$", "$$\\frac{1}{0}$$", "\\", "\\end{document}", "{", "}", "^", "_", "%", "\\text{", "&", "\\\\"),
    "plotly": ("%{x}", "<br>", "<extra></extra>", "%{customdata[0]}", "<a href='javascript:alert(1)'>x</a>", "#000001"),
    "spaces": (" ", "  ", "\t", "\n", "\r\n", "\r", "\u00a0", "\u2003", "\u3000", "\u200b", "\ufeff", "\u2028", "\f", "\x85"),
    "controls": ("\x00", "\x01", "\x07", "\x08", "\x1b[31m", "\x7f", "\x9f", "\uffff", "\ufffd", "\U0010ffff", "\ue000"),
    "bidi": ("\u202e", "\u202d", "\u2066", "\u2069", "\u200f", "שלום", "مرحبا", "\u061c"),
    "marks": ("e" + "\u0301" * 40, "\u20dd", "ก็", "\u0488", "Z͑ͫ̓ͪ̂ͫ̽", "\u0e49" * 5),
    "emoji": ("🦜", "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇦🇹", "❤️", "\u200d", "\ufe0f", "1️⃣"),
    "scripts": ("漢字", "かな", "한국어", "हिन्दी", "ไทย", "Ελλάδα", "Привет", "ߊߋ", "𐍈𐌰", "𝕏𝕐", "ﬁ"),
    "marks of the tokenizer": ("<|endoftext|>", "<|endoftext", "|>", "Ġ", "Ċ", "·", "↵", "<F0>", "'s", "'ll", "n't"),
    "numbers": ("1234567890", "3.14", "-0", "1e309", "٣٤", "²", "½", "0x1F", "∞", "1,000,000"),
    "addresses": ("?stage=softmax", "%00", "%2e%2e%2f", "../../etc/passwd", "#", "&text=x", "http://[::1]/", "a=b"),
}


def anything(random: Random) -> str:
    """Any code point at all, the halves of pairs among them."""
    return chr(random.choice((random.randrange(0x110000), random.randrange(0x3000), random.randrange(0xD800, 0xE000))))


def text(random: Random, most: int = state.MAX_CHARACTERS) -> str:
    """Mostly short, sometimes as long as may be, or a little longer."""
    kind = random.random()
    if kind < 0.1:
        length = random.choice((0, 1, 2, 5))
    elif kind < 0.96:
        length = random.randrange(1, 40 if kind < 0.85 else 400)
    else:
        length = random.choice((most // 8, most // 2, most - 1, most, most + 1))
    if random.random() < 0.05:
        return (random.choice(WORDS) if random.random() < 0.5 else anything(random)) * length  # one thing over and over
    plain, found = random.random() < 0.4, ""
    while len(found) < length:
        if plain and random.random() < 0.9:
            found += f" {random.choice(WORDS)}"
        else:
            found += anything(random) if random.random() < 0.25 else random.choice(PARTS[random.choice(tuple(PARTS))])
    return found[:length]


def carried(random: Random, most: int = state.MAX_CHARACTERS) -> str:
    """A text as an address can carry it: a half of a pair has no UTF-8."""
    return tokenizer.well_formed(text(random, most))


# ---- addresses

NUMBERS = (
    *("-1", "0", "1", "2", "007", " 5", "+5", "--5", "5.0", "1e3", "-0", "٣", "²", "½", "0x10", "nan", "inf", "-inf", "1_0"),
    *("", "9" * 400, "1e999", "1" * 5000),
)
DERIVED = (
    *("probabilities", "stream", "cosine:tok_emb", "cosine:final_norm", "normalised:final_norm", "mask:drop_emb"),
    *(f"{kind}:blocks.{block}" for kind in ("head_out", "weighted_value", "unit_out") for block in (0, 5, 11)),
    *("mask:blocks.1.att.dropped", "normalised:blocks.0.norm1", "cosine:blocks.2.att.value"),
    *("nothing", "blocks", "blocks.99.norm1", "cosine:", ":", "mask:mask:drop_emb", "cosine:logits"),
)


def cell(random: Random) -> str:
    """A number by its name: often one that there is."""
    points = cache.model("mini").points
    point = random.choice((*points, *DERIVED * 5))
    wide = len(points[point].axes) if point in points and random.random() < 0.9 else random.randrange(1, 8)
    index = [random.choice((0, 0, 1, 2, 3, 7)) if random.random() < 0.95 else 10**7 for _ in range(wide)]
    return f"{point}@{','.join(map(str, [0, *index[1:]]))}"


def key(random: Random) -> str:
    if random.random() < 0.8:
        return random.choice(MODELS)
    return random.choice(("gpt2", "gpt2-xl", "own-abcdefghijklmnop", "minj", "MINI", "mini ", "../mini", ""))


def edit(random: Random) -> str:
    """Names of changes: often some that there are."""
    block, part = random.randrange(1, 14), random.randrange(1, 14)
    some = (f"head:{block}.{part}", f"unit:{block}.{part}", f"norm:{block}.{random.choice((1, 2))}", f"block:{block}")
    names = (
        *some,
        "no-mask",
        "zero-mask",
        "no-scale",
        "position",
        "position:mean",
        "norm:final",
        "post-norm",
        "",
        "head",
        "no-such:1",
    )
    return ",".join(random.choice(names) for _ in range(random.choice((1, 1, 1, 2, 5))))


GOOD: dict[str, Callable[[Random], object]] = {
    "stage": lambda random: random.choice(STAGES).key,
    "text": carried,
    "model": key,
    "beside": key,
    "block": lambda random: random.randrange(1, 14),
    "head": lambda random: random.randrange(1, 14),
    "token": lambda random: random.randrange(-1, 12),
    "dropout": lambda random: random.randrange(0, 91) / 100,
    "seed": lambda random: random.randrange(0, 10**6),
    "more": lambda random: 200 if random.random() < 0.02 else random.choice((0, 1, 2, 3, 8)),
    "second": carried,
    "item": lambda random: random.randrange(2),
    "special": lambda random: random.randrange(2),
    "piece": lambda random: random.randrange(0, 9),
    "step": lambda random: random.randrange(-1, 9),
    "cell": cell,
    "drawer": lambda random: random.choice(tuple(drawers.TITLES)),
    "other": lambda random: random.randrange(2),
    "edit": edit,
    "whatif": lambda random: random.randrange(2),
    "present": lambda random: random.randrange(2),
    "hide": lambda random: ",".join(random.sample(HIDEABLE, random.randrange(1, 4))),
    "cover": lambda random: random.randrange(2),
    "revealed": lambda random: random.randrange(12),
    "read": lambda random: random.randrange(2),
    "lesson": lambda random: random.choice(("demo", "class", "self-study", "none")),
    "stop": lambda random: random.randrange(0, 40),
}
"""A value that each parameter of the walk may well have."""
assert GOOD.keys() == state.PARSERS.keys()


def value(random: Random, good: Callable[[Random], object]) -> str:
    """A parameter's value: mostly one that makes sense, else a number as nobody writes it, or any text."""
    kind = random.random()
    return str(good(random)) if kind < 0.75 else random.choice(NUMBERS) if kind < 0.87 else carried(random, 200)


def moved(control: Control, random: Random) -> str:
    """A value of a control that its lab can write."""
    match control.kind:
        case "switch":
            return random.choice("01")
        case "text":
            return carried(random, 400)
        case "path":
            return ".".join(str(random.randrange(70)) for _ in range(random.randrange(6)))
        case "choice" | "steps":
            return control.write(random.choice(control.options)) if control.options else ""
    low, high, step = control.options
    return control.write(type(step)(low + step * random.randrange(round((high - low) / step) + 1)))


def address(random: Random, only: str = "") -> tuple[str, dict[str, str]]:
    """A page and what its address says."""
    page = only or random.choice(PAGES)
    often = {"stage": 0.9, "text": 0.8, "model": 0.5}
    names = state.PARSERS if page == "The walk" or random.random() < 0.1 else state.SHARED
    wanted = {name: value(random, GOOD[name]) for name in names if random.random() < often.get(name, 0.3)}
    if page in LABS:
        wanted |= of_lab(LABS[page], random, wanted)
    if random.random() < 0.05:
        wanted |= {random.choice(("embed", "nobody", "view", "__proto__")): carried(random, 60)}
    return page, wanted


def of_lab(lab: Lab, random: Random, shared: dict[str, str]) -> dict[str, str]:
    """Parameters of one of its experiments, and sometimes of another one."""
    found, _ = state.from_url(shared)
    model = cache.model(found.model)
    ids = tuple(tokenizer.encode(found.text, special=found.special))[-model.config.context_length :]
    setting = Setting(model, ids, {}, found.text, partial(cache.run, found.model), found.model, cache.once)
    if not lab.experiments:
        return {control.name: value(random, partial(moved, control)) for control in lab.controls if random.random() < 0.5}
    shown, other = random.choice(lab.experiments), random.choice(lab.experiments)
    wanted = {} if random.random() < 0.1 else {"view": value(random, lambda random: shown.key)}
    for one, often in ((shown, 0.5), (other, 0.05)):
        try:
            controls = one.controls_for(setting)
        except ValueError:  # the page says why
            continue
        wanted |= {control.name: value(random, partial(moved, control)) for control in controls if random.random() < often}
    return wanted


def written(page: str, wanted: dict[str, str]) -> str:
    """As one can paste it behind the server's name."""
    return f"/{'' if page == 'The walk' else page}?{urlencode(wanted, quote_via=quote)}"


# ---- outcomes


@dataclass
class Outcome:
    """What became of one case. faults: kind -> what there is to say; counts: of what was looked at."""

    number: int
    kind: str
    what: str
    seconds: float = 0.0
    faults: dict[str, str] = field(default_factory=dict)
    counts: Counter = field(default_factory=Counter)


def visit(number: int, random: Random, only: str = "") -> Outcome:
    """Open an address once, and look at what the page shows and writes."""
    page, wanted = address(random, only)
    found = Outcome(number, page, written(page, wanted))
    app = AppTest.from_file(ROOT / "app.py", default_timeout=PATIENCE)
    app.query_params.update(wanted)
    started = time.perf_counter()
    try:
        app = app.run() if page == "The walk" else app.switch_page(f"pages/{page}.py").run()
    except Exception:  # noqa: BLE001 whatever it is, it is what this script looks for
        found.faults["traceback"] = traceback.format_exc()
        return found
    finally:
        found.seconds = time.perf_counter() - started
    if app.exception:
        found.faults["exception shown"] = "\n".join(f"{one.message}\n{''.join(one.stack_trace)}" for one in app.exception)
    found.counts.update(notes=len(app.warning), errors=len(app.error))
    if page == "The walk" and not app.exception:
        again, notes = state.from_url(
            {name: one if isinstance(one, str) else one[-1] for name, one in app.query_params.items()}
        )
        choice = app.session_state["choice"]
        kept = {name: getattr(choice, name) for name in ("text", "second") if carrier.long(getattr(choice, name))}
        if notes or replace(again, **kept) != choice:  # what no address can carry stays in the tab
            found.faults["address off"] = f"{notes} {again} {choice}"
    return found


def read(number: int, random: Random) -> Outcome:
    """One text through everything that reads it."""
    raw = text(random)
    found = Outcome(number, "refused", repr(raw))
    started = time.perf_counter()
    try:
        _read(raw, random, found)
    except Exception:  # noqa: BLE001 whatever it is, it is what this script looks for
        found.faults["traceback"] = traceback.format_exc()
    found.seconds = time.perf_counter() - started
    return found


def folder(number: int, random: Random) -> Outcome:
    """One folder: its model has the numbers that were written, or the refusal says what it should."""
    kind = random.choice((*sample_checkpoints.GOOD, *sample_checkpoints.BAD))
    with tempfile.TemporaryDirectory() as place:
        expected = sample_checkpoints.write(kind, number, Path(place) / "folder")
        found = Outcome(number, "refused" if expected.words else "opened", kind)
        started = time.perf_counter()
        try:
            model = weights.load(expected.path)
            wanted = dict(expected.model.named_parameters())
            if expected.words or not all(torch.equal(one, wanted[name]) for name, one in model.named_parameters()):
                found.faults["another model"] = kind
        except (weights.CheckpointError, MemoryError) as error:
            if not expected.words or not all(word in str(error) for word in expected.words):
                found.faults["refusal off"] = str(error)
        except Exception:  # noqa: BLE001 whatever it is, it is what this script looks for
            found.faults["traceback"] = traceback.format_exc()
        found.seconds = time.perf_counter() - started
    return found


def _read(raw: str, random: Random, found: Outcome) -> None:
    try:
        given = state.clean_text(raw)
    except state.Rejected as error:
        if raw.strip() and len(raw) <= state.MAX_CHARACTERS:
            found.faults["refused"] = str(error)
        return
    found.kind = "read"
    special = random.random() < 0.2
    ids = tokenizer.encode(given, special=special)
    pieces = tokenizer.pieces(given, special=special)
    if (
        tokenizer.decode(ids) != given
        or "".join(pieces) != given
        or "".join(one.text for one in tokenizer.groups(ids)) != given
    ):
        found.faults["tokens off"] = f"{ids} {pieces}"
    for piece in random.sample(pieces, min(3, len(pieces))):
        if (
            len(piece) < 300
            and piece != tokenizer.END_OF_TEXT
            and list(tokenizer.merges(piece)[-1].ids) != tokenizer.encode(piece)
        ):
            found.faults["merges off"] = repr(piece)
    which = random.choice(MODELS)
    model = cache.model(which)
    window = tuple(ids[-model.config.context_length :])
    rate, seed = random.choice((0.0, 0.0, 0.1, 0.5)), random.randrange(100)
    block = random.randrange(model.config.n_layer)
    seen = Seen(
        trace.run(model, window, dropout=rate, seed=seed, points=cache.points(model, 1, len(window), block)),
        block=block,
        head=random.randrange(model.config.n_head),
        token=random.randrange(-1, len(window)),
        length=len(window),
        present=random.random() < 0.2,
        narrow=random.random() < 0.2,
        text=given,
        piece=random.randrange(len(pieces)),
        step=random.choice((None, 0, 1, 5)),
        cropped=tuple(ids[: len(ids) - len(window)]),
        special=special,
    )
    for stage in random.sample(STAGES, 3):
        look(stage, seen, random, found)


def look(stage, seen: Seen, random: Random, found: Outcome) -> None:
    """A stage's pictures and words, and some of its numbers computed again."""
    pictures = [stage.picture(seen), *([stage.overview(seen)] if stage.overview else [])]
    if not isinstance(stage.caption(seen), str):
        found.faults["no caption"] = stage.key
    figure = to_plotly(pictures[0])
    if not isinstance(figure, go.Figure) or not figure.to_json():
        found.faults["no figure"] = stage.key
    found.counts.update(pictures=len(pictures), captions=1)
    cells: list[tuple[tuple[str, tuple[int, ...]], float | None]] = [(drawers.default_cell(stage, seen), None)]
    panels = [
        one for picture in pictures if isinstance(picture, Grid) for one in picture.panels if one.point and one.values.size
    ]
    for panel in random.sample(panels, min(2, len(panels))):
        row, column = (random.randrange(extent) for extent in panel.values.shape)
        cells.append((panel.cell(row, column), float(panel.values[row, column])))
    for (point, index), drawn in cells:
        made = recompute(seen.trace, point, index)
        found.counts["numbers"] += 1
        same = drawn is None or not math.isfinite(drawn) or abs(drawn - made.shown) <= 1e-5 * max(1.0, abs(made.shown))
        if not same or not made.difference <= CLOSE * max(1.0, abs(made.value)):
            found.faults["number off"] = (
                f"{stage.key} {point}{list(index)}: drawn {drawn}, shown {made.shown}, recomputed {made.value}"
            )


# ---- the whole


def offline() -> list[str]:
    """No connection can be made from now on; the list gets the ones that were tried."""
    tried: list[str] = []

    def refuse(self: socket.socket, where: object) -> None:
        tried.append(str(where))
        raise OSError(f"no network here: {where}")

    socket.socket.connect = refuse  # type: ignore[method-assign]
    return tried


def cases(kind: str, seed: int, numbers: range, page: str) -> Iterator[Outcome]:
    for number in numbers:
        random = Random(f"{kind} {seed} {number}")
        yield (
            visit(number, random, page) if kind == "addresses" else {"texts": read, "checkpoints": folder}[kind](number, random)
        )


def report(found: list[Outcome], tried: list[str]) -> None:
    """A row for each kind of case, then the slowest, then what went wrong."""
    print(f"\n{'':<16}{'cases':>7}{'faults':>8}{f'over {SLOW:g} s':>11}{'median s':>10}{'95 %':>7}{'slowest':>9}   counts")
    for kind in sorted({one.kind for one in found}, key=lambda kind: PAGES.index(kind) if kind in PAGES else 99):
        some = [one for one in found if one.kind == kind]
        taken = sorted(one.seconds for one in some)
        counts = ", ".join(f"{count:,} {name}" for name, count in sum((one.counts for one in some), Counter()).items())
        print(
            f"{kind:<16}{len(some):>7}{sum(bool(one.faults) for one in some):>8}{sum(one.seconds > SLOW for one in some):>11}"
            f"{statistics.median(taken):>10.2f}{taken[int(0.95 * len(taken))]:>7.2f}{taken[-1]:>9.2f}   {counts}"
        )
    faults = Counter(fault for one in found for fault in one.faults)
    print(
        f"\nfaults: {', '.join(f'{count} {fault}' for fault, count in faults.items()) or 'none'}; reaches for the network: {len(tried)}"
    )
    print("\nslowest")
    for one in sorted(found, key=lambda one: -one.seconds)[:SHOWN]:
        print(f"  {one.seconds:6.2f} s  --only {one.number}  {one.what[:150]}")
    for one in [one for one in found if one.faults][:SHOWN]:
        print(f"\n--only {one.number}  {one.what[:400]}")
        for fault, what in one.faults.items():
            print(f"  {fault}: {what.strip()[-1500:]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("addresses", "texts", "checkpoints"))
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, help="this case alone, with everything about it")
    parser.add_argument("--page", choices=PAGES, default="", help="addresses of this page alone; a case is another one then")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)  # without a browser Streamlit complains of it at every turn
    config.set_option("client.showErrorDetails", "full")
    torch.set_num_threads(1)
    np.seterr(all="ignore")
    tried = offline()
    numbers = range(given.first, given.first + given.count) if given.only is None else range(given.only, given.only + 1)
    found = []
    for one in cases(given.kind, given.seed, numbers, given.page):
        found.append(one)
        if given.only is not None:
            print(f"{one.kind}: {one.what}\n{one.seconds:.2f} s, {dict(one.counts)}")
            print("\n".join(f"{fault}: {what}" for fault, what in one.faults.items()) or "nothing wrong")
        elif one.faults or one.seconds > SLOW:
            print(f"{one.number}: {', '.join(one.faults) or 'slow'}, {one.seconds:.1f} s  {one.what[:120]}", flush=True)
    if given.only is None:
        report(found, tried)


if __name__ == "__main__":
    main()
