"""Lessons on pages without a browser: their steps, looking elsewhere and coming back, what was answered, rooms and notes."""

import pytest
from streamlit.testing.v1 import AppTest

from gptviz.lessons import shelf
from hostile import MARKUP, TEXT
from test_classroom_page import desk, rooms  # noqa: F401
from test_page import APP, fine, html, opened, shown

LINE = " ".join(TEXT.split())
MINE = f"""# {LINE[:80]}
minutes: 5

## One
?stage=causal-mask&block=2&head=3

{LINE}

> Say: SECRET {LINE}

## Two
/Dropout?view=sums&p=0.3

Words for the lab.

> Look: here

## {LINE[:80]}
?stage=softmax&text=She+opened+the

## Broken
?stage=none
"""


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine.md").write_text(MINE, encoding="utf-8")
    monkeypatch.setenv(shelf.FOLDERS, str(tmp_path))


def place(app: AppTest) -> dict[str, str]:
    return {name: value for name, value in app.query_params.items() if name in ("lesson", "step", "stage", "view", "p")}


def test_a_short_address_opens_a_step_and_back_and_next_lead_through_the_lesson():
    app = fine(opened(lesson="mine", step="1"))
    choice = app.session_state["choice"]
    assert (choice.stage, choice.block, choice.head, choice.lesson, choice.stop) == ("causal-mask", 2, 3, "mine", 1)
    assert place(app) == {"stage": "causal-mask", "lesson": "mine", "step": "1"} and "step 1 of 3" in html(app)
    fine(app.button(key="next").click().run())
    assert app.session_state["page"] == "Dropout" and place(app) == {"lesson": "mine", "step": "2", "view": "sums", "p": "0.3"}
    assert "Words for the lab." in html(app) and app.slider(key="control-p").value == 0.3
    fine(app.button(key="guide-next").click().run())
    assert place(app) == {"stage": "softmax", "lesson": "mine", "step": "3"} and app.session_state["page"] == ""
    assert app.session_state["choice"].text == "She opened the" and app.button(key="next").label == "Next ›"
    fine(app.button(key="next").click().run())
    assert place(app)["step"] == "3", "there is none after the last"
    fine(app.button(key="back").click().run())
    assert app.session_state["page"] == "Dropout"


def test_a_reader_looks_elsewhere_comes_back_leaves_and_goes_on():
    app = fine(opened(lesson="mine"))
    told = "class='told'"
    assert told in html(app) and "guide-back" not in {one.key for one in app.button}
    fine(app.selectbox(key="head").select(5).run())
    assert told not in html(app) and place(app) == {"stage": "causal-mask", "lesson": "mine", "step": "1"}
    fine(app.button(key="guide-back").click().run())
    assert app.session_state["choice"].head == 3 and told in html(app)
    fine(app.button(key="guide-step-3").click().run())
    fine(app.button(key="guide-leave").click().run())
    assert place(app) == {"stage": "softmax"} and "1 of 27" not in html(app) and "26 of 27" in html(app)
    fine(app.button(key="guide-on-menu").click().run())
    assert place(app) == {"stage": "softmax", "lesson": "mine", "step": "3"}


def test_the_step_of_merges_has_another_name_in_a_lesson():
    app = fine(opened(lesson="mine", step="2", merge="3", stage="text"))
    assert app.session_state["choice"].step == 3 and app.session_state["choice"].stop == 2
    assert {name: app.query_params[name] for name in ("step", "merge")} == {"step": "2", "merge": "3"}


def test_what_was_answered_is_counted_and_named():
    app = fine(opened(lesson="mine"))
    assert "0 of 3 questions answered" in html(app)
    radio = next(one for one in app.radio if one.key.startswith("guess-causal-mask"))
    fine(radio.set_value(radio.options[0]).run())
    assert "1 of 3 questions answered" in html(app)
    assert app.button(key="guide-step-1").help.startswith("answered: ")


def test_lessons_are_offered_where_a_reader_starts_and_in_present():
    app = fine(opened(stage="overview"))
    assert app.button(key="lesson-overview-demo").label.startswith("**A GPT in ten minutes**")
    assert "mine.md, line 22: stage = &#x27;none&#x27; is not known" in html(app)
    fine(app.button(key="lesson-overview-demo").click().run())
    assert app.query_params["lesson"] == "demo" and app.query_params["step"] == "1"
    app = fine(opened(stage="gelu", present="1"))
    fine(app.button(key="lesson-menu-mine").click().run())
    assert app.session_state["choice"].present and app.session_state["choice"].stage == "causal-mask"
    assert app.button(key="guide-leave").label == "Leave the lesson"


def test_an_unknown_lesson_is_told_and_the_page_is_there():
    app = fine(opened(lesson="none", step="4"))
    assert 'no lesson "none"' in shown(app) and "demo, " in shown(app)
    app = fine(opened(lesson="mine", step="99"))
    assert place(app)["step"] == "3"


def test_a_lessons_words_are_no_markup():
    app = fine(opened(lesson="mine"))
    assert "&lt;img src=x onerror=alert(1)&gt;" in html(app) and "<img" not in html(app) and "<b>x" not in html(app)
    buttons = [one.label for one in app.button if (one.key or "").startswith(("guide-step", "lesson-menu-mine"))]
    assert len(buttons) == 4 and not [left for left in MARKUP for label in buttons if left in label]


def test_a_room_follows_the_steps_and_no_follower_reads_the_notes(rooms, desk):  # noqa: F811
    teacher = AppTest.from_file(APP, default_timeout=60)
    teacher.session_state["seat"] = desk
    teacher.query_params.update({"lesson": "mine", "step": "1", "present": "1"})
    fine(teacher.run())
    pupil = fine(opened(join=desk.word))
    assert pupil.session_state["choice"].stop == 1 and "class='told'" in html(pupil) and "SECRET" not in str(pupil)
    window = AppTest.from_file(APP, default_timeout=60)
    window.session_state["seat"] = desk
    window.switch_page("pages/Notes.py")
    fine(window.run())
    assert "SECRET" in html(window) and "step 1 of 3" in shown(window) and "<b>Next</b> Two" in html(window)
    fine(window.button(key="notes-next").click().run())
    fine(teacher.run())
    assert teacher.session_state["page"] == "Dropout" and rooms.at(desk).place.page == "Dropout"
    fine(pupil.run())
    assert pupil.session_state["page"] == "Dropout" and "Words for the lab." in html(pupil) and pupil.session_state["following"]
    fine(window.run())
    assert "<b>Look</b> here" in html(window)
