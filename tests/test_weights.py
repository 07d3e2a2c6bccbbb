"""A checkpoint folder in, a model out: every spelling that exists, and a message for everything that is not one."""

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from gptviz import trace, weights
from gptviz.config import PRESETS, GPTConfig
from gptviz.model import GPT
from gptviz.weights import CheckpointError
from sample_models import EFFORT, mini, randomised, tiny, untrained

DTYPES = (torch.float32, torch.float16, torch.bfloat16)


@pytest.fixture
def folder(tmp_path) -> Path:
    """The tiny model as a checkpoint folder, for a test to spoil."""
    weights.save(tiny(), tmp_path)
    return tmp_path


def spoil(folder: Path, change, **options) -> None:
    """Rewrite model.safetensors after `change(tensors)`."""
    path = folder / "model.safetensors"
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    change(tensors)
    path.unlink()  # a new file: the mapping of the old one keeps its numbers
    save_file(tensors, path, metadata={"format": "pt"}, **options)


def describe(folder: Path, **changes) -> None:
    """Rewrite config.json with these entries changed."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def refused(folder: Path, *words: str) -> str:
    with pytest.raises(CheckpointError) as caught:
        weights.load(folder)
    text = str(caught.value)
    assert str(folder) in text and all(word in text for word in words), text
    return text


def assert_same(one: GPT, two: GPT, tolerance: float = 0.0) -> None:
    assert one.config == two.config
    ours, theirs = dict(one.named_parameters()), dict(two.named_parameters())
    assert list(ours) == list(theirs)
    for name, parameter in ours.items():
        torch.testing.assert_close(parameter, theirs[name], rtol=0, atol=tolerance)


# ---- what can be read


@pytest.mark.parametrize("prefix", ["transformer.", ""])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_precision_with_and_without_the_prefix(tmp_path, dtype, prefix):
    weights.save(tiny(), tmp_path, dtype=dtype, prefix=prefix)
    on_disk = load_file(tmp_path / "model.safetensors")
    assert {tensor.dtype for tensor in on_disk.values()} == {dtype}
    assert f"{prefix}h.0.attn.c_attn.weight" in on_disk and "lm_head.weight" not in on_disk
    model = weights.load(tmp_path)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, tiny().get_parameter(name).to(dtype).float()), name


def test_a_loaded_model_is_ready_to_run(folder):
    model = weights.load(folder)
    assert not model.training and not any(parameter.requires_grad for parameter in model.parameters())
    assert model.out_head.weight is model.tok_emb.weight
    assert torch.equal(trace.run(model, EFFORT)["logits"], trace.run(tiny(), EFFORT)["logits"])


def test_an_untied_head(tmp_path):
    model = randomised(GPTConfig(n_embd=16, n_head=2, n_layer=1, context_length=8, tied_head=False))
    weights.save(model, tmp_path)
    assert "lm_head.weight" in load_file(tmp_path / "model.safetensors")
    again = weights.load(tmp_path)
    assert_same(model, again)
    assert not torch.equal(again.out_head.weight, again.tok_emb.weight)


def test_causal_masks_of_old_checkpoints_are_passed_over(folder):
    def old(tensors):
        for block in range(2):
            tensors[f"transformer.h.{block}.attn.bias"] = torch.ones(1, 1, 32, 32).tril()
            tensors[f"transformer.h.{block}.attn.masked_bias"] = torch.tensor(-1e4)

    spoil(folder, old)
    assert_same(weights.load(folder), tiny())


def test_a_copy_of_the_tied_head_is_accepted_and_another_table_is_a_head_of_its_own(folder):
    spoil(folder, lambda tensors: tensors.update({"lm_head.weight": tensors["transformer.wte.weight"].clone()}))
    assert_same(weights.load(folder), tiny())
    spoil(folder, lambda tensors: tensors["lm_head.weight"][3, 3].add_(1))
    model = weights.load(folder)
    assert not model.config.tied_head and model.out_head.weight[3, 3] == model.tok_emb.weight[3, 3] + 1
    assert "has two different ones: both are used" in model.remarks[0]


def test_sizes_left_out_of_the_config_are_gpt2_smalls(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    assert weights.read_config(tmp_path) == PRESETS["gpt2"]


def test_saved_and_loaded_is_the_same_model(tmp_path):
    weights.save(mini(), tmp_path / "new" / "folder")
    assert_same(weights.load(tmp_path / "new" / "folder"), mini())


def test_a_full_disk_is_said_and_what_was_there_stays(tmp_path):
    resource = pytest.importorskip("resource")
    weights.save(tiny(), tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # no file may grow longer: as on a disk that is full
    try:
        with pytest.raises(OSError, match="model.safetensors cannot be written.*make room on the disk"):
            weights.save(randomised(PRESETS["tiny"], seed=9), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert_same(weights.load(tmp_path), tiny())
    with pytest.raises(OSError):
        weights.save(tiny(), tmp_path / "config.json" / "below")


def test_a_model_the_format_has_no_room_for_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="bias for queries, keys and values"):
        weights.save(GPT(GPTConfig(n_embd=16, n_head=2, n_layer=1, qkv_bias=False)), tmp_path)
    assert not list(tmp_path.iterdir())


# ---- cheap: mapped, not copied; no random numbers first


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the system does not list its mappings")
def test_float32_weights_stay_mapped_from_the_file(folder):
    def mapped(address: int) -> str:
        for line in Path("/proc/self/maps").read_text().splitlines():
            low, high = (int(edge, 16) for edge in line.split()[0].split("-"))
            if low <= address < high:
                return line.split(maxsplit=5)[-1]
        return ""

    model = weights.load(folder, mapped=True)
    for name, parameter in model.named_parameters():
        assert mapped(parameter.data_ptr()).endswith(str(folder / "model.safetensors")), name
    assert not mapped(weights.load(folder).tok_emb.weight.data_ptr()).endswith("model.safetensors")


def test_a_file_that_is_written_over_while_it_is_in_use_takes_nobody_along(folder):
    """A mapped file that is cut short ends the whole process."""
    model = weights.load(folder)
    os.truncate(folder / "model.safetensors", 100)
    assert torch.equal(trace.run(model, EFFORT)["logits"], trace.run(tiny(), EFFORT)["logits"])


def test_nothing_is_initialised_or_allocated_before_the_file_is_read(folder, monkeypatch):
    def never(self, *args, **kwargs):
        assert self.device.type == "meta", "random numbers for weights that come from a file"
        return self

    devices = []
    real = GPT.load_state_dict

    def observed(self, *args, **kwargs):
        devices.extend(parameter.device.type for parameter in self.parameters())
        return real(self, *args, **kwargs)

    monkeypatch.setattr(torch.Tensor, "normal_", never)
    monkeypatch.setattr(torch.Tensor, "uniform_", never)
    monkeypatch.setattr(GPT, "load_state_dict", observed)
    assert_same(weights.load(folder), tiny())
    assert set(devices) == {"meta"}


# ---- what is refused, and in which words


def test_missing_extra_and_renamed_tensors_are_named(folder):
    def rename(tensors):
        tensors["transformer.h.0.attn.c_attn.wieght"] = tensors.pop("transformer.h.0.attn.c_attn.weight")

    spoil(folder, rename)
    refused(folder, "28 tensors", "missing h.0.attn.c_attn.weight", "extra h.0.attn.c_attn.wieght")


def test_many_missing_tensors_are_counted(folder):
    spoil(folder, lambda tensors: [tensors.pop(name) for name in list(tensors) if ".h.1." in name])
    assert "extra" not in refused(folder, "missing h.1.attn.c_attn.bias", "and 7 more")


def test_an_untied_model_without_its_head(folder):
    describe(folder, tie_word_embeddings=False)
    refused(folder, "missing lm_head.weight")


def test_a_tensor_with_and_without_the_prefix(folder):
    spoil(folder, lambda tensors: tensors.update({"wpe.weight": tensors["transformer.wpe.weight"] + 1}))
    refused(folder, "expected one wpe.weight", "with and without the prefix")


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("h.1.mlp.c_fc.weight", (64, 16), ["h.1.mlp.c_fc.weight", "expected shape (16, 64), found (64, 16)"]),
        ("wpe.weight", (33, 16), ["wpe.weight", "(32, 16)", "(33, 16)"]),
        ("ln_f.bias", (1,), ["ln_f.bias", "(16,)", "(1,)"]),
    ],
)
def test_a_tensor_of_the_wrong_shape(folder, name, shape, words):
    spoil(folder, lambda tensors: tensors.update({"transformer." + name: torch.zeros(shape)}))
    refused(folder, *words)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite_are_named_and_counted(tmp_path, dtype, value):
    weights.save(tiny(), tmp_path, dtype=dtype)

    def put(tensors):
        tensors["transformer.h.0.ln_2.weight"][5] = value
        tensors["transformer.h.0.ln_2.weight"][9] = value

    spoil(tmp_path, put)
    refused(tmp_path, "h.0.ln_2.weight: 2 of 16 numbers are not finite")


def test_finite_numbers_with_an_infinite_sum_are_finite(folder):
    spoil(folder, lambda tensors: tensors["transformer.wpe.weight"].fill_(3e38))
    assert (weights.load(folder).pos_emb.weight == 3e38).all()


def test_whole_numbers_for_weights(folder):
    spoil(folder, lambda tensors: tensors.update({"transformer.ln_f.bias": torch.zeros(16, dtype=torch.int64)}))
    refused(folder, "ln_f.bias", "float32, float16 or bfloat16", "I64")


@pytest.mark.parametrize("keep", [0, 5, 200, 4000, -1])
def test_a_truncated_file(folder, keep):
    path = folder / "model.safetensors"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:keep])
    refused(folder, "model.safetensors", "complete safetensors file")


def test_no_file(folder):
    (folder / "model.safetensors").unlink()
    refused(folder, "expected model.safetensors, found none")


def test_no_folder(tmp_path):
    refused(tmp_path / "nowhere", "expected config.json, found none")


@pytest.mark.parametrize("content", [b"", b"{", b"not json", b"\xff\xfe\x00"])
def test_a_config_that_is_no_json(folder, content):
    (folder / "config.json").write_bytes(content)
    refused(folder, "config.json", "readable JSON")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_config_in_any_encoding_of_unicode(folder, encoding):
    written, expected = folder / "config.json", weights.read_config(folder)
    written.write_text(written.read_text(), encoding=encoding)
    assert weights.read_config(folder) == expected


def test_a_config_in_another_encoding_is_refused_with_the_place(folder):
    (folder / "config.json").write_bytes('{"model_type": "gpt2", "name": "é"}'.encode("latin-1"))
    refused(folder, "config.json", "byte 0xe9 in position 32")


@pytest.mark.parametrize("content", ["[]", "3", "null", '"gpt2"'])
def test_a_config_that_is_no_object(folder, content):
    (folder / "config.json").write_text(content)
    refused(folder, "one JSON object, found")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "llama"}, ["model_type 'gpt2'", "'llama'"]),
        ({"activation_function": "gelu"}, ["gelu_new", "tanh form", "'gelu'"]),
        ({"activation_function": "relu"}, ["gelu_new", "'relu'"]),
        ({"n_inner": 32}, ["4 x 16 units", "32"]),
        ({"n_inner": "64"}, ["4 x 16 units", "'64'"]),
        ({"vocab_size": 50304}, ["wte.weight", "(50304, 16)", "(50257, 16)"]),
        ({"scale_attn_weights": False}, ["sqrt(head size)", "does not divide"]),
        ({"scale_attn_by_inverse_layer_idx": True}, ["sqrt(head size)", "number of the block"]),
        ({"add_cross_attention": True}, ["another model's output"]),
        ({"n_head": 3}, ["16", "3 heads", "rest of 1"]),
        ({"n_embd": None}, ["n_embd", "None"]),
        ({"n_layer": "2"}, ["n_layer", "'2'"]),
        ({"n_positions": 0}, ["context_length", "at least 1"]),
        ({"layer_norm_epsilon": None}, ["eps", "None"]),
    ],
)
def test_a_config_of_something_else(folder, changes, words):
    describe(folder, **changes)
    refused(folder, *words)


@pytest.mark.parametrize("activation", ["gelu_new", "gelu_pytorch_tanh"])
def test_both_names_of_the_tanh_form(folder, activation):
    describe(folder, activation_function=activation, n_inner=64)
    assert_same(weights.load(folder), tiny())


def test_distilgpt2s_shape(tmp_path):
    """Half of GPT-2 small's blocks, described with the entries that checkpoint has."""
    described = {
        "_num_labels": 1,
        "activation_function": "gelu_new",
        "architectures": ["GPT2LMHeadModel"],
        "attn_pdrop": 0.1,
        "bos_token_id": 50256,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-05,
        "model_type": "gpt2",
        "n_ctx": 1024,
        "n_embd": 768,
        "n_head": 12,
        "n_layer": 6,
        "n_positions": 1024,
        "resid_pdrop": 0.1,
        "summary_type": "cls_index",
        "vocab_size": 50257,
    }
    (tmp_path / "config.json").write_text(json.dumps(described))
    config = weights.read_config(tmp_path)
    assert config == GPTConfig(n_layer=6) and config.n_parameters == 81_912_576


