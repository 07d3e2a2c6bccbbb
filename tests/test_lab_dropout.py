"""The dropout lab: what it shows is what the model's own dropout does, for any sentence and model."""

import json
import math
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from gptviz import tokenizer, trace
from gptviz.config import PRESETS
from gptviz.figures.strips import DropoutStrips
from gptviz.hooks import noise
from gptviz.labs.dropout import lab as dropout
from gptviz.labs.dropout import masks as dropout_masks
from gptviz.labs.dropout import passes as dropout_passes
from gptviz.labs.dropout import places as dropout_places
from gptviz.labs.lab import Setting
from gptviz.points import dropout_site
from gptviz.ui import strips
from sample_models import EFFORT, mini, tiny, untrained

APP = str(Path(__file__).parents[1] / "app.py")
EXPERIMENTS = {one.key: one for one in dropout.LAB.experiments}
PARAGRAPH = "She opened the door and looked at the long road. " * 12
TEXTS = ("Every effort moves you", "a", "I ❤️ my 🦜 and my naïve café", PARAGRAPH)


def setting(key: str, text: str = "Every effort moves you", model=None, **values) -> Setting:
    model = model or mini()
    plain = Setting(model, tuple(tokenizer.encode(text))[-model.config.context_length :], {}, text=text)
    defaults = {control.name: control.start() for control in EXPERIMENTS[key].controls_for(plain)}
    assert not values.keys() - defaults.keys()
    return replace(plain, values=defaults | values)


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_every_experiment_takes_any_sentence_and_shape(key):
    one = EXPERIMENTS[key]
    assert len(one.prose.split()) <= 90 and one.question is not None
    for model, text in [(tiny(), text) for text in TEXTS] + [(mini(), TEXTS[1])]:
        asked = setting(key, text, model, **({"passes": 5} if key == "fan" else {}))
        assert one.pictures(asked) and len(one.caption(asked)) > 40 and one.state(asked)
        for control in one.controls_for(asked):
            assert control.parse(control.write(control.start())) == control.start()


class TestDrag:
    @pytest.mark.parametrize("place", dropout_places.PLACES)
    @pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9])
    def test_the_picture_is_the_pass(self, place, p):
        asked = setting("drag", place=place, p=p, block=2, head=3, seed=7)
        picture = dropout.strips(asked)
        before, after = dropout_places.PLACES[place].points(1)
        made = trace.run(mini(), EFFORT, dropout=p, seed=7)
        assert np.array_equal(picture.values, made.array(before)[picture.prefix])
        assert np.array_equal(picture.after(p), made.array(after)[picture.prefix])
        factors = made.factors(after)[picture.prefix]
        assert np.array_equal(picture.zeros(p), ((factors == 0) & picture.open).sum(1))

    @pytest.mark.parametrize("place", dropout_places.PLACES)
    def test_eval_changes_nothing(self, place):
        picture = dropout.strips(setting("drag", place=place, mode="eval", p=0.7))
        assert np.array_equal(picture.after(0.7), picture.values) and not picture.zeros(0.7).any()
        assert "unchanged" in dropout.caption(setting("drag", place=place, mode="eval", p=0.7))

    def test_raising_p_only_adds_zeros(self):
        picture = dropout.strips(setting("drag"))
        for p in np.arange(0, 0.9, 0.1):
            assert not (picture.kept(p + 0.1) & ~picture.kept(p)).any()

    def test_the_written_out_number_survives_to_the_end_and_the_caption_counts(self):
        asked = setting("drag", p=0.9)
        picture = dropout.strips(asked)
        assert picture.kept(0.9)[picture.chosen]
        assert f"{picture.zeros(0.9)[-1]} of 256 numbers" in dropout.caption(asked)
        assert "230.4 ± 4.8 expected" in dropout.caption(asked)

    @pytest.mark.parametrize("place", ["embedding", "weights"])
    def test_a_long_text_shows_a_window_of_the_whole(self, place):
        asked = setting("drag", PARAGRAPH, place=place, last=40, p=0.3)
        picture = dropout.strips(asked)
        made = trace.run(mini(), asked.ids, dropout=0.3)
        after = made.array(picture.point)[picture.prefix][25:41, : picture.values.shape[1]]
        assert picture.first == 25 and len(picture.rows) == dropout.ROWS and picture.rows[-1].startswith("40 ")
        assert np.array_equal(picture.after(0.3), after)
        if place == "weights":  # the keys left out are later than every query shown
            assert np.array_equal(after.sum(1), made.array(picture.point)[picture.prefix][25:41].sum(1))

    def test_it_travels_exactly(self):
        picture = dropout.strips(setting("drag", place="weights"))
        data = strips.payload(picture)
        (size,) = struct.unpack_from("<I", data)
        header = json.loads(data[4 : 4 + size])
        values, draws = np.frombuffer(data, "<f4", offset=4 + size).reshape(2, *picture.values.shape)
        assert np.array_equal(values, picture.values) and np.array_equal(draws, picture.noise)
        assert header["weights"] and header["code"] == "blocks.0.att.dropped[0, 0, "

    @pytest.mark.parametrize("message", [None, "0.5", True, -0.1, 0.91, math.nan, math.inf, [0.5], {"p": 0.5}])
    def test_garbage_from_the_browser_is_no_rate(self, message):
        assert strips.translate(message, dropout_places.RATES) is None

    def test_a_rate_lands_on_a_step(self):
        assert strips.translate(0.30000000000000004, dropout_places.RATES) == 0.3
        assert strips.translate(0, dropout_places.RATES) == 0.0

    def test_a_picture_of_the_wrong_shape_is_refused(self):
        picture = dropout.strips(setting("drag"))
        with pytest.raises(ValueError, match="one label a row"):
            replace(picture, noise=picture.noise[1:])
        with pytest.raises(ValueError, match="kind"):
            replace(picture, kind="other")


