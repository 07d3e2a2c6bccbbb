"""The attention lab: what its pictures say is what the model computed, and every experiment can be shown."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from gptviz import tokenizer, trace
from gptviz.choice import Choice
from gptviz.config import PRESETS, GPTConfig
from gptviz.figures import running_sum
from gptviz.figures.matrix import MASKED, PADDING, Grid
from gptviz.labs.attention import first_token, head_atlas, head_columns, masking, one_score
from gptviz.labs.attention.lab import LAB
from gptviz.labs.lab import Setting
from gptviz.labs.subjects import heads as head_patterns
from gptviz.ui import matrix, state
from gptviz.ui.matrix import Pick
from sample_models import EFFORT, forget, mini, randomised, some_ids, tiny, untrained

APP = str(Path(__file__).parents[1] / "app.py")
CAT = tokenizer.encode("The cat sat by the fire, and the kitten sat by the")


def setting(experiment, model=None, ids=EFFORT, **values) -> Setting:
    """A setting at the experiment's defaults, with these values instead."""
    model = mini() if model is None else model
    bare = Setting(model=model, ids=tuple(ids), values={})
    values = {control.name: control.start() for control in experiment.controls_for(bare)} | values
    return Setting(model=model, ids=tuple(ids), values=values)


def found(key):
    return next(one for one in LAB.experiments if one.key == key)


# patterns -------------------------------------------------------------------------------------------------------------


def test_a_head_that_only_reads_one_place_scores_1_there_and_0_elsewhere():
    ids = [5, 6, 7, 8, 9]
    maps = np.zeros((3, 5, 5))
    maps[:, 0, 0] = 1
    for row in range(1, 5):
        maps[0, row, row - 1] = maps[1, row, 0] = maps[2, row, row] = 1
    scores = head_patterns.scores(maps, ids)
    assert np.array_equal(np.stack([scores[name] for name in ("previous", "first", "self")]), np.eye(3))
    assert np.isnan(scores["same"]).all() and np.isnan(scores["after"]).all()
    assert np.array_equal(scores["broad"], np.zeros(3))


def test_copies_and_what_followed_them():
    ids = [5, 6, 7, 5, 6]  # token 3 copies 0, token 4 copies 1
    cells = head_patterns.cells(ids)
    assert {tuple(map(int, cell)) for cell in np.argwhere(cells["same"])} == {(3, 0), (4, 1)}
    assert {tuple(map(int, cell)) for cell in np.argwhere(cells["after"])} == {(3, 1), (4, 2)}
    assert not head_patterns.cells([5, 5])["after"].any()  # the token itself is not what followed its copy


def test_the_three_fixed_places_are_three_different_cells():
    cells = head_patterns.cells(CAT)
    together = sum(cells[name].astype(int) for name in ("previous", "first", "self"))
    assert together.max() == 1 and not together[:2].any() and (together[2:].sum(1) == 3).all()


def test_an_even_spread_is_as_broad_as_can_be():
    even = head_patterns.even(CAT)
    rows = np.arange(2, len(CAT))
    assert even["broad"] == pytest.approx(1) and even["previous"] == pytest.approx(np.mean(1 / (rows + 1)))


def test_scores_are_means_of_the_models_own_weights():
    survey = head_patterns.survey(setting(found("atlas"), ids=CAT))
    made = trace.run(mini(), CAT)
    weights = made["blocks.3.att.weights"][0, 2]
    rows = range(2, len(CAT))
    assert survey.scores["previous"][3, 2] == pytest.approx(float(torch.stack([weights[t, t - 1] for t in rows]).mean()))
    the = [4, 8, 12]  # " the" at 4, 8 and 12
    same = (weights[8, 4] + weights[12, 4] + weights[12, 8] + weights[10, 2] + weights[11, 3]) / 4
    after = (weights[8, 5] + weights[12, 5] + weights[12, 9] + weights[10, 3] + weights[11, 4]) / 4
    assert [n for n, token in enumerate(CAT) if token == CAT[4]] == the
    assert survey.scores["same"][3, 2] == pytest.approx(float(same))
    assert survey.scores["after"][3, 2] == pytest.approx(float(after))
    entropy = [-float((row[row > 0] * row[row > 0].log()).sum()) / math.log(t + 1) for t, row in enumerate(weights) if t >= 2]
    assert survey.scores["broad"][3, 2] == pytest.approx(np.mean(entropy), rel=1e-5)
    assert survey.rows == {"previous": 11, "first": 11, "self": 11, "same": 4, "after": 4}


