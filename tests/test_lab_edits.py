"""An edit of the walk in the labs: in force wherever the pass over the reader's sentence is shown, said wherever it is not."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from gptviz import edits, tokenizer, trace
from gptviz.figures.matrix import MASKED
from gptviz.keep import code
from gptviz.labs import index
from gptviz.labs.lab import Setting
from sample_models import tiny
from test_lab_claims import EVERY
from test_lab_controls import plain
from test_page import APP, fine, html, opened, shown

LETTER = "The letter was sealed. She opened the"
CHANGES = edits.parse("position:mean,head:2.1")
SHOW_THE_PASS = {
    "Attention/atlas", "Attention/first", "Context/positions", "Embeddings/blocks", "Gradients/sensitivity", "Sampling/temperature",
    "Sampling/pool", "Sampling/draws", "Sampling/write", "Why/forms",
}  # fmt: skip


def setting_of(one, kept: dict) -> Setting:
    def once(key, make, doing=""):
        return kept[key] if key in kept else kept.setdefault(key, make())

    bare = Setting(tiny(), tuple(tokenizer.encode(LETTER)), {}, text=LETTER, model_key="tiny", once=once)
    return replace(bare, values={control.name: control.start() for control in one.controls_for(bare)})


@pytest.mark.parametrize("name", EVERY)
def test_an_edit_is_in_every_pass_that_is_shown_of_the_sentence_and_said_elsewhere(name, monkeypatch):
    lab, one = index.find(name)
    said = one.standing(CHANGES)
    assert "head 2.1 is off, every position is the mean of all" in said and one.standing(()) == ""
    kept, run, ran = {}, trace.run, []
    setting = setting_of(one, kept) if name in SHOW_THE_PASS else Setting(tiny(), (1, 2), {})
    changed = one.changed(setting, CHANGES)
    assert one.edited == (name in SHOW_THE_PASS) == ("This is the edited pass" in said) and one.changed(setting, ()) is setting
    if not one.edited:
        assert changed is setting and "Not here" in said
        return
    assert not lab.own_state

    def noted(*args, **options):
        ran.append(tuple(options.get("edits", ())))
        return run(*args, **options)

    monkeypatch.setattr(trace, "run", noted)
    before = plain(list(one.pictures(setting)))
    assert ran and set(ran) == {()}
    ran.clear()
    after = plain(list(one.pictures(changed)))
    assert set(ran) == {CHANGES} and after != before, "nothing kept of the plain pass is taken for the edited one"
    assert plain(list(one.pictures(setting))) == before, "nor the other way round"


def test_without_the_mask_the_maps_hide_nothing():
    for name in ("Attention/atlas", "Attention/first"):
        one = index.find(name)[1]
        setting = setting_of(one, {})
        for changes, hidden in (((), True), (edits.parse("no-mask"), False)):
            (grid, *_) = one.pictures(one.changed(setting, changes))
            assert [bool((panel.marks[:, 1:] == MASKED).any()) for panel in grid.panels] == [hidden] * 2


def test_the_lens_says_where_an_edit_changes_what_it_looks_through():
    one = index.find("Why/forms")[1]
    setting = setting_of(one, {})
    for name, beyond in (("norm:final", True), ("head:2.1", False)):
        assert ("as they are" in one.caption(one.changed(setting, edits.parse(name)))) == beyond


def test_the_lines_that_keep_an_experiment_make_its_edited_pictures():
    one = index.find("Sampling/temperature")[1]
    setting = one.changed(setting_of(one, {}), CHANGES)
    lines = code.of_experiment(one, setting.values, LETTER, setting.ids, "tiny", edits.write(CHANGES))
    made: dict = {}
    exec(lines.replace("catalogue.load('tiny')", "model"), made | {"model": tiny()}, made)  # noqa: S102
    assert plain(list(made["pictures"])) == plain(list(one.pictures(setting)))
    assert "edits" not in code.of_experiment(one, setting.values, LETTER, setting.ids, "tiny")


def page(lab: str, **params) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    app.switch_page(f"pages/{lab}.py")
    for name, value in {"text": LETTER, **params}.items():
        app.query_params[name] = str(value)
    return fine(app.run())


def looked(app: AppTest) -> str:
    """The "look for" line, which names the answer and its probability."""
    return html(app).partition("Look for:")[2].partition("</p>")[0]


def test_a_lab_carries_the_edit_says_where_it_is_in_force_and_undoes_it():
    app = page("Why", edit="head:6.3,no-mask:2")
    assert "This is the edited pass: later tokens are not hidden in block 2, head 6.3 is off." in html(app)
    assert "badge edited" in html(app) and app.query_params["edit"] == "no-mask:2,head:6.3"
    assert app.multiselect(key="edit").value == ["no-mask:2", "head:6.3"]
    fine(app.multiselect(key="edit").set_value(["head:6.3"]).run())
    assert app.query_params["edit"] == "head:6.3" and "This is the edited pass: head 6.3 is off." in html(app)
    edited = looked(app)
    fine(app.button(key="undo-edits").click().run())
    assert "edit" not in app.query_params and "badge edited" not in html(app)
    assert looked(app) != edited and looked(app) == looked(page("Why"))


def test_an_experiment_with_passes_of_its_own_says_that_nothing_is_changed_there():
    app = page("Why", view="ledger", edit="head:6.3")
    assert "In the walk head 6.3 is off. Not here" in html(app) and "badge edited" not in html(app)
    room = page("Why", view="ledger", edit="head:6.3", present=1)
    assert "In the walk head 6.3 is off. Not here" in html(room)
    assert "What is read here is the edited pass." in html(fine(opened(read=1, edit="head:6.3", stage="softmax")))
    assert "Not here: what is trained is a model of its own." in html(page("Train", edit="head:6.3"))


def test_an_edit_that_the_model_has_no_place_for_is_refused_in_a_lab_too():
    app = page("Attention", edit="head:6.9,haed:1.1")
    assert "no edit called" in shown(app) and "edit" not in app.query_params
    app = page("Attention", edit="head:6.3,head:6.9")
    assert "this model has 8 heads" in shown(app) and app.query_params["edit"] == "head:6.3"
