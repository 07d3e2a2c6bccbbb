"""Dropout on the stream's features (Srivastava et al. 2014): what steps 4, 5.3 and 5.7 show alike."""

from dataclasses import replace

import numpy as np

from ..figures import style
from ..figures.matrix import DROPPED, Grid, Panel
from ..hooks import noise
from ..points import dropout_site
from ..seen import Seen
from ..trace import Trace
from ..weights import dropout_history
from ..words import fixed, size
from . import addition, present

DIGITS, MOST_DIGITS = 3, 8  # after the point, of numbers that are written out
FEATURES = (512, 128)  # strips above and beside each other: cells that each get a pixel, so that no zero is hidden


def factors(seen: Seen, point: str) -> np.ndarray:
    """(token, feature) or (query, key): what every number of the viewed sentence (and head) was multiplied by."""
    whole = seen.trace.factors(point)
    rows = seen.size
    return whole[seen.prefix(point)][:rows, : rows if seen.trace.axes(point)[-1] == "key" else None]


def expected(count: int, rate: float) -> tuple[float, float]:
    """How many of `count` numbers fall on average, and the usual distance from that (standard deviation)."""
    return count * rate, float(np.sqrt(count * rate * (1 - rate)))


def mask_limits(trace: Trace) -> tuple[float, float]:
    """Colours for factors: what survives is half-way up, so that the crosses of what fell can be seen beside it."""
    return 0.0, 2 / (1 - trace.dropout)


def history(seen: Seen) -> str:
    """A sentence on whether the model on screen was trained with dropout."""
    return f"This model was {dropout_history(seen.trace.model)}."


SAMPLED = 0.1  # the rate of the pass that is shown where dropout is off


def sampled(seen: Seen, point: str) -> np.ndarray:
    """What dropout would have multiplied every number of the viewed sentence (and head) by, had it been on at this place."""
    kept = noise(seen.trace[point].shape, seen.trace.seed, dropout_site(point)).numpy() >= SAMPLED
    whole = (kept / (1 - SAMPLED)).astype(np.float32)
    return whole[seen.prefix(point)][: seen.size, : seen.size if seen.trace.axes(point)[-1] == "key" else None]


def off(seen: Seen, before: str, after: str, titles: tuple[str, str], part: str) -> Grid:
    """Dropout is off: what goes on as it came, and under it what one pass in training would have made of it here."""
    x, mask = seen.array(after), sampled(seen, after)
    dropped = x * mask
    marks = (DROPPED * (mask == 0)).astype(np.uint8)
    limits = style.robust_limits(np.stack([x, dropped]), "signed")
    lengths = [tuple(size(length) for length in addition.lengths(values)) for values in (x, dropped)]
    what = {"rows": seen.labels, "part": part, "printed": False, "dim": True}
    panels: tuple[Panel, ...] = (
        seen.strip(after, f"{titles[0]}: goes on as it is", part=part, limits=limits, side=lengths[0], side_title="length"),
        Panel(
            title=f"factors of one pass with p = {SAMPLED:g}",
            values=mask,
            kind="weight",
            limits=(0.0, 2 / (1 - SAMPLED)),
            marks=marks,
            joiner="×",
            side=tuple(map(str, (mask == 0).sum(1))),
            side_title="zeros",
            **what,
        ),
        Panel(
            title="what would go on in that pass",
            values=dropped,
            limits=limits,
            marks=marks,
            joiner="=",
            side=lengths[1],
            side_title="length",
            **what,
        ),
    )
    shown = FEATURES[len(x) > addition.STACKED]
    if shown < x.shape[1]:
        panels = tuple(present.crop(panel, tuple(range(len(x))), tuple(range(shown)), printed=False) for panel in panels)
    return Grid(
        panels=panels,
        per_row=1 if len(x) <= addition.STACKED else 3,
        selected=seen.row,
        note="Dropout is off: only the first picture is this pass. The others are an example, drawn for this step alone.",
        alt=f"{titles[0]}, unchanged as dropout is off; and an example of what a pass with p = {SAMPLED:g} would set to 0.",
    )


