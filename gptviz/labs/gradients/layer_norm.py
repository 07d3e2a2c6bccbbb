"""LayerNorm in three questions: which variance, why an epsilon, what scale and shift do."""

import numpy as np
import plotly.graph_objects as go

from ...figures import distribution, normalisation
from ...figures.depth import tick, written
from ...figures.distribution import Column
from ...figures.matrix import Grid, Panel
from ...figures.table import Table
from ...model import LayerNorm
from ...points import stream_in
from ...stages.layer_norm import moments, normalised
from ...stages.stage import Notes, Question
from ...words import moment
from ..lab import Control, Setting, experiment

TOY = np.array([-1.0, -0.6, -0.2, 0.2, 0.6, 1.0])
MIDDLE = 3.0
EPSILONS = (1e-5, 0.0, 1e-12, 1e-3, 0.1)


def tokens(setting: Setting, name: str = "Token") -> Control:
    labels, count = setting.labels(), len(setting.ids)
    return Control("row", name, "choice", default=count - 1, options=tuple(range(count)), show=lambda row: labels[row])


# ---- biased or unbiased


def variances(row: np.ndarray, n: int) -> tuple[float, float]:
    """The variance of the first n numbers, divided by n (biased) and by n - 1 (unbiased), in double precision."""
    first = row[:n].astype(np.float64)
    return float(first.var()), float(first.var(ddof=1))


def entering(setting: Setting) -> np.ndarray:
    """(token, feature): what the first LayerNorm of the model is given."""
    return setting.trace(points=["drop_emb"]).array("drop_emb")[0]


def variance_pictures(setting: Setting) -> list[go.Figure | Table]:
    row, n = entering(setting)[setting["row"]], setting["n"]
    found = variances(row, n)
    mean = float(row[:n].astype(np.float64).mean())
    return [
        normalisation.excess(n, setting.config.n_embd, height=300),
        Table(
            {
                "variance": ["biased (GPT-2)", "unbiased"],
                "divided by": [str(n), str(n - 1)],
                "its value": [written(value) for value in found],
                "standard deviation": [written(value**0.5) for value in found],
                "the first number becomes": [f"{(row[0] - mean) / (value + setting.config.eps) ** 0.5:.4f}" for value in found],
            },
            note=f"The first {n} of the {len(row):,} numbers of “{setting.labels()[setting['row']]}” that enter block 1.",
        ),
    ]


def variance_caption(setting: Setting) -> str:
    n, width = setting["n"], setting.config.n_embd
    biased, unbiased = variances(entering(setting)[setting["row"]], n)
    said = f"With {n} numbers the unbiased variance is {written(unbiased)} instead of {written(biased)}: larger by exactly 1/{n - 1}"
    said += f", {written(100 / (n - 1))} %."
    return said + (
        f" Over all {width:,} numbers of a row it would be {written(100 / (width - 1))} %."
        if n < width
        else " That is the whole row."
    )


def variance_controls(setting: Setting) -> tuple[Control, ...]:
    width = setting.config.n_embd
    if width == 1:
        raise ValueError("This model is one number wide, and one number has no spread to measure. Choose a wider model.")
    return Control("n", "n: numbers used", "slider", default=min(6, width), options=(2, width, 1)), tokens(setting)


VARIANCE = experiment(
    r"""# Which variance

    LayerNorm divides by the square root of a variance: the mean of the squared distances from the mean. Divide their sum by n and
    you have the spread of these numbers (biased). Divide by n − 1 and you estimate the spread of a larger crowd they were drawn
    from (unbiased).

    GPT-2 was trained with n, so its weights expect n. Between few numbers the choice matters; over a whole row it hardly does.

    $$\sigma^2 = \frac{1}{n}\sum_{i=1}^{n}(x_i-\mu)^2 \qquad \sigma^2_{\text{unbiased}} = \frac{n}{n-1}\,\sigma^2$$
    """,
    key="variance",
    notes=Notes(
        say="Over n or over n - 1: at 3 numbers it matters, at 768 nobody can see it.",
        ask="By how many percent do they differ at 256 numbers?",
        trap="unbiased=False is a choice for LayerNorm, not a mistake in statistics.",
    ),
    controls=variance_controls,
    pictures=variance_pictures,
    caption=variance_caption,
    state=lambda setting: (
        () if setting["n"] == setting.config.n_embd else (f"TOY: first {setting['n']} numbers of a real row",)
    ),
    question=Question(
        ask="With n = 6, how much larger is the unbiased variance?",
        choices=("20 %", "6 %", "0.13 %"),
        answer=0,
        why="6 / 5 = 1.2. At n = 768, GPT-2 small's width, it is 768 / 767: 0.13 %.",
    ),
)


