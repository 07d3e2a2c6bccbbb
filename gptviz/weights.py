"""A checkpoint folder (config.json + safetensors, Hugging Face GPT-2 format) <-> a model.

Only safetensors are read; nothing is ever unpickled. float32 weights stay memory-mapped where the file is known to stay as it
is; float16 and bfloat16 become float32 in memory.
"""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from . import hub, tokenizer, vocabulary
from .config import GPTConfig, Rates
from .files import CheckpointError, Stored, brief, header, read_json
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
CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
YARDSTICK = "yardstick.safetensors"
"""Beside the weights: the held-out tokens of the run that made them, and how often each token stands in what it learned from."""
DROPOUT = ("embd_pdrop", "attn_pdrop", "resid_pdrop")
"""What config.json calls the rates of `Rates`."""
PREFIX = "transformer."
HEAD, TABLE = "lm_head.weight", "wte.weight"
IGNORED = (".attn.bias", ".attn.masked_bias")  # causal masks that old checkpoints carry; not learned
SURPLUS = re.compile(r"(score|classifier|qa_outputs|summary|pooler|(?!lm_head)\w*head\w*)\.")
"""How the names of heads for other tasks begin: of a classifier, of TRL's value head, of GPT2DoubleHeadsModel, ..."""
QUANTISED = ("scale", "qweight", "qzeros", ".SCB", "absmax")
"""What stands in the names of tensors that quantised weights come with."""
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
MOST = {"n_layer": 1000, "n_head": 1000, "vocab_size": 10**9, "context_length": 10**9, "n_embd": 10**9}
"""Blocks and heads that the page can choose from; and what no table has more rows or columns than."""

ENTRIES = {
    "vocab_size": (("vocab_size",), 50257),
    "context_length": (("n_positions", "max_position_embeddings", "n_ctx"), 1024),
    "n_embd": (("n_embd", "hidden_size"), 768),
    "n_head": (("n_head", "num_attention_heads"), 12),
    "n_layer": (("n_layer", "num_hidden_layers"), 12),
    "eps": (("layer_norm_epsilon",), 1e-5),
    "tied_head": (("tie_word_embeddings",), True),
}
"""Our name -> every name GPT2Config takes the entry under, and what it is where config.json has none of them."""
GELU_TANH = ("gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_python_tanh")


@dataclass(frozen=True)
class Plan:
    """How a folder becomes a model, known without reading its weights. tensors: a name of Hugging Face's GPT-2, without prefix ->
    where its numbers lie. extra: names of rows beyond GPT-2's tokens. remarks: what a reader should know of it."""

    config: GPTConfig
    tensors: Mapping[str, Stored]
    extra: Mapping[int, str]
    remarks: tuple[str, ...]


def hf_name(name: str) -> str:
    """Our parameter's name in a Hugging Face GPT-2 checkpoint, without the `transformer.` prefix."""
    for ours, theirs in OURS_TO_HF.items():
        name = name.replace(ours, theirs)
    return name


# config.json ----------------------------------------------------------------------------------------------------------


def read_config(folder: str | Path) -> GPTConfig:
    """config.json of a GPT-2-shaped model. Raises CheckpointError on anything that is not one."""
    return _configured(Path(folder))[0]


