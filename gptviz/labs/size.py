"""Size and cost: learned numbers, memory and work follow from the configuration alone."""

from collections.abc import Mapping
from dataclasses import replace
from math import gcd, prod

import numpy as np
import plotly.graph_objects as go

from .. import catalogue
from ..config import PRESETS, GPTConfig
from ..figures import costs
from ..figures.costs import Area, Line, Plot, Stack
from ..stages.base import Question
from .base import Control, Lab, Setting, Table, experiment

MIB = 2**20
FORMATS: Mapping[str, int] = {"fp32": 4, "fp16": 2, "int8": 1}
"""Bytes of one number."""

NAMES = {"gpt2": "GPT-2 small", "gpt2-medium": "medium", "gpt2-large": "large", "gpt2-xl": "XL", "mini": "mini"}
PUBLISHED = {
    124_412_160: "rounded to 124M in textbooks",
    124_439_808: "OpenAI's GPT-2 small",
    163_009_536: "the textbook code as written",
    163_037_184: "the textbook code with OpenAI's biases",
}
"""Where the four totals of GPT-2 small's shape are met."""

PARTS = {
    "token table": "token",
    "position table": "position",
    "LayerNorms": "residual",
    "attention": "attention",
    "feed-forward": "feed-forward",
    "output head": "output",
}
WORK = {
    "queries, keys, values": "query",
    "scores and mixing": "key",
    "attention projection": "value",
    "feed-forward": "feed-forward",
    "output head": "output",
}
FIELDS = {  # control -> field of the configuration
    "width": "n_embd",
    "heads": "n_head",
    "blocks": "n_layer",
    "words": "vocab_size",
    "context": "context_length",
    "tied": "tied_head",
    "bias": "qkv_bias",
}


def values(config: GPTConfig) -> dict[str, int | bool]:
    """What the controls say for a configuration."""
    return {name: getattr(config, field) for name, field in FIELDS.items()}


def configured(setting: Setting) -> GPTConfig:
    """The configuration the controls describe. Raises ValueError, with what would work, when there is no such model."""
    try:
        return replace(setting.config, **{field: setting[name] for name, field in FIELDS.items()})
    except ValueError as error:
        fitting = ", ".join(str(n) for n in range(1, 33) if setting["width"] % n == 0)
        raise ValueError(f"There is no such model: {error}. A width of {setting['width']} fits {fitting} heads.") from error


def controls(setting: Setting, drawn: tuple[str, ...] = ()) -> tuple[Control, ...]:
    """The seven sizes, starting from the chosen model's; drawn: those this experiment shows."""
    config = setting.config
    width, context = gcd(config.n_embd, 64), gcd(config.context_length, 64)
    bytes_and_end = 257  # tokens a vocabulary has before its first merge
    merges = gcd(config.vocab_size - bytes_and_end, 1000) if config.vocab_size >= bytes_and_end else 1
    least = bytes_and_end if config.vocab_size >= bytes_and_end else 1
    start = values(config)
    sliders = {
        "width": ("Width", width, max(2048, config.n_embd), width),
        "heads": ("Heads", 1, max(32, config.n_head), 1),
        "blocks": ("Blocks", 1, max(48, config.n_layer), 1),
        "words": ("Vocabulary", least, max(100_257, config.vocab_size), merges),
        "context": ("Context length", context, max(4096, config.context_length), context),
    }
    made = [
        Control(name, label, "slider", start[name], options, drawn=name in drawn) for name, (label, *options) in sliders.items()
    ]
    return (
        *(replace(one, options=tuple(one.options)) for one in made),
        Control("tied", "Head reuses the token table", "switch", start["tied"], drawn="tied" in drawn),
        Control("bias", "Bias on Q, K, V", "switch", start["bias"], drawn="bias" in drawn),
    )


def title_of(setting: Setting) -> str:
    """What the chosen model is called."""
    entry = catalogue.MODELS.get(setting.model_key)
    return entry.title if entry else "this model"


def presets(setting: Setting) -> dict[str, dict[str, int | bool]]:
    """The chosen model, and every shape worth comparing it with."""
    known = {NAMES[key]: values(PRESETS[key]) for key in NAMES}
    own = values(setting.config)
    if own in known.values():
        return {f"{name} (chosen)" if known[name] == own else name: known[name] for name in known}
    return {f"{title_of(setting)} (chosen)": own} | known


