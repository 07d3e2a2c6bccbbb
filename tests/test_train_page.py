"""Train it yourself, without a browser: every text, every state of a run, and two readers at once."""

import tempfile
import time
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from gptviz import catalogue
from gptviz.training import jobs, kept
from gptviz.training.jobs import LINE, Job
from gptviz.training.texts import TEXTS
from gptviz.training.worker import Order
from gptviz.ui import navigation, train
from test_page import APP, fine, html, shown

RHYME = "The cat sat on the mat. The dog lay on the rug. The hen is in the pen, and the pig is in the wig. "


def opened(**params: object) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params.update({name: str(value) for name, value in params.items()})
    return fine(app.switch_page("pages/Train.py").run())


def pressed(app: AppTest, key: str) -> AppTest:
    return fine(app.button(key=key).click().run())


def keys(app: AppTest) -> set[str]:
    return {button.key for button in app.button}


def until(app: AppTest, condition, seconds: float = 30) -> AppTest:
    """Look again until the page shows it."""
    end = time.monotonic() + seconds
    while not condition(app):
        assert time.monotonic() < end, shown(app)
        time.sleep(0.2)
        app = fine(app.run())
    return app


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Runs of a few steps of the smallest model; whatever still goes on after a test is stopped."""
    joined: list[Job] = []
    join = LINE.join

    def short(order: Order, there) -> Job:
        job = join(Order(order.ids, "smaller", order.seconds, 0, order.seed, dropout=order.dropout), there)
        joined.append(job)
        return job

    monkeypatch.setattr(LINE, "join", short)
    monkeypatch.setattr(jobs, "PRIORITY", 0)  # busy cores do not make them late
    yield
    for job in joined:
        job.forget()


def test_a_good_start_without_a_click():
    app = opened()
    assert not app.button(key="start").disabled and not app.warning and not app.error
    assert "Once upon a time there were four little Rabbits" in html(app) and "Beatrix Potter" in html(app)
    assert "16,064 tokens: 14,458 to learn from, 1,606 held out" in html(app) and "3,320,640 numbers" in html(app)
    assert "this text costs 6.08 nats" in html(app)


@pytest.mark.parametrize("pick", TEXTS)
def test_every_text_that_ships_can_be_trained_on(pick):
    app = opened(pick=pick, size="larger", seconds=60)
    assert TEXTS[pick].title in html(app) and not app.button(key="start").disabled
    assert app.query_params["size"] == "larger" and app.query_params["seconds"] == "60"
    assert app.query_params.get("pick", "potter") == pick


def test_nonsense_in_the_address_is_said_and_put_right():
    app = opened(pick="bible", size="huge", seconds=600)
    assert len(app.warning) == 3 and "is not a number from 10 to 60" in "".join(one.value for one in app.warning)
    assert not app.button(key="start").disabled


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Paste or type a text first"),
        ("  \n ", "Paste or type a text first"),
        ("Every effort moves you", "has 4 tokens; a run needs at least 300. 296 more are needed"),
        ("x" * 1_000_000, "has 1,000,000 characters; up to 200,000 fit"),
        (RHYME * 20, ""),
        ("word " * 400, ""),
        ("🦜" * 200, ""),
        ("\x00\x1b\x7f" * 200, ""),
        ("<script>alert(1)</script>" * 60, ""),
        ("<|endoftext|>" + RHYME * 20, ""),
    ],
    ids=["empty", "blank", "short", "1 MB", "rhyme", "one word", "emoji", "controls", "html", "end of text"],
)
def test_odd_texts(text, says):
    app = opened(pick="own")
    app = fine(app.text_area(key="typed-own").set_value(text).run())
    assert app.text_area(key="typed-own").value == text
    problem = "".join(part for part in html(app).split("<p class='message'>")[1:])
    assert says in problem if says else not problem
    assert app.button(key="start").disabled == bool(says) and "<script>" not in html(app)


def test_a_text_of_ones_own_survives_a_look_at_another():
    app = opened(pick="own")
    app = fine(app.text_area(key="typed-own").set_value("my very own words").run())
    app = fine(app.selectbox(key="control-pick").set_value("walrus").run())
    assert [box.key for box in app.text_area] == ["typed-text"] and "The sun was shining on the sea" in html(app)
    app = fine(app.selectbox(key="control-pick").set_value("own").run())
    assert app.text_area(key="typed-own").value == "my very own words"


def test_a_run_from_start_to_stop():
    app = opened(pick="own", seconds=60)
    app = fine(app.text_area(key="typed-own").set_value("<b>" + RHYME * 20).run())
    app = pressed(app, "start")
    assert keys(app) & {"stop"} and "start" not in keys(app) and ("STARTING" in html(app) or "WAITING" in html(app))
    app = until(app, lambda app: "TRAINING" in html(app) and "What it writes" in html(app))
    assert "What it writes" in html(app) and "untrained" in html(app) and "&lt;b&gt;" in html(app) and "<b>The" not in html(app)
    app = until(app, lambda app: "still above" in html(app) or "below the" in html(app))
    app = until(pressed(app, "pause"), lambda app: "PAUSED" in html(app))
    assert "go-on" in keys(app) and "pause" not in keys(app)
    stood = app.session_state["job"].seen().step
    time.sleep(0.6)
    assert app.session_state["job"].seen().step == stood
    app = until(pressed(app, "go-on"), lambda app: "TRAINING" in html(app))
    app = until(pressed(app, "stop"), lambda app: "again" in keys(app))
    assert "TRAINED HERE" in html(app) and "read the text" in html(app) and "are copied from the text" in html(app)
    folder = app.session_state["job"].folder
    assert folder.is_dir()
    app = pressed(app, "again")
    assert "start" in keys(app) and app.text_area(key="typed-own").value.startswith("<b>The cat") and not folder.exists()


def test_two_readers_take_turns_and_see_nothing_of_each_other():
    one, two = opened(pick="potter", seconds=60), opened(pick="walrus", seconds=10)
    one = pressed(one, "start")
    two = pressed(two, "start")
    assert "One reader is training; you are next." in html(two) and "WAITING" in html(two) and "leave-line" in keys(two)
    one = until(one, lambda app: "What it writes" in html(app))
    two = fine(two.run())
    assert "What it writes" not in html(two) and "Once upon a time" not in html(two)
    three = pressed(opened(pick="holmes"), "start")
    assert "2 are before you" in html(three)
    three = pressed(three, "leave-line")
    assert "start" in keys(three)
    one = pressed(one, "stop")
    two = until(two, lambda app: "What it writes" in html(app))
    assert "The sun was shining" in html(two) and "Once upon a time" not in html(two)
    one = fine(one.run())
    assert "Once upon a time" in html(one) and "The sun was shining" not in html(one)
    assert one.session_state["job"] is not two.session_state["job"]


def test_a_press_that_comes_twice_counts_once(monkeypatch):
    begin, put_away = train.start, train.put_away
    monkeypatch.setattr(train, "start", lambda *arguments: (begin(*arguments), begin(*arguments)))
    monkeypatch.setattr(train, "put_away", lambda: (put_away(), put_away()))
    app = pressed(opened(pick="walrus"), "start")
    job = app.session_state["job"]
    assert LINE._running in (None, job) and set(LINE._waiting) <= {job}
    app = pressed(until(pressed(app, "stop"), lambda app: "again" in keys(app)), "again")
    assert "start" in keys(app) and job.forgotten


def test_a_server_without_room_says_so(monkeypatch, tmp_path):
    with monkeypatch.context() as full:
        full.setattr(kept, "_own", None)
        full.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
        app = pressed(opened(), "start")
        assert "There is no place on this server to keep a model in" in html(app) and "start" in keys(app)
    app = pressed(app, "start")
    assert "no place" not in html(app) and "stop" in keys(app)


def test_the_first_page_of_a_server_sweeps(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = tmp_path / "gptviz-runs-dead"
    (dead / "run-1").mkdir(parents=True)
    (dead / "lock").touch()
    navigation._swept.cache_clear()
    opened()
    assert not dead.exists()


def test_a_run_that_ended_with_its_visit_is_said():
    app = pressed(opened(pick="walrus", seconds=20), "start")
    assert app.query_params["run"] == "1" and not app.warning
    app = fine(app.run())
    assert "stop" in keys(app) and not app.warning
    again = opened(**app.query_params)  # reloaded, or opened after a restart
    assert [one.value for one in again.warning] == [train.GONE] and "run" not in again.query_params
    assert again.selectbox(key="control-pick").value == "walrus" and "start" in keys(again)
    assert not pressed(again, "start").warning
    app = pressed(until(pressed(app, "stop"), lambda app: "again" in keys(app)), "again")
    assert not app.warning and "run" not in app.query_params


def test_a_run_that_breaks_off_says_so():
    app = pressed(opened(), "start")
    until(app, lambda app: app.session_state["job"].pid is not None)
    app.session_state["job"]._process.kill()
    app = until(app, lambda app: app.error)
    assert "broke off" in app.error[0].value and "BROKEN OFF" in html(app) and "again" in keys(app)
    assert "start" in keys(pressed(app, "again"))


def test_the_same_text_with_and_without_dropout():
    app = pressed(opened(pick="walrus", seconds=10), "start")
    until(app, lambda app: len(app.session_state["job"].seen().held_out) > 1)
    app = until(pressed(app, "stop"), lambda app: "again" in keys(app))
    app = pressed(app, "again")
    app = fine(app.toggle(key="control-dropout").set_value(True).run())
    assert app.query_params["dropout"] == "1"
    app = pressed(app, "start")
    job = app.session_state["job"]
    assert job.order.dropout == train.RATE == 0.1
    app = until(app, lambda app: "dropout 0.1" in html(app))
    found = train.earlier(job.order, app.session_state["before"])
    assert found.name == "earlier, no dropout" and len(found.losses) > 1
    assert train.earlier(replace(job.order, dropout=0.0), app.session_state["before"]) is None
    assert train.earlier(replace(job.order, size="larger"), app.session_state["before"]) is None


def test_the_trained_model_goes_into_the_walk_for_its_reader_alone():
    app = pressed(opened(pick="walrus", seconds=10), "start")
    until(app, lambda app: app.session_state["job"].seen().step > 2)
    app = until(pressed(app, "stop"), lambda app: "walk" in keys(app))
    app = pressed(app, "walk")
    (key,) = app.session_state["own-models"]
    assert app.session_state["choice"].model == key and app.selectbox(key="model").value == key
    assert "your own" in app.selectbox(key="model").options and "TRAINED" in html(app) and "stage" not in app.query_params
    assert app.query_params["model"] == key
    other = AppTest.from_file(APP, default_timeout=60)
    other.query_params["model"] = key
    other = fine(other.run())
    assert other.session_state["choice"].model == "mini" and "reloading the page" in other.warning[0].value
    assert "your own" not in other.selectbox(key="model").options
    app = pressed(fine(app.switch_page("pages/Train.py").run()), "again")
    assert app.session_state["choice"].model == "mini" and "start" in keys(app)
    assert "your own" not in app.selectbox(key="model").options and key not in catalogue.MODELS
