"""The stages of the stream: their pictures hold the model's numbers, their captions are right."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from gptviz import catalogue, stages, tokenizer, verbatim
from gptviz.figures import distribution
from gptviz.figures.chips import Chips
from gptviz.figures.forms import to_plotly
from gptviz.figures.matrix import DROPPED, Grid
from gptviz.seen import Seen
from gptviz.stages import (
    BY_KEY,
    block_output,
    dropout,
    positional_embedding,
    text,
    token_ids,
    weight_dropout,
)
from gptviz.trace import run

PARTS = {"token", "position", "residual"}
STAGES = {stage.key: stage for stage in stages.STAGES if stage.part in PARTS and stage is not block_output.STAGE}
"""Those whose rows are tokens; the rows of a block's output are blocks."""
FOUR = "Every effort moves you"
EMOJI = "I ❤️ my 🦜 and café"
TEXTS = {"four": FOUR, "emoji": EMOJI, "one": "Every", "long": "The old man walked slowly down to the sea. " * 26}
BLOCK, HEAD = 2, 3
DROPOUTS = {
    "embedding-dropout": ("input_emb", "drop_emb"),
    "attention-dropout": (f"blocks.{BLOCK}.att_out", f"blocks.{BLOCK}.drop1"),
    "feed-forward-dropout": (f"blocks.{BLOCK}.ff_out", f"blocks.{BLOCK}.drop2"),
}
NORMS = {
    "norm1": (f"blocks.{BLOCK - 1}.shortcut2", f"blocks.{BLOCK}.norm1"),
    "norm2": (f"blocks.{BLOCK}.shortcut1", f"blocks.{BLOCK}.norm2"),
    "final-norm": ("blocks.5.shortcut2", "final_norm"),
}
SUMS = {
    "input-embedding": ("tok_emb", "pos_emb", "input_emb"),
    "attention-shortcut": (f"blocks.{BLOCK - 1}.shortcut2", f"blocks.{BLOCK}.drop1", f"blocks.{BLOCK}.shortcut1"),
    "feed-forward-shortcut": (f"blocks.{BLOCK}.shortcut1", f"blocks.{BLOCK}.drop2", f"blocks.{BLOCK}.shortcut2"),
}


@pytest.fixture(scope="module")
def model():
    return catalogue.load("mini")


@pytest.fixture(scope="module")
def cases(model):
    """name -> seen: each text alone, with and without dropout, and both rows of a padded batch of two."""
    made = {}
    for name, typed in TEXTS.items():
        ids = tokenizer.encode(typed)[: model.config.context_length]
        for rate in (0.0, 0.25):
            made[name, rate] = Seen(run(model, ids, dropout=rate, seed=5), block=BLOCK, head=HEAD, text=typed)
    rows = [tokenizer.encode(FOUR), tokenizer.encode("Hello")]
    padded = [row + [tokenizer.END_OF_TEXT_ID] * (4 - len(row)) for row in rows]
    both = run(model, padded, dropout=0.25, seed=5)
    made["batch", 0] = Seen(both, block=BLOCK, head=HEAD, text=FOUR, item=0, length=len(rows[0]))
    made["batch", 1] = Seen(both, block=BLOCK, head=HEAD, text="Hello", item=1, length=len(rows[1]))
    return made


CASES = [*((name, rate) for name in TEXTS for rate in (0.0, 0.25)), ("batch", 0), ("batch", 1)]


def truth(seen, point):
    """The whole tensor a panel's cells index into: a hook point, or a derived one computed here."""
    kind, _, of = point.partition(":")
    if not of:
        return seen.trace.array(point)
    if kind == "mask":
        return seen.trace.factors(of)
    rows = seen.trace.array(of).astype(np.float64)
    unit = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    return unit @ np.swapaxes(unit, -1, -2)


