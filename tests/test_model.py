"""The model is GPT-2: equal to `transformers`, true to its own parts, and blind to the future."""

import json
import os

import pytest
import torch

from gptviz import lens, trace, weights
from gptviz.catalogue import BUNDLED
from gptviz.config import PRESETS, GPTConfig
from gptviz.model import GPT
from sample_checkpoints import write
from sample_models import DAY, EFFORT, mini, randomised, some_ids, tiny, untrained

if os.environ.get("CI"):
    import transformers
else:
    transformers = pytest.importorskip("transformers")

TOLERANCE = 1e-4  # largest absolute difference from transformers, in any number
SHAPES = {
    "3 heads of 16": GPTConfig(n_embd=48, n_head=3, n_layer=3, context_length=256),
    "8 heads of 32": GPTConfig(n_embd=256, n_head=8, n_layer=2, context_length=256),
}


def read_by_transformers(folder):
    model = transformers.GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    return model.eval()


def random_peer(config: GPTConfig):
    """A GPT-2 of transformers with every parameter random, biases and LayerNorms too."""
    peer = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            n_embd=config.n_embd,
            n_head=config.n_head,
            n_layer=config.n_layer,
            n_positions=config.context_length,
            attn_implementation="eager",
        )
    ).eval()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in peer.named_parameters():
            parameter.normal_(1.0 if ".ln_" in name and name.endswith("weight") else 0.0, 0.08, generator=generator)
    return peer


def differences(model: GPT, peer, ids: torch.Tensor) -> dict[str, float]:
    """Largest absolute difference in the logits, in any hidden state, in any attention map."""
    run = trace.run(model, ids)
    with torch.inference_mode():
        theirs = peer(ids, output_hidden_states=True, output_attentions=True, use_cache=False)
    layers = range(model.config.n_layer)
    # transformers lists what enters each block, then the output of the last one after the final LayerNorm
    hidden = [run["drop_emb"], *(run[f"blocks.{block}.shortcut2"] for block in layers[:-1]), run["final_norm"]]
    attentions = [run[f"blocks.{block}.att.weights"] for block in layers]

    def worst(ours, others) -> float:
        return max(float((a - b).abs().max()) for a, b in zip(ours, others, strict=True))

    return {
        "logits": worst([run["logits"]], [theirs.logits]),
        "hidden states": worst(hidden, theirs.hidden_states),
        "attentions": worst(attentions, theirs.attentions),
    }


def assert_equal(model, peer, ids):
    found = differences(model, peer, ids)
    assert max(found.values()) <= TOLERANCE, found


@pytest.fixture(scope="module", params=list(SHAPES))
def pair(request, tmp_path_factory):
    """transformers' model with random weights, and ours as read from the folder transformers wrote."""
    folder = tmp_path_factory.mktemp("theirs")
    peer = random_peer(SHAPES[request.param])
    peer.save_pretrained(folder)
    return weights.load(folder), peer


# ---- parity with transformers


def test_the_lens_is_that_of_transformers_hidden_states(pair):
    model, peer = pair
    points = lens.block_points(model.config.n_layer)
    run = trace.run(model, EFFORT, points=points)
    found = lens.read(model, lens.stream(run, points))
    with torch.inference_mode():
        hidden = peer(torch.tensor([EFFORT]), output_hidden_states=True).hidden_states
        normed = [*map(peer.transformer.ln_f, hidden[:-1]), hidden[-1]]  # the last one went through it already
        shares = torch.stack([peer.lm_head(one[0]) for one in normed]).double().softmax(-1)
    assert found.best.tolist() == shares.argmax(-1).tolist()
    assert float((torch.from_numpy(found.shares) - shares.amax(-1)).abs().max()) <= TOLERANCE


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("tokens", [1, 4, 64, 256])
def test_equal_to_transformers(pair, tokens, batch):
    assert_equal(*pair, some_ids(batch, tokens, seed=tokens))