class TestCounts:
    def test_the_binomial(self):
        chances = dropout_masks.binomial(768, 0.5)
        k = np.arange(769)
        assert chances.sum() == pytest.approx(1) and chances[384] == pytest.approx(0.0288, abs=1e-4)
        assert (chances * k).sum() == pytest.approx(384)
        assert math.sqrt((chances * (k - 384) ** 2).sum()) == pytest.approx(13.856, abs=1e-3)
        assert dropout_masks.binomial(4, 0.0).tolist() == [1, 0, 0, 0, 0]
        assert dropout_masks.binomial(2, 0.25) == pytest.approx([0.5625, 0.375, 0.0625])

    def test_counts_are_those_of_the_real_masks(self):
        counts = dropout_masks.zero_counts(4, 256, 0.3, 10)
        for seed in range(2):
            factors = trace.run(mini(), EFFORT, dropout=0.3, seed=seed, points=["drop_emb"]).factors("drop_emb")
            assert np.array_equal(counts[4 * seed : 4 * seed + 4], (factors[0] == 0).sum(1))
        assert len(counts) == 10

    @pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9])
    @pytest.mark.parametrize("width", [16, 256, 768])
    def test_the_bars_hold_every_row_and_follow_the_line(self, p, width):
        asked = setting("counts", p=p, width=width, rows=5000)
        (figure,) = EXPERIMENTS["counts"].pictures(asked)
        bars, line = (next(one for one in figure.data if one.name == name) for name in ("rows", "expected"))
        assert sum(bars.y) == 5000 and sum(line.y) == pytest.approx(5000, rel=0.002)
        assert np.abs(np.array(bars.y) - line.y).max() < 5 * math.sqrt(max(line.y)) + 1
        assert dropout_masks.zeros_of(asked).mean() == pytest.approx(p * width, abs=0.1 * math.sqrt(width) + 1e-9)


