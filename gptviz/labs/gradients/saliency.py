"""Which tokens of the sentence the loss is sensitive to."""

import numpy as np
import plotly.graph_objects as go

from ... import sampling, tokenizer
from ...figures import contributions
from ...figures.depth import written
from ...stages.stage import Notes, Question
from ...trace import DAMAGED, NotFinite, Trace
from ...words import percent
from ..lab import Control, Setting, experiment, once
from ..subjects import target
from ..subjects.target import Target

MEASURES = {"length": "length of the gradient", "product": "gradient × input"}


def salience(run: Trace, measure: str) -> np.ndarray:
    """(token,) size of the loss's gradient at each token's input embedding, or its product with that embedding.

    The product is the first-order change of the loss for each 100 % the row is enlarged: below 0, more of this row would make the
    target more probable.
    """
    gradient, row = run.grads["input_emb"][0], run["input_emb"][0]
    found = gradient.double().norm(dim=-1) if measure == "length" else (gradient.double() * row).sum(-1)
    if not found.isfinite().all():
        raise NotFinite(
            f"On its way back the gradient leaves what 32 bits can hold: some of it is infinite or not a number. {DAMAGED}"
        )
    return found.numpy()


@once
def gradients_of(setting: Setting) -> tuple[Target, Trace]:
    aim = target.chosen(setting)
    return aim, setting.trace(points=["input_emb", "logits"], grad=aim)


def pictures(setting: Setting) -> list[go.Figure]:
    aim, run = gradients_of(setting)
    labels = setting.labels()
    return [
        contributions.per_token(
            salience(run, setting["measure"]),
            labels,
            chosen=aim.position,
            title=f"Loss: surprise at {aim.name} after “{labels[aim.position]}”",
            y_title=f"{MEASURES[setting['measure']]}, per token",
            height=410,
        )
    ]


def caption(setting: Setting) -> str:
    aim, run = gradients_of(setting)
    values = salience(run, setting["measure"])
    seen = values[: aim.position + 1]
    most = int(np.abs(seen).argmax())
    later = len(values) - len(seen)
    chance = sampling.softmax(run.array("logits")[0, aim.position])[aim.token]
    name = f"“{most} {tokenizer.printable(setting.ids[most])}”"
    if setting["measure"] == "length":
        share = float(seen[most] / seen.sum()) if seen.sum() else 0.0
        said = f"{name} has the longest gradient, {written(seen[most])}: {percent(share)} of all lengths together."
    else:
        way = "more" if seen[most] < 0 else "less"
        said = f"{name} stands out with {written(seen[most])}: a little more of its row makes {aim.name} {way} probable. "
        said += "Such products are small: LayerNorm takes out most of a row's size."
    after = {0: "", 1: " The token after it gets exactly 0: the prediction does not read it."}.get(
        later, f" The {later} tokens after it get exactly 0: the prediction does not read them."
    )
    return f"The model gives {aim.name} ({aim.origin}) {percent(float(chance))}. {said}{after}"


def controls(setting: Setting) -> tuple[Control, ...]:
    return (
        *target.controls(setting),
        Control("measure", "Measure", "choice", options=tuple(MEASURES), show=lambda key: MEASURES[key]),
    )


EXPERIMENT = experiment(
    r"""# Sensitivity

    Take one prediction and its loss. Follow the gradient all the way back to each token's input embedding: it says how strongly the
    loss would react to a small change of that row (saliency).

    Its length ignores direction. Gradient × input asks about one direction only: a little more of the row as it is. Both hold for
    small changes. They do not tell what the model would say without the word, and they are no reason why it said something.

    $$\text{sensitivity}_t = \left\lVert \frac{\partial\,\text{loss}}{\partial x_t} \right\rVert \quad\text{or}\quad \frac{\partial\,\text{loss}}{\partial x_t}\cdot x_t$$
    """,
    key="sensitivity",
    notes=Notes(
        say="Which row would move the loss most, if it changed a little?",
        ask="Will the most sensitive token be the one that attention reads most?",
        trap="Sensitive is not important: a token can matter through values that hardly bend here.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    edited=True,
    question=Question(
        ask="The loss is about the second token's prediction. What gradient does the third token get?",
        choices=("Exactly 0", "A small one", "The largest, it is the target"),
        answer=0,
        why="The prediction is made without reading later tokens, so nothing about them can change it. As the target, the third token "
        "only chooses which logit the loss is about.",
    ),
)