def picture(seen: Seen, before: str, after: str, titles: tuple[str, str], part: str) -> Grid:
    """Before x factors = after, as three strips, zeros and lengths beside them. before, after: points. titles: of the two."""
    if not (seen.trace.dropout or seen.present):
        return off(seen, before, after, titles, part)
    x, y = seen.array(before), seen.array(after)
    mask = factors(seen, after)
    width = x.shape[1]
    fell = (mask == 0).sum(1)
    mean, spread = expected(width, seen.trace.dropout)
    marks = (DROPPED * (mask == 0)).astype(np.uint8)
    limits = style.robust_limits(np.stack([x, y]), "signed")
    lengths = [tuple(size(length) for length in addition.lengths(values)) for values in (x, y)]
    first = seen.strip(before, titles[0], part=part, limits=limits, side=lengths[0], side_title="length")
    middle = Panel(
        title=f"factors, 0 or {1 / (1 - seen.trace.dropout):.3g}" if seen.trace.dropout else "factors, all 1",
        values=mask,
        rows=seen.labels,
        kind="weight",
        limits=mask_limits(seen.trace),
        point=f"mask:{after}",
        prefix=seen.prefix(after),
        marks=marks,
        part=part,
        joiner="×",
        side=tuple(map(str, fell)),
        side_title="zeros",
        printed=False,
    )
    last = seen.strip(
        after,
        titles[1],
        part=part,
        limits=limits,
        joiner="=",
        marks=marks,
        side=lengths[1],
        side_title="length",
    )
    panels: tuple[Panel, ...] = (first, middle, last)
    note = f"Expected zeros a token: {mean:.1f} of {width}, give or take {spread:.1f}." if seen.trace.dropout else ""
    left_out = ""
    shown = FEATURES[len(x) > addition.STACKED]
    if shown < width and not seen.present:
        every = tuple(range(len(x)))
        panels = tuple(present.crop(panel, every, tuple(range(shown)), printed=False) for panel in panels)
        left_out = f"The first {shown} of {width} features; zeros and lengths are of all."
    if seen.present:
        row = seen.row
        panels, left_out = present.strips(
            seen,
            *(replace(panel, side=(), side_title="") for panel in panels),
            around=beside_a_zero(survivor(x[row], y[row], mask[row], seen.trace.dropout) or 0, mask[row]),
        )
    return Grid(
        panels=panels,
        per_row=1 if seen.present or len(x) <= addition.STACKED else 3,
        selected=seen.row,
        note=note,
        left_out=left_out,
        alt=(
            f"Three strips: {titles[0]}, the factors dropout multiplied by, {titles[1]}. "
            f"{int(fell.sum())} of {x.size} numbers became 0."
        ),
    )


def beside_a_zero(at: int, mask: np.ndarray) -> int:
    """The middle of the features to show: the one at `at` and, as near as there is one, one that dropout took."""
    fallen = np.flatnonzero(mask == 0)
    if not len(fallen):
        return at
    return (at + int(fallen[np.abs(fallen - at).argmin()])) // 2


def survivor(x: np.ndarray, y: np.ndarray, mask: np.ndarray, rate: float) -> int | None:
    """The largest surviving number whose arithmetic, rounded to DIGITS, also comes out right; None when nothing survived."""
    kept = np.flatnonzero(mask)
    if kept.size == 0:
        return None
    a, b = np.round(x[kept].astype(np.float64), DIGITS), np.round(y[kept].astype(np.float64), DIGITS)
    fits = np.round(a / (1 - rate), DIGITS) == b
    return int(kept[np.argmax(np.where(fits | ~fits.any(), np.abs(x[kept]), -1))])


def divided(x: float, y: float, rate: float) -> str:
    """A survivor's arithmetic, with as many digits as it takes for a calculator to agree: 0.941 ÷ 0.9 = 1.046 would not do."""
    for digits in range(DIGITS, MOST_DIGITS):
        if round(round(x, digits) / (1 - rate), digits) == round(y, digits):
            break
    return f"{fixed(x, digits)} ÷ {1 - rate:.2g} = {fixed(y, digits)}"


def caption(seen: Seen, before: str, after: str) -> tuple[str, ...]:
    """Zeros of the chosen token against the expected number, and one survivor written out; or how to switch it on."""
    row = seen.row
    x, y = seen.array(before)[row], seen.array(after)[row]
    name, width = seen.quoted(row), len(x)
    place = f"place {dropout_site(after) + 1} of {seen.trace.config.dropout_sites}"
    if not seen.trace.dropout:
        same = int((x == y).sum())
        return (
            f"Dropout is off, as it is whenever a model is used: {same} of {width} numbers of {name} are the same before and "
            f"after.",
            f"This is {place} where it acts.",
            history(seen),
        )
    mask = factors(seen, after)[row]
    fell = int((mask == 0).sum())
    mean, spread = expected(width, seen.trace.dropout)
    kept = survivor(x, y, mask, seen.trace.dropout)
    example = (
        () if kept is None else (f"Feature {kept} survives: {divided(float(x[kept]), float(y[kept]), seen.trace.dropout)}.",)
    )
    fallen = f"{fell} of {width} numbers of {name} fall; {mean:.1f} are expected, give or take {spread:.1f}, at p = {seen.trace.dropout:g}."
    return fallen, *example, history(seen)
