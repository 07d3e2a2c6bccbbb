"""What a browser sends: forged messages to the elements of the page change nothing, and the log does not grow with them."""

import json
import logging

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.testing.v1 import AppTest

from gptviz.points import Address
from gptviz.ui import incoming, state
from gptviz.ui.state import Choice
from hostile import TEXT
from test_page import fine, opened

WRONG = (
    None,
    True,
    0,
    -1,
    1 << 70,
    10**400,
    0.5,
    float("inf"),
    float("nan"),
    "",
    TEXT,
    "x" * 100_000,
    [],
    ["gelu"],
    {},
    {"stage": "nowhere"},
)
PLACES = (
    {"kind": "cell", "point": "tok_emb", "index": [0, 99_999_999, 3]},
    {"kind": "cell", "point": "tok_emb", "index": [0, 1, 3]},  # a number of the model, but not on this picture
    {"kind": "cell", "point": "blocks.0.att.weights", "index": [0, 0, 1, 9]},
    {"kind": "cell", "point": "blocks.0.att.weights", "index": [0, 0, 1, 1] * 1000},
    {"kind": "cell", "point": "blocks.0.att.weights@0,0,1,1", "index": [0, 0, 1, 1]},
    {"kind": "cell", "point": "x" * 1000, "index": [0, 0, 1, 1]},
    {"kind": "row", "row": (1 << 31) - 1, "axis": "query: reads"},
    {"kind": "row", "row": 1, "axis": "after"},
    {"kind": "pick", "field": "head", "value": (1 << 31) - 1},
    {"kind": "pick", "field": "block", "value": 1},
    {"kind": "pick", "field": "__class__", "value": 1},
    {"number": 1, "stage": "nowhere"},
    {"number": 1, "stage": ["gelu"], "block": True},
    {"number": 1, "block": 99},
    {"number": 1, "block": 2.0},
    {"stage": "gelu", "block": 2},
    {"number": 1},
    [[[]]] * 1000,
)


@pytest.fixture(autouse=True)
def every_line(monkeypatch):
    """Every complaint is written, however often it came."""
    monkeypatch.setattr(incoming, "EVERY", 0.0)


def send(app: AppTest, element: str, said: object, field: str = "json_trigger_value") -> AppTest:
    """Run the page as if the element had sent this."""
    states = WidgetStates()
    state = states.widgets.add()
    state.id = app._session_state._state._key_id_mapper.get_id_from_key(element)
    if field == "json_trigger_value":
        state.id = f"$$STREAMLIT_INTERNAL_KEY_{state.id}__events"
    setattr(state, field, json.dumps(said) if field.startswith("json") else said)
    return fine(app._run(states))


def event(name: str, value: object) -> list[dict[str, object]]:
    return [{"event": name, "value": value}]


@pytest.mark.parametrize(("element", "name"), [("pipeline", "go"), ("picture", "event"), ("overview", "event")])
def test_a_forged_message_changes_nothing_and_is_one_line_in_the_log(element, name, caplog):
    app = opened(stage="attention-weights")
    before = app.session_state["choice"]
    for said in (*WRONG, *PLACES):
        caplog.clear()
        app = send(app, element, event(name, said))
        assert app.session_state["choice"] == before, said
        assert len([record for record in caplog.records if record.name == incoming.__name__]) == 1, said
        assert all(len(record.getMessage()) < 200 for record in caplog.records)
    for said in (*WRONG, *WRONG[-6:], [5], [{"event": ["stage"]}], [{"event": "nothing", "value": 1}], {"event": name}):
        app = send(app, element, said)
        app = send(app, element, said, "json_value")
        assert app.session_state["choice"] == before, said


def test_what_the_page_offers_is_taken():
    app = opened(stage="attention-weights", block=1, head=1)
    app = send(app, "picture", event("event", {"kind": "cell", "point": "blocks.0.att.weights", "index": [0, 0, 2, 1]}))
    assert app.session_state["choice"].cell == "blocks.0.att.weights@0,0,2,1"
    app = send(app, "overview", event("event", {"kind": "pick", "field": "head", "value": 4}))
    assert app.session_state["choice"].head == 5
    app = send(app, "pipeline", event("go", {"number": 7, "stage": "gelu", "block": 3}))
    assert (app.session_state["choice"].block, app.session_state["choice"].stage) == (3, "gelu")


def test_the_slider_in_a_picture_takes_its_own_values_only(caplog):
    app = AppTest.from_file(str(incoming.HOME / "app.py"), default_timeout=60)
    app = fine(app.switch_page("pages/Dropout.py").run())
    for said in (*WRONG, *PLACES, 5, -0.1, 1e308):
        if said != 0.5 and said != 0 and said is not False:
            app = send(app, "lab-picture-drag-0", event("event", said))
            assert "p" not in app.query_params, said
    assert caplog.text.count("a slider in a picture") > 20
    app = send(app, "lab-picture-drag-0", event("event", 0.3))
    assert app.query_params["p"] == "0.3"


def test_the_chart_of_a_run_listens_to_nothing():
    def page():
        from gptviz.ui import train

        train._chart(key="losses", data="<svg></svg>")

    app = fine(AppTest.from_function(page).run())
    for said in (*WRONG, *PLACES, event("click", 1)):
        app = send(send(app, "losses", said), "losses", said, "json_value")