def test_the_ranking_falls_and_holds_every_head_once():
    survey = head_patterns.survey(setting(found("atlas"), ids=CAT))
    for name in head_patterns.RANKED:
        order = survey.ranking(name)
        assert len(set(order)) == 48 and np.all(np.diff([survey.scores[name][place] for place in order]) <= 0)


def test_names_follow_the_rule_said():
    survey = head_patterns.survey(setting(found("atlas")))
    for block in range(6):
        for head in range(8):
            best, name = survey.best(block, head), survey.name(block, head)
            assert (name == best) == (survey.scores[best][block, head] >= 0.5)
            said = head_patterns.sentence(survey, block, head)
            assert said.startswith(f"Block {block + 1}, head {head + 1} ") and ("mostly" in said) == (name == best)


# the atlas ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model, count", [(mini, (6, 8)), (untrained, (12, 12)), (tiny, (2, 2))], ids=["mini", "gpt2", "tiny"])
def test_every_tile_of_the_atlas_is_a_heads_own_map(model, count):
    chosen = setting(found("atlas"), model())
    grid, _ = head_atlas.pictures(chosen)
    panel, opened = grid.panels
    made = trace.run(model(), EFFORT)
    for block in range(count[0]):
        for head in range(count[1]):
            rows, columns = slice(block * 5, block * 5 + 4), slice(head * 5, head * 5 + 4)
            assert np.array_equal(panel.values[rows, columns], made.array(f"blocks.{block}.att.weights")[0, head])
            assert np.array_equal(panel.marks[rows, columns] == MASKED, np.triu(np.ones((4, 4)), 1) > 0)
    assert np.isnan(panel.values[4::5]).all() and np.isnan(panel.values[:, 4::5]).all()
    block, head = head_patterns.chosen_head(chosen)
    assert np.array_equal(opened.values, made.array(f"blocks.{block}.att.weights")[0, head])
    assert panel.tiles.chosen == block * count[1] + head and len(panel.tiles.values) == count[0] * count[1]
    header = matrix.payload(grid)
    assert b'"tiles":{"rows":4' in header


def test_a_long_text_shows_a_window_and_scores_everything():
    ids = some_ids(1, 60)[0].tolist()
    chosen = setting(found("atlas"), ids=ids, start=30)
    grid, table = head_atlas.pictures(chosen)
    made = trace.run(mini(), ids).array("blocks.5.att.weights")[0, 7]
    assert np.array_equal(grid.panels[0].values[-24:, -24:], made[30:54, 30:54])
    assert "tokens 30 to 53 of 60" in grid.note
    whole = made[np.arange(2, 60), np.arange(1, 59)].mean()
    assert head_atlas.found(chosen).scores["previous"][5, 7] == pytest.approx(whole)
    assert len(table.columns["head"]) == 48


def test_a_click_on_a_tile_is_one_of_the_heads_options():
    options = head_patterns.head_control(setting(found("atlas"))).options
    assert options[0] == "1.1" and options[8] == "2.1" and len(options) == 48
    grid, _ = head_atlas.pictures(setting(found("atlas")))
    assert matrix._holds(grid.panels[0], Pick("head", 47)) and not matrix._holds(grid.panels[0], Pick("head", 48))


# one score ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query, key", [(3, 1), (3, 3), (0, 0), (1, 3)])
def test_a_score_is_the_sum_of_its_products(query, key):
    chosen = setting(found("score"), query=query, key=key, head="2.5")
    made = one_score.score(chosen)
    run = trace.run(mini(), EFFORT)
    q, k = run["blocks.1.att.query"][0, 4, query], run["blocks.1.att.key"][0, 4, key]
    assert np.array_equal(made.products, (q * k).numpy())
    assert made.running[-1] == pytest.approx(float(q @ k), abs=1e-4) and made.score == float(
        run["blocks.1.att.scores"][0, 4, query, key]
    )
    assert made.scaled == pytest.approx(made.running[-1] / math.sqrt(32), abs=1e-5)
    shares = torch.softmax(run["blocks.1.att.scaled"][0, 4, query, : query + 1], 0)
    assert made.weight == pytest.approx(float(shares[key]) if key <= query else 0, abs=1e-6)
    said = one_score.caption(chosen)
    assert ("the mask hides this score" in said) == (key > query)
    assert one_score.number(made.running[-1]) in said


