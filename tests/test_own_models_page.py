"""A model that one reader has trained: for the others there is none, whatever they ask for and wherever."""

import gc
import weakref

import pytest
from streamlit.testing.v1 import AppTest

from gptviz import __main__ as command
from gptviz import catalogue, weights
from gptviz.ui import cache, state, train
from gptviz.ui.links import LABS
from sample_models import EFFORT, tiny
from test_page import APP, fine, html, shown

SECRET = "learned from parrots"


@pytest.fixture
def lent(tmp_path):
    """The key of a model that another reader has trained."""
    weights.save(tiny(), tmp_path)
    key = catalogue.lend(tmp_path, SECRET, SECRET)
    yield key
    train._let_go(key)


def everything(app: AppTest) -> str:
    """All that was sent to the page."""
    return "\n".join(str(getattr(element, "proto", "")) for element in app._tree)


def asked(page: str, key: str, names: tuple[str, ...]) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    for name in names:
        app.query_params[name] = key
    return fine(app.switch_page(f"pages/{page}.py").run() if page else app.run())


def parameters(page: str) -> tuple[str, ...]:
    """Every parameter that this page reads."""
    if not page:
        return tuple(state.PARSERS)
    fixed = [part.controls for part in LABS[page].experiments if not callable(part.controls)]
    return (
        *state.SHARED,
        "view",
        "beside",
        *sorted({one.name for controls in (LABS[page].controls, *fixed) for one in controls}),
    )


@pytest.mark.parametrize("page", ["", *LABS])
def test_for_anybody_else_there_is_no_such_model(page, lent, monkeypatch):
    loaded = []
    load = catalogue.load
    monkeypatch.setattr(catalogue, "load", lambda key: loaded.append(key) or load(key))
    app = asked(page, lent, parameters(page))
    assert lent not in loaded and app.session_state["choice"].model == "mini"
    assert SECRET not in everything(app) and "own-" not in "".join(app.selectbox(key="model").options)
    assert "one reader's visit" in "".join(one.value for one in app.warning)
    near = asked(page, lent[:-1], ("model",))
    assert lent not in everything(near) and SECRET not in everything(near)
    train._let_go(lent)
    assert shown(asked(page, lent, parameters(page))) == shown(app)  # there is no way to tell whether there is one


def test_no_list_and_no_message_names_it(lent, capsys):
    assert command.main(["models"]) == 0
    assert "own-" not in capsys.readouterr().out
    for near in (lent[:-1], lent + "x", "own-"):
        with pytest.raises(KeyError) as raised:
            catalogue.load(near)
        assert lent not in str(raised.value).replace(repr(near), "")
        with pytest.raises(ValueError) as raised:
            state.PARSERS["beside"](near)
        assert lent not in str(raised.value) and SECRET not in str(raised.value)
    assert lent in catalogue.MODELS and lent not in catalogue.listed()


def test_when_its_reader_leaves_it_leaves_the_memory_too(lent):
    model = weakref.ref(cache.model(lent))
    cache.traced(lent, (tuple(EFFORT),), 0.0, 0, 0)
    cache.once(("anything", lent), lambda: 1)
    gc.unfreeze()  # what was frozen when it was loaded is looked at again
    train._let_go(lent)
    gc.collect()
    assert model() is None and lent not in catalogue.MODELS
    assert not [kept for kept in cache._kept.kept if lent in kept]


CHOSEN = """
import streamlit as st
from gptviz.ui import state

st.text(state.current().model)
st.text(state.notes())
"""


def test_its_reader_is_told_when_it_is_gone(lent):
    app = AppTest.from_string(CHOSEN)
    app.session_state["own-models"] = (lent,)
    app.query_params.update(model=lent, stage="softmax")
    assert [one.value for one in fine(app.run()).text] == [lent, "[]"]
    train._let_go(lent)
    model, notes = (one.value for one in fine(app.run()).text)
    assert model == "mini" and "trained is not here any more" in notes and app.session_state["choice"].stage == "softmax"


def test_to_present_it_begins_no_other_visit(lent):
    app = AppTest.from_file(APP, default_timeout=60)
    app.session_state["own-models"] = (lent,)
    app.query_params.update(beside=lent, stage="softmax")
    app = fine(app.run())
    assert SECRET in html(app)
    app = fine(app.toggle(key="present").set_value(True).run())
    assert app.session_state["choice"].present and SECRET in html(app)
