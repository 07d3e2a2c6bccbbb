"""The page without a browser: every stage, odd input, nonsense in the URL, several readers."""

from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from gptviz.stages import STAGES
from gptviz.ui import state, top, walk

config.set_option("client.showErrorDetails", "full")  # a failing test should say why
APP = str(Path(__file__).parents[1] / "app.py")


def opened(**params) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    for name, value in params.items():
        app.query_params[name] = str(value)
    return app.run()


def html(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def shown(app: AppTest) -> str:
    """Everything a reader can read as text."""
    return html(app) + "\n".join(element.value for element in (*app.markdown, *app.caption, *app.warning, *app.error))


def fine(app: AppTest) -> AppTest:
    assert not app.exception, app.exception[0].message
    return app


@pytest.mark.parametrize("drawer", ["", "recompute", "numbers", "code", "about"])
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_every_stage_with_every_drawer(stage, drawer):
    app = fine(opened(stage=stage.key, drawer=drawer, block=2, head=3))
    assert stage.title in html(app) and ("Look for" in html(app)) == (drawer == "")
    assert "TRAINED" in html(app) and "EVAL" in html(app)
    assert not app.error and not app.warning


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_every_stage_in_present_mode_with_dropout_and_a_batch(stage):
    app = fine(opened(stage=stage.key, present=1, dropout=0.3, seed=5, second="Every day holds a long", item=1))
    assert stage.title in html(app) and "TRAIN" in html(app)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_every_stage_of_a_long_text_and_of_one_token(stage):
    fine(opened(stage=stage.key, text="Every day holds a small surprise for those who look. " * 30, drawer="recompute"))
    fine(opened(stage=stage.key, text="a", drawer="numbers"))


def test_next_and_back_walk_all_stages():
    app = fine(opened())
    for stage in STAGES[1:]:
        app = fine(app.button(key="next").click().run())
        assert stage.title in html(app)
    assert app.button(key="next").disabled
    app = fine(app.button(key="back").click().run())
    assert STAGES[-2].title in html(app)


def test_empty_text_keeps_the_last_good_picture():
    app = fine(opened(stage="token-ids"))
    app = fine(app.text_input(key="typed-text").set_value("She opened the").run())
    before = app.session_state["choice"]
    app = fine(app.text_input(key="typed-text").set_value("   ").run())
    assert "Type at least one word" in app.warning[0].value
    assert app.session_state["choice"] == before
    app = fine(app.text_input(key="typed-text").set_value("Back again").run())
    assert not app.warning and app.session_state["choice"].text == "Back again"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script><b>bold</b> & $x$ **stars** `code`",
        "a\x00b\x07c\x1b[31m",
        "🦜👩‍👩‍👧‍👦é漢字",
        "<|endoftext|>",
        "word " * 2000,
        "\u202eright to left\u202c",
        "   spaces   and   more   ",
    ],
    ids=["html", "control", "emoji", "endoftext", "10000 characters", "bidi", "spaces"],
)
def test_odd_text_is_shown_as_it_is(text):
    for stage in ("text", "token-ids", "attention-weights", "output-head", "append"):
        app = fine(opened(stage=stage, text=text))
        assert not app.error
        assert "<script>" not in html(app) and "<b>bold" not in html(app)


def test_too_many_characters_are_refused_with_the_number():
    app = fine(opened())
    app = fine(app.text_input(key="typed-text").set_value("x" * 20_001).run())
    assert "20,001" in app.warning[0].value


def test_more_tokens_than_the_context_says_how_many():
    app = fine(opened(stage="text", text="word " * 300))
    assert "256 rows" in html(app) and "cropped" in html(app)


def test_nonsense_in_the_url_is_noted_and_walked_around():
    app = fine(opened(stage="nowhere", block="99", head="77", token="500", model="gpt9", dropout="7", cell="x"))
    notes = " ".join(warning.value for warning in app.warning)
    assert all(word in notes for word in ("nowhere", "gpt9", "dropout", "cell", "blocks", "heads", "token 500"))


def test_a_cell_that_is_not_there_is_replaced_with_a_note():
    app = fine(opened(stage="token-embedding", cell="tok_emb@0,900,3", drawer="recompute"))
    assert "cannot be recomputed" in app.warning[0].value


def test_the_random_model_is_labelled_and_walks():
    for stage in ("token-embedding", "attention-weights", "output-head", "softmax"):
        app = fine(opened(model="gpt2-untrained", stage=stage, block=12, head=12))
        assert "RANDOM INIT" in html(app) and "TRAINED" not in html(app)


def test_appending_goes_round_and_can_be_taken_back():
    app = fine(opened(stage="append"))
    button = next(one for one in app.button if one.label.startswith("Append"))
    app = fine(button.click().run())
    assert app.session_state["choice"].more == 1
    app = fine(next(one for one in app.button if one.label == "Take one back").click().run())
    assert app.session_state["choice"].more == 0


def test_dropout_switch_labels_the_state_and_comes_back():
    app = fine(opened(stage="embedding-dropout"))
    app = fine(app.toggle(key="training").set_value(True).run())
    assert "TRAIN: dropout 0.1, seed 0" in html(app)
    app = fine(app.slider(key="rate").set_value(0.5).run())
    assert "dropout 0.5" in html(app)
    app = fine(app.toggle(key="training").set_value(False).run())
    assert "EVAL" in html(app)


def test_every_example_is_one_click_away():
    assert state.DEFAULT_TEXT == state.EXAMPLES[0]
    for example in state.EXAMPLES:
        fine(opened(text=example))


def test_two_readers_keep_their_own_choices():
    one, two = opened(text="Every effort moves you", stage="token-ids"), opened(text="She opened the", stage="softmax", block=3)
    one = fine(one.button(key="next").click().run())
    assert one.session_state["choice"].stage == "token-embedding"
    assert two.session_state["choice"].stage == "softmax" and two.session_state["choice"].text == "She opened the"


@pytest.mark.parametrize(
    ("broken", "said"),
    [({}, "config.json"), ({"config.json": "{"}, "JSON"), ({"config.json": '{"model_type": "bert"}'}, "gpt2")],
)
def test_a_broken_checkpoint_is_explained_and_the_others_still_work(tmp_path, monkeypatch, broken, said):
    from gptviz import catalogue

    folder = tmp_path / "mine"
    folder.mkdir()
    for name, content in broken.items():
        (folder / name).write_text(content)
    monkeypatch.setenv("GPTVIZ_MODELS", str(folder))
    monkeypatch.setattr(catalogue, "MODELS", catalogue.discover())
    app = fine(opened(model="mine"))
    assert "cannot be loaded" in app.error[0].value and said in app.error[0].value
    app = fine(next(one for one in app.button if one.label == "Use mini instead").click().run())
    assert not app.error and "TRAINED" in html(app)


def test_a_label_of_an_earlier_list_is_no_choice(monkeypatch):
    """A press that comes while a list changes sends the label that was on screen; Streamlit hands on what is not in the new list."""
    taken = []
    for value in (2, "Token 3 ·you"):
        monkeypatch.setattr(walk.st, "session_state", {"token": value})
        walk.picked("token", taken.append)()
    assert taken == [2]
    monkeypatch.setattr(top, "change", lambda **changes: taken.append(changes["beside"]))
    monkeypatch.setattr(top.state, "models", lambda: ["mini"])
    for value in ("", "mini", "mini (of yesterday)"):
        top.take_beside(value)
    assert taken == [2, "", "mini"]
