"""A checkpoint folder (config.json + model.safetensors, Hugging Face GPT-2 format) <-> a model.

Only safetensors are read; nothing is ever unpickled. float32 weights stay memory-mapped; float16 and bfloat16 become
float32 in memory.
"""

import json
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from .config import GPTConfig
from .model import GPT, LayerNorm

OURS_TO_HF = {
    "tok_emb": "wte",
    "pos_emb": "wpe",
    "blocks": "h",
    "norm1": "ln_1",
    "att.qkv": "attn.c_attn",
    "att.out_proj": "attn.c_proj",
    "norm2": "ln_2",
    "ff.expand": "mlp.c_fc",
    "ff.contract": "mlp.c_proj",
    "final_norm": "ln_f",
    "out_head": "lm_head",
}
IGNORED = (".attn.bias", ".attn.masked_bias")  # causal masks that old checkpoints carry; not learned


class CheckpointError(ValueError):
    """A checkpoint folder that cannot become a model; the message says what was expected and what was found."""


def hf_name(name: str) -> str:
    """Our parameter's name in a Hugging Face GPT-2 checkpoint, without the `transformer.` prefix."""
    for ours, theirs in OURS_TO_HF.items():
        name = name.replace(ours, theirs)
    return name


def read_config(folder: str | Path) -> GPTConfig:
    """config.json of a GPT-2-shaped model. Raises CheckpointError on anything that is not one."""
    path = Path(folder) / "config.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{folder}: expected config.json, found none") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path}: expected a readable JSON file, got: {error}") from None
    if not isinstance(raw, dict) or raw.get("model_type") != "gpt2":
        kind = raw.get("model_type") if isinstance(raw, dict) else type(raw).__name__
        raise CheckpointError(f"{path}: expected model_type 'gpt2', found {kind!r}")
    if raw.get("activation_function", "gelu_new") not in ("gelu_new", "gelu_pytorch_tanh"):
        raise CheckpointError(
            f"{path}: expected activation_function 'gelu_new' (GELU in its tanh form), found {raw['activation_function']!r}"
        )
    if not raw.get("scale_attn_weights", True) or raw.get("scale_attn_by_inverse_layer_idx") or raw.get("add_cross_attention"):
        raise CheckpointError(f"{path}: expected attention scores divided by sqrt(head size) and nothing else")
    try:
        config = GPTConfig(
            vocab_size=raw.get("vocab_size", 50257),
            context_length=raw.get("n_positions", 1024),
            n_embd=raw.get("n_embd", 768),
            n_head=raw.get("n_head", 12),
            n_layer=raw.get("n_layer", 12),
            eps=raw.get("layer_norm_epsilon", 1e-5),
            tied_head=raw.get("tie_word_embeddings", True),
        )
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from None
    if raw.get("n_inner") not in (None, config.hidden_size):
        raise CheckpointError(f"{path}: expected a feed-forward layer of 4 x {config.n_embd} units, found {raw['n_inner']!r}")
    return config


def load(folder: str | Path) -> GPT:
    """Read a checkpoint folder into a model, float32, ready to run.

    Every tensor is checked for presence, shape and finite values before the model is built; CheckpointError names the
    first offender with what was expected and what was found.
    """
    config = read_config(folder)
    if config.vocab_size != 50257:
        raise CheckpointError(f"{folder}: expected GPT-2's 50,257 tokens, found vocab_size {config.vocab_size:,}")
    path = Path(folder) / "model.safetensors"
    if not path.is_file():
        others = [name for name in ("pytorch_model.bin", "model.safetensors.index.json") if (path.parent / name).is_file()]
        why = " (one safetensors file is read; pickles never are)" if others else ""
        raise CheckpointError(f"{folder}: expected model.safetensors, found {' and '.join(others) or 'none'}{why}")
    try:
        found = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: expected a complete safetensors file, got: {error}") from None
    twice = [name for name in found if f"transformer.{name}" in found]
    if twice:
        raise CheckpointError(f"{path}: expected one {twice[0]}, found it with and without the prefix 'transformer.'")
    found = {name.removeprefix("transformer."): tensor for name, tensor in found.items() if not name.endswith(IGNORED)}
    if config.tied_head and "lm_head.weight" in found:
        head, table = found.pop("lm_head.weight"), found.get("wte.weight")
        if table is None or head.shape != table.shape or not torch.equal(head, table):
            raise CheckpointError(f"{path}: config.json ties the output head to the token table, but lm_head.weight differs")
    with torch.device("meta"):
        model = GPT(config)
    expected = {hf_name(name): (name, parameter) for name, parameter in model.named_parameters()}
    _compare_names(path, set(expected), set(found))
    state = {}
    for theirs, (ours, parameter) in expected.items():
        tensor = found[theirs]
        if tensor.shape != parameter.shape:
            raise CheckpointError(f"{path}: {theirs}: expected shape {tuple(parameter.shape)}, found {tuple(tensor.shape)}")
        if tensor.dtype not in (torch.float32, torch.float16, torch.bfloat16):
            raise CheckpointError(f"{path}: {theirs}: expected float32, float16 or bfloat16, found {tensor.dtype}")
        if not torch.isfinite(torch.stack(torch.aminmax(tensor))).all():  # reads every number, copies none
            bad = int((~torch.isfinite(tensor)).sum())
            raise CheckpointError(f"{path}: {theirs}: {bad} of {tensor.numel()} numbers are not finite")
        state[ours] = tensor.float()
    if config.tied_head:
        state["out_head.weight"] = state["tok_emb.weight"]
    model.load_state_dict(state, assign=True)
    if config.tied_head:
        model.out_head.weight = model.tok_emb.weight
    return model.requires_grad_(False).eval()


def _compare_names(path: Path, expected: set[str], found: set[str]) -> None:
    missing, extra = sorted(expected - found), sorted(found - expected)
    if missing or extra:
        parts = [
            f"{kind} {', '.join(names[:5])}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            for kind, names in (("missing", missing), ("extra", extra))
            if names
        ]
        raise CheckpointError(f"{path}: expected {len(expected)} tensors of a GPT-2 with this config.json: {'; '.join(parts)}")


def save(
    model: GPT, folder: str | Path, *, dtype: torch.dtype = torch.float32, prefix: str = "transformer.", dropout: float = 0.0
) -> None:
    """Write config.json and model.safetensors so that `load` here and `transformers` elsewhere read the same model.

    dropout: the rate it was trained with, at all places.
    """
    config, folder = model.config, Path(folder)
    if not config.qkv_bias:
        raise ValueError("Hugging Face's GPT-2 format has a bias for queries, keys and values; this model has none")
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        ("" if name.startswith("out_head") else prefix) + hf_name(name): parameter.detach().to(dtype).contiguous()
        for name, parameter in model.named_parameters()
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    described = {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": config.vocab_size,
        "n_positions": config.context_length,
        "n_embd": config.n_embd,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "layer_norm_epsilon": config.eps,
        "activation_function": "gelu_new",
        "embd_pdrop": dropout,
        "attn_pdrop": dropout,
        "resid_pdrop": dropout,
        "tie_word_embeddings": config.tied_head,
    }
    (folder / "config.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    shutil.copymode(folder / "config.json", folder / "model.safetensors")  # safetensors writes for the owner alone


def is_trained(model: GPT) -> bool:
    """False when every LayerNorm still has scale 1 and shift 0, as at initialisation; any training moves them."""
    norms = [module for module in model.modules() if isinstance(module, LayerNorm)]
    return not all(bool((norm.weight == 1).all() and (norm.bias == 0).all()) for norm in norms)
