"""Checkpoint folders of every kind that people have or could make up: good ones, and bad ones with what must be said of them.

`write(kind, seed, folder)` makes one and returns what must become of it. The same kind and seed make the same folder.
"""

import json
import os
import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

import torch
from safetensors.torch import save
from torch import Tensor

from gptviz import tokenizer
from gptviz.config import GPTConfig
from gptviz.model import GPT
from gptviz.weights import hf_name
from sample_models import randomised

SHAPE = GPTConfig(n_embd=4, n_head=2, n_layer=2, context_length=16)
TERABYTE = 1 << 40


@dataclass
class Draft:
    """A folder before it is written. tensors: what model.safetensors holds, None for no such file. raw: content of files beside
    those (and in their place). links: name -> what it points to. model: what it must become. words: what the refusal must say."""

    config: dict
    tensors: dict[str, Tensor] | None
    model: GPT
    raw: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    pipes: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    sparse: dict[str, int] = field(default_factory=dict)
    parts: int = 0
    named: str = ""
    extra: dict[int, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def say(self, **entries: object) -> None:
        self.config |= entries


@dataclass(frozen=True)
class Expected:
    """What must become of a folder: this model, or a refusal with these words. path: what GPTVIZ_MODELS would name."""

    path: Path
    model: GPT
    extra: dict[int, str]
    remarks: tuple[str, ...]
    words: tuple[str, ...]


GOOD: dict[str, Callable[[Draft, Random], None]] = {}
BAD: dict[str, tuple[tuple[str, ...], Callable[[Draft, Random], None]]] = {}


def good(change: Callable[[Draft, Random], None]) -> Callable:
    GOOD[change.__name__] = change
    return change


def bad(*words: str) -> Callable:
    def kept(change: Callable[[Draft, Random], None]) -> Callable:
        BAD[change.__name__] = (words, change)
        return change

    return kept


@cache
def source(vocabulary: int = tokenizer.SIZE, tied: bool = True) -> GPT:
    """The model that the good folders hold: shared, so not to be changed."""
    config = GPTConfig(**vars(SHAPE) | {"vocab_size": vocabulary, "tied_head": tied})
    return randomised(config, seed=5)


def stored(model: GPT, prefix: str = "transformer.") -> dict[str, Tensor]:
    return {("" if "out_head" in name else prefix) + hf_name(name): one.clone() for name, one in model.named_parameters()}


def draft() -> Draft:
    config = {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": SHAPE.vocab_size,
        "n_positions": SHAPE.context_length,
        "n_embd": SHAPE.n_embd,
        "n_head": SHAPE.n_head,
        "n_layer": SHAPE.n_layer,
    }
    return Draft(config, stored(source()), source())


def write(kind: str, seed: int, folder: Path) -> Expected:
    """The folder of a kind ("a+b" for two kinds of good ones together), and what must become of it."""
    random, made = Random(f"{kind} {seed}"), draft()
    for name in kind.split("+"):
        if name in BAD:
            made.words, change = BAD[name]
            change(made, random)
        else:
            GOOD[name](made, random)
    folder.mkdir()
    files = {"config.json": json.dumps(made.config).encode()}
    if made.tensors is not None and made.parts:
        files |= in_parts(made.tensors, made.parts)
    elif made.tensors is not None:
        files["model.safetensors"] = save(made.tensors, {"format": "pt"})
    for name, content in (files | made.raw).items():
        if content is not None and name not in made.links and name not in made.pipes + made.folders:
            (folder / name).write_bytes(content)
    for name, size in made.sparse.items():
        os.truncate(folder / name, size)
    for name, target in made.links.items():
        place = folder / name
        if target.startswith("blobs/"):
            (folder.parent / f"{folder.name}-blobs").mkdir(exist_ok=True)
            blob = folder.parent / f"{folder.name}-blobs" / name
            blob.write_bytes((files | made.raw)[name])
            target = str(blob)
        place.symlink_to(target)
    for name in made.pipes:
        os.mkfifo(folder / name)
    for name in made.folders:
        (folder / name).mkdir()
    return Expected(folder / made.named if made.named else folder, made.model, made.extra, made.remarks, made.words)


def in_parts(tensors: dict[str, Tensor], count: int) -> dict[str, bytes]:
    names = sorted(tensors)
    files, places = {}, {}
    for n in range(count):
        name = f"model-{n + 1:05}-of-{count:05}.safetensors"
        some = {key: tensors[key] for key in names[n::count]}
        files[name] = save(some, {"format": "pt"})
        places |= dict.fromkeys(some, name)
    index = {"metadata": {"total_size": 1}, "weight_map": places}
    return files | {"model.safetensors.index.json": json.dumps(index).encode()}


@cache
def shipped(name: str) -> bytes:
    return (tokenizer.ASSETS / name).read_bytes()


def whole(added: dict[int, str] | None = None, pairs: bool = True, **changes: object) -> dict:
    """A tokenizer.json as the `tokenizers` library writes it. pairs: merges as lists of two, not as text."""
    merges = tokenizer.written_merges()
    known = {tokenizer.END_OF_TEXT_ID: tokenizer.END_OF_TEXT} | (added or {})
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": number, "content": token, "special": True} for number, token in known.items()],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True},
        "model": {
            "type": "BPE",
            "vocab": tokenizer.written(),
            "merges": [one.split(" ") for one in merges] if pairs else merges,
        },
    } | changes