def state(setting: Setting) -> tuple[str, ...]:
    """A badge when the sizes are not the chosen model's."""
    own = values(setting.config)
    if all(setting[name] == own[name] for name in FIELDS):
        return ()
    asked = {name: setting[name] for name in FIELDS}
    return (f"SHAPE: {next((name for name, preset in presets(setting).items() if preset == asked), 'self-made')}",)


def shape_text(config: GPTConfig) -> str:
    blocks, heads = config.n_layer, config.n_head
    return f"{config.n_embd} wide, {blocks} block{'s' * (blocks > 1)}, {heads} head{'s' * (heads > 1)}"


def short_count(count: float) -> str:
    """A count in millions or billions, as people say it."""
    for size, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:,.1f} {name}"
    return f"{count:,.0f}"


def bytes_text(count: float) -> str:
    for size, name in ((2**30, "GiB"), (MIB, "MiB"), (2**10, "KiB")):
        if count >= size:
            return f"{count / size:,.1f} {name}".replace(".0 ", " ")
    return f"{count:,.0f} B"


# the ledger

LABELS = {
    "norm1": "LayerNorm before attention",
    "att.qkv": "queries, keys, values",
    "att.out_proj": "attention projection",
    "norm2": "LayerNorm before feed-forward",
    "ff.expand": "expand",
    "ff.contract": "contract",
}


OUTSIDE = {
    "tok_emb.weight": ("tokens", "token table", "token"),
    "pos_emb.weight": ("positions", "position table", "position"),
    "final_norm.weight": ("norm/scale", "scale", "residual"),
    "final_norm.bias": ("norm/shift", "shift", "residual"),
    "out_head.weight": ("head", "output head", "output"),
}
"""Tensor outside the blocks -> key of its area, label, part."""


def leaf(name: str, shape: tuple[int, ...]) -> Area:
    """The area of one learned tensor."""
    note = " x ".join(f"{size:,}" for size in shape)
    if name in OUTSIDE:
        key, label, part = OUTSIDE[name]
        return Area(key, label, prod(shape), part, note)
    _, block, inside = name.split(".", 2)
    module, kind = inside.rsplit(".", 1)
    group, part = {"att": ("attention", "attention"), "ff": ("feed-forward", "feed-forward")}.get(
        module.partition(".")[0], ("LayerNorms", "residual")
    )
    return Area(f"blocks/{block}/{group}/{inside}", f"{LABELS[module]}, {kind}", prod(shape), part, note)


def areas(config: GPTConfig) -> list[Area]:
    """Every learned tensor of the model as the leaves of a tree: blocks, their three groups, tensors."""
    tree = {"": Area("", "all", 0)}
    for found in (leaf(name, shape) for name, shape in config.shapes().items()):
        steps = found.key.split("/")[:-1]
        for depth in range(len(steps) + 1):
            key = "/".join(steps[:depth])
            names = ("all", f"{config.n_layer} blocks" if steps[:1] == ["blocks"] else "final LayerNorm")
            label = names[depth] if depth < 2 else f"block {int(steps[1]) + 1}" if depth == 2 else steps[2]
            branch = tree.setdefault(key, Area(key, label, 0, found.part if depth == 3 else "residual"))
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
            "share": [f"{row[2] * row[3] / total:.2%}" for row in rows] + ["100 %"],
        },
        note="The causal mask is computed, not learned: it holds no parameters. Nor do softmax, GELU and dropout.",
    )


def ledger_pictures(setting: Setting) -> list[go.Figure | Table]:
    config = configured(setting)
    if setting["as"] == "table":
        return [ledger(config)]
    title = f"{config.n_parameters:,} learned numbers: {shape_text(config)}"
    return [costs.treemap(areas(config), title=title, depth=4, height=340)]


