"""Address and controls against a browser that is a step behind, without a browser."""

from types import SimpleNamespace

import pytest

from gptviz.ui import address, pipeline
from test_lab_choosing import open_lab
from test_page import fine, opened


def behind(app, params: dict) -> None:
    """Let the next message carry an address from before, as one does that was sent before the last answer arrived."""
    app.query_params.clear()
    app.query_params.update(params)


def test_a_press_sent_from_an_older_address_counts():
    app = fine(opened(stage="norm1", dropout=0.1))
    before = dict(app.query_params)
    fine(app.button(key="next").click().run())
    behind(app, before)
    fine(app.button(key="next").click().run())
    assert app.session_state["choice"].stage == "attention-scores"
    assert dict(app.query_params) == {"stage": "attention-scores", "dropout": "0.1"}
    behind(app, before)
    fine(app.slider(key="rate").set_value(0.3).run())
    assert dict(app.query_params) == {"stage": "attention-scores", "dropout": "0.3"}


def test_there_and_back_again_is_written_though_the_browser_is_there_already(monkeypatch):
    app = fine(opened(stage="norm1"))
    before = dict(app.query_params)
    fine(app.button(key="next").click().run())
    behind(app, before)  # it never saw the step, which is still on its way to it
    sent = []
    write = type(address.st.query_params).from_dict
    monkeypatch.setattr(
        type(address.st.query_params), "from_dict", lambda self, params: (sent.append(params), write(self, params))
    )
    fine(app.button(key="back").click().run())
    assert app.session_state["choice"].stage == "norm1" and sent == [before]


def test_back_and_a_link_are_read(monkeypatch):
    app = fine(opened(stage="norm1"))
    before = dict(app.query_params)
    fine(app.button(key="next").click().run())
    with monkeypatch.context() as patch:
        patch.setattr(address, "get_script_run_ctx", lambda: SimpleNamespace(is_history_navigation=True))
        behind(app, before)
        fine(app.run())
        assert app.session_state["choice"].stage == "norm1"
    behind(app, {"stage": "gelu", "block": "3"})
    fine(app.run())
    assert (app.session_state["choice"].stage, app.session_state["choice"].block) == ("gelu", 3)


def test_what_a_control_showed_before_it_was_set_is_no_choice():
    app = fine(opened(stage="attention-weights", cell="blocks.0.att.weights@0,0,3,1", drawer="recompute"))
    before = dict(app.query_params)
    fine(app.button(key="next").click().run())
    assert app.session_state["choice"].drawer == ""
    behind(app, before)
    app.segmented_control(key="drawer").set_value("recompute")  # as the browser had it when the second press was made
    fine(app.button(key="next").click().run())
    assert (app.session_state["choice"].stage, app.session_state["choice"].drawer) == ("context-vectors", "")
    fine(app.segmented_control(key="drawer").set_value("recompute").run())  # now it has seen the words, and means it
    assert app.session_state["choice"].drawer == "recompute"


def test_a_lab_keeps_the_last_move_of_a_slider():
    app = open_lab("Sampling", view="temperature")
    before = dict(app.query_params)
    for value in (2.5, 3.0, 2.0):
        behind(app, before)
        fine(app.slider(key="control-t").set_value(value).run())
        assert app.query_params.get("t", "2.0") == str(value) and app.slider(key="control-t").value == value


def test_a_lab_goes_back_to_where_nothing_was_moved(monkeypatch):
    app = open_lab("Sampling", view="temperature")
    before = dict(app.query_params)
    fine(app.slider(key="control-t").set_value(3.0).run())
    monkeypatch.setattr(address, "get_script_run_ctx", lambda: SimpleNamespace(is_history_navigation=True))
    behind(app, before)
    fine(app.run())
    assert app.slider(key="control-t").value == 2.0 and dict(app.query_params) == before


def test_an_address_is_known_before_it_is_sent(monkeypatch):
    """A run can be broken off at any call that sends something; what went out must never look like the reader's own."""

    class Broken(dict):
        def from_dict(self, params):
            raise KeyboardInterrupt

    kept = {}
    monkeypatch.setattr(address.st, "session_state", kept)
    monkeypatch.setattr(address.st, "query_params", Broken(stage="norm1"))
    monkeypatch.setattr(address, "get_script_run_ctx", lambda: SimpleNamespace(is_history_navigation=False))
    assert address.news() == address.FIRST and address.news() == ""
    with pytest.raises(KeyboardInterrupt):
        address.write({"stage": "gelu"})
    monkeypatch.setattr(address.st, "query_params", {"stage": "gelu"})
    assert address.news() == ""
    monkeypatch.setattr(address.st, "query_params", {"stage": "append"})
    assert address.news() == address.LINK
    for n in range(3 * address.KEPT):
        monkeypatch.setattr(address.st, "query_params", {"seed": str(n)})
        assert address.news() == address.LINK
    assert len(kept["told"]) == address.KEPT


@pytest.mark.parametrize(
    ("message", "meant"),
    [
        ({"number": 3, "stage": "gelu"}, (3, {"stage": "gelu"})),
        ({"number": 3, "block": 6, "stage": None}, (3, {"block": 6})),
        ({"number": 3, "stage": "nowhere", "block": 7}, (3, {})),
        ({"number": True, "stage": "gelu"}, (None, {})),
        ({"number": 1, "block": True}, (1, {})),
        ({"stage": ["gelu"]}, (None, {})),
        ("gelu", (None, {})),
        (None, (None, {})),
    ],
)
def test_what_the_map_asks_for(message, meant):
    assert pipeline.translate(message, 6) == meant
