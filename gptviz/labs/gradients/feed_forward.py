"""The feed-forward layer in two questions: why GELU, why four times as wide."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ...config import GPTConfig
from ...figures import activation
from ...figures.table import Table
from ...stages.gelu import gelu
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment

# ---- the curve


def gelu_slope(x: np.ndarray) -> np.ndarray:
    """The derivative of GELU in its tanh form."""
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    bend = np.tanh(inner)
    return 0.5 * (1 + bend) + 0.5 * x * (1 - bend**2) * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0)


def relu_slope(x: np.ndarray) -> np.ndarray:
    """1 above 0 and 0 elsewhere; at the corner itself 0, as torch has it."""
    return (x > 0).astype(np.float64)


FUNCTIONS = {"GELU": (gelu, gelu_slope), "ReLU": (relu, relu_slope)}
FLAT = 0.01  # a slope below this hardly lets a gradient through


def hidden(setting: Setting) -> np.ndarray:
    """(units,) the chosen token's units before the activation."""
    point = f"blocks.{setting['block'] - 1}.ff.hidden"
    return setting.trace(points=[point]).array(point)[0, setting["row"]].astype(np.float64)


def closed(units: np.ndarray) -> tuple[float, float]:
    """The share of units that would let (almost) no gradient through: with GELU, with ReLU."""
    return float((np.abs(gelu_slope(units)) < FLAT).mean()), float((relu_slope(units) < FLAT).mean())


def curve_pictures(setting: Setting) -> list[go.Figure]:
    units = hidden(setting)
    return [
        activation.slopes(
            FUNCTIONS,
            setting["x"],
            units,
            title=f"x = {setting['x']:.2f}; grey: the {len(units):,} units of “{setting.labels()[setting['row']]}”, "
            f"block {setting['block']}",
            height=400,
        )
    ]


def curve_caption(setting: Setting) -> str:
    x = np.array(setting["x"])
    (value, slope), (cut, step) = (tuple(float(one(x)) for one in pair) for pair in FUNCTIONS.values())
    soft, hard = closed(hidden(setting))
    return (
        f"At {x:.2f} GELU gives {value:.4f} with slope {slope:.4f}, ReLU {cut:.4f} with slope {step:.0f}. Of the real units "
        f"behind the curves, ReLU would give {percent(hard)} a slope of 0; with GELU {percent(soft)} have one within {FLAT} of 0."
    )


def curve_controls(setting: Setting) -> tuple[Control, ...]:
    labels, count, layers = setting.labels(), len(setting.ids), setting.config.n_layer
    return (
        Control("x", "x", "slider", default=-0.75, options=(-4.0, 4.0, 0.05)),
        Control(
            "block", "Block", "slider" if layers > 1 else "choice", default=1, options=(1, layers, 1) if layers > 1 else (1,)
        ),
        Control("row", "Token", "choice", default=count - 1, options=tuple(range(count)), show=lambda row: labels[row]),
    )


CURVE = experiment(
    r"""# GELU or ReLU

    Both curves pass large numbers and stop very negative ones. ReLU cuts at 0 with a corner: everything below becomes 0, and its
    slope there is 0, so a unit that is negative for all texts gets no gradient; only earlier layers can bring it back.

    GELU is smooth. Just below 0 it lets small negative numbers through, and its slope is hardly ever exactly 0. It is used because
    it works better in practice. Move x and read both values and both slopes.

    $$\mathrm{GELU}(x) \approx \tfrac{x}{2}\big(1+\tanh(\sqrt{2/\pi}\,(x+0.044715x^3))\big)$$
    """,
    key="gelu",
    notes=Notes(
        say="Put the two curves over each other and look left of 0: there is the whole difference.",
        ask="A unit at -3: what can training still do to it with each of them?",
        trap="GELU is not ReLU made smooth for looks: below 0 it hands on a slope.",
    ),
    controls=curve_controls,
    pictures=curve_pictures,
    caption=curve_caption,
    state=lambda setting: ("ReLU is not in this model",),
    question=Question(
        ask="Where is GELU's slope negative?",
        choices=("Below about −0.75", "Nowhere", "Everywhere below 0"),
        answer=0,
        why="Left of its lowest point, −0.17 at −0.75, the curve climbs back towards 0 as x falls: the slope is slightly negative there.",
    ),
)


