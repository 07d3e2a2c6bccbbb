"""The sizes of a model as controls: the chosen model's, a preset's, or self-made ones."""

from dataclasses import replace
from math import gcd

from ... import catalogue
from ...config import PRESETS, GPTConfig
from ..lab import Control, Setting

NAMES = {"gpt2": "GPT-2 small", "gpt2-medium": "medium", "gpt2-large": "large", "gpt2-xl": "XL", "mini": "mini"}

PARTS = {
    "token table": "token",
    "position table": "position",
    "LayerNorms": "residual",
    "attention": "attention",
    "feed-forward": "feed-forward",
    "output head": "output",
}
"""Part of a model -> whose colour it takes."""

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
        Control("tied", "Tied output head", "switch", start["tied"], drawn="tied" in drawn, help="It reuses the token table."),
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