@pytest.mark.parametrize("present", [False, True], ids=["study", "present"])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("key", STAGES)
def test_picture_holds_the_models_numbers(cases, key, case, present):
    seen = replace(cases[case], present=present)
    trace = seen.trace
    stage = STAGES[key]
    picture, figure = stage.picture(seen), to_plotly(stage.picture(seen))
    size = seen.size
    if isinstance(picture, Chips):
        shown = [identity for _, line in picture.lines for chip in line for identity in chip.ids]
        assert set(trace.ids[seen.item, :size].tolist()[:2]) <= set(shown)
        assert list(figure.data[0].cells["values"][1]) == [
            verbatim.chart(chip.text) for _, line in picture.lines for chip in line
        ]
        return
    if not isinstance(picture, Grid):
        return
    assert picture.selected == size - 1
    printed = 0
    for panel, drawn in zip(picture.panels, figure.data, strict=True):
        rows, columns = panel.values.shape
        assert rows <= size
        if not panel.point:  # an example beside what is the pass's own
            assert panel.dim and panel is not picture.main and not trace.dropout
            continue
        whole = truth(seen, panel.point)[panel.prefix]
        rows_at = panel.row_index or tuple(range(rows))
        columns_at = panel.column_index or tuple(range(columns))
        expected = whole[np.ix_(rows_at, columns_at)]
        if panel.point.startswith("cosine:"):
            np.testing.assert_allclose(panel.values, expected, atol=1e-5)
        else:
            assert np.array_equal(panel.values, expected)
        assert np.array_equal(np.asarray(drawn.z), panel.values)
        point, index = panel.cell(rows - 1, columns - 1)
        assert panel.find(point, index) == (rows - 1, columns - 1)
        printed += panel.values.size * panel.prints
    if present:
        assert len(picture.panels) <= 3 and printed <= 48


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("key", STAGES)
def test_caption_speaks_of_this_sentence(cases, key, case):
    seen = cases[case]
    for token in {0, seen.size - 1}:
        said = STAGES[key].caption(replace(seen, token=token))
        assert said.endswith((".", "?")) and re.search(r"\d", said) and "nan" not in said and len(said) < 400


@pytest.mark.parametrize("key", STAGES)
def test_words_formula_and_question(cases, key):
    stage = STAGES[key]
    question = stage.asked(cases["four", 0.0])
    assert 40 <= len(stage.prose.split()) <= 90
    assert stage.formula and "$" not in stage.formula
    assert 2 <= len(question.choices) <= 4 and 0 <= question.answer < len(question.choices)
    assert len(set(question.choices)) == len(question.choices) and question.why


@pytest.mark.parametrize("key", SUMS)
@pytest.mark.parametrize("case", [("four", 0.25), ("one", 0.0), ("batch", 1)], ids=str)
def test_sum_written_out_is_the_models(cases, key, case):
    seen = cases[case]
    trace = seen.trace
    said = STAGES[key].caption(seen).replace("−", "-")
    feature, a, sign, b, c = re.search(
        r"[Ff]eature (\d+): (-?[\d.]+) \(\w+\) ([+-]) ([\d.]+) \(\w+\) = (-?[\d.]+\d)", said
    ).groups()
    row = seen.size - 1
    values = [trace.array(point)[..., int(feature)] for point in SUMS[key]]
    one, two, total = (float(v[row] if v.ndim == 1 else v[seen.item, row]) for v in values)
    assert (float(a), float(sign + b), float(c)) == (round(one, 3), round(two, 3), round(total, 3))
    assert one + two == pytest.approx(total, abs=1e-4)


def test_shortcut_caption_gives_lengths_and_angle(cases):
    seen = cases["four", 0.0]
    trace = seen.trace
    said = BY_KEY["attention-shortcut"].caption(replace(seen, token=2))
    x, added, y = (trace[point][0, 2].double() for point in SUMS["attention-shortcut"])
    cosine = float(torch.nn.functional.cosine_similarity(x, y, dim=0))
    assert f"length {x.norm():.0f}, attention adds {added.norm():.1f}, and it leaves with {y.norm():.0f}" in said
    assert f"turned by {np.degrees(np.arccos(cosine)):.0f}° (cosine {cosine:.2f})" in said


@pytest.mark.parametrize("key", SUMS)
def test_sum_shares_its_colours(cases, key):
    seen = cases["four", 0.0]
    panels = STAGES[key].picture(seen).panels
    assert [panel.joiner for panel in panels] == ["", "+", "="]
    assert len({panel.shown_limits for panel in panels}) == 1