def test_a_map_that_is_not_on_the_page_is_not_asked(caplog):
    app = opened(stage="gelu")
    element = app._session_state._state._key_id_mapper.get_id_from_key("pipeline")
    app = fine(app.switch_page("pages/Size.py").run())
    states = WidgetStates()
    states.widgets.add(
        id=f"$$STREAMLIT_INTERNAL_KEY_{element}__events",
        json_trigger_value=json.dumps(event("go", {"number": 1, "stage": "norm1"})),
    )
    app._session_state._state._key_id_mapper.clear()
    app = fine(app._run(states))
    assert app.session_state["choice"].stage == "gelu"


def test_a_visit_that_was_cleared_begins_again():
    app = opened(stage="gelu", block=2)
    states = WidgetStates()
    for element, said in (("pipeline", event("go", {"number": 1, "stage": "norm1"})), ("drawer", None)):
        known = app._session_state._state._key_id_mapper.get_id_from_key(element)
        if said:
            states.widgets.add(id=f"$$STREAMLIT_INTERNAL_KEY_{known}__events", json_trigger_value=json.dumps(said))
        else:
            states.widgets.add(id=known).string_array_value.data.append("About")
    app._session_state._state.clear()  # as by "clear cache", which any browser can ask for
    app = fine(app._run(states))
    assert app.session_state["choice"] == Choice(stage="gelu", block=2)


@pytest.mark.parametrize(
    ("element", "field", "said"),
    [
        ("block", "int_value", -1),
        ("block", "string_value", "Block 99 of 6"),
        ("token", "int_value", -(10**15)),
        ("drawer", "string_array_value", ["nowhere"]),
        ("seed", "double_value", 1e15),
        ("seed", "double_value", -1.0),
        ("rate", "double_array_value", [7.0]),
        ("rate", "double_array_value", [float("nan")]),
        ("typed-text", "int_value", 5),
        ("model", "string_value", "no such model"),
        ("beside", "string_value", "no such model"),
        ("example", "string_value", "no such example"),
    ],
)
def test_a_forged_value_of_a_widget_is_never_chosen(element, field, said):
    app = opened(stage="attention-weights", dropout=0.2)
    before = app.session_state["choice"]
    states = WidgetStates()
    sent = states.widgets.add(id=app._session_state._state._key_id_mapper.get_id_from_key(element))
    if isinstance(said, list):
        getattr(sent, field).data.extend(said)
    else:
        setattr(sent, field, said)
    app._run(states)
    if field != "int_value":  # of a type the widget never sends, Streamlit itself stumbles where it draws it again
        assert not app.exception
    chosen = app.session_state["choice"]
    assert chosen == before or chosen.drawer == "" or 0.01 <= chosen.dropout <= 0.9
    assert state.from_url(state.to_url(chosen)) == (chosen, [])


def test_no_choice_that_a_link_could_not_hold():
    app = opened()
    for changes in (
        {"block": -1},
        {"stage": "nowhere"},
        {"stage": ["gelu"]},
        {"cell": "tok_emb@"},
        {"dropout": 2},
        {"text": 5},
        {"text": ""},
    ):
        assert not all(state._holds(name, value) for name, value in changes.items()), changes
    assert all(state._holds(name, value) for name, value in vars(Choice()).items()) and app.session_state["choice"] == Choice()


# ---- the log


def record(error: Exception | None = None, line: int = 1, level: int = logging.ERROR, said: str = "Uncaught app execution"):
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("streamlit.error_util", level, "error_util.py", line, said, (), info)


def caught(raises) -> Exception:
    try:
        raises()
    except Exception as error:  # noqa: BLE001 whatever it is, it is looked at
        return error
    raise AssertionError("nothing was raised")


def deep() -> None:
    json.loads("[" * 100_000)


def test_what_the_framework_cannot_read_is_one_line():
    error = caught(deep)
    while error.__traceback__.tb_frame.f_code.co_filename == __file__:
        error.__traceback__ = error.__traceback__.tb_next
    written = record(error)
    assert incoming.Seldom().filter(written) and written.exc_info is None
    assert "RecursionError" in written.getMessage() and "\n" not in written.getMessage()


def test_our_own_exceptions_keep_their_way():
    error = caught(lambda: Address.parse("nowhere"))
    written = record(error)
    assert incoming.ours(error.__traceback__).partition(":")[0].endswith("points.py")
    assert incoming.Seldom().filter(written) and written.exc_info[1] is error


def test_the_same_complaint_is_written_once_a_minute_with_how_often_it_came(monkeypatch):
    monkeypatch.setattr(incoming, "EVERY", 60.0)
    clock = [1000.0]
    monkeypatch.setattr(incoming.time, "monotonic", lambda: clock[0])
    seldom = incoming.Seldom()
    assert [seldom.filter(record(said=f"{n}")) for n in range(50)] == [True] + [False] * 49
    assert seldom.filter(record(line=2)), "another complaint"
    assert seldom.filter(record(level=logging.INFO)) and seldom.filter(record(level=logging.INFO)), "news is no complaint"
    clock[0] += 61
    again = record()
    assert seldom.filter(again) and "49 times more" in again.getMessage() and len(seldom.seen) == 2


def test_a_line_of_the_log_is_a_short_line():
    written = record(said="a\nb\x1b[31m" + "x" * 10_000)
    assert incoming.Seldom().filter(written)
    assert "\n" not in written.getMessage() and "\x1b" not in written.getMessage() and len(written.getMessage()) < 300