def shifted(by: int = 5) -> dict[str, int]:
    """GPT-2's words behind a few special tokens, so that every id moves."""
    tokens = [f"<s{n}>" for n in range(by)] + list(tokenizer.written())[: tokenizer.SIZE - by]
    return {token: number for number, token in enumerate(tokens)}


def put(made: Draft, name: str, value: object) -> None:
    made.raw[name] = json.dumps(value).encode()


# ---- good ones


@good
def plain(made, random):
    pass


@good
def without_prefix(made, random):
    made.tensors = {name.removeprefix("transformer."): one for name, one in made.tensors.items()}


@good
def half_precision(made, random):
    dtype = random.choice([torch.float16, torch.bfloat16])
    model = GPT(made.model.config)
    rounded = {name: one.to(dtype).float() for name, one in made.model.state_dict().items()}
    model.load_state_dict(rounded)
    made.model, made.tensors = model.requires_grad_(False), {name: one.to(dtype) for name, one in made.tensors.items()}


@good
def old_masks(made, random):
    for block in range(2):
        made.tensors[f"transformer.h.{block}.attn.bias"] = torch.ones(1, 1, 16, 16).tril()
        made.tensors[f"transformer.h.{block}.attn.masked_bias"] = torch.tensor(-1e4)


@good
def head_alone(made, random):
    table = next(name for name in made.tensors if name.endswith("wte.weight"))
    made.tensors["lm_head.weight"] = made.tensors.pop(table)
    made.remarks += ("output head alone",)


@good
def head_and_table(made, random):
    table = next(name for name in made.tensors if name.endswith("wte.weight"))
    made.tensors["lm_head.weight"] = made.tensors[table].clone()


@good
def two_tables(made, random):
    made.model = source(tied=False)
    made.tensors = stored(made.model)
    made.remarks += ("two different ones",)


@good
def untied(made, random):
    made.model = source(tied=False)
    made.tensors = stored(made.model)
    made.say(tie_word_embeddings=False)


@good
def surplus_heads(made, random):
    name = random.choice(["score.weight", "classifier.bias", "v_head.summary.weight", "multiple_choice_head.summary.weight"])
    made.tensors[name] = torch.ones(2, 4)
    made.remarks += (name,)


@good
def in_files(made, random):
    made.parts = random.choice([1, 2, 3, 5])


@good
def other_names(made, random):
    for name, other in {
        "n_positions": "max_position_embeddings",
        "n_embd": "hidden_size",
        "n_head": "num_attention_heads",
        "n_layer": "num_hidden_layers",
    }.items():
        if random.random() < 0.7:
            made.config[other] = made.config.pop(name)


@good
def both_names(made, random):
    made.say(hidden_size=4, num_hidden_layers=2, n_ctx=1024)


@good
def n_ctx_alone(made, random):
    made.config.pop("n_positions", None)
    made.config.pop("max_position_embeddings", None)
    made.say(n_ctx=16)


