"""The lab of gradients, shortcuts and normalisation: the truths its experiments show."""

from html import escape
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from streamlit.testing.v1 import AppTest

from gptviz import tokenizer, trace
from gptviz.config import PRESETS, GPTConfig
from gptviz.figures import depth
from gptviz.figures.matrix import Grid
from gptviz.labs.gradients import feed_forward, layer_norm, saliency, shortcuts, toy_network, wiring
from gptviz.labs.gradients import lab as gradients
from gptviz.labs.lab import Setting
from gptviz.labs.subjects import target
from gptviz.points import stream_in
from sample_models import EFFORT, mini, randomised, tiny, untrained

APP = str(Path(__file__).parents[1] / "app.py")
EXPERIMENTS = {one.key: one for one in gradients.LAB.experiments}
FIRE = tokenizer.encode("The cat sat by the fire, and the kitten sat by the")
EMOJI = tokenizer.encode("I ❤️ my 🦜 <b>bold</b>")


def setting(key: str, model=None, ids=EFFORT, **values) -> Setting:
    """An experiment's setting with its defaults, but for the values given."""
    bare = Setting(model or mini(), tuple(ids), {})
    return Setting(bare.model, bare.ids, {one.name: one.start() for one in EXPERIMENTS[key].controls_for(bare)} | values)


# ---- the target


def test_the_target_is_what_really_comes_next_or_what_was_typed():
    assert target.chosen(setting("way-back")) == target.Target(2, EFFORT[3], "really next", "·you")
    assert target.chosen(setting("way-back", at=0)).token == EFFORT[1]
    typed = target.chosen(setting("way-back", target=" door and more"))
    assert (typed.token, typed.origin) == (tokenizer.encode(" door")[0], "typed")
    last = target.chosen(setting("way-back", at=3))
    assert last.token == int(trace.run(mini(), EFFORT)["logits"][0, -1].argmax()) and last.origin == "most probable"


def test_the_loss_is_minus_the_log_of_the_targets_probability():
    run = trace.run(mini(), EFFORT)
    aim = target.Target(1, EFFORT[2], "really next", "·moves")
    assert float(aim(run)) == pytest.approx(-float(run["logits"][0, 1].double().log_softmax(-1)[EFFORT[2]]), rel=1e-5)


# ---- the way back


@pytest.mark.parametrize("cut", [False, True])
def test_table_gradients_equal_autograds(cut):
    model = randomised(PRESETS["tiny"], seed=4)
    asked = setting("way-back", model)
    found = shortcuts.reach(asked, target.chosen(asked), shortcuts.edits(asked) if cut else ())
    model.requires_grad_()
    x = model.tok_emb.weight[torch.tensor([EFFORT])] + model.pos_emb.weight[:4]
    for block in model.blocks:
        made = block.att(block.norm1(x))
        x = made if cut else x + made
        made = block.ff(block.norm2(x))
        x = made if cut else x + made
    loss = F.cross_entropy(model.out_head(model.final_norm(x))[0, 2:3], torch.tensor(EFFORT[3:]))
    loss.backward()
    assert found.loss == pytest.approx(loss.item(), rel=1e-4)
    expected = [float(block.ff.expand.weight.grad.abs().mean()) for block in model.blocks]
    np.testing.assert_allclose(found.weights, expected, rtol=1e-3)


def test_the_model_itself_is_not_changed_by_any_experiment():
    before = {name: parameter.clone() for name, parameter in tiny().named_parameters()}
    for key, one in EXPERIMENTS.items():
        one.caption(setting(key, tiny()))
    assert all(torch.equal(before[name], parameter) for name, parameter in tiny().named_parameters())
    assert all(parameter.grad is None for parameter in tiny().parameters())


def test_a_shortcut_that_is_off_leaves_the_sublayers_output():
    run = trace.run(tiny(), EFFORT, edits=["shortcut:*.1,shortcut:*.2"])
    for block in range(2):
        assert torch.equal(run[f"blocks.{block}.shortcut1"], run[f"blocks.{block}.drop1"])
        assert torch.equal(run[f"blocks.{block}.shortcut2"], run[f"blocks.{block}.drop2"])
    half = trace.run(tiny(), EFFORT, edits=["shortcut:*.1"])
    assert torch.equal(half["blocks.1.shortcut1"], half["blocks.1.drop1"])
    assert not torch.equal(half["blocks.1.shortcut2"], half["blocks.1.drop2"])


def test_shortcuts_bring_more_to_the_first_block_of_the_trained_model():
    for ids in (EFFORT, FIRE):
        _, plain, cut = shortcuts.reaches_of(setting("way-back", ids=ids))
        assert plain.weights[0] / plain.weights[-1] > 2 * cut.weights[0] / cut.weights[-1]


