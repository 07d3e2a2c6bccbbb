"""Every part in turn: the batches say what one pass after the other says, and a press on the map leads to that edit in the walk."""

import re
from dataclasses import replace
from urllib.parse import urlencode

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from conftest import settle
from gptviz import edits, effects, sampling, sweep, tokenizer, trace
from gptviz.config import PRESETS
from gptviz.labs.lab import Setting
from gptviz.labs.parts import sublayers
from gptviz.labs.parts.lab import LAB
from gptviz.ui import cache, lab, state
from sample_models import mini, randomised
from test_page import APP, html

LETTER = "The letter was sealed. She opened the"
IDS = tokenizer.encode(LETTER)
TINY = randomised(PRESETS["tiny"], seed=5)
ROW = "-".join(map(str, tokenizer.encode("The cat sat by the fire")))
SENTENCES = (
    LETTER,
    "Every effort moves you",
    "I beg your pardon, said he. I beg your",
    "The cat sat by the fire, and the kitten sat by the",
)


def set_(key: str, text: str = LETTER, model=None, once=None, **values) -> Setting:
    """An experiment at its defaults, with these values instead; what was worked out is kept."""
    kept: dict = {}
    bare = Setting(
        model or mini(),
        tuple(tokenizer.encode(text)),
        {},
        text=text,
        model_key="mini",
        once=once or (lambda key, make, doing="": kept[key] if key in kept else kept.setdefault(key, make())),
        kept=kept.get,
    )
    return replace(bare, values={control.name: control.start() for control in LAB.find(key).controls_for(bare)} | values)


def kinds(block: int, config) -> list[str]:
    """Every kind of edit that has a block, in every way there is."""
    found = []
    for kind, known in edits.KINDS.items():
        if "block" in known.places:
            others = {"head": str(config.n_head), "which": "2", "unit": "7", "token": "3", "query": "5", "key": "4"} | {
                "matrix": "output",
                "row": "3",
                "column": "5",
            }
            place = ".".join([str(block), *(others[name] for name in known.places[1:])])
            found += [":".join(filter(None, (kind, place, how))) for how in ([ROW] if kind == "row" else known.hows)]
    return found


@pytest.mark.parametrize(("model", "block"), [("mini", 0), ("mini", 3), ("mini", 5), ("tiny", 0), ("tiny", 1)])
def test_a_batch_says_what_one_pass_after_the_other_says(model, block, monkeypatch):
    model = mini() if model == "mini" else TINY
    names = edits.parse(
        ",".join([*kinds(block + 1, model.config), *(f"head:{block + 1}.{n + 1}" for n in range(model.config.n_head))])
    )
    before = sweep.plain(model, IDS)
    alone = np.stack([trace.run(model, IDS, edits=[name], points=["logits"]).array("logits")[0, -1] for name in names])
    made = sweep.logits(before, block, names)
    np.testing.assert_allclose(made, alone, rtol=1e-4, atol=1e-4 * np.abs(alone).max())
    plain = before.array("logits")[0, -1]
    assert all(not np.array_equal(row, plain) for row in made)
    monkeypatch.setattr(sweep, "MOST", 3 * sweep._bytes(model, 1, len(IDS)))
    assert sweep.at_once(model, len(IDS)) == 3, "few at once where memory is short"
    np.testing.assert_allclose(sweep.logits(before, block, names), made, rtol=1e-4, atol=1e-4 * np.abs(alone).max())