@good
def entries_of_training(made, random):
    made.say(
        n_inner=random.choice([None, 16]), attn_pdrop=0.1, reorder_and_upcast_attn=True, use_cache=True, id2label={"0": "A"}
    )
    made.say(activation_function=random.choice(["gelu_new", "gelu_pytorch_tanh", "gelu_fast"]))


@good
def padded(made, random):
    rows = random.choice([50258, 50304, 50432, 51200])
    made.model = source(rows)
    made.tensors = stored(made.model)
    made.say(vocab_size=rows)
    made.remarks += (f"{rows - 50257:,} row",)


@good
def two_words_more(made, random):
    made.model = source(50259)
    made.tensors = stored(made.model)
    made.say(vocab_size=50259)
    made.extra = {50257: "<|pad|>", 50258: "<|user|>"}
    made.remarks += ("2 rows beyond", "<|user|>")
    match random.randrange(4):
        case 0:
            put(made, "tokenizer.json", whole(made.extra))
        case 1:
            put(made, "added_tokens.json", {token: number for number, token in made.extra.items()})
        case 2:
            decoder = {str(number): {"content": token, "special": True} for number, token in made.extra.items()}
            put(made, "tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", "added_tokens_decoder": decoder})
        case 3:
            put(made, "vocab.json", tokenizer.written() | {token: number for number, token in made.extra.items()})


@good
def gpt2s_lists(made, random):
    words, merges = random.choice([("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")])
    made.raw[words] = shipped("encoder.json")
    made.raw[merges] = shipped("vocab.bpe").replace(b"\n", random.choice([b"\n", b"\r\n"]))


@good
def gpt2s_tokenizer(made, random):
    after = {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}], "special_tokens": {}}
    found = whole(pairs=random.random() < 0.5)
    if random.random() < 0.5:
        found["post_processor"] = after
    if random.random() < 0.5:
        del found["model"]["type"]
    put(made, "tokenizer.json", found)
    put(made, "tokenizer_config.json", {"model_max_length": 1024, "add_prefix_space": False, "add_bos_token": False})


@good
def one_word_too_many(made, random):
    put(made, "tokenizer.json", whole({50257: "<|pad|>"}))  # the tokenizer has a word that the table has no row for


@good
def files_beside(made, random):
    made.raw |= {"README.md": b"# mine", "training_args.bin": b"\x80", "generation_config.json": b"{}", "optimizer.pt": b"\x80"}
    made.raw["pytorch_model.bin"] = pickle.dumps("left alone")


@good
def links_to_blobs(made, random):
    made.links = {"config.json": "blobs/", "model.safetensors": "blobs/"} if not made.parts else {"config.json": "blobs/"}


# ---- bad ones: config.json


@bad("config.json", "readable JSON")
def no_json(made, random):
    content = json.dumps(made.config).encode()
    made.raw["config.json"] = random.choice([b"", content[:-1], content[:40], b"\xff\xfe" + content, b"root:x:0:0", b"\0" * 99])


@bad("config.json", "lists in lists")
def nested_without_end(made, random):
    made.raw["config.json"] = random.choice([b"[" * 200_000, b'{"a":' * 200_000])


@bad("config.json", "at most", "MiB")
def endless(made, random):
    made.raw["config.json"], made.sparse["config.json"] = b"{", TERABYTE


@bad("config.json", "one JSON object")
def no_object(made, random):
    made.raw["config.json"] = random.choice([b"[]", b"3", b"null", b'"gpt2"', b"NaN", b"[[1], 2]"])


@bad("config.json", "readable JSON", "digits")
def number_of_a_million_digits(made, random):
    made.raw["config.json"] = b'{"model_type": "gpt2", "n_embd": ' + b"9" * 1_000_000 + b"}"


@bad("model_type 'gpt2'", "alone")
def other_kind(made, random):
    made.say(model_type=random.choice(["llama", "gpt_neo", "gptj", "opt", "bert", ["gpt2"], 7, "x" * 100_000]))


@bad("model_type 'gpt2'", 'add "model_type"')
def no_kind(made, random):
    del made.config["model_type"]


