"""What changes the number of parameters: the two switches between 124 and 163 million, heads, blocks."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from ...config import PRESETS, GPTConfig
from ...figures import costs
from ...figures.costs import Line, Plot, Stack
from ...stages.stage import Notes, Question
from ..lab import Control, Setting, experiment
from .shape import NAMES, PARTS, configured, controls, presets, shape_text, state, title_of

PUBLISHED = {
    124_412_160: "rounded to 124M",
    124_439_808: "OpenAI's GPT-2 small",
    163_009_536: "the textbook code",
    163_037_184: "the same with biases",
}
"""Where the four totals of GPT-2 small's shape are met."""


def shapes(setting: Setting) -> dict[str, GPTConfig]:
    """Shapes whose totals can be compared: the published ones, mini, and the chosen model when it is none of them."""
    known = {key: PRESETS[key] for key in NAMES}
    return known if setting.config in known.values() else known | {"chosen": setting.config}


def four(config: GPTConfig) -> list[GPTConfig]:
    """The same sizes with the head tied and not, without and with biases for queries, keys and values."""
    return [replace(config, tied_head=tied, qkv_bias=bias) for tied in (True, False) for bias in (False, True)]


def totals_controls(setting: Setting) -> tuple[Control, ...]:
    names = {key: NAMES.get(key) or title_of(setting) for key in shapes(setting)}
    return (Control("shape", "Shape", "choice", "gpt2", tuple(names), show=names.__getitem__),)


def totals_pictures(setting: Setting) -> list[go.Figure]:
    ways = four(shapes(setting)[setting["shape"]])
    counts = [way.parameters() for way in ways]
    return [
        costs.stacked(
            [Stack(name, np.array([count[name] for count in counts]) / 1e6, part) for name, part in PARTS.items()],
            [
                f"head {'tied' if way.tied_head else 'of its own'},\n{'with' if way.qkv_bias else 'no'} Q, K, V bias"
                for way in ways
            ],
            [
                f"{way.n_parameters:,}" + (f"\n {PUBLISHED[way.n_parameters]}" if way.n_parameters in PUBLISHED else "")
                for way in ways
            ],
            unit="million learned numbers",
            title=f"One shape, four totals: {shape_text(ways[0])}",
            height=400,
            room=1.62,
            bold=True,
        )
    ]


def totals_caption(setting: Setting) -> str:
    config = shapes(setting)[setting["shape"]]
    bare, biased, untied, both = (way.n_parameters for way in four(config))
    return (
        f"From {bare:,} to {biased:,}: {biased - bare:,} biases, 3 x {config.n_embd:,} in each of {config.n_layer} blocks. "
        f"From {bare:,} to {untied:,}: an output head of its own, {config.vocab_size:,} x {config.n_embd:,} = "
        f"{untied - bare:,}. Both: {both:,}."
    )


TOTALS = experiment(
    r"""# 124 or 163 million?

    GPT-2 small is called a 124M model, and code that builds it may count 163 million. Both are right about what they count.
    (The 117M of OpenAI's paper was a slip.)

    Two switches make the difference. The output head either reuses the token table (tied) or has a table of its own. The
    projections to queries, keys and values either have a bias or not. OpenAI's weights are tied and have the bias.

    $$\text{total} = \text{shared parts} + [\text{untied}]\; V d + [\text{bias}]\; 3 d \cdot \text{blocks}$$
    """,
    key="totals",
    notes=Notes(
        say="Both numbers are right; ask what was counted. Two switches make the difference.",
        ask="What does a tied head save?",
        trap="Tied means one table used twice, not two tables with equal numbers.",
    ),
    controls=totals_controls,
    pictures=totals_pictures,
    caption=totals_caption,
    question=Question(
        ask="Which switch moves the total of GPT-2 small by 38.6 million?",
        choices=("A bias on queries, keys and values", "An output head of its own", "12 heads instead of 1"),
        answer=1,
        why="A second table of 50,257 x 768 has 38,597,376 numbers. The biases are 27,648, and heads add nothing.",
    ),
)


def heads_pictures(setting: Setting) -> list[go.Figure]:
    config = configured(setting)
    fitting = np.array([n for n in range(1, max(32, config.n_head) + 1) if config.n_embd % n == 0])
    blocks = np.arange(1, max(48, config.n_layer) + 1)
    by_heads = np.array([replace(config, n_head=int(n)).n_parameters for n in fitting]) / 1e6
    by_blocks = np.array([replace(config, n_layer=int(n)).n_parameters for n in blocks]) / 1e6
    top = 1.08 * float(by_blocks[-1])
    unit = "million learned numbers"
    return [
        costs.plots(
            (
                Plot(
                    f"heads, with {config.n_layer} blocks",
                    (Line("heads that share the width equally", fitting, by_heads, "attention", points=True),),
                    "heads in a block",
                    unit,
                    mark=config.n_head,
                    top=top,
                ),
                Plot(
                    f"blocks, with {config.n_head} heads",
                    (Line("blocks", blocks, by_blocks, "feed-forward"),),
                    "blocks in series",
                    unit,
                    mark=config.n_layer,
                    top=top,
                ),
            ),
            title=f"{config.n_parameters:,} learned numbers: {shape_text(config)} of {config.head_size} channels",
        )
    ]


def heads_caption(setting: Setting) -> str:
    config = configured(setting)
    one = replace(config, n_head=1).n_parameters
    more = replace(config, n_layer=config.n_layer + 1).n_parameters
    return (
        f"{config.n_head} head{'s' * (config.n_head > 1)} of {config.head_size} channels: {config.n_parameters:,} numbers. "
        f"1 head of {config.n_embd}: {one:,}, a difference of {abs(one - config.n_parameters):,}. "
        f"One block more: {more:,}, which is {more - config.n_parameters:,} more."
    )


HEADS = experiment(
    r"""# Heads or blocks

    Heads work side by side inside one block: they split the width among them, so more heads means narrower heads and the same
    number of parameters. Blocks work one after another: each brings its own attention and feed-forward layer, so every block
    adds the same amount.

    GPT-2 small has 12 of both, which is a coincidence: GPT-2 medium has 16 heads in each of 24 blocks.

    $$\text{heads} \times \frac{d}{\text{heads}} = d$$
    """,
    key="heads",
    notes=Notes(
        say="Heads split the width, blocks repeat it. Move both and watch the total.",
        ask="12 heads or 1 head: which has more parameters?",
        trap="12 and 12 in GPT-2 small is a coincidence; do not read one for the other.",
    ),
    controls=lambda setting: controls(setting, ("heads", "blocks", "width")),
    presets=presets,
    pictures=heads_pictures,
    caption=heads_caption,
    state=state,
    question=Question(
        ask="12 heads become 1 head, as wide as all 12 together. What happens to the number of parameters?",
        choices=("It stays", "It falls to a twelfth", "It grows twelvefold"),
        answer=0,
        why="12 heads of 64 channels or 1 of 768: the matrices that make queries, keys and values are 768 wide either way.",
    ),
)
