"""The lab on why a word was chosen: pictures and words say what the model computed, on any text and any model."""

from dataclasses import replace

import numpy as np
import pytest

from gptviz import lens, sampling, tokenizer, trace
from gptviz.canvas.grid import payload
from gptviz.figures.forms import table, to_plotly
from gptviz.figures.matrix import Grid
from gptviz.labs.lab import Setting
from gptviz.labs.subjects import answer
from gptviz.labs.why import ledger, two_sentences
from gptviz.labs.why.lab import LAB
from sample_models import EFFORT, mini, tiny
from test_page import fine, html
from test_page import opened as page
from test_whatif_page import text

CAT = tuple(tokenizer.encode("The cat sat by the fire, and the kitten sat by the"))


def opened(key: str, ids=CAT, model=None, **values) -> Setting:
    bare = Setting(model or mini(), tuple(ids), {}, text=tokenizer.decode(list(ids)))
    return replace(bare, values={one.name: one.start() for one in LAB.find(key).controls_for(bare)} | values)


def drawn(key: str, setting: Setting) -> tuple[list, str]:
    pictures = list(LAB.find(key).pictures(setting))
    for picture in pictures:
        to_plotly(picture), table(picture)
        if isinstance(picture, Grid):
            payload(picture)
    return pictures, LAB.find(key).caption(setting)


def test_the_words_have_room_beside_the_picture():
    assert {one.key: len(one.prose.split()) for one in LAB.experiments if len(one.prose.split()) > 90} == {}


# the answer forms -----------------------------------------------------------------------------------------------------


def test_the_lens_shows_the_words_of_every_depth():
    (grid, lines), said = drawn("forms", opened("forms"))
    (panel,) = grid.panels
    words = np.array(panel.texts).reshape(panel.values.shape)
    assert panel.values.shape == (13, 12) and grid.plays and panel.framed == (0, 13, 11, 12)
    logits = trace.run(mini(), CAT)["logits"][0].numpy()
    assert words[-1].tolist() == [mini_word(row.argmax()) for row in logits[1:]]
    np.testing.assert_allclose(panel.values[-1], sampling.softmax(logits[1:]).max(-1), rtol=1e-4)
    assert words[5, -1] == "·back" and words[7, -1] == "·fire" and "from the row “4 attention” on; it ends at 31.0 %" in said
    assert panel.tiles.values[:12] == tuple(range(1, 13)), "a click on a column follows its token"
    assert [one.name for one in lines.data[::2]][:2] == ["·fire", "·bed"] and len(lines.data) == 10


def mini_word(token) -> str:
    return tokenizer.printable(int(token))


def test_words_a_reader_pins_are_followed():
    (_, lines), _ = drawn("forms", opened("forms", pins="back, 'x', fire, fire, a, b, c, d"))
    assert [one.name for one in lines.data[::2]] == ["·back", "x", "·fire", "·a", "·b"], "five at most, each once"
    made = trace.run(mini(), CAT, points=[*lens.points(6)])
    _, ranks = lens.follow(mini(), lens.stream(made, lens.points(6))[:, -1], [tokenizer.encode(" back")[0]])
    assert np.array_equal(lines.data[1].y, ranks[:, 0])


def test_typed_words():
    setting = opened("ledger")
    assert (
        answer.typed(setting, "fire") == tokenizer.encode(" fire")[0]
        and answer.typed(setting, "“fire”") == tokenizer.encode("fire")[0]
    )
    assert answer.typed(setting, "  ") is None and answer.typed(setting, "''") is not None


# the ledger -----------------------------------------------------------------------------------------------------------


