"""The stages from queries to the next token: their pictures hold the traced numbers, their words the right ones."""

import math
import re
from dataclasses import replace
from functools import cache

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
import torch.nn.functional as F

from gptviz import catalogue, recompute, tokenizer, trace
from gptviz.config import GPTConfig
from gptviz.figures import matrix
from gptviz.figures.chips import Chips
from gptviz.figures.forms import to_plotly
from gptviz.figures.matrix import MASKED, Grid
from gptviz.model import GPT
from gptviz.seen import Seen
from gptviz.stages import BY_KEY, STAGES, context_vectors, contract, output_head, source
from gptviz.stages.queries_keys_values import columns
from gptviz.words import percent, size

KEYS = tuple(stage.key for stage in STAGES)
PARAGRAPH = (
    "The old house stood upon the hill, and the wind that came from the sea moved slowly through the trees. She had never seen "
    "<b>anything</b> like it; the door was open, the fire was out, and nobody answered when she called. "
)
LONG = (tokenizer.encode(PARAGRAPH) * 6)[:256]
TWO = (tokenizer.encode("Every effort moves you"), [*tokenizer.encode("Good day"), 0, 0])

CASES = {
    "sentence": (tokenizer.encode("Every effort moves you"), dict(block=2, head=3)),
    "first token": (tokenizer.encode("Every effort moves you"), dict(block=0, head=0, token=0)),
    "emoji": (tokenizer.encode("a 🦜 says <b>hello</b> & goodbye"), dict(block=1, head=1, token=2)),
    "one token": (tokenizer.encode("Every"), dict(block=1, head=2)),
    "256 tokens": (LONG, dict(block=5, head=7)),
    "inside 256 tokens": (LONG, dict(block=1, head=0, token=100)),
    "second of two": (TWO, dict(item=1, block=2, head=4, length=2)),
}
"""ids and what is looked at; every view also runs in Present mode."""


@cache
def mini() -> GPT:
    return catalogue.load("mini")


@cache
def narrow() -> GPT:
    """GPT-2's 12 heads on a tiny width, randomly initialised."""
    return GPT(GPTConfig(n_embd=24, n_head=12, n_layer=3, context_length=16)).init_weights(seed=5).requires_grad_(False)


@cache
def traced(case: str, dropout: float = 0.0) -> trace.Trace:
    return trace.run(mini(), CASES[case][0], dropout=dropout, seed=1)


def looked(case: str, dropout: float = 0.0) -> Seen:
    return Seen(traced(case, dropout), **CASES[case][1])


def all_views():
    for case in CASES:
        yield case, looked(case)
        yield case, replace(looked(case), present=True)


def numbers(text: str) -> list[float]:
    """Every number written in a sentence."""
    found = re.findall(r"[-−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?", text)
    return [float(number.replace(",", "").replace("−", "-")) for number in found]


