"""The offer of a model that is not here, without a browser; and that nothing is fetched before the reader says so."""

import socket

import pytest

from gptviz import catalogue, hub, transfer
from gptviz.stages import STAGES
from gptviz.ui import cache
from test_hub import REPO, REVISION, fetched, place, published, server, stored, until  # noqa: F401 the stand-in and its model
from test_page import fine, html, opened, shown

SITE = "127.0.0.1"


def press(app, key: str):
    return fine(app.button(key=key).click().run())


def keys(app) -> set[str]:
    return {button.key for button in app.button}


def test_the_chooser_lists_what_could_be_downloaded(server):  # noqa: F811
    app = fine(opened())
    assert app.selectbox(key="model").options == ["mini", "mini (untrained)", "gpt2 (untrained)", "gpt2 (download 3 MB)"]
    assert "offer-start" not in keys(app) and not server.requests


def test_choosing_it_opens_an_offer_and_changes_nothing(server):  # noqa: F811
    app = fine(opened(stage="softmax"))
    app = fine(app.selectbox(key="model").set_value("gpt2").run())
    said = shown(app)
    assert "gpt2 is not on this machine" in said and f"3 MB to download</b>, from {SITE}" in said and "memory needed" in said
    assert app.session_state["choice"].model == "mini" and app.selectbox(key="model").value == "mini"
    assert not server.requests
    app = press(app, "offer-close")
    assert "gpt2 is not on this machine" not in shown(app)


def test_from_the_offer_to_the_model(server):  # noqa: F811
    server.speed = 3_000_000
    app = fine(opened(stage="token-embedding", block=2))
    app = fine(app.selectbox(key="model").set_value("gpt2").run())
    app = press(app, "offer-start")
    assert {"offer-cancel", "offer-close"} <= keys(app) and "offer-start" not in keys(app)
    other = fine(opened(stage="softmax"))
    other = fine(other.selectbox(key="model").set_value("gpt2").run())
    assert "offer-cancel" in keys(other)
    assert transfer.download("gpt2").wait(20).state == "finished"
    app = fine(app.run())
    assert "whole and checked" in shown(app)
    assert app.session_state["choice"].model == "mini"
    app = press(app, "offer-use")
    assert app.session_state["choice"].model == "gpt2" and "TRAINED" in html(app) and not app.error
    assert not keys(app) & {"offer-use", "offer-start", "offer-close"}
    other = press(fine(other.run()), "offer-use")
    assert other.session_state["choice"].model == "gpt2"
    assert server.fetched() == [hub.CONFIG, hub.WEIGHTS]
    assert fine(opened(model="gpt2")).selectbox(key="model").options == ["mini", "mini (untrained)", "gpt2 (untrained)", "gpt2"]


def test_cancel_and_go_on(server):  # noqa: F811
    server.speed = 1_500_000
    app = fine(opened())
    app = fine(app.selectbox(key="model").set_value("gpt2").run())
    app = press(app, "offer-start")
    until(lambda: transfer.download("gpt2").progress().done > 100_000)
    app = press(app, "offer-cancel")
    assert transfer.download("gpt2").wait(10).state == "cancelled"
    app = fine(app.run())
    assert "of them are here already" in shown(app) and app.button(key="offer-start").label == "Go on with gpt2"
    server.speed = None
    app = press(app, "offer-start")
    assert transfer.download("gpt2").wait(10).state == "finished"


def test_a_failure_is_said_and_the_model_in_use_stays(server):  # noqa: F811
    server.wrong = True
    app = fine(opened(stage="softmax"))
    app = fine(app.selectbox(key="model").set_value("gpt2").run())
    app = press(app, "offer-start")
    transfer.download("gpt2").wait(10)
    app = fine(app.run())
    assert "thrown away" in app.error[0].value and app.session_state["choice"].model == "mini" and "TRAINED" in html(app)
    server.wrong = False
    app = press(app, "offer-start")
    assert transfer.download("gpt2").wait(10).state == "finished"


def test_a_link_to_a_model_that_is_not_here(server):  # noqa: F811
    app = fine(opened(model="gpt2", stage="softmax"))
    assert "not on this machine yet" in app.warning[0].value and app.session_state["choice"].model == "mini"
    assert "offer-start" in keys(app) and not server.requests


def test_a_link_to_a_model_that_another_program_has_brought(server, stored):  # noqa: F811
    fine(opened())
    place(hub.snapshot(published()), stored)
    app = fine(opened(model="gpt2"))
    assert app.session_state["choice"].model == "gpt2" and not app.warning and not server.requests


def test_a_model_that_does_not_fit_is_refused_with_both_numbers(server, monkeypatch):  # noqa: F811
    assert cache.model("mini") is not None, "what is shown meanwhile is in memory"
    monkeypatch.setattr(hub, "memory", lambda: hub.Memory(1_000_000, free=True))
    app = fine(opened(model="gpt2"))
    assert f"{hub.in_words(published().memory)} of memory needed, 1 MB free" in app.error[0].value
    assert "offer-start" not in keys(app) and "offer-close" in keys(app)


def test_nothing_is_fetched_unless_the_reader_asks(monkeypatch, tmp_path):
    """Every socket is blocked; the walk, its labs' links and even the open offer do not notice."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(catalogue, "MODELS", catalogue.discover())

    def blocked(*args, **kwargs):
        pytest.fail(f"something reached for the network: {args}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, blocked)
    for name in ("getaddrinfo", "create_connection", "gethostbyname"):
        monkeypatch.setattr(socket, name, blocked)
    app = fine(opened())
    for _ in STAGES[1:]:
        app = fine(app.button(key="next").click().run())
    for key in catalogue.offers():
        app = fine(app.selectbox(key="model").set_value(key).run())
        assert f"{key} is not on this machine" in shown(app)
    fine(opened(model="gpt2-medium"))
    assert list(catalogue.offers()) == ["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"]
