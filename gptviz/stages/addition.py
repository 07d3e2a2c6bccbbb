"""One vector per token plus another: three strips, and one number's sum written out."""

import numpy as np

from ..figures import style
from ..figures.matrix import Grid, Panel
from ..seen import Seen
from ..words import MINUS, fixed, size
from . import present

APART = 16  # times longer: in the same colours the shorter strip would look empty
STACKED = 10  # up to this many tokens the strips stand above each other, so that features line up


def lengths(vectors: np.ndarray) -> np.ndarray:
    """The length (norm) of every row."""
    return np.linalg.norm(vectors, axis=1)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of the angle between two vectors; NaN when one of them is all zeros."""
    both = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / both if both else float("nan")


def picture(
    seen: Seen, points: tuple[str, str, str], titles: tuple[str, str, str], parts: tuple[str, str, str], alt: str
) -> Grid:
    """first + second = result as three strips with the same colour limits, the length of every vector beside it."""
    arrays = [seen.array(point) for point in points]
    long = [float(lengths(values)[seen.row]) for values in arrays]
    apart = min(long) * APART < max(long)
    common = style.robust_limits(np.stack(arrays), "signed")
    limits = [None if apart and length * APART < max(long) else common for length in long]
    panels: tuple[Panel, ...] = tuple(
        seen.strip(
            point,
            title,
            part=part,
            joiner=joiner,
            limits=own,
            side=tuple(size(length) for length in lengths(values)),
            side_title="length",
        )
        for point, title, part, joiner, values, own in zip(points, titles, parts, ("", "+", "="), arrays, limits)
    )
    note = left_out = ""
    if apart and min(long):
        short = titles[long.index(min(long))]
        note = (
            f"{short} has colours of its own: of this token it is {max(long) / min(long):.0f} times shorter than the longest."
        )
    if seen.present:
        around = example(*(values[seen.row] for values in arrays))
        panels, left_out = present.strips(seen, *panels, around=around)
        note = ""
    return Grid(
        panels=panels,
        per_row=1 if seen.present or len(arrays[0]) <= STACKED else 3,
        selected=seen.row,
        note=note,
        left_out=left_out,
        alt=alt,
    )


def example(first: np.ndarray, second: np.ndarray, result: np.ndarray) -> int:
    """The feature to write out: the largest of the result whose parts, rounded to three digits, add up, and are not 0."""
    a, b, c = (np.round(values.astype(np.float64), 3) for values in (first, second, result))
    fits = (np.abs(a + b - c) < 5e-4) & (a != 0) & (b != 0)
    return int(np.argmax(np.where(fits | ~fits.any(), np.abs(result), -1)))


def written_out(first: np.ndarray, second: np.ndarray, result: np.ndarray, names: tuple[str, str]) -> str:
    """One number of the result from its parts, as `feature 3: 0.120 (token) + 0.010 (position) = 0.130`."""
    feature = example(first, second, result)
    a, b, c = (float(values[feature]) + 0.0 for values in (first, second, result))  # never minus nothing
    second_term = f"+ {fixed(b, 3)}" if b >= 0 else f"{MINUS} {fixed(-b, 3)}"
    return f"feature {feature}: {fixed(a, 3)} ({names[0]}) {second_term} ({names[1]}) = {fixed(c, 3)}"
