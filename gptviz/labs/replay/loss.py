"""Experiment: the loss of the reader's own sentence, token by token, while the model is trained."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ... import tokenizer, trace
from ...figures import surprisal
from ...stages.stage import Notes, Question
from ...words import percent
from ..context.windows import Predictions, predict
from ..lab import Control, Setting, experiment, once
from . import moments

NOTABLE = 0.005  # nats below which a loss has not visibly fallen


@dataclass(frozen=True, eq=False)
class Losses:
    """The sentence's predictions at the chosen step, and the mean loss of its tokens at every step, (steps,)."""

    now: Predictions
    means: np.ndarray
    start: np.ndarray


def predictions(setting: Setting) -> Predictions:
    """What the setting's model says of the sentence's own tokens; of the pass itself nothing is kept."""
    model, ids = setting.model, setting.ids

    def make() -> Predictions:
        return predict(trace.run(model, ids, points=["logits"]).array("logits")[0], ids)

    return setting.once(("predictions", setting.model_key, ids), make)


@once
def losses_of(setting: Setting) -> Losses:
    made = [predictions(one) for one in moments.every(setting)]
    return Losses(made[moments.place(setting)], np.array([one.loss for one in made]), made[0].surprisals)


def controls(setting: Setting) -> tuple[Control, ...]:
    return (moments.control(setting),)


def pictures(setting: Setting) -> list[go.Figure]:
    ids = moments.now(setting).ids
    if len(ids) < 2:
        return [moments.losses(setting)]
    made = losses_of(setting)
    now = made.now
    gained = made.start - now.surprisals
    most = int(gained.argmax()) if gained.max() >= NOTABLE else -1
    names = moments.now(setting).labels()
    rows = len(now.surprisals)
    return [
        surprisal.bars(
            now.surprisals,
            now.shares,
            [f"{s:.2f}   p = {percent(float(p))}" for s, p in zip(now.surprisals, now.shares)],
            names[:-1],
            [tokenizer.printable(token) for token in ids[1:]],
            uniform=now.uniform,
            uniform_text=f"even guess: {now.uniform:.2f}",
            chosen=most,
            measure="loss",
            title=f"Your sentence at step {setting['step']:,}: loss of each token, mean {now.loss:.2f}{'' if most < 0 else '; blue: fell most'}",
            height=min(290, 120 + 36 * rows) if rows <= surprisal.WRITTEN else 280,
        ),
        moments.losses(setting),
    ]


def caption(setting: Setting) -> str:
    remark = moments.remark(setting)
    ids = moments.now(setting).ids
    if len(ids) < 2:
        return " ".join(filter(None, (remark, "One token has nothing before it to be predicted from: type at least two.")))
    made = losses_of(setting)
    gained = made.start - made.now.surprisals
    if setting["step"] == 0:
        said = (
            f"Random weights guess almost evenly: the mean over your sentence is {made.now.loss:.2f}, an even guess "
            f"{made.now.uniform:.2f}. At the end it is {made.means[-1]:.2f}."
        )
    else:
        best = int(gained.argmax())
        said = (
            f"{moments.in_words(setting)} your sentence costs {made.now.loss:.2f} nats a token; it began at {made.means[0]:.2f} "
            f"and ends at {made.means[-1]:.2f}. "
        )
        said += (
            f'Most was learned about "{tokenizer.printable(ids[best + 1])}" after "{tokenizer.printable(ids[best])}": '
            f"{gained[best]:.2f} nats less than at the start."
            if gained[best] >= NOTABLE
            else "None of its tokens has become cheaper yet."
        )
    if (worse := int((made.now.surprisals > made.now.uniform).sum())) and setting["step"]:
        said += (
            f" {worse} of {len(gained)} tokens {'is' if worse == 1 else 'are'} worse off than with an even guess: all shares add up to 1, so what is given "
            "to some tokens is taken from others."
        )
    return " ".join(filter(None, (remark, said)))


LOSS = experiment(
    r"""# Loss per token

    Training shows the model real text and changes every weight a little, so that the token that really came next gets more
    probability. The price of each token (loss) is minus the logarithm of the probability it got.

    Your sentence was most likely never among that text. At step 0 nothing is known and every token costs about ln 50257. First
    the frequent words become cheap, wherever they stand; then what fits the words before it.

    $$\text{loss}_t = -\ln P(\text{token}_{t+1} \mid \text{token}_0 \ldots \text{token}_t)$$
    """,
    key="loss",
    notes=Notes(
        say="Each token has its price. At step 0 all cost the same; see which becomes cheap first.",
        ask="Which token of this sentence will be cheap first, and why?",
        trap="A falling loss on one sentence is no proof: the model most likely never saw it.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    state=moments.badges,
    question=Question(
        ask="In mini's first 100 steps the loss fell by about 5 nats, in the next 900 by about 1. What is learned first?",
        choices=("Grammar", "Which words are frequent", "The meaning of rare words"),
        answer=1,
        why="Knowing only how often each word occurs already brings the loss from 10.82 to 6.93 on the held-out text.",
    ),
)
