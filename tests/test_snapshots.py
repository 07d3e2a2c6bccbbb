"""Compact snapshots: what rounding costs, what is refused, and a start that is drawn again instead of stored."""

import gzip
import itertools
import json
import shutil
from math import sqrt

import numpy as np
import pytest
import torch

from gptviz import catalogue, snapshots, tokenizer, trace, weights
from gptviz.config import GPTConfig
from sample_models import randomised

SHAPE = GPTConfig(vocab_size=50257, context_length=16, n_embd=32, n_head=4, n_layer=2)
FACTS = {"step": 7, "tokens": 700, "held_out": 5.5}


@pytest.fixture(scope="module")
def model():
    return randomised(SHAPE)


@pytest.mark.parametrize("bits", [8, 5, 4, 3])
def test_rows_are_whole_numbers_of_so_many_bits(model, bits):
    matrix = model.tok_emb.weight
    rows, scale = snapshots.to_rows(matrix, bits)
    assert rows.dtype == torch.int8 and scale.dtype == torch.float16 and scale.shape == (len(matrix),)
    assert rows.abs().max() <= 2 ** (bits - 1) - 1
    error = (snapshots.from_rows(rows, scale) - matrix).norm() / matrix.norm()
    assert error < 1.2 * 2.0 ** (2 - bits)  # halves with every bit


def test_a_row_takes_the_scale_with_the_least_error():
    matrix = torch.randn(20, 64, generator=torch.Generator().manual_seed(3))
    rows, scale = snapshots.to_rows(matrix, 4)
    plain = (matrix.abs().amax(1) / 7).half().float()[:, None]
    rounded = torch.round(matrix / plain).clamp(-7, 7) * plain
    ours = (snapshots.from_rows(rows, scale) - matrix).square().sum(1)
    assert (ours <= (rounded - matrix).square().sum(1) + 1e-6).all() and (
        ours < (rounded - matrix).square().sum(1) - 1e-3
    ).any()


def test_a_row_of_zeros_stays_zero():
    rows, scale = snapshots.to_rows(torch.zeros(2, 3), 4)
    assert not snapshots.from_rows(rows, scale).any()


@pytest.mark.parametrize("name", ["step.safetensors", "step.safetensors.gz"])
def test_a_snapshot_comes_back_with_its_facts(model, tmp_path, name):
    snapshots.save(model, tmp_path / name, FACTS, bits=8)
    assert snapshots.facts(tmp_path / name) == {key: str(value) for key, value in FACTS.items()}
    back = snapshots.load(tmp_path / name, SHAPE)
    for ours, theirs in zip(model.parameters(), back.parameters()):
        torch.testing.assert_close(theirs, ours, rtol=0, atol=float(ours.abs().max()) / 100)
    assert back.out_head.weight is back.tok_emb.weight and not any(one.requires_grad for one in back.parameters())
    assert not list(tmp_path.glob("*.part"))


def test_compressed_small_numbers_take_about_half_a_byte(model, tmp_path):
    snapshots.save(model, tmp_path / "a.safetensors.gz", FACTS, bits=4)
    count = sum(one.numel() for one in model.parameters())
    scales = 2 * sum(len(one) for one in model.parameters() if one.ndim == 2)
    assert (tmp_path / "a.safetensors.gz").stat().st_size < 0.55 * count + scales
    assert gzip.decompress((tmp_path / "a.safetensors.gz").read_bytes())[8:9] == b"{"  # safetensors inside


@pytest.mark.parametrize("content", [b"", b"no snapshot", b"\x05\0\0\0\0\0\0\0hello", (1 << 60).to_bytes(8, "little")])
def test_what_is_no_snapshot_is_refused(tmp_path, content):
    path = tmp_path / "step000001.safetensors"
    path.write_bytes(content)
    with pytest.raises(weights.CheckpointError, match="expected"):
        snapshots.load(path, SHAPE)


def test_half_a_file_and_another_shape_are_refused(model, tmp_path):
    path = tmp_path / "a.safetensors.gz"
    snapshots.save(model, path, FACTS)
    with pytest.raises(weights.CheckpointError, match="expected shape"):
        snapshots.load(path, GPTConfig(context_length=16, n_embd=64, n_head=4, n_layer=2))
    with pytest.raises(weights.CheckpointError, match="expected transformer.h.2"):
        snapshots.load(path, GPTConfig(context_length=16, n_embd=32, n_head=4, n_layer=3))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(weights.CheckpointError, match="complete"):
        snapshots.load(path, SHAPE)


def test_a_drawn_start_is_what_pytorchs_own_layers_begin_with(tmp_path):
    """Built here once more, module by module, as a plain PyTorch program would."""
    width = SHAPE.n_embd
    with torch.random.fork_rng():
        torch.manual_seed(1337)
        tables = torch.nn.Embedding(SHAPE.vocab_size, width), torch.nn.Embedding(SHAPE.context_length, width)
        sizes = ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width))
        blocks = [[torch.nn.Linear(*size) for size in sizes] for _ in range(SHAPE.n_layer)]
        for table in tables:
            torch.nn.init.normal_(table.weight, 0, 0.02)
        for block in blocks:
            for layer, back in zip(block, (False, True, False, True)):
                torch.nn.init.normal_(layer.weight, 0, 0.02 / (sqrt(2 * SHAPE.n_layer) if back else 1))
    snapshots.save_drawn(1337, tmp_path / "start.safetensors", FACTS)
    before = torch.get_rng_state()
    model = snapshots.load(tmp_path / "start.safetensors", SHAPE)
    assert torch.equal(torch.get_rng_state(), before), "the global random numbers were touched"
    assert torch.equal(model.tok_emb.weight, tables[0].weight) and torch.equal(model.pos_emb.weight, tables[1].weight)
    for ours, theirs in zip(model.blocks, blocks):
        layers = ours.att.qkv, ours.att.out_proj, ours.ff.expand, ours.ff.contract
        for layer, other in zip(layers, theirs):
            assert torch.equal(layer.weight, other.weight.T) and not layer.bias.any()
    assert not weights.is_trained(model)
    assert (tmp_path / "start.safetensors").stat().st_size < 200


