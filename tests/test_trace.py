"""run() and the Trace: what is kept, what is refused, and in which words."""

import dataclasses
from types import MappingProxyType

import numpy as np
import pytest
import torch

from gptviz import trace
from gptviz.config import PRESETS
from gptviz.model import GPT
from sample_models import DAY, EFFORT, mini, some_ids, tiny


@pytest.fixture
def never_called(monkeypatch):
    """Fails the test when the model runs at all."""

    def forward(self, ids):
        raise AssertionError("the model ran")

    monkeypatch.setattr(GPT, "forward", forward)


def message(caught) -> str:
    return str(caught.value)


# ---- what is kept


def test_a_trace_says_what_it_is():
    run = trace.run(tiny(), [EFFORT, DAY], dropout=0.1, seed=4)
    assert run.config is tiny().config and run.model is tiny()
    assert run.ids.tolist() == [EFFORT, DAY]
    assert run.tokens[0] == ("Every", "·effort", "·moves", "·you")
    assert (run.dropout, run.seed, run.edits) == (0.1, 4, ())
    assert run.axes("blocks.0.att.scores") == ("batch", "head", "query", "key")


@pytest.mark.parametrize(
    "given", [EFFORT, [EFFORT], torch.tensor(EFFORT), torch.tensor([EFFORT]), np.array(EFFORT), tuple(EFFORT)]
)
def test_ids_come_in_many_forms(given):
    assert trace.run(tiny(), given, points=["ids"])["ids"].tolist() == [EFFORT]


def test_a_trace_owns_its_ids():
    given = torch.tensor([EFFORT])
    run = trace.run(tiny(), given)
    given.zero_()
    assert run.ids.tolist() == run["ids"].tolist() == [EFFORT]


def test_points_by_name_and_by_pattern():
    assert list(trace.run(tiny(), EFFORT, points=["logits", "ids"]).tensors) == ["ids", "logits"]
    one = trace.run(tiny(), EFFORT, points=["blocks.1.att.*", "blocks.*.shortcut?"])
    assert list(one.tensors) == [name for name in tiny().points if name.startswith("blocks.1.att.") or ".shortcut" in name]
    everything = trace.run(tiny(), EFFORT)
    assert all(torch.equal(tensor, everything[name]) for name, tensor in one.tensors.items())
    assert list(trace.run(tiny(), EFFORT, points=[]).tensors) == []


def test_a_trace_is_frozen():
    run = trace.run(tiny(), EFFORT)
    assert isinstance(run.tensors, MappingProxyType)
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.seed = 1
    with pytest.raises(TypeError):
        run.tensors["ids"] = run.ids
    with pytest.raises(RuntimeError, match="[Ii]nference"):
        run["blocks.0.att.weights"].zero_()


@pytest.mark.parametrize("name", ["pos_emb", "logits"])
def test_arrays_share_the_memory_and_cannot_be_written_to(name):
    run = trace.run(tiny(), EFFORT)
    array = run.array(name)
    assert array.ctypes.data == run[name].data_ptr()
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 0


def test_bytes_are_counted_once_and_never_above_the_forecast():
    for points in (None, ["logits"], ["blocks.0.att.query"], ["blocks.*.att.value", "pos_emb"]):
        run = trace.run(mini(), some_ids(2, 12), points=points)
        assert run.nbytes <= trace.bytes_needed(mini(), 2, 12, points)
    assert trace.run(mini(), EFFORT, points=["logits"]).nbytes == 4 * 50257 * 4 == trace.bytes_needed(mini(), 1, 4, ["logits"])
    assert trace.run(mini(), EFFORT, points=["pos_emb"]).nbytes == 0  # rows of the model's own table


# ---- what is refused


def test_an_unknown_name_names_the_nearest():
    run = trace.run(tiny(), EFFORT)
    with pytest.raises(KeyError) as caught:
        run["blocks.0.att.weigths"]
    assert "no hook point called 'blocks.0.att.weigths'" in message(caught) and "blocks.0.att.weights" in message(caught)


def test_a_name_that_was_not_kept_says_so():
    run = trace.run(tiny(), EFFORT, points=["logits"])
    with pytest.raises(KeyError, match=r"ids was not kept in this trace: it holds 1 of 47 points"):
        run["ids"]


def test_a_pattern_that_matches_nothing(never_called):
    with pytest.raises(KeyError, match="no hook point called 'blocks.7.*'"):
        trace.run(tiny(), EFFORT, points=["logits", "blocks.7.*"])
    with pytest.raises(KeyError, match="did you mean .*final_norm"):
        trace.run(tiny(), EFFORT, points=["final_nrom"])


def test_an_edit_at_an_unknown_point_is_refused_before_anything_runs(never_called):
    with pytest.raises(KeyError, match="drop_emb"):
        trace.run(tiny(), EFFORT, edits=[("dropemb", torch.zeros_like)])


def test_a_trace_over_the_budget_is_refused_with_both_numbers(never_called):
    needed = trace.bytes_needed(tiny(), 1, 32)
    with pytest.raises(MemoryError) as caught:
        trace.run(tiny(), some_ids(1, 32), budget=3 << 20)
    assert f"{needed / 2**20:,.0f} MiB" in message(caught) and "3 MiB" in message(caught) and "32 tokens" in message(caught)
    assert needed > 6 << 20


def test_a_selection_fits_where_everything_does_not():
    run = trace.run(tiny(), some_ids(1, 32), points=["blocks.0.*"], budget=1 << 20)
    assert run.nbytes < 1 << 20


def test_the_usual_budget_holds_512_tokens_of_gpt2_small_but_not_1024():
    with torch.device("meta"):
        model = GPT(PRESETS["gpt2"])
    assert trace.bytes_needed(model, 1, 512) < trace.BUDGET < trace.bytes_needed(model, 1, 1024)
    with pytest.raises(MemoryError):
        trace.run(model, some_ids(1, 1024))


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ([], ["at least one token", "(1, 0)"]),
        ([[]], ["at least one token", "(1, 0)"]),
        (7, ["(batch, token)", "()"]),
        ([[[1]]], ["(1, 1, 1)"]),
        ([50257], ["0 to 50256", "50257"]),
        ([3, -1], ["0 to 50256", "-1"]),
        ([1.5, 2.0], ["whole numbers", "float"]),
        ([True, False], ["whole numbers", "bool"]),
        ("Every effort", ["whole numbers"]),
        (["Every"], ["whole numbers"]),
        ([None], ["whole numbers"]),
        ([[1, 2], [3]], ["whole numbers", "equally long"]),
        ([2**70], ["whole numbers"]),
        (list(range(33)), ["33 tokens do not fit", "32 rows", "Keep the last 32"]),
    ],
)
def test_ids_that_cannot_go_in(ids, words, never_called):
    with pytest.raises(ValueError) as caught:
        trace.run(tiny(), ids)
    assert all(word in message(caught) for word in words), message(caught)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan"), float("inf")])
def test_a_dropout_rate_that_cannot_be(rate, never_called):
    with pytest.raises(ValueError, match="at least 0 and below 1, got"):
        trace.run(tiny(), EFFORT, dropout=rate)


def test_a_seed_that_cannot_be(never_called):
    with pytest.raises(ValueError, match="0 or a positive whole number, got -1"):
        trace.run(tiny(), EFFORT, seed=-1)
