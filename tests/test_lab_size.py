"""The size lab: every count against a real model of that shape, and the numbers that are quoted everywhere."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from gptviz.config import PRESETS, GPTConfig
from gptviz.labs.lab import Setting
from gptviz.labs.size import lab as size
from gptviz.labs.size import ledger, memory, shape, totals, work
from gptviz.model import GPT
from sample_models import mini, tiny
from test_lab_choosing import html, open_lab

SMALL = PRESETS["gpt2"]
EXPERIMENTS = {one.key: one for one in size.LAB.experiments}
OWN = GPTConfig(n_embd=24, n_head=3, n_layer=2, vocab_size=300, context_length=40, tied_head=False, qkv_bias=False)


def setting(key: str, config: GPTConfig | None = None, model=None, **values) -> Setting:
    """An experiment's setting with its defaults, the sizes of `config`, and the values given."""
    bare = Setting(model or mini(), (1,), {}, model_key="mini")
    controls = EXPERIMENTS[key].controls_for(bare)
    sizes = shape.values(config) if config and key != "totals" else {}
    return Setting(bare.model, (1,), {control.name: control.start() for control in controls} | sizes | values, model_key="mini")


@pytest.mark.parametrize("config", [*PRESETS.values(), OWN], ids=str)
def test_shapes_are_those_of_a_real_model(config):
    with torch.device("meta"):
        real = {name: tuple(parameter.shape) for name, parameter in GPT(config).named_parameters()}
    assert config.shapes() == real


@pytest.mark.parametrize("config", [SMALL, PRESETS["mini"], OWN], ids=str)
def test_areas_and_rows_add_up_to_the_whole(config):
    areas = {area.key: area for area in ledger.areas(config)}
    assert areas[""].count == config.n_parameters
    for key, area in areas.items():
        below = [one.count for one in areas.values() if one.key and one.key != key and one.key.rpartition("/")[0] == key]
        assert not below or sum(below) == area.count
    parts = config.parameters()
    assert {name: areas[name].count for name in parts if name in areas} == {name: parts[name] for name in parts if parts[name]}
    rows = [int(text.replace(",", "")) for text in ledger.ledger(config).columns["numbers"]]
    assert sum(rows[:-1]) == rows[-1] == config.n_parameters


def test_the_areas_of_the_picture_are_the_counts():
    (figure,) = EXPERIMENTS["ledger"].pictures(setting("ledger", SMALL))
    values = dict(zip(figure.data[0].ids, figure.data[0].values))
    assert values["whole"] == 124_439_808 and values["token table"] == 38_597_376
    assert sum(values[f"{name}/0"] for name in ("attention", "feed-forward", "LayerNorms")) == 7_087_872
    assert "feed-forward with 45.5 %" in ledger.ledger_caption(setting("ledger", SMALL))


def test_the_four_totals():
    assert [way.n_parameters for way in totals.four(SMALL)] == [124_412_160, 124_439_808, 163_009_536, 163_037_184]
    said = totals.totals_caption(setting("totals"))
    assert all(
        number in said for number in ("124,412,160", "124,439,808", "163,009,536", "163,037,184", "27,648", "38,597,376")
    )
    assert set(totals.PUBLISHED) == {way.n_parameters for way in totals.four(SMALL)}
    (figure,) = EXPERIMENTS["totals"].pictures(setting("totals"))
    shown = 1e6 * np.sum([bar.x for bar in figure.data], axis=0)
    np.testing.assert_allclose(shown, [124_412_160, 124_439_808, 163_009_536, 163_037_184])


def test_heads_never_change_the_count_and_blocks_always_do():
    assert len({replace(SMALL, n_head=n).n_parameters for n in (1, 2, 3, 4, 6, 8, 12)}) == 1
    steps = np.diff([replace(SMALL, n_layer=n).n_parameters for n in range(1, 20)])
    assert set(steps.tolist()) == {7_087_872} == {ledger.block_size(SMALL)}
    (figure,) = EXPERIMENTS["heads"].pictures(setting("heads", SMALL))
    heads, blocks = figure.data
    assert len(set(heads.y)) == 1 and (np.diff(blocks.y) > 0).all()
    assert 7 not in heads.x and 12 in heads.x


def test_a_width_that_heads_cannot_share_is_refused_with_the_reason():
    for key in ("ledger", "heads", "memory", "work"):
        for ask in (EXPERIMENTS[key].caption, EXPERIMENTS[key].pictures):
            with pytest.raises(ValueError, match=r"768 cannot be split into 7 heads.*rest of 5.* fits 1, 2, 3, 4, 6, 8, 12"):
                ask(setting(key, width=768, heads=7))
        assert EXPERIMENTS[key].state(setting(key, width=768, heads=7)) == ("SHAPE: self-made",)