@pytest.mark.parametrize("shape", SHAPES)
def test_transformers_reads_what_we_write(shape, tmp_path):
    model = randomised(SHAPES[shape], seed=2)
    weights.save(model, tmp_path)
    peer = read_by_transformers(tmp_path)
    assert_equal(model, peer, some_ids(2, 64))
    assert_equal(model, peer, some_ids(1, 1))


def test_an_untied_head_is_equal_too(tmp_path):
    model = randomised(GPTConfig(n_embd=48, n_head=3, n_layer=2, context_length=32, tied_head=False), seed=3)
    weights.save(model, tmp_path)
    assert_equal(model, read_by_transformers(tmp_path), some_ids(2, 16))


@pytest.mark.parametrize(
    "kind",
    [
        "head_alone",
        "head_and_table",
        "two_tables",
        "surplus_heads",
        "in_files",
        "other_names",
        "padded",
        "two_words_more",
        "old_masks",
    ],
)
def test_the_folders_people_have_are_equal_too(kind, tmp_path):
    found = write(kind, 3, tmp_path / "folder")
    assert_equal(weights.load(found.path), read_by_transformers(found.path), some_ids(2, 7))


def test_gelu_fast_is_the_same_function(tmp_path):
    found = write("plain", 0, tmp_path / "folder")
    path = found.path / "config.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"activation_function": "gelu_fast", "reorder_and_upcast_attn": True})
    )
    assert_equal(weights.load(found.path), read_by_transformers(found.path), some_ids(2, 7))


def test_gpt2_small_at_its_exact_shape():
    model = untrained()
    with torch.device("meta"):
        peer = transformers.GPT2LMHeadModel(transformers.GPT2Config(attn_implementation="eager"))
    state = {"transformer." + weights.hf_name(name): parameter.detach() for name, parameter in model.named_parameters()}
    left = peer.load_state_dict(state, strict=False, assign=True)
    peer.tie_weights()
    assert left.missing_keys == ["lm_head.weight"] and not left.unexpected_keys
    assert_equal(model, peer.eval(), torch.tensor([EFFORT]))


def test_the_bundled_model_is_the_one_transformers_reads():
    assert_equal(mini(), read_by_transformers(BUNDLED / "mini"), torch.tensor([EFFORT, DAY]))
    assert_equal(mini(), read_by_transformers(BUNDLED / "mini"), some_ids(1, 256))


# ---- shapes of the walk


@pytest.mark.parametrize("batch", [1, 2])
def test_shapes_of_the_walk_at_gpt2_small(batch):
    run = trace.run(untrained(), [EFFORT, DAY][:batch])
    shapes = {
        "ids": (4,),
        "tok_emb": (4, 768),
        "drop_emb": (4, 768),
        "blocks.0.norm1": (4, 768),
        "blocks.0.att.query": (12, 4, 64),
        "blocks.0.att.key": (12, 4, 64),
        "blocks.0.att.value": (12, 4, 64),
        "blocks.0.att.scores": (12, 4, 4),
        "blocks.11.att.weights": (12, 4, 4),
        "blocks.0.att.context": (12, 4, 64),
        "blocks.0.att.concat": (4, 768),
        "blocks.0.att_out": (4, 768),
        "blocks.0.ff.hidden": (4, 3072),
        "blocks.0.ff.active": (4, 3072),
        "blocks.11.shortcut2": (4, 768),
        "final_norm": (4, 768),
        "logits": (4, 50257),
    }
    assert {name: tuple(run[name].shape) for name in shapes} == {name: (batch, *shape) for name, shape in shapes.items()}
    assert run["pos_emb"].shape == (4, 768)
    assert int(torch.isneginf(run["blocks.0.att.masked"][0, 0]).sum()) == 6
    assert sum(run[f"blocks.{block}.att.weights"][0].numel() for block in range(12)) == 2304


# ---- the parts sum to the whole


@pytest.fixture(params=["mini", "tiny", "mini with dropout"])
def run(request):
    model = tiny() if request.param == "tiny" else mini()
    return trace.run(model, [EFFORT, DAY], dropout=0.3 if "dropout" in request.param else 0.0, seed=4)


