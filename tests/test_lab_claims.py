"""What a reader finds on opening an experiment shows what the words beside it say: on the notes' sentence and on others, with the
model that ships; and a rule that looks for a good place never takes the choice away."""

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gptviz import tokenizer
from gptviz.figures.matrix import Grid
from gptviz.labs import index
from gptviz.labs.attention import masking, one_score, toy
from gptviz.labs.dropout import places
from gptviz.labs.embeddings import position_table, word_neighbours, word_pairs
from gptviz.labs.gradients import shortcuts
from gptviz.labs.lab import Setting
from gptviz.labs.replay import word_places
from gptviz.labs.sampling import temperature
from gptviz.labs.subjects import heads
from gptviz.labs.why import forming, ledger, two_sentences
from gptviz.ui import lab
from sample_models import mini, once, tiny
from test_page import APP, fine, html

SENTENCES = (
    "Every effort moves you",
    "The letter was sealed. She opened the",
    "I beg your pardon, said he. I beg your",
    "The cat sat by the fire, and the kitten sat by the",
)
EVERY = tuple(f"{lab.key}/{one.key}" for lab in index.LABS.values() for one in lab.experiments)


def opened(name: str, text: str = SENTENCES[0], model=None, key: str = "mini") -> Setting:
    """An experiment as it stands before anything was moved."""
    model = model or mini()
    bare = Setting(
        model,
        tuple(tokenizer.encode(text)),
        {},
        text=text,
        model_key=key,
        once=once,
    )
    values = {control.name: control.start() for control in index.find(name)[1].controls_for(bare)}
    return Setting(model, bare.ids, values, text=text, model_key=key, once=bare.once)


@pytest.mark.parametrize("name", EVERY)
def test_every_experiment_opens_with_a_picture_and_a_sentence(name):
    setting = opened(name)
    one = index.find(name)[1]
    said = one.caption(setting)
    assert len(said) > 40 and list(one.pictures(setting))
    assert not any(wrong in said for wrong in ("−0.000", "-0.00", " the 1 tokens", "1 of 3 tokens are", "nan", "100 %"))


@pytest.mark.parametrize("text", SENTENCES)
def test_a_row_that_zeros_do_not_close(text):
    setting = opened("Attention/masks", text)
    made, _, _ = masking.masks_of(setting)
    row = setting["row"]
    assert made.zeros[row, row + 1 :].sum() >= masking.TELLING > made.infinity[row, row + 1 :].sum() == 0


@pytest.mark.parametrize("text", SENTENCES)
def test_a_score_that_is_positive_and_the_highest_of_its_row(text):
    setting = opened("Attention/score", text)
    made, query = one_score.score(setting), setting["query"]
    assert made.score > 0 and (made.products > 0).mean() > 0.5 and setting["key"] < query
    assert made.scaled == made.scaled_row[: query + 1].max()
    block, head = heads.chosen_head(setting)
    for other in range(mini().config.n_layer):
        rows = setting.trace(points=[f"blocks.{other}.att.scores"]).array(f"blocks.{other}.att.scores")[
            0, :, query, : query + 1
        ]
        looks_back = rows[rows.argmax(1) < query]
        assert looks_back.max(initial=-np.inf) <= made.score * 1.0001, (
            f"block {other + 1} has a higher one than {block + 1}.{head + 1}"
        )


def test_a_word_that_stands_out_from_its_neighbours_by_id():
    for text in SENTENCES:
        found = word_neighbours.neighbours_of(opened("Embeddings/neighbours", text))
        near = found.likeness[found.by_vector[0]]
        beside = np.mean([found.likeness[one] for one in found.by_id if one != found.token])
        assert near > beside + 0.2 and found.mean < 0.5, text


def test_two_alike_words_are_more_alike_than_chance():
    setting = opened("Embeddings/cosine")
    found = word_pairs.pair_of(setting)
    assert (word_pairs.sampled(setting) < found.cosine).mean() > 0.9 and found.rank <= 10


def test_a_position_is_most_alike_to_one_beside_it():
    setting = opened("Embeddings/positions")
    likeness = position_table.positions_of(setting).likeness[setting["p"]].copy()
    likeness[setting["p"]] = -1
    assert abs(int(likeness.argmax()) - setting["p"]) == 1


def test_training_brings_words_of_one_kind_together():
    setting = opened("Replay/pair")
    made = word_places.paired(setting)
    assert made.values[0][-1] > made.mean[-1] + made.spread[-1], "the pair leaves the band"
    assert made.values[0][-1] > made.values[1][-1]


@pytest.mark.parametrize("text", SENTENCES)
def test_without_shortcuts_a_smaller_share_of_the_gradient_arrives(text):
    setting = opened("Gradients/way-back", text)
    _, plain, cut = shortcuts.reaches_of(setting)
    lines = shortcuts.pictures(setting)[0].data
    np.testing.assert_allclose(lines[0].y, plain.weights / plain.weights[-1])
    np.testing.assert_allclose(lines[1].y, cut.weights / cut.weights[-1])
    said = shortcuts.caption(setting)
    if lines[1].y[0] < lines[0].y[0] / 1.5:
        assert "a smaller share of it reaches the first block" in said
    else:
        assert "smaller share" not in said
    assert text != SENTENCES[0] or lines[1].y[0] < lines[0].y[0] / 1.5, "the sentence it opens with shows it"


