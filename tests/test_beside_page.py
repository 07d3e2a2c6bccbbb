"""The page with two models: every stage, each half's own line, the URL, and what cannot stand beside the model."""

from dataclasses import replace
from html import escape, unescape

import pytest

from gptviz import catalogue, hub, tokenizer, trace, verbatim, weights
from gptviz.config import GPTConfig
from gptviz.seen import Seen
from gptviz.stages import BY_KEY, STAGES, append
from gptviz.ui import cache
from sample_models import randomised
from test_page import fine, html, opened, shown

TEXT = "Every effort moves you"
SHAPES = {
    "deep": GPTConfig(n_embd=24, n_layer=5, n_head=3, context_length=32),
    "wide": GPTConfig(n_embd=40, n_layer=2, n_head=10),
}


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory):
    """Two small models of different shapes, and a folder that holds none."""
    kept = dict(catalogue.MODELS)
    folder = tmp_path_factory.mktemp("models")
    for n, (key, config) in enumerate(SHAPES.items()):
        weights.save(randomised(config, seed=n), folder / key)
    (folder / "broken").mkdir()
    (folder / "broken" / "config.json").write_text("{")
    for key in (*SHAPES, "broken"):
        catalogue.MODELS[key] = catalogue.Entry(key, key, "", lambda path=folder / key: weights.load(path))
    yield
    catalogue.MODELS.clear()
    catalogue.MODELS.update(kept)
    cache._held.clear()
    cache._kept.clear()


def both(**params):
    return fine(opened(**{"model": "deep", "beside": "wide", **params}))


def alone(app) -> bool:
    return app.session_state["choice"].beside == "" and "class='half'" not in html(app)


@pytest.mark.parametrize("present", [0, 1])
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_every_stage_shows_both_models_with_their_own_lines(stage, present):
    app = both(stage=stage.key, present=present, block=2, head=2, token=2)
    page = html(app)
    assert not app.warning and not app.error and stage.title in page
    if stage.key == "text":
        assert page.count("Look for") == 1 - present, "in Present the question comes first"
        assert "One picture: no model reads yet" in page
        return
    assert page.count("class='half'") == 2 and page.count("Look for") == (0 if present else 2)
    assert page.index("<b>deep</b>") < page.index("<b>wide</b>")
    for key, config in SHAPES.items():
        seen = trace.run(catalogue.load(key), tokenizer.encode(TEXT))
        said = stage.caption(Seen(seen, block=1, head=1, token=2, text=TEXT))
        assert f"{config.n_embd} wide" in page
        if not present and (key == "deep" or stage.key != "append"):
            assert escape(said) in page


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_every_stage_of_odd_sentences(stage):
    fine(both(stage=stage.key, text="word and " * 100, block=5, head=9, dropout=0.3, seed=3, present=1))
    fine(both(stage=stage.key, text="I ❤️ my 🦜", second="a", item=1, more=2, drawer="numbers"))
    app = fine(both(stage=stage.key, text="a", drawer="recompute", other=1))
    assert not app.warning and not app.error


def test_the_choice_lives_in_the_url_and_is_kept_while_stepping():
    app = both(stage="gelu", block=4)
    app = fine(app.button(key="next").click().run())
    app = fine(app.button(key="next").click().run())
    assert app.session_state["choice"].beside == "wide"
    address = dict(app.query_params)
    assert address == {"stage": "feed-forward-dropout", "model": "deep", "beside": "wide", "block": "4"}
    again = fine(opened(**address))
    assert again.session_state["choice"] == app.session_state["choice"]
    assert "It has no block 4: its last instead." in html(again)


def test_two_presses_to_compare_and_one_to_leave():
    app = fine(opened(model="deep", stage="softmax"))
    assert "class='half'" not in html(app) and "TRAINED" in html(app)
    box = app.selectbox(key="beside")
    assert box.placeholder == "Compare with ..." and box.value is None and "deep" not in box.options
    app = fine(box.set_value("wide").run())
    assert html(app).count("class='half'") == 2
    app = fine(app.button(key="alone").click().run())
    assert alone(app) and app.selectbox(key="beside").value is None
    app = fine(app.selectbox(key="beside").set_value("wide").run())
    app = fine(app.selectbox(key="beside").set_value(None).run())
    assert alone(app) and "beside" not in app.query_params


def test_the_line_on_top_has_no_badge_of_one_of_them():
    app = both(stage="softmax", beside="gpt2-untrained")
    top = next(element.proto.body for element in app.get("html") if "EVAL" in element.proto.body)
    assert "TRAINED" not in top and "RANDOM" not in top
    halves = [element.proto.body for element in app.get("html") if "class='half'" in element.proto.body]
    assert "TRAINED" in halves[0] and "RANDOM INIT" in halves[1]


def test_swapping_and_choosing_the_one_beside_turn_them_round():
    app = both(stage="softmax")
    app = fine(app.button(key="swap").click().run())
    assert (app.session_state["choice"].model, app.session_state["choice"].beside) == ("wide", "deep")
    app = fine(app.selectbox(key="model").set_value("deep").run())
    assert (app.session_state["choice"].model, app.session_state["choice"].beside) == ("deep", "wide")
    app = fine(app.selectbox(key="model").set_value("mini").run())
    assert (app.session_state["choice"].model, app.session_state["choice"].beside) == ("mini", "wide")


@pytest.mark.parametrize("raw", ["gpt9", "../../etc/passwd", "gpt2-xl", "<b>"])
def test_a_model_nobody_knows_is_noted_and_the_walk_goes_on(raw):
    app = fine(opened(stage="softmax", beside=raw))
    assert raw in unescape(app.warning[0].value) and alone(app) and "Look for" in html(app)