def test_a_folder_without_snapshots_has_no_history(tmp_path):
    weights.save(randomised(SHAPE), tmp_path)
    assert snapshots.history(tmp_path) is None


def test_a_history_goes_from_the_first_snapshot_to_the_weights(model, tmp_path):
    weights.save(model, tmp_path)
    for step in (30, 0):
        snapshots.save(
            model, tmp_path / snapshots.FOLDER / f"step{step:06d}.safetensors.gz", FACTS | {"step": step, "compact": 5.75}
        )
    lines = [{"step": 20, "tokens": 80, "loss": 7.0}, {"step": 90, "tokens": 360, "loss": 6.0, "held_out": 6.25}]
    (tmp_path / snapshots.LOG).write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = snapshots.history(tmp_path)
    assert run.config == SHAPE and [step.number for step in run.steps] == [0, 30, 90]
    assert [step.cost for step in run.steps] == [0.25, 0.25, 0.0] and run.steps[-1].held_out == 6.25
    assert list(run.log) == lines
    ids = [1, 2, 3]
    exact = trace.run(model, ids, points=["logits"])["logits"]
    for step in run.steps:
        found = trace.run(step.load(run.config), ids, points=["logits"])["logits"]
        torch.testing.assert_close(found, exact, rtol=0, atol=0.0 if step.path.is_dir() else 0.1)
    (tmp_path / snapshots.FOLDER / "step000040.safetensors").write_bytes(b"nothing")
    with pytest.raises(weights.CheckpointError, match="step000040"):
        snapshots.history(tmp_path)


def test_the_bundled_models_run():
    """Every snapshot loads; the losses written down with it fall from ln 50257; all weights together are within 80 MB."""
    entry = catalogue.MODELS["mini"]
    run = entry.history
    numbers = [step.number for step in run.steps]
    assert numbers[0] == 0 and numbers == sorted(set(numbers)) and len(numbers) >= 5
    losses = [step.held_out for step in run.steps]
    assert losses[0] == pytest.approx(np.log(50257), abs=0.1) and losses == sorted(losses, reverse=True)
    assert run.steps[0].cost == run.steps[-1].cost == 0 and all(0 < step.cost < 0.05 for step in run.steps[1:-1])
    bundled = [path for path in catalogue.BUNDLED.rglob("*") if ".safetensors" in path.name]
    assert sum(path.stat().st_size for path in bundled) < 80e6
    ids = tokenizer.encode("The old man looked at the")
    tables = []
    for step in run.steps:
        model = step.load(run.config)
        assert weights.is_trained(model) == (step.number > 0)
        assert torch.isfinite(trace.run(model, ids, points=["logits"])["logits"]).all()
        tables.append(model.tok_emb.weight)
    for one, other in itertools.pairwise(tables):  # one run: each table is nearer to the next than chance would have it
        assert torch.cosine_similarity(one.flatten(), other.flatten(), dim=0) > 0.3
    assert torch.equal(tables[-1], catalogue.load("mini").tok_emb.weight)
    assert torch.equal(catalogue.load("mini-untrained").tok_emb.weight, tables[0])


def test_a_broken_history_is_a_message(model, tmp_path, monkeypatch):
    weights.save(model, tmp_path)
    shutil.copy(catalogue.BUNDLED / "mini" / snapshots.LOG, tmp_path)
    (tmp_path / snapshots.FOLDER).mkdir()
    (tmp_path / snapshots.FOLDER / "step000030.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with pytest.raises(weights.CheckpointError, match="step, tokens and held_out"):
        snapshots.history(tmp_path)


def test_a_damaged_compressed_file_is_a_message(model, tmp_path):
    path = tmp_path / "a.safetensors.gz"
    snapshots.save(model, path, FACTS)
    whole = bytearray(path.read_bytes())
    for start in (14, len(whole) // 2):
        path.write_bytes(whole[:start] + bytes(200) + whole[start + 200 :])
        with pytest.raises(weights.CheckpointError, match="expected"):
            snapshots.load(path, SHAPE)


@pytest.mark.parametrize("log", ['{"step": 30, "tok', "[1]", '{"loss": 3}', "\udcff"])
def test_a_log_that_is_none_is_a_message(model, tmp_path, log):
    weights.save(model, tmp_path)
    snapshots.save(model, tmp_path / snapshots.FOLDER / "step000030.safetensors", FACTS)
    (tmp_path / snapshots.LOG).write_bytes(log.encode("utf-8", "surrogateescape"))
    with pytest.raises(weights.CheckpointError, match=f"{snapshots.LOG}: expected"):
        snapshots.history(tmp_path)