def blocks(run):
    """(block of the model, its prefix in the trace, the point that enters it)."""
    for number, block in enumerate(run.model.blocks):
        yield block, f"blocks.{number}.", f"blocks.{number - 1}.shortcut2" if number else "drop_emb"


def test_token_and_position_make_the_input(run):
    assert torch.equal(run["tok_emb"] + run["pos_emb"], run["input_emb"])
    assert torch.equal(run["tok_emb"], run.model.tok_emb.weight[run.ids])
    assert torch.equal(run["pos_emb"], run.model.pos_emb.weight[:4])


def test_shortcuts_are_sums(run):
    for _, at, entering in blocks(run):
        assert torch.equal(run[at + "shortcut1"], run[entering] + run[at + "drop1"])
        assert torch.equal(run[at + "shortcut2"], run[at + "shortcut1"] + run[at + "drop2"])


def test_heads_and_bias_make_the_attention_output(run):
    for block, at, _ in blocks(run):
        context, projection = run[at + "att.context"], block.att.out_proj
        parts = projection.weight.view(block.att.n_head, block.att.head_size, -1)
        heads = torch.einsum("bhtc,hcd->bhtd", context, parts)
        torch.testing.assert_close(heads.sum(1) + projection.bias, run[at + "att_out"], rtol=1e-4, atol=1e-4)
        side_by_side = torch.cat(context.unbind(1), dim=-1)
        assert torch.equal(side_by_side, run[at + "att.concat"])


def test_attention_follows_its_formula(run):
    for block, at, _ in blocks(run):
        fused = run[at + "norm1"] @ block.att.qkv.weight + block.att.qkv.bias
        for name, part in zip(("query", "key", "value"), fused.chunk(3, dim=-1)):
            heads = torch.stack(part.chunk(block.att.n_head, dim=-1), dim=1)
            torch.testing.assert_close(run[at + "att." + name], heads, rtol=1e-4, atol=1e-4)
        query, key, value = (run[at + "att." + name] for name in ("query", "key", "value"))
        scores = torch.einsum("bhqc,bhkc->bhqk", query, key)
        torch.testing.assert_close(run[at + "att.scores"], scores, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(run[at + "att.scaled"], run[at + "att.scores"] / block.att.head_size**0.5)
        future = torch.ones(4, 4).triu(1).bool()
        assert torch.isneginf(run[at + "att.masked"][..., future]).all()
        assert torch.equal(run[at + "att.masked"][..., ~future], run[at + "att.scaled"][..., ~future])
        weighted = torch.einsum("bhqk,bhkc->bhqc", run[at + "att.dropped"], value)
        torch.testing.assert_close(run[at + "att.context"], weighted, rtol=1e-4, atol=1e-4)


def test_rows_of_the_weights_sum_to_one(run):
    for _, at, _ in blocks(run):
        weights_ = run[at + "att.weights"]
        torch.testing.assert_close(weights_.sum(-1), torch.ones(weights_.shape[:-1]))
        assert (weights_ >= 0).all()
        assert (weights_[..., torch.ones(4, 4).triu(1).bool()] == 0).all()
        assert (weights_[:, :, 0, 0] == 1).all()


def test_layernorm_before_scale_and_shift_has_mean_0_and_variance_1(run):
    def normalised(norm, out):
        return (out.double() - norm.bias) / norm.weight

    pairs = [(run.model.final_norm, run[at + "shortcut2"], run["final_norm"]) for _, at, _ in list(blocks(run))[-1:]]
    for block, at, entering in blocks(run):
        pairs.append((block.norm1, run[entering], run[at + "norm1"]))
        pairs.append((block.norm2, run[at + "shortcut1"], run[at + "norm2"]))
    for norm, x, out in pairs:
        before = normalised(norm, out)
        torch.testing.assert_close(before.mean(-1), torch.zeros(2, 4).double(), rtol=0, atol=1e-4)
        biased = x.double().var(-1, correction=0)
        torch.testing.assert_close(before.var(-1, correction=0), biased / (biased + 1e-5), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(out, torch.nn.functional.layer_norm(x, x.shape[-1:], norm.weight, norm.bias, norm.eps))


def test_feed_forward_follows_its_formula(run):
    for block, at, _ in blocks(run):
        hidden = run[at + "norm2"] @ block.ff.expand.weight + block.ff.expand.bias
        torch.testing.assert_close(run[at + "ff.hidden"], hidden, rtol=1e-4, atol=1e-4)
        x = run[at + "ff.hidden"].double()
        gelu = 0.5 * x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)))
        torch.testing.assert_close(run[at + "ff.active"].double(), gelu, rtol=1e-4, atol=1e-5)
        out = run[at + "ff.active"] @ block.ff.contract.weight + block.ff.contract.bias
        torch.testing.assert_close(run[at + "ff_out"], out, rtol=1e-4, atol=1e-4)


