"""Rooms on pages without a browser: followers, forged presses, and what no follower's page contains."""

import pytest
from streamlit.testing.v1 import AppTest

from gptviz.classroom import Away, Place, Rooms
from gptviz.classroom.processes import GONE
from gptviz.classroom.store import Memory
from gptviz.labs.index import LABS
from gptviz.stages import BY_KEY, STAGES
from gptviz.ui import lesson, notes, seats
from test_page import APP, fine, html, opened, shown


@pytest.fixture
def rooms(monkeypatch):
    """The rooms of this server, empty."""
    made = Rooms()
    for module in (lesson, notes, seats):
        monkeypatch.setattr(module, "ROOMS", made)
    return made


@pytest.fixture
def desk(rooms):
    return rooms.open(
        Place("", (("stage", "softmax"), ("text", "Hi there"), ("block", "2"), ("head", "3"), ("dropout", "0.2")))
    )


def test_every_stage_and_experiment_has_its_notes():
    experiments = [one for lab in LABS.values() for one in lab.experiments]
    for one in (*STAGES, *experiments):
        lines = (one.notes.say, one.notes.ask, one.notes.trap)
        assert all(20 < len(line) < 200 for line in lines) and one.notes.ask.endswith("?"), one.key
        assert not any(line in one.prose for line in lines)


def test_a_page_follows_lets_go_and_comes_back(rooms, desk):
    app = fine(opened(join=desk.word.upper()))
    choice = app.session_state["choice"]
    assert (choice.stage, choice.text, choice.block, choice.head, choice.dropout, choice.present) == (
        "softmax",
        "Hi there",
        2,
        3,
        0.2,
        False,
    )
    assert "follows the lesson" in html(app) and desk.word in app.query_params["join"]
    rooms.move(desk, Place("", (("stage", "gelu"),)))
    assert fine(app.run()).session_state["choice"].stage == "gelu"
    fine(app.button(key="next").click().run())  # a step of one's own lets go
    assert "look around" in html(app) and app.session_state["choice"].stage == "contract"
    rooms.move(desk, Place("", (("stage", "append"),)))
    assert fine(app.run()).session_state["choice"].stage == "contract"
    fine(app.button(key="return").click().run())
    assert app.session_state["choice"].stage == "append" and rooms.at(desk).place.params == (("stage", "append"),)
    rooms.move(desk, Place("Dropout", (("view", "counts"), ("p", "0.3"))))
    fine(app.run())
    assert app.session_state["lab-Dropout"] == {"view": "counts", "p": "0.3"}
    rooms.close(desk)
    assert "The lesson is over" in shown(fine(app.run())) and not app.session_state["following"]


class Distant(Memory):
    """Rooms that can be out of reach."""

    away = False

    def looking(self):
        return self._here(super().looking())

    def changing(self):
        return self._here(super().changing())

    def _here(self, rooms):
        if self.away:
            raise Away(GONE)
        return rooms


def test_a_server_with_an_address_that_is_no_redis_does_not_start():
    with pytest.raises(SystemExit, match="GPTVIZ_REDIS"):
        seats.opened({"GPTVIZ_REDIS": "localhost"})
    assert isinstance(seats.opened({"GPTVIZ_REDIS": " "}).store, Memory)


def test_rooms_out_of_reach_are_told_and_the_walk_goes_on(rooms):
    rooms.store = Distant()
    led = fine(opened(stage="softmax", present=1))
    fine(led.button(key="open-room").click().run())
    desk = led.session_state["seat"]
    pupil = fine(opened(join=desk.word))
    rooms.store.away = True
    fine(led.button(key="next").click().run())
    assert led.session_state["choice"].stage == "append"
    for app in (led, fine(pupil.run())):
        assert "cannot be reached" in app.warning[0].value and not app.session_state["lesson-note"]
        assert {"close-room", "leave-room", "return"}.isdisjoint(button.key for button in app.button)
    late = fine(opened(join=desk.word))
    assert "Try again" in late.warning[0].value
    rooms.store.away = False
    fine(led.run())
    assert rooms.at(desk).place.params == (("stage", "append"),) and not led.warning
    fine(pupil.run())
    assert not pupil.warning and pupil.session_state["following"] and pupil.session_state["choice"].stage == "append"


def test_a_word_too_many_and_a_wrong_one_are_told(rooms, desk):
    for n in range(2):
        app = fine(opened(join=f"wrong{n}"))
    assert "no such room" in app.warning[0].value and "seat" not in app.session_state


def test_a_follower_can_steer_nothing(rooms, desk):
    app = fine(opened(join=desk.word))
    before = rooms.at(desk).placed
    keys = {button.key for button in app.button}
    assert not keys & {"close-room", "room-next", "reveal-counts", "ask-softmax", "notes-next"}
    app.session_state["lesson-next"] = True
    fine(app.run())
    app.switch_page("pages/Notes.py")
    fine(app.run())
    assert rooms.at(desk).placed == before and rooms.vote(desk) is None and "one who leads" in app.info[0].value


@pytest.mark.parametrize("key", ["text", "causal-mask", "gelu", "append"])
def test_notes_are_in_no_page_of_a_follower(rooms, desk, key):
    rooms.move(desk, Place("", (("stage", key),)))
    said = BY_KEY[key].notes
    for drawer in ("", "about"):
        app = fine(opened(join=desk.word, drawer=drawer))
        assert not [line for line in (said.say, said.ask, said.trap) if line in str(app)]


@pytest.mark.parametrize("present", ["0", "1"])
def test_notes_of_an_experiment_are_not_on_its_page(present):
    said = LABS["Sampling"].experiments[0].notes
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["present"] = present
    app.switch_page("pages/Sampling.py")
    fine(app.run())
    assert app.session_state["choice"].present == (present == "1")
    assert not [line for line in (said.say, said.ask, said.trap) if line in str(app)]


def test_the_notes_follow_and_hold_the_answer(rooms, desk):
    app = AppTest.from_file(APP, default_timeout=60)
    app.session_state["seat"] = desk
    app.switch_page("pages/Notes.py")
    fine(app.run())
    said = BY_KEY["softmax"].notes
    assert said.trap.split(":")[0] in html(app) and BY_KEY["append"].title in html(app) and "<b>Answer</b>" in html(app)
    fine(app.button(key="notes-next").click().run())
    assert rooms.ordered(desk) == 1


def test_a_question_is_asked_voted_on_and_revealed(rooms, desk):
    pupil = fine(opened(join=desk.word))
    rooms.ask(desk, "/softmax", "Which one?", ("left", "right"), answer=1, why="It is so.")
    fine(pupil.run())
    assert "Which one?" in html(pupil) and not pupil.get("plotly_chart")
    fine(pupil.button(key="ballot-0").click().run())
    assert (
        rooms.peeked(desk) == {0: 1}
        and "Your vote" in html(pupil)
        and "class='tally'" not in html(pupil)
        and "It is so" not in str(pupil)
    )
    rooms.reveal(desk, "counts")
    assert "1 (100%)" in html(fine(pupil.run())) and "It is so" not in str(pupil)
    rooms.reveal(desk, "answer")
    assert "It is so" in html(fine(pupil.run()))
