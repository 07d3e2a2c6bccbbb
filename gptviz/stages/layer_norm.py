"""LayerNorm (Ba et al. 2016), its two halves apart: what steps 5.1, 5.5 and 6 show alike."""

import numpy as np
import plotly.graph_objects as go

from ..figures import distribution, style
from ..figures.distribution import Column
from ..figures.matrix import Grid, Panel
from ..model import LayerNorm
from ..seen import Seen
from ..words import fixed, moment
from . import present

LINES = (
    "mean = x.mean(",
    "variance = x.var(",
    "normalised = (x - mean)",
    "return normalised * self.weight + self.bias",
)
FIRST = 3  # features written out
NUMBERS = 110  # height of the picture that writes them
HEIGHT = 365  # of the histograms above it
TOKENS = 8  # histograms under each other that can still be read


def normalised(x: np.ndarray, eps: float) -> np.ndarray:
    """(token, feature): mean 0 and variance v / (v + eps) for each row, before scale and shift."""
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + np.float32(eps))


def moments(values: np.ndarray) -> list[tuple[float, float]]:
    """Mean and (biased) variance of every row, in double precision."""
    wide = values.astype(np.float64)
    return list(zip(wide.mean(1).tolist(), wide.var(1).tolist()))


def picture(seen: Seen, before: str, after: str) -> go.Figure:
    """Histograms of each token's numbers: as they come, normalised, and after the learned scale and shift."""
    rows = present.tokens(seen, style.PRESENTED[0] if seen.present else TOKENS)
    x, y = seen.array(before)[list(rows)], seen.array(after)[list(rows)]
    middle = normalised(x, seen.trace.config.eps)
    same_scale = distribution.limits(np.concatenate([middle, y]))
    states = [("Before", x, distribution.limits(x)), ("Normalised", middle, same_scale)]
    if not seen.present:
        states.append(("Scaled and shifted", y, same_scale))
    names = seen.labels
    note = "" if len(rows) == len(names) else f"Tokens {rows[0]} to {rows[-1]} of {len(names)}."
    figure = distribution.histograms(
        [
            Column(
                title,
                values,
                limits,
                tuple(f"mean {moment(mean)}\nvar {moment(variance)}" for mean, variance in moments(values)),
            )
            for title, values, limits in states
        ],
        [names[row] for row in rows],
        first=rows[0],
        chosen=rows.index(seen.row),
        note=note,
        text_size=style.type_size(seen.present, seen.narrow),
        brief=seen.present and seen.narrow,
    )
    return figure if seen.present else figure.update_layout(height=HEIGHT)


def overview(seen: Seen, before: str, after: str) -> Grid:
    """Mean and variance of the chosen token, and its first numbers before, normalised, and scaled and shifted."""
    row = seen.row
    x, y = seen.array(before), seen.array(after)
    states = (
        ("before", x, before, ""),
        ("normalised", normalised(x, seen.trace.config.eps), f"normalised:{after}", "− mean, ÷ spread →"),
        ("scaled, shifted", y, after, "γ, β →"),
    )
    two = np.array([moments(x)[row]], dtype=np.float32)
    panels = [
        Panel(
            title=f"{seen.quoted(row)} before",
            values=two,
            rows=("",),
            columns=("mean", "variance"),
            row_axis="",
            column_axis="",
            point=f"moments:{after}",
            prefix=(seen.item,),
            row_index=(row,),
        ),
        *(
            Panel(
                title=title,
                values=values[row : row + 1, :FIRST],
                rows=("",),
                columns=tuple(map(str, range(min(FIRST, values.shape[1])))),
                row_axis="",
                column_axis="",
                point=point,
                prefix=(seen.item,),
                row_index=(row,),
                joiner=joiner,
            )
            for title, values, point, joiner in states
        ),
    ]
    return Grid(
        panels=tuple(panels),
        per_row=4,
        note=f"The first {FIRST} of {x.shape[1]} features.",
        alt=f"Mean and variance of {seen.quoted(row)}, and its first {FIRST} numbers on their way through LayerNorm.",
        height=NUMBERS,
    )


def caption(seen: Seen, norm: LayerNorm, before: str, after: str) -> tuple[str, ...]:
    """Mean and variance of the chosen token in the three states, and what the scale and shift are."""
    row = seen.row
    x, y = seen.array(before)[row : row + 1], seen.array(after)[row : row + 1]
    (mean, variance), (out_mean, out_variance) = moments(x)[0], moments(y)[0]
    short = seen.trace.config.eps / (variance + seen.trace.config.eps)  # what ε takes off the variance of 1
    unit = f"variance {fixed(1 - short, 4)} (ε takes the rest)" if short > 5e-5 else "variance 1 (what ε takes does not show)"
    scale, shift = norm.weight.detach().numpy(), norm.bias.detach().numpy()
    if (scale == 1).all() and (shift == 0).all():
        learned = "Scale and shift still are 1 and 0, as before any training, so nothing more happens."
    else:
        learned = (
            f"Then the learned scale ({fixed(scale.min())} to {fixed(scale.max())}) and "
            f"shift ({fixed(shift.min())} to {fixed(shift.max())}) make it mean {moment(out_mean)}, "
            f"variance {moment(out_variance)}."
        )
    return (
        f"{seen.quoted(row)} has mean {moment(mean)} and variance {moment(variance)}; normalised, mean 0 and {unit}.",
        learned,
    )
