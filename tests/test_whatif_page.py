"""What if, in the walk without a browser: switched on and off, several at once, from the address, refused, and told everywhere."""

import re
from dataclasses import replace
from functools import cache as once
from html import unescape

import numpy as np
import pytest

from gptviz import edits, effects, tokenizer, trace
from gptviz.figures import changes
from gptviz.figures.matrix import Grid
from gptviz.points import Address
from gptviz.recompute import recompute
from gptviz.seen import Seen
from gptviz.stages import BY_KEY, STAGES
from gptviz.ui import beside, cache, state, whatif
from gptviz.ui.state import Choice
from gptviz.words import percent
from sample_models import mini
from test_page import fine, html, opened, shown

LETTER = "The letter was sealed. She opened the"
IDS = tokenizer.encode(LETTER)


def text(app) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html(app)))


@once
def did() -> str:
    """What head 6.3 off does to the sentence's next token."""
    plain, edited = (trace.run(mini(), IDS, edits=some).array("logits")[0, -1] for some in ([], ["head:6.3"]))
    found = effects.effect(plain, edited)
    return f"{percent(found.shares[0])} → {percent(found.shares[1])}"


def multiselect(app):
    return app.multiselect(key="edit")


SOME = [stage for stage in STAGES if stage.key in ("text", "context-vectors", "norm1", "block-output", "softmax")]


@pytest.mark.parametrize(
    ("stage", "present"),
    [*((stage, 0) for stage in STAGES), *((stage, 1) for stage in SOME)],
    ids=lambda one: getattr(one, "key", str(one)),
)
def test_every_stage_says_that_it_is_edited_and_what_that_did(stage, present):
    app = fine(opened(stage=stage.key, present=present, text=LETTER, edit="head:6.3", block=6, head=3, cell="logits@0,7,1"))
    said = text(app)
    assert multiselect(app).value == ["head:6.3"] and "head 6.3 is off" in multiselect(app).options
    assert "EDITED EVAL" in said and did() in said and "KL divergence" in said
    assert ("Changed here: head 6.3 is off" in said) == (stage.key == "context-vectors" and not present)
    assert not app.warning and not app.error


@pytest.mark.parametrize("stage", SOME, ids=lambda stage: stage.key)
def test_a_stage_beside_its_unedited_self(stage):
    app = fine(opened(stage=stage.key, text=LETTER, edit="head:6.3", block=6, head=3, beside="mini"))
    assert not app.warning and not app.error
    if stage.key == "text":
        return
    said = text(app)
    assert said.index("mini, edited TRAINED EDITED") < said.index("mini, unedited TRAINED")
    assert app.button(key="swap").disabled


def test_switched_on_by_a_toggle_and_chosen_from_a_list():
    app = fine(opened(stage="context-vectors", text=LETTER, block=6, head=3))
    assert not app.multiselect and "EDITED" not in html(app)
    app = fine(app.toggle(key="whatif").set_value(True).run())
    assert "Nothing is changed" in html(app) and multiselect(app).value == [] and app.query_params["whatif"] == "1"
    assert multiselect(app).options[:2] == ["head 6.3 is off", "head 6.3 hands on its mean over the sentence"]
    app = fine(multiselect(app).set_value(["head:6.3"]).run())
    assert app.query_params["edit"] == "head:6.3" and did() in text(app)
    app = fine(multiselect(app).set_value(["head:6.3", "no-mask:6"]).run())
    assert app.query_params["edit"] == "no-mask:6,head:6.3"
    assert "EDITED later tokens are not hidden in block 6, head 6.3 is off" in text(app)
    app = fine(app.button(key="undo-edits").click().run())
    assert "edit" not in app.query_params and "Nothing is changed" in html(app)


def test_the_toggle_goes_back_and_forth_between_the_pass_and_the_edited_pass():
    app = fine(opened(stage="softmax", text=LETTER, edit="head:6.3"))
    assert app.toggle(key="whatif").value
    app = fine(app.toggle(key="whatif").set_value(False).run())
    assert "EDITED" not in html(app) and "edit" not in app.query_params and "·letter" in text(app)
    app = fine(app.toggle(key="whatif").set_value(True).run())
    assert did() in text(app) and app.query_params["edit"] == "head:6.3"


def test_the_edit_stays_while_stepping_and_the_link_opens_the_same():
    app = fine(opened(stage="output-head", text=LETTER, edit="head:6.3"))
    app = fine(app.button(key="next").click().run())
    address = dict(app.query_params)
    assert address["stage"] == "softmax" and address["edit"] == "head:6.3"
    assert fine(opened(**address)).session_state["choice"] == app.session_state["choice"]