def test_without_shortcuts_and_norms_the_stream_gradient_vanishes_in_an_untrained_model():
    _, plain, cut = shortcuts.reaches_of(setting("way-back", untrained(), norms=True, size="stream"))
    assert cut.stream[0] / cut.stream[-1] < 1e-20 < plain.stream[0] / plain.stream[-1]


# ---- the toy network


class Example(torch.nn.Module):
    """The book's network, as a module of its own."""

    def __init__(self, layers: int, shortcuts: bool):
        super().__init__()
        sizes = [3] * layers + [1]
        self.layers = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in pairwise(sizes))
        self.shortcuts = shortcuts

    def forward(self, x):
        for layer in self.layers:
            made = F.gelu(layer(x), approximate="tanh")
            x = x + made if self.shortcuts and made.shape == x.shape else made
        return x


@pytest.mark.parametrize("layers", [2, 5, 10])
@pytest.mark.parametrize("on", [True, False])
def test_the_toy_equals_torchs_own_layers(layers, on):
    with torch.random.fork_rng():
        torch.manual_seed(123)
        example = Example(layers, on)
    F.mse_loss(example(torch.tensor([[1.0, 0.0, -1.0]])), torch.tensor([[0.0]])).backward()
    expected = [float(layer.weight.grad.abs().mean()) for layer in example.layers]
    np.testing.assert_allclose(toy_network.gradients(layers, shortcuts=on), expected, rtol=1e-5)


def test_the_toy_gives_the_books_numbers_and_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    np.testing.assert_allclose(
        toy_network.gradients(5, shortcuts=False), [0.00020, 0.00012, 0.00072, 0.0014, 0.0050], rtol=0, atol=5e-5
    )
    np.testing.assert_allclose(toy_network.gradients(5, shortcuts=True), [0.222, 0.207, 0.329, 0.267, 1.326], rtol=0, atol=5e-4)
    assert torch.equal(torch.random.get_rng_state(), before)
    deep = toy_network.gradients(10, shortcuts=False)
    assert deep[0] == pytest.approx(2.7e-7, rel=0.05) and deep[-1] == pytest.approx(0.0068, rel=0.05)
    said = EXPERIMENTS["toy"].caption(setting("toy"))
    assert "0.0400" in said and "0.167" in said


# ---- sensitivity


def test_later_tokens_get_exactly_zero():
    for measure in saliency.MEASURES:
        asked = setting("sensitivity", ids=FIRE, at=5, measure=measure)
        values = saliency.salience(saliency.gradients_of(asked)[1], measure)
        assert (values[6:] == 0).all() and (values[:6] != 0).all()


def test_gradient_times_input_is_the_slope_of_enlarging_a_row():
    asked = setting("sensitivity", randomised(PRESETS["tiny"], seed=7), ids=FIRE, measure="product")
    aim, run = saliency.gradients_of(asked)
    values = saliency.salience(run, "product")
    for row in (0, 3, len(FIRE) - 2):
        losses = []
        for step in (0.02, -0.02):
            factors = torch.ones(len(FIRE), 1)
            factors[row] += step
            edited = trace.run(asked.model, FIRE, edits=[("input_emb", lambda x, factors=factors: x * factors)])
            losses.append(float(aim(edited)))
        assert (losses[0] - losses[1]) / 0.04 == pytest.approx(values[row], rel=0.05, abs=1e-4)


# ---- wiring


