"""The modules that draw pictures: one source, fetched by its address, written in one dialect."""

from pathlib import Path

import pytest
from streamlit.proto.BidiComponent_pb2 import BidiComponent
from streamlit.testing.v1 import AppTest

from gptviz import canvas

MODULES = sorted(path.stem for path in canvas.JS.glob("*.js"))
OUTSIDE = {"streamlit", "chart", "photo", "keep"}  # not what draws cells


def page():
    import numpy as np
    import streamlit as st

    from gptviz.canvas.grid import payload
    from gptviz.figures.matrix import Grid, Panel
    from gptviz.ui import matrix

    grid = Grid((Panel("numbers", np.eye(4, dtype=np.float32), tuple("abcd")),))
    matrix.show(grid, key="picture")
    st.text(len(payload(grid)))


def message() -> tuple[BidiComponent, int]:
    """What is sent about a picture, and how many bytes of it are the picture."""
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    return app.get("bidi_component")[0].proto, int(app.text[0].value)


def test_a_picture_travels_without_the_source_that_draws_it():
    for _ in range(2):  # every runtime is told where the source is
        sent, size = message()
        assert len(sent.bytes) == size
        assert sent.js_source_path == "streamlit.js" and (canvas.JS / sent.js_source_path).is_file()
        assert sent.component_name.endswith(canvas.version())
        assert sent.ByteSize() - size < 300


def test_another_source_has_another_address(monkeypatch, tmp_path):
    before = canvas.version()
    for name in MODULES:
        (tmp_path / f"{name}.js").write_bytes((canvas.JS / f"{name}.js").read_bytes())
    monkeypatch.setattr(canvas, "JS", tmp_path)
    assert canvas.version.__wrapped__() == before
    (tmp_path / "text.js").write_text("export const put = null\n")
    assert canvas.version.__wrapped__() != before


def test_the_source_holds_every_module_once_after_what_it_imports():
    source = canvas.source()
    for name in MODULES:
        assert source.count(f"const ${name} = (() => {{") == (name not in OUTSIDE), name
        at = source.find(f"const ${name} = ")
        for _, other in canvas.IMPORT.findall((canvas.JS / f"{name}.js").read_text(encoding="utf-8")) if at >= 0 else ():
            assert 0 <= source.find(f"const ${other} = ") < at, (name, other)
    outside = [line for line in source.splitlines() if line.startswith(("import ", "export "))]
    assert outside == ["export const { draw } = $canvas"]


@pytest.mark.parametrize("name", MODULES)
def test_one_dialect(name):
    """No semicolons, at most 150 columns; every import on a line of its own, so that the modules can be joined."""
    for n, line in enumerate(Path(canvas.JS / f"{name}.js").read_text(encoding="utf-8").splitlines(), 1):
        code = line.partition(" // ")[0]
        css = name == "markup"
        assert css or not code.rstrip().endswith(";"), (n, line)
        assert "\t" not in line and line == line.rstrip() and len(line) <= 150, (n, line)
        assert not line.startswith("import ") or canvas.IMPORT.fullmatch(line), (n, line)