def test_the_chart_holds_the_products_and_their_sums():
    values = np.array([1.0, -2.0, 0.5], dtype=np.float32)
    figure = running_sum.products(values, values.cumsum(), title="<b>x</b>", height=200)
    assert list(figure.data[0].y) == list(values) and list(figure.data[1].y) == [1, -1, -0.5]
    assert "<b>" not in figure.layout.title.text


# masks ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scaling", [True, False])
@pytest.mark.parametrize("head", ["1.1", "4.3", "6.8"])
def test_minus_infinity_before_is_zeroing_after_and_dividing_again(head, scaling):
    made, _, weights = masking.masks_of(setting(found("masks"), ids=CAT, head=head, scaling=scaling))
    for one in (made.none, made.zeros, made.infinity, made.after):
        assert np.allclose(one.sum(1), 1, atol=1e-12)
    assert np.allclose(made.infinity, made.after, atol=1e-12)
    assert not np.triu(made.infinity, 1).any() and not np.triu(made.after, 1).any()
    assert np.allclose(made.left, np.tril(made.none).sum(1))
    assert (np.triu(made.zeros, 1).sum(1)[:-1] > 0).all(), "zeros leave weight on the future"
    if scaling:
        assert np.allclose(made.infinity, weights, atol=1e-6)


def test_zeros_in_place_of_the_future_worked_out_by_hand():
    made = masking.masks(np.array([[math.log(3), 9.0], [0.0, 0.0]]))
    assert made.zeros[0] == pytest.approx([0.75, 0.25]) and made.infinity[0] == pytest.approx([1, 0])
    assert made.zeros[1] == pytest.approx(made.infinity[1])


def test_a_row_with_nothing_left_is_no_number():
    made = masking.masks(np.array([[-2000.0, 0.0], [0.0, 0.0]]))
    assert made.left[0] == 0 and np.isnan(made.after[0]).all() and made.infinity[0] == pytest.approx([1, 0])


def test_scaling_flattens_the_rows_of_random_queries_and_keys():
    generator = np.random.default_rng(0)
    q, k = generator.normal(size=(2, 400, 64))
    plain = masking.masks(q @ k.T)
    assert masking.masks(q @ k.T / 8).largest < plain.largest


def test_what_is_not_the_model_is_labelled():
    masks = found("masks")
    assert masks.state(setting(masks)) == ("A VIEW: 1, 2 and 4",)
    assert masks.state(setting(masks, scaling=False)) == ("EDITED: scores not divided by √32",)
    titles = [panel.title for panel in masks.pictures(setting(masks))[0].panels]
    assert [n for n, title in enumerate(titles) if "the model" in title] == [2]
    off = masks.pictures(setting(masks, scaling=False))[0]
    assert not any("the model" in panel.title for panel in off.panels) and "None of these is the model" in off.note
    heads = found("heads")
    assert heads.state(setting(heads)) == () and heads.state(setting(heads, heads=4)) == ("A VIEW: 4 heads, the model has 8",)
    first = found("first")
    assert "A VIEW" in first.state(setting(first))[0] and first.state(setting(first, without=False)) == ()


# heads and their columns ----------------------------------------------------------------------------------------------


def test_divisors():
    assert head_columns.divisors(768) == (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 768)
    assert head_columns.divisors(7) == (1, 7)


@pytest.mark.parametrize("block", [1, 6])
def test_a_heads_columns_make_its_queries_keys_and_values(block):
    model = mini()
    run = trace.run(model, EFFORT)
    table = model.blocks[block - 1].att.qkv
    whole = run[f"blocks.{block - 1}.norm1"][0] @ table.weight + table.bias
    for head in range(8):
        made = head_columns.owned(setting(found("heads"), block=block, column=head * 32 + 7))
        assert (made.head, made.columns) == (head, range(head * 32, head * 32 + 32))
        assert np.array_equal(made.queries, run.array(f"blocks.{block - 1}.att.query")[0, head])
        assert np.allclose(made.again, made.queries, atol=1e-5)
        for n, part in enumerate(("query", "key", "value")):
            owned = whole[:, 256 * n + made.columns.start : 256 * n + made.columns.stop]
            assert torch.allclose(owned, run[f"blocks.{block - 1}.att.{part}"][0, head], atol=1e-5)