@pytest.mark.parametrize("key", DROPOUTS)
@pytest.mark.parametrize("case", [("four", 0.25), ("long", 0.25), ("batch", 1)], ids=str)
def test_dropout_counts_zeros_and_writes_a_survivor_out(cases, key, case):
    seen = cases[case]
    trace = seen.trace
    before, after = (trace.array(point)[seen.item] for point in DROPOUTS[key])
    row, width = seen.size - 1, trace.config.n_embd
    fell = int(((after[row] == 0) & (before[row] != 0)).sum())
    said = STAGES[key].caption(seen)
    assert f"{fell} of {width} numbers" in said
    assert f"{width * 0.25:.1f} are expected, give or take {np.sqrt(width * 0.25 * 0.75):.1f}, at p = 0.25" in said
    found = re.search(r"Feature (\d+) survives: (-?[\d.]+) ÷ 0.75 = (-?[\d.]+\d)", said.replace("−", "-"))
    feature, a, b = found.groups()
    assert (a, b) == (f"{before[row, int(feature)]:.3f}", f"{after[row, int(feature)]:.3f}")
    assert round(float(a) / 0.75, 3) == float(b)  # a calculator agrees
    middle = STAGES[key].picture(seen).panels[1]
    assert middle.side[row] == str(fell) and set(np.unique(middle.values)) <= {np.float32(0), np.float32(4 / 3)}
    assert np.array_equal(middle.marks == DROPPED, middle.values == 0)


@pytest.mark.parametrize("key", DROPOUTS)
def test_dropout_off_changes_nothing_and_says_so(cases, key):
    seen = cases["four", 0.0]
    trace = seen.trace
    picture = STAGES[key].picture(seen)
    own, factors, example = picture.panels
    assert picture.main is own and np.array_equal(own.values, trace.array(DROPOUTS[key][0])[0][:, : own.values.shape[1]])
    np.testing.assert_allclose(own.values * factors.values, example.values, rtol=1e-6)
    fell = (factors.values == 0).sum()
    assert abs(fell / factors.values.size - 0.1) < 0.05 and not factors.point and not example.point
    assert np.array_equal(example.marks == DROPPED, factors.values == 0) and "example" in picture.note
    said = STAGES[key].caption(seen)
    assert "Dropout is off" in said and f"{trace.config.n_embd} of {trace.config.n_embd}" in said and "trained" in said


def test_dropout_places_are_numbered_as_the_model_counts_them(cases, model):
    seen = cases["four", 0.0]
    places = [re.search(r"place (\d+) of (\d+)", STAGES[key].caption(seen)).groups() for key in DROPOUTS]
    assert places == [("1", "19"), (str(1 + 3 * BLOCK + 2), "19"), (str(1 + 3 * BLOCK + 3), "19")]


@pytest.mark.parametrize("case", [("four", 0.25), ("emoji", 0.25), ("one", 0.25)], ids=str)
def test_weight_dropout_row_sums_and_routes(cases, case):
    seen = cases[case]
    trace = seen.trace
    weights = trace.array(f"blocks.{BLOCK}.att.weights")[0, HEAD]
    dropped = trace.array(f"blocks.{BLOCK}.att.dropped")[0, HEAD]
    size = len(weights)
    before, factors, after = weight_dropout.picture(seen).panels
    assert set(before.side) == {"1.00"} and after.side == tuple(f"{row.sum():.2f}" for row in dropped)
    np.testing.assert_allclose(before.values * factors.values, after.values, rtol=1e-6)
    cut = int(((dropped == 0) & (weights != 0)).sum())
    routes = size * (size + 1) // 2
    said = BY_KEY["weight-dropout"].caption(seen)
    noun, verb = ("route" if routes == 1 else "routes"), ("is" if 1 in (cut, routes) else "are")
    assert f"{cut} of {routes} {noun} {verb} cut ({routes * 0.25:.1f} expected" in said
    assert f"now adds up to {dropped[-1].sum():.2f}" in said
    assert np.array_equal(after.marks == DROPPED, (dropped == 0) & (weights != 0))


