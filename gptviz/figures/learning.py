"""The loss of a run while it goes on, against the clock: as SVG, which a page can draw again every second without a flicker."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .. import verbatim
from . import style
from .candidates import spread

POINTS = 200  # of the drawn line; of more steps than that it passes through some
SHARE = 1 / 32  # of the run, over whose steps a running mean is taken
TOP = 12.0  # nats: above the loss of an even guess over GPT-2's tokens
WIDTH, HEIGHT = 840, 300
LEFT, RIGHT, UPPER, LOWER = 46, 636, 8, 258  # the frame of the lines, in which the axes end
LABEL = 19  # height of a name


class Level(NamedTuple):
    """A loss to compare with: drawn as a straight line, with its name and number."""

    name: str
    loss: float


class Measured(NamedTuple):
    """A loss that was measured once, after `step` steps."""

    step: int
    seconds: float
    loss: float


class Before(NamedTuple):
    """The held-out losses of an earlier run, to compare with."""

    name: str
    losses: Sequence[Measured]


def losses(
    seconds: Sequence[float],
    batches: Sequence[float],
    held_out: Sequence[Measured],
    *,
    levels: Sequence[Level],
    before: Before | None = None,
    whole: float,
    alt: str,
) -> str:
    """Loss in nats a token over seconds of training, each line named at its end; SVG.

    seconds, batches: of every step, drawn as their running mean, whose last value is the number written at that line. before: the
    held-out line of another run.
    whole: seconds the run may last, which the axis always shows, so that nothing moves but the lines. alt: for a screen reader.
    """
    all_held_out = [*held_out, *(before.losses if before else ())]
    top = max([TOP, *(one.loss + 0.6 for one in all_held_out)])

    def across(time: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * min(time / whole, 1), 1)

    def up(loss: float) -> float:
        return round(LOWER - (LOWER - UPPER) * loss / top, 1)

    def line(places: Sequence[tuple[float, float]], name: str, colour: str, dash: str) -> str:
        path = " ".join(f"{across(time)},{up(loss)}" for time, loss in places)
        return f"<polyline class='{name}' points='{path}' fill='none' stroke='{colour}' stroke-width='2.5' stroke-dasharray='{dash}'/>"

    grey, blue, orange = (style.PARTS[part] for part in ("residual", "token", "key"))
    named = [(level.name, level.loss, grey, "7 5") for level in levels]
    means = list(zip(seconds, running(seconds, batches, whole), strict=True))
    if means:
        named.append(("batches just read", means[-1][1], blue, "none"))
    if held_out:
        named.append(("held-out text", held_out[-1].loss, orange, "3 3"))
    if before:
        named.append((before.name, before.losses[-1].loss, style.PARTS["value"], "2 5"))
    drawn = [_frame(top, whole, across, up)]
    drawn += [
        f"<line x1='{LEFT}' x2='{RIGHT}' y1='{up(level.loss)}' y2='{up(level.loss)}' stroke='{grey}' stroke-width='1.5' "
        "stroke-dasharray='7 5'/>"
        for level in levels
    ]
    if before:
        drawn.append(line([(one.seconds, one.loss) for one in before.losses], "before", style.PARTS["value"], "2 5"))
    drawn.append(line(thinned(means, whole), "batches", blue, "none"))
    drawn.append(line([(one.seconds, one.loss) for one in held_out], "held-out", orange, "3 3"))
    drawn += [
        f"<circle cx='{across(one.seconds)}' cy='{up(one.loss)}' r='4' fill='{orange}'><title>after {one.step:,} steps: held-out text "
        f"{one.loss:.3f}</title></circle>"
        for one in held_out
    ]
    places = spread([loss for _, loss, _, _ in named], LABEL * top / (LOWER - UPPER), 0)
    over = max(0.0, max(places) - top)  # no name above the frame
    for (name, loss, colour, dash), place in zip(named, places):
        at = up(place - over)
        drawn.append(
            f"<line x1='{RIGHT + 8}' x2='{RIGHT + 26}' y1='{at}' y2='{at}' stroke='{colour}' stroke-width='2.5' stroke-dasharray='{dash}'/>"
            f"<text x='{RIGHT + 32}' y='{at + 4.5}'>{verbatim.html(name)} <tspan font-weight='700'>{loss:.2f}</tspan></text>"
        )
    return (
        f"<svg class='losses' viewBox='0 0 {WIDTH} {HEIGHT}' width='100%' role='img' aria-label='{verbatim.html(alt)}' "
        f"fill='currentColor' font-size='14'>{''.join(drawn)}</svg>"
    )


def _frame(top: float, whole: float, across, up) -> str:
    """Grid, numbers and names of the axes."""
    step = 5 if whole <= 40 else 10
    rows = "".join(
        f"<line x1='{LEFT}' x2='{RIGHT}' y1='{up(loss)}' y2='{up(loss)}' stroke='currentColor' stroke-opacity='0.18'/>"
        f"<text x='{LEFT - 6}' y='{up(loss) + 4.5}' text-anchor='end'>{loss}</text>"
        for loss in range(0, int(top) + 1, 2 if top < 16 else 4)
    )
    columns = "".join(
        f"<text x='{across(time)}' y='{LOWER + 18}' text-anchor='middle'>{time}</text>"
        for time in range(0, int(whole) + 1, step)
    )
    middle = (UPPER + LOWER) / 2
    names = (
        f"<text x='{(LEFT + RIGHT) / 2}' y='{HEIGHT - 5}' text-anchor='middle'>seconds of training</text>"
        f"<text transform='translate(14 {middle}) rotate(-90)' text-anchor='middle'>loss, nats a token</text>"
    )
    return rows + columns + names


def running(seconds: Sequence[float], losses: Sequence[float], whole: float) -> list[float]:
    """At every step the mean loss of the batches read in the span of time that ends with it. As much of the clock for every speed:
    over a number of steps it would lag far behind a run that takes few of them."""
    ends = np.asarray(seconds, dtype=float)
    first = np.searchsorted(ends, ends - span(whole), side="right")
    sums = np.concatenate([[0.0], np.cumsum(losses)])
    return ((sums[1:] - sums[first]) / (np.arange(len(ends)) - first + 1)).tolist()


def span(whole: float) -> float:
    """Seconds over which the running mean of a run of `whole` seconds is taken."""
    return whole * SHARE


def thinned(places: Sequence[tuple[float, float]], whole: float) -> list[tuple[float, float]]:
    """The last place in each of POINTS equal stretches of the run that has any."""
    last = {min(int(time / whole * POINTS), POINTS - 1): (time, loss) for time, loss in places}
    return list(last.values())
