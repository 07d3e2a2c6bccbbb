"""Models nobody draws in a book: one token of context, one number wide, 48 blocks, numbers too large to be shown. Every stage and
every experiment draws them, or says why not."""

import re
import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import plotly.graph_objects as go
import pytest

from gptviz import sampling, tokenizer, trace
from gptviz.config import GPTConfig
from gptviz.figures.forms import to_plotly
from gptviz.figures.matrix import Grid
from gptviz.figures.table import Table
from gptviz.labs import index
from gptviz.labs.lab import Setting
from gptviz.recompute import recompute
from gptviz.seen import Seen
from gptviz.stages import STAGES
from gptviz.trace import NotFinite
from gptviz.ui import drawers
from sample_models import EFFORT, randomised

LABS = [lab for lab in index.LABS.values() if not lab.own_state]
TEXT = "Every effort moves you"
SHAPES = {
    "one of everything": GPTConfig(context_length=1, n_embd=1, n_head=1, n_layer=1),
    "two tokens, 48 blocks": GPTConfig(context_length=2, n_embd=4, n_head=2, n_layer=48),
    "two numbers, a head, a larger table": GPTConfig(context_length=16, n_embd=2, n_head=1, n_layer=2, vocab_size=50304),
}
SAID = {  # what a model one number wide has no picture of
    "variance": "one number has no spread",
    "cosine": "every cosine of two words is 1",
}
PLAIN = GPTConfig(context_length=16, n_embd=8, n_head=2, n_layer=2)
TOO_LARGE = {  # parameter and factor -> the first stages that cannot be shown, in the block where it is
    "tok_emb.weight": (1e30, "token-ids", 0),
    "blocks.0.att.qkv.weight": (1e25, "queries-keys-values", 0),
    "blocks.1.ff.contract.weight": (1e38, "contract", 1),
}


@cache
def broken(name: str):
    model = randomised(PLAIN, seed=3)
    model.get_parameter(name).mul_(TOO_LARGE[name][0])
    return model


def drawn(model, one) -> tuple[list, str]:
    """An experiment at its defaults, as the page would draw it."""
    setting = Setting(model, tuple(EFFORT)[-model.config.context_length :], {}, text=TEXT)
    controls = one.controls_for(setting)
    for control in controls:
        if control.kind in ("slider", "live"):
            low, high, _ = control.options
            assert low <= control.start() <= high, (one.key, control)
        elif control.options:
            assert control.start() in control.options, (one.key, control)
    setting = replace(setting, values={control.name: control.start() for control in controls})
    one.state(setting), one.presets(setting)
    return list(one.pictures(setting)), one.caption(setting)


def assert_in_numbers(pictures: list, said: str) -> None:
    """No number of a picture or its words is infinite, or none, but where the picture says that there is nothing."""
    assert not re.search(r"\bnan\b|\binf\b|infinite|not a number", said.replace("some of it is 0 or infinite", "")), said
    for picture in pictures:
        if isinstance(picture, Grid):
            limits = [edge for panel in picture.panels for edge in panel.shown_limits]
            assert np.isfinite(limits).all()
        elif isinstance(picture, go.Figure):
            assert not re.search(r"[:,\[](NaN|-?Infinity)", picture.to_json())
        elif isinstance(picture, Table):
            assert not re.search(r"\b(nan|inf)\b", str(dict(picture.columns)))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_experiment_takes_every_shape_or_says_why_not(shape):
    model = randomised(SHAPES[shape], seed=3)
    for one in (one for lab in LABS for one in lab.experiments):
        if model.config.n_embd == 1 and one.key in SAID:
            with pytest.raises(ValueError, match=SAID[one.key]):
                drawn(model, one)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert_in_numbers(*drawn(model, one))


def test_a_square_of_very_many_positions_is_not_made():
    model = randomised(GPTConfig(context_length=5000, n_embd=1, n_head=1, n_layer=1), seed=3)
    with pytest.raises(ValueError, match="5,000 rows.*up to 4,096"):
        drawn(model, next(one for one in index.LABS["Embeddings"].experiments if one.key == "positions"))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_stage_takes_every_shape(shape):
    model = randomised(SHAPES[shape], seed=3)
    seen = Seen(trace.run(model, EFFORT[-model.config.context_length :]), block=model.config.n_layer - 1, text=TEXT)
    for stage in STAGES:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert_in_numbers([to_plotly(stage.picture(seen))], stage.caption(seen))
            found = recompute(seen.trace, *drawers.default_cell(stage, seen))
        assert found.difference < 1e-4