@bad("config.json")
def sizes_that_are_none(made, random):
    name = random.choice(["n_embd", "n_head", "n_layer", "n_positions", "vocab_size"])
    made.config[name] = random.choice([-1, 0, "4", 4.0, None, True, [4], {"a": 1}, float("nan"), float("inf"), -(10**30)])


@bad("config.json", "at most")
def sizes_beyond_all_bounds(made, random):
    made.config[random.choice(["n_embd", "n_layer", "n_positions", "vocab_size"])] = 10 ** random.choice([10, 30, 4000])


@bad("10,000,000", "n_layer", "at most")
def blocks_without_end(made, random):
    made.config["n_layer"] = 10_000_000_000
    made.words = ("config.json", "n_layer", "at most 1,000")


@bad("expected 900 blocks", "tensors in all")
def blocks_that_are_not_there(made, random):
    made.config["n_layer"] = 900


@bad("eps")
def epsilon_that_is_none(made, random):
    made.say(layer_norm_epsilon=random.choice([None, "1e-5", 0, 0.0, -1e-5, float("nan"), float("inf"), 2.0]))


@bad("tie_word_embeddings", "true or false")
def a_tie_that_is_text(made, random):
    made.say(tie_word_embeddings=random.choice(["false", 0, None, "true"]))


@bad("names of the same")
def names_that_differ(made, random):
    made.config |= random.choice([{"hidden_size": 8}, {"num_attention_heads": 1}, {"max_position_embeddings": 32}])


@bad('add "n_positions": 16')
def positions_left_out(made, random):
    del made.config["n_positions"]


@bad('add "n_embd": 4')
def width_left_out(made, random):
    del made.config["n_embd"]


@bad("n_layer", "which means 12")
def blocks_left_out(made, random):
    del made.config["n_layer"]


@bad("does not say n_head 12")
def heads_left_out(made, random):
    del made.config["n_head"]


@bad("gelu_new")
def other_activation(made, random):
    made.say(activation_function=random.choice(["relu", "gelu", "silu", "quick_gelu", None]))


@bad("4 x 4 units", "n_inner")
def other_hidden_size(made, random):
    made.say(n_inner=random.choice([8, 32, "16", -1]))


@bad("scale_attn_weights")
def unscaled(made, random):
    made.say(scale_attn_weights=False)


@bad("scale_attn_by_inverse_layer_idx", "number of the block")
def scaled_by_block(made, random):
    made.say(scale_attn_by_inverse_layer_idx=True)


@bad("add_cross_attention", "another model's output")
def cross_attention(made, random):
    made.say(add_cross_attention=True)


@bad("pruned_heads")
def pruned(made, random):
    made.say(pruned_heads={"0": [1]})


@bad("quantised", "bitsandbytes", "dequantised")
def quantised(made, random):
    made.say(quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True})


# ---- bad ones: no model here


@bad("expected config.json, found none", "put the model's own there")
def no_config(made, random):
    made.raw["config.json"] = None


@bad("no such folder")
def no_folder(made, random):
    made.named = "gone"


@bad("found a file", "name the folder it lies in")
def the_file_itself(made, random):
    made.named = random.choice(["model.safetensors", "config.json"])


@bad("adapter", "base/model", "merge_and_unload")
def adapter(made, random):
    put(made, "adapter_config.json", {"peft_type": "LORA", "base_model_name_or_path": "base/model"})
    made.raw["adapter_model.safetensors"] = save({"base_model.model.lora_A.weight": torch.zeros(2)})
    made.tensors = None
    if random.random() < 0.5:
        made.raw["config.json"] = None


@bad("hparams.json", "gptviz fetch")
def tensorflow(made, random):
    made.raw |= {"config.json": None, "hparams.json": b"{}", "model.ckpt.index": b""}
    made.tensors = None


@bad("pytorch_model.bin", "torch.load", "weights_only=True")
def pickle_alone(made, random):
    made.tensors = None
    made.raw["pytorch_model.bin"] = pickle.dumps({})


@bad("pickles are never opened", "save_pretrained")
def pickles_in_parts(made, random):
    made.tensors = None
    made.raw["pytorch_model-00001-of-00002.bin"] = pickle.dumps({})