def _configured(folder: Path) -> tuple[GPTConfig, set[str]]:
    """What config.json says, and which of our entries it says nothing of."""
    path = folder / CONFIG
    try:
        raw = read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(_no_config(folder)) from None
    if (kind := raw.get("model_type")) != "gpt2":
        hint = (
            'if it is a GPT-2, add "model_type": "gpt2" to the file'
            if kind is None
            else f"gptviz shows GPT-2-shaped models alone, and this is one of the kind {brief(kind)}"
        )
        raise CheckpointError(f"{path}: expected model_type 'gpt2', found {brief(kind)}; {hint}")
    if why := _other_computation(raw):
        raise CheckpointError(f"{path}: {why}; gptviz would show other numbers than this model's, so choose another one")
    given, absent = {}, set()
    for ours, (names, usual) in ENTRIES.items():
        said = {name: raw[name] for name in names if name in raw}
        given[ours] = next(iter(said.values()), usual)
        if not said:
            absent.add(ours)
        if any(value != given[ours] for name, value in said.items() if name != "n_ctx"):
            both = " and ".join(f"{name} {brief(value)}" for name, value in said.items())
            raise CheckpointError(f"{path}: expected one number, found {both}, which are names of the same; keep the right one")
    if type(given["tied_head"]) is not bool:
        raise CheckpointError(f"{path}: expected tie_word_embeddings to be true or false, found {brief(given['tied_head'])}")
    try:
        config = GPTConfig(**given)
    except ValueError as error:
        assumed = [
            f"{ENTRIES[ours][0][0]} {given[ours]}" for ours in ENTRIES if ours in absent and ours in ("n_embd", "n_head")
        ]
        hint = f" (config.json does not say {' and '.join(assumed)}; that is what GPT-2 small has)" if assumed else ""
        raise CheckpointError(f"{path}: {error}{hint}") from None
    for ours, most in MOST.items():
        if (value := getattr(config, ours)) > most:
            raise CheckpointError(
                f"{path}: expected {ENTRIES[ours][0][0]} of at most {most:,}, found {brief(value)}; correct it"
            )
    if raw.get("n_inner") not in (None, config.hidden_size):
        raise CheckpointError(
            f"{path}: expected a feed-forward layer of 4 x {config.n_embd} units, found n_inner {brief(raw['n_inner'])}; gptviz "
            "shows layers of four times the width alone, so choose another model"
        )
    return config, absent


def rates(folder: str | Path) -> Rates | None:
    """The dropout rates a model was trained with, as its config.json says; None where that does not give all three, or no rates."""
    raw = read_json(Path(folder) / CONFIG)
    found = [raw.get(name) for name in DROPOUT]
    if not all(isinstance(rate, int | float) and not isinstance(rate, bool) and 0 <= rate < 1 for rate in found):
        return None
    return Rates(*map(float, found))


def tokens_read(folder: str | Path, vocabulary: int) -> Tensor | None:
    """(word,) which tokens stood in the text a model learned from, by the counts that its run left beside the weights; None where
    there are none of this vocabulary. Raises CheckpointError when they cannot be read."""
    path = Path(folder) / YARDSTICK
    if not path.is_file():
        return None
    counts = header(path).get("counts")
    if counts is None or counts.shape != (vocabulary,) or counts.dtype not in ("I32", "I64"):
        return None
    try:
        with safe_open(path, "pt") as file:
            return file.get_tensor("counts") > 0
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: expected a complete safetensors file, got: {error}; copy or save it again") from None


def _other_computation(raw: Mapping[str, object]) -> str:
    """What in a config.json makes a model compute something else than GPT-2, or ""."""
    activation = raw.get("activation_function", "gelu_new")
    if activation not in GELU_TANH:
        return f"expected activation_function 'gelu_new' (GELU in its tanh form), found {brief(activation)}"
    if raw.get("scale_attn_weights", True) is not True:
        return "expected attention scores divided by sqrt(head size), found scale_attn_weights false: it does not divide them"
    if raw.get("scale_attn_by_inverse_layer_idx"):
        return (
            "expected attention scores divided by sqrt(head size) and nothing else, found scale_attn_by_inverse_layer_idx: it "
            "divides them by the number of the block too"
        )
    if raw.get("add_cross_attention"):
        return "expected a model that reads one text, found add_cross_attention: its blocks also read another model's output"
    if raw.get("is_encoder_decoder"):
        return "expected a model of decoder blocks alone, found is_encoder_decoder"
    if raw.get("pruned_heads"):
        return f"expected as many heads in every block, found pruned_heads {brief(raw['pruned_heads'])}"
    if quantised := raw.get("quantization_config"):
        how = quantised.get("quant_method") if isinstance(quantised, dict) else quantised
        return f"expected weights in float32, float16 or bfloat16, found quantised ones ({brief(how)}): save them dequantised"
    return ""


def _no_config(folder: Path) -> str:
    """Why there is no config.json here, and where it may be."""
    if folder.is_file():
        return f"{folder}: expected a folder, found a file; name the folder it lies in: {folder.parent}"
    if not folder.is_dir():
        return f"{folder}: expected {CONFIG}, found none: there is no such folder (any more); put it back or correct its name"
    if why := _adapter(folder):
        return why
    if (folder / "hparams.json").is_file():
        return (
            f"{folder}: expected {CONFIG}, found hparams.json: TensorFlow weights as OpenAI first published them; the same weights "
            "come as safetensors with `python -m gptviz fetch gpt2`"
        )
    inside = [path.parent for pattern in ("*", "snapshots/*") for path in sorted(folder.glob(f"{pattern}/{CONFIG}"))][:3]
    there = f"; name the folder inside it: {' or '.join(map(str, inside))}" if inside else "; put the model's own there"
    return f"{folder}: expected {CONFIG}, found none{there}"


