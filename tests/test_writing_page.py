"""Appended tokens arrive one by one: how far it is, a way to stop, and the same end as all at once."""

import pytest

from gptviz import tokenizer, trace
from gptviz.ui import appending, cache, walk
from test_page import fine, html, opened


@pytest.fixture
def slowly(monkeypatch):
    """One new token between two pictures."""
    cache._kept.clear()
    monkeypatch.setattr(appending, "SLICE", 0.0)


def told(app) -> str:
    """What the page says of the tokens still to come."""
    return "\n".join(one.proto.text for one in app.get("progress"))


def test_all_of_them_come_in_the_end_and_are_the_argmax_of_whole_passes(slowly):
    app = fine(opened(text="Every effort moves you", more=5, stage="append"))
    ids = tokenizer.encode("Every effort moves you")
    for _ in range(5):
        ids.append(int(trace.run(cache.model("mini"), ids)["logits"][0, -1].argmax()))
    assert all(f"{tokenizer.printable(token)}" in html(app) for token in ids)
    assert "stop-writing" not in {button.key for button in app.button} and app.query_params["more"] == "5"


def test_what_is_there_so_far_is_shown_and_can_be_enough(slowly, monkeypatch):
    monkeypatch.setattr(walk.st, "rerun", lambda: None)  # the page as it stands between two slices
    app = fine(opened(text="Every effort moves you", second="Every day", more=9, stage="token-ids", token=10))
    assert "mini has written 1 of 9 tokens." in told(app) and app.query_params["more"] == "9"
    app = fine(app.run())
    assert "mini has written 2 of 9 tokens." in told(app) and not app.warning, "token 10 may still come"
    app = fine(app.button(key="stop-writing").click().run())
    assert app.session_state["choice"].more == 2 and "stop-writing" not in {button.key for button in app.button}
    assert app.query_params["more"] == "2"
