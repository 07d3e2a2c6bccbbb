"""The page without a browser: every stage, odd input, nonsense in the URL, several readers."""

from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from gptviz import catalogue, tokenizer, trace, weights
from gptviz.seen import Seen
from gptviz.stages import BY_KEY, STAGES, append
from gptviz.ui import address, carrier, state, story, top, walk
from gptviz.ui.state import END, Choice
from sample_models import ending, tiny

config.set_option("client.showErrorDetails", "full")  # a failing test should say why
APP = str(Path(__file__).parents[1] / "app.py")


def opened(**params) -> AppTest:
    """The walk at this address, its first stage where it says nothing."""
    app = AppTest.from_file(APP, default_timeout=60)
    params = params or {"stage": STAGES[0].key}
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
    assert stage.title in html(app) and ">DROPOUT 0.3<" in html(app)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_every_stage_of_a_long_text_and_of_one_token(stage):
    fine(opened(stage=stage.key, text="Every day holds a small surprise for those who look. " * 30, drawer="recompute"))
    fine(opened(stage=stage.key, text="a", drawer="numbers"))


def test_next_and_back_walk_all_stages():
    app = fine(opened())
    for stage in STAGES[1:]:
        app = fine(app.button(key="next").click().run())
        assert stage.title in html(app)
    app = fine(app.button(key="next").click().run())
    assert app.button(key="next").disabled and story.TITLES[END] in html(app)
    app = fine(app.button(key="back").click().run())
    assert STAGES[-1].title in html(app)


def test_empty_text_keeps_the_last_good_picture():
    app = fine(opened(stage="token-ids"))
    app = fine(app.text_area(key="typed-text").set_value("She opened the").run())
    before = app.session_state["choice"]
    app = fine(app.text_area(key="typed-text").set_value("   ").run())
    assert "Type at least one word" in app.warning[0].value
    assert app.session_state["choice"] == before
    app = fine(app.text_area(key="typed-text").set_value("Back again").run())
    assert not app.warning and app.session_state["choice"].text == "Back again"


def test_line_ends_are_typed_shown_and_linked():
    app = fine(opened())
    app = fine(app.text_area(key="typed-text").set_value("Roses are red,\r\nViolets are blue\n").run())
    assert app.session_state["choice"].text == app.query_params["text"] == "Roses are red,\nViolets are blue\n"
    assert app.text_area(key="typed-text").value == app.query_params["text"]
    again = fine(opened(**dict(app.query_params)))
    assert (
        again.text_area(key="typed-text").value == app.query_params["text"]
        and html(again).count("<span class='piece'>↵</span>") == 2
    )
    assert fine(opened(present=1, **dict(app.query_params))).text_area(key="typed-text").value == app.query_params["text"]
    app = fine(app.text_area(key="typed-second").set_value("One\nTwo").run())
    assert app.query_params["second"] == "One\nTwo"
    assert sum("\n" in example for example in state.EXAMPLES) == 1


def test_a_text_too_long_for_an_address_is_kept_for_the_visit():
    long = "".join(chr(0x4E00 + n * n % 20_000) for n in range(16_000))
    app = fine(opened(stage="token-ids", block=3))
    app = fine(app.text_area(key="typed-text").set_value(long).run())
    assert carrier.size(dict(app.query_params)) < 200 and app.query_params["text.kept"].startswith("16000-")
    assert "The address is too short for the sentence" in html(app) and not app.warning
    app = fine(app.button(key="next").click().run())
    assert app.session_state["choice"].text == long and app.query_params["stage"] == "token-embedding"
    linked = dict(app.query_params)
    app = fine(app.switch_page("pages/Dropout.py").run())
    assert app.query_params["text.kept"] == linked["text.kept"] and "The address is too short for the sentence" in html(app)

    other = fine(opened(token=7, cell="ids@0,7", **linked))
    assert "too short for its text of 16,000 characters" in other.warning[0].value and len(other.warning) == 1
    assert other.session_state["choice"] == Choice(stage="token-embedding", block=3)
    assert other.query_params["text.kept"] == linked["text.kept"], "to reload says the same again"
    other = fine(other.button(key="next").click().run())
    assert dict(other.query_params) == {"stage": "positional-embedding", "block": "3"} and not other.warning


def test_a_packed_text_opens_and_a_damaged_one_is_said():
    long = "漢字\n" * 5000
    app = fine(opened(text=long))
    assert set(app.query_params) == {"text.z"} and "address is too short" not in html(app)
    packed = app.query_params["text.z"]
    assert fine(opened(**{"text.z": packed})).session_state["choice"].text == long
    assert "text is damaged; the default" in fine(opened(**{"text.z": packed[:-9]})).warning[0].value
    app = AppTest.from_file(APP, default_timeout=60).switch_page("pages/Context.py")
    app.query_params.update({"view": "batch", "second.z": packed[9:]})
    assert "second is damaged; the default" in fine(app.run()).warning[0].value


