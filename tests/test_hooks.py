"""Hook points: every one fires once, in the agreed order, with the agreed shape; edits; dropout; nobody else's numbers."""

import random
import sys
import threading

import numpy as np
import pytest
import torch

from gptviz import hooks, trace
from gptviz.config import PRESETS
from gptviz.model import GPT
from gptviz.points import dropout_site
from sample_models import DAY, EFFORT, mini, randomised, some_ids, tiny

BEFORE = ["ids", "tok_emb", "pos_emb", "input_emb", "drop_emb"]
ATTENTION = ["query", "key", "value", "scores", "scaled", "masked", "weights", "dropped", "context", "concat"]
INSIDE = [
    "norm1",
    *(f"att.{name}" for name in ATTENTION),
    *("att_out", "drop1", "shortcut1", "norm2", "ff.hidden", "ff.active", "ff_out", "drop2", "shortcut2"),
]
AFTER = ["final_norm", "logits"]
GOLDEN_TINY = [
    "ids",
    "tok_emb",
    "pos_emb",
    "input_emb",
    "drop_emb",
    "blocks.0.norm1",
    "blocks.0.att.query",
    "blocks.0.att.key",
    "blocks.0.att.value",
    "blocks.0.att.scores",
    "blocks.0.att.scaled",
    "blocks.0.att.masked",
    "blocks.0.att.weights",
    "blocks.0.att.dropped",
    "blocks.0.att.context",
    "blocks.0.att.concat",
    "blocks.0.att_out",
    "blocks.0.drop1",
    "blocks.0.shortcut1",
    "blocks.0.norm2",
    "blocks.0.ff.hidden",
    "blocks.0.ff.active",
    "blocks.0.ff_out",
    "blocks.0.drop2",
    "blocks.0.shortcut2",
    "blocks.1.norm1",
    "blocks.1.att.query",
    "blocks.1.att.key",
    "blocks.1.att.value",
    "blocks.1.att.scores",
    "blocks.1.att.scaled",
    "blocks.1.att.masked",
    "blocks.1.att.weights",
    "blocks.1.att.dropped",
    "blocks.1.att.context",
    "blocks.1.att.concat",
    "blocks.1.att_out",
    "blocks.1.drop1",
    "blocks.1.shortcut1",
    "blocks.1.norm2",
    "blocks.1.ff.hidden",
    "blocks.1.ff.active",
    "blocks.1.ff_out",
    "blocks.1.drop2",
    "blocks.1.shortcut2",
    "final_norm",
    "logits",
]


# ---- names, order, shapes


def test_order_of_tiny():
    assert list(trace.run(tiny(), EFFORT).tensors) == GOLDEN_TINY


@pytest.mark.parametrize("name", ["tiny", "mini", "gpt2"])
def test_order_of_every_shape(name):
    with torch.device("meta"):
        model = GPT(PRESETS[name])
    blocks = [f"blocks.{block}.{point}" for block in range(PRESETS[name].n_layer) for point in INSIDE]
    assert list(model.points) == BEFORE + blocks + AFTER


def test_the_pass_makes_them_in_that_order():
    assert list(trace.run(mini(), EFFORT).tensors) == list(mini().points)


def test_every_point_fires_exactly_once():
    visits = []

    class Counting(hooks.Recorder):
        def visit(self, point, x):
            visits.append(point.name)
            return super().visit(point, x)

    with torch.inference_mode(), hooks.recording(Counting(tiny().config.sizes(2, 4), tiny().points)):
        tiny()(torch.tensor([EFFORT, DAY]))
    assert visits == GOLDEN_TINY


def test_a_point_that_fires_twice_is_an_error():
    point = hooks.HookPoint("token")
    point.name = "twice"
    with hooks.recording(hooks.Recorder({"token": 3}, ["twice"])):
        point(torch.zeros(3))
        with pytest.raises(RuntimeError, match="twice .*exactly once"):
            point(torch.zeros(3))


