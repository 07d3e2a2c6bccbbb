"""The same text through the same model more than once: train passes differ, eval passes agree, a fan of predictions."""

from dataclasses import dataclass

import numpy as np

from ... import trace, weights
from ...figures import dropout as charts
from ...sampling import softmax
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment
from .places import MODE, TRAINED_RATE, in_force, rate, seed

WORDS = 10  # words a chart names
COUNTS = (5, 10, 25, 50)  # passes of a fan
WORK = 10e9  # parameters x tokens x passes a fan may cost


def printable(setting: Setting, words: np.ndarray) -> list[str]:
    return [setting.word(word) for word in words]


@dataclass(frozen=True, eq=False)
class Pair:
    """Logits of two passes, (token, word) each, and how far they are apart: at most and on average."""

    first: np.ndarray
    second: np.ndarray
    most: float
    mean: float


def pair(setting: Setting) -> Pair:
    """Two passes that are really run: the second one anew even if its seed is the first one's."""
    p = in_force(setting)
    first = setting.trace(dropout=p, seed=setting["seed"], points=("logits",)).array("logits")[0]
    second = setting.trace(dropout=p, seed=setting["other"], points=("logits",), fresh=True).array("logits")[0]
    apart = np.abs(first - second)
    return Pair(first, second, float(apart.max()), float(apart.mean()))


def pair_pictures(setting: Setting) -> list:
    two = pair(setting)
    first, second = two.first[-1], two.second[-1]
    words = np.argsort(-first, kind="stable")[:WORDS]
    return [
        charts.two_passes(
            first[words],
            second[words],
            printable(setting, words),
            names=(f"pass 1, seed {setting['seed']}", f"pass 2, seed {setting['other']}"),
            title=f"Logits after the last token: pass 1's {len(words)} highest of {len(first):,}, and pass 2's",
        )
    ]


def pair_caption(setting: Setting) -> str:
    two = pair(setting)
    count = two.first.size
    if two.most == 0:
        why = "dropout is off, so the seed plays no part" if not in_force(setting) else "the same seed draws the same masks"
        return (
            f"Both passes give the same {count:,} logits, to the last bit: largest difference {two.most:g}. The reason: {why}."
        )
    best = [f'"{setting.word(one[-1].argmax())}"' for one in (two.first, two.second)]
    ranked = f"Both still rank {best[0]} first" if best[0] == best[1] else f"Pass 1 ranks {best[0]} first, pass 2 {best[1]}"
    return (
        f"The {count:,} logits of the two passes differ by up to {two.most:.3f}, on average by {two.mean:.3f}. {ranked}. "
        f"Switch to EVAL: the difference becomes exactly 0."
    )


PASSES = experiment(
    r"""# Two passes

Text and weights are the same. In training mode (TRAIN) every pass draws new masks, so the model computes
with other numbers and its logits differ. In use (EVAL) dropout hands everything on unchanged: two passes agree to the last
bit. Forgetting to switch to EVAL makes a model look as if it could not decide. Masks come from a generator with a seed: the
same seed repeats the same pass, even in TRAIN. Another program may draw others with that seed, so a book's zeros need not be yours.
""",
    key="passes",
    notes=Notes(
        say="Same text, same weights, twice. In TRAIN the answers differ, in EVAL they agree to the last bit.",
        ask="You forget model.eval(): what will your users notice?",
        trap="The seed belongs to the masks. It changes no weight and no prediction in EVAL.",
    ),
    controls=(MODE, rate(TRAINED_RATE), seed(label="Seed of pass 1"), seed("other", "Seed of pass 2", 1)),
    pictures=pair_pictures,
    caption=pair_caption,
    state=lambda setting: (
        (weights.mode(setting.model, setting["p"], f"seeds {setting['seed']} and {setting['other']}"),)
        if setting["mode"] == "train"
        else ("EVAL: dropout off",)
    ),
    question=Question(
        ask="The same text goes through the model twice in TRAIN, with different seeds, then twice in EVAL. Which pairs agree?",
        choices=("Both pairs", "Only the EVAL pair", "Neither"),
        answer=1,
        why="In TRAIN the two passes drop different numbers. In EVAL nothing is random: the difference is exactly 0.",
    ),
)


