"""What reaches each block on the way back from the loss, with and without shortcuts."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ...figures import depth
from ...figures.depth import Line, written
from ...points import stream_in
from ...stages.stage import Notes, Question
from ..lab import Control, Setting, experiment, once
from ..subjects import target
from ..subjects.target import Target

OFF = {"both": "all", "attention": "attention's", "feed-forward": "feed-forward's"}
SHOWN = {"both": "attention and feed-forward", "attention": "attention only", "feed-forward": "feed-forward only"}


@dataclass(frozen=True, eq=False)
class Reach:
    """Sizes of one pass's gradients. weights: (block,) mean |gradient| of the feed-forward layer's first table.
    stream: (block,) length of the gradient of what enters each block, over all tokens. loss: what they are the gradient of."""

    weights: np.ndarray
    stream: np.ndarray
    loss: float


def reach(setting: Setting, aim: Target, edits: tuple[str, ...] = ()) -> Reach:
    """One pass forward and back. The gradient of a table W in h = x W + b is the sum over tokens of x times the gradient of h."""
    layers = setting.config.n_layer
    entering = [stream_in(block) for block in range(layers)]
    run = setting.trace(
        points=[*entering, "blocks.*.norm2", "blocks.*.ff.hidden", "logits"],
        grad=aim,
        edits=edits,
    )
    if not edits:
        run.require_finite()
    tables = [run.tensors[f"blocks.{b}.norm2"][0].T @ run.grads[f"blocks.{b}.ff.hidden"][0] for b in range(layers)]
    return Reach(
        weights=np.array([float(table.abs().mean(dtype=table.dtype)) for table in tables]),
        stream=np.array([float(run.grads[name].norm()) for name in entering]),
        loss=run.loss,
    )


def edits(setting: Setting) -> tuple[str, ...]:
    """What the controls switch off."""
    cut = {"both": ("shortcut:*.1", "shortcut:*.2"), "attention": ("shortcut:*.1",), "feed-forward": ("shortcut:*.2",)}
    return (*cut[setting["off"]], *(("norm:*.1", "norm:*.2") if setting["norms"] else ()))


@once
def reaches_of(setting: Setting) -> tuple[Target, Reach, Reach]:
    """The target, the model as it is, and the edited pass."""
    aim = target.chosen(setting)
    return aim, reach(setting, aim), reach(setting, aim, edits(setting))


def sizes(setting: Setting, found: Reach) -> np.ndarray:
    return found.weights if setting["size"] == "tables" else found.stream


def shares(values: np.ndarray) -> np.ndarray:
    """Sizes as multiples of the last block's; NaN where that is nothing, or more than can be held."""
    last = values[-1]
    return values / last if np.isfinite(last) and last else np.full_like(values, np.nan)


def edited(setting: Setting) -> str:
    """The edit in words."""
    return f"{OFF[setting['off']]} shortcuts off" + (", blocks' LayerNorms off" if setting["norms"] else "")


def pictures(setting: Setting) -> list[go.Figure]:
    aim, plain, cut = reaches_of(setting)
    what = (
        "mean |gradient| of the expanding table"
        if setting["size"] == "tables"
        else "length of the gradient of what enters the block"
    )
    return [
        depth.lines(
            [
                Line("the model as it is", shares(sizes(setting, plain)), "token"),
                Line(f"EDITED: {edited(setting)}", shares(sizes(setting, cut)), "key"),
            ],
            [str(block + 1) for block in range(setting.config.n_layer)],
            x_title="block (the loss is right of the last one)",
            y_title=f"{what}, last block = 1",
            title=f"Loss: surprise at {aim.name} after “{setting.labels()[aim.position]}”",
            height=400,
        )
    ]


def caption(setting: Setting) -> str:
    aim, plain, cut = reaches_of(setting)
    before, after = sizes(setting, plain), sizes(setting, cut)
    first = f"The loss is {plain.loss:.2f} nats for {aim.name} ({aim.origin}); with {edited(setting)} it would be {written(cut.loss)}."
    if len(before) == 1:
        return f"{first} With one block the gradient goes from {written(before[0])} to {written(after[0])}."
    for which, values in (("As the model is", before), ("In the edited pass", after)):
        if not np.isfinite(values).all() or not values.all():
            return f"{first} {which} the gradient leaves what a 32-bit number can hold: some of it is 0 or infinite."
    kept, left = float(before[0] / before[-1]), float(after[0] / after[-1])
    if left < kept / 1.5:
        moral = "Without them a smaller share of it reaches the first block."
    elif left < kept * 1.5:
        moral = "On these weights the ratio hardly depends on it."
    else:
        moral = "Without them a larger share of it reaches the first block."
    return (
        f"{first} The first block gets {written(kept)} times the last one's gradient as the model is ({written(before[0])} of "
        f"{written(before[-1])}), {written(left)} times in the edited pass ({written(after[0])} of {written(after[-1])}). {moral}"
    )


def controls(setting: Setting) -> tuple[Control, ...]:
    return (
        *target.controls(setting),
        Control("off", "Shortcuts off", "choice", options=tuple(OFF), show=SHOWN.get, help="In the orange line only."),
        Control(
            "size",
            "Gradient of",
            "choice",
            options=("tables", "stream"),
            help="tables: the feed-forward layer's first table, which training would change. stream: the numbers that enter a block.",
        ),
        Control("norms", "LayerNorms off", "switch", default=False, help="Those in the blocks, in the orange line only."),
    )


EXPERIMENT = experiment(
    r"""# Way back

    Training asks every number: how would the loss change if you grew a little? That answer is its gradient. It is worked out
    backwards, from the loss to block 1, and every sublayer on the way multiplies it.

    A shortcut is a sum, and a sum hands the gradient on unchanged, so there is always a path that no sublayer can shrink. Here you
    can switch the shortcuts off. No weight is changed: these are the model's own, trained with shortcuts.

    $$\frac{\partial\,\text{loss}}{\partial x} = \frac{\partial\,\text{loss}}{\partial x'}\left(1 + \frac{\partial f(x)}{\partial x}\right),\quad x' = x + f(x)$$
    """,
    key="way-back",
    notes=Notes(
        say="Backwards every sublayer multiplies, but a sum hands the gradient on as it is.",
        ask="What is the shortest way from the loss to block 1?",
        trap="A gradient is a slope at this point, not the step that training takes.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    state=lambda setting: (f"EDITED: {edited(setting)} (orange line)",),
    question=Question(
        ask="Without any shortcut, what is the gradient that reaches block 1 made of?",
        choices=(
            "One product: the slopes of all sublayers behind it",
            "A sum with one term per sublayer",
            "The loss alone, unchanged",
        ),
        answer=0,
        why="Sublayers in series multiply. A shortcut adds 1 to each factor; multiplied out that is a sum over all paths, and one of "
        "them passes no sublayer at all.",
    ),
)