# ---- four times


@dataclass(frozen=True)
class Block:
    """Learned numbers of one block, by part."""

    attention: int
    norms: int
    feed_forward: int

    @property
    def total(self) -> int:
        return self.attention + self.norms + self.feed_forward


def block_of(config: GPTConfig, factor: int) -> Block:
    """One block whose feed-forward layer is `factor` times as wide as the stream: two tables and two rows of biases."""
    width, wide = config.n_embd, factor * config.n_embd
    attention = 4 * width * width + (3 * width if config.qkv_bias else 0) + width
    return Block(attention, 4 * width, width * wide + wide + wide * width + width)


def whole(config: GPTConfig, factor: int) -> int:
    """Learned numbers of the whole model at that factor."""
    return config.n_parameters + config.n_layer * (block_of(config, factor).total - block_of(config, 4).total)


def factor_pictures(setting: Setting) -> list[go.Figure | Table]:
    config, chosen = setting.config, setting["factor"]
    factors = np.arange(1, 9)
    blocks = [block_of(config, int(factor)) for factor in factors]
    rows = sorted({4, chosen})
    table = {
        "factor": [f"{factor}{' (GPT-2)' if factor == 4 else ''}" for factor in rows],
        "hidden units": [f"{factor * config.n_embd:,}" for factor in rows],
        "feed-forward": [f"{block_of(config, factor).feed_forward:,}" for factor in rows],
        "whole block": [f"{block_of(config, factor).total:,}" for factor in rows],
        "whole model": [f"{whole(config, factor):,}" for factor in rows],
    }
    return [
        activation.growth(
            factors,
            *(np.array([getattr(block, part) for block in blocks]) for part in ("attention", "norms", "feed_forward")),
            chosen,
            height=300,
        ),
        Table(table, note="Counted from the sizes, not read off a model."),
    ]


def factor_caption(setting: Setting) -> str:
    config, factor = setting.config, setting["factor"]
    block = block_of(config, factor)
    added = whole(config, factor) - config.n_parameters
    changed = "" if factor == 4 else f" The model would have {abs(added):,} {'more' if added > 0 else 'fewer'} in all."
    return (
        f"At factor {factor} the feed-forward layer has {block.feed_forward:,} of the block's {block.total:,} learned numbers, "
        f"{percent(block.feed_forward / block.total)}.{changed}"
    )


FACTOR = experiment(
    r"""# Four times

    The feed-forward layer makes each row four times as wide, bends it, and folds it back to the old width so that it can be added
    to the stream. More hidden units are room for more patterns to look for.

    Four is a choice that works, not a law. It has a price: two tables of width × 4 width make the feed-forward layer the largest
    part of a block. Move the factor and count.

    $$\frac{\text{feed-forward}}{\text{block}} = \frac{2f\,d^2 + (f+1)\,d}{(2f+4)\,d^2 + (f+9)\,d}$$
    """,
    key="four-times",
    notes=Notes(
        say="Wider and narrower again. Move the factor and read how many numbers it costs.",
        ask="Why go up at all, if you come down again?",
        trap="Four is a habit of the family, not a law; no formula asks for it.",
    ),
    controls=(Control("factor", "Expansion factor f", "slider", default=4, options=(1, 8, 1)),),
    pictures=factor_pictures,
    caption=factor_caption,
    state=lambda setting: () if setting["factor"] == 4 else (f"COMPUTED: this model's factor is 4, not {setting['factor']}",),
    question=Question(
        ask="Factor 4: the feed-forward layer holds which part of a block's learned numbers?",
        choices=("About a half", "About two thirds", "About nine tenths"),
        answer=1,
        why="Two tables of 4d² each make 8d²; attention has four of d² each. 8 of 12 is two thirds.",
    ),
)