def test_the_ledger_prints_parts_model_and_difference():
    (steps, grid), said = drawn("ledger", opened("ledger"))
    terms, whole = steps.data
    assert np.isclose(sum(terms.y), whole.y[0], atol=1e-5) and len(terms.y) == 2 + 2 * 6 + 1
    np.testing.assert_allclose(list(terms.base), np.concatenate([[0], np.cumsum(terms.y)[:-1]]))
    assert "63 terms together: 10.633326. The model's number is 10.633326, a difference of" in said
    loose, blocks = grid.panels
    assert loose.values.size == 3 and blocks.values.shape == (6, 10)
    assert np.isclose(loose.values.sum() + blocks.values.sum(), whole.y[0], atol=1e-4)
    (steps, _), _ = drawn("ledger", opened("ledger", open="parts"))
    assert len(steps.data[0].y) == 63


def test_against_another_word_it_is_the_difference():
    logits = trace.run(mini(), CAT)["logits"][0, -1]
    for values, other in (({"against": "second"}, " bed"), ({"against": "typed", "other": "back"}, " back")):
        level = ledger.levels(opened("ledger", **values))[-1]
        wanted = float(logits[tokenizer.encode(" fire")[0]] - logits[tokenizer.encode(other)[0]])
        assert level.value == pytest.approx(wanted) and level.total == pytest.approx(wanted, abs=1e-4)
    assert ledger.asked(opened("ledger", against="typed", other="fire"))[1] == tokenizer.encode(" fire")[0]


def test_every_cell_leads_to_the_term_it_shows():
    """Each tile of each level, by the picture alone: its number is that of the level behind it."""
    rng = np.random.default_rng(0)
    for n in range(25):
        way: list[int] = []
        for _ in range(7):
            setting = opened("ledger", ids=EFFORT, model=tiny(), way=".".join(map(str, way)))
            level = ledger.levels(setting)[-1]
            assert len(ledger.trail(setting)) == len(way) + 1
            panels = [panel for panel in ledger.cells(setting, level) if panel.tiles]
            if not panels:
                assert level.kind == "row"
                break
            panel = panels[int(rng.integers(len(panels)))]
            values = panel.values.ravel()
            n = int(rng.choice([at for at, value in enumerate(panel.tiles.values) if value >= 0]))
            step = panel.tiles.values[n]
            if step < len(level.terms) and not (level.kind == "head" and panel.kind == "weight"):
                assert values[n] == pytest.approx(level.terms[step], rel=1e-5, abs=1e-9)
            if level.open(step) is None:
                continue
            way.append(step)
        drawn("ledger", setting)


def test_the_way_to_a_table_says_what_it_is():
    names = ledger.trail(opened("ledger", way="45.8.0"))
    assert names == ["The ledger", "head 5.4", "8 ·the", "token row of 8 ·the"]
    score = opened("ledger", way=f"45.8.{len(ledger.levels(opened('ledger', way='45.8'))[-1].terms)}.3")
    assert ledger.trail(score)[-2:] == ["score", "channel 3"]
    assert "one factor held" in ledger.caption(score)


@pytest.mark.parametrize("way", ["99", "0.0.0.0", "3.77.1", "3.1.4.2.999"])
def test_a_way_that_ends_early_is_said(way):
    setting = opened("ledger", ids=EFFORT, way=way)
    assert "leads nowhere here" in ledger.caption(setting) and len(ledger.trail(setting)) < 1 + len(way.split("."))
    drawn("ledger", setting)


@pytest.mark.parametrize("raw", ["a", "1.", ".1", "1..2", "-1", "1" * 9, "1." * 240 + "1"])
def test_what_is_no_way_is_refused(raw):
    (way,) = [one for one in LAB.find("ledger").controls_for(opened("ledger")) if one.kind == "path"]
    assert way.parse("") == "" and way.parse("3.12.0") == "3.12.0"
    with pytest.raises(ValueError, match="no way"):
        way.parse(raw)


# two sentences --------------------------------------------------------------------------------------------------------


def test_what_cannot_change_did_not():
    for cell in ("0.1", "2.2", "6.3"):
        setting = opened("patch", ids=EFFORT, cell=cell)
        (grid,), said = drawn("patch", setting)
        first, _, copied, moved = grid.panels
        depth, token = map(int, cell.split("."))
        can = np.zeros((7, 4), dtype=bool)
        can[depth + 1 :, token:] = can[depth, token] = True
        assert (moved.values[~can] == 0).all() and np.array_equal(first.values[~can], copied.values[~can])
        assert moved.framed == copied.framed == ((depth + 1, 7, token, 4) if depth < 6 else None)
        assert f"{can.sum()} of 28 cells could change, and {(moved.values > 0).sum()} did" in said