def test_post_norm_is_the_wiring_of_2017():
    model = randomised(PRESETS["tiny"], seed=2)
    run = trace.run(model, EFFORT, edits=["post-norm"])
    x = run["drop_emb"]
    for number, block in enumerate(model.blocks):
        x = block.norm1(x + block.att(x))
        x = block.norm2(x + block.ff(x))
        torch.testing.assert_close(run[f"blocks.{number}.shortcut2"], x, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(run["logits"], model.out_head(x), rtol=1e-4, atol=1e-4)


def test_without_norms_every_sublayer_reads_the_stream():
    model = randomised(PRESETS["tiny"], seed=2, spread=0.02)
    run = trace.run(model, EFFORT, edits=["norm:*.1", "norm:*.2", "norm:final"])
    x = run["drop_emb"]
    for block in model.blocks:
        x = x + block.att(x)
        x = x + block.ff(x)
    torch.testing.assert_close(run["logits"], model.out_head(x), rtol=1e-4, atol=1e-5)
    assert torch.equal(run["final_norm"], run["blocks.1.shortcut2"])
    assert not torch.equal(trace.run(model, EFFORT, edits=["norm:*.1,norm:*.2"])["final_norm"], x)


def test_spread_along_the_stream_is_that_of_the_trace():
    asked = setting("wiring", ids=FIRE)
    run = trace.run(mini(), FIRE)
    found = wiring.stream(wiring.traces_of(asked)["pre"], len(FIRE) - 1)
    expected = [float(run[stream_in(n)][0, -1].double().std(correction=0)) for n in range(7)]
    np.testing.assert_allclose(found[:-1], expected, rtol=1e-6)
    assert found[-1] == pytest.approx(float(run["final_norm"][0, -1].std(correction=0)), rel=1e-4)


@pytest.mark.parametrize("wired", wiring.WIRINGS)
def test_spreads_on_the_wires_belong_together(wired):
    run = wiring.passed(setting("wiring", ids=FIRE), wired)
    for block in range(6):
        found = wiring.inside(run, block, 3)
        if wired != "post":
            assert found["out1"] == pytest.approx(found["sum1"], rel=1e-4) and found["out2"] == pytest.approx(
                found["sum2"], rel=1e-4
            )
        if wired != "pre":
            assert found["norm1"] == found["in"] and found["norm2"] == found["out1"]
    if wired == "post" and block == 5:
        assert 0.3 < found["out2"] < 3


def test_untrained_gpt2_grows_pre_norm_and_stays_at_one_post_norm():
    runs = wiring.traces_of(setting("wiring", untrained()))
    pre, post = wiring.stream(runs["pre"], 3), wiring.stream(runs["post"], 3)
    assert (np.diff(pre[1:-1]) > 0).all() and pre[-1] == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(post[1:], 1, atol=1e-3)


# ---- LayerNorm


def test_biased_and_unbiased_are_torchs():
    row = layer_norm.entering(setting("variance"))[3]
    for n in (2, 6, 256):
        biased, unbiased = layer_norm.variances(row, n)
        first = torch.from_numpy(row[:n].copy()).double()
        assert biased == pytest.approx(float(first.var(correction=0))) and unbiased == pytest.approx(float(first.var()))
        assert unbiased / biased == pytest.approx(n / (n - 1))
    assert "20.0 %" in layer_norm.variance_caption(setting("variance"))
    assert "0.392 %" in layer_norm.variance_caption(setting("variance", n=256))


def test_a_constant_row_needs_epsilon():
    assert (layer_norm.toy_row(0) == 3).all()
    assert (layer_norm.normalise(layer_norm.toy_row(0), 1e-5) == 0).all()
    assert np.isnan(layer_norm.normalise(layer_norm.toy_row(0), 0)).all()
    for eps in layer_norm.EPSILONS:
        row = layer_norm.toy_row(0.3)
        mine = layer_norm.normalise(row, eps)
        np.testing.assert_allclose(mine, F.layer_norm(torch.from_numpy(row), (6,), eps=eps).numpy(), rtol=1e-9)
        assert mine.var() == pytest.approx(row.var() / (row.var() + eps))


def test_the_constant_row_without_epsilon_is_said_to_have_no_numbers():
    asked = setting("epsilon", eps=0.0)
    grid, _ = EXPERIMENTS["epsilon"].pictures(asked)
    assert isinstance(grid, Grid) and "0 / 0" in grid.note and np.isnan(grid.panels[1].values).all()
    assert "not a number" in EXPERIMENTS["epsilon"].caption(asked)
    assert EXPERIMENTS["epsilon"].state(asked) == ("TOY row", "EDITED: ε = 0")


@pytest.mark.parametrize("norm", ["1.1", "3.2", "final"])
def test_the_models_own_scale_and_shift_give_the_hook_point(norm):
    rows = layer_norm.states(setting("scale-shift", norm=norm, scale=-2.0, shift=0.5))
    point = {"1.1": "blocks.0.norm1", "3.2": "blocks.2.norm2", "final": "final_norm"}[norm]
    np.testing.assert_allclose(rows["The model's own"], trace.run(mini(), EFFORT).array(point)[0, 3], rtol=1e-4, atol=1e-5)
    mine = rows["Your scale and shift"]
    assert mine.mean() == pytest.approx(0.5, abs=1e-4)
    assert mine.var() == pytest.approx(4 * rows["Normalised"].var(), rel=1e-4)


# ---- feed-forward


def test_slopes_are_autograds():
    x = torch.linspace(-5, 5, 201, dtype=torch.float64).requires_grad_()
    F.gelu(x, approximate="tanh").sum().backward()
    np.testing.assert_allclose(feed_forward.gelu_slope(x.detach().numpy()), x.grad.numpy(), rtol=1e-9, atol=1e-12)
    x.grad = None
    F.relu(x).sum().backward()
    np.testing.assert_array_equal(feed_forward.relu_slope(x.detach().numpy()), x.grad.numpy())


def test_the_lowest_point_of_gelu():
    assert feed_forward.gelu(np.array(-0.7525)) == pytest.approx(-0.1700, abs=5e-5)
    assert feed_forward.gelu_slope(np.array(-0.7525)) == pytest.approx(0, abs=1e-3)


def test_closed_units_are_counted_on_the_real_ones():
    asked = setting("gelu", block=4, row=1)
    units = trace.run(mini(), EFFORT).array("blocks.3.ff.hidden")[0, 1]
    assert feed_forward.closed(feed_forward.hidden(asked))[1] == pytest.approx((units <= 0).mean())


def test_blocks_are_counted_as_the_model_has_them():
    for name in ("gpt2", "mini", "tiny"):
        config = PRESETS[name]
        block = feed_forward.block_of(config, 4)
        parts = config.parameters()
        assert block.feed_forward * config.n_layer == parts["feed-forward"]
        assert block.attention * config.n_layer == parts["attention"]
        assert feed_forward.whole(config, 4) == config.n_parameters
    assert sum(p.numel() for p in tiny().blocks[0].parameters()) == feed_forward.block_of(tiny().config, 4).total
    without_bias = feed_forward.block_of(GPTConfig(qkv_bias=False), 4)
    assert (without_bias.feed_forward, without_bias.total) == (4_722_432, 7_085_568)


def test_each_step_of_the_factor_adds_the_same():
    config = PRESETS["gpt2"]
    totals = [feed_forward.whole(config, factor) for factor in range(1, 9)]
    assert set(np.diff(totals)) == {config.n_layer * (2 * 768 * 768 + 768)}


# ---- pictures and words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.000202, "0.000202"),
        (1.326, "1.33"),
        (20.83, "20.8"),
        (31400, "31,400"),
        (3.24e-7, "3.2·10⁻⁷"),
        (1e-5, "10⁻⁵"),
        (9.99e-6, "10⁻⁵"),
        (1.2e10, "1.2·10¹⁰"),
        (0, "0.00"),
        (-0.25, "-0.250"),
        (float("inf"), "infinite"),
    ],
)
def test_sizes_are_written_with_digits_that_mean_something(value, text):
    assert depth.written(value) == text