def test_another_readers_own_model_is_neither_listed_nor_shown(tmp_path):
    weights.save(randomised(SHAPES["wide"], seed=3), tmp_path / "own")
    key = catalogue.lend(tmp_path / "own", "own", "")
    try:
        app = fine(opened(model="deep", beside=key, stage="softmax"))
        assert "beside" in app.warning[0].value and alone(app) and "own" not in app.selectbox(key="beside").options
        app.session_state["own-models"] = (key,)  # now it is this reader's
        app = fine(app.run())
        app = fine(app.selectbox(key="beside").set_value(key).run())
        assert html(app).count("class='half'") == 2 and "<b>own</b>" in html(app)
    finally:
        catalogue.take_back(key)
    app = fine(opened(model="deep", stage="softmax"))
    app.session_state["choice"] = replace(app.session_state["choice"], beside=key)  # kept from before it was taken back
    app = fine(app.run())
    assert "not here any more" in app.warning[0].value and alone(app)


def test_the_same_model_twice_is_noted():
    app = fine(opened(stage="softmax", model="deep", beside="deep"))
    assert app.warning[0].value == "deep was to stand beside itself. Choose another model to compare it with."
    assert alone(app) and "Look for" in html(app)


def test_a_broken_checkpoint_is_explained_and_the_walk_goes_on():
    app = both(stage="softmax", beside="broken")
    assert "broken cannot be shown beside deep" in app.warning[0].value and "config.json" in app.warning[0].value
    assert alone(app) and "TRAINED" in html(app) and "beside" not in app.query_params
    assert not fine(app.button(key="next").click().run()).warning


def test_too_little_memory_is_explained_with_both_numbers(monkeypatch):
    entry = catalogue.Entry(
        "gpt2-xl", "gpt2-xl", "", lambda: pytest.fail("it was loaded"), memory=hub.PUBLISHED["gpt2-xl"].memory
    )
    monkeypatch.setitem(catalogue.MODELS, "gpt2-xl", entry)
    monkeypatch.setattr(hub, "memory", lambda: hub.Memory(1_000_000_000, free=True))
    app = both(stage="softmax", beside="gpt2-xl")
    assert "6.50 GB of memory needed, 1.00 GB free" in app.warning[0].value and alone(app)


def test_numbers_that_do_not_fit_beside_leave_the_main_model(monkeypatch):
    real = cache.traced

    def traced(key, *rest):
        if key == "wide":
            raise MemoryError("it needs 9.9 GB, and 1.0 GB may be used")
        return real(key, *rest)

    monkeypatch.setattr(cache, "traced", traced)
    app = both(stage="softmax")
    assert "In wide this does not fit" in app.warning[0].value and "9.9 GB" in app.warning[0].value
    assert alone(app) and "Look for" in html(app) and "TRAINED" in html(app)


@pytest.mark.parametrize(("other", "key"), [("0", "deep"), ("1", "wide")])
def test_a_chosen_cell_is_recomputed_in_its_own_model(other, key):
    cell = "blocks.1.att.weights@0,2,3,1"
    app = both(stage="attention-weights", block=2, head=3, cell=cell, other=other, drawer="recompute")
    real = float(trace.run(catalogue.load(key), tokenizer.encode(TEXT))["blocks.1.att.weights"][0, 2, 3, 1])
    assert html(app).count("Recomputed:") == 1 and html(app).count("Look for") == 1
    assert f"Shown {real:.6g}" in html(app) and f"shown <b>{real:.9g}</b>" in html(app)
    app = fine(app.button(key="alone").click().run())
    assert app.session_state["choice"].cell == "" and not app.session_state["choice"].other


@pytest.mark.parametrize("drawer", ["recompute", "numbers", "code", "about"])
def test_a_drawer_says_of_which_model_it_is(drawer):
    app = both(stage="attention-weights", drawer=drawer)
    if drawer == "code":
        assert "hold for both" in html(app)
        return
    chooser = next(one for one in app.get("button_group") if one.key == "other")
    assert [option.content for option in chooser.proto.options] == ["Of deep", "Of wide"]
    about = fine(both(stage="attention-weights", drawer="about", other=1))
    assert "Model **wide**" in shown(about)


def test_the_text_grows_by_the_main_model():
    app = both(stage="append")
    seen = trace.run(catalogue.load("deep"), tokenizer.encode(TEXT))
    word, _ = append.next_token(Seen(seen))
    button = next(one for one in app.button if one.key == "append")
    assert f"Append **{verbatim.markdown(tokenizer.printable(word))}**" in button.label and "The text follows deep" in html(app)
    app = fine(button.click().run())
    assert app.session_state["choice"].more == 1 and html(app).count(f"<span class='ids'>{word}</span>") >= 2
    assert "Written by deep so far: 1" in html(app) and BY_KEY["append"].title in html(app)


def test_block_and_head_can_be_chosen_as_far_as_either_model_goes():
    app = both(stage="attention-weights")
    assert len(app.selectbox(key="block").options) == 5 and len(app.selectbox(key="head").options) == 10
    app = fine(app.selectbox(key="head").set_value(9).run())
    assert "It has no head 9: its last instead." in html(app) and not app.warning
    app = fine(app.button(key="alone").click().run())
    assert "This model has 3 heads; head 9 was asked for" in app.warning[0].value
    assert "at most 5 blocks" in both(block=6, stage="gelu").warning[0].value