def test_a_tensor_of_another_shape_than_the_axes_say_is_an_error():
    point = hooks.HookPoint("batch token")
    point.name = "p"
    recorder = hooks.Recorder({"batch": 1, "token": 3}, ["p"])
    with hooks.recording(recorder), pytest.raises(RuntimeError, match=r"expected shape \(1, 3\), got \(3, 1\)"):
        point(torch.zeros(3, 1))


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("tokens", [1, 4, 9])
def test_every_shape_is_what_the_axes_say(batch, tokens):
    model = tiny()
    sizes = model.config.sizes(batch, tokens)
    run = trace.run(model, some_ids(batch, tokens))
    for name, tensor in run.tensors.items():
        assert tuple(tensor.shape) == tuple(sizes[axis] for axis in run.axes(name)), name


def test_outside_a_run_hook_points_and_dropout_do_nothing():
    x = torch.randn(2, 3)
    assert hooks.HookPoint("batch token")(x) is x
    assert hooks.Dropout()(x) is x


# ---- dropout

SITES = {
    "drop_emb": "input_emb",
    **{
        f"blocks.{block}.{after}": f"blocks.{block}.{before}"
        for block in range(2)
        for after, before in (("att.dropped", "att.weights"), ("drop1", "att_out"), ("drop2", "ff_out"))
    },
}


def dropped(p, seed=0, ids=(EFFORT, DAY), **options):
    return trace.run(tiny(), ids, dropout=p, seed=seed, **options)


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.9])
def test_survivors_are_scaled_and_the_masks_are_the_noise_of_their_site(p):
    run = dropped(p, seed=7)
    assert len(SITES) == tiny().config.dropout_sites
    for after, before in SITES.items():
        kept = hooks.noise(run[after].shape, 7, dropout_site(after)) >= p
        torch.testing.assert_close(run[after], torch.where(kept, run[before] * (1 / (1 - p)), torch.zeros(())))
        factors = torch.from_numpy(run.factors(after))
        torch.testing.assert_close(run[after], run[before] * factors)


def test_every_place_has_its_own_number():
    model = mini()
    sites = {name: module.site for name, module in model.named_modules() if isinstance(module, hooks.Dropout)}
    assert sorted(sites.values()) == list(range(model.config.dropout_sites))
    assert dropout_site("drop_emb") == sites["drop_emb"]
    for block in range(model.config.n_layer):
        assert dropout_site(f"blocks.{block}.att.dropped") == sites[f"blocks.{block}.att.dropout"]
        assert dropout_site(f"blocks.{block}.drop1") == sites[f"blocks.{block}.drop1"]
        assert dropout_site(f"blocks.{block}.drop2") == sites[f"blocks.{block}.drop2"]


def test_the_same_seed_gives_the_same_masks_and_another_seed_others():
    one, same, other = dropped(0.5, seed=3), dropped(0.5, seed=3), dropped(0.5, seed=4)
    assert all(torch.equal(one[name], same[name]) for name in one.tensors)
    assert not torch.equal(one["drop_emb"], other["drop_emb"])


def test_seeds_and_sites_never_share_a_stream():
    pairs = [(seed, site) for seed in (0, 1, 2, 2**16, 2**32, 2**40) for site in (0, 1, 2, 36)]
    streams = {tuple(hooks.noise((4,), *pair).tolist()) for pair in pairs}
    assert len(streams) == len(pairs)


def test_noise_is_the_same_on_every_machine():
    assert hooks.noise((3,), 0, 0).dtype == torch.float32
    np.testing.assert_allclose(hooks.noise((2, 2), 0, 1), NOISE_0_1, rtol=1e-6)


NOISE_0_1 = [[0.4731886386871338, 0.5118215680122375], [0.7551674842834473, 0.9504636526107788]]


def test_raising_the_rate_only_adds_zeros():
    low, high = dropped(0.2), dropped(0.5)
    for after in SITES:
        gone = low.factors(after) == 0
        assert gone.any() and (high.factors(after)[gone] == 0).all(), after
    assert (high["drop_emb"][low["drop_emb"] == 0] == 0).all()


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_as_many_zeros_as_the_rate_says(p):
    run = trace.run(mini(), some_ids(2, 16), dropout=p, seed=11)
    for after in [
        "drop_emb",
        *(f"blocks.{block}.{place}" for block in range(6) for place in ("drop1", "drop2", "att.dropped")),
    ]:
        factors = run.factors(after)
        deviation = (factors.size * p * (1 - p)) ** 0.5
        assert abs((factors == 0).sum() - factors.size * p) <= 5 * deviation, after