@pytest.mark.parametrize("name", TOO_LARGE)
def test_numbers_too_large_are_said_where_they_begin_and_drawn_nowhere(name):
    _, first, block = TOO_LARGE[name]
    run = trace.run(broken(name), EFFORT)
    said = []
    for stage in STAGES:
        seen = Seen(run, block=block, text=TEXT)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                assert_in_numbers([stage.picture(seen)], stage.caption(seen))
                drawers.default_cell(stage, seen)
        except NotFinite as error:
            said.append(stage.key)
            assert "too large to be shown" in str(error) or "too large to compare" in str(error)
    keys = [stage.key for stage in STAGES]
    assert said == [key for key in keys[keys.index(first) :] if (name, key) != ("tok_emb.weight", "positional-embedding")]


@pytest.mark.parametrize("name", list(TOO_LARGE)[:2])
def test_no_experiment_draws_numbers_too_large(name):
    refused = 0
    for one in (one for lab in LABS for one in lab.experiments):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                pictures, said = drawn(broken(name), one)
        except NotFinite:
            refused += 1
            continue
        assert_in_numbers(pictures, said)
    assert refused > 5


class TestTrace:
    def test_points_before_are_there_and_the_first_broken_one_is_named(self):
        seen = trace.run(broken("blocks.1.ff.contract.weight"), EFFORT)
        assert seen["blocks.1.ff.active"].isfinite().all() and seen["ids"].shape == (1, 4)
        with pytest.raises(
            NotFinite, match=r"at blocks\.1\.ff_out \(block 2\), 32 of 32 numbers are infinite.*Take an earlier one"
        ):
            seen["logits"]
        one, *others = seen.tensors["logits"][0]
        assert all(row.equal(one) for row in others)  # finite, and empty: LayerNorm divides by an infinite spread

    def test_hidden_scores_are_let_pass_and_visible_ones_are_not(self):
        seen = trace.run(randomised(PLAIN, seed=3), EFFORT)
        assert seen["blocks.0.att.masked"].isinf().any()
        seen = trace.run(broken("blocks.0.att.qkv.weight"), EFFORT)
        with pytest.raises(NotFinite, match=r"blocks\.0\.att"):
            seen["blocks.0.att.masked"]

    def test_an_edit_that_does_it_is_blamed(self):
        seen = trace.run(randomised(PLAIN, seed=3), EFFORT, edits=[("blocks.0.norm1", lambda x: x * 1e30)])
        with pytest.raises(NotFinite, match="The edit in force does it"):
            seen["blocks.0.att.scores"]

    def test_nothing_is_written_from_such_logits(self):
        with pytest.raises(NotFinite):
            next(sampling.generate(broken("blocks.1.ff.contract.weight"), EFFORT, 1))


def test_rows_beyond_gpt2s_tokens_have_names_everywhere_and_are_never_typed():
    model = randomised(GPTConfig(context_length=16, n_embd=8, n_head=2, n_layer=1, vocab_size=50260), seed=3)
    model.extra = {50257: "<|pad|>", 50258: " user"}
    model.tok_emb.weight[50257:] *= 50  # the head prefers them
    seen = Seen(trace.run(model, [*EFFORT, 50257, 50259]), text=TEXT, appended=2, token=4)
    assert seen.trace.tokens[0][-2:] == ("<|pad|>", "<extra 50259>")
    head = next(stage for stage in STAGES if stage.key == "output-head")
    words = str(to_plotly(head.picture(seen)).to_json())
    assert "<|pad|>" in words.replace("\\u003c", "<").replace("\\u003e", ">").replace("&lt;", "<").replace("&gt;", ">")
    for stage in STAGES:
        to_plotly(stage.picture(seen)), stage.caption(seen)
        assert recompute(seen.trace, *drawers.default_cell(stage, seen)).difference < 1e-4
    assert tokenizer.encode("<|pad|> user <extra 50259>") == tokenizer.encode("<|pad|>") + tokenizer.encode(
        " user <extra 50259>"
    )
    assert max(tokenizer.encode("<|pad|> user <extra 50259>", special=True)) < 50256
    assert [group.ids for group in tokenizer.groups([6109, 50257, 12520])] == [(6109,), (50257,), (12520,)]
    assert [tokenizer.printable(token, model.extra) for token in (50257, 50258, 50259, 11)] == [
        "<|pad|>",
        "·user",
        "<extra 50259>",
        ",",
    ]
