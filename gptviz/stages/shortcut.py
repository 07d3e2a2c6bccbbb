"""The shortcut of a block: what a sublayer adds to the stream (He et al. 2016), in steps 5.4 and 5.8."""

import math

import numpy as np

from ..figures.matrix import Grid
from ..seen import Seen
from ..words import fixed, size
from . import addition


def picture(seen: Seen, points: tuple[str, str, str], sublayer: str, part: str) -> Grid:
    """The stream, plus what the sublayer adds, is the new stream. points: of the three."""
    return addition.picture(
        seen,
        points,
        ("Stream that came in", f"What {sublayer} adds", "New stream"),
        ("residual", part, "residual"),
        alt=f"Three strips in block {seen.block + 1}: the stream, what {sublayer} adds, and their sum, number by number.",
    )


def caption(seen: Seen, points: tuple[str, str, str], sublayer: str) -> tuple[str, ...]:
    """Lengths of the three vectors of the chosen token, how far the sum turned, and one number's sum."""
    row = seen.row
    before, added, after = (seen.array(point)[row] for point in points)
    norms = addition.lengths(np.stack((before, added, after)))
    long = [size(float(length)) for length in norms]
    turn = addition.cosine(before, after)
    angle = math.nan if math.isnan(turn) else math.degrees(math.acos(max(-1.0, min(1.0, turn))))
    turned = "" if math.isnan(turn) else f", turned by {angle:.0f}° (cosine {fixed(turn)})"
    first = (
        ()
        if long[0] == "0" or norms[1] < 2 * norms[0]
        else ("More is added here than came in: in this block the vector is made anew.",)
    )
    return (
        f"{seen.quoted(row)} comes in with length {long[0]}, {sublayer} adds {long[1]}, and it leaves with {long[2]}{turned}.",
        f"{addition.written_out(before, added, after, ('stream', 'added')).capitalize()}.",
        *first,
    )