# ---- epsilon


def toy_row(spread: float) -> np.ndarray:
    """(6,) numbers around 3; all exactly 3 at spread 0."""
    return MIDDLE + spread * TOY


def normalise(row: np.ndarray, eps: float) -> np.ndarray:
    """The row after LayerNorm without scale and shift; not a number where 0 is divided by 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (row - row.mean()) / np.sqrt(row.var() + eps)


def eps_pictures(setting: Setting) -> list[Grid | go.Figure]:
    row, eps = toy_row(setting["spread"]), setting["eps"]
    after = normalise(row, eps)
    real = entering(setting).astype(np.float64).var(axis=1)
    panels = [("before", row, (-4.0, 4.0)), ("after LayerNorm", after, (-2.0, 2.0))]
    return [
        Grid(
            panels=tuple(
                Panel(
                    title=title,
                    values=values[None].astype(np.float32),
                    rows=("TOY row",),
                    columns=tuple(str(n) for n in range(len(values))),
                    row_axis="",
                    column_axis="number",
                    limits=limits,
                )
                for title, values, limits in panels
            ),
            per_row=2,
            height=150,
            note="" if np.isfinite(after).all() else "0 / 0: without ε there is no number to write.",
            alt=caption_of(row, eps),
        ),
        normalisation.kept_variance(eps, real, setting.labels(), float(row.var()), height=280),
    ]


def caption_of(row: np.ndarray, eps: float) -> str:
    """The toy row in words."""
    variance = float(row.var())
    if variance == 0:
        return (
            "All six numbers are their own mean, so LayerNorm divides 0 by the square root of 0: not a number, and it would spread to "
            "everything behind it."
            if eps == 0
            else f"All six numbers are their own mean: 0 divided by √{tick(eps)} is 0, six times. Without ε it would be 0 / 0."
        )
    return f"The toy row's variance {written(variance)} becomes {variance / (variance + eps):.4f}: v / (v + ε)."


def eps_caption(setting: Setting) -> str:
    eps = setting["eps"]
    real = entering(setting).astype(np.float64).var(axis=1)
    least = int(real.argmin())
    return (
        f"{caption_of(toy_row(setting['spread']), eps)} Of this sentence, “{setting.labels()[least]}” enters block 1 with the smallest "
        f"variance, {written(real[least])}; after LayerNorm its variance is not 1 but, with ε = {tick(eps)}, {real[least] / (real[least] + eps):.5f}."
    )


EPSILON = experiment(
    r"""# Epsilon

    What is the LayerNorm of 3, 3, 3, 3, 3, 3? Each number minus the mean is 0, and the variance is 0 too. A tiny number under the
    root (epsilon, ε) keeps the division possible.

    The price is small: the variance afterwards is v / (v + ε), a hair under 1. Only rows with hardly any spread notice. Move the
    spread up from 0, and try a larger ε, to see where it begins to bite.

    $$\frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}$$
    """,
    key="epsilon",
    notes=Notes(
        say="Epsilon stands there for one case: a row whose numbers are all the same.",
        ask="What would come out without epsilon, when all numbers are equal?",
        trap="It is added to the variance, before the root, not to the spread.",
    ),
    controls=(
        Control("eps", "ε", "choice", options=EPSILONS, show=tick, help="GPT-2's is 10⁻⁵."),
        Control("spread", "Spread of the TOY row around 3", "slider", default=0.0, options=(0.0, 1.0, 0.01)),
    ),
    pictures=eps_pictures,
    caption=eps_caption,
    state=lambda setting: (
        "TOY row",
        *((f"EDITED: ε = {tick(setting['eps'])}",) if setting["eps"] != setting.config.eps else ()),
    ),
    question=Question(
        ask="What is the LayerNorm of 3, 3, 3, 3, 3, 3?",
        choices=("Six zeros", "Six ones", "Six times 3"),
        answer=0,
        why="Every number is the mean, so 0 is divided by √ε. The row's height, 3, is gone: LayerNorm keeps differences only.",
    ),
)


# ---- scale and shift


def norms(setting: Setting) -> dict[str, tuple[str, str, LayerNorm]]:
    """Every LayerNorm of the model: URL value -> (its name for readers, the point it reads, the module)."""
    found = {}
    for number, block in enumerate(setting.model.blocks):
        found[f"{number + 1}.1"] = (f"block {number + 1}, before attention", stream_in(number), block.norm1)
        found[f"{number + 1}.2"] = (f"block {number + 1}, before feed-forward", f"blocks.{number}.shortcut1", block.norm2)
    last = setting.config.n_layer
    return found | {"final": ("final LayerNorm", stream_in(last), setting.model.final_norm)}


def states(setting: Setting) -> dict[str, np.ndarray]:
    """The chosen token's row: as it comes, normalised, with the sliders' scale and shift, with the model's own. Each (feature,)."""
    _, point, norm = norms(setting)[setting["norm"]]
    row = setting.trace(points=[point]).array(point)[0, setting["row"]]
    unit = normalised(row[None], setting.config.eps)[0]
    own = unit * norm.weight.detach().numpy() + norm.bias.detach().numpy()
    return {
        "Before": row,
        "Normalised": unit,
        "Your scale and shift": (unit * np.float32(setting["scale"]) + np.float32(setting["shift"])).astype(np.float32),
        "The model's own": own,
    }