def _adapter(folder: Path) -> str:
    """Why the adapter in this folder is no model, or "" where there is none."""
    if not (folder / "adapter_config.json").is_file():
        return ""
    base = read_json(folder / "adapter_config.json").get("base_model_name_or_path")
    code = f"from peft import AutoPeftModelForCausalLM as M; M.from_pretrained({str(folder)!r}).merge_and_unload()"
    return (
        f"{folder}: expected a whole model, found an adapter (LoRA) for {brief(base)}: it needs its base. Merge the two with "
        f'`python -c "{code}.save_pretrained({f"{folder}-merged"!r})"` and name that folder'
    )


# the weights, as their files describe them ----------------------------------------------------------------------------


def look(folder: str | Path) -> Plan:
    """Everything about a folder that can be known without reading its weights, and every check that needs no more.

    Raises CheckpointError, which names the first offender with what was expected, what was found and what to do.
    """
    folder = Path(folder)
    config, absent = _configured(folder)
    stored = _stored(folder)
    where = _place(folder, stored)
    twice = [name for name in stored if PREFIX + name in stored]
    if twice:
        raise CheckpointError(
            f"{where}: expected one {twice[0]}, found it with and without the prefix '{PREFIX}'; remove one of the two"
        )
    found = {name.removeprefix(PREFIX): one for name, one in stored.items() if not name.endswith(IGNORED)}
    surplus = sorted(name for name in found if SURPLUS.match(name))
    found = {name: one for name, one in found.items() if name not in surplus}
    if config.n_layer > len(found):
        raise CheckpointError(
            f"{where}: expected {config.n_layer:,} blocks{_said(absent, 'n_layer')}, found {len(found)} tensors in all; correct "
            f"n_layer in {CONFIG}"
        )
    shapes = {hf_name(name): shape for name, shape in config.shapes().items()}
    if config.tied_head and HEAD in found:  # the token table's copy, or the one place where it is
        shapes[HEAD] = shapes[TABLE] if TABLE in found else shapes.pop(TABLE)
    _compare_names(folder, config, absent, set(shapes), found)
    _compare_shapes(folder, shapes, found, absent)
    for name, one in found.items():
        if one.dtype not in DTYPES:
            raise CheckpointError(
                f"{one.path}: {name}: expected float32, float16 or bfloat16 (F32, F16, BF16), found {brief(one.dtype)}; save the "
                "model in one of these"
            )
    remarks = []
    if surplus:
        some = ", ".join(surplus[:4]) + (f" and {len(surplus) - 4} more" if len(surplus) > 4 else "")
        remarks.append(f"Left out, as they are no part of a language model: {some}.")
    if config.tied_head and TABLE not in found:
        remarks.append(f"The file holds the output head alone; {CONFIG} says that it is the token table too.")
    extra = vocabulary.extra(folder, config.vocab_size)
    if rows := config.vocab_size - tokenizer.SIZE:
        names = ", ".join(extra.values()) if len(extra) <= 8 else f"{len(extra)} of them have names"
        remarks.append(
            f"{rows:,} row{'s' * (rows > 1)} beyond GPT-2's {tokenizer.SIZE:,} tokens, which typed text never becomes"
            + (f": {names}." if names else ": the files give them no names.")
        )
    return Plan(config, found, extra, tuple(remarks))


def trouble(folder: str | Path) -> str:
    """Why a folder cannot become a model, as far as `look` tells, or "". Asked again it looks again only where a file changed."""
    folder = Path(folder)
    names = (".", CONFIG, WEIGHTS, INDEX, "tokenizer.json", "vocab.json", "tokenizer_config.json", "added_tokens.json")
    return _trouble(folder, tuple(_stamp(folder / name) for name in names))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=64)
def _trouble(folder: Path, stamps: tuple[tuple[int, int] | None, ...]) -> str:
    try:
        look(folder)
    except (CheckpointError, OSError) as error:
        return str(error)
    return ""


