"""Two models on one sentence: each half holds its own model's numbers, of the same token of the same text."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from gptviz import catalogue, sampling, tokenizer, trace, weights
from gptviz.config import GPTConfig
from gptviz.figures import style
from gptviz.figures.chips import Chips
from gptviz.figures.matrix import Grid, Panel
from gptviz.stages import BY_KEY, STAGES, append
from gptviz.ui import beside, cache
from gptviz.ui.state import Choice
from sample_models import randomised

SHAPES = {
    "deep": GPTConfig(n_embd=24, n_layer=5, n_head=3, context_length=16),
    "wide": GPTConfig(n_embd=40, n_layer=2, n_head=10, context_length=40),
}
LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
CHOICE = Choice(model="deep", beside="wide")


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory):
    """Two small models of different depth, width, number of heads and context, and what was loaded of them."""
    loads = []
    kept = dict(catalogue.MODELS)
    folder = tmp_path_factory.mktemp("models")
    for n, (key, config) in enumerate(SHAPES.items()):
        weights.save(randomised(config, seed=n), folder / key)

        def build(path=folder / key):
            loads.append(path.name)
            return weights.load(path)

        catalogue.MODELS[key] = catalogue.Entry(key, key, "", build)
    cache._held.clear()
    cache._kept.clear()
    yield loads
    catalogue.MODELS.clear()
    catalogue.MODELS.update(kept)
    cache._held.clear()
    cache._kept.clear()


def halves(choice: Choice) -> tuple[beside.Half, beside.Half]:
    main = beside.half(choice, choice.model, cache.model(choice.model))
    return main, beside.half(choice, choice.beside, cache.model(choice.beside), main)


@pytest.mark.parametrize(
    "choice",
    [
        CHOICE,
        replace(CHOICE, dropout=0.3, seed=7),
        replace(CHOICE, text=LONG, second="Every day holds a", item=1),
        replace(CHOICE, text="I ❤️ my 🦜", dropout=0.1),
        replace(CHOICE, text="a"),
        replace(CHOICE, text=LONG),
        replace(CHOICE, model="wide", beside="deep", text=LONG),
    ],
    ids=["plain", "dropout", "batch", "emoji", "one token", "cropped", "cropped beside"],
)
def test_every_number_is_that_of_a_run_of_the_model_alone(choice):
    texts = [choice.text, choice.second] if choice.second else [choice.text]
    for one in halves(choice):
        room = SHAPES[one.key].context_length
        ids = [tokenizer.encode(text)[-room:] for text in texts]
        longest = max(map(len, ids))
        rows = [row + [tokenizer.END_OF_TEXT_ID] * (longest - len(row)) for row in ids]
        alone = trace.run(catalogue.MODELS[one.key].build(), rows, dropout=choice.dropout, seed=choice.seed)
        assert list(one.trace.tensors) == list(alone.tensors)
        assert all(torch.equal(one.trace[name], alone[name]) for name in alone.tensors)
        assert one.seen.length == len(ids[choice.item])


@pytest.mark.parametrize("token", [-1, 8, 15])
def test_both_look_at_the_same_token_of_the_text(token):
    main, other = halves(replace(CHOICE, text=LONG, token=token))
    rows = [one.seen.row for one in (main, other)]
    whole = tokenizer.encode(LONG)
    assert main.first == len(whole) - 16 and other.first == 0
    assert rows[0] + main.first == rows[1]
    assert main.trace.ids[0, rows[0]] == other.trace.ids[0, rows[1]]
    assert beside.row(rows[1], other, main) == rows[0] and beside.row(rows[0], main, other) == rows[1]
    assert beside.row(0, other, main) is None, "the first token fell out of the smaller context"


def test_a_token_that_fell_out_beside_is_said():
    main, other = halves(replace(CHOICE, model="wide", beside="deep", text=LONG, token=0))
    assert other.seen.row == 0
    said = beside.remarks(other, main, CHOICE, BY_KEY["token-embedding"])
    assert said == f"It reads the last 16 of {len(tokenizer.encode(LONG))} tokens. The chosen one is not among them."
    assert beside.remarks(main, other, CHOICE, BY_KEY["token-embedding"]) == ""


def test_block_and_head_are_each_models_own_or_its_last_and_said():
    choice = replace(CHOICE, block=4, head=9)
    main, other = halves(choice)
    stage = BY_KEY["attention-weights"]
    assert (main.seen.block, main.seen.head) == (3, 2) and (other.seen.block, other.seen.head) == (1, 8)
    assert beside.facts(main, stage) == "block 4 of 5, head 3 of 3, 24 wide"
    assert beside.facts(other, stage) == "block 2 of 2, head 9 of 10, 40 wide"
    assert beside.remarks(main, other, choice, stage) == "It has no head 9: its last instead."
    assert beside.remarks(other, main, choice, stage) == "It has no block 4: its last instead."
    assert beside.facts(other, BY_KEY["softmax"]) == "2 blocks, 10 heads, 40 wide"
    assert beside.remarks(other, main, choice, BY_KEY["softmax"]) == ""


def test_going_to_and_fro_loads_nothing_anew(models):
    cache._held.clear()
    cache._kept.clear()
    models.clear()
    for stage in STAGES[:6]:
        halves(replace(CHOICE, stage=stage.key, block=1 + len(stage.key) % 2))
    first, second = (cache.model(key) for key in SHAPES)
    assert sorted(models) == sorted(SHAPES)
    assert cache.model("deep") is first and cache.model("wide") is second


@pytest.mark.parametrize("present", [False, True])
@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage.key != "text"], ids=lambda stage: stage.key)
def test_pictures_hold_the_same_numbers_as_the_single_ones(stage, present):
    pair = halves(replace(CHOICE, present=present, text="one two three four five six"))
    for one, drawn in zip(pair, beside.pictures(*pair, stage), strict=True):
        single = stage.picture(replace(one.seen, narrow=False))
        if isinstance(single, Grid):
            values = [panel.values.tobytes() for panel in single.panels]
            assert drawn.panels and all(panel.values.tobytes() in values for panel in drawn.panels)
            own = [[panel for panel in made.panels if not panel.dim] for made in (drawn, single)]
            assert present or len(own[0]) == len(own[1])
            for panel in drawn.panels:  # a click still names the right number
                r, c = np.argwhere(np.isfinite(panel.values))[-1]
                was = next(was for was in single.panels if was.point == panel.point and was.title in panel.title)
                assert panel.cell(r, c) == was.cell(r, c)
        elif isinstance(single, go.Figure):
            drawn_data, single_data = ([str(line) for line in made.data] for made in (drawn, single))
            if not present:
                assert drawn_data == single_data
            assert [line.name for line in drawn.data] == [line.name for line in single.data]
        else:
            assert isinstance(drawn, Chips)


def test_charts_in_half_of_present_mode_have_smaller_type_and_the_same_points():
    pair = halves(replace(CHOICE, present=True))
    for one, drawn in zip(pair, beside.pictures(*pair, BY_KEY["gelu"])):
        single = BY_KEY["gelu"].picture(replace(one.seen, narrow=False))
        assert drawn.layout.font.size < single.layout.font.size == style.PRESENT_FONT
        units = [next(line for line in made.data if line.name == "units") for made in (drawn, single)]
        assert np.array_equal(units[0].x, units[1].x) and np.array_equal(units[0].y, units[1].y)


def test_shares_stand_on_one_axis():
    pair = halves(CHOICE)
    first, second = beside.pictures(*pair, BY_KEY["softmax"])
    assert first.layout.xaxis.range == second.layout.xaxis.range
    most = max(float(sampling.softmax(one.trace.array("logits")[0, -1]).max()) for one in pair)
    assert first.layout.xaxis.range[1] >= most


def test_what_is_said_of_the_colours_is_true():
    pair = halves(CHOICE)
    said = {}
    for stage in STAGES[1:]:
        made = beside.pictures(*pair, stage)
        said[stage.key] = beside.scales(*made, stage, pair[0])
        if isinstance(made[0], Grid):
            same = [a.shown_limits == b.shown_limits for a, b in zip(made[0].panels, made[1].panels)]
            assert ("own" in said[stage.key]) == (not all(s or p.dim for s, p in zip(same, made[0].panels)))
    assert said["attention-weights"] == "Attention weights: same colours in both"
    assert said["append"] == "The text follows deep"


def test_only_the_main_model_writes_and_the_other_says_what_it_would():
    main, other = halves(replace(CHOICE, more=3))
    assert main.sentence.ids == other.sentence.ids and main.sentence.appended == 3
    alone = list(sampling.generate(cache.model("deep"), tokenizer.encode(CHOICE.text), 3))
    assert list(main.sentence.ids[-3:]) == alone
    logits = trace.run(cache.model("wide"), list(other.sentence.ids)).array("logits")[0, -1]
    would, does = int(logits.argmax()), append.next_token(main.seen)[0]
    said = beside.caption(other, main, BY_KEY["append"])
    assert f'wide would write "{tokenizer.printable(would)}"' in said
    assert would == does or f"rank {sampling.rank(logits, does):,}" in said
    _, second = beside.pictures(main, other, BY_KEY["append"])
    assert [heading for heading, _ in second.lines] == [
        f"Goes in: {len(other.sentence.ids)} tokens",
        "Would go in next if wide wrote",
        "Written by deep so far: 3, with the chance wide gives it",
    ]


def test_two_that_agree_say_so():
    main, _ = halves(CHOICE)
    said = beside.caption(replace(main, key="wide"), main, BY_KEY["append"])
    assert said.startswith("wide would write ") and " too, " in said


def test_lines_for_a_room_are_whole_sentences():
    said = ('The first, "·a." one.', "The second is longer than the first.", "The third.")
    assert beside.brief(said, 10) == 'The first, "·a." one.'
    assert beside.brief(said, 60) == 'The first, "·a." one. The second is longer than the first.'
    assert beside.brief(said, 200) == " ".join(said)


def test_what_a_picture_leaves_out_is_said_before_anything_else():
    grid = Grid((Panel("one", np.ones((1, 2), np.float32), rows=("0",)),))
    for note, left_out, said in (
        ("Explained.", "Rows 3 to 6 of 22 tokens.", "Rows 3 to 6 of 22 tokens."),
        ("Short.", "", "Short."),
        ("Much longer than fits. " * 9, "", ""),
        ("", "", ""),
    ):
        assert beside.presented(replace(grid, note=note, left_out=left_out)).remarks == said


def test_no_number_beside_a_row_is_cut_in_half_of_present_mode():
    """Next to the stack stand lengths alone: two numbers in a line would not fit."""
    for present in (False, True):
        main, other = halves(replace(CHOICE, stage="block-output", present=present))
        for made in beside.pictures(main, other, BY_KEY["block-output"]):
            assert all(("(+" in line) != present for line in made.main.side[1:])
            assert ("Added" in made.note) != present
