"""What appending tokens costs: one pass a token where passes are long, and no more than a minute for one link or press."""

import pytest

from gptviz import catalogue, sampling, tokenizer, trace
from gptviz.ui import appending, cache
from test_page import fine, opened, shown

TEXT = "She opened the door"
ASKED = {"stage": "append", "text": TEXT}


@pytest.fixture(autouse=True)
def nothing_known():
    cache._kept.clear()


@pytest.fixture
def drawn(monkeypatch):
    """How many tokens each picture of the page had."""
    seen = []
    real = appending.go_on

    def noted(written, choice, ids, trace):
        seen.append((written.done, ids))
        real(written, choice, ids, trace)

    monkeypatch.setattr(appending, "go_on", noted)
    return seen


@pytest.fixture
def passes(monkeypatch):
    """One for every pass."""
    seen = []
    real = trace.run
    monkeypatch.setattr(trace, "run", lambda *args, **options: seen.append(1) or real(*args, **options))
    return seen


def generated(count: int, text: str = TEXT, **options) -> tuple[int, ...]:
    ids = tokenizer.encode(text)
    return (*ids, *sampling.generate(catalogue.load("mini"), ids, count, **options))


@pytest.mark.parametrize(
    "params", [{}, {"dropout": 0.2, "seed": 3}, {"text": "word " * 260}], ids=["plain", "dropout", "cropped"]
)
def test_where_a_pass_is_long_it_is_the_one_of_the_picture(drawn, passes, monkeypatch, params):
    monkeypatch.setattr(appending, "SHORT", 0)
    fine(opened(**ASKED | params, more=3))
    assert [done for done, _ in drawn] == [0, 1, 2, 3]
    assert len(passes) == 4 + ("dropout" in params), "one without dropout says which block to show"
    options = {name: params[name] for name in ("dropout", "seed") if name in params}
    assert drawn[-1][1] == generated(3, params.get("text", TEXT), **options)


def test_two_sentences_go_on_together(drawn, monkeypatch):
    monkeypatch.setattr(appending, "SHORT", 0)
    fine(opened(**ASKED, second="Hi", item=1, more=2))
    assert [done for done, _ in drawn] == [1, 2] and drawn[-1][1] == generated(2, "Hi")


def test_it_stops_after_a_while_says_so_and_goes_on_when_told(drawn, monkeypatch):
    monkeypatch.setattr(appending, "SPELL", 0.0)
    app = fine(opened(**ASKED, more=5))
    assert [done for done, _ in drawn] == [0]
    assert "mini has written 0 of 5 tokens. It was at it for a minute." in shown(app) and app.session_state["choice"].more == 5
    assert app.button(key="append").disabled and app.button(key="take-back").disabled
    monkeypatch.setattr(appending, "SPELL", 60.0)
    app = fine(app.button(key="go-on").click().run())
    assert drawn[-1] == (5, generated(5)) and not app.button(key="take-back").disabled


def test_it_can_be_kept_as_it_is(drawn, monkeypatch):
    fine(opened(**ASKED, more=2))
    monkeypatch.setattr(appending, "SPELL", 0.0)
    app = fine(opened(**ASKED, more=200))
    assert drawn[-1][0] == 2
    app = fine(app.button(key="stop-writing").click().run())
    assert app.session_state["choice"].more == 2 and "has written" not in shown(app)
    assert app.query_params["more"] in ("2", ["2"])