def scale_pictures(setting: Setting) -> list[go.Figure]:
    rows = states(setting)
    same = (-5.0, 5.0)
    figure = distribution.histograms(
        [
            Column(
                title,
                values[None],
                distribution.limits(values) if title == "Before" else same,
                tuple(f"mean {moment(mean)}\nvar {moment(var)}" for mean, var in moments(values[None])),
            )
            for title, values in rows.items()
        ],
        [setting.labels()[setting["row"]]],
        first=setting["row"],
    )
    figure.update_layout(height=340)
    return [figure]


def scale_caption(setting: Setting) -> str:
    rows = states(setting)
    (mean, variance), (own_mean, own_variance) = (
        moments(rows["Your scale and shift"][None])[0],
        moments(rows["The model's own"][None])[0],
    )
    name, _, norm = norms(setting)[setting["norm"]]
    scale, shift = norm.weight.detach().numpy(), norm.bias.detach().numpy()
    own = (
        f"The model's own ({name}) are still 1 and 0 everywhere, as before any training."
        if (scale == 1).all() and (shift == 0).all()
        else f"The model's own ({name}) differ from feature to feature ({scale.min():.2f} to {scale.max():.2f}, and {shift.min():.2f} to "
        f"{shift.max():.2f}), so the shape changes too: mean {moment(own_mean)}, variance {moment(own_variance)}."
    )
    return (
        f"Your scale {setting['scale']:g} makes the variance {moment(variance)}, its square (less a hair for ε); your shift "
        f"{setting['shift']:g} makes the mean {moment(mean)}. {own}"
    )


def scale_controls(setting: Setting) -> tuple[Control, ...]:
    names = norms(setting)
    return (
        Control("scale", "Your scale γ, for all features", "slider", default=1.5, options=(-2.0, 2.0, 0.1)),
        Control("shift", "Your shift β, for all features", "slider", default=0.5, options=(-2.0, 2.0, 0.1)),
        Control("norm", "LayerNorm", "choice", options=tuple(names), show=lambda key: names[key][0]),
        tokens(setting),
    )


SCALE = experiment(
    r"""# Scale and shift

    After normalising, each feature is multiplied by its own learned number (scale, γ) and another is added (shift, β). They start at
    1 and 0 and change nothing then. Training moves them, so afterwards mean 0 and variance 1 no longer hold, and need not.

    That does not undo the normalisation: whatever comes in, each row is first brought to one scale; γ and β are the same for every
    row. Move yours, for all features alike, and compare with the model's.

    $$y = \gamma \odot \frac{x-\mu}{\sqrt{\sigma^2+\varepsilon}} + \beta$$
    """,
    key="scale-shift",
    notes=Notes(
        say="Mean 0 and variance 1 is only the start: two learned numbers a feature follow.",
        ask="If LayerNorm can undo itself, why have it?",
        trap="After scale and shift the row has no mean of 0 any more, and is not meant to.",
    ),
    controls=scale_controls,
    pictures=scale_pictures,
    caption=scale_caption,
    state=lambda setting: (f"EDITED, third column: γ = {setting['scale']:g}, β = {setting['shift']:g}",),
    question=Question(
        ask="Normalised numbers have variance 1. A scale of 2 makes it:",
        choices=("4", "2", "1"),
        answer=0,
        why="The standard deviation doubles, and the variance is its square.",
    ),
)
