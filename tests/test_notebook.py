"""A step and the whole walk below a notebook's cell."""

import ast
import html
import json
import re
from pathlib import Path

import anywidget
import numpy as np
import pytest

import gptviz
from gptviz import notebook

TEXT = "Every effort moves you"
NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def framed(frame: notebook.Frame) -> str:
    """The page inside the frame, as a browser reads it."""
    found = re.search(r'<iframe sandbox="allow-scripts" srcdoc="([^"]*)"', frame._repr_html_())
    return html.unescape(found[1])


def test_a_step_is_a_widget_where_there_is_one(monkeypatch):
    step = gptviz.show(TEXT, "causal-mask", block=2, head=6)
    assert isinstance(step, anywidget.AnyWidget) and step.clicked == ()
    monkeypatch.setattr(notebook, "find_spec", lambda name: None)
    plain = gptviz.show(TEXT, "causal-mask", block=2, head=6)
    assert framed(plain) == plain.html == step.html


def test_a_step_holds_that_step_alone(monkeypatch):
    monkeypatch.setattr(notebook, "find_spec", lambda name: None)
    step = gptviz.show(TEXT, "causal-mask", block=2, height=400)
    whole = gptviz.walk("Hi")
    assert len(step.html) < len(whole.html) and "height: 400px" in step._repr_html_()


def test_markup_of_the_reader_stays_text(monkeypatch):
    monkeypatch.setattr(notebook, "find_spec", lambda name: None)
    step = gptviz.show('"><img src=x onerror=alert(1)>', "token-ids")
    assert "<img" not in step._repr_html_() and "<img src=x" not in step.html


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"stage": "causal-musk"}, "causal-mask"),
        ({"block": 7}, "block must be from 1 to 6"),
        ({"token": 4}, "token must be from 0 to 3"),
        ({"model": "no-such"}, "Nor is it a folder"),
        ({"edits": "nothing:9"}, "nothing:9"),
    ],
)
def test_what_there_is_not_is_said(asked, said):
    with pytest.raises((KeyError, ValueError), match=said):
        gptviz.show(TEXT, **{"stage": "token-ids"} | asked)


def test_a_clicked_number_is_told(chromium, monkeypatch):
    """The page in its frame tells the page around it; what a widget's own front end hears of that is put into words of its own."""
    monkeypatch.setattr(notebook, "find_spec", lambda name: None)
    step = gptviz.show(TEXT, "attention-weights", block=2, head=6)
    page = chromium.new_page(viewport={"width": 1200, "height": 900})
    page.set_content(
        f"<script>told = []; addEventListener('message', event => told.push(event.data))</script>{step._repr_html_()}"
    )
    cells = page.frame_locator("iframe").locator("#picture canvas.cells").first
    cells.wait_for()
    cells.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("told.length > 0")
    clicked = page.evaluate("told[0].gptviz")
    seen = gptviz.run(gptviz.load(), gptviz.encode(TEXT))
    assert clicked["point"].startswith("blocks.1.att.") and np.isfinite(seen.array(clicked["point"])[tuple(clicked["index"])])
    page.close()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_its_first_cell_to_its_last(path, monkeypatch):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    names: dict = {}
    for cell in (one for one in cells if one["cell_type"] == "code"):
        assert cell["outputs"] == [] and cell["execution_count"] is None, "kept without what a run of it printed"
        exec(compile(ast.parse("".join(cell["source"])), f"{path.name} {cell['id']}", "exec"), names)
    assert names["seen"]["logits"].shape == (1, 4, 50257)