def test_weight_dropout_off(cases):
    seen = cases["four", 0.0]
    picture = weight_dropout.picture(seen)
    own, factors, example = picture.panels
    weights = seen.trace.array(f"blocks.{BLOCK}.att.weights")[0, HEAD]
    assert picture.main is own and np.array_equal(own.values, weights) and set(own.side) == {"1.00"}
    np.testing.assert_allclose(own.values * factors.values, example.values, rtol=1e-6)
    assert example.side == tuple(f"{row.sum():.2f}" for row in example.values) and not (factors.point or example.point)
    assert "Dropout is off" in BY_KEY["weight-dropout"].caption(seen)


@pytest.mark.parametrize("key", NORMS)
@pytest.mark.parametrize("case", [("four", 0.0), ("one", 0.25), ("long", 0.0), ("batch", 0)], ids=str)
def test_norm_histograms_count_every_number(cases, key, case):
    seen = cases[case]
    trace = seen.trace
    before, after = (trace.array(point)[seen.item, : seen.size] for point in NORMS[key])
    x = torch.from_numpy(before.copy())
    middle = torch.nn.functional.layer_norm(x, x.shape[-1:], eps=trace.config.eps).numpy()
    figure = to_plotly(STAGES[key].picture(seen))
    bars = [drawn for drawn in figure.data if drawn.type == "bar"]
    shown = min(8, len(before))
    assert len(bars) == 3 * shown
    for n, values in enumerate((before, middle, after)):
        values = values[-shown:]
        column = bars[n * shown : (n + 1) * shown]
        for drawn, row in zip(column, values, strict=True):
            width = float(drawn.width)
            low = float(drawn.x[0]) - width / 2
            inner = [
                int(((row >= low + width * at) & (row < low + width * (at + 1))).sum())
                for at in range(1, distribution.BINS - 1)
            ]
            assert sum(drawn.y) == trace.config.n_embd
            assert np.abs(np.array(inner) - drawn.y[1:-1]).sum() <= 4  # numbers on an edge may round either way
    means = [drawn for drawn in figure.data if drawn.type == "scatter"]
    np.testing.assert_allclose(means[0].x, before[-shown:].mean(1), atol=1e-3)
    np.testing.assert_allclose(means[1].x, 0, atol=1e-5)
    assert 360 <= figure.layout.height <= 430
    titles = [one for one in figure.layout.annotations if one.yref == "paper"]
    for n, title in enumerate(titles):  # above the middle of its bars
        drawn = bars[n * shown]
        assert (title.xref, title.x) == (drawn.xaxis, pytest.approx((drawn.x[0] + drawn.x[-1]) / 2, abs=1e-6))


@pytest.mark.parametrize("key", NORMS)
def test_norm_caption_has_the_moments(cases, key):
    seen = cases["four", 0.0]
    trace = seen.trace
    before, after = (trace[point][0, -1].double() for point in NORMS[key])
    said = STAGES[key].caption(seen)
    assert f"variance {before.var(correction=0):,.0f}; normalised" in said
    assert f"variance {after.var(correction=0):.3f}." in said
    assert "variance 1 (what ε takes does not show)" in said


def test_norm_caption_prints_what_eps_takes_when_it_shows(cases):
    seen = cases["four", 0.0]
    trace = seen.trace
    variance = float(trace["drop_emb"][0, -1].double().var(correction=0))
    assert f"variance {variance / (variance + trace.config.eps):.4f} (ε" in BY_KEY["norm1"].caption(replace(seen, block=0))


def test_norm_of_an_untrained_model_says_scale_and_shift_do_nothing(model):
    from gptviz.config import PRESETS
    from gptviz.model import GPT

    tiny = run(GPT(PRESETS["tiny"]).init_weights(seed=1), tokenizer.encode(FOUR))
    assert "1 and 0" in BY_KEY["norm1"].caption(Seen(tiny))
    for stage in STAGES.values():
        seen = Seen(tiny, text=FOUR, block=1, head=1)
        to_plotly(stage.picture(seen))
        assert stage.caption(seen)


def test_text_cuts_as_the_tokenizer_does_and_keeps_characters_whole(cases):
    seen = cases["emoji", 0.0]
    (_, line), *_ = text.picture(seen).lines
    assert [identity for chip in line for identity in chip.ids] == tokenizer.encode(EMOJI)
    parrot = next(chip for chip in line if "🦜" in chip.text)
    assert len(parrot.ids) == 3 and "\ufffd" not in "".join(chip.text for chip in line)
    assert f"{len(EMOJI)} characters, {len(tokenizer.encode(EMOJI))} tokens." in BY_KEY["text"].caption(seen)


