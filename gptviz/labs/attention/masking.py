r"""# Four masks

No token may read a later one. There are several ways to try that with the same scores; look at what is left for the future.

1: Without a mask, later tokens get their full share. 2: Zeros in place of their scores do not help, since the exponential of 0
is 1. 3: Minus infinity has the exponential 0; this is what the model does. 4: Later shares set to 0 after the softmax leave
rows short of 1; divided by what is left, they are the same as in 3.

$$e^{-\infty} = 0, \qquad e^{0} = 1$$
"""

import math
from dataclasses import dataclass

import numpy as np

from ...figures.forms import Picture
from ...figures.matrix import Grid
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment, once
from ..subjects.heads import attention, chosen_head, first_head, head_control, place, quoted, token_control, weights_panel

TELLING = 0.1  # of a row, that zeros leave to the future: enough to be seen


def softmax(scores: np.ndarray) -> np.ndarray:
    """Rows of scores -> rows that sum to 1; minus infinity becomes 0."""
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@dataclass(frozen=True, eq=False)
class Masks:
    """The same scores masked in four ways, each (query, key). left: (query,) what the rows of `after` summed to before they
    were divided by it. largest: the mean over rows of the largest weight with minus infinity."""

    none: np.ndarray
    zeros: np.ndarray
    infinity: np.ndarray
    after: np.ndarray
    left: np.ndarray

    @property
    def largest(self) -> float:
        return float(self.infinity.max(1).mean())


def masks(scores: np.ndarray) -> Masks:
    """scores: (query, key), unmasked, already scaled or not. Computed in float64."""
    scores = scores.astype(np.float64)
    future = np.triu(np.ones(scores.shape, dtype=bool), 1)
    none = softmax(scores)
    kept = np.where(future, 0, none)
    left = kept.sum(1)
    after = np.divide(kept, left[:, None], out=np.full_like(kept, np.nan), where=left[:, None] > 0)
    return Masks(
        none=none,
        zeros=softmax(np.where(future, 0, scores)),
        infinity=softmax(np.where(future, -math.inf, scores)),
        after=after,
        left=left,
    )


@once
def masks_of(setting: Setting) -> tuple[Masks, Masks, np.ndarray]:
    """The masks of the chosen head with its scores as the switch says, and the other way, and the model's own weights."""
    scores, scaled, weights = attention(setting, "scores", "scaled", "weights")
    on, off = masks(scaled), masks(scores)
    return (on, off, weights) if setting["scaling"] else (off, on, weights)


def telling_row(setting: Setting) -> int:
    """Where the row starts: the first one that gives the future a tenth or more although zeros stand there; where none does, the one
    that gives it most. Of the head that is open first."""
    if len(setting.ids) == 1:
        return 0
    block, head = first_head(setting)
    point = f"blocks.{block}.att.scaled"
    found = masks(setting.trace(points=[point]).array(point)[0, head]).zeros
    future = np.triu(found, 1).sum(1)
    return int((future >= TELLING).argmax() if (future >= TELLING).any() else future.argmax())


def controls(setting: Setting) -> tuple[Control, ...]:
    size = setting.config.head_size
    return (
        head_control(setting),
        token_control(setting, "row", "Row: the token that reads", telling_row(setting)),
        Control("scaling", f"Divide scores by √{size}", "switch", default=True, help="The model does. Off is a change."),
    )


def state(setting: Setting) -> tuple[str, ...]:
    if setting["scaling"]:
        return ("A VIEW: 1, 2 and 4",)
    return (f"EDITED: scores not divided by √{setting.config.head_size}",)


def split(weights: np.ndarray) -> tuple[str, ...]:
    """A row's share for itself and earlier tokens, plus its share for later ones."""
    past = np.tril(weights).sum(1)
    return tuple(f"{kept:.2f} + {rest:.2f}" for kept, rest in zip(past, weights.sum(1) - past))


def pictures(setting: Setting) -> list[Picture]:
    made, _, weights = masks_of(setting)
    model = setting["scaling"]
    marked = {"side_title": "past + future"}
    grid = Grid(
        panels=(
            weights_panel(setting, "1 No mask", made.none, marks=None, side=split(made.none), **marked),
            weights_panel(setting, "2 Zeros", made.zeros, marks=None, side=split(made.zeros), **marked),
            weights_panel(
                setting,
                "3 −∞: the model" if model else "3 −∞",
                weights if model else made.infinity,
                side=split(weights if model else made.infinity),
                **(place(setting, "weights") if model else {}),
                **marked,
            ),
            weights_panel(
                setting,
                "4 After softmax",
                made.after,
                side=tuple(f"{left:.2f} → {total:.2f}" for left, total in zip(made.left, made.after.sum(1))),
                side_title="sum",
            ),
        ),
        per_row=2,
        selected=setting["row"],
        note=(
            "Only 3 is the model; 1, 2 and 4 are computed from its scores."
            if model
            else "None of these is the model: it divides its scores first."
        ),
        height=460,
        alt="Four attention maps from the same scores: no mask, zeros, minus infinity before softmax, zeroed after softmax.",
    )
    return [grid]


def caption(setting: Setting) -> str:
    made, other, _ = masks_of(setting)
    size, row = len(setting.ids), setting["row"]
    name = quoted(setting, row)
    block, head = chosen_head(setting)
    later = size - 1 - row
    if size == 1:
        return "One token has no future: all four masks give the same single 1."
    on, off = (made, other) if setting["scaling"] else (other, made)
    scaling = (
        f"The largest weight of a row is {percent(on.largest)} on average with scaling, {percent(off.largest)} without "
        f"(−∞ mask, block {block + 1}, head {head + 1})."
    )
    if not later:
        return f"{name} is the last token: nothing comes after it, so its row is the same in all four. {scaling}"
    gap = np.abs(made.infinity - made.after)[np.isfinite(made.after)].max(initial=0)
    tokens = "the later token" if later == 1 else f"the {later} later tokens"
    return (
        f"{name} gives {tokens} {percent(made.none[row, row + 1 :].sum())} without a mask, "
        f"{percent(made.zeros[row, row + 1 :].sum())} with zeros, and 0 with −∞. Pictures 3 and 4 differ by at most {gap:.1g}. "
        f"{scaling}"
    )


MASKING = experiment(
    __doc__,
    key="masks",
    notes=Notes(
        say="Three of four ways look right until you ask what is left for the future.",
        ask="Every row sums to 1: does that prove the mask works?",
        trap="A score of 0 is not nothing: e to the 0 is 1, and takes its share.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    own=lambda setting: setting.trace(),
    state=state,
    question=Question(
        ask="You fill the future's scores with 0 and then take the softmax. What do the rows sum to?",
        choices=("Less than 1", "Exactly 1, but part of it lies in the future", "More than 1"),
        answer=1,
        why="Softmax makes every row sum to 1 whatever goes in, so a right sum proves nothing. Each 0 becomes an exponential "
        "of 1 and takes its share; only minus infinity takes none.",
    ),
)
