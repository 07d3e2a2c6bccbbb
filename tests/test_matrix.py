"""What travels to the matrix element and what comes back, without a browser."""

import json
import struct

import numpy as np
import pytest

from gptviz.canvas.grid import GRID_CELLS, payload, pool
from gptviz.figures import style
from gptviz.figures.matrix import DROPPED, MASKED, PADDING, Grid, Panel
from gptviz.ui import incoming, matrix
from gptviz.ui.matrix import Cell, Pick, Row

RNG = np.random.default_rng(3)


def panel(values: np.ndarray, **options) -> Panel:
    rows = tuple(f"{n} row" for n in range(values.shape[0]))
    return Panel(**{"title": "numbers", "values": values.astype(np.float32), "rows": rows, "point": "tok_emb"} | options)


def decode(data: bytes) -> tuple[dict, list[dict[str, np.ndarray]]]:
    """The header, and per panel its numbers, marks and winners, read the way the browser reads them."""
    (size,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + size])
    at, arrays = 4 + size, []
    for head in header["panels"]:
        shape = (head["rows"], head["cols"])
        kinds = {"values": "<f4" if header["exact"] else "u1"}
        kinds |= {"marks": "u1"} if head["marked"] else {}
        kinds |= {"winners": "<u2"} if head["pool"] > 1 else {}
        arrays.append({})
        for name, kind in kinds.items():
            arrays[-1][name] = np.frombuffer(data, kind, np.prod(shape), at).reshape(shape)
            at += arrays[-1][name].nbytes
    assert at == len(data)
    return header, arrays


def test_small_grids_travel_exactly():
    first, second = RNG.normal(size=(4, 7)), RNG.normal(size=(3, 3))
    second[0, 1:] = -np.inf
    marks = MASKED * np.triu(np.ones((3, 3), dtype=np.uint8), 1)
    names = ("0 a", "1 b", "2 c")
    grid = Grid((panel(first), panel(second, rows=names, columns=names, marks=marks)), per_row=2, note="n", alt="words")
    header, (one, two) = decode(payload(grid))
    assert header["exact"] and header["alt"] == "words" and header["per_row"] == 2
    assert np.array_equal(one["values"], first.astype(np.float32)) and "marks" not in one
    assert np.array_equal(two["values"], second.astype(np.float32)) and np.array_equal(two["marks"], marks)
    assert header["labels"][header["panels"][1]["column_labels"]] == list(names)
    assert header["panels"][0]["column_labels"] is None
    assert [head["square"] for head in header["panels"]] == [False, True]
    assert header["panels"][0]["range"] == [pytest.approx(first.min()), pytest.approx(first.max())]
    assert header["scales"]["weight"]["dark"] == list(style.SCALES["weight"]["dark"])


def test_labels_that_are_equal_travel_once():
    values = RNG.normal(size=(50, 50))
    header, _ = decode(payload(Grid(tuple(panel(values) for _ in range(8)))))
    assert len(header["labels"]) == 1


def test_many_cells_travel_as_bytes_and_stay_within_half_a_level():
    values = RNG.normal(size=(400, 800)).astype(np.float32)
    values[3, 5], values[4, 6] = np.nan, np.inf
    header, arrays = decode(payload(Grid((panel(values, limits=(-2.0, 2.0)),))))
    assert not header["exact"]
    codes, marks = arrays[0]["values"].astype(int), arrays[0]["marks"]
    assert marks[3, 5] == marks[4, 6] == PADDING and np.count_nonzero(marks) == 2
    fine = np.isfinite(values)
    assert np.array_equal(codes[fine] == 0, values[fine] < -2) and np.array_equal(codes[fine] == 255, values[fine] > 2)
    inside = fine & (np.abs(values) <= 2)
    step = 4 / (header["levels"] - 1)
    assert np.abs(-2 + (codes[inside] - 1) * step - values[inside]).max() <= step / 2 + 1e-6


def test_bytes_keep_the_marks():
    values = np.zeros((600, 600), dtype=np.float32)
    values[:, 5] = -np.inf
    marks = np.zeros(values.shape, dtype=np.uint8)
    marks[:, 5], marks[0, 0] = MASKED, DROPPED
    _, (arrays,) = decode(payload(Grid((panel(values, kind="weight", marks=marks),))))
    assert np.array_equal(arrays["marks"], marks)


def test_pooling_keeps_the_largest_magnitude_and_where_it_stood():
    values = RNG.normal(size=(11, 8)).astype(np.float32)
    values[0, 0], values[1, 1] = np.nan, -9.0
    marks = np.zeros(values.shape, dtype=np.uint8)
    marks[3:6, 3:6], values[4, 4] = MASKED, 100.0
    pooled, pooled_marks, winners = pool(values, marks, 3)
    assert pooled.shape == winners.shape == (4, 3)
    for row in range(4):
        for column in range(3):
            r, c = 3 * row + winners[row, column] // 3, 3 * column + winners[row, column] % 3
            assert pooled[row, column] == values[r, c] and pooled_marks[row, column] == marks[r, c]
            block, hidden = values[3 * row :][:3, 3 * column :][:, :3], marks[3 * row :][:3, 3 * column :][:, :3]
            if not hidden.all():
                assert abs(pooled[row, column]) == np.nanmax(np.where(hidden, np.nan, np.abs(block)))
    assert pooled[0, 0] == -9 and pooled_marks[1, 1] == MASKED


