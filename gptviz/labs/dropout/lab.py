"""The dropout lab: zeros, survivors, and why two passes differ."""

import numpy as np

from ...figures import style
from ...figures.strips import DropoutStrips
from ...hooks import noise
from ...points import dropout_site
from ...stages.stage import Notes, Question
from ..lab import Control, Lab, Setting, experiment
from .masks import COUNTS, SPREAD, SUMS
from .passes import FAN, PASSES
from .places import EVERYWHERE, MODE, PLACES, RATES, badge, block, divided, fixed, head, in_force, passed, place, seed

ROWS = 16  # tokens shown at a time


def shown_rows(setting: Setting) -> range:
    """The rows on screen: all, or as many as can be read, up to the chosen last one."""
    stop = setting.values.get("last", len(setting.ids) - 1) + 1
    return range(max(0, stop - ROWS), stop)


def survivor(values: np.ndarray, draws: np.ndarray) -> int:
    """Among the quarter of a row's numbers that are largest, the one that survives longest as p rises."""
    size = np.abs(values)
    return int(np.where(size >= np.quantile(size, 0.75), draws, -1).argmax())


def strips(setting: Setting) -> DropoutStrips:
    """Before, mask and after at the chosen place in the real pass, with the noise that decided."""
    seen, before, after = passed(setting)
    chosen = PLACES[setting["place"]]
    rows, weights = shown_rows(setting), setting["place"] == "weights"
    part = (slice(rows.start, rows.stop), slice(rows.stop if weights else None))  # no shown query may read a later key
    prefix = seen.prefix(after)
    values = seen.array(before)[part]
    draws = noise(tuple(seen.trace[after].shape), setting["seed"], dropout_site(after)).numpy()[prefix][part]
    row = len(rows) - 1
    readable = rows[row] + 1 if weights else None
    where = f"Block {setting['block']}" + f", head {setting['head']}" * weights + ". "
    limits = (0.0, 1.0) if weights else tuple(2 * limit for limit in style.robust_limits(values, "signed"))
    p = in_force(setting)
    return DropoutStrips(
        title=chosen.label,
        values=values,
        noise=draws,
        rows=setting.labels()[rows.start : rows.stop],
        p=setting["p"],
        limits=limits,
        chosen=(row, survivor(values[row][:readable], draws[row][:readable])),
        on=setting["mode"] == "train",
        kind="weights" if weights else "strips",
        first=rows.start,
        point=after,
        prefix=prefix,
        part=chosen.part,
        span=RATES,
        source=f"{where if setting['place'] != 'embedding' else ''}The model's own pass in "
        + (f"TRAIN, p = {p:g}, seed {setting['seed']}." if setting["mode"] == "train" else "EVAL."),
        note="" if len(rows) == len(setting.ids) else f"Rows {rows[0]} to {rows[-1]} of {len(setting.ids)} tokens.",
        alt=f"{chosen.label} of {len(rows)} tokens before dropout, its mask and the result.",
    )


def caption(setting: Setting) -> str:
    """From the pass itself: zeros of the last shown row, one survivor, and what became of size or sum."""
    seen, before, after = passed(setting)
    picture = strips(setting)
    row, column = picture.chosen
    at = shown_rows(setting)[row]
    x, y = seen.array(before)[at], seen.array(after)[at]
    name = f'"{picture.rows[row]}"'
    site = f"place {dropout_site(after) + 1} of {seen.trace.config.dropout_sites}"
    if setting["mode"] == "eval":
        return f"In EVAL dropout hands on all {x.size} numbers of {name} unchanged, whatever p says. This is {site}."
    p, readable = setting["p"], picture.open[row]
    fell, count = int(picture.zeros(p)[row]), int(readable.sum())
    expected = f"{count * p:.1f} ± {np.sqrt(count * p * (1 - p)):.1f}"
    what = "weights" if picture.kind == "weights" else "numbers"
    said = f"{fell} of {count} {what} of {name} fall, {expected} expected at p = {p:g} ({site})."
    if y[column]:
        said += f" One survives: {divided(float(x[column]), 1 - p)}."
    if picture.kind == "weights":
        return f"{said} The row added up to {x.sum():.2f}, now to {y.sum():.2f}."
    times = f": × {y.std() / x.std():.2f}; over many masks × 1/√(1 − p) = {1 / np.sqrt(1 - p):.2f}" if x.std() else ""
    return (
        f"{said} The row's mean goes from {fixed(x.mean())} to {fixed(y.mean())}, its spread from {x.std():.3f} to "
        f"{y.std():.3f}{times}."
    )


def controls(setting: Setting) -> tuple[Control, ...]:
    size = len(setting.ids)
    names = setting.labels()
    last = Control("last", "Last token shown", "choice", min(ROWS, size) - 1, tuple(range(size)), show=lambda n: names[n])
    rate = Control("p", "Dropout rate p", "live", 0.5, RATES)
    return (place(), block(setting), head(setting), seed(), MODE, rate) + ((last,) if size > ROWS else ())


DRAG = experiment(
    r"""# Drag p

In training, each number is set to 0 with probability p and the others are multiplied by 1/(1-p). Nothing is picked because it
is weak or lazy: every value gets a random number between 0 and 1 (the noise) and falls where that is below p. Drag p: the noise
stays, the threshold moves, so raising p only adds zeros. Let go and the whole model runs with that p, at all its places at
once. A new seed draws new noise. GPT-2's published configuration has p = 0.1.

$$\tilde x = \frac{x \cdot \mathbf{1}[u \ge p]}{1 - p}, \qquad u \sim U(0, 1)$$
""",
    key="drag",
    notes=Notes(
        say="The noise stands still, only the threshold moves. Drag from 0 to 0.9 and watch one cell fall and stay fallen.",
        ask="Which cells fall next when I raise p a little?",
        trap="Nothing falls because it is weak: the largest number has the same chance as the smallest.",
    ),
    controls=controls,
    pictures=lambda setting: [strips(setting)],
    caption=caption,
    state=badge,
    question=Question(
        ask="At p = 0.1, what are the surviving numbers multiplied by?",
        choices=("0.9", "1.11", "10"),
        answer=1,
        why="1/(1 − 0.1) = 1.11: nine tenths survive and together keep the average. 1/p, which would be 10, enters nowhere.",
    ),
)

LAB = Lab(
    key="Dropout",
    title="Dropout",
    about="Zeros, survivors, and why two passes differ",
    experiments=(DRAG, COUNTS, SPREAD, SUMS, PASSES, FAN, EVERYWHERE),
)
