"""Operations of a pass, and of one more token, against the length of the text."""

import numpy as np
import plotly.graph_objects as go

from ...config import GPTConfig
from ...figures import costs
from ...figures.costs import Line, Plot
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment
from .shape import configured, controls, presets, shape_text, state

WORK = {
    "queries, keys, values": "query",
    "scores and mixing": "key",
    "attention projection": "value",
    "feed-forward": "feed-forward",
    "output head": "output",
}
"""Part of the work -> whose colour it takes."""


def short_count(count: float) -> str:
    """A count in millions or billions, as people say it."""
    for size, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:,.1f} {name}"
    return f"{count:,.0f}"


def work_controls(setting: Setting) -> tuple[Control, ...]:
    return (
        *controls(setting),
        Control(
            "prompt",
            "Tokens in the prompt",
            "slider",
            min(4, setting.config.context_length),
            (1, max(4096, setting.config.context_length), 1),
        ),
    )


def prompt(setting: Setting, config: GPTConfig) -> int:
    """Tokens that go in. Raises ValueError when the position table has no rows for them."""
    if setting["prompt"] > config.context_length:
        raise ValueError(
            f"{setting['prompt']:,} tokens do not fit: the position table has {config.context_length:,} rows. "
            f"Choose at most {config.context_length:,} tokens."
        )
    return setting["prompt"]


def work_pictures(setting: Setting) -> list[go.Figure]:
    config = configured(setting)
    tokens = prompt(setting, config)
    lengths = np.unique(np.geomspace(1, config.context_length, 60).astype(int))
    whole = [config.flops(int(length)) for length in lengths]
    per_token = {name: np.array([work[name] for work in whole]) / lengths / 1e6 for name in WORK}
    anew = np.array([sum(work.values()) for work in whole]) / 1e9
    remembered = np.array([sum(config.cached_flops(int(length)).values()) for length in lengths]) / 1e9
    return [
        costs.plots(
            (
                Plot(
                    "one pass, per token",
                    tuple(Line(name, lengths, per_token[name], part, stacked=True) for name, part in WORK.items()),
                    "tokens in the prompt",
                    "million operations a token",
                    mark=tokens,
                ),
                Plot(
                    "one more token written",
                    (
                        Line("everything anew", lengths, anew, "token"),
                        Line("with KV cache", lengths, remembered, "position", dashed=True),
                    ),
                    "tokens so far",
                    "billion operations",
                    mark=tokens,
                    logarithmic=True,
                ),
            ),
            title=f"{tokens:,} tokens: {sum(config.flops(tokens).values()):,} operations ({shape_text(config)})",
            height=410,
        )
    ]


def work_caption(setting: Setting) -> str:
    config = configured(setting)
    tokens = prompt(setting, config)
    work = config.flops(tokens)
    total, full = sum(work.values()), sum(config.flops(config.context_length).values())
    cached = sum(config.cached_flops(tokens).values())
    return (
        f"A prompt of {tokens:,} costs {total:,} operations, {short_count(total / tokens)} a token; the scores are "
        f"{percent(work['scores and mixing'] / total)} of it. At {config.context_length:,} tokens it is "
        f"{short_count(full / config.context_length)} a token. One more token at this length costs {short_count(total)} anew "
        f"and {short_count(cached)} with a KV cache."
    )


COST = experiment(
    r"""# Work

    The work of a pass is counted in floating point operations (FLOPs): 2 for every multiply-add of the matrix products. The
    small rest, softmax and the like, is left out.

    Per token nearly all of it is the same at any length: every number of a block and the head is used once. Only scores and
    mixing grow with the tokens before it. Writing one more token means a whole pass, or one token's share of it when keys and
    values are kept.

    $$\text{per token} = \text{blocks} \cdot (\underbrace{24\, d^2}_{\text{tables}} + \underbrace{4\, d \cdot \text{tokens}}_{\text{scores}}) +
    \underbrace{2\, d V}_{\text{head}}$$
    """,
    key="work",
    notes=Notes(
        say="Nearly all the work is tables, until the text gets long. Drag the length and watch scores catch up.",
        ask="From how many tokens on does attention cost more than it does now?",
        trap="The square is in the scores alone: twice the text is not four times all work.",
    ),
    controls=work_controls,
    presets=presets,
    pictures=work_pictures,
    caption=work_caption,
    state=state,
    question=Question(
        ask="GPT-2 small reads 4 tokens. Which part of the work goes into the attention scores and the mixing?",
        choices=("About half", "About a tenth", "Less than a thousandth"),
        answer=2,
        why="0.06 %. The feed-forward layers take 45.8 %, the output head 31.2 %. Scores count when the text is long.",
    ),
)
