"""Every learned number of a model, as areas and as rows."""

from dataclasses import replace
from math import prod

import plotly.graph_objects as go

from ...config import PRESETS, GPTConfig
from ...figures import costs
from ...figures.costs import Area
from ...figures.table import Table
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment
from .shape import FIELDS, PARTS, configured, controls, presets, shape_text, state

LABELS = {
    "norm1": "LayerNorm before attention",
    "att.qkv": "queries, keys, values",
    "att.out_proj": "attention projection",
    "norm2": "LayerNorm before feed-forward",
    "ff.expand": "expand",
    "ff.contract": "contract",
}


OUTSIDE = {
    "tok_emb.weight": ("token table", "token table"),
    "pos_emb.weight": ("position table", "position table"),
    "final_norm.weight": ("LayerNorms/final", "scale"),
    "final_norm.bias": ("LayerNorms/final", "shift"),
    "out_head.weight": ("output head", "output head"),
}
"""Tensor outside the blocks -> key of its area, or of the area it is in, and its label."""


def leaf(name: str, shape: tuple[int, ...]) -> Area:
    """The area of one learned tensor, in the part of the model it belongs to."""
    note = " x ".join(f"{size:,}" for size in shape)
    if name in OUTSIDE:
        key, label = OUTSIDE[name]
        part = PARTS[key.partition("/")[0]]
        return Area(f"{key}/{label}" if "/" in key else key, label, prod(shape), part, note)
    _, block, inside = name.split(".", 2)
    module, kind = inside.rsplit(".", 1)
    group = {"att": "attention", "ff": "feed-forward"}.get(module.partition(".")[0], "LayerNorms")
    return Area(f"{group}/{block}/{inside}", f"{LABELS[module]}, {kind}", prod(shape), PARTS[group], note)


def areas(config: GPTConfig) -> list[Area]:
    """Every learned tensor of the model as the leaves of a tree: the parts of the model, their blocks, the tensors."""
    tree = {"": Area("", "all", 0)}
    for found in (leaf(name, shape) for name, shape in config.shapes().items()):
        tree[""] = replace(tree[""], count=tree[""].count + found.count)
        group, *inside = found.key.split("/")
        if inside:
            label = f"block {int(inside[0]) + 1}" if inside[0].isdecimal() else "final LayerNorm"
            for key, name, note in ((group, group, ""), (f"{group}/{inside[0]}", label, group)):
                branch = tree.get(key, Area(key, name, 0, found.part, note, brief=bool(note)))
                tree[key] = replace(branch, count=branch.count + found.count)
        tree[found.key] = found
    return list(tree.values())


def ledger(config: GPTConfig) -> Table:
    """Every component as a row: its shape, how often it comes, its numbers, its share."""
    d, hidden, total = config.n_embd, config.hidden_size, config.n_parameters
    bias = 3 * d if config.qkv_bias else 0
    rows = [
        ("token table", f"{config.vocab_size:,} x {d:,}", config.vocab_size * d, 1),
        ("position table", f"{config.context_length:,} x {d:,}", config.context_length * d, 1),
        ("LayerNorm, scale and shift", f"2 x {d:,}", 2 * d, 2 * config.n_layer + 1),
        ("queries, keys, values", f"{d:,} x {3 * d:,}" + (f" + {bias:,}" if bias else ""), 3 * d * d + bias, config.n_layer),
        ("attention projection", f"{d:,} x {d:,} + {d:,}", d * d + d, config.n_layer),
        ("feed-forward, expand", f"{d:,} x {hidden:,} + {hidden:,}", d * hidden + hidden, config.n_layer),
        ("feed-forward, contract", f"{hidden:,} x {d:,} + {d:,}", hidden * d + d, config.n_layer),
        (
            "output head",
            "the token table again" if config.tied_head else f"{d:,} x {config.vocab_size:,}",
            0 if config.tied_head else d * config.vocab_size,
            1,
        ),
    ]
    return Table(
        columns={
            "part": [row[0] for row in rows] + ["total"],
            "shape": [row[1] for row in rows] + [""],
            "numbers in one": [f"{row[2]:,}" for row in rows] + [""],
            "times": [f"{row[3]}" for row in rows] + [""],
            "numbers": [f"{row[2] * row[3]:,}" for row in rows] + [f"{total:,}"],
            "share": [percent(row[2] * row[3] / total) if row[2] else "0" for row in rows] + ["100 %"],
        },
        note="The causal mask is computed, not learned: it holds no parameters. Nor do softmax, GELU and dropout.",
    )


def ledger_pictures(setting: Setting) -> list[go.Figure | Table]:
    config = configured(setting)
    if setting["as"] == "table":
        return [ledger(config)]
    title = f"{config.n_parameters:,} learned numbers: {shape_text(config)}"
    return [costs.treemap(areas(config), title=title, key=PARTS, depth=3, height=350)]


def ledger_caption(setting: Setting) -> str:
    config = configured(setting)
    parts, total = config.parameters(), config.n_parameters
    largest = max(parts, key=parts.get)
    said = (
        f"{total:,} numbers. The largest part is the {largest} with {percent(parts[largest] / total)}; "
        f"LayerNorms hold {percent(parts['LayerNorms'] / total)}. One block has {block_size(config):,}, "
        f"all {config.n_layer} together {percent(config.n_layer * block_size(config) / total)}."
    )
    rows = setting.config.context_length
    if rows != config.context_length:
        said += f" The position table has {config.context_length:,} rows; the model chosen above has {rows:,}."
    elif config.context_length != PRESETS["gpt2"].context_length:
        said += f" The position table has {rows:,} rows; GPT-2 has {PRESETS['gpt2'].context_length:,}."
    return said


def block_size(config: GPTConfig) -> int:
    """Learned numbers of one block."""
    return sum(prod(shape) for name, shape in config.shapes().items() if name.startswith("blocks.0."))


AS = Control("as", "Show", "choice", "areas", ("areas", "table"))

LEDGER = experiment(
    r"""# Parameter ledger

    Parameters are the numbers a model learns. Every one of them is in this ledger, and the areas add up to the whole.
    Click one to open it, and the bar above it to go back.

    The tables grow with the vocabulary, the context and the width; a block grows with the square of the width d. When the
    output head reuses the token table (tied), it costs nothing new. A width that the heads cannot share equally makes no model.

    $$\text{block} \approx \underbrace{4 d^2}_{\text{attention}} + \underbrace{8 d^2}_{\text{feed-forward}} = 12\, d^2$$
    """,
    key="ledger",
    notes=Notes(
        say="Areas are counts. Open the largest one and go down until you can count by hand.",
        ask="Where do you expect most of the numbers to sit?",
        trap="More parameters is not more work a token: a table is read by one row.",
    ),
    controls=lambda setting: (*controls(setting, tuple(FIELDS)), AS),
    presets=presets,
    pictures=ledger_pictures,
    caption=ledger_caption,
    state=state,
    question=Question(
        ask="GPT-2 small, with its head tied: where are most of its numbers?",
        choices=("Attention", "Feed-forward layers", "Token table"),
        answer=1,
        why="The feed-forward layers hold 45.5 %, the token table 31.0 %, attention 22.8 %.",
    ),
)