def test_a_line_keeps_its_values_and_leaves_gaps():
    figure = depth.lines(
        [depth.Line("a<b>", np.array([1.0, np.inf, 0.0, 4.0]), "token")], list("abcd"), x_title="x", y_title="y"
    )
    assert figure.data[0].y == (1.0, None, None, 4.0) and figure.data[0].name == "a&lt;b&gt;"


@pytest.mark.parametrize("key", EXPERIMENTS)
@pytest.mark.parametrize("ids", [EFFORT, EMOJI, [64], FIRE * 15], ids=["four", "emoji", "one", "long"])
def test_every_experiment_draws_any_sentence(key, ids):
    one = EXPERIMENTS[key]
    asked = setting(key, ids=ids)
    assert one.caption(asked) and one.pictures(asked)
    assert len(one.prose.split()) <= 90 and one.question is not None


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_every_choice_of_every_control_works(key):
    one = EXPERIMENTS[key]
    for control in one.controls_for(setting(key)):
        options = {
            "slider": control.options[:2],
            "choice": control.options,
            "switch": (True, False),
            "text": ("", " door", "🦜"),
        }
        for option in options[control.kind]:
            asked = setting(key, **{control.name: option})
            assert control.parse(control.write(option)) == option
            assert one.caption(asked) and one.pictures(asked) is not None and isinstance(one.state(asked), tuple)


# ---- the page


def opened(**params) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    app.run()
    for name, value in params.items():
        app.query_params[name] = str(value)
    app.switch_page("pages/Gradients.py").run()
    assert not app.exception, app.exception[0].message
    return app


def html(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def test_the_page_shows_the_experiment_of_its_address():
    first = EXPERIMENTS[next(iter(EXPERIMENTS))]
    assert escape(first.caption(setting(first.key))) in html(opened())
    toy = html(opened(view="toy", layers=10))
    assert "TOY: not the model" in toy and "2.7·10⁻⁷" in toy
    wired = html(opened(view="wiring", wiring="post", text="The cat sat by the fire"))
    assert "EDITED: LayerNorm after each sum" in wired and "·fire" in wired
    assert "TRAINED" in wired


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_every_experiment_on_the_page(key):
    app = opened(view=key)
    assert EXPERIMENTS[key].title in html(app) and "Look for" in html(app)
    assert not app.error and not app.warning