@pytest.mark.parametrize("text", SENTENCES)
def test_the_answer_forms_adds_up_and_is_the_same_from_the_cache(text):
    made = forming.formed(opened("Why/forms", text))
    answers = made.found.best[:, -1]
    assert made.found.difference < 1e-4 and answers[0] != answers[-1] and made.followed[0] == answers[-1]
    level = ledger.levels(opened("Why/ledger", text))[-1]
    assert abs(level.remainder) < 1e-5 and level.terms.max() > 1
    pair = two_sentences.measured(opened("Why/patch", text))
    assert pair.moved[-1].max() > 0.01, "the copy it opens with does something"
    assert "Nothing changed" in index.find("Context/cached")[1].caption(opened("Context/cached", text))


def test_both_columns_of_bars_have_one_scale():
    chart = temperature.temperature_pictures(opened("Sampling/temperature"))[0]
    assert chart.layout.xaxis.range == chart.layout.xaxis2.range
    assert max(chart.data[0].x) > 2 * max(chart.data[1].x), "the lead is seen to shrink"


def test_a_division_comes_out_on_a_calculator():
    rng = np.random.default_rng(0)
    for value, by in zip(rng.normal(size=400) * 20, rng.choice([0.9, 0.5, 0.7, 0.35], 400)):
        shown, divisor, result = places.divided(float(value), float(by)).replace("−", "-").replace("÷", "=").split(" = ")
        assert f"{float(shown) / float(divisor):.{len(result.split('.')[1])}f}".lstrip("-") == result.lstrip("-")
    assert places.fixed(-0.0001) == "0.000"


@pytest.mark.parametrize("name", ["Attention/masks", "Attention/score", "Embeddings/neighbours", "Embeddings/positions"])
@pytest.mark.parametrize("text", ["a", "a a a a a a", SENTENCES[1]])
def test_the_rules_find_a_place_in_any_model(name, text):
    setting = opened(name, text, tiny(), "tiny")
    one = index.find(name)[1]
    assert one.caption(setting) and list(one.pictures(setting))


def test_the_toy_comes_out_on_paper():
    setting = opened("Attention/toy")
    assert toy.caption(setting) == (
        '"2 ·sat": 1 × 2 + 1 × 1 = 3, 1 × 0 + 1 × 1 = 1, 1 × 1 + 1 × −1 = 0. Divided by √2: 2.12, 0.71, 0.00. '
        "Powers of e: 8.34 + 2.03 + 1.00 = 11.37. Shares: 0.73, 0.18, 0.09. Mix: 0.82 and 0.27."
    )
    made = toy.worked(setting)
    np.testing.assert_allclose(made.shares.sum(1), 1)
    assert made.shares[0].tolist() == [1, 0, 0]
    longer = toy.worked(replace(setting, values={**setting.values, "times": 4}))
    assert longer.shares[2, 0] > 0.95 > made.shares[2, 0]


# numbers of the model, computed again ---------------------------------------------------------------------------------


OWN = tuple(name for name in EVERY if index.find(name)[1].own)


def test_cells_with_the_models_numbers_can_be_computed_again():
    assert len(OWN) >= 5
    for name in EVERY:
        one = index.find(name)[1]
        setting = opened(name, SENTENCES[1]) if one.own else None
        pictures = one.pictures(setting) if setting else ()
        panels = [panel for made in pictures if isinstance(made, Grid) for panel in made.panels if panel.point]
        assert bool(panels) == bool(one.own), name
        for panel in panels:
            row, column = (int(n) for n in np.argwhere(np.isfinite(panel.values))[-1])
            found = lab.computed_again(one.own(setting), pictures, *panel.cell(row, column))
            assert found.shown == pytest.approx(float(panel.values[row, column]), abs=1e-6) and found.difference < 1e-4, name
            assert lab.computed_again(one.own(setting), pictures, panel.point, (0,) * 9) is None
        changed = [replace(panel, values=panel.values + 1) for panel in panels]
        for panel in changed:  # a picture that shows another number claims nothing
            cell = panel.cell(0, 0)
            assert lab.computed_again(one.own(setting), [Grid((panel,))], *cell) is None


def test_a_clicked_number_of_a_lab_is_computed_again_on_the_page():
    app = AppTest.from_file(APP, default_timeout=60).switch_page("pages/Attention.py")
    app.query_params["view"] = "first"
    app = fine(app.run())
    assert "can be clicked" in html(app) and "Recomputed" not in html(app)
    setting = opened("Attention/first")
    [panel, *_] = index.find("Attention/first")[1].pictures(setting)[0].panels
    app.session_state["lab-cell"] = ("Attention/first", *panel.cell(2, 1))
    assert f"Shown {panel.values[2, 1]:.6g}, recomputed" in html(fine(app.run()))
