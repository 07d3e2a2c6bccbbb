"""Every page in a real browser, with text that tries to be markup in every parameter of its address: nothing comes of it."""

from urllib.parse import quote, urlencode

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from conftest import ROOT, settle
from gptviz.labs.lab import Setting
from gptviz.ui import state
from gptviz.ui.links import LABS
from hostile import FOLDER, TEXT, model_folder, watched
from sample_models import mini

MADE = """() => {
    const all = root => [...root.querySelectorAll('*')].flatMap(one => [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])])
    const bad = one => one.matches('a[href*="//evil"], img, iframe, script[src*=evil], del, [onerror], .stMarkdownColoredText, [aria-label$=" icon"]')
        && !one.closest('[data-testid=stAlertDynamicIcon], [data-testid=stIconMaterial]')
        || one.matches('.katex annotation') && one.textContent.trim() === 'x'
        || one.matches('b, strong, em') && one.textContent.trim() === 'x'
    return all(document.body).filter(bad).map(one => one.outerHTML.slice(0, 200))
}"""


def names(page: str) -> set[str]:
    """Every parameter that a lab's page reads."""
    bare = Setting(mini(), (1, 2, 3), {}, model_key="mini")
    found = [control.name for one in LABS[page].experiments for control in one.controls_for(bare)]
    return {"view", *state.SHARED, *(control.name for control in LABS[page].controls), *found}


@pytest.fixture(scope="module")
def server(serve, tmp_path_factory):
    return serve(ROOT / "app.py", GPTVIZ_MODELS=model_folder(tmp_path_factory.mktemp("models")))


@pytest.fixture
def page(server, chromium):
    """A page on which nothing happens that must not."""
    context = chromium.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    happened = watched(page, server.url)
    yield page
    assert happened == []
    context.close()


def opened(page, server, path: str = "", **params: str) -> None:
    page.goto(f"{server.url}/{path}?{urlencode(params, quote_via=quote)}", wait_until="commit")
    page.locator("h1.title").first.wait_for(timeout=60_000)
    settle(page)


def untouched(page) -> None:
    assert page.evaluate(MADE) == []
    assert page.locator("[data-testid=stException]").count() == 0


def test_no_parameter_of_any_page_makes_anything(page, server):
    asked = {"": set(state.PARSERS), **{path: names(path) for path in LABS}}
    for path, params in asked.items():
        opened(page, server, path, **dict.fromkeys(params, TEXT))
        untouched(page)
        notes = page.locator("[data-testid=stAlert] p").all_text_contents()
        assert notes and all(TEXT[:40] in note for note in notes), path
        if not path:
            assert len(notes) == len(params - {"text", "second"})


def test_what_a_folder_and_its_model_are_called_and_write_is_shown(page, server):
    opened(page, server, stage="append", model=FOLDER, text=TEXT)
    button = page.locator(".st-key-append button")
    assert button.inner_text().startswith("Append ` (")
    button.click()
    page.wait_for_function("location.search.includes('more=1')")
    page.get_by_role("button", name="Options").click()
    page.get_by_text("Model card").click()
    page.locator(".card", has_text=TEXT).wait_for()
    settle(page)
    untouched(page)
    opened(page, server, stage="token-ids", drawer="recompute", beside=FOLDER, text=TEXT)
    assert page.locator(".half b").last.inner_text() == FOLDER
    page.get_by_role("button", name="Swap").hover()
    page.get_by_text(f"{FOLDER} to the left").first.wait_for()
    untouched(page)
    opened(page, server, "Size", model=FOLDER, text=TEXT, view="memory")
    assert page.locator("button", has_text=f"{FOLDER} (chosen)").count() == 1
    untouched(page)


def rerun(line: ClientConnection, message: BackMsg) -> list[ForwardMsg]:
    """Have the page run with what the message says; everything the server sent until it was done."""
    line.send(message.SerializeToString())
    received = []
    while not received or received[-1].WhichOneof("type") != "script_finished":
        received.append(ForwardMsg.FromString(line.recv(timeout=60)))
    return received


def test_forged_messages_do_not_fill_the_log(server):
    address, first = server.url.replace("http", "ws") + "/_stcore/stream", BackMsg()
    first.rerun_script.query_string = ""
    before = server.log.stat().st_size
    for said in ('[{"event": "go", "value": ["x"]}]', "{", "[" * 900 + "]" * 900, "[" * 100_000, ""):
        with connect(address, subprotocols=["streamlit"], max_size=None) as line:
            elements = [one.delta.new_element.bidi_component.id for one in rerun(line, first)]
            element, forged = (
                next(one for one in elements if one.endswith("pipeline")),
                BackMsg(),
            )  # others' messages leave it there
            for name, field in ((f"$$STREAMLIT_INTERNAL_KEY_{element}__events", "json_trigger_value"), (element, "json_value")):
                setattr(forged.rerun_script.widget_states.widgets.add(id=name), field, said)
            for _ in range(10 if said else 0):
                rerun(line, forged)
    written = server.log.read_text()[before:]
    assert "was not on offer" in written and "RecursionError" in written
    assert "Traceback" not in written and written.count("\n") < 10, written[-3000:]