def ledger_caption(setting: Setting) -> str:
    config = configured(setting)
    parts, total = config.parameters(), config.n_parameters
    largest = max(parts, key=parts.get)
    said = (
        f"{total:,} numbers. The largest part is the {largest} with {parts[largest] / total:.1%}; "
        f"LayerNorms hold {parts['LayerNorms'] / total:.2%}. One block has {block_size(config):,}, all {config.n_layer} together "
        f"{config.n_layer * block_size(config) / total:.1%}."
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

    The tables grow with the vocabulary, the context and the width; a block grows with the square of the width d. When the
    output head reuses the token table (tied), it costs nothing new. A width that the heads cannot share equally makes no model.

    $$\text{block} \approx \underbrace{4 d^2}_{\text{attention}} + \underbrace{8 d^2}_{\text{feed-forward}} = 12\, d^2$$
    """,
    key="ledger",
    controls=lambda setting: (*controls(setting, tuple(FIELDS)), AS),
    presets=presets,
    pictures=ledger_pictures,
    caption=ledger_caption,
    state=state,
    uses_model=False,
    question=Question(
        ask="GPT-2 small, with its head tied: where are most of its numbers?",
        choices=("Attention", "Feed-forward layers", "Token table"),
        answer=1,
        why="The feed-forward layers hold 45.5 %, the token table 31.0 %, attention 22.8 %.",
    ),
)


# four totals


def shapes(setting: Setting) -> dict[str, GPTConfig]:
    """Shapes whose totals can be compared: the published ones, mini, and the chosen model when it is none of them."""
    known = {key: PRESETS[key] for key in NAMES}
    return known if setting.config in known.values() else known | {"chosen": setting.config}


def four(config: GPTConfig) -> list[GPTConfig]:
    """The same sizes with the head tied and not, without and with biases for queries, keys and values."""
    return [replace(config, tied_head=tied, qkv_bias=bias) for tied in (True, False) for bias in (False, True)]


def totals_controls(setting: Setting) -> tuple[Control, ...]:
    known = shapes(setting)

    def show(key: str) -> str:
        return NAMES.get(key) or title_of(setting)

    return (Control("shape", "Shape", "choice", "gpt2", tuple(known), show=show),)


def totals_pictures(setting: Setting) -> list[go.Figure]:
    ways = four(shapes(setting)[setting["shape"]])
    counts = [way.parameters() for way in ways]
    return [
        costs.stacked(
            [Stack(name, np.array([count[name] for count in counts]) / 1e6, part) for name, part in PARTS.items()],
            [
                f"head {'tied' if way.tied_head else 'of its own'},<br>{'with' if way.qkv_bias else 'no'} Q, K, V bias"
                for way in ways
            ],
            [
                f"<b>{way.n_parameters:,}</b>"
                + (f"<br> {PUBLISHED[way.n_parameters]}" if way.n_parameters in PUBLISHED else "")
                for way in ways
            ],
            unit="million learned numbers",
            title=f"One shape, four totals: {shape_text(ways[0])}",
            height=400,
            room=1.62,
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

    Two switches make the difference. The output head either reuses the token table (tied) or has a table of its own. The
    projections to queries, keys and values either have a bias or not. OpenAI's weights are tied and have the bias.

    $$\text{total} = \text{shared parts} + [\text{untied}]\; V d + [\text{bias}]\; 3 d L$$
    """,
    key="totals",
    controls=totals_controls,
    pictures=totals_pictures,
    caption=totals_caption,
    uses_model=False,
    question=Question(
        ask="Which switch moves the total of GPT-2 small by 38.6 million?",
        choices=("A bias on queries, keys and values", "An output head of its own", "12 heads instead of 1"),
        answer=1,
        why="A second table of 50,257 x 768 has 38,597,376 numbers. The biases are 27,648, and heads add nothing.",
    ),
)