def test_a_text_the_browser_brings_back_is_the_one_that_was_asked_for(monkeypatch):
    wanted, other = carrier.mark("漢字"), carrier.mark("other")
    kept = {"missing": (wanted,), "texts": {}}
    monkeypatch.setattr(state.st, "session_state", kept)
    state.found({wanted: "something else", other: "other"})
    state.found({wanted: "\ud800"})
    state.found({wanted: "漢字" * 10_001})
    assert kept == {"missing": (wanted,), "texts": {}}
    state.found({wanted: "漢字", other: "other"})
    assert kept["texts"] == {wanted: "漢字"} and kept["came"] == address.LINK
    state.remember({carrier.mark(str(n)): str(n) for n in range(9)})
    assert list(kept["texts"].values()) == [str(n) for n in range(1, 9)]


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
        "\ta\n\n\tb\u2028c\r\n\n",
    ],
    ids=["html", "control", "emoji", "endoftext", "10000 characters", "bidi", "spaces", "lines"],
)
def test_odd_text_is_shown_as_it_is(text):
    for stage in ("text", "token-ids", "attention-weights", "output-head", "append"):
        app = fine(opened(stage=stage, text=text))
        assert not app.error
        assert "<script>" not in html(app) and "<b>bold" not in html(app)


def test_too_many_characters_are_refused_with_the_number():
    app = fine(opened())
    app = fine(app.text_area(key="typed-text").set_value("x" * 20_001).run())
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


def test_the_end_of_a_text_is_said_and_the_reader_chooses(tmp_path, monkeypatch):
    from gptviz import catalogue

    weights.save(ending(), tmp_path / "ending")
    monkeypatch.setenv("GPTVIZ_MODELS", str(tmp_path / "ending"))
    monkeypatch.setattr(catalogue, "MODELS", catalogue.discover())
    app = fine(opened(model="ending", stage="append"))
    assert "With it the model ends the text." in html(app) and "Go on" not in app.button(key="append").label
    app = fine(app.button(key="append").click().run())
    assert "The model has ended the text with &lt;|endoftext|&gt;. Stop here, or go on" in html(app)
    assert app.button(key="append").label.startswith("Go on: append") and not app.button(key="append").disabled
    app = fine(app.button(key="take-back").click().run())
    assert "has ended" not in html(app)
    beside = fine(opened(model="mini", beside="ending", stage="append"))
    assert "ending would write &quot;&lt;|endoftext|&gt;&quot;" in html(beside) and "which ends the text" in html(beside)
    ids = [*tokenizer.encode("a", special=True), tokenizer.END_OF_TEXT_ID, 64, 65]
    assert "ended its text 2 tokens ago" in BY_KEY["append"].caption(Seen(trace.run(tiny(), ids), appended=3))
    assert append.since_end(Seen(trace.run(tiny(), ids), appended=2)) is None, "a typed one is none of the model's"


def test_dropout_switch_labels_the_state_and_comes_back():
    app = fine(opened(stage="embedding-dropout"))
    app = fine(app.toggle(key="training").set_value(True).run())
    assert weights.mode(catalogue.load("mini"), 0.1, "seed 0") in html(app)
    app = fine(app.slider(key="rate").set_value(0.5).run())
    assert "dropout 0.5" in html(app).lower()
    app = fine(app.toggle(key="training").set_value(False).run())
    assert "EVAL" in html(app)


def test_every_example_is_one_click_away():
    assert Choice.text == state.EXAMPLES[0]
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
    assert "mine" in app.error[0].value and str(tmp_path) not in app.error[0].value  # where it lies is not the readers' affair
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


def test_cells_are_offered_only_where_there_are_cells():
    def offered(stage: str) -> bool:
        return any("Click any cell" in one.value for one in fine(opened(stage=stage, drawer="recompute")).markdown)

    assert offered("token-embedding") and not offered("text")


def test_the_piece_that_is_merged_follows_the_token_that_is_chosen():
    app = fine(opened(stage="text", piece=1, step=2))
    assert app.selectbox(key="piece").value == 1 and app.slider(key="step").value == 2
    app.selectbox(key="token").select(2)
    app = fine(app.run())
    assert app.selectbox(key="piece").value == 2 and app.slider(key="step").value == app.slider(key="step").max