def test_with_dropout_off_two_passes_are_equal_and_its_places_change_nothing():
    one, two = dropped(0.0, seed=1), dropped(0.0, seed=2)
    assert all(torch.equal(one[name], two[name]) for name in one.tensors)
    assert all(torch.equal(one[after], one[before]) for after, before in SITES.items())


def test_training_mode_of_the_model_means_nothing():
    model = randomised(PRESETS["tiny"], seed=1).train()
    run = trace.run(model, EFFORT)
    assert model.training
    assert torch.equal(run["logits"], trace.run(tiny(), EFFORT)["logits"])


# ---- edits


def test_an_edit_by_function_and_by_tensor():
    zero = trace.run(tiny(), EFFORT, edits=[("blocks.0.ff_out", torch.zeros_like)])
    same = trace.run(tiny(), EFFORT, edits=[("blocks.0.ff_out", torch.zeros(1, 4, 16))])
    assert torch.equal(zero["logits"], same["logits"])
    assert torch.equal(zero["blocks.0.shortcut2"], zero["blocks.0.shortcut1"])
    assert zero.edits == ("blocks.0.ff_out",)
    assert not torch.equal(zero["logits"], trace.run(tiny(), EFFORT)["logits"])


def test_edits_at_one_point_apply_in_turn():
    run = trace.run(tiny(), EFFORT, edits=[("tok_emb", torch.zeros_like), ("tok_emb", lambda x: x + 1)])
    assert (run["tok_emb"] == 1).all()


def test_an_edit_acts_where_the_point_is_not_kept():
    edited = trace.run(tiny(), EFFORT, points=["logits"], edits=[("blocks.1.norm2", torch.zeros_like)])
    assert not torch.equal(edited["logits"], trace.run(tiny(), EFFORT, points=["logits"])["logits"])


def test_a_head_switched_off_adds_nothing():
    def off(context):
        context[:, 1] = 0  # in place: the edit's own copy
        return context

    plain = trace.run(tiny(), EFFORT)
    run = trace.run(tiny(), EFFORT, edits=[("blocks.0.att.context", off)])
    assert (run["blocks.0.att.concat"][..., 8:] == 0).all()
    assert torch.equal(run["blocks.0.att.concat"][..., :8], plain["blocks.0.att.concat"][..., :8])
    projection = tiny().blocks[0].att.out_proj
    rest = plain["blocks.0.att.concat"][..., :8] @ projection.weight[:8] + projection.bias
    torch.testing.assert_close(run["blocks.0.att_out"], rest)


def test_the_mask_switched_off_lets_the_future_in():
    scaled = trace.run(tiny(), EFFORT)["blocks.0.att.scaled"]
    run = trace.run(tiny(), EFFORT, edits=[("blocks.0.att.masked", scaled)])
    weights = run["blocks.0.att.weights"]
    assert (weights > 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 2, 4))


def test_a_layernorm_a_shortcut_and_a_block_switched_off():
    plain = trace.run(tiny(), EFFORT)
    bypass = trace.run(tiny(), EFFORT, edits=[("blocks.0.norm1", plain["drop_emb"])])
    assert torch.equal(bypass["blocks.0.norm1"], plain["drop_emb"])
    cut = trace.run(tiny(), EFFORT, edits=[("blocks.0.shortcut1", plain["blocks.0.drop1"])])
    assert torch.equal(cut["blocks.0.shortcut1"], cut["blocks.0.drop1"])
    skipped = trace.run(tiny(), EFFORT, edits=[("blocks.1.shortcut2", plain["blocks.0.shortcut2"])])
    torch.testing.assert_close(skipped["final_norm"], tiny().final_norm(plain["blocks.0.shortcut2"]))


def test_one_sentence_patched_into_another():
    donor = trace.run(tiny(), DAY)
    run = trace.run(tiny(), EFFORT, edits=[("blocks.1.shortcut2", donor["blocks.1.shortcut2"])])
    assert torch.equal(run["logits"], donor["logits"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (torch.zeros(1, 4, 8), ["blocks.0.att_out", "(1, 4, 16)", "batch x token x feature", "(1, 4, 8)"]),
        (lambda x: x[:, :1], ["blocks.0.att_out", "(1, 4, 16)", "(1, 1, 16)"]),
        (lambda x: None, ["blocks.0.att_out", "NoneType"]),
        (3.0, ["blocks.0.att_out", "float"]),
    ],
)
def test_an_edit_of_the_wrong_shape(change, words):
    with pytest.raises(ValueError) as caught:
        trace.run(tiny(), EFFORT, edits=[("blocks.0.att_out", change)])
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_edit_at_an_unknown_point_names_the_nearest():
    with pytest.raises(KeyError, match="blocks.0.att.weights"):
        trace.run(tiny(), EFFORT, edits=[("blocks.0.att.weight", torch.zeros_like)])


