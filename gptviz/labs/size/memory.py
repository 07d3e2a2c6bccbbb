"""Bytes of the weights, and of the keys and values that are kept while a text is written."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from ...config import GPTConfig
from ...figures import costs
from ...figures.costs import Line, Plot, Stack
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment
from .shape import configured, controls, presets, state

MIB = 2**20
FORMATS: Mapping[str, int] = {"fp32": 4, "fp16": 2, "int8": 1}
"""Bytes of one number."""


def bytes_text(count: float) -> str:
    for size, name in ((2**30, "GiB"), (MIB, "MiB"), (2**10, "KiB")):
        if count >= size:
            return f"{count / size:,.1f} {name}".replace(".0 ", " ")
    return f"{count:,.0f} B"


def memory_controls(setting: Setting) -> tuple[Control, ...]:
    return (
        *controls(setting),
        Control("format", "Number format", "choice", "fp32", tuple(FORMATS), help="fp32: 4 bytes, fp16: 2, int8: 1."),
        Control("filled", "Share of the context filled", "slider", 1.0, (0.0, 1.0, 0.05)),
        Control("batch", "Sequences in the batch", "slider", 1, (1, 64, 1)),
    )


def filled(setting: Setting, config: GPTConfig) -> int:
    return max(1, round(setting["filled"] * config.context_length))


def memory_pictures(setting: Setting) -> list[go.Figure]:
    config = configured(setting)
    tokens, batch = filled(setting, config), setting["batch"]
    sizes = np.array(list(FORMATS.values()))
    weights, cache = config.n_parameters * sizes, config.kv_cache(tokens, batch) * sizes
    unit, size = ("GiB", 2**30) if (weights + cache).max() > 4 * 2**30 else ("MiB", MIB)
    lengths = np.unique(np.linspace(0, config.context_length, 65).astype(int))
    bars = costs.stacked(
        [Stack("weights", weights / size, "token"), Stack("keys and values (KV cache)", cache / size, "value")],
        [f"{name}\n{count} byte{'s' * (count > 1)}" for name, count in FORMATS.items()],
        [f"{bytes_text(one)}\n + {bytes_text(two)}" for one, two in zip(weights, cache)],
        unit=unit,
        title=f"{config.n_parameters:,} numbers, {batch} x {tokens:,} tokens",
        chosen=list(FORMATS).index(setting["format"]),
        height=380,
        room=1.75,
    )
    of_one = FORMATS[setting["format"]]
    growth = np.array([config.kv_cache(int(length), batch) * of_one for length in lengths]) / size
    flat = np.full(len(lengths), config.n_parameters * of_one / size)
    lines = costs.plots(
        (
            Plot(
                "",
                (
                    Line("keys and values", lengths, growth, "value"),
                    Line("weights", lengths, flat, "token", dashed=True),
                ),
                "tokens remembered",
                unit,
                mark=tokens,
            ),
        ),
        title=f"In {setting['format']}, against context length",
    )
    return [bars, lines]


def memory_caption(setting: Setting) -> str:
    config = configured(setting)
    tokens, batch, of_one = filled(setting, config), setting["batch"], FORMATS[setting["format"]]
    weights, cache = config.n_parameters * of_one, config.kv_cache(tokens, batch) * of_one
    sequences = f"{batch} sequences of " if batch > 1 else ""
    return (
        f"In {setting['format']} the weights take {bytes_text(weights)}. Each token adds 2 x {config.n_layer} x "
        f"{config.n_embd:,} numbers of keys and values, {bytes_text(config.kv_cache() * of_one)}: for {sequences}"
        f"{tokens:,} token{'s' * (tokens > 1)} {bytes_text(cache)}, {percent(cache / weights)} of the weights."
    )


MEMORY = experiment(
    r"""# Memory

    Weights take a fixed number of bytes: 4 each in fp32, half of that in fp16, a quarter in int8 (its few scale factors are not
    counted).

    To write a text without computing everything anew, the keys and values of all earlier tokens are kept: the KV cache. It
    grows with every token and every sequence of the batch. The walk here keeps none; it computes each pass whole.

    $$\text{KV bytes} = 2 \cdot \text{blocks} \cdot d \cdot \text{tokens} \cdot \text{sequences} \cdot \text{bytes each}$$
    """,
    key="memory",
    notes=Notes(
        say="Weights take the same at any length; what is kept of the text grows with every token.",
        ask="Which runs out first on a small card, at 1,000 tokens?",
        trap="Half precision halves bytes, not the number of parameters.",
    ),
    controls=memory_controls,
    presets=presets,
    pictures=memory_pictures,
    caption=memory_caption,
    state=state,
    beside=True,
    question=Question(
        ask="GPT-2 small in fp32: how much do the keys and values of one more token take?",
        choices=("64 numbers, 256 bytes", "About 72 KiB", "About 72 MiB"),
        answer=1,
        why="2 vectors x 12 blocks x 768 numbers x 4 bytes = 73,728 bytes = 72 KiB. A full context of 1,024 takes 72 MiB.",
    ),
)