def test_side_by_side_and_back_and_with_the_last_edit_it_goes():
    app = fine(opened(stage="softmax", text=LETTER, edit="head:6.3"))
    app = fine(app.button(key="beside-itself").click().run())
    assert app.query_params["beside"] == "mini" and "mini, unedited" in text(app)
    app = fine(app.button(key="undo-edits").click().run())
    assert "beside" not in app.query_params and not app.warning
    app = fine(opened(stage="softmax", text=LETTER, edit="head:6.3", beside="mini"))
    app = fine(app.selectbox(key="model").set_value("mini-untrained").run())
    assert app.session_state["choice"].beside == "mini-untrained" and "edited" in text(app)
    app = fine(opened(stage="softmax", text=LETTER, edit="head:6.3", beside="mini-untrained"))
    assert text(app).count("TRAINED EDITED") == 1, "an edit is of the first model alone"


@pytest.mark.parametrize(
    ("edit", "says", "stays"),
    [
        ("head:99.1", "head:99.1: this model has 6 blocks. It is left out.", ""),
        ("head:6.3,head:6.9", "head:6.9: this model has 8 heads. It is left out.", "head:6.3"),
        ("position:250", "position:250: this text would need 258 rows of a position table that has 256", ""),
        ("weight:6.3.20.1,head:6.3", "the text has 8 tokens, counted from 0; there is no token 20. It is left out", "head:6.3"),
        ("row:3.7:464-3797", "the other sentence has 2 tokens", ""),
        ("haed:6.3", "no edit called 'haed:6.3'", ""),
        ("head:6.3,<img src=x>", "no edit called", ""),
    ],
)
def test_what_a_model_has_no_place_for_is_refused_with_the_reason(edit, says, stays):
    app = fine(opened(stage="softmax", text=LETTER, edit=edit))
    (warning,) = app.warning
    assert says in warning.value.replace("&#58;:small[]", ":").replace("\\", "")
    assert app.query_params.get("edit", "") == stays and ("EDITED" in html(app)) == bool(stays)
    assert "<img" not in shown(app)


def test_a_typed_name_is_taken_and_a_wrong_one_is_refused_and_loses_nothing(monkeypatch):
    visit = {"choice": Choice(text=LETTER, edit="head:6.3"), "passing": False, "notes": []}
    monkeypatch.setattr(state.st, "session_state", visit)
    whatif.take(["head:6.3", "unit:5.17"])
    assert visit["choice"].edit == "head:6.3,unit:5.17" and not visit["notes"]
    whatif.take(["head:6.3", "nothing"])
    assert visit["choice"].edit == "head:6.3" and "no edit called 'nothing'" in visit["notes"][0]
    whatif.take([f"unit:1.{n}" for n in range(edits.MOST + 1)])
    assert len(edits.parse(visit["choice"].edit)) == edits.MOST and "At most 64" in visit["notes"][0]


def test_appended_tokens_are_the_edited_models_own():
    app = fine(opened(stage="append", text=LETTER, edit="head:6.3", more=3))
    ids = list(IDS)
    for _ in range(3):
        ids.append(int(trace.run(mini(), ids, edits=["head:6.3"])["logits"][0, -1].argmax()))
    assert "those that the edited model writes" in html(app)
    said = text(app)
    assert all(tokenizer.printable(token) in said for token in ids[len(IDS) :])
    effect = effects.effect(*(trace.run(mini(), ids, edits=some).array("logits")[0, -1] for some in ([], ["head:6.3"])))
    assert f"KL divergence {effect.divergence:.3g} nats" in said, "the unedited pass reads the same tokens"


def test_the_drawer_says_what_the_number_would_be_without():
    for cell in ("blocks.5.att.context@0,2,7,3", "blocks.5.shortcut2@0,7,9", "blocks.5.att.weights@0,2,7,1"):
        app = fine(
            opened(stage="context-vectors", text=LETTER, edit="head:6.3", block=6, head=3, drawer="recompute", cell=cell)
        )
        point, index = Address.parse(cell)
        plain, edited = (recompute(trace.run(mini(), IDS, edits=some), point, index).shown for some in ([], ["head:6.3"]))
        if plain == edited:
            assert f"Without the edit it is the same, {plain:.9g}" in text(app)
        else:
            assert f"Without the edit it is {plain:.9g}: the edit adds {edited - plain:+.3g}" in text(app)
    assert plain == edited, "what comes before the edit"
    room = fine(opened(stage="context-vectors", text=LETTER, edit="head:6.3", cell="blocks.5.shortcut2@0,7,9", present=1))
    assert "Without the edit it is" in text(room)