@pytest.mark.parametrize("point", GOLDEN_TINY)
def test_an_edit_in_place_reaches_neither_the_model_nor_what_was_recorded(point):
    model = tiny()
    plain = trace.run(model, EFFORT)
    before = [parameter.clone() for parameter in model.parameters()]
    run = trace.run(model, EFFORT, edits=[(point, lambda x: x.zero_())])
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert (run[point] == 0).all()
    for name in GOLDEN_TINY[: GOLDEN_TINY.index(point)]:
        assert torch.equal(run[name], plain[name]), name


def test_a_replacement_changed_afterwards_leaves_the_trace_alone():
    mine = torch.ones(1, 4, 16)
    run = trace.run(tiny(), EFFORT, edits=[("tok_emb", mine)])
    mine.zero_()
    assert (run["tok_emb"] == 1).all()


# ---- one shared model, many readers


def fingerprint(model):
    return [parameter.clone() for parameter in model.parameters()]


def test_an_exception_inside_a_run_leaves_nothing_behind():
    def boom(x):
        raise ZeroDivisionError("inside the pass")

    with pytest.raises(ZeroDivisionError):
        trace.run(tiny(), EFFORT, dropout=0.5, edits=[("blocks.0.att.scores", boom)])
    assert hooks._current.get() is None
    with torch.inference_mode():
        plain = tiny()(torch.tensor([EFFORT]))
    assert torch.equal(plain, trace.run(tiny(), EFFORT)["logits"])


def test_a_run_inside_an_edit_is_a_run_of_its_own():
    inner = []

    def look(x):
        inner.append(trace.run(tiny(), DAY)["logits"])
        return x

    run = trace.run(tiny(), EFFORT, dropout=0.5, seed=9, edits=[("blocks.0.norm2", look)])
    assert torch.equal(inner[0], trace.run(tiny(), DAY)["logits"])
    assert torch.equal(run["logits"], trace.run(tiny(), EFFORT, dropout=0.5, seed=9)["logits"])


def test_four_threads_share_one_model_and_none_gets_anothers_numbers():
    model = tiny()
    jobs = {
        "plain": {"ids": EFFORT},
        "dropout": {"ids": EFFORT, "dropout": 0.5, "seed": 5},
        "edit": {"ids": EFFORT, "edits": [("blocks.0.att.context", torch.zeros_like)]},
        "another sentence, fewer points": {"ids": DAY, "points": ["blocks.1.*", "logits"]},
    }
    expected = {job: trace.run(model, **options) for job, options in jobs.items()}
    assert len({float(run["logits"].sum()) for run in expected.values()}) == 4
    parameters, training, threads = fingerprint(model), model.training, torch.get_num_threads()
    torch_state, numpy_state, python_state = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    wrong, done, barrier = [], [], threading.Barrier(4)

    def reader(job, options):
        barrier.wait()
        for _ in range(60):
            run = trace.run(model, **options)
            same = list(run.tensors) == list(expected[job].tensors)
            same = same and all(torch.allclose(run[n], expected[job][n], rtol=0, atol=1e-6) for n in run.tensors)
            done.append(job)
            if not same:
                wrong.append(job)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # change threads in the middle of passes, as often as possible
    try:
        readers = [threading.Thread(target=reader, args=job) for job in jobs.items()]
        for one in readers:
            one.start()
        for one in readers:
            one.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(done) == 240
    assert wrong == []
    assert model.training == training and torch.get_num_threads() == threads
    assert all(torch.equal(a, b) for a, b in zip(parameters, model.parameters(), strict=True))
    assert all(not parameter.requires_grad for parameter in model.parameters())
    assert torch.equal(torch_state, torch.get_rng_state())
    assert (numpy_state == np.random.get_state()[1]).all()
    assert python_state == random.getstate()
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