class TestSpread:
    @pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 0.8])
    def test_the_mean_is_kept_and_the_size_grows_by_the_root(self, p):
        x, draws, feature = dropout_masks.kept_numbers(setting("spread"))
        after = x * (draws >= np.float32(p)) / (1 - p)
        error = np.abs(x) * math.sqrt(p / (1 - p) / dropout_masks.MASKS)
        assert (np.abs(after.mean(0) - x) <= 5 * error + 1e-6).all()
        assert dropout_masks.growth(x, draws, p).mean() == pytest.approx(1 / math.sqrt(1 - p), rel=0.02)
        assert abs(x[feature]) == np.abs(x).max()

    def test_its_noise_is_the_one_of_the_pass(self):
        asked = setting("spread", place="attention", block=3, token=2)
        x, draws, _ = dropout_masks.kept_numbers(asked)
        made = trace.run(mini(), EFFORT, dropout=0.4, seed=5)
        assert np.array_equal(draws[5] < np.float32(0.4), made.factors("blocks.2.drop1")[0, 2] == 0)
        assert np.array_equal(x, trace.run(mini(), EFFORT).array("blocks.2.att_out")[0, 2])


class TestSums:
    def test_sums_are_eval_weights_under_the_real_masks(self):
        sums = dropout_masks.row_sums(setting("sums", block=2, head=5, p=0.1))
        weights = trace.run(mini(), EFFORT).array("blocks.1.att.weights")
        site = dropout_site("blocks.1.att.dropped")
        for seed in (0, 9):
            kept = noise(weights.shape, seed, site).numpy() >= np.float32(0.1)
            assert sums[seed] == pytest.approx((weights * kept / 0.9)[0, 4].sum(1), rel=1e-6)

    def test_the_first_row_is_0_or_its_factor_and_the_mean_is_1(self):
        sums = dropout_masks.row_sums(setting("sums", p=0.25))
        assert set(np.round(sums[:, 0], 5)) == {0, np.float32(1.33333)}
        assert sums.max() <= 1 / 0.75 + 1e-5 and np.abs(sums.mean(0) - 1).max() < 0.15

    def test_without_dropout_every_row_adds_up_to_1(self):
        assert dropout_masks.row_sums(setting("sums", p=0.0)) == pytest.approx(1, abs=1e-6)

    def test_a_long_text_draws_fewer_masks_and_shows_a_window(self):
        asked = setting("sums", PARAGRAPH, head=8, token=60)
        assert 20 <= len(dropout_masks.row_sums(asked)) <= dropout_masks.MASKS
        assert dropout_masks.shown_rows(asked) == range(49, 61)


class TestPasses:
    def test_two_eval_passes_are_equal_and_really_two(self):
        ran = []
        real = Setting.run
        asked = replace(setting("passes", mode="eval"), run=lambda *a, **k: ran.append(1) or real(*a, **k))
        two = dropout_passes.pair(asked)
        assert len(ran) == 2 and two.first is not two.second and two.most == 0 == two.mean
        assert "largest difference 0" in EXPERIMENTS["passes"].caption(asked)

    def test_two_train_passes_differ_unless_their_seeds_agree(self):
        two = dropout_passes.pair(setting("passes"))
        one = torch.from_numpy(trace.run(mini(), EFFORT, dropout=0.1, seed=0).array("logits").copy())
        other = torch.from_numpy(trace.run(mini(), EFFORT, dropout=0.1, seed=1).array("logits").copy())
        assert two.most == pytest.approx((one - other).abs().max().item()) and two.most > 0.1
        assert two.mean == pytest.approx((one - other).abs().mean().item(), rel=1e-4)
        assert dropout_passes.pair(setting("passes", other=0)).most == 0

    def test_the_fan_holds_real_predictions(self):
        asked = setting("fan", passes=5, p=0.2)
        fan = dropout_passes.fan(asked)
        for seed, row in enumerate(fan.drawn):
            logits = trace.run(mini(), EFFORT, dropout=0.2, seed=seed, points=["logits"])["logits"][0, -1]
            assert row == pytest.approx(torch.softmax(logits.double(), 0).numpy(), rel=1e-6)
        assert fan.evaluated.sum() == pytest.approx(1) and fan.drawn.shape == (5, 50257)
        (figure,) = EXPERIMENTS["fan"].pictures(asked)
        words = np.argsort(-fan.evaluated, kind="stable")[: dropout_passes.WORDS]
        by_name = {one.name: one for one in figure.data}
        assert np.array_equal(by_name["eval"].y, range(len(words))) and np.array_equal(by_name["eval"].x, fan.evaluated[words])
        assert np.array_equal(by_name["passes"].x, fan.drawn[:, words].T.ravel())

    def test_a_costly_fan_is_limited_and_says_so(self, monkeypatch):
        assert dropout_passes.affordable(setting("fan"))[-1] == 50
        limited = setting("fan", model=untrained())
        assert 5 <= dropout_passes.affordable(limited)[-1] < 50
        assert dropout_passes.affordable(replace(limited, ids=tuple(range(500)))) == (5,)
        monkeypatch.setattr(dropout_passes, "WORK", 1)
        asked = setting("fan", model=tiny())
        assert asked["passes"] == 5 and "5 of 50 passes are offered" in EXPERIMENTS["fan"].caption(asked)