@bad("another program")
def other_program(made, random):
    made.tensors = None
    made.raw[random.choice(["model.gguf", "tf_model.h5", "flax_model.msgpack"])] = b"GGUF"


@bad("call it model.safetensors")
def other_file_name(made, random):
    made.raw["gpt2-fp16.safetensors"] = save(made.tensors)
    made.tensors = None


@bad("copy or download the model's weights")
def no_weights(made, random):
    made.tensors = None


# ---- bad ones: the weights


@bad("git lfs pull")
def lfs_pointer(made, random):
    made.raw["model.safetensors"] = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 548105171\n"


@bad("complete safetensors file")
def cut_short(made, random):
    content = save(made.tensors, {"format": "pt"})
    made.raw["model.safetensors"] = content[: random.randrange(len(content))]


@bad("complete safetensors file")
def long_header(made, random):
    length = random.choice([1 << 30, 1 << 62, (1 << 64) - 1, 100_000_000])
    made.raw["model.safetensors"] = struct.pack("<Q", length) + b"{" * 1000
    made.sparse["model.safetensors"] = random.choice([2000, TERABYTE])


def lying(made: Draft, **changes: object) -> None:
    """A safetensors file whose header says this of the token table."""
    content = save(made.tensors, {"format": "pt"})
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    header["transformer.wte.weight"] |= changes
    written = json.dumps(header).encode()
    made.raw["model.safetensors"] = struct.pack("<Q", len(written)) + written + content[8 + length :]


@bad("complete safetensors file")
def places_outside(made, random):
    lying(made, data_offsets=random.choice([[0, 1 << 50], [-1, 7], [9, 3], [1 << 70, 1 << 71], "x", [0], [0.5, 1]]))


@bad("complete safetensors file")
def shapes_that_lie(made, random):
    lying(
        made,
        shape=random.choice([[1 << 40, 1 << 40], [-1, 4], [50257, 5], [50257], "4", [50257, 4.0], [[50257, 4]], [True, 4]]),
    )


@bad("complete safetensors file")
def dtypes_that_lie(made, random):
    lying(made, dtype=random.choice(["F16", "F64", "I8", "BOOL", 7, None]))


@bad("wte.weight")
def unknown_dtypes(made, random):
    lying(made, dtype=random.choice(["F8_E4M3", "F4", "NF4", "x" * 1000]))


@bad("complete safetensors file")
def header_that_is_none(made, random):
    header = random.choice([b"[]", b"3", b'{"a": 1}', b'{"a": {"dtype": "F32"}}', b'{"__metadata__": 3, "a": []}'])
    made.raw["model.safetensors"] = struct.pack("<Q", len(header)) + header


@bad("readable JSON")
def header_without_end(made, random):
    header = random.choice([b"[" * 100_000, b"not json", b"\xff" * 50, b'{"a": ' + b"9" * 5000 + b"}"])
    made.raw["model.safetensors"] = struct.pack("<Q", len(header)) + header


@bad("lists in lists")
def terabytes_of_nothing(made, random):
    made.raw["model.safetensors"] = struct.pack("<Q", 200_000) + b"[" * 200_000
    made.sparse["model.safetensors"] = TERABYTE


@bad("does not fit", "of memory needed")
def terabytes_of_zeros(made, random):
    width = 1 << 18
    shapes = {
        hf_name(name): shape for name, shape in GPTConfig(**vars(SHAPE) | {"n_embd": width, "n_layer": 1}).shapes().items()
    }
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 4 * torch.Size(shape).numel()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    written = json.dumps(header).encode()
    made.say(n_embd=width, n_layer=1)
    made.raw["model.safetensors"] = struct.pack("<Q", len(written)) + written
    made.sparse["model.safetensors"] = 8 + len(written) + at


@bad("before every name", "removeprefix")
def a_prefix_in_the_way(made, random):
    before = random.choice(["module.", "_orig_mod.", "model.", "base_model.model.", "module._orig_mod."])
    made.tensors = {before + name: one for name, one in made.tensors.items()}