def test_the_map_is_told_what_the_edit_reached():
    choice = Choice(stage="norm1", text=LETTER, edit="head:6.3", block=6, head=3)
    model = cache.model("mini")
    made = whatif.done(choice, beside.half(choice, "mini", model))
    at = {stage.key: mark for stage, mark in zip(STAGES, whatif.marks(made))}
    assert at["text"]["same"] and at["attention-weights"]["same"] and not at["context-vectors"]["same"]
    assert at["append"]["share"] == at["softmax"]["share"] > 0 and "changed by" in at["softmax"]["said"]
    earlier = replace(choice, block=2)
    at = {
        stage.key: mark for stage, mark in zip(STAGES, whatif.marks(whatif.done(earlier, beside.half(earlier, "mini", model))))
    }
    assert at["context-vectors"]["same"] and at["contract"]["same"] and not at["softmax"]["same"]
    assert whatif.done(replace(choice, edit=""), beside.half(replace(choice, edit=""), "mini", model)) is None


def test_passes_with_different_edits_are_kept_apart_and_each_is_run_once(monkeypatch):
    cache._kept.clear()
    run, ran = trace.run, []
    monkeypatch.setattr(trace, "run", lambda *args, **options: ran.append(options.get("edits")) or run(*args, **options))
    for _ in range(2):
        for edit in ("head:6.3", "no-mask", ""):
            fine(opened(stage="softmax", text=LETTER, edit=edit))
    assert len(ran) == 3, ran


def test_the_switch_of_every_step_takes_away_what_it_does():
    model = mini()
    seen = Seen(trace.run(model, IDS), block=3, head=4, text=LETTER)
    switched = {stage.key: stage.switched(seen) for stage in STAGES}
    assert sum(map(bool, switched.values())) == 19 and not switched["text"] and not switched["softmax"]
    for stage in filter(lambda stage: stage.switch, STAGES):
        (edit,) = edits.parse(switched[stage.key])
        edits.check(edit, model.config)
        points = list(model.points)
        first = min(points.index(point) for point, _ in edits.apply([edit], model))
        assert edit.kind == "head" or edit.at[:1] in ((), ("4",))
        assert abs(first - points.index(stage.named(seen)[-1])) <= 8, f"{stage.key}: what it makes, or what is made of it next"
        assert whatif.candidates(stage, seen, Choice(text=LETTER))[0] == switched[stage.key], "it is offered first"
    assert whatif.own(STAGES[0], seen, Choice(whatif=True)) is None and whatif.own(STAGES[10], seen, Choice()) is None


@pytest.mark.parametrize("stage", ["attention-weights", "norm1", "block-output", "token-embedding", "softmax"])
def test_rows_left_of_an_edit_are_marked_and_only_those(stage):
    ids = "-".join(map(str, tokenizer.encode("The cat sat by the fire")))
    seen = Seen(trace.run(mini(), IDS, edits=[f"row:2.5:{ids}"]), block=3, head=4, text=LETTER)
    plain = BY_KEY[stage].picture(seen)
    made = whatif.marked(plain, seen)
    if isinstance(plain, Grid):
        for one, other in zip(plain.panels, made.panels):
            same = [n for n, (a, b) in enumerate(zip(one.rows, other.rows)) if b == f"= {a}"]
            assert same == (list(range(5)) if one.rows == seen.labels else [])
            assert np.array_equal(one.values, other.values, equal_nan=True)
        assert ("= cannot have changed" in made.note) == (stage != "block-output")
    else:
        ticks = [text for axis in made.select_yaxes() for text in axis.ticktext or ()]
        assert sum(text.startswith("= ") for text in ticks) == (15 if stage == "norm1" else 0)  # in three columns
    assert whatif.marked(plain, Seen(trace.run(mini(), IDS, edits=["head:1.1"]), text=LETTER)) is plain


def test_the_difference_is_what_the_edit_adds_to_every_cell():
    plain, edited = (Seen(trace.run(mini(), IDS, edits=some), block=5, head=2, text=LETTER) for some in ([], ["head:5.3"]))
    stage = BY_KEY["attention-weights"]
    made = changes.difference(stage.picture(edited), stage.picture(plain))
    weights = [one.trace.array("blocks.5.att.weights")[0, 2] for one in (edited, plain)]
    np.testing.assert_array_equal(np.nan_to_num(made.main.values), np.nan_to_num(weights[0] - weights[1]))
    assert made.main.kind == "signed" and not made.main.point and "change" in made.main.title and not made.note
    same = changes.difference(stage.picture(plain), stage.picture(plain))
    assert same.note == "The edit changes no number of this picture."
    softmax = BY_KEY["softmax"]
    assert changes.difference(softmax.picture(edited), softmax.picture(plain)) is None
    app = fine(opened(stage="attention-weights", text=LETTER, edit="head:5.3", block=6, head=3, beside="mini"))
    assert "The difference" in text(app)
    assert "The difference" not in text(
        fine(opened(stage="attention-weights", text=LETTER, edit="head:5.3", beside="mini-untrained"))
    )


