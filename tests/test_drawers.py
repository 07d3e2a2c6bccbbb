"""What stands behind the pictures: which number is recomputed first, how numbers are counted, where a formula goes on."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from gptviz.figures.matrix import Grid
from gptviz.recompute import axes, recompute, sizes
from gptviz.seen import Seen
from gptviz.stages import STAGES
from gptviz.ui import drawers, matrix, state, walk
from test_page import fine, opened, shown
from test_recompute import derived, shape, traced


@pytest.mark.parametrize("token", range(5))
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_the_first_number_is_in_the_outlined_row(stage, token):
    run = traced("mini", 5, 0.0)
    seen = Seen(run, block=3, head=2, token=token, text="Every effort moves you")
    point, index = drawers.default_cell(stage, seen)
    place = dict(zip(axes(run, point), index))
    if stage.key == "block-output":
        assert (point, place["row"], place["token"]) == ("stream", seen.block + 1, token), "its rows are blocks"
    elif stage.key == "output-projection":
        assert (place["row"], place["token"]) == (run.config.n_head + 1, token), (
            "its rows are heads; the last one is what comes out"
        )
    else:
        assert place.get("query", place.get("token")) == token
    assert place.get("head", seen.head) == seen.head
    picture = stage.picture(seen)
    if isinstance(picture, Grid):
        assert any(panel.find(point, index) for panel in picture.panels), "and it is drawn"


def named(sentence: str, what: str) -> list[int]:
    return [int(number) for number in re.findall(rf"\b{what} (\d+)", sentence, re.IGNORECASE)]


def test_words_count_blocks_and_heads_from_1_and_all_else_from_0():
    run, random, seen = traced("tiny", 5, 0.3), np.random.default_rng(4), set()
    for point in [*run.model.points, *derived(run)]:
        for _ in range(4):
            index = tuple(random.integers(shape(run, point)).tolist())
            place, block = dict(zip(axes(run, point), index)), drawers.block_of(point)
            if point == "stream":
                block = place["row"] - 1
            sentence = recompute(run, point, index).sentence
            assert all(number == (block or 0) + 1 for number in named(sentence, "block")), f"{point}{index}: {sentence}"
            head = place.get("head", place["row"] if point.startswith("head_out") else None)
            if point.endswith("att.concat"):
                head = place["feature"] // run.config.head_size
            assert all(number == head + 1 for number in named(sentence, "head")), f"{point}{index}: {sentence}"
            for name in ("token", "query", "key", "feature", "channel", "unit", "word"):
                own = {place[axis] for axis in (("token", "query", "key") if name == "token" else (name,)) if axis in place}
                if point.endswith("att.concat") and name == "channel":
                    own = {place["feature"] % run.config.head_size}
                if name == "token" and point.startswith("cosine"):
                    own = set(index)
                assert own.issuperset(named(sentence, name)), f"{point}{index}: {sentence}"
            seen |= {name for name in ("block", "head", "token", "feature", "channel", "unit", "word") if named(sentence, name)}
    assert seen == {"block", "head", "token", "feature", "channel", "unit", "word"}


def boxes(app) -> dict[str, tuple[float, float, float]]:
    return {box.label: (box.min, box.value, box.max) for box in app.number_input if box.key.startswith("pick-")}


@pytest.mark.parametrize(
    ("cell", "places", "said"),
    [
        (
            "blocks.0.att.weights@0,4,2,1",
            {"sentence": (1, 1, 1), "head": (1, 5, 8), "query": (0, 2, 3), "key": (0, 1, 3)},
            "block 1 is blocks.0, head 5 is index 4",
        ),
        (
            "stream@0,3,2,7",
            {"sentence": (1, 1, 1), "token": (0, 3, 3), "after block": (0, 2, 6), "feature": (0, 7, 255)},
            "After block 0 is the input",
        ),
        (
            "head_out:blocks.1@0,3,7,9",
            {"sentence": (1, 1, 1), "token": (0, 3, 3), "part": (1, 8, 10), "feature": (0, 9, 255)},
            "block 2 is blocks.1, head 8 is index 7. Parts 1 to 8 are the heads, 9 is the bias, 10 the sum",
        ),
        (
            "probabilities@0,1,11",
            {"sentence": (1, 1, 1), "token": (0, 1, 3), "word": (0, 11, 50256)},
            "Code counts all from 0.",
        ),
    ],
)
def test_every_number_can_be_named_by_its_place_and_is_counted_as_the_words_count(cell, places, said):
    app = fine(opened(stage="attention-weights", drawer="recompute", cell=cell))
    assert boxes(app) == places
    assert said in "".join(caption.value for caption in app.caption).replace(":small[]", "")


def test_a_number_named_by_its_place_brings_its_head_and_token_along():
    app = fine(opened(stage="attention-weights", drawer="recompute", block=1))
    box = {box.label: box for box in app.number_input}
    fine(box["head"].set_value(8).run())
    choice = app.session_state["choice"]
    assert (choice.cell, choice.head, choice.token) == ("blocks.0.att.weights@0,7,3,3", 8, 3)
    assert "Block 1, head 8" in shown(app)
    fine({box.label: box for box in app.number_input}["query"].set_value(1).run())
    assert app.session_state["choice"].token == 1


def clicked(monkeypatch, point: str, index: tuple[int, ...], **chosen) -> dict:
    """What a click on a number changes."""
    seen, changes = Seen(traced("mini", 5, 0.0), **chosen), {}
    half = SimpleNamespace(trace=seen.trace, seen=seen, first=0, title="mini")
    monkeypatch.setattr(state, "open_cell", lambda cell, **also: changes.update(also))
    walk.acting(half, half, state.Choice())(matrix.Cell(point, index))
    return {name: value for name, value in changes.items() if name != "other"}


def test_a_click_on_another_heads_number_chooses_that_head(monkeypatch):
    point = "blocks.2.att.weights"
    assert clicked(monkeypatch, point, (0, 7, 3, 1), block=2, head=4) == {"token": 3, "head": 8}
    assert clicked(monkeypatch, point, (0, 4, 3, 1), block=2, head=4) == {"token": 3}


def test_a_click_in_the_stack_chooses_the_block_whose_row_it_is(monkeypatch):
    assert clicked(monkeypatch, "stream", (0, 2, 3, 9), block=0) == {"token": 2, "block": 3}
    assert clicked(monkeypatch, "stream", (0, 2, 0, 9), block=2) == {"token": 2, "block": 1}
    assert clicked(monkeypatch, "stream", (0, 2, 3, 9), block=2) == {"token": 2}


def test_a_click_on_a_derived_number_chooses_its_row(monkeypatch):
    assert clicked(monkeypatch, "cosine:tok_emb", (0, 1, 3)) == {"token": 1}
    assert clicked(monkeypatch, "head_out:blocks.0", (0, 2, 7, 1)) == {"token": 2}
    assert clicked(monkeypatch, "weighted_value:blocks.0", (0, 0, 3, 1, 5)) == {"token": 3}
    assert clicked(monkeypatch, "nothing", (0, 0)) == {}


def test_only_pictures_of_cells_say_that_their_cells_can_be_clicked():
    seen = Seen(traced("mini", 5, 0.0), text="Every effort moves you")
    for stage in STAGES:
        said = shown(fine(opened(stage=stage.key, drawer="recompute")))
        assert ("Click any cell" in said) == (isinstance(stage.picture(seen), Grid) or stage.overview is not None), stage.key
        assert "|shown" in said


@pytest.mark.parametrize(
    ("latex", "broken"),
    [
        (r"1 \cdot 2 + 3 = 5", r"1 \allowbreak \cdot \nobreak 2 \allowbreak + \nobreak 3 = 5"),
        (r"\frac{a + b}{c = d} + 1", r"\frac{a + b}{c = d} \allowbreak + \nobreak 1"),
        (r"y_j = x,\quad \mu = 2", r"y_j = x,\quad \allowbreak \mu = 2"),
        (r"\text{a \} + b = c} + 1", r"\text{a \} + b = c} \allowbreak + \nobreak 1"),
        (r"0.12345678 \cdot 0.1234567 = 2", r"0.12345678 \allowbreak \cdot \nobreak 0.1234567 \allowbreak = \nobreak 2"),
    ],
)
def test_where_a_formula_goes_on_in_a_new_line(latex, broken):
    assert drawers.breakable(latex) == broken


def test_every_point_has_a_size():
    run = traced("tiny", 5, 0.0)
    for point in [*run.model.points, *derived(run)]:
        assert sizes(run, point) == shape(run, point)