def test_logits_are_the_final_norm_against_every_row_of_the_token_table(run):
    table = run.model.tok_emb.weight
    assert run.model.out_head.weight is table
    torch.testing.assert_close(run["logits"], run["final_norm"] @ table.T, rtol=1e-4, atol=1e-4)


# ---- causality, batches


@pytest.mark.parametrize("changed", [1, 2, 7, 15])
@pytest.mark.parametrize("model", [mini, tiny])
def test_a_changed_token_leaves_every_earlier_row_bit_equal(model, changed):
    ids = some_ids(1, 16, seed=8)
    other = ids.clone()
    other[0, changed] = (ids[0, changed] + 1) % 50257
    one, two = trace.run(model(), ids), trace.run(model(), other)
    differing = set()
    for name in one.tensors:
        axes = one.axes(name)
        row = next(axis for axis in ("query", "token") if axis in axes)
        cut = {row: slice(changed)}
        if name.endswith(("att.scores", "att.scaled")):
            cut["key"] = slice(changed)  # not masked yet: a score of two tokens belongs to both of them
        index = tuple(cut.get(axis, slice(None)) for axis in axes)
        assert torch.equal(one[name][index], two[name][index]), name
        if not torch.equal(one[name], two[name]):
            differing.add(name)
    assert differing == set(one.tensors) - {"pos_emb"}


def test_sentences_of_a_batch_never_see_each_other():
    together = trace.run(mini(), [EFFORT, DAY])
    for item, ids in enumerate((EFFORT, DAY)):
        torch.testing.assert_close(together["logits"][item], trace.run(mini(), ids)["logits"][0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(together["logits"][0, 0], together["logits"][1, 0], rtol=1e-5, atol=1e-5)


# ---- initialisation


def test_initialisation_is_gpt2s_and_seeded():
    config = GPTConfig(n_embd=128, n_head=4, n_layer=4, context_length=64)
    one, same, other = (GPT(config).init_weights(seed) for seed in (7, 7, 8))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.tok_emb.weight, other.tok_emb.weight)
    for name, parameter in one.named_parameters():
        if parameter.ndim == 2:
            std = 0.02 / 8**0.5 if name.endswith(("out_proj.weight", "contract.weight")) else 0.02
            assert float(parameter.detach().std()) == pytest.approx(std, rel=0.05), name
        else:
            assert (parameter == (1.0 if "norm" in name and name.endswith("weight") else 0.0)).all(), name


def test_initialisation_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    GPT(PRESETS["tiny"]).init_weights(1)
    assert torch.equal(before, torch.get_rng_state())


def test_without_bias_for_queries_keys_and_values():
    model = randomised(GPTConfig(n_embd=48, n_head=3, n_layer=1, context_length=8, qkv_bias=False))
    run = trace.run(model, EFFORT)
    fused = run["blocks.0.norm1"] @ model.blocks[0].att.qkv.weight
    torch.testing.assert_close(run["blocks.0.att.query"][0, 0], fused[0, :, :16])
