"""Arrows point one way: every import of the package is walked, and any other than these fails."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "gptviz"
CORE = {
    "attribution",
    "cached",
    "config",
    "edits",
    "files",
    "hooks",
    "lens",
    "likeness",
    "points",
    "tokenizer",
    "verbatim",
    "vocabulary",
    "model",
    "weights",
    "snapshots",
    "trace",
    "sampling",
    "effects",
    "sweep",
    "hub",
    "catalogue",
    "words",
}
MAY_IMPORT = {  # part of the package -> the other parts it may import
    "config": set(),
    "files": set(),
    "hooks": set(),
    "tokenizer": set(),
    "points": set(),
    "verbatim": set(),
    "figures": {"verbatim"},
    "canvas": {"figures"},
    "vocabulary": {"files", "tokenizer"},
    "model": {"config", "hooks"},
    "edits": {"config", "hooks", "model", "points", "tokenizer"},
    "weights": {"config", "files", "hub", "model", "tokenizer", "vocabulary"},
    "snapshots": {"config", "files", "model", "weights"},
    "trace": {"config", "edits", "hooks", "points", "tokenizer", "model"},
    "words": set(),
    "lens": {"hooks", "model", "points", "trace"},
    "attribution": {"hooks", "model", "points", "trace"},
    "cached": {"model"},
    "choice": {"catalogue", "edits", "figures", "hub", "points", "stages", "tokenizer"},
    "classroom": set(),
    "lessons": {"catalogue", "choice", "hooks", "labs", "model", "stages", "tokenizer"},
    "likeness": {"trace"},
    "sampling": {"config", "hooks", "tokenizer", "model", "trace"},
    "effects": {"hooks", "sampling", "trace"},
    "sweep": {"config", "edits", "effects", "hooks", "model", "points", "sampling", "trace"},
    "hub": {"config"},
    "transfer": {"hub"},
    "catalogue": {"config", "hooks", "hub", "model", "snapshots", "verbatim", "weights"},
    "recompute": CORE,
    "seen": CORE | {"figures"},
    "stages": CORE | {"figures", "seen"},
    "labs": CORE | {"figures", "recompute", "seen", "stages", "training"},
    "story": CORE | {"seen"},
    "training": CORE,
    "keep": CORE | {"canvas", "choice", "figures", "labs", "lessons", "recompute", "seen", "stages"},
    "notebook": {"catalogue", "hooks", "keep", "model", "stages", "verbatim", "weights"},
    "widget": set(),
    "serve": set(),
    "ui": CORE
    | {
        "",
        "canvas",
        "choice",
        "classroom",
        "figures",
        "keep",
        "labs",
        "lessons",
        "recompute",
        "seen",
        "serve",
        "stages",
        "story",
        "training",
        "transfer",
    },
    "__main__": {"catalogue", "hub", "keep", "serve", "transfer", "weights"},
    "app": CORE | {"figures", "stages", "labs", "ui"},
    "pages": CORE | {"figures", "stages", "labs", "ui"},
    "": set(),  # gptviz/__init__.py
}
FOREIGN = {  # part -> what else it may import, beside Python's own library; None is anything
    "config": set(),
    "files": set(),
    "vocabulary": set(),
    "edits": {"torch"},
    "points": set(),
    "figures": {"numpy", "plotly"},
    "canvas": {"numpy"},
    "hooks": {"numpy", "torch"},
    "verbatim": set(),
    "model": {"torch"},
    "tokenizer": {"regex", "tiktoken"},
    "weights": {"safetensors", "torch"},
    "snapshots": {"safetensors", "torch"},
    "trace": {"numpy", "torch"},
    "sampling": {"numpy", "torch"},
    "effects": {"numpy"},
    "sweep": {"numpy", "torch"},
    "hub": {"huggingface_hub"},
    "transfer": {"filelock", "httpx2", "huggingface_hub"},
    "catalogue": set(),
    "notebook": set(),
    "widget": {"anywidget", "traitlets"},
    "serve": set(),
    "__main__": set(),
    "recompute": {"numpy", "torch"},
    "words": set(),
    "lens": {"numpy", "torch"},
    "attribution": {"numpy", "torch"},
    "cached": {"torch"},
    "choice": set(),
    "classroom": {"redis"},
    "lessons": set(),
    "likeness": {"numpy", "torch"},
    "seen": {"numpy"},
    "stages": {"numpy", "plotly", "torch"},
    "story": {"numpy"},
    "labs": {"numpy", "plotly", "torch"},
    "keep": {"numpy", "plotly"},
    "training": None,
    "ui": None,
    "app": None,
    "pages": None,
    "": set(),
}
STREAMLIT = {"ui", "app", "pages"}


def module_of(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def part_of(module: tuple[str, ...]) -> str:
    """The part of the house a module belongs to: `stages` for gptviz.stages.gelu, `pages` for pages/1_lab.py."""
    inside = module[1:] if module[0] == PACKAGE else module
    return inside[0] if inside else ""


def imports(source: str, module: tuple[str, ...], is_package: bool):
    """Dotted names a module imports, anywhere in it, as tuples; relative ones resolved."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (tuple(name.name.split(".")) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = len(module) - node.level + (1 if is_package else 0)
            stem = module[:up] if node.level else ()
            stem += tuple(node.module.split(".")) if node.module else ()
            yield from ((*stem, name.name) for name in node.names)


