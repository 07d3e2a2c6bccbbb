"""A picture in a sentence and as tables, and the page that has nothing else."""

import re
from typing import get_args

import numpy as np
import plotly.graph_objects as go
import pytest

from gptviz import catalogue, trace
from gptviz.figures import spoken
from gptviz.figures.chips import Chip, Chips
from gptviz.figures.forms import Picture
from gptviz.figures.matrix import MASKED, Grid, Panel
from gptviz.figures.strips import DropoutStrips
from gptviz.figures.table import Table
from gptviz.seen import Seen
from gptviz.stages import BY_KEY, STAGES
from test_page import fine, html, opened

EFFORT = [6109, 3626, 6100, 345]


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen(trace.run(catalogue.load("mini"), [EFFORT]), block=4, head=3, text="Every effort moves you")


def attention(size: int, columns: int | None = None) -> Grid:
    """A square whose number at query q, key k is q + k / 1000, later keys masked; or a strip of that many features."""
    wide = columns or size
    values = np.arange(size, dtype=np.float32)[:, None] + np.arange(wide, dtype=np.float32) / 1000
    marks = None if columns else np.triu(np.full((size, size), MASKED), 1)
    names = tuple(f"{n} word" for n in range(size))
    axes = ("token", "feature") if columns else ("query: reads", "key: is read")
    return Grid((Panel("weights", values, names, () if columns else names, *axes, marks=marks),), selected=size - 1)


PICTURES = {
    Grid: attention(3),
    Chips: Chips((("pieces", (Chip("<b>", ids=(7,)), Chip("you", ids=(345,)))),)),
    DropoutStrips: DropoutStrips(
        "numbers", np.ones((1, 4), np.float32), np.float32([[0.1, 0.6, 0.2, 0.9]]), ("0 you",), 0.5, (-1, 1), (0, 0)
    ),
    go.Figure: go.Figure(go.Bar(x=[0.2, 0.7], y=[0, 1], orientation="h", name="chance")).update_yaxes(
        tickvals=[0, 1], ticktext=["you", "·can"]
    ),
    Table: Table({"word": ["you", "can"], "chance": [0.2, 0.7]}, "words"),
}


def test_every_kind_of_picture_has_a_sentence_and_tables():
    assert set(PICTURES) == set(get_args(Picture))
    said = {kind: spoken.sentence(made) for kind, made in PICTURES.items()}
    assert said[Grid] == (
        '"weights" has 3 by 3 numbers: query down, key across, 3 masked; the largest is 2.002 at query 2 word, key 2 word, '
        "the smallest 0 at query 0 word, key 0 word."
    )
    assert said[Chips] == 'pieces: 2, "<b>" 7, "you" 345.'
    assert "at p = 0.5, 2 of 4 numbers become 0 and the others are multiplied by 2." in said[DropoutStrips]
    assert "chance: 2, the largest 0.7 at ·can, the smallest 0.2 at you" in said[go.Figure]
    assert said[Table] == "words: 2 rows of word, chance."
    for made in PICTURES.values():
        tables = spoken.tables(made)
        assert "<th scope='row'>" in tables and "<th scope='col'" in tables and "<b>" not in tables
    for what in (spoken.sentence, spoken.tables):
        with pytest.raises(TypeError, match="is no picture"):
            what("a word")


def test_a_square_says_query_and_key_and_what_is_masked():
    tables = spoken.tables(attention(3))
    assert "<th scope='col' rowspan=2>query: reads</th><th scope='colgroup' colspan='3'>key: is read</th>" in tables
    assert "<th scope='row'>1 word</th><td>1</td><td>1.001</td><td>masked</td>" in tables


def test_a_table_is_no_longer_than_can_be_read():
    many = spoken.tables(attention(300, columns=768))
    assert many.count("<tr>") == spoken.ROWS + 1 and many.count("<td>") == 6 * spoken.ROWS
    assert "rows 284 to 299 of 300; each row of 768 numbers summed up" in many
    assert "<th scope='row'>299 word</th><td>299.4</td>" in many and "<td>299.8</td><td>767</td>" in many
    square = Grid(tuple(attention(4).panels) * 6)
    assert spoken.tables(square).count("<table") == spoken.TABLES and "2 more panels have no table here" in spoken.tables(
        square
    )


def test_the_weights_of_the_model_are_read_out_as_they_are(seen):
    made = BY_KEY["attention-weights"].picture(seen)
    rows = re.findall(r"<tr><th scope='row'>(.+?)</th>((?:<td>[^<]*</td>)+)</tr>", spoken.tables(made))
    weights = seen.trace.array("blocks.4.att.weights")[0, 3]
    for query in range(4):
        label, cells = rows[query]
        read = re.findall(r"<td>([^<]*)</td>", cells)
        assert label == seen.labels[query]
        for key in range(4):
            assert read[key] == "masked" if key > query else abs(float(read[key]) - weights[query, key]) < 5e-4


def test_one_page_has_the_whole_walk_and_leads_back(seen):
    app = fine(opened(read=1, stage="gelu"))
    page = html(app)
    assert re.findall(r"<h2>(\d+) of 27:", page) == [str(n) for n in range(1, len(STAGES) + 1)]
    assert page.count("<b>The picture:</b>") == len(STAGES) and not app.get("bidi_component")[1:]
    assert BY_KEY["append"].caption(seen) in page.replace("&quot;", '"').replace("&#x27;", "'")
    app.button(key="leave-reading").click().run()
    assert "<h2>1 of 27" not in html(fine(app)) and "The picture as a table" in html(app)


def test_a_long_text_is_bounded():
    app = fine(opened(read=1, text="Every day holds a small surprise for those who look. " * 30))
    assert len(html(app)) < 300_000