def _said(absent: set[str], ours: str) -> str:
    """That config.json says nothing of an entry, where it does not."""
    return f" ({CONFIG} does not say, and GPT-2 small has so many)" if ours in absent else ""


def _stored(folder: Path) -> Mapping[str, Stored]:
    """Every tensor of the one file, or of the parts that an index names."""
    if (folder / WEIGHTS).exists():
        return header(folder / WEIGHTS)
    if not (folder / INDEX).exists():
        raise CheckpointError(_adapter(folder) or _no_weights(folder))
    parts = read_json(folder / INDEX).get("weight_map")
    if not isinstance(parts, dict) or not parts or not all(isinstance(part, str) for part in parts.values()):
        raise CheckpointError(
            f"{folder / INDEX}: expected weight_map, tensor -> file, found {brief(parts)}; save the model again"
        )
    found = {}
    for part in sorted(set(parts.values())):
        if Path(part).name != part or not part.endswith(".safetensors"):
            raise CheckpointError(
                f"{folder / INDEX}: expected safetensors files beside it, found {brief(part)}; save the model again"
            )
        if not (folder / part).exists():
            raise CheckpointError(f"{folder}: expected {part}, which {INDEX} names, found none; copy or download that file too")
        held = header(folder / part)
        wanted = [name for name, place in parts.items() if place == part]
        if missing := [name for name in wanted if name not in held]:
            raise CheckpointError(f"{folder / part}: expected {missing[0]}, as {INDEX} says, found none; download both again")
        found |= {name: held[name] for name in wanted}
    return found