MERGED = (
    FOUR,
    EMOJI,
    "a",
    " \n",
    "\U0010ffff and \U0010ffff",
    "Electroencephalographically, unfamiliarwords",
    "<|endoftext|>Good morning",
    "a" * 20 + " b",
    "x" * 65,
    "no. " * 30,
)


def named(heading: str) -> tuple[bool, int, int | None, list[int]]:
    """What a heading of the stepper says: whether it is still to come, after how many merges, of how many, and which states are
    said to be missing before it."""
    said, _, missing = heading.removesuffix(")").partition(" (")
    later = said.startswith("to come: ")
    found = re.fullmatch(r"merge (\d+) of (\d+): rank [\d,]+", said.removeprefix("to come: "))
    left_out = [0] * missing.startswith("the start")
    if merges := re.search(r"merges? (\d+)(?: to (\d+))?", missing):
        left_out += range(int(merges[1]), int(merges[2] or merges[1]) + 1)
    assert not missing or missing.endswith("are not drawn" if len(left_out) > 1 else "is not drawn")
    return later, int(found[1]) if found else 0, int(found[2]) if found else None, left_out


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("typed", MERGED)
def test_every_line_of_the_merges_is_what_its_heading_says(model, typed, special):
    trace = run(model, tokenizer.encode(typed, special=special), points=["ids"])
    pieces = tokenizer.pieces(typed, special=special)
    for number in {0, len(pieces) // 2, len(pieces) - 1}:
        raw = pieces[number].encode()
        ids = tokenizer.encoding().encode(pieces[number], allowed_special="all" if special else set(), disallowed_special=())
        seen = Seen(trace, text=typed, special=special, piece=number)
        if len(raw) > text.LONGEST or ids == [tokenizer.END_OF_TEXT_ID]:
            assert text.merge_steps(seen) == 0
            continue
        last = len(raw) - len(ids)
        assert text.merge_steps(seen) == last and bool(text.unmerged(text.chosen_piece(seen))) == (last == 0)
        for step, present in [(step, present) for step in range(last + 1) for present in (False, True)]:
            at = replace(seen, step=step, present=present)
            picture = text.picture(at)
            framed = [identity for place in picture.selected for identity in picture.lines[0][1][place].ids]
            title, rows = picture.lines[1], picture.lines[2:]
            assert title[1] == () and set(framed) <= set(ids) and len(framed) <= len(ids)
            expected = (
                ", framed above" if framed == ids else ", in part framed above" if framed else ", among those not drawn above"
            )
            assert expected in title[0]
            drawn = []
            for heading, line in rows:
                later, done, of, left_out = named(heading)
                assert later == (done > step) and of == (last if done else None)
                assert left_out == list(range(drawn[-1] + 1 if drawn else 0, done))
                drawn.append(done)
                whole = not any(chip.text.endswith((" before", " more")) for chip in line)
                if done:
                    [joined] = [chip for chip in line if chip.state == "joined"]
                    rank = int(re.search(r"rank ([\d,]+)", heading)[1].replace(",", ""))
                    assert joined.text == tokenizer.printable(rank + 255) and joined.ids == (rank + 255,)
                    assert not whole or len(line) == len(raw) - done
                else:
                    values = [int(chip.note) for chip in line if chip.note]
                    assert values == list(raw[: len(values)]) and not any(chip.ids for chip in line)
                    count = "1 byte," if len(raw) == 1 else f"{len(raw)} bytes,"
                    assert heading.startswith(f"{'start: ' * bool(last)}{count}")
                if done == last and last and whole:
                    assert [identity for chip in line for identity in chip.ids] == ids
            assert step in drawn and last in drawn and len(set(drawn)) == len(drawn)
            said = BY_KEY["text"].caption(at)
            if step == 0 and last:
                assert f"starts as {len(raw)} bytes; nothing is joined yet" in said
            elif 0 < step < last:
                chosen = rows[drawn.index(step)]
                [joined] = [chip for chip in chosen[1] if chip.state == "joined"]
                assert f'Merge {step} of {last} makes "{joined.text}", learned as number' in said
            elif not last and len(ids) > 1:
                assert f"stays {len(ids)} tokens" in said
            else:
                ending = f"token {ids[0]}" if len(ids) == 1 else f"{len(ids)} tokens"
                assert f"{'is' if last else 'already'} {ending}." in said


def test_text_shows_the_piece_that_was_chosen(cases):
    seen = cases["emoji", 0.0]
    trace = seen.trace

    def piece(**chosen) -> int:
        return text.chosen_piece(Seen(trace, text=EMOJI, **chosen)).number

    assert (piece(), piece(step=1)) == (1, 1)  # "I" is one byte: there is nothing to follow
    assert [piece(token=row) for row in range(trace.ids.shape[1])] == [
        number for number, one in enumerate(tokenizer.pieces(EMOJI)) for _ in tokenizer.encode(one)
    ]
    assert (piece(piece=0), piece(piece=2, token=0, step=1), piece(piece=99)) == (0, 2, len(tokenizer.pieces(EMOJI)) - 1)
    assert piece(token=0, step=1) == 1 and text.chosen_piece(Seen(trace)) is None
    assert piece(token=99) == len(tokenizer.pieces(EMOJI)) - 1  # a token the model wrote has none
    assert text.picture(replace(seen, piece=1, step=99)) == text.picture(replace(seen, piece=1))
    four = cases["four", 0.0]
    assert '"·effort" starts as 7 bytes and after 6 merges is token 3626.' in BY_KEY["text"].caption(replace(four, piece=1))
    every = text.picture(four).lines[2:]
    assert [chip.note for chip in every[0][1]] == [str(byte) for byte in b"Every"]
    assert [named(heading)[1] for heading, _ in every] == [0, 1, 2, 3, 4]


def test_text_shows_what_was_cropped_and_what_was_appended(model, cases):
    ids = tokenizer.encode(FOUR)
    seen = Seen(run(model, ids[1:] + [2651]), text=FOUR, cropped=tuple(ids[:1]), appended=1)
    picture = text.picture(seen)
    line = picture.lines[0][1]
    assert [chip.state for chip in line] == ["cropped", "", "", "", "appended"]
    assert [chip.colour for chip in line[1:]] == [0, 1, 2, 3] and picture.selected == (0,)
    assert text.picture(replace(seen, token=3)).selected == (3,)
    said = BY_KEY["text"].caption(seen)
    assert "22 characters, 4 tokens." in said and "Left out at the front: 1, because" in said
    [*_, last] = token_ids.picture(seen).lines[0][1]
    assert last.state == "appended" and last.note == "position 3"


def test_long_text_is_abridged_and_says_so(cases):
    seen = cases["long", 0.0]
    trace = seen.trace
    for stage in (text.STAGE, token_ids.STAGE):
        picture = stage.picture(seen)
        line = picture.lines[0][1]
        assert len(line) <= 40 and any("more" in chip.text for chip in line) and "not drawn" in picture.note
        chosen = stage.picture(replace(seen, token=len(trace.ids[0]) - 1))
        assert [line[place].ids for place in chosen.selected] == [(int(trace.ids[0, -1]),)]
        assert stage.picture(replace(seen, token=128)).selected == ()


@pytest.mark.parametrize(
    "typed", ["", " ", "\n\t\r", "\x00\x07", "<b>&", "<|endoftext|>", "é" * 3, "🦜" * 40, "a" * 5000, "\u202e\ufeff", "'s"]
)
@pytest.mark.parametrize("special", [False, True])
def test_odd_text_never_fails(model, typed, special):
    ids = tokenizer.encode(typed, special=special)[:32] or [tokenizer.END_OF_TEXT_ID]
    trace = run(model, ids, points=["ids"])
    for piece, step in ((0, None), (10**6, -1), (0, 3)):
        seen = Seen(trace, text=typed, special=special, piece=piece, step=step)
        for stage in (text.STAGE, token_ids.STAGE):
            lines = stage.picture(seen).lines
            assert lines and all(chip.text for _, line in lines for chip in line)
            assert all(len(line) <= 40 for _, line in lines)
            assert stage.caption(seen)


def test_special_token_is_not_merged(model):
    trace = run(model, [50256], points=["ids"])
    lines = text.picture(Seen(trace, text="<|endoftext|>", special=True)).lines
    assert lines[2][0].startswith("the special token") and lines[2][1][0].ids == (50256,)
    plain = run(model, tokenizer.encode("<|endoftext|>"), points=["ids"])
    assert len(text.picture(Seen(plain, text="<|endoftext|>")).lines[0][1]) > 1


def test_ids_are_rows_with_neighbours_by_number_and_by_vector(cases):
    seen = cases["four", 0.0]
    trace = seen.trace
    received, by_number, by_vector = (line for _, line in token_ids.picture(seen).lines)
    assert [chip.note for chip in received] == [f"position {at}" for at in range(4)]
    assert [chip.ids[0] for chip in by_number] == list(range(342, 349))
    table = trace.model.tok_emb.weight.double()
    likeness = torch.nn.functional.cosine_similarity(table, table[345][None])
    likeness[345] = -2
    best = likeness.topk(6)
    assert [chip.ids[0] for chip in by_vector] == best.indices.tolist()
    assert [chip.note for chip in by_vector] == [f"cosine {value:.2f}" for value in best.values]
    assert f'"{tokenizer.printable(int(best.indices[0]))}" (cosine {best.values[0]:.2f};' in BY_KEY["token-embedding"].caption(
        seen
    )
    assert f'"{tokenizer.printable(344)}" (344) and "{tokenizer.printable(346)}" (346)' in BY_KEY["token-ids"].caption(seen)


@pytest.mark.parametrize("edge", [0, 50256])
def test_ids_at_the_ends_of_the_vocabulary(model, edge):
    trace = run(model, [edge], points=["ids"])
    assert f"row {edge} of 50,257" in BY_KEY["token-ids"].caption(Seen(trace))
    assert len(token_ids.picture(Seen(trace)).lines[1][1]) == 4


def test_positions_use_the_first_rows_and_know_the_table(cases):
    seen = cases["four", 0.0]
    trace = seen.trace
    _, strips = positional_embedding.picture(seen).panels
    assert strips.rows == ("0", "1", "2", "3") and "rows 0 to 3 of 256" in strips.title
    assert np.array_equal(strips.values, trace.model.pos_emb.weight[:4].numpy())
    unit = torch.nn.functional.normalize(trace.model.pos_emb.weight[:4].double(), dim=1)
    near = float((unit[:-1] * unit[1:]).sum(1).mean())
    assert f"cosine {near:.2f} on average" in BY_KEY["positional-embedding"].caption(seen)


def test_positions_switched_off_have_no_direction(model):
    trace = run(model, tokenizer.encode(FOUR), edits=[("pos_emb", torch.zeros_like)])
    alike, _ = positional_embedding.picture(Seen(trace)).panels
    assert np.isnan(alike.values).all()
    assert "the position's 0," in BY_KEY["input-embedding"].caption(Seen(trace))
    assert "4 of the 4 position vectors are all zeros" in BY_KEY["positional-embedding"].caption(Seen(trace))


def test_tokens_switched_off_have_no_pairs(model):
    trace = run(model, tokenizer.encode(FOUR), edits=[("tok_emb", torch.zeros_like)])
    assert "most alike pair" not in BY_KEY["token-embedding"].caption(Seen(trace))


def test_factors_multiply_exactly_where_the_model_dropped(cases):
    for key, (before, after) in DROPOUTS.items():
        seen = cases["four", 0.25]
        trace = seen.trace
        factors = dropout.factors(seen, after)
        np.testing.assert_allclose(trace.array(before)[0] * factors, trace.array(after)[0], rtol=1e-6, err_msg=key)


def test_merges_are_stepped_through_only_while_that_is_quick(cases):
    seen = cases["four", 0.0]
    assert text.merge_steps(replace(seen, text=" effort")) == 6
    assert text.merge_steps(replace(seen, text="a" * 20_000)) == text.merge_steps(replace(seen, text="")) == 0
    assert text.merge_steps(replace(seen, text="<|endoftext|>", special=True)) == 0