@pytest.mark.parametrize("shapes, pools", [([(1024, 1024)], [1]), ([(1025, 1024)], [2]), ([(800, 800)] * 7, [2] * 7)])
def test_large_panels_and_large_grids_are_pooled(shapes, pools):
    grid = Grid(tuple(panel(np.zeros(shape), printed=False) for shape in shapes))
    header, arrays = decode(payload(grid))
    assert [head["pool"] for head in header["panels"]] == pools
    assert sum(part["values"].size for part in arrays) <= GRID_CELLS
    assert len(header["labels"][0]) == shapes[0][0]


def test_selected_row_and_cell_are_found_through_the_index():
    sampled = panel(np.zeros((2, 3)), row_index=(4, 9), column_index=(0, 10, 20), prefix=(1,))
    whole = panel(np.zeros((12, 3)), prefix=(1,))
    header, _ = decode(payload(Grid((sampled, whole), selected=9), cell=("tok_emb", (1, 9, 10)), present=True))
    assert [head["selected"] for head in header["panels"]] == [1, 9] and header["present"]
    assert [head["cell"] for head in header["panels"]] == [[1, 1], None]
    header, _ = decode(payload(Grid((sampled, whole), selected=5), cell=("pos_emb", (1, 9, 10))))
    assert [head["selected"] for head in header["panels"]] == [None, 5]
    assert [head["cell"] for head in header["panels"]] == [None, None]


def test_empty_labels_are_no_labels():
    small = panel(np.zeros((4, 4)), rows=("",) * 4, columns=("",) * 4, row_index=(0, 1, 2, 3), column_index=(0, 1, 2, 3))
    strip = panel(np.zeros((4, 4)), rows=("",) * 4, columns=("",) * 4, row_index=(0, 1, 2, 3))
    header, _ = decode(payload(Grid((small, strip))))
    assert [head["column_labels"] for head in header["panels"]] == [None, None]
    assert [head["square"] for head in header["panels"]] == [True, False]


@pytest.mark.parametrize(
    "message, event",
    [
        ({"kind": "cell", "point": "tok_emb", "index": [0, 2, 5]}, Cell("tok_emb", (0, 2, 5))),
        ({"kind": "row", "row": 3, "axis": "token"}, Row(3)),
        ({"kind": "pick", "field": "head", "value": 2}, Pick("head", 2)),
    ],
)
def test_messages_become_events(message, event):
    assert matrix.translate(message) == event


@pytest.mark.parametrize(
    "message",
    [
        None,
        7,
        "cell",
        [],
        {},
        {"kind": "cell"},
        {"kind": "cell", "point": "", "index": [1]},
        {"kind": "cell", "point": "tok_emb", "index": []},
        {"kind": "cell", "point": "tok_emb", "index": "012"},
        {"kind": "cell", "point": "tok_emb", "index": [0, 1.0]},
        {"kind": "cell", "point": "tok_emb", "index": [0, -1]},
        {"kind": "cell", "point": "tok_emb", "index": [0, True]},
        {"kind": "cell", "point": "tok_emb", "index": [0, 1 << 40]},
        {"kind": "cell", "point": ["tok_emb"], "index": [0]},
        {"kind": "row", "row": "3", "axis": "token"},
        {"kind": "row", "row": None, "axis": "token"},
        {"kind": "pick", "field": 3, "value": 3},
        {"kind": "pick", "field": "head", "value": [1]},
        {"kind": "explode", "row": 1},
    ],
)
def test_garbage_is_no_event(message):
    assert matrix.translate(message) is None


def test_an_event_of_another_grid_can_be_told(monkeypatch):
    grid = Grid((panel(np.zeros((2, 3)), prefix=(0,), pick=("head", 1)),))
    state = {}
    monkeypatch.setattr(incoming.st, "session_state", state)
    assert matrix.read("picture", grid.panels) is None
    for message, holds in [
        ({"kind": "cell", "point": "tok_emb", "index": [0, 1, 2]}, True),
        ({"kind": "cell", "point": "tok_emb", "index": [0, 1, 3]}, False),
        ({"kind": "cell", "point": "tok_emb", "index": [1]}, False),
        ({"kind": "row", "row": 1, "axis": "token"}, True),
        ({"kind": "row", "row": 2, "axis": "token"}, False),
        ({"kind": "row", "row": 1, "axis": "after"}, False),
        ({"kind": "pick", "field": "head", "value": 1}, True),
        ({"kind": "pick", "field": "head", "value": 2}, False),
    ]:
        state["picture"] = {"event": message}
        assert (matrix.read("picture", grid.panels) is not None) is holds