@bad("with and without the prefix")
def twice(made, random):
    made.tensors["wpe.weight"] = made.tensors["transformer.wpe.weight"] + 1


@bad("adapter (LoRA) in one", "merge_and_unload")
def adapter_inside(made, random):
    made.tensors["transformer.h.0.attn.c_attn.lora_A.default.weight"] = torch.zeros(2, 4)


@bad("add_cross_attention")
def cross_attention_inside(made, random):
    made.tensors["transformer.h.0.crossattention.c_attn.weight"] = torch.zeros(4, 8)


@bad("quantised", "dequantised")
def scales_inside(made, random):
    made.tensors[f"transformer.h.0.attn.c_attn.{random.choice(['weight_scale', 'qweight', 'SCB', 'weight.absmax'])}"] = (
        torch.ones(3)
    )


@bad("adds a bias")
def a_head_with_bias(made, random):
    made.tensors["lm_head.bias"] = torch.zeros(50257)


@bad("missing", "not of one GPT-2")
def tensors_left_out(made, random):
    del made.tensors[random.choice([name for name in made.tensors if ".h.0." in name])]


@bad("3 blocks", "says n_layer 2")
def a_block_too_many(made, random):
    for name in [name for name in made.tensors if ".h.1." in name]:
        made.tensors[name.replace(".h.1.", ".h.2.")] = made.tensors[name].clone()


@bad("missing lm_head.weight", "set it to true")
def untied_without_head(made, random):
    made.say(tie_word_embeddings=False)


@bad("missing wte.weight")
def no_table_at_all(made, random):
    del made.tensors["transformer.wte.weight"]


@bad("expected shape")
def turned_over(made, random):
    name = random.choice([name for name in made.tensors if name.endswith(("c_attn.weight", "c_fc.weight"))])
    made.tensors[name] = made.tensors[name].T.contiguous()


@bad("not finite")
def broken_numbers(made, random):
    tensor = made.tensors[random.choice(list(made.tensors))]
    tensor.view(-1)[random.randrange(tensor.numel())] = random.choice([float("nan"), float("inf"), float("-inf")])


@bad("float32, float16 or bfloat16")
def other_numbers(made, random):
    dtype = random.choice([torch.float64, torch.int8, torch.int64, torch.float8_e4m3fn, torch.uint8])
    made.tensors["transformer.ln_f.bias"] = made.tensors["transformer.ln_f.bias"].to(dtype)


# ---- bad ones: in parts


@bad("model-00002-of-00003.safetensors", "found none")
def a_part_missing(made, random):
    made.parts = 3
    made.raw["model-00002-of-00003.safetensors"] = None


@bad("files beside it")
def parts_elsewhere(made, random):
    place = random.choice(["../model.safetensors", "/etc/passwd", "a/b.safetensors", "", "model.bin"])
    put(made, "model.safetensors.index.json", {"weight_map": {"wte.weight": place}})
    made.tensors = None


@bad("weight_map")
def no_list_of_parts(made, random):
    put(
        made,
        "model.safetensors.index.json",
        random.choice([{}, {"weight_map": []}, {"weight_map": {"a": 3}}, {"weight_map": {}}]),
    )
    made.tensors = None


@bad("found none", "download both again")
def a_part_without_its_tensor(made, random):
    made.parts = 2
    files = in_parts(made.tensors, 2)
    made.raw["model-00001-of-00002.safetensors"] = files["model-00002-of-00002.safetensors"]


# ---- bad ones: the tokenizer


@bad("expected GPT-2's tokenizer", "id 0 is '<s0>'")
def own_words(made, random):
    words = shifted(random.choice([1, 5, 300]))
    if random.random() < 0.5:
        put(made, "vocab.json", words)
        made.raw["merges.txt"] = shipped("vocab.bpe")
    else:
        found = whole()
        found["model"]["vocab"] = words
        found["added_tokens"] = []
        put(made, "tokenizer.json", found)


@bad("expected GPT-2's tokenizer", "1 of 50,257 ids differ")
def one_word_differs(made, random):
    words = tokenizer.written()
    token = random.choice(list(words)[:-1])
    number = words.pop(token)
    put(made, "vocab.json", words | {f"{token}x@@": number})


