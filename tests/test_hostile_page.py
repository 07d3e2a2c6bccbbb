"""Every page without a browser, with text that tries to be markup in every place a reader, a link or a folder can put it."""

import os
import shutil
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from safetensors.torch import load_file, save_file
from streamlit.proto.Markdown_pb2 import Markdown
from streamlit.testing.v1 import AppTest

from gptviz import catalogue, tokenizer, transfer
from gptviz.labs.lab import Setting
from gptviz.stages import STAGES
from gptviz.ui import state
from gptviz.ui.links import LABS
from hostile import FOLDER, MARKUP, TEXT, model_folder
from test_page import APP, fine

PLAIN = {  # fields of the page's messages that no browser reads as markup
    *("TextInput.default", "TextInput.value", "TextArea.default", "TextArea.value", "Selectbox.options", "Selectbox.raw_value"),
    *("PageLink.query_string", "BidiComponent.json", "PlotlyChart.alt", "Code.code_text", "Dataframe.columns"),
}


TAGS = ("<img", "<b>x")
OTHERS = {  # fields in another language than Markdown: what would be markup there
    "Html.body": TAGS,
    "PlotlyChart.spec": (*TAGS, "$x$"),
    "Latex": ("$x$", ":material/"),
}


def strings(proto) -> Iterator[tuple[str, str]]:
    """Every text of a message and of those inside it: (message.field, text)."""
    for field, value in proto.ListFields():
        values = value if field.is_repeated else [value]
        if field.message_type and field.message_type.GetOptions().map_entry:
            continue
        for one in values:
            if field.message_type:
                yield from strings(one)
            elif isinstance(one, str):
                formula = field.name == "body" and getattr(proto, "element_type", 0) == Markdown.LATEX
                yield "Latex" if formula else f"{proto.DESCRIPTOR.name}.{field.name}", one


def elements(node) -> Iterator:
    for child in getattr(node, "children", {}).values():
        if (proto := getattr(child, "proto", None)) is not None:
            yield proto
        yield from elements(child)


def left(app: AppTest) -> list[tuple[str, str]]:
    """Where markup is left on a page, in a field that is not known to be plain."""
    found = []
    for proto in elements(app._tree):
        for field, text in strings(proto):
            if field not in PLAIN and (marks := [mark for mark in OTHERS.get(field, MARKUP) if mark in text]):
                found.append((field, f"{marks} in {text[:300]}"))
    return found


@pytest.fixture(scope="module")
def hostile_model(tmp_path_factory):
    before = dict(catalogue.MODELS)
    os.environ[catalogue.FOLDERS] = model_folder(tmp_path_factory.mktemp("models"))
    catalogue.refresh()
    yield FOLDER
    del os.environ[catalogue.FOLDERS]
    catalogue.MODELS = before


@pytest.fixture
def hostile_tokens(monkeypatch):
    """Every token looks as if it were all of that text."""
    monkeypatch.setattr(tokenizer, "printable", lambda token, extra=None: TEXT)


def opened(page: str = "", **params) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params.update({name: str(value) for name, value in params.items()})
    return fine(app.switch_page(f"pages/{page}.py").run() if page else app.run())


KINDS = (
    {"drawer": "numbers"},
    {"drawer": "recompute"},
    {"beside": "mini-untrained"},
    {"beside": "mini-untrained", "drawer": "about"},
    {"present": 1, "item": 1},
)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_no_stage_makes_markup_of_it(stage, hostile_model, hostile_tokens):
    app = opened(stage=stage.key, model=hostile_model, text=TEXT, second=TEXT, **KINDS[STAGES.index(stage) % len(KINDS)])
    assert not app.error and left(app) == []


def test_no_parameter_of_the_walk_makes_markup_of_it():
    for names in (state.PARSERS, set(state.PARSERS) - {"text", "second"}):
        app = opened(**dict.fromkeys(names, TEXT))
        assert left(app) == [] and len(app.warning) == len(set(names) - {"text", "second"})


@pytest.mark.parametrize("page", LABS)
def test_no_experiment_makes_markup_of_it(page, hostile_model, hostile_tokens):
    lab = LABS[page]
    bare = Setting(catalogue.load(hostile_model), (1, 2, 3), {}, model_key=hostile_model)
    names = {
        one.name for controls in (lab.controls, *(each.controls_for(bare) for each in lab.experiments)) for one in controls
    }
    asked = dict.fromkeys(names, TEXT) | {"model": hostile_model, "text": TEXT}
    app = opened(page, view=TEXT, **asked)
    assert left(app) == [] and app.warning
    for one in lab.experiments[1:]:
        app.query_params.update(asked | {"view": one.key})
        app = fine(app.run())
        assert left(app) == [], one.key
        assert len(app.warning) == sum(control.kind != "text" for control in one.controls_for(bare)), one.key


def test_a_folder_that_is_no_model_is_refused_in_plain_words(tmp_path, monkeypatch):
    folder = str(tmp_path / f"broken {FOLDER}")
    shutil.move(model_folder(tmp_path), folder)
    tensors = load_file(f"{folder}/model.safetensors")
    save_file(
        {TEXT if name.endswith("h.1.ln_1.bias") else name: tensor for name, tensor in tensors.items()},
        f"{folder}/model.safetensors",
    )
    monkeypatch.setenv(catalogue.FOLDERS, folder)
    monkeypatch.setattr(catalogue, "MODELS", catalogue.discover())
    app = opened(model=f"broken {FOLDER}")
    assert "cannot be loaded" in app.error[0].value and left(app) == []


def test_a_folder_whose_name_is_no_text_is_listed_by_its_numbers(tmp_path, monkeypatch):
    name = os.fsdecode(b"m\xff\x1b[31m")
    shutil.move(model_folder(tmp_path), tmp_path / name)
    monkeypatch.setenv(catalogue.FOLDERS, str(tmp_path / name))
    monkeypatch.setattr(catalogue, "MODELS", catalogue.discover())
    app = opened(model="m<DCFF><1B>[31m", stage="append")
    assert not app.error and not app.warning and app.session_state["choice"].model == "m<DCFF><1B>[31m"
    assert "m<DCFF><1B>[31m" in app.selectbox(key="model").options


def test_what_breaks_a_download_off_is_said_in_plain_words(monkeypatch):
    failed = SimpleNamespace(progress=lambda: SimpleNamespace(state="failed", running=False, message=TEXT))
    monkeypatch.setattr(transfer, "download", lambda key: failed)
    app = opened(model="gpt2")
    assert app.error and left(app) == []
    monkeypatch.setattr(transfer, "start", raising(transfer.HubError(TEXT)))
    app = fine(app.button(key="offer-start").click().run())
    assert app.toast and left(app) == []


def raising(error: Exception):
    def start(key: str):
        raise error

    return start