def wrong_arrows(source: str, module: tuple[str, ...], is_package: bool = False) -> list[str]:
    """What this module imports and must not."""
    here, wrong = part_of(module), []
    if here not in MAY_IMPORT:
        return [f"{'.'.join(module)}: a new part of the house; say in MAY_IMPORT what it may import"]
    for target in imports(source, module, is_package):
        if target[0] in (PACKAGE, "app", "pages"):
            there = part_of(target)
            known = there in MAY_IMPORT
            allowed = there == here or there in MAY_IMPORT[here] or not known and target[:-1] == module
        elif target[0] in sys.stdlib_module_names:
            allowed = True
        elif target[0] == "streamlit":
            allowed = here in STREAMLIT
        else:
            allowed = FOREIGN[here] is None or target[0] in FOREIGN[here]
        if not allowed:
            wrong.append(f"{'.'.join(module)} imports {'.'.join(target)}")
    return wrong


SOURCES = sorted(
    [*(ROOT / PACKAGE).rglob("*.py"), *ROOT.glob("app.py"), *(ROOT / "pages").rglob("*.py")], key=lambda path: path.as_posix()
)


def test_there_is_something_to_walk():
    parts = {part_of(module_of(path)) for path in SOURCES}
    assert CORE | {"canvas", "figures", "stages", "ui", "app"} <= parts


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_import_stands_inside_a_function(path):
    """One that does hides a circle, and two readers' runs that reach it at once wait for each other."""
    found = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)]
    inside = [one for function in found for one in ast.walk(function) if isinstance(one, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(one) for one in inside] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_arrows_point_one_way(path):
    assert wrong_arrows(path.read_text(encoding="utf-8"), module_of(path), path.name == "__init__.py") == []


def test_no_stage_is_known_by_its_key_outside_its_own_file():
    """What a stage needs beside picture and caption it says itself; a page that asks for its key would have to learn every new one."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare) and part_of(module_of(path)) == "ui":
                asked = [ast.unparse(one) for one in (node.left, *node.comparators)]
                assert "stage.key" not in asked, f"{path.name}:{node.lineno}: {ast.unparse(node)}"


def test_no_circles_between_parts():
    for part, below in MAY_IMPORT.items():
        assert all(part not in MAY_IMPORT[other] for other in below), part


def test_no_drawer_for_everything():
    names = {part for path in SOURCES for part in module_of(path)}
    assert not names & {"util", "utils", "helper", "helpers", "common", "misc", "shared"}


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("gptviz.model", "import streamlit as st"),
        ("gptviz.stages.gelu", "from streamlit import markdown"),
        ("gptviz.model", "from .trace import run"),
        ("gptviz.model", "from . import trace"),
        ("gptviz.hooks", "from gptviz import model"),
        ("gptviz.config", "import torch"),
        ("gptviz.trace", "def f():\n    from .stages import STAGES"),
        ("gptviz.tokenizer", "import gptviz.config"),
        ("gptviz.figures.matrix", "from ..trace import Trace"),
        ("gptviz.figures.matrix", "import torch"),
        ("gptviz.figures.matrix", "from .. import hooks"),
        ("gptviz.figures.matrix", "from .. import canvas"),
        ("gptviz.canvas.grid", "import streamlit as st"),
        ("gptviz.canvas.grid", "from .. import trace"),
        ("gptviz.stages.gelu", "from ..ui import state"),
        ("gptviz.stages.gelu", "from .. import labs"),
        ("gptviz.ui.state", "import app"),
        ("gptviz.attic.stuff", "import json"),
    ],
)
def test_a_wrong_arrow_is_seen(module, line):
    assert wrong_arrows(line, tuple(module.split(".")))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("gptviz.stages.gelu", "from . import base\nfrom .base import stage\nfrom ..figures import matrix\nimport numpy as np"),
        ("gptviz.figures.matrix", "from . import style\nimport plotly.graph_objects as go"),
        ("gptviz.ui.walk", "import streamlit as st\nfrom ..stages import STAGES\nfrom .. import trace"),
        ("app", "from gptviz.ui import walk"),
    ],
)
def test_a_right_arrow_is_let_through(module, line):
    assert wrong_arrows(line, tuple(module.split("."))) == []


COLOUR = re.compile(r"#[0-9A-Fa-f]{6}\b|\brgba\(")
PRINTED = {"joining.py"}  # a code that a camera reads is black on white, whatever the page's colours


def test_colours_stand_in_one_module():
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / PACKAGE).rglob("*.py"))
        if path.name not in {"style.py", *PRINTED}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if COLOUR.search(line)
    ]
    assert not found