class TestPlaces:
    def test_gpt2_small_has_37(self):
        found = dropout_places.sites(PRESETS["gpt2"], 4, 0.1, 0)
        assert [site.number for site in found] == list(range(1, 38))
        assert {key: sum(site.place == key for site in found) for key in dropout_places.PLACES} == {
            "embedding": 1,
            "weights": 12,
            "attention": 12,
            "feed-forward": 12,
        }
        assert "37" in EXPERIMENTS["places"].caption(setting("places")) and len(found) == PRESETS["gpt2"].dropout_sites

    def test_every_mask_is_the_one_of_the_pass(self):
        made = trace.run(mini(), EFFORT, dropout=0.3, seed=4)
        found = dropout_places.sites(mini().config, 4, 0.3, 4)
        assert len(found) == 19
        for site in found:
            factors = made.factors(site.point)
            readable = np.tri(4, dtype=bool) if site.place == "weights" else True
            assert site.shape == factors.shape and site.zeros == ((factors == 0) & readable).sum()
        assert sum(site.count for site in found) == 1024 * 13 + 6 * 8 * 10

    def test_the_map_has_a_box_for_each(self):
        chart, table = EXPERIMENTS["places"].pictures(setting("places", size="gpt2"))
        (boxes,) = [one for one in chart.data if one.name == "places"]
        assert len(boxes.customdata) == 37 and sum(table.columns["times"]) == 37
        assert EXPERIMENTS["places"].state(setting("places", size="gpt2"))[-1] == "SHAPE OF GPT-2 SMALL"


# the page


def opened(**params) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    app.switch_page("pages/Dropout.py")
    for name, value in params.items():
        app.query_params[name] = str(value)
    app.run()
    assert not app.exception, app.exception[0].message
    return app


def html(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_every_experiment_has_its_page(key):
    app = opened(view=key, p="0.2", **({"passes": 5} if key == "fan" else {}))
    assert EXPERIMENTS[key].title in html(app) and "Look for" in html(app) and not app.warning and not app.error


def test_the_page_says_what_the_pass_gave():
    app = opened(place="weights", p="0.3", seed="4", block="2", head="3")
    said = dropout.caption(setting("drag", place="weights", p=0.3, seed=4, block=2, head=3))
    assert said.split(" fall")[0].replace('"', "&quot;") in html(app)
    assert "DROPOUT 0.3, seed 4 (trained without)" in html(app)
    assert len(app.get("bidi_component")) >= 1 and not any(slider.label.startswith("Dropout rate") for slider in app.slider)


def test_the_random_model_and_a_long_text_have_their_page():
    app = opened(model="gpt2-untrained", mode="eval")
    assert "RANDOM INIT" in html(app) and "EVAL: dropout off" in html(app)
    assert any(box.label == "Last token shown" for box in opened(text=PARAGRAPH).selectbox)


def test_the_live_picture_is_what_the_experiment_draws():
    assert isinstance(EXPERIMENTS["drag"].pictures(setting("drag"))[0], DropoutStrips)
