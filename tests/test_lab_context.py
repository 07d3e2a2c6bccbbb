"""The context lab: what it shows is true, and every experiment can be drawn for any sentence."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from gptviz import sampling, tokenizer, trace
from gptviz.figures import candidates
from gptviz.figures.matrix import Grid
from gptviz.labs.context import batches, cropping, order, windows
from gptviz.labs.context.lab import LAB
from gptviz.labs.lab import Setting
from sample_models import DAY, EFFORT, mini, tiny, untrained
from test_lab_choosing import open_lab

APP = str(Path(__file__).parents[1] / "app.py")
BY_KEY = {one.key: one for one in LAB.experiments}
LONG = "The old house stood at the end of a lane, and nobody could remember who had built it. " * 14
TEXTS = ("Every effort moves you", "a", "a b", "I ❤️ my 🦜 and my naïve café", LONG.strip())


def setting(key: str, text: str = "Every effort moves you", model=None, **values) -> Setting:
    model = model or mini()
    ids = tuple(tokenizer.encode(text))[-model.config.context_length :]
    plain = Setting(model, ids, {}, text=text)
    defaults = {control.name: control.start() for control in BY_KEY[key].controls_for(plain)}
    assert not values.keys() - defaults.keys()
    return replace(plain, values=defaults | values)


def test_every_experiment_draws_any_sentence_and_says_something():
    for text in TEXTS:
        for one in LAB.experiments:
            asked = setting(one.key, text)
            drawn = one.pictures(asked)
            assert len(one.caption(asked)) > 40 and (drawn or one.key == "swap")
            assert len(one.prose.split()) <= 90, one.key
            for control in one.controls_for(asked):
                assert control.parse(control.write(control.start())) == control.start()


def test_every_experiment_takes_another_shape_of_model():
    for one in LAB.experiments:
        for text in ("Every effort moves you", LONG):
            asked = setting(one.key, text, tiny())
            assert one.pictures(asked) and one.caption(asked)


class TestCropping:
    def test_the_last_point_is_the_prediction_of_the_whole_sentence(self):
        curve = cropping.grow(setting("cropping"), 2)
        assert curve.lengths == (1, 2, 3, 4)
        for length in curve.lengths:
            logits = trace.run(mini(), EFFORT[-length:]).array("logits")[0, -1]
            np.testing.assert_allclose(curve.at(length), sampling.softmax(logits), atol=1e-6)

    def test_only_the_tokens_that_stay_matter(self):
        one = cropping.last_prediction(setting("cropping"), EFFORT[-2:])
        two = cropping.last_prediction(
            setting("cropping", "Nobody ever moves you"), tokenizer.encode("Nobody ever moves you")[-2:]
        )
        assert np.array_equal(one, two)

    def test_lines_hold_the_probabilities_of_the_candidates(self):
        asked = setting("cropping", window=3)
        curve = cropping.grow(asked, 3)
        chips, figure = BY_KEY["cropping"].pictures(asked)
        for line, word in zip(figure.data, curve.candidates(), strict=True):
            assert np.array_equal(line.y, curve.shares[:, word])
        favourites = {int(row.argmax()) for row in curve.shares}
        assert favourites <= set(curve.candidates()) and len(curve.candidates()) == cropping.CANDIDATES
        assert [one.note for one in chips.lines[0][1]] == ["cropped", "row 0", "row 1", "row 2"]

    def test_the_curve_is_thinned_by_work_and_keeps_its_ends(self):
        assert cropping.lengths(20, mini().config.n_parameters, 7) == list(range(1, 21))
        for parameters in (1, 18_000_000, 124_000_000):
            found = cropping.lengths(256, parameters, 100)
            assert found[0] == 1 and found[-1] == 256 and 100 in found and found == sorted(set(found))
        assert len(cropping.lengths(256, 124_000_000, 128)) == 9

    def test_caption_names_the_favourites(self):
        said = BY_KEY["cropping"].caption(setting("cropping", window=1))
        shares = cropping.last_prediction(setting("cropping"), EFFORT[-1:])
        favourite = tokenizer.printable(int(shares.argmax()))
        assert f'"{favourite}", {100 * shares.max():.1f} %' in said and 'after "·you"' in said

    def test_chips_of_a_long_text_count_what_they_leave_out(self):
        chips = cropping.kept_and_cropped(range(300), 256)
        drawn = sum(bool(one.ids) for one in chips)
        left_out = [int(one.text.split()[1]) for one in chips if not one.ids]
        assert drawn + sum(left_out) == 300
        assert chips[-1].note == "row 255" and [one.note for one in chips if one.note == "row 0"] == ["row 0"]

    def test_tokens_that_do_not_fit_are_still_counted(self):
        asked = setting("cropping", "word " * 300)
        assert len(asked.ids) == 256 and len(cropping.whole_text(asked)) == len(tokenizer.encode("word " * 300))
        special = "word<|endoftext|>word"
        ids = tuple(tokenizer.encode(special, special=True))
        assert cropping.whole_text(Setting(mini(), ids, {}, text=special)) == ids


class TestLimit:
    def test_the_model_takes_its_context_length_and_no_more(self):
        for model in (tiny(), mini(), untrained()):
            room = model.config.context_length
            asked = setting("limit", model=model)
            assert cropping.beyond(asked, room).refusal == "" and cropping.beyond(asked, room).cut == 0
            text = cropping.beyond(asked, room + 1)
            assert text.cut == 1 and len(text.ids) == room + 1
            with pytest.raises(ValueError) as refused:
                trace.run(model, text.ids)
            assert str(refused.value) == text.refusal and f"{room} rows" in text.refusal

    def test_rows_of_the_table_are_drawn_and_the_missing_one_is_blank(self):
        chips, grid = BY_KEY["limit"].pictures(setting("limit"))
        values = grid.panels[0].values
        assert np.array_equal(values[:-1], mini().pos_emb.weight[-4:].numpy()) and np.isnan(values[-1]).all()
        assert chips.lines[0][1][-1].note == "no row" and chips.lines[1][1][-1].note == "row 255"
        assert chips.lines[1][1][0].state == "cropped"

    def test_caption_gives_the_distance_of_the_two_rows(self):
        table = mini().pos_emb.weight
        assert f"{float((table[255] - table[254]).norm()):.3g}" in BY_KEY["limit"].caption(setting("limit"))
        assert "they fit" in BY_KEY["limit"].caption(setting("limit", tokens=256))


class TestSliding:
    @pytest.mark.parametrize(("length", "stride", "size"), [(4, 4, 2), (4, 1, 2), (3, 5, 1), (8, 2, 4), (1, 1, 3)])
    def test_targets_are_inputs_moved_by_one(self, length, stride, size):
        ids = tuple(range(100, 137))
        made = windows.cut(ids, length, stride, size)
        assert made.inputs.shape == made.targets.shape == (len(made.starts), length)
        assert np.array_equal(made.inputs[:, 1:], made.targets[:, :-1])
        for start, row, target in zip(made.starts, made.inputs, made.targets):
            assert tuple(row) == ids[start : start + length] and target[-1] == ids[start + length]
        assert set(np.diff(made.starts)) <= {stride}
        assert len(made.starts) == made.batches * size and made.left_out < size
        assert len(made.starts) + made.left_out == len(range(0, len(ids) - length, stride))

    def test_the_default_is_two_rows_of_four(self):
        asked = setting("sliding")
        _, made = windows.cut_setting(asked)
        assert made.inputs.shape == (2, 4) and made.inputs[0].tolist() == EFFORT
        assert "shape (2, 4)" in BY_KEY["sliding"].caption(asked)
        stairs, tensors = BY_KEY["sliding"].pictures(asked)
        assert stairs.data[0].base == (0, 4) and stairs.data[1].base == (1, 5)
        assert np.array_equal(tensors.data[0].customdata[::2], made.inputs)
        assert np.array_equal(tensors.data[0].customdata[1::2], made.targets)

    def test_too_short_a_text_makes_no_batch(self):
        asked = setting("sliding", "a", after="")
        assert "not enough for a batch" in BY_KEY["sliding"].caption(asked)
        assert len(BY_KEY["sliding"].pictures(asked)) == 1

    def test_a_text_in_two_parts_is_cut_as_one(self):
        asked = setting("sliding", "I ❤️ my 🦜")
        assert windows.text_with(asked) == tuple(tokenizer.encode(f"I ❤️ my 🦜 {windows.AFTER}"))


class TestPositions:
    def test_surprisal_is_the_cross_entropy_of_every_row(self):
        for model in (mini(), untrained(), tiny()):
            logits, made = windows.predictions(setting("positions", model=model))
            losses = torch.nn.functional.cross_entropy(
                torch.from_numpy(logits[:-1].copy()).double(), torch.tensor(EFFORT[1:]), reduction="none"
            )
            np.testing.assert_allclose(made.surprisals, losses.numpy(), atol=1e-9)
            assert made.loss == pytest.approx(float(losses.mean()))
            np.testing.assert_allclose(made.surprisals, -np.log(made.shares), atol=1e-9)

    def test_an_even_guess_has_ln_of_the_vocabulary(self):
        made = windows.predict(np.zeros((3, 50257), dtype=np.float32), [1, 2, 3])
        np.testing.assert_allclose(made.surprisals, -math.log(1 / 50257))
        assert f"{made.uniform:.4f}" == "10.8249" and made.loss == pytest.approx(made.uniform)

    def test_training_is_what_beats_the_even_guess(self):
        trained = windows.predictions(setting("positions"))[1]
        random = windows.predictions(setting("positions", model=untrained()))[1]
        assert trained.loss < trained.uniform - 2 and abs(random.loss - random.uniform) < 0.5

    def test_pictures_hold_the_rows(self):
        asked = setting("positions", row=1)
        logits, made = windows.predictions(asked)
        chart, guesses = BY_KEY["positions"].pictures(asked)
        assert np.array_equal(chart.data[0].x, made.surprisals)
        shares = sampling.softmax(logits[1])
        assert guesses.data[0].x[-1] == shares[EFFORT[2]] and guesses.data[0].x[0] == shares.max()
        assert f"surprisal {made.surprisals[1]:.2f}" in BY_KEY["positions"].caption(asked)
        assert "last" in BY_KEY["positions"].caption(setting("positions", row=3))


class TestBatch:
    def test_a_neighbour_changes_nothing_and_rounding_is_all_that_differs(self):
        for model in (mini(), untrained(), tiny()):
            made = batches.compare(setting("batch", model=model), DAY, 0)
            assert (made.other == 0).all()
            assert (made.alone <= 1e-5 * np.maximum(made.sizes, 1)).all()
            assert made.same == 1 and made.same_rows <= 1e-5

    def test_differences_are_those_of_direct_passes(self):
        made = batches.compare(setting("batch"), DAY, 2)
        together, lone = trace.run(mini(), [EFFORT, DAY]), [trace.run(mini(), ids) for ids in (EFFORT, DAY)]
        for n, point in enumerate(made.points):
            assert made.shapes[n] == tuple(together[point].shape)
            assert made.shapes[n][0] == (4 if point == "pos_emb" else 2)
            for item in (0, 1):
                both = together[point] if point == "pos_emb" else together[point][item]
                own = lone[item][point] if point == "pos_emb" else lone[item][point][0]
                assert made.alone[item, n] == float((both.double() - own.double()).abs().max())

    def test_padding_is_cut_off_and_changes_nothing(self):
        made = batches.compare(setting("batch", "a b"), DAY, 0)
        assert made.padding == 2 and (made.other == 0).all() and (made.alone <= 1e-5 * np.maximum(made.sizes, 1)).all()

    def test_the_picture_holds_the_differences_and_says_shapes(self):
        asked = setting("batch")
        made = batches.comparison_of(asked)
        _, figure = BY_KEY["batch"].pictures(asked)
        assert np.array_equal(figure.data[1].customdata, made.alone[0])
        assert np.array_equal(figure.data[3].customdata, made.other)
        assert len(set(figure.data[3].x)) == 1, "exactly 0 has one place"
        assert "logits  (2, 4, 50257)" in figure.layout.yaxis.ticktext
        assert "exactly 0" in BY_KEY["batch"].caption(asked)


class TestOrder:
    def test_one_layer_without_positions_is_blind_to_order_and_two_are_not(self):
        for model in (mini(), untrained(), tiny()):
            made = order.swap(setting("swap", model=model), 0, 1)
            scale = float(trace.run(model, EFFORT)["blocks.0.shortcut2"].abs().max())
            without = made.largest[1, :, -1]
            assert without[0] == 0 and without[1] <= 2e-6 * scale
            assert without[2] > 1000 * without[1] and without[2] > 1e-5 * scale

    def test_positions_make_order_count_in_the_first_layer(self):
        for model in (mini(), untrained()):
            made = order.swap(setting("swap", model=model), 0, 1)
            assert made.largest[0, 1, -1] > 1000 * made.largest[1, 1, -1]

    def test_the_book_size_leaks_as_much_as_known(self):
        made = order.swap(setting("swap", model=untrained()), 0, 1)
        assert made.largest[1, 1, -1] < 5e-7 and 0.05 < made.largest[1, 2, -1] < 0.15

    def test_rows_before_the_swapped_words_never_change(self):
        made = order.swap(setting("swap", "Every effort moves you forward now"), 2, 4)
        assert (made.largest[:, :, :2] == 0).all() and (made.largest[:, 0, 2] > 0).all()

    def test_numbers_are_those_of_direct_passes(self):
        made = order.swap(setting("swap"), 1, 2)
        other = [EFFORT[0], EFFORT[2], EFFORT[1], EFFORT[3]]
        before, after = (trace.run(mini(), ids)["blocks.3.shortcut2"][0] for ids in (EFFORT, other))
        np.testing.assert_allclose(made.largest[0, 4], (before - after).abs().max(-1).values.numpy(), rtol=1e-6)
        grid, chart = BY_KEY["swap"].pictures(setting("swap", one=1, two=2))
        np.testing.assert_allclose(grid.panels[1].values.T, made.relative[1], rtol=1e-6)
        assert np.array_equal(chart.data[1].customdata, made.largest[1, 1:, -1])

    def test_the_same_token_twice_falls_back_to_its_neighbour(self):
        assert order.places(setting("swap", one=1, two=1)) == (1, 2)
        assert order.places(setting("swap", one=2, two=2)) == (1, 2)
        assert order.places(setting("swap", one=2, two=0)) == (0, 2)

    def test_the_edit_is_labelled(self):
        assert "EDITED" in BY_KEY["swap"].state(setting("swap"))[0]
        assert BY_KEY["shift"].state(setting("shift", by=7)) == ("EDITED: pos_emb shifted by 7",)
        assert BY_KEY["shift"].state(setting("shift", positions="none")) == ("EDITED: pos_emb no positions",)


class TestShift:
    def test_shifted_rows_are_rows_of_the_table(self):
        made = order.shift_of(setting("shift", by=252))
        table = mini().pos_emb.weight.numpy()
        assert np.array_equal(made.rows[0], table[:4]) and np.array_equal(made.rows[1], table[252:256])
        edited = trace.run(mini(), EFFORT, edits=[("pos_emb", mini().pos_emb.weight[252:256])])
        assert np.array_equal(made.shares[1], sampling.softmax(edited.array("logits")[0, -1]))

    def test_no_shift_changes_nothing_and_no_positions_something(self):
        asked = setting("shift", by=0)
        assert np.array_equal(*order.shift_of(asked).shares) and "nothing is edited" in BY_KEY["shift"].caption(asked)
        none = order.shift_of(setting("shift", positions="none"))
        assert (none.rows[1] == 0).all() and cropping.moved(*none.shares) > 0.1

    def test_bars_hold_both_predictions(self):
        asked = setting("shift")
        made = order.shift_of(asked)
        grid, chart = BY_KEY["shift"].pictures(asked)
        words = [word for _, word in chart.data[0].customdata]
        assert all(np.array_equal(bar.x, shares[words]) for bar, shares in zip(chart.data, made.shares, strict=True))
        assert {int(shares.argmax()) for shares in made.shares} <= set(words)
        assert isinstance(grid, Grid)

    def test_a_full_context_leaves_room_to_shift(self):
        asked = setting("shift", LONG * 3)
        assert len(order.shift_ids(asked)) == 64 and order.shift_room(asked) == 192
        assert order.shift_by(setting("shift", LONG, tiny(), by=16)) == 16


def test_share_moved_is_between_0_and_1():
    assert cropping.moved(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1
    assert cropping.moved(np.array([0.3, 0.7]), np.array([0.3, 0.7])) == 0


def test_labels_keep_apart_and_in_order():
    values = [0.5, 0.5, 0.1, 0.0, 0.0, 0.0, 0.98]
    places = candidates.spread(values, 0.1, 0.0)
    assert min(places) >= 0
    ordered = sorted(range(7), key=lambda n: -places[n])
    assert [values[n] for n in ordered] == sorted(values, reverse=True)
    assert np.diff(sorted(places)).min() > 0.1 - 1e-9


@pytest.fixture(scope="module")
def app() -> AppTest:
    return AppTest.from_file(APP, default_timeout=60).run().switch_page("pages/Context.py")


@pytest.mark.parametrize("key", BY_KEY)
def test_every_experiment_on_the_page(app, key):
    for name in list(app.query_params):
        del app.query_params[name]
    app.query_params["view"] = key
    app.run()
    assert not app.exception and not app.error and not app.warning
    page = "\n".join(element.proto.body for element in app.get("html"))
    asked = setting(key)
    assert BY_KEY[key].title in page and "TRAINED" in page
    assert all(mark in page for mark in BY_KEY[key].state(asked))
    caption = BY_KEY[key].caption(asked).split('"')[0]
    assert caption in page.replace("&quot;", '"')


def test_line_ends_in_a_text_of_the_lab():
    app = open_lab("Context", view="batch").text_area(key="control-second").set_value("\nNobody\nknows\n").run()
    assert app.query_params["second"] == "\nNobody\nknows\n" and not app.exception
    asked = setting("batch", second="\nNobody\nknows\n")
    assert batches.comparison_of(asked).rows[1][:2] == (198, *tokenizer.encode("Nobody")[:1])
    assert windows.text_with(setting("sliding", after="\nand"))[-2:] == (198, *tokenizer.encode("and"))
    assert windows.text_with(setting("sliding", after="and"))[-1:] == tuple(tokenizer.encode(" and"))


def test_two_sentences_are_two_rows_of_one_table():
    table, _ = BY_KEY["batch"].pictures(setting("batch", second="Every day"))
    (size, _), (_, one), (_, two) = table.lines
    assert "batch_size 2" in size and f"seq_len {len(one)}" in size and len(one) == len(two)
    assert [chip.state for chip in two] == ["", "", "cropped", "cropped"] and two[-1].note == "padding"