@bad("expected GPT-2's tokenizer", "merges")
def own_merges(made, random):
    merges = tokenizer.written_merges()
    at = random.randrange(len(merges) - 1)
    if random.random() < 0.5:
        merges[at], merges[at + 1] = merges[at + 1], merges[at]
    else:
        merges = merges[:at]
    made.raw["vocab.json"], made.raw["merges.txt"] = shipped("encoder.json"), "\n".join(["#version: 0.2", *merges]).encode()


@bad("expected GPT-2's tokenizer")
def own_rules(made, random):
    put(
        made,
        "tokenizer.json",
        whole(
            **random.choice(
                [
                    {"normalizer": {"type": "Lowercase"}},
                    {"normalizer": {"type": "NFC"}},
                    {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}},
                    {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}},
                    {"pre_tokenizer": None},
                    {"pre_tokenizer": {"type": "Metaspace"}},
                    {"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}]}},
                    {"post_processor": {"type": "RobertaProcessing"}},
                    {"model": {"type": "Unigram", "vocab": []}},
                    {"model": {"type": "BPE", "vocab": 3, "merges": []}},
                    {"model": []},
                    {"added_tokens": [{"id": 50256, "content": "<pad>"}]},
                    {"added_tokens": [{"id": 0, "content": "<s>"}]},
                ]
            )
        ),
    )


@bad("puts a", "before every text")
def puts_before(made, random):
    put(made, "tokenizer_config.json", {random.choice(["add_bos_token", "add_prefix_space"]): True})


@bad("expected GPT-2's tokenizer")
def other_tokenizers(made, random):
    match random.randrange(3):
        case 0:
            made.raw["vocab.txt"] = b"[PAD]\n[UNK]\n"
        case 1:
            made.raw[random.choice(["spiece.model", "tokenizer.model", "sentencepiece.bpe.model"])] = b"\n\x0e"
        case 2:
            put(
                made,
                "tokenizer_config.json",
                {"tokenizer_class": random.choice(["BertTokenizer", "T5Tokenizer", "LlamaTokenizer"])},
            )


@bad("vocabulary of its own")
def few_words(made, random):
    rows = random.choice([1, 65, 21_128, 50_256])
    made.model = source(rows)
    made.tensors = stored(made.model)
    made.say(vocab_size=rows)


@bad("rows of padding", "tokenizer.json")
def many_words_unsaid(made, random):
    made.model = source(60_000)
    made.tensors = stored(made.model)
    made.say(vocab_size=60_000)


@bad("readable JSON")
def tokenizer_that_is_none(made, random):
    made.raw[random.choice(["tokenizer.json", "vocab.json", "tokenizer_config.json", "added_tokens.json"])] = random.choice(
        [b"", b"{", b"[" * 100_000, b"\xff\xfe"]
    )


@bad("one JSON object")
def tokenizer_of_another_form(made, random):
    made.raw[random.choice(["tokenizer.json", "vocab.json", "tokenizer_config.json", "added_tokens.json"])] = b"[]"


# ---- bad ones: links, pipes, devices


@bad("config.json", "readable JSON")
def config_is_the_password_file(made, random):
    made.links["config.json"] = "/etc/passwd"


@bad("safetensors file")
def weights_are_the_password_file(made, random):
    made.links["model.safetensors"] = "/etc/passwd"


@bad("expected a plain file")
def a_device(made, random):
    made.links[random.choice(["config.json", "model.safetensors", "tokenizer.json", "vocab.json"])] = random.choice(
        ["/dev/zero", "/dev/null", "/dev/random"]
    )


@bad("expected a plain file")
def a_pipe(made, random):
    made.pipes.append(random.choice(["config.json", "model.safetensors", "tokenizer.json", "merges.txt", "added_tokens.json"]))


@bad("expected")
def a_link_to_itself(made, random):
    made.links[random.choice(["config.json", "model.safetensors"])] = random.choice(["config.json", "model.safetensors"])


@bad("expected")
def a_folder_in_its_place(made, random):
    made.folders.append(random.choice(["config.json", "model.safetensors", "tokenizer.json"]))