def assert_traced(run: trace.Trace, panel: matrix.Panel) -> None:
    """Every cell is the tensor element it says it is; a derived one is what recomputing gives."""
    rows, count = panel.values.shape
    if not panel.point:
        return  # an example, or a row of a table: nothing of the pass
    if panel.point in run.tensors:
        held = run.array(panel.point)[panel.prefix]
        row_index = list(panel.row_index or range(rows))
        column_index = list(panel.column_index or range(count))
        np.testing.assert_array_equal(panel.values, held[np.ix_(row_index, column_index)])
        return
    for row in {0, rows // 2, rows - 1}:
        for column in {0, count // 2, count - 1}:
            found = recompute.recompute(run, *panel.cell(row, column))
            assert panel.values[row, column] == pytest.approx(found.value, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("key", KEYS)
def test_words(key):
    stage = BY_KEY[key]
    assert 20 <= len(stage.prose.split()) <= 90
    assert stage.formula and stage.title and stage.short
    question = stage.asked(looked("sentence"))
    assert 2 <= len(question.choices) <= 4
    assert 0 <= question.answer < len(question.choices)
    assert question.ask.endswith("?") and question.why
    assert stage.lines and all(found.marked for found in source.lines(stage.lines))
    assert all(point.format(block=0) in mini().points for point in stage.points)


@pytest.mark.parametrize("key", KEYS)
def test_every_picture_holds_the_traced_numbers(key):
    stage = BY_KEY[key]
    for case, seen in all_views():
        grids = [stage.picture(seen)] + ([stage.overview(seen)] if stage.overview else [])
        caption = stage.caption(seen)
        assert caption and caption.endswith("."), case
        assert "nan" not in caption.split(), case
        for grid in grids:
            if not isinstance(grid, Grid):
                continue
            assert grid.alt
            for panel in grid.panels:
                assert_traced(seen.trace, panel)
            figure = to_plotly(grid)
            for panel, drawn in zip(grid.panels, figure.data, strict=True):
                shown = np.where(np.isfinite(panel.values), panel.values, np.nan)
                np.testing.assert_array_equal(np.asarray(drawn.z), shown.astype(np.float32))
        assert isinstance(to_plotly(stage.picture(seen)), go.Figure)
        if seen.present and isinstance(grids[0], Grid):
            assert len(grids[0].panels) <= 3
            assert sum(panel.values.size for panel in grids[0].panels if panel.prints) <= 48


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_twelve_heads_on_a_tiny_width(dropout):
    run = trace.run(narrow(), tokenizer.encode("Every effort moves you"), dropout=dropout, seed=2)
    for key in KEYS:
        stage = BY_KEY[key]
        for seen in (Seen(run, block=2, head=11), Seen(run, block=0, head=5, token=1, present=True)):
            picture = stage.picture(seen)
            for panel in picture.panels if isinstance(picture, Grid) else ():
                assert_traced(run, panel)
            assert stage.caption(seen)
    assert len(BY_KEY["attention-weights"].overview(Seen(run, block=2, head=11)).panels) == 12
    small = Seen(run, head=11).heads("blocks.0.att.weights").panels
    assert [panel.chosen for panel in small].index(True) == 11
    names = Seen(run).labels
    assert small[0].told == (("query: reads", names), ("key: is read", names))
    assert Seen(run).heads("blocks.0.att.query").panels[0].told == (("token", names), ("channel of the head", ()))


def test_queries_keys_values_come_from_their_columns():
    seen = looked("sentence")
    run = seen.trace
    qkv = mini().blocks[seen.block].att.qkv
    for part in ("query", "key", "value"):
        made_by = list(columns(mini().config, part, seen.head))
        expected = run[f"blocks.{seen.block}.norm1"][0] @ qkv.weight[:, made_by] + qkv.bias[made_by]
        shown = seen.array(f"blocks.{seen.block}.att.{part}")
        np.testing.assert_allclose(shown, expected.numpy(), atol=1e-4)
        assert f"W_{part[0].upper()} columns {made_by[0]}-{made_by[-1]}" in BY_KEY["queries-keys-values"].picture(seen).note
    lengths = [float(run[f"blocks.{seen.block}.att.{part}"][0, seen.head, -1].norm()) for part in ("query", "key", "value")]
    said = numbers(BY_KEY["queries-keys-values"].caption(seen))
    assert all(round(length, 1) in said for length in lengths)


def test_scores_say_what_the_division_does():
    seen = looked("sentence")
    run = seen.trace
    raw = run[f"blocks.{seen.block}.att.scores"][0, seen.head, -1]
    best = int(raw.argmax())
    said = numbers(BY_KEY["attention-scores"].caption(seen))
    assert round(float(raw[best]), 2) in said
    assert round(float(raw[best]) / math.sqrt(mini().config.head_size), 2) in said
    caption = BY_KEY["attention-scores"].caption(seen)
    assert percent(float((raw / math.sqrt(mini().config.head_size)).softmax(-1)[best])) in caption
    assert percent(float(raw.softmax(-1)[best])) in caption


@pytest.mark.parametrize("case, kept, hidden", [("sentence", 10, 6), ("256 tokens", 32896, 32640), ("second of two", 3, 1)])
def test_mask_counts(case, kept, hidden):
    seen = looked(case)
    picture = BY_KEY["causal-mask"].picture(seen)
    assert int((picture.main.marks == MASKED).sum()) == hidden
    assert int(np.isneginf(picture.main.values).sum()) == hidden
    assert {kept, hidden} <= set(numbers(BY_KEY["causal-mask"].caption(seen)))


def test_one_token_hides_nothing():
    seen = looked("one token")
    assert "none hidden" in BY_KEY["causal-mask"].caption(seen)
    assert not BY_KEY["causal-mask"].picture(seen).main.marks.any()


def test_weights_sum_to_one_and_the_caption_names_the_largest():
    for case in ("sentence", "256 tokens"):
        seen = looked(case)
        run = seen.trace
        weights = run[f"blocks.{seen.block}.att.weights"][0, seen.head]
        assert set(BY_KEY["attention-weights"].picture(seen).main.side) == {"1.00"}
        said = BY_KEY["attention-weights"].caption(seen)
        assert percent(float(weights[-1].max())) in said
        enough = int((weights[-1].double().sort(descending=True).values.cumsum(0) < 0.9).sum()) + 1
        assert f"{enough} of the {len(weights)} tokens it may read hold 90.0 % of it" in said


def test_a_square_in_present_mode_shows_a_window_that_reaches_to_the_token():
    run = traced("256 tokens")
    for token in (0, 1, 2, 5, 100, 255):
        panel = BY_KEY["attention-weights"].picture(Seen(run, token=token, present=True)).main
        assert panel.values.shape == (4, 8)
        assert token in panel.row_index and token in panel.column_index
        assert panel.find("blocks.0.att.weights", (0, 0, token, token)) is not None


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("case", ["sentence", "emoji", "one token", "second of two"])
def test_weighted_values_sum_to_the_context_vector(case, dropout):
    seen = looked(case, dropout)
    run = seen.trace
    parts, context = BY_KEY["context-vectors"].picture(seen).panels
    np.testing.assert_allclose(parts.values.astype(np.float64).sum(0), context.values[0], atol=1e-5)
    assert parts.row_index == tuple(range(seen.row + 1))
    concat = run[f"blocks.{seen.block}.att.concat"][seen.item, seen.row].numpy()
    owned = slice(seen.head * mini().config.head_size, (seen.head + 1) * mini().config.head_size)
    np.testing.assert_array_equal(concat[owned], context.values[0])


def test_a_long_text_shows_the_heaviest_value_rows_and_says_so():
    seen = looked("256 tokens")
    run = seen.trace
    grid = BY_KEY["context-vectors"].picture(seen)
    weights = run[f"blocks.{seen.block}.att.dropped"][0, seen.head, -1]
    chosen = sorted(weights.topk(context_vectors.MOST_KEYS).indices.tolist())
    assert list(grid.panels[0].row_index) == chosen
    held = round(100 * float(weights[chosen].sum() / weights.sum()), 1)
    assert {context_vectors.MOST_KEYS, 256, held} <= set(numbers(grid.left_out))


def test_dropped_weights_hand_nothing_over():
    run = traced("sentence", 0.5)
    dropped = run["blocks.2.att.dropped"][0, :, -1]
    head = int((dropped == 0).sum(1).argmax())  # the head that lost most of its last row
    assert (dropped[head] == 0).any()
    parts = BY_KEY["context-vectors"].picture(Seen(run, block=2, head=head)).panels[0]
    assert not parts.values[(dropped[head] == 0).numpy()].any()
    assert parts.values.shape[0] == 4


@pytest.mark.parametrize("case", list(CASES))
def test_heads_and_bias_are_the_output(case):
    seen = looked(case)
    run = seen.trace
    rows = BY_KEY["output-projection"].picture(seen).main.values.astype(np.float64)
    shown = run[f"blocks.{seen.block}.att_out"][seen.item, seen.row].numpy()
    np.testing.assert_array_equal(rows[-1].astype(np.float32), shown)
    apart = np.abs(rows[:-1].sum(0) - rows[-1]).max()
    assert apart < 1e-4
    said = BY_KEY["output-projection"].caption(seen)
    lengths = np.linalg.norm(rows, axis=1)[: mini().config.n_head]
    assert f"(length {size(float(lengths.max()))})" in said and "but for rounding" in said


def test_switching_a_head_off_takes_its_share_away():
    seen = looked("sentence")
    run = seen.trace
    rows = BY_KEY["output-projection"].picture(seen).main.values

    def silence(context: torch.Tensor) -> torch.Tensor:
        return context * (torch.arange(context.shape[1]) != seen.head)[None, :, None, None]

    without = trace.run(mini(), run.ids, edits=[(f"blocks.{seen.block}.att.context", silence)])
    after = without[f"blocks.{seen.block}.att_out"][0, -1].numpy()
    np.testing.assert_allclose(rows[-1] - rows[seen.head], after, atol=1e-4)


def test_feed_forward_captions():
    seen = looked("sentence")
    run = seen.trace
    at = f"blocks.{seen.block}."
    hidden, active = run[at + "ff.hidden"][0, -1], run[at + "ff.active"][0, -1]
    up = numbers(BY_KEY["expand"].caption(seen))
    assert int((hidden > 0).sum()) in up and int(hidden.argmax()) in up and hidden.numel() in up
    bent = numbers(BY_KEY["gelu"].caption(seen))
    assert (
        percent(float((hidden <= 0).float().mean())) in BY_KEY["gelu"].caption(seen) and round(float(active.max()), 2) in bent
    )
    table = mini().blocks[seen.block].ff.contract.weight
    written = (active[:, None] * table).norm(dim=1)
    down = numbers(BY_KEY["contract"].caption(seen))
    assert int(written.argmax()) in down and size(float(written.max())) in BY_KEY["contract"].caption(seen)
    assert f"length {size(float(run[at + 'ff_out'][0, -1].norm()))}." in BY_KEY["contract"].caption(seen)


def test_units_on_the_curve():
    for case in CASES:
        seen = looked(case)
        figure = BY_KEY["gelu"].picture(seen)
        drawn = {part.name: part for part in figure.data}
        at = f"blocks.{seen.block}.ff."
        np.testing.assert_array_equal(drawn["units"].x, seen.array(at + "hidden")[seen.row])
        np.testing.assert_array_equal(drawn["units"].y, seen.array(at + "active")[seen.row])
        line = drawn["GELU"]
        expected = F.gelu(torch.tensor(np.asarray(line.x)), approximate="tanh")
        np.testing.assert_allclose(line.y, expected.numpy(), atol=1e-5)
        assert sum(drawn["how many"].y) == mini().config.hidden_size


def test_the_lowest_point_of_gelu_is_where_the_prose_says():
    x = torch.linspace(-2, 0, 100001, dtype=torch.float64)
    y = F.gelu(x, approximate="tanh")
    assert f"{float(y.min()):.2f}" == "-0.17" and f"{float(x[y.argmin()]):.2f}" == "-0.75"


def test_all_units_and_the_bias_are_the_feed_forward_output():
    seen = looked("sentence")
    run = seen.trace
    panel = BY_KEY["contract"].overview(seen).main
    active = run[f"blocks.{seen.block}.ff.active"][0, -1]
    layer = mini().blocks[seen.block].ff.contract
    parts = active[:, None] * layer.weight
    np.testing.assert_array_equal(panel.values, parts[list(panel.row_index)].numpy())
    total = parts.double().sum(0) + layer.bias
    np.testing.assert_allclose(total.numpy(), run[f"blocks.{seen.block}.ff_out"][0, -1].numpy(), atol=1e-4)
    assert len(panel.row_index) == contract.STRONGEST
    found = recompute.recompute(run, *panel.cell(0, 7))
    assert found.shown == panel.values[0, 7] and found.difference < 1e-6


def test_the_stack_follows_one_token():
    for case in CASES:
        seen = looked(case)
        run = seen.trace
        grid = BY_KEY["block-output"].picture(seen)
        row = seen.row
        names = ["drop_emb", *(f"blocks.{i}.shortcut2" for i in range(mini().config.n_layer))]
        values = np.concatenate([panel.values for panel in grid.panels])
        for n, name in enumerate(names):
            np.testing.assert_array_equal(values[n], run[name][seen.item, row].numpy())
        assert grid.selected == seen.block + 1
        added = (run[names[seen.block + 1]] - run[names[seen.block]])[seen.item, row].norm()
        assert f"length {size(float(added))} to" in BY_KEY["block-output"].caption(seen)


@pytest.mark.parametrize("case", list(CASES))
def test_logits_of_every_shown_row(case):
    seen = looked(case)
    run = seen.trace
    logits = run["logits"][seen.item, : seen.size]
    figure = BY_KEY["output-head"].picture(seen)
    rows = output_head.shown_rows(len(logits), seen.row, output_head.MOST_ROWS)
    tables = [part for part in figure.data if part.type == "heatmap"]
    assert len(tables) == len(rows) <= output_head.MOST_ROWS
    assert rows[-1] == len(logits) - 1 and seen.row in rows
    for row, drawn in zip(rows, tables):
        expected = logits[row].topk(output_head.RANKS)
        np.testing.assert_array_equal(np.asarray(drawn.z)[0], expected.values.numpy())
        ids = [entry[1] for entry in np.asarray(drawn.customdata, dtype=object)[0]]
        np.testing.assert_array_equal(logits[row, ids].numpy(), expected.values.numpy())
    (bars,) = [part for part in figure.data if part.type == "bar"]
    held = np.asarray(bars.y) + bars.base
    np.testing.assert_allclose(held, logits[seen.row].topk(output_head.RANKS).values.numpy(), atol=1e-4)


def test_the_rank_of_what_really_came_next():
    run = traced("sentence")
    ids = run.ids[0].tolist()
    logits = run["logits"][0]
    order = [logits[row].argsort(descending=True).tolist().index(ids[row + 1]) + 1 for row in range(3)]
    np.testing.assert_array_equal(output_head.target_ranks(Seen(run)), order)
    for row in range(3):
        said = numbers(BY_KEY["output-head"].caption(Seen(run, token=row)))
        assert order[row] in said and round(float(logits[row].max()), 2) in said
    texts = [note.text for note in BY_KEY["output-head"].picture(Seen(run)).layout.annotations]
    for place in order:
        assert any(f"#{place:,}</b>" in text for text in texts)
    assert any("not yet" in text for text in texts)


@pytest.mark.parametrize("case", list(CASES))
def test_probabilities_are_torchs_and_sum_to_one(case):
    seen = looked(case)
    run = seen.trace
    row = seen.row
    expected = torch.softmax(run["logits"][seen.item, row].double(), -1)
    figure = BY_KEY["softmax"].picture(seen)
    drawn = {part.name: part for part in figure.data}
    np.testing.assert_allclose(drawn["largest"].x, expected.topk(12).values.numpy(), rtol=1e-9)
    whole = sum(float(drawn[name].x[0]) for name in ("argmax", "11 more", "rest"))
    assert whole == pytest.approx(1, abs=1e-12)
    caption = BY_KEY["softmax"].caption(seen)
    assert percent(float(expected.max())) in caption and percent(float(expected.topk(12).values.sum())) in caption
    assert f'"{tokenizer.printable(int(expected.argmax()))}"' in caption
    assert "50,245" in caption


def test_an_untrained_model_is_close_to_a_blind_guess():
    run = trace.run(narrow(), tokenizer.encode("Every"))
    texts = BY_KEY["softmax"].picture(Seen(run)).data[0].text
    assert all(text.startswith("0.0020 %") or text.startswith("0.002") for text in texts)


def test_append_writes_the_argmax_and_remembers_what_was_chosen():
    model, ids = mini(), tokenizer.encode("Every effort moves you")
    chances = []
    for _ in range(3):
        last = torch.softmax(trace.run(model, ids)["logits"][0, -1].double(), -1)
        chances.append(percent(float(last.max())))
        ids = [*ids, int(last.argmax())]
    seen = Seen(trace.run(model, ids), appended=3)
    chips = BY_KEY["append"].picture(seen)
    before, after, written = (line for _, line in chips.lines)
    assert [chip.note for chip in written] == chances
    assert [chip.ids[0] for chip in written] == ids[-3:]
    assert [chip.state for chip in before] == [""] * 4 + ["appended"] * 3
    logits = seen.trace["logits"][0, -1]
    assert after[-1].ids == (int(logits.argmax()),) and after[-1].state == "appended"
    assert percent(float(torch.softmax(logits.double(), -1).max())) in BY_KEY["append"].caption(seen)
    noisy = BY_KEY["append"].picture(replace(seen, trace=trace.run(model, ids, dropout=0.2)))
    assert [chip.note for chip in noisy.lines[2][1]] == [""] * 3 and "dropout" in noisy.note


def test_append_says_which_token_falls_out():
    seen = looked("256 tokens")
    chips = BY_KEY["append"].picture(seen)
    first = tokenizer.printable(LONG[0])
    assert isinstance(chips, Chips) and f'"{first}" (token 0) falls out' in chips.note
    assert chips.lines[1][1][0].state == "cropped" and chips.lines[1][1][0].text == first
    assert "256 of 256" in BY_KEY["append"].caption(seen)
    short = BY_KEY["append"].picture(Seen(traced("sentence")))
    assert "falls out" not in short.note and all(chip.state != "cropped" for _, line in short.lines for chip in line)


@pytest.mark.parametrize("key", ["gelu", "output-head", "softmax"])
def test_what_a_reader_typed_is_never_markup_in_a_chart(key):
    run = trace.run(mini(), tokenizer.encode("<b>bold</b> & <i>more</i>"))
    for token in range(run.ids.shape[1]):
        layout = BY_KEY[key].picture(Seen(run, token=token)).layout
        axes = [layout[name] for name in layout if name.startswith(("xaxis", "yaxis"))]
        texts = [layout.title.text, *(note.text for note in layout.annotations)]
        texts += [text for axis in axes for text in (axis.ticktext or ())]
        for text in texts:
            assert not re.sub(r"</?b>|<br>", "", re.sub(r"<b>[^<]*</b>", "", text)).count("<")


@pytest.mark.parametrize("key", ["gelu", "output-head", "softmax"])
def test_charts_follow_the_theme_and_can_be_read(key):
    run = traced("sentence")
    for present, least in ((False, 13), (True, 22)):
        figure = BY_KEY[key].picture(Seen(run, present=present))
        assert figure.layout.font.size >= least and figure.layout.font.color is None
        assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
        assert (400 if present else 260) <= figure.layout.height <= 430
        own = figure.update_layout(template=None)  # importing Streamlit makes its template, full of placeholders, the default
        assert not re.search(r"#0000[0-4][0-9A-Fa-f]\b", own.to_json())