def test_the_last_row_of_another_sentence_is_its_answer():
    made = two_sentences.measured(opened("patch", ids=EFFORT, cell="6.3"))
    assert made.copied.best[-1, -1] == made.lenses[1].best[-1, -1]
    assert made.copied.shares[-1, -1] == pytest.approx(made.lenses[1].shares[-1, -1])


def test_two_sentences_are_held_against_each_other():
    (grid,), _ = drawn("patch", opened("patch", ids=EFFORT, between="sentences"))
    (last,) = grid.panels[-1:]
    rows = [trace.run(mini(), ids)["logits"][0].double().softmax(-1) for ids in (EFFORT, tokenizer.encode(two_sentences.OTHER))]
    np.testing.assert_allclose(last.values[-1], (rows[0] - rows[1]).abs().sum(-1) / 2, rtol=1e-4)
    assert last.framed is None and (last.values[:, 0] == 0).all(), "both begin with the same word"


def test_where_there_is_nothing_to_copy_it_is_said():
    setting = opened("patch", other="Every day", cell="3.9")
    (grid,), said = drawn("patch", setting)
    assert "There is nothing to copy at token 9: the other sentence has only 2 tokens" in said
    *lenses, apart = grid.panels
    assert len(lenses) == 1 and np.isnan(apart.values).all() and "apart" in apart.title
    assert "only 2 tokens" in drawn("patch", opened("patch", other="Every day", cell="3.9", into="second"))[1]
    with pytest.raises(ValueError, match="is empty"):
        drawn("patch", opened("patch", other=""))


@pytest.mark.parametrize("key", ["forms", "ledger", "units", "patch"])
@pytest.mark.parametrize("ids", [[464], list(range(100, 132))], ids=["one token", "the whole context"])
def test_any_length(key, ids):
    _, said = drawn(key, opened(key, ids=ids, model=tiny()))
    assert len(said) > 40


# in short, at the last stage ------------------------------------------------------------------------------------------


def test_the_bill_in_short_is_the_whole_sum():
    level = ledger.levels(opened("ledger"))[0]
    lines = ledger.in_short(level)
    assert len(lines) == ledger.SHORT + 1 and lines[-1][0] == "7 others"
    assert sum(value for _, value, _ in lines) == pytest.approx(level.total, rel=1e-12)
    assert abs(lines[-1][1]) <= 7 * min(abs(value) for _, value, _ in lines[:-1]), "the largest have a line of their own"
    assert [name for name, _, _ in lines[:2]] == ["attention 1", "feed-forward 1"] or lines[0][0] in level.names


def test_the_drawer_of_the_last_stage_says_why_its_word():
    app = fine(page(stage="append", text="The letter was sealed. She opened the", drawer="why"))
    said = text(app)
    lines = ledger.in_short(ledger.levels(opened("ledger", tokenizer.encode("The letter was sealed. She opened the")))[0])
    assert "63 terms together: 11.903118. The model's number is 11.903116" in said
    assert all(f"{name}{ledger.number(value)}" in said for name, value, _ in lines)
    assert "Take each line apart" in [link.proto.label for link in app.get("page_link")][-1]
    elsewhere = fine(page(stage="softmax", drawer="why"))
    assert "Look for" in html(elsewhere) and "Why this word" not in [
        one.content for one in elsewhere.segmented_control(key="drawer").proto.options
    ], "a step that ends with no word shows its words"
    edited = text(
        fine(page(stage="append", text="The letter was sealed. She opened the", drawer="why", edit="head:6.3", dropout=0.2))
    )
    assert "In the walk head 6.3 is off. Not here" in edited and "Dropout is off here" in edited and "11.903118" in edited