def test_a_row_of_the_other_sentence_is_offered_and_typed_words_become_its_ids(monkeypatch):
    ids = tokenizer.encode("The cat sat by the fire")
    app = fine(opened(stage="block-output", text=LETTER, second="The cat sat by the fire", block=3, token=4, whatif=1))
    offered = 'after block 3 token 4 has its row of "The cat sat by the"'
    assert offered in multiselect(app).options
    far = fine(opened(stage="block-output", text=LETTER, second="The cat sat by the fire", block=3, token=7, whatif=1))
    assert not any("has its row of" in one for one in multiselect(far).options), "it has no token 7"
    visit = {"choice": Choice(text=LETTER), "passing": False, "notes": []}
    monkeypatch.setattr(state.st, "session_state", visit)
    whatif.take(["row:3.4:The cat sat by the fire"])
    assert visit["choice"].edit == f"row:3.4:{'-'.join(map(str, ids[:5]))}" and not visit["notes"]
    whatif.take(["row:3.4:", "row:3.4"])
    assert len(visit["notes"]) == 2 and "row takes" in visit["notes"][0]


def test_switched_in_one_press_and_back_with_the_others_left(monkeypatch):
    visit = {"choice": Choice(text=LETTER, edit="no-mask:6"), "passing": False, "notes": []}
    monkeypatch.setattr(state.st, "session_state", visit)
    for on, wanted in ((True, "no-mask:6,head:6.3"), (True, "no-mask:6,head:6.3"), (False, "no-mask:6"), (False, "no-mask:6")):
        whatif.put("head:6.3", on)
        assert visit["choice"].edit == wanted and visit["choice"].whatif, "pressed twice is pressed once"


@pytest.mark.parametrize(
    ("stage", "cell", "matrix"),
    [
        ("queries-keys-values", "blocks.2.att.key@0,3,6,5", "key"),
        ("output-projection", "blocks.2.att_out@0,6,17", "output"),
        ("expand", "blocks.2.ff.hidden@0,6,40", "expand"),
        ("contract", "blocks.2.ff_out@0,6,17", "contract"),
    ],
)
def test_the_entry_that_counts_most_in_the_chosen_number_is_offered(stage, cell, matrix):
    seen = Seen(trace.run(mini(), IDS), block=2, head=3, text=LETTER)
    choice = Choice(text=LETTER, stage=stage, cell=cell)
    (name,) = whatif.one_entry(BY_KEY[stage], seen, choice)
    point, index = Address.parse(cell)
    assert name.startswith(f"entry:3.{matrix}.") and name in whatif.candidates(BY_KEY[stage], seen, choice)
    found = recompute(seen.trace, point, index)
    products = next(reversed(found.operands.values()))
    row = int(name.split(".")[2])
    assert abs(products[row]) == np.abs(products).max(), "it is the largest of the products that the drawer lists"
    edited = trace.run(mini(), IDS, edits=[name])
    assert float(seen.trace[point][index] - edited[point][index]) == pytest.approx(float(products[row]), rel=1e-3, abs=1e-6)


def test_without_a_chosen_number_the_first_one_counts_and_odd_ones_offer_none():
    seen = Seen(trace.run(mini(), IDS), block=2, head=3, text=LETTER)
    (name,) = whatif.one_entry(BY_KEY["expand"], seen, Choice(text=LETTER))
    assert name.startswith("entry:3.expand.") and name.endswith(".0")
    assert whatif.one_entry(BY_KEY["token-embedding"], seen, Choice(text=LETTER)) == [f"table:{IDS[-1]}.0"]
    assert whatif.one_entry(BY_KEY["softmax"], seen, Choice(text=LETTER)) == []
    for cell in (
        "blocks.2.ff.hidden@0,99,0",
        "blocks.2.ff.hidden@0,1",
        "tok_emb@3,0,0",
        "nothing@0,0,0",
        "blocks.4.ff_out@0,0,0",
    ):
        assert whatif.one_entry(BY_KEY["expand"], seen, Choice(text=LETTER, cell=cell)) == []
    app = fine(opened(stage="expand", text=LETTER, block=3, edit="entry:3.expand.17.40,entry:3.expand.300.0"))
    assert "row 17, column 40 of the expand matrix is 0 in block 3" in multiselect(app).options
    assert "this model has rows 0 to 255" in shown(app) and app.query_params["edit"] == "entry:3.expand.17.40"
