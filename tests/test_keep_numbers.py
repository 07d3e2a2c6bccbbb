"""Numbers taken home: a picture's as CSV, and the Python that makes them again."""

import io
import json
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from gptviz.figures.forms import table
from gptviz.figures.matrix import Grid
from gptviz.keep import arrays, code, csv
from gptviz.keep.chosen import Chosen
from gptviz.labs.lab import Setting
from gptviz.seen import Seen
from gptviz.stages import BY_KEY, STAGES
from gptviz.ui import beside, keep
from gptviz.ui.links import LABS
from gptviz.ui.state import Choice
from hostile import TEXT
from sample_models import EFFORT, mini

DEFAULT = Chosen("Every effort moves you", block=3, head=4)
OTHER = Chosen(
    'He said "no" \\ £', second="Every day holds a", item=0, block=2, head=8, token=1, dropout=0.1, seed=7, edits="head:2.1"
)


@pytest.fixture(scope="module")
def looked_at() -> dict[Chosen, Seen]:
    return {one: one.seen(mini()) for one in (DEFAULT, OTHER)}


def made_by(lines: str, name: str):
    space: dict = {}
    exec(compile(lines, "copied", "exec"), space)  # noqa: S102  what a reader copies is run as they would
    return space[name]


def same(one, other) -> None:
    """Two pictures show the same numbers, bit by bit."""
    pairs = list(zip(table(one), table(other), strict=True))
    for mine, theirs in pairs:
        assert list(mine.columns) == list(theirs.columns) and mine.title == theirs.title
        for name, values in mine.columns.items():
            np.testing.assert_array_equal(np.asarray(values), np.asarray(theirs.columns[name]), err_msg=name)
    assert pairs


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
@pytest.mark.parametrize("chosen", [DEFAULT, OTHER], ids=["default", "other"])
def test_what_a_stage_lets_you_copy_makes_its_picture(looked_at, stage, chosen):
    seen = looked_at[chosen]
    lines = code.of_stage(stage, seen, "mini")
    assert len(lines.splitlines()) <= 9 and all(len(line) < 200 for line in lines.splitlines() if "ids = [" not in line)
    same(made_by(lines, "picture"), stage.picture(seen))


def test_before_and_after_an_edit_can_be_copied_too(looked_at):
    seen, softmax = looked_at[OTHER], BY_KEY["softmax"]
    plain = replace(OTHER, edits="").seen(mini())
    lines = code.of_stage(softmax, seen, "mini", compared=True)
    same(made_by(lines, "picture"), softmax.edited(plain, seen))
    assert "edits=['head:2.1']" in lines


def test_what_is_kept_of_an_edited_pass_says_so(looked_at):
    seen = looked_at[OTHER]
    about = keep.source(seen, "mini")
    assert about["edits"] == "head:2.1" and "# edits: head:2.1" in csv.write([BY_KEY["softmax"].picture(seen)], about)
    more = replace(DEFAULT, text="The letter was sealed. She opened the", more=2)
    written = [replace(more, edits=edits).seen(mini()).trace.ids[0, -2:].tolist() for edits in ("", "head:6.3")]
    assert written[0] != written[1], "the edited model writes other tokens"


class Menu(nullcontext):
    open = True


@pytest.mark.parametrize(("key", "edit"), [("main", "head:6.3"), ("other", "")])
def test_a_pass_beside_its_edited_self_is_kept_as_it_is(key, edit, monkeypatch):
    choice = Choice(text="The letter was sealed. She opened the", edit="head:6.3", beside="mini", block=6, head=3)
    main = beside.half(choice, "mini", mini())
    one = main if key == "main" else beside.half(choice, "mini", mini(), main)
    asked = []
    monkeypatch.setattr(keep.st, "download_button", lambda label, data, *args, **options: asked.append(data))
    for name in ("_files", "_code"):
        monkeypatch.setattr(keep, name, lambda *args: None)
    monkeypatch.setattr(keep, "_menu", lambda key: Menu())
    keep.stage(one, BY_KEY["softmax"], choice, (), key)
    with np.load(io.BytesIO(asked[0]())) as read:
        np.testing.assert_array_equal(read["logits"], one.trace.array("logits"))
        assert json.loads(str(read["choices"]))["edit"] == edit


@pytest.mark.parametrize(
    "view", [("Attention", 0), ("Sampling", 1), ("Gradients", 2)], ids="/".join(("lab", "experiment")).format
)
def test_what_an_experiment_lets_you_copy_makes_its_pictures(view):
    name, number = view
    experiment = LABS[name].experiments[number]
    setting = Setting(model=mini(), ids=tuple(EFFORT), values={}, text="Every effort moves you", model_key="mini")
    values = {control.name: control.start() for control in experiment.controls_for(setting)}
    wanted = experiment.pictures(Setting(mini(), tuple(EFFORT), values, text="Every effort moves you", model_key="mini"))
    made = made_by(code.of_experiment(experiment, values, "Every effort moves you", tuple(EFFORT), "mini"), "pictures")
    for one, other in zip(made, wanted, strict=True):
        same(one, other)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_a_table_holds_the_numbers_of_its_picture_in_full(looked_at, stage):
    made = stage.picture(looked_at[DEFAULT])
    text = csv.write([made], {"model": "mini", "text": "Every effort\nmoves you"})
    assert text.startswith("# model: mini\r\n# text: Every effort moves you\r\n")
    read = csv.read(text)
    if isinstance(made, Grid):
        for (title, names, rows), panel in zip(read, made.panels, strict=True):
            assert panel.title in title and panel.row_axis == names[0]
            assert [row[0] for row in rows] == list(panel.rows)
            first = 1 + ("row number" in names)
            values = np.array(
                [[float(one or "nan") for one in row[first : first + panel.values.shape[1]]] for row in rows], np.float32
            )
            np.testing.assert_array_equal(values, np.where(np.isnan(panel.values), np.nan, panel.values))
            assert names[first] == panel.column_label(0) or names[first].endswith("[0]")
    elif read and hasattr(made, "data"):
        for (_, names, rows), trace in zip(read, made.data, strict=True):
            if trace.type != "heatmap":
                at = next(n for n, name in enumerate(names) if name == "x" or name.startswith("x ("))
                np.testing.assert_array_equal(np.array([row[at] for row in rows], np.float32), np.asarray(trace.x, np.float32))
    else:
        assert read


def test_a_hostile_text_is_one_field_of_a_table():
    seen = Chosen(TEXT + ',"=1+1').seen(mini())
    read = csv.read(csv.write([BY_KEY["text"].picture(seen), BY_KEY["token-embedding"].picture(seen)], {"text": "a\n# b: c"}))
    assert len(read) == 3 and all(len(row) == len(names) for _, names, rows in read for row in rows)
    assert not any(one.startswith(("=", "@")) for _, _, rows in read for row in rows for one in row)


def test_a_pass_too_large_for_a_file_is_refused_with_both_numbers(looked_at):
    trace = looked_at[DEFAULT].trace
    kept = arrays.packed(trace, {"text": "Every effort moves you"}, 2 << 20)
    assert len(kept) <= arrays.size(trace) < 1.05 * len(kept)  # what is said before is what comes
    with np.load(io.BytesIO(kept)) as read:
        for name in trace.tensors:
            np.testing.assert_array_equal(read[name], trace.array(name))
        assert json.loads(str(read["choices"]))["axes"]["logits"] == ["batch", "token", "word"]
    with pytest.raises(MemoryError, match=r"this file would take 1 MiB and 0 MiB is what"):
        arrays.packed(trace, {}, 1 << 10)