def affordable(setting: Setting) -> tuple[int, ...]:
    """How many passes a fan may have with this model and text: fewer where one pass costs more."""
    one = sum(setting.config.parameters().values()) * len(setting.ids)
    return tuple(count for count in COUNTS if count == COUNTS[0] or count * one <= WORK)


def prediction(setting: Setting, p: float, seed: int) -> np.ndarray:
    """(word,) probabilities of the next token from one pass; only these are kept of it."""

    def make() -> np.ndarray:
        made = trace.run(setting.model, setting.ids, dropout=p, seed=seed, points=["logits"])
        row = softmax(made.array("logits")[0, -1])
        row.flags.writeable = False
        return row

    return setting.once(("dropout prediction", setting.model_key, setting.ids, p, seed), make)


@dataclass(frozen=True, eq=False)
class Fan:
    """Next-token probabilities. evaluated: (word,) in EVAL. drawn: (passes, word) in TRAIN, seeds 0, 1, 2, ..."""

    evaluated: np.ndarray
    drawn: np.ndarray

    @property
    def winners(self) -> np.ndarray:
        """(passes,) the most probable word of every pass."""
        return self.drawn.argmax(1)


def fan(setting: Setting) -> Fan:
    drawn = np.stack([prediction(setting, setting["p"], seed) for seed in range(setting["passes"])])
    return Fan(prediction(setting, 0.0, 0), drawn)


def fan_pictures(setting: Setting) -> list:
    spread = fan(setting)
    words = np.argsort(-spread.evaluated, kind="stable")[:WORDS]
    won = [int((spread.winners == word).sum()) for word in words]
    return [
        charts.fan(
            spread.drawn[:, words],
            spread.evaluated[words],
            printable(setting, words),
            won,
            title=f"EVAL's {len(words)} most probable next tokens: {len(spread.drawn)} TRAIN passes (dots), EVAL (diamond)",
        )
    ]


def fan_caption(setting: Setting) -> str:
    spread = fan(setting)
    best = int(spread.evaluated.argmax())
    name = f'"{setting.word(best)}"'
    own, first = spread.drawn[:, best], int((spread.winners == best).sum())
    count, kinds = len(own), len(set(spread.winners.tolist()))
    fewer = f" {count} of 50 passes are offered: one costs more here." if affordable(setting)[-1] < COUNTS[-1] else ""
    return (
        f"EVAL gives {name} {percent(float(spread.evaluated[best]))}. {count} TRAIN passes give it from "
        f"{percent(float(own.min()))} to {percent(float(own.max()))}, {percent(float(own.mean()))} on average, "
        f"and rank it first in {first} of {count}; {kinds} different word{'s' * (kinds != 1)} win{'s' * (kinds == 1)}.{fewer}"
    )


def fan_controls(setting: Setting) -> tuple[Control, ...]:
    counts = affordable(setting)
    return (rate(TRAINED_RATE), Control("passes", "Train passes", "choice", counts[-1], counts))


FAN = experiment(
    r"""# A fan of predictions

Each mask leaves a thinner network, and each gives its own prediction for the next token. Training with dropout updates all of
these thinner networks at once, because they share their weights; then the whole network, which answers alone in use, stands in
for the average of the fan, which it need not equal. A model trained without dropout never met these networks: its fan lies apart.
""",
    key="fan",
    notes=Notes(
        say="Each mask is a thinner network with an opinion of its own. EVAL asks the whole network once.",
        ask="Where in the fan would you expect the whole network to stand?",
        trap="EVAL is not the mean of the fan: what follows dropout bends, so it is only near it.",
    ),
    controls=fan_controls,
    pictures=fan_pictures,
    caption=fan_caption,
    state=lambda setting: (weights.mode(setting.model, setting["p"], f"seeds 0 to {setting['passes'] - 1}"), "EVAL"),
    question=Question(
        ask="Is the mean of the 50 TRAIN predictions the prediction of the EVAL pass?",
        choices=("Yes, exactly", "Only roughly", "Yes, with enough passes"),
        answer=1,
        why="1/(1-p) keeps the mean of what enters a layer. GELU, LayerNorm and softmax bend it, and a bent mean is not "
        "the mean of what was bent: more passes do not close the gap.",
    ),
)