# heads and blocks


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

    $$h \times \frac{d}{h} = d$$
    """,
    key="heads",
    controls=lambda setting: controls(setting, ("heads", "blocks", "width")),
    presets=presets,
    pictures=heads_pictures,
    caption=heads_caption,
    state=state,
    uses_model=False,
    question=Question(
        ask="12 heads become 1 head, as wide as all 12 together. What happens to the number of parameters?",
        choices=("It stays", "It falls to a twelfth", "It grows twelvefold"),
        answer=0,
        why="12 heads of 64 channels or 1 of 768: the matrices that make queries, keys and values are 768 wide either way.",
    ),
)


# memory


def memory_controls(setting: Setting) -> tuple[Control, ...]:
    return (
        *controls(setting),
        Control("format", "Number format", "choice", "fp32", tuple(FORMATS), help="fp32: 4 bytes, fp16: 2, int8: 1."),
        tokens_control("filled", 1.0, "Share of the context filled"),
        Control("batch", "Sequences in the batch", "slider", 1, (1, 64, 1)),
    )


def tokens_control(name: str, start: float, label: str) -> Control:
    return Control(name, label, "slider", start, (0.0, 1.0, 0.05))


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
        [f"{name}<br>{count} byte{'s' * (count > 1)}" for name, count in FORMATS.items()],
        [f"{bytes_text(one)}<br> + {bytes_text(two)}" for one, two in zip(weights, cache)],
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
                f"against context length, {setting['format']}",
                (
                    Line("keys and values", lengths, growth, "value"),
                    Line("weights", lengths, flat, "token", dashed=True),
                ),
                "tokens remembered",
                unit,
                mark=tokens,
            ),
        ),
        title="KV cache",
    )
    return [bars, lines]


def memory_caption(setting: Setting) -> str:
    config = configured(setting)
    tokens, batch, of_one = filled(setting, config), setting["batch"], FORMATS[setting["format"]]
    weights, cache = config.n_parameters * of_one, config.kv_cache(tokens, batch) * of_one
    sequences = f"{batch} sequences of " if batch > 1 else ""
    return (
        f"In {setting['format']} the weights take {bytes_text(weights)}. Each token adds 2 x {config.n_layer} x "
        f"{config.n_embd:,} numbers of keys and values, {bytes_text(config.kv_cache() * of_one)}: for {sequences}{tokens:,} "
        f"tokens {bytes_text(cache)}, {cache / weights:.1%} of the weights."
    )


MEMORY = experiment(
    r"""# Memory

    Weights take a fixed number of bytes: 4 each in fp32, half of that in fp16, a quarter in int8 (its few scale factors are not
    counted).

    To write a text without computing everything anew, the keys and values of all earlier tokens are kept: the KV cache. It
    grows with every token and every sequence of the batch. The walk here keeps none; it computes each pass whole.

    $$\text{KV bytes} = 2 \cdot L \cdot d \cdot \text{tokens} \cdot \text{sequences} \cdot \text{bytes each}$$
    """,
    key="memory",
    controls=memory_controls,
    presets=presets,
    pictures=memory_pictures,
    caption=memory_caption,
    state=state,
    beside=True,
    uses_model=False,
    question=Question(
        ask="GPT-2 small in fp32: how much do the keys and values of one more token take?",
        choices=("64 numbers, 256 bytes", "About 72 KiB", "About 72 MiB"),
        answer=1,
        why="2 vectors x 12 blocks x 768 numbers x 4 bytes = 73,728 bytes = 72 KiB. A full context of 1,024 takes 72 MiB.",
    ),
)


# work


def work_controls(setting: Setting) -> tuple[Control, ...]:
    return (
        *controls(setting),
        Control("prompt", "Tokens in the prompt", "slider", 4, (1, max(4096, setting.config.context_length), 1)),
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
        f"{work['scores and mixing'] / total:.2%} of it. At {config.context_length:,} tokens it is "
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

    $$\text{per token} = \underbrace{24\, d^2 L}_{\text{blocks}} + \underbrace{4\, T d L}_{\text{scores}} +
    \underbrace{2\, d V}_{\text{head}}$$
    """,
    key="work",
    controls=work_controls,
    presets=presets,
    pictures=work_pictures,
    caption=work_caption,
    state=state,
    uses_model=False,
    question=Question(
        ask="GPT-2 small reads 4 tokens. Which part of the work goes into the attention scores and the mixing?",
        choices=("About half", "About a tenth", "Less than a thousandth"),
        answer=2,
        why="0.06 %. The feed-forward layers take 45.8 %, the output head 31.2 %. Scores count when the text is long.",
    ),
)

LAB = Lab(
    key="Size",
    title="Size and cost",
    about="What a model of these sizes holds and costs: parameters, memory, work. It follows from the configuration alone.",
    experiments=(LEDGER, TOTALS, HEADS, MEMORY, COST),
)