def test_memory_of_gpt2_small():
    assert round(163_009_536 * 4 / memory.MIB, 2) == 621.83
    said = memory.memory_caption(setting("memory", SMALL))
    assert all(text in said for text in ("474.7 MiB", "72 KiB", "1,024 tokens 72 MiB", "2 x 12 x 768"))
    assert "237.4 MiB" in memory.memory_caption(setting("memory", SMALL, format="fp16"))
    assert "118.7 MiB" in memory.memory_caption(setting("memory", SMALL, format="int8"))
    assert SMALL.kv_cache() * 4 == 73_728 and SMALL.kv_cache(1024, 3) == 3 * 1024 * SMALL.kv_cache()
    bars, lines = EXPERIMENTS["memory"].pictures(setting("memory", SMALL, batch=8))
    assert bars.data[1].x[0] == pytest.approx(8 * 72) and lines.data[0].y[-1] == pytest.approx(8 * 72)


def test_work_of_gpt2_small():
    block = {name: count // 12 for name, count in SMALL.flops(4).items()}
    assert block["queries, keys, values"] == 14_155_776
    assert block["attention projection"] == 4_718_592
    assert block["scores and mixing"] == 49_152
    assert block["feed-forward"] == 37_748_736
    assert SMALL.flops(4)["output head"] == 308_779_008
    assert sum(SMALL.flops(4).values()) == 988_846_080
    assert sum(SMALL.flops(4, batch=2).values()) == 1_977_692_160
    assert round(sum(SMALL.flops(1024).values()) / 1024 / 1e6, 1) == 284.8
    said = work.work_caption(setting("work", SMALL))
    assert all(text in said for text in ("988,846,080", "247.2 M a token", "0.060 %", "284.8 M a token"))


def test_work_is_what_the_model_multiplies():
    from torch.utils.flop_counter import FlopCounterMode

    model = tiny()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(2, 7, dtype=torch.long))
    assert counter.get_total_flops() == sum(tiny().config.flops(7, batch=2).values())


@pytest.mark.parametrize("config", [SMALL, OWN], ids=str)
def test_one_token_with_a_cache_is_a_tokens_share_of_the_pass(config):
    for tokens in (1, 5, 40):
        assert sum(config.cached_flops(tokens).values()) * tokens == sum(config.flops(tokens).values())


def test_more_tokens_than_rows_are_refused():
    with pytest.raises(ValueError, match="300 tokens do not fit: the position table has 256 rows"):
        work.work_pictures(setting("work", prompt=300))
    assert "300" in work.work_caption(setting("work", SMALL, prompt=300))


def test_sizes_start_at_the_chosen_model_and_its_shape_is_named():
    for model in (mini(), tiny(), GPT(OWN)):
        chosen = setting("ledger", model=model)
        assert shape.configured(chosen) == model.config and shape.state(chosen) == ()
        assert shape.values(model.config) == next(v for name, v in shape.presets(chosen).items() if "chosen" in name)
    assert shape.state(setting("ledger", SMALL)) == ("SHAPE: GPT-2 small",)
    assert "1,024 rows; the model chosen above has 256" in ledger.ledger_caption(setting("ledger", SMALL))


def test_every_preset_can_be_reached_with_the_sliders():
    bare = Setting(mini(), (1,), {})
    controls = {control.name: control for control in shape.controls(bare)}
    for preset in shape.presets(bare).values():
        assert all(controls[name].parse(controls[name].write(value)) == value for name, value in preset.items())


@pytest.mark.parametrize("config", [PRESETS["gpt2-xl"], OWN, GPTConfig(1, 1, 1, 1, 1)], ids=str)
@pytest.mark.parametrize("key", [key for key in EXPERIMENTS if key != "totals"])
def test_every_experiment_draws_and_speaks_for_any_shape(key, config):
    chosen = setting(key, config, **({"prompt": 1} if key == "work" else {}))
    assert EXPERIMENTS[key].caption(chosen) and EXPERIMENTS[key].pictures(chosen)


# the page


opened = partial(open_lab, "Size")


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_every_experiment_has_its_page(key):
    app = opened(view=key)
    assert EXPERIMENTS[key].title in html(app) and "Look for" in html(app)
    assert not app.error and not app.warning


def test_a_preset_sets_every_size_and_moving_one_makes_it_self_made():
    app = opened()
    assert "17,670,400 numbers" in html(app)
    app = app.segmented_control(key="preset").set_value("GPT-2 small").run()
    assert "124,439,808 numbers" in html(app) and "SHAPE: GPT-2 small" in html(app)
    assert app.query_params["width"] == "768" and app.query_params["context"] == "1024"
    app = app.slider(key="control-heads").set_value(7).run()
    assert "cannot be split into 7 heads" in app.error[0].value and "self-made" in html(app)
    app = app.slider(key="control-heads").set_value(1).run()
    assert "124,439,808 numbers" in html(app) and not app.error
    app = app.toggle(key="control-tied").set_value(False).run()
    assert "163,037,184 numbers" in html(app)


def test_a_shape_made_in_one_experiment_holds_in_the_others():
    app = opened(view="memory", width=768, heads=12, blocks=12, context=1024)
    assert "72 KiB" in html(app) and "SHAPE: GPT-2 small" in html(app)
    app = opened(view="work", model="gpt2-untrained")
    assert "988,846,080" in html(app) and "SHAPE" not in html(app)
