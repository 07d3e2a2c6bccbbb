r"""# Without the first token

In trained models many heads put much of their weight on the first token, whatever it is: a place to look when there is
nothing to look for (attention sink). Its bright column outshines everything else.

To see the rest, hide that column and divide each row by what remains, so that it sums to 1 again. That is a way to look, not
something the model does: the model mixes with the weights on the left.

$$\text{shown}_{ij} = \frac{a_{ij}}{1 - a_{i0}}, \quad j \ge 1$$
"""

import numpy as np

from ...figures.forms import Picture
from ...figures.matrix import MASKED, PADDING, Grid
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment
from ..subjects.heads import attention, chosen_head, head_control, place, quoted, token_control, unread, weights_panel


def without_first(weights: np.ndarray) -> np.ndarray:
    """(query, key) with column 0 taken away and every row divided by what is left; NaN where nothing is left."""
    rest = weights.astype(np.float64)
    rest[:, 0] = 0
    left = rest.sum(1, keepdims=True)
    return np.divide(rest, left, out=np.full_like(rest, np.nan), where=left > 0)


def controls(setting: Setting) -> tuple[Control, ...]:
    return (
        head_control(setting, "first"),
        token_control(setting, "row", "Row: the token that reads", len(setting.ids) - 1),
        Control("without", "Hide the first token", "switch", default=True),
    )


def state(setting: Setting) -> tuple[str, ...]:
    return ("A VIEW: first token hidden, rows renormalised",) if setting["without"] else ()


def pictures(setting: Setting) -> list[Picture]:
    (weights,) = attention(setting, "weights")
    block, head = chosen_head(setting)
    panels = [
        weights_panel(
            setting,
            f"Block {block + 1}, head {head + 1}: the model",
            weights,
            **place(setting, "weights"),
            side=tuple(f"{share:.2f}" for share in weights[:, 0]),
            side_title="on first",
        )
    ]
    if setting["without"]:
        view = without_first(weights)
        marks = unread(weights)
        marks[:, 0] = MASKED
        marks[~np.isfinite(view).all(1)] = PADDING
        times = np.where(np.isfinite(view).all(1), 1 / np.maximum(weights[:, 1:].sum(1, dtype=np.float64), 1e-300), np.nan)
        panels.append(
            weights_panel(
                setting,
                "A view: first hidden, rows sum to 1",
                view,
                marks=marks,
                side=tuple(f"× {factor:.3g}" if np.isfinite(factor) else "none" for factor in times),
                side_title="raised",
            )
        )
    return [
        Grid(
            panels=tuple(panels),
            per_row=2,
            selected=setting["row"],
            note="Only the left picture is the model." if setting["without"] else "",
            alt=f"Attention weights of block {block + 1}, head {head + 1}"
            + (", and the same without the first token, rows divided by what is left." if setting["without"] else "."),
        )
    ]


def caption(setting: Setting) -> str:
    (weights,) = attention(setting, "weights")
    row = setting["row"]
    first = quoted(setting, 0)
    if row == 0 and not weights[0, 1:].any():
        return f"{first} is the first token and reads only itself: without that weight nothing is left of its row."
    said = f"{quoted(setting, row)} puts {percent(weights[row, 0])} on {first}"
    average = f"over rows 1 and later the mean is {percent(float(weights[1:, 0].mean()))}"
    if not setting["without"]:
        return f"{said}; {average}."
    view = without_first(weights)
    if not np.isfinite(view[row]).all():
        return f"{said}: nothing is left to look at in that row; {average}."
    best = int(view[row].argmax())
    return (
        f"{said}; {average}. Of what is left, "
        f"{quoted(setting, best)} holds {percent(view[row, best])} in the view: {percent(weights[row, best])} in the model."
    )


FIRST_TOKEN = experiment(
    __doc__,
    key="first",
    notes=Notes(
        say="Hide the bright column to see the rest, and say that the model itself never does.",
        ask="Why might a head want a place to look when it needs nothing?",
        trap="These shares are enlarged for the eye: the mixing still uses the small ones.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    edited=True,
    own=lambda setting: setting.trace(),
    state=state,
    question=Question(
        ask="A token puts 80 % on the first token and 10 % on each of two others. What does the view show for those two?",
        choices=("10 % each", "50 % each", "90 % each"),
        answer=1,
        why="The remaining 20 % are raised to 100 %, five times as much. The model itself still mixes in only 10 % of each.",
    ),
)