def test_other_files_are_named_and_not_opened(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    refused(folder, "expected model.safetensors", "found pytorch_model.bin")


# ---- pickles are never opened


class Bomb:
    """Writes a file when unpickled."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return (Path.touch, (self.marker,))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors", "model.pt"])
def test_a_pickle_is_never_opened(tmp_path, name):
    weights.save(tiny(), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / name).write_bytes(pickle.dumps(Bomb(tmp_path / "boom")))
    refused(tmp_path, "model.safetensors")
    assert not (tmp_path / "boom").exists()
    pickle.loads((tmp_path / name).read_bytes())
    assert (tmp_path / "boom").exists()  # the bomb works


def test_a_pickle_beside_good_weights_is_left_alone(folder):
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(folder / "boom")))
    weights.load(folder)
    assert not (folder / "boom").exists()


# ---- state


def test_training_shows_in_the_layernorms():
    assert weights.is_trained(mini())
    assert not weights.is_trained(untrained())
    assert not weights.is_trained(GPT(PRESETS["tiny"]).init_weights(0))
    model = GPT(PRESETS["tiny"]).init_weights(0)
    model.blocks[1].norm2.bias.data[3] = 1e-6
    assert weights.is_trained(model)


def test_names_go_over_one_to_one():
    names = [weights.hf_name(name) for name, _ in tiny().named_parameters()]
    assert len(set(names)) == len(names)
    assert names[:4] == ["wte.weight", "wpe.weight", "h.0.ln_1.weight", "h.0.ln_1.bias"]
    assert "h.1.mlp.c_proj.bias" in names and names[-1] == "ln_f.bias"
