"""Experiment: one head's attention while the model is trained."""

import numpy as np
import plotly.graph_objects as go

from ... import tokenizer
from ...figures.matrix import Grid
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment, once
from ..subjects.heads import FIRST_ROW, chosen_head, head_control, weights_panel
from . import moments


def controls(setting: Setting) -> tuple[Control, ...]:
    return (moments.control(setting), head_control(moments.end(setting)))


@once
def maps(setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """The chosen head's weights (query, key) at the chosen step and at the end."""
    block, head = chosen_head(setting)
    point = f"blocks.{block}.att.weights"
    return tuple(one.trace(points=(point,)).array(point)[0, head] for one in (moments.now(setting), moments.end(setting)))


def uneven(weights: np.ndarray) -> float:
    """How far the rows are from an even spread over the tokens they may read: half the sum of the absolute differences, from 0
    (even) towards 1, mean over the rows that may read at least two tokens."""
    size = len(weights)
    even = np.tril(np.ones((size, size))) / np.arange(1, size + 1)[:, None]
    return float(np.abs(weights - even).sum(1)[1:].mean() / 2) if size > 1 else 0.0


def pictures(setting: Setting) -> list[Grid | go.Figure]:
    now, end = maps(setting)
    one, other = moments.now(setting), moments.end(setting)
    block, head = (n + 1 for n in chosen_head(setting))
    last = moments.last(setting).number
    panels = [weights_panel(one, f"At step {setting['step']:,}", now)]
    if setting["step"] != last:
        panels.append(weights_panel(other, f"At the end, step {last:,}", end, dim=True))
    return [
        Grid(
            panels=tuple(panels),
            per_row=2,
            alt=f"Attention weights of block {block}, head {head} at step {setting['step']:,} and at step {last:,}.",
            height=330,
        ),
        moments.losses(setting),
    ]


def caption(setting: Setting) -> str:
    now, end = maps(setting)
    block, head = (n + 1 for n in chosen_head(setting))
    ids = moments.now(setting).ids
    if len(ids) == 1:
        alone = "One token reads itself with weight 1 at every step: type at least two."
        return " ".join(filter(None, (moments.remark(setting), alone)))
    said = (
        f"{moments.in_words(setting)} the rows of block {block}, head {head} are {percent(uneven(now))} away from an even spread, "
        f"at the end {percent(uneven(end))}."
    )
    row = len(ids) - 1
    best, final = int(now[row].argmax()), int(end[row].argmax())
    last = tokenizer.printable(ids[row])
    said += f' "{last}" reads "{tokenizer.printable(ids[best])}" most, with {percent(float(now[row, best]))}'
    said += (
        f'; at the end "{tokenizer.printable(ids[final])}", with {percent(float(end[row, final]))}.'
        if (best, setting["step"]) != (final, moments.last(setting).number)
        else "."
    )
    if len(ids) <= FIRST_ROW:
        said += " A longer sentence shows a pattern more clearly."
    return " ".join(filter(None, (moments.remark(setting), said)))


HEADS = experiment(
    r"""# A head learns to look

    With random weights all scores are small, so the softmax gives every token that may be read nearly the same weight: row t
    spreads 1 over t + 1 tokens. That is the staircase at step 0.

    A head gets a habit only where looking at a certain token makes the next token cheaper. Some heads come to read the token
    before, some the first one, some nothing you could name.

    $$\text{at the start: } a_{ij} \approx \frac{1}{i+1} \quad (j \le i)$$
    """,
    key="head",
    notes=Notes(
        say="At step 0 a staircase: everybody reads everybody alike. Then a habit appears.",
        ask="What does the last of four tokens read at step 0?",
        trap="A habit comes because it made a token cheaper, not because somebody wanted it.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    state=moments.badges,
    question=Question(
        ask="At step 0, what does the last of four tokens read?",
        choices=("Itself only", "All four about equally, 25 % each", "The first token"),
        answer=1,
        why="Random weights give scores near 0, and the softmax of equal scores is even.",
    ),
)