def _no_weights(folder: Path) -> str:
    """Why there is no model.safetensors here, and how there could be one."""
    names = sorted(path.name for path in folder.glob("*"))
    others = [name for name in names if name.endswith(".safetensors")]
    pickled = [name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt")) and name != "training_args.bin"]
    foreign = [name for name in names if name.endswith((".gguf", ".h5", ".msgpack", ".onnx")) or ".ckpt." in name]
    said = f"{folder}: expected {WEIGHTS}, found {' and '.join((others + pickled + foreign)[:3]) or 'none'}"
    if others:
        return f"{said}: if that is the whole model, call it {WEIGHTS}"
    if "pytorch_model.bin" in pickled:
        return f"{said}, a pickle, and pickles are never opened here: if you trust it, convert it with `{conversion(folder)}`"
    if pickled:
        kept = "from transformers import GPT2LMHeadModel as M"
        code = f"{kept}; M.from_pretrained({str(folder)!r}).save_pretrained({str(folder)!r})"
        return f'{said}, a pickle, and pickles are never opened here: if you trust it, convert it with `python -c "{code}"`'
    if foreign:
        return f"{said}, the weights for another program: get the model's safetensors from where it was published"
    return f"{said}: copy or download the model's weights"


def conversion(folder: Path) -> str:
    """The command that makes model.safetensors of a folder's pytorch_model.bin."""
    source, target = str(folder / "pytorch_model.bin"), str(folder / WEIGHTS)
    return (
        'python -c "import torch; from safetensors.torch import save_file; '
        f"t = torch.load({source!r}, map_location='cpu', weights_only=True); "
        f"save_file({{n: x.clone() for n, x in t.items()}}, {target!r}, {{'format': 'pt'}})\""
    )


def _compare_names(folder: Path, config: GPTConfig, absent: set[str], expected: set[str], found: Mapping[str, Stored]) -> None:
    missing, extra = sorted(expected - set(found)), sorted(set(found) - expected)
    last = next((name for name in extra if name.endswith("ln_f.bias")), "")
    if before := last.removesuffix("ln_f.bias").removesuffix(PREFIX):
        file = str(_place(folder, found))
        code = f"from safetensors.torch import load_file, save_file; t = load_file({file!r}); "
        code += f"save_file({{n.removeprefix({before!r}): x for n, x in t.items()}}, {file!r}, {{'format': 'pt'}})"
        way = f'take it away with `python -c "{code}"`' if (folder / WEIGHTS).exists() else "save the model again without it"
        raise CheckpointError(
            f"{file}: expected ln_f.bias, found {last}: a training program has put {before!r} before every name; {way}"
        )
    if missing or extra:
        parts = [
            f"{kind} {', '.join(names[:5])}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            for kind, names in (("missing", missing), ("extra", extra))
            if names
        ]
        raise CheckpointError(
            f"{_place(folder, found)}: expected {len(expected)} tensors of a GPT-2 with this config.json: {'; '.join(parts)}. "
            f"{_way_out(config, absent, missing, found, extra)}"
        )


def _place(folder: Path, found: Mapping[str, Stored]) -> Path:
    """The file, or the first of several, that holds the weights."""
    return next((one.path for one in found.values()), folder / WEIGHTS)


def _way_out(config: GPTConfig, absent: set[str], missing: list[str], found: Mapping[str, Stored], extra: list[str]) -> str:
    """Why the names in a file are not those of a GPT-2, as far as they tell, and what to do."""
    for part, why in (
        (
            "lora_",
            "These are a model and an adapter (LoRA) in one: merge them (merge_and_unload in PEFT) and save the model again",
        ),
        (
            "crossattention",
            "Its blocks read another model's output too (add_cross_attention), which GPT-2's do not: choose another model",
        ),
        *((part, "These weights are quantised: save them dequantised, in float32, float16 or bfloat16") for part in QUANTISED),
        ("lm_head.bias", "Its output head adds a bias, which GPT-2's does not: choose another model"),
    ):
        if any(part in name for name in extra):
            return why
    if missing == [HEAD]:
        return f"{CONFIG} says tie_word_embeddings false: if the output head is the token table, set it to true"
    blocks = 1 + max((int(name.split(".")[1]) for name in found if re.match(r"h\.\d{1,6}\.", name)), default=-1)
    if blocks and blocks != config.n_layer:
        said = "says nothing of n_layer, which means" if "n_layer" in absent else "says n_layer"
        return f"The weights have {blocks} blocks and {CONFIG} {said} {config.n_layer}: if the weights are whole, set it to {blocks}"
    return "The two files are not of one GPT-2: download or save both again"


def _compare_shapes(folder: Path, shapes: Mapping[str, tuple[int, ...]], found: Mapping[str, Stored], absent: set[str]) -> None:
    """Every tensor has the shape that config.json says. What config.json leaves out, and the weights know, is its own fault."""
    wrong = [name for name, shape in shapes.items() if found[name].shape != shape]
    if not wrong:
        return
    table, positions = found.get(TABLE, found.get(HEAD)), found["wpe.weight"]
    rows = {"vocab_size": (table, 0), "n_embd": (table, 1), "context_length": (positions, 0)}
    for ours, (one, axis) in rows.items():
        name, usual = ENTRIES[ours][0][0], ENTRIES[ours][1]
        if ours in absent and len(one.shape) == 2 and one.shape[axis] != usual:
            raise CheckpointError(
                f"{folder / CONFIG}: expected {name}, found none, which means {usual:,}; {one.name} is {one.shape[0]} x {one.shape[1]}: "
                f'add "{name}": {one.shape[axis]}'
            )
    name = wrong[0]
    raise CheckpointError(
        f"{found[name].path}: {name}: expected shape {shapes[name]}, found {brief(found[name].shape)}; {CONFIG} and the weights are "
        "not of one model: correct the one that is wrong"
    )


# the weights themselves -----------------------------------------------------------------------------------------------


def load(folder: str | Path, *, mapped: bool = False) -> GPT:
    """Read a checkpoint folder into a model, float32, ready to run.

    Every tensor is checked for presence, shape and finite values before the model is built; CheckpointError names the
    first offender with what was expected and what was found. Raises MemoryError when the machine has too little for it.
    mapped: float32 numbers stay in the file and are read when they are needed, which is right for a file that nobody will
    write to: a server that has mapped a file which is then cut short is ended by the system.
    """
    plan = look(folder)
    config, remarks = plan.config, plan.remarks
    if why := hub.too_large(config):
        raise MemoryError(f"{Path(folder).name} does not fit: {why}.")
    read = _read(plan, mapped)
    if config.tied_head:
        table, head = read.get(TABLE), read.get(HEAD)
        if table is not None and head is not None and not torch.equal(table, head):
            config = replace(config, tied_head=False)
            remarks += (
                f"{CONFIG} ties the output head to the token table, but the file has two different ones: both are used.",
            )
        else:
            read[TABLE] = read[HEAD] = head if table is None else table
    with torch.device("meta"):
        model = GPT(config)
    model.load_state_dict({name: read[hf_name(name)] for name in model.state_dict()}, assign=True)
    if config.tied_head:
        model.out_head.weight = model.tok_emb.weight
    model.extra, model.remarks = dict(plan.extra), remarks
    model.rates, model.read = rates(folder), tokens_read(folder, config.vocab_size)
    return model.requires_grad_(False).eval()


def _read(plan: Plan, mapped: bool) -> dict[str, Tensor]:
    """The numbers of a plan, float32, all finite."""
    made = {}
    for path in dict.fromkeys(one.path for one in plan.tensors.values()):
        try:
            with safe_open(path, "pt", backend="mmap" if mapped else "pread") as file:
                for name, one in plan.tensors.items():
                    if one.path == path:
                        made[name] = _checked(one, name, file.get_tensor(one.name))
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{path}: expected a complete safetensors file, got: {error}; copy or save it again"
            ) from None
    return made