def test_what_a_batch_holds_is_bounded_and_asked_for(monkeypatch):
    asked = []

    def guard(about, go):
        asked.append(about)
        return go(None)

    names = edits.parse(",".join(f"head:1.{n}" for n in range(1, 9)))
    long = (IDS * 40)[:256]
    before = sweep.plain(mini(), long)
    monkeypatch.setattr(sweep, "MOST", 40 << 20)
    with trace.guarded(guard):
        sweep.tried(before, 0, names, 11)
    assert len(asked) == -(-8 // sweep.at_once(mini(), 256)) > 1 and all(one.needed <= 40 << 20 for one in asked)
    assert sum(one.batch for one in asked) == 8


def test_only_edits_of_one_block_go_together():
    before = sweep.plain(TINY, IDS)
    for name in ("head:2.1", "position", "no-mask"):
        with pytest.raises(ValueError, match="only edits of block 1"):
            sweep.logits(before, 0, edits.parse(name))


def test_each_is_held_against_the_pass_without():
    names = edits.parse("head:6.3,head:6.4:mean,block:6")
    letter = tokenizer.encode(" letter")[0]
    before = sweep.plain(mini(), IDS)
    made = sweep.tried(before, 5, names, letter)
    for n, name in enumerate(names):
        row = trace.run(mini(), IDS, edits=[name]).array("logits")[0, -1]
        assert made.shares[n] == pytest.approx(sampling.softmax(row)[letter], rel=1e-4) and made.best[n] == row.argmax()
        assert made.divergence[n] == pytest.approx(effects.divergence(before.array("logits")[0, -1], row), rel=1e-3)


def test_numbers_too_large_to_be_shown_are_left_blank():
    model = randomised(PRESETS["tiny"], seed=5)
    model.blocks[1].ff.contract.weight.mul_(1e30)  # without its LayerNorm the row is far larger still
    before = sweep.plain(TINY, IDS)
    made = sweep.tried(replace(before, model=model), 1, edits.parse("attention:2,feed-forward:2"), 5)
    assert np.isnan(made.shares[0]) and np.isfinite(made.shares[1])


def test_the_map_holds_every_head_and_a_press_names_its_edit():
    setting = set_("heads")
    grid, table = LAB.find("heads").pictures(setting)
    opened = LAB.find("heads").opens(setting)
    letter = tokenizer.encode(" letter")[0]
    panel = grid.main
    assert panel.values.shape == (6, 8) and len(opened) == 48 == len(panel.tiles.values)
    plain = sampling.softmax(trace.run(mini(), IDS).array("logits")[0, -1])[letter]
    off = sampling.softmax(trace.run(mini(), IDS, edits=["head:6.3"]).array("logits")[0, -1])[letter]
    assert panel.values[5, 2] == pytest.approx(100 * (off - plain), abs=1e-3)
    there = opened[5 * 8 + 2]
    assert (there["edit"], there["stage"], there["block"], there["head"]) == ("head:6.3", "context-vectors", 6, 3)
    assert all(state._holds(name, value) for changes in opened for name, value in changes.items())
    assert table.columns["what if"][0] == panel.tiles.names[int(np.abs(panel.values).argmax())]


def test_the_prediction_after_an_earlier_token_and_of_a_typed_word():
    setting = set_("heads", at=3, target=" envelope", how="mean")
    envelope = tokenizer.encode(" envelope")[0]
    whole = trace.run(mini(), IDS, edits=["head:2.4:mean"]).array("logits")[0]
    cut = trace.run(mini(), IDS[:4], edits=["head:2.4:mean"]).array("logits")[0]
    before = sampling.softmax(trace.run(mini(), IDS).array("logits")[0, 3])[envelope]
    made = LAB.find("heads").pictures(setting)[0].main.values[1, 3]
    assert made == pytest.approx(100 * (sampling.softmax(cut[3])[envelope] - before), abs=1e-4)
    assert not np.allclose(whole[3], cut[3]), "the mean over the sentence is of the tokens up to there"
    assert LAB.find("heads").opens(setting)[0]["token"] == 3


def test_stopped_it_shows_what_was_tried_and_goes_on_from_there():
    ran, most = [], 2

    def once(key, make, doing=""):
        if key[0] == "tried":
            if len(ran) == most:
                raise InterruptedError
            ran.append(doing)
        return kept.setdefault(key, make()) if key not in kept else kept[key]

    kept: dict = {}
    setting = replace(set_("heads", once=once), kept=kept.get)
    with pytest.raises(InterruptedError):
        LAB.find("heads").pictures(setting)
    stopped = replace(setting, values={**setting.values, "trying": False})
    grid = LAB.find("heads").pictures(stopped)[0]
    assert np.isfinite(grid.main.values).sum() == 16 and "16 of 48 were tried" in grid.note
    assert "Of 16 heads tried" in LAB.find("heads").caption(stopped)
    assert ran == ["Trying the heads of block 1 of 6", "Trying the heads of block 2 of 6"]
    nothing = set_("heads", trying=False)
    assert "Nothing was tried yet" in LAB.find("heads").caption(nothing) and len(LAB.find("heads").pictures(nothing)) == 1


def test_what_the_questions_say_holds():
    rises, takes = [], []
    for text in SENTENCES:
        heads = LAB.find("heads").pictures(set_("heads", text))[0].main.values
        rises.append(heads.max() > 0.3)
        parts = LAB.find("sublayers").pictures(set_("sublayers", text))[0].main.values[1:]
        columns = list(sublayers.PARTS)
        takes.append(parts[:, columns.index("shortcut 1")].mean() < parts[:, columns.index("attention")].mean() - 1)
    assert all(rises) and all(takes), (rises, takes)


def test_a_click_on_the_map_opens_that_edit_in_the_walk(server, visit):
    page = visit(f"{server.url}/Parts?{urlencode({'text': LETTER})}")
    canvas = page.locator(".st-key-stage canvas.cells").first
    here = canvas.evaluate("c => c.gptviz.panels[0]")
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + here["x"] + here["w"] * 2.5 / 8, box["y"] + here["y"] + here["h"] * 5.5 / 6)
    page.wait_for_url("**edit=head%3A6.3**")
    page.get_by_text("KL divergence").wait_for()
    settle(page)
    assert "stage=context-vectors" in page.url and "block=6" in page.url and "head=3" in page.url
    assert page.locator(".badge.edited").count() == 1 and "·letter" in page.locator("p.did").inner_text()


def test_what_is_tried_is_kept_for_all_readers():
    cache._kept.clear()
    setting = replace(set_("heads", once=cache.once), kept=cache.kept)
    LAB.find("heads").pictures(setting)
    again = replace(setting, values={**setting.values, "trying": False})
    assert np.isfinite(LAB.find("heads").pictures(again)[0].main.values).all()


def test_the_page_goes_on_by_itself_until_it_is_stopped(monkeypatch):
    cache._kept.clear()
    monkeypatch.setattr(lab, "SLICE", -1.0)  # one piece in every drawing
    monkeypatch.setattr(sweep, "PIECE", 1)  # of one head
    app = AppTest.from_file(APP, default_timeout=60).switch_page("pages/Parts.py")
    app.query_params["text"] = LETTER

    def tried() -> int:
        assert not app.exception and not app.error
        return int(re.search(r"Of ([\d,]+) heads tried", html(app))[1])

    app.run()
    first = tried()
    assert 1 <= first < 48 and app.session_state["under-way-lab"]
    app.run()
    assert first < (second := tried()) < 48, "the next drawing goes on"
    app.toggle(key="control-trying").set_value(False).run()
    assert tried() == second and not app.session_state["under-way-lab"]
    app.toggle(key="control-trying").set_value(True).run()
    app.session_state["under-way-since"] -= lab.MOST  # as long as one press buys
    app.run()
    assert "there is more to do" in app.warning[0].value and tried() < 48
    monkeypatch.setattr(lab, "SLICE", 60.0)
    app.button(key="go-further").click().run()
    assert tried() == 48 and not app.session_state["under-way-lab"] and not app.warning