def test_the_same_columns_under_another_number_of_heads():
    made = head_columns.owned(setting(found("heads"), heads=4, column=100))
    own = trace.run(mini(), EFFORT).array("blocks.0.att.query")[0]
    assert (made.head, made.columns) == (1, range(64, 128))
    assert np.array_equal(made.queries, np.concatenate([own[2], own[3]], axis=1))
    assert head_columns.owners(mini().config, range(64, 128)) == "The model's heads 3 to 4 own these columns"
    assert head_columns.owners(mini().config, range(64, 80)) == "They are part of what the model's head 3 owns"


def test_the_number_of_heads_changes_no_count():
    table = head_columns.counts(PRESETS["gpt2"]).columns
    assert set(table["parameters: model"]) == {"124,439,808"}
    assert set(table["parameters: attention of a block"]) == {"2,362,368"}
    assert table["maps in the model"][table["heads"].index(12)] == 144
    real = sum(p.numel() for p in mini().parameters())
    assert set(head_columns.counts(mini().config).columns["parameters: model"]) == {f"{real:,}"}


def test_without_a_bias_the_columns_still_make_the_queries():
    model = randomised(GPTConfig(vocab_size=50257, context_length=32, n_embd=12, n_head=3, n_layer=1, qkv_bias=False))
    made = head_columns.owned(setting(found("heads"), model, column=9))
    assert made.head == 2 and np.allclose(made.again, made.queries, atol=1e-5)


# the first token ------------------------------------------------------------------------------------------------------


def test_hiding_the_first_token_divides_by_what_is_left():
    chosen = setting(found("first"), ids=CAT)
    (weights,) = head_patterns.attention(chosen, "weights")
    view = first_token.without_first(weights)
    assert np.isnan(view[0]).all() and not view[1:, 0].any()
    assert np.allclose(view[1:].sum(1), 1)
    assert np.allclose(view[1:, 1:], weights[1:, 1:] / (1 - weights[1:, :1].astype(np.float64)), atol=1e-5)
    (grid,) = first_token.pictures(chosen)
    assert np.array_equal(grid.panels[0].values, weights) and (grid.panels[1].marks[1:, 0] == MASKED).all()
    assert (grid.panels[1].marks[0] == PADDING).all()
    assert len(first_token.pictures(setting(found("first"), without=False))[0].panels) == 1


# every experiment -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tokens", [1, 2, 3, 200])
@pytest.mark.parametrize("experiment", LAB.experiments, ids=lambda one: one.key)
def test_every_experiment_on_any_number_of_tokens(experiment, tokens):
    chosen = setting(experiment, ids=some_ids(1, tokens, seed=3)[0].tolist())
    said = experiment.caption(chosen)
    assert said and "nan" not in said
    for made in experiment.pictures(chosen):
        if isinstance(made, Grid):
            assert matrix.payload(made)


@pytest.mark.parametrize("experiment", LAB.experiments, ids=lambda one: one.key)
def test_prose_is_short_and_asks(experiment):
    assert len(experiment.prose.split()) <= 110 and experiment.question.choices[experiment.question.answer]


def opened(**params) -> AppTest:
    forget()
    app = AppTest.from_file(APP, default_timeout=60).run().switch_page("pages/Attention.py")
    for name, value in params.items():
        app.query_params[name] = str(value)
    app.run()
    assert not app.exception, app.exception[0].message
    return app


def html(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


@pytest.mark.parametrize("experiment", LAB.experiments, ids=lambda one: one.key)
@pytest.mark.parametrize("params", [{}, {"model": "gpt2-untrained"}, {"text": "<b>x</b> 🦜"}], ids=["mini", "gpt2", "html"])
def test_the_page_of_every_experiment(experiment, params):
    app = opened(view=experiment.key, **params)
    assert experiment.title in html(app) and "Look for" in html(app) and not app.error and not app.warning
    assert "<b>x</b>" not in html(app)


def test_the_page_says_the_numbers_of_the_chosen_head():
    app = opened(view="first", head="2.2", row="2")
    weight = float(trace.run(mini(), EFFORT)["blocks.1.att.weights"][0, 1, 2, 0])
    assert f"{100 * weight:.1f} %" in html(app) and "A VIEW" in html(app)
    app.toggle(key="control-without").set_value(False).run()
    assert "A VIEW" not in html(app) and not app.exception


def test_an_older_address_of_the_view_without_the_first_token_is_understood():
    assert state.own({"view": "first", "hide": "0", "text": "a b"}) == {"view": "first", "without": "0"}
    assert state.own({"view": "first", "hide": "model"}) == {"view": "first"}
    assert state.from_url({"hide": "0"}) == (Choice(), [])