def _checked(one: Stored, name: str, tensor: Tensor) -> Tensor:
    if tuple(tensor.shape) != one.shape or tensor.dtype != DTYPES[one.dtype]:
        raise CheckpointError(f"{one.path}: {name} changed while it was read: load the model again when the file is whole")
    if not torch.isfinite(torch.stack(torch.aminmax(tensor))).all():  # reads every number, copies none
        bad = int((~torch.isfinite(tensor)).sum())
        raise CheckpointError(
            f"{one.path}: {name}: {bad} of {tensor.numel()} numbers are not finite; the training that wrote them had broken down, or "
            "the file is damaged: take an earlier one"
        )
    return tensor.float()


def save(
    model: GPT, folder: str | Path, *, dtype: torch.dtype = torch.float32, prefix: str = PREFIX, dropout: float = 0.0
) -> None:
    """Write config.json and model.safetensors so that `load` here and `transformers` elsewhere read the same model. Raises OSError
    where they cannot be written; a model.safetensors that was there before stays whole then. dropout: the rate it was trained with,
    at all places."""
    config, folder = model.config, Path(folder)
    if not config.qkv_bias:
        raise ValueError("Hugging Face's GPT-2 format has a bias for queries, keys and values; this model has none")
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        ("" if name.startswith("out_head") else prefix) + hf_name(name): parameter.detach().to(dtype).contiguous()
        for name, parameter in model.named_parameters()
    }
    try:
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    except SafetensorError as error:
        raise OSError(f"{folder / WEIGHTS} cannot be written: {error}; make room on the disk, or name another folder") from None
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
        **dict.fromkeys(DROPOUT, dropout),
        "tie_word_embeddings": config.tied_head,
    }
    (folder / CONFIG).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    shutil.copymode(folder / CONFIG, folder / WEIGHTS)  # safetensors writes for the owner alone


def is_trained(model: GPT) -> bool:
    """False when every LayerNorm still has scale 1 and shift 0, as at initialisation; any training moves them."""
    norms = (module for module in model.modules() if isinstance(module, LayerNorm))
    return not all(bool((norm.weight == 1).all() and (norm.bias == 0).all()) for norm in norms)


def dropout_history(model: GPT) -> str:
    """Whether dropout was on while these weights were learned: words that go behind "it was"."""
    if not is_trained(model):
        return "never trained"
    if model.rates is None:
        return "trained, with or without dropout: its config.json does not say"
    if not any(model.rates):
        return "trained without dropout"
    embedding, attention, residual = (f"{rate:g}" for rate in model.rates)
    if embedding == attention == residual:
        return f"trained with dropout {embedding}"
    return f"trained with dropout {embedding} on the embedding, {attention} on attention weights, {residual} on what is added"


def mode(model: GPT | None, rate: float, seeds: str) -> str:
    """The state of a pass for a badge: with dropout or without, and whether that is how the model was trained; None for more than
    one model, or for none. seeds: of its masks, such as "seed 3"."""
    if not rate:
        return "EVAL: dropout off"
    if model is None:
        return f"DROPOUT {rate:g}, {seeds}"
    if is_trained(model) and model.rates and any(model.rates):
        own = {f"{one:g}" for one in model.rates}
        return f"TRAIN: dropout {rate:g}, {seeds}" + (
            "" if own == {f"{rate:g}"} else f" (trained with {', '.join(sorted(own))})"
        )
    why = "never trained" if not is_trained(model) else "trained without" if model.rates else "its training is not known"
    return f"DROPOUT {rate:g}, {seeds} ({why})"
