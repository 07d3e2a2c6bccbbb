"""The walk in one file: what it holds is what the model computed, and what it says is what recompute says."""

import argparse
import base64
import json
import re

import numpy as np
import pytest

from gptviz import tokenizer, verbatim
from gptviz.__main__ import main
from gptviz.figures.matrix import Grid
from gptviz.keep import accounts, command, site, walk
from gptviz.keep.chosen import Chosen
from gptviz.keep.store import Store, unpack
from gptviz.recompute import recompute
from gptviz.stages import BY_KEY, STAGES
from hostile import TEXT
from sample_models import mini, tiny

PAIR = Chosen("Every effort moves you", second="Every day", block=2, head=2, token=1, dropout=0.2, seed=5, edits="head:1.2")


def held(page: str) -> tuple[dict, list[np.ndarray]]:
    return unpack(re.search(r'<script id="store" type="text/plain">(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture(scope="module")
def kept():
    seen = PAIR.seen(tiny())
    return seen, *held(walk.page(seen, "tiny"))


def test_every_number_in_the_file_is_the_traces(kept):
    seen, content, arrays = kept
    checked = set()
    for view in walk.every(seen, STAGES, range(seen.config.n_layer)):
        made = view.stage.picture(view.seen)
        picture = content["pictures"][content["views"][view.name]["picture"]]
        if not isinstance(made, Grid):
            continue
        numbers = iter(picture["arrays"])
        for panel, drawn in zip(made.panels, picture["header"]["panels"], strict=True):
            drawn = content["usual"] | drawn
            values = arrays[next(numbers)].reshape(drawn["rows"], drawn["cols"])
            np.testing.assert_array_equal(values, panel.values)
            if drawn["marked"]:
                next(numbers)
            if panel.point in seen.trace.tensors:
                rows, columns = panel.values.shape
                for row, column in ((0, 0), (rows - 1, columns - 1)):
                    assert values[row, column] == float(seen.trace[panel.point][panel.cell(row, column)[1]])
                checked.add(panel.point)
    assert len(checked) > 30
    chart = content["pictures"][content["views"]["gelu 2 "]["picture"]]["figure"]
    units = next(trace for trace in chart["data"] if trace["name"] == "units")
    after = np.frombuffer(base64.b64decode(units["y"]["bdata"]), "<f4")
    np.testing.assert_array_equal(after, seen.trace.array("blocks.1.ff.active")[0, seen.row])


def test_it_holds_every_stage_block_and_head_once(kept):
    seen, content, _ = kept
    blocks, heads = seen.config.n_layer, seen.config.n_head
    wanted = sum((blocks if one.per_block else 1) * (heads if one.per_head else 1) for one in STAGES)
    assert len(content["views"]) == wanted and [one["key"] for one in content["stages"]] == list(BY_KEY)
    said = content["views"]["attention-weights 2 1"]["caption"]
    assert said == BY_KEY["attention-weights"].caption(Chosen(**{**vars(PAIR), "head": 1}).seen(tiny()))


def test_texts_come_back_as_they_were():
    for text in ("x = (-1.250) \\cdot 0.5, -0, 007, 10^{-7}, 1{,}021 = 12345678901234", "no number", "-\\infty = -0.000"):
        parts, numbers = accounts.taken_apart(text)
        assert "".join(part + accounts.written(*number) for part, number in zip(parts, numbers)) + parts[-1] == text
    assert accounts.without_end("1 + 1 = 0.7813", 0.78125) == "1 + 1 = \3"  # as a browser rounds it
    assert accounts.without_end("1 + 1 = 0.7812", 0.78125) == "1 + 1 = 0.7812"
    assert accounts.runs([(0, 1, 3), (0, 1, 4), (0, 2, 0), (0, 2, 5)]) == {"0,1": [(0, 3, 2)], "0,2": [(2, 0, 1), (3, 5, 1)]}
    off = np.array([1.25e-7, -3e-9, 0.0], np.float32)
    np.testing.assert_allclose(accounts.rounded(off), off, rtol=0.01)


def test_a_store_holds_equal_arrays_once_and_gives_them_back():
    store = Store()
    first = store.add(np.arange(6, dtype="<f4").reshape(2, 3))
    assert store.add(np.arange(6, dtype="<f4")) == first and store.add(np.arange(6, dtype="<i4")) != first
    content, arrays = unpack(store.pack({"said": "é < ☃"}))
    assert content["said"] == "é < ☃" and [one.dtype.str for one in arrays] == ["<f4", "<i4"]
    np.testing.assert_array_equal(arrays[0], np.arange(6))


def test_four_tokens_of_the_bundled_model_take_at_most_two_megabytes():
    seen = Chosen("Every effort moves you").seen(mini())
    inside = [stage for stage in STAGES if stage.per_block]
    outside = len(walk.page(seen, "mini", [stage for stage in STAGES if not stage.per_block]))
    one, two = (len(walk.page(seen, "mini", inside, blocks)) for blocks in ([2], [2, 3]))
    assert outside + one - len(walk.html("", "", "", "", "", paper=False)) + 5 * (two - one) < 2_000_000


def test_a_sentence_stays_text():
    page = walk.page(Chosen(TEXT).seen(tiny()), "tiny", [BY_KEY["text"]], [0])
    assert "<img src=x" not in page and "&lt;img src=x onerror=alert(1)&gt;" in page


def test_the_command_writes_the_file_and_says_its_size(tmp_path, capsys):
    file = tmp_path / "walk.html"
    asked = ["keep", "Hello there", str(file), "--stages", "text,softmax,attention-weights", "--block", "3,1", "--head", "2"]
    assert main([*asked, "--second", "Hi", "--dropout", "0.1", "--edits", "no-mask"]) == 0
    assert f"{file.stat().st_size / 1e6:.2f} MB" in capsys.readouterr().out
    page = file.read_text(encoding="utf-8")
    content, _ = held(page)
    assert [one["key"] for one in content["stages"]] == ["text", "attention-weights", "softmax"]
    assert content["blocks"] == [1, 3] and content["opens"] == 3 and content["head"] == 2
    for badge in ("TRAINED", "DROPOUT 0.1, seed 0 (trained without)", "edited: no-mask", "sentence 1 of 2"):
        assert f">{badge}</span>" in page
    assert "Model mini: 6 blocks, 8 heads, 256 wide, weights trained; dropout ON, p = 0.1, seed 0" in page


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--block", "1,7"], "mini has blocks 1 to 6"),
        (["--head", "9"], "head must be from 1 to 8"),
        (["--token", "4"], "token must be from 0 to"),
        (["--dropout", "1"], "at least 0 and below 1"),
        (["--edits", "head:9.9"], "this model has 6 blocks"),
        (["--model", "nano"], "nano"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(tmp_path, capsys, more, said):
    file = tmp_path / "walk.html"
    assert main(["keep", "Hi", str(file), "--stages", "text", *more]) == 1
    assert said in capsys.readouterr().err and not file.exists()


def test_stages_and_blocks_are_read_from_the_line():
    assert [one.key for one in command.stages("softmax, text")] == ["text", "softmax"]
    assert command.numbers("3,1") == [3, 1]
    for read, wrong in ((command.stages, "text,nothing"), (command.numbers, "0"), (command.numbers, "a")):
        with pytest.raises(argparse.ArgumentTypeError):
            read(wrong)


def test_a_site_leads_to_each_of_its_files(tmp_path):
    texts = ["Every effort", "Every effort!", "<b>index</b>", "日本"]
    assert main(["site", str(tmp_path / "site"), *texts, "--stages", "text", "--model", "mini-untrained"]) == 0
    index = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'<a href="([^"]+)">', index)
    assert links == site.names(texts) and len(set(links)) == 4 and "index.html" not in links
    for name in links:
        assert "RANDOM INIT" in (tmp_path / "site" / name).read_text(encoding="utf-8")
    assert "&lt;b&gt;index&lt;/b&gt;" in index and "日本" in index


def test_the_first_tokens_of_a_long_text_fall_out_as_in_the_app():
    model = tiny()
    seen = Chosen("one two three four five six seven eight nine ten " * 8, more=2).seen(model)
    whole = tokenizer.encode(seen.text)
    assert len(seen.cropped) + seen.size == len(whole) + 2 and seen.appended == 2
    assert list(seen.cropped) == list(whole[: len(seen.cropped)])


def test_texts_about_numbers_are_recomputes_own(kept):
    seen, content, arrays = kept
    kept_texts = json.dumps(content["accounts"])
    made = recompute(seen.trace, "blocks.1.shortcut1", (0, seen.row, 3))
    assert made.formula.replace("\\", "\\\\") in kept_texts and len(content["accounts"]) > 30


def test_a_handout_holds_every_stage_once_and_no_recomputations():
    seen = PAIR.seen(tiny())
    content, _ = held(walk.page(seen, "tiny", paper=True))
    assert [content["views"][stage["view"]]["caption"] for stage in content["stages"]] == [
        verbatim.plain(stage.caption(seen)) for stage in STAGES
    ]
    assert len(content["views"]) == len(STAGES) and not any(content["accounts"].values())
