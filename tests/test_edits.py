"""Edits by name: what each does to a pass, and that names, words and address are one thing."""

import copy
import itertools
from dataclasses import replace

import pytest
import torch

from gptviz import edits, tokenizer, trace
from gptviz.config import PRESETS
from gptviz.points import Address
from sample_models import randomised

IDS = tokenizer.encode("Every effort moves you")
MODEL = randomised(PRESETS["tiny"], seed=3)
AT = "blocks.1."  # block 2, as readers count


def off(x, *place):
    x[place] = 0
    return x


def mean(x):
    return x.mean(-2, keepdim=True).expand_as(x)


def head_mean(x):
    x[:, 0] = mean(x[:, 0])
    return x


def evenly(x):
    x[:, 0] = torch.tensor([[1, 0, 0, 0], [1 / 2, 1 / 2, 0, 0], [1 / 3, 1 / 3, 1 / 3, 0], [1 / 4] * 4])
    return x


def unit_mean(x):
    x[..., 5] = x[..., 5].mean(-1, keepdim=True)
    return x


def zero_mask(x):
    return x.where(torch.ones(4, 4, dtype=torch.bool).tril(), torch.zeros(()))


def one_cell(x, *place):
    found = torch.zeros_like(x)
    found[(slice(None), *place)] = 1
    return found


DAY = "6109-1110-6622-257"  # "Every day holds a"


def row_of_day(x):
    x[:, 2] = trace.run(MODEL, [int(one) for one in DAY.split("-")])["blocks.0.shortcut2"][0, 2]
    return x


SAME = {  # name -> the same edit by hand
    "no-mask:2": [(AT + "att.masked", AT + "att.scaled")],
    "no-mask": [(f"blocks.{n}.att.masked", f"blocks.{n}.att.scaled") for n in range(2)],
    "zero-mask:2": [(AT + "att.masked", zero_mask)],
    "no-scale:2": [(AT + "att.scaled", AT + "att.scores")],
    "head:2.1": [(AT + "att.context", lambda x: off(x, slice(None), 0))],
    "head:2.1:mean": [(AT + "att.context", head_mean)],
    "head:2.1:even": [(AT + "att.weights", evenly)],
    "head:*.2": [(f"blocks.{n}.att.context", lambda x: off(x, slice(None), 1)) for n in range(2)],
    "attention:2": [(AT + "att_out", torch.zeros_like)],
    "attention:2:mean": [(AT + "att_out", mean)],
    "feed-forward:2": [(AT + "ff_out", torch.zeros_like)],
    "unit:2.5": [(AT + "ff.active", lambda x: off(x, ..., 5))],
    "unit:2.5:mean": [(AT + "ff.active", unit_mean)],
    "norm:2.1": [(AT + "norm1", "blocks.0.shortcut2")],
    "norm:1.1": [("blocks.0.norm1", "drop_emb")],
    "norm:2.2": [(AT + "norm2", AT + "shortcut1")],
    "norm:final": [("final_norm", AT + "shortcut2")],
    "shortcut:2.1": [(AT + "shortcut1", AT + "drop1")],
    "shortcut:2.2": [(AT + "shortcut2", AT + "drop2")],
    "block:2": [(AT + "shortcut2", "blocks.0.shortcut2")],
    "position": [("pos_emb", torch.zeros_like)],
    "position:mean": [("pos_emb", mean)],
    "position:7": [("pos_emb", MODEL.pos_emb.weight[7:11])],
    "weight:2.1.3.1": [(AT + "att.weights", lambda x: off(x, slice(None), 0, 3, 1))],
    "weight:2.1.3.1:0.5": [(AT + "att.weights", lambda x: off(x, slice(None), 0, 3, 1) + 0.5 * one_cell(x, 0, 3, 1))],
    f"row:1.2:{DAY}": [("blocks.0.shortcut2", lambda x: row_of_day(x))],
}


@pytest.mark.parametrize("name", SAME)
def test_a_name_does_what_the_hook_points_say(name):
    found, meant = trace.run(MODEL, IDS, edits=[name]), trace.run(MODEL, IDS, edits=SAME[name])
    for point in meant.tensors:
        torch.testing.assert_close(found[point], meant[point], rtol=0, atol=1e-6, equal_nan=True)
    assert not torch.equal(found["logits"], trace.run(MODEL, IDS)["logits"])
    assert found.edits == (name,) and found.edited == {point for point, _ in SAME[name]}


def test_every_kind_is_tried_here():
    assert {edits.parse(name)[0].kind for name in SAME} | {"post-norm", "entry", "table"} == set(edits.KINDS)


PARAMETERS = {  # name -> the learned number that counts as 0
    "entry:2.query.3.9": ("blocks.1.att.qkv.weight", 3, 9),
    "entry:2.key.3.9": ("blocks.1.att.qkv.weight", 3, 16 + 9),
    "entry:2.value.3.9": ("blocks.1.att.qkv.weight", 3, 32 + 9),
    "entry:2.output.3.9": ("blocks.1.att.out_proj.weight", 3, 9),
    "entry:2.expand.3.60": ("blocks.1.ff.expand.weight", 3, 60),
    "entry:1.contract.60.3": ("blocks.0.ff.contract.weight", 60, 3),
    f"table:{IDS[1]}.9": ("tok_emb.weight", IDS[1], 9),
    "table:17.9": ("tok_emb.weight", 17, 9),
}


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", PARAMETERS)
def test_an_entry_that_counts_as_0_is_the_pass_of_a_model_that_has_a_0_there(name, tied):
    model = MODEL if tied else randomised(replace(PRESETS["tiny"], tied_head=False), seed=3)
    matrix, row, column = PARAMETERS[name]
    other = copy.deepcopy(model)
    if tied:
        other.out_head.weight = other.tok_emb.weight
    other.get_parameter(matrix)[row, column] = 0
    plain, meant, found = trace.run(model, IDS), trace.run(other, IDS), trace.run(model, IDS, edits=[name])
    for point in meant.tensors:
        torch.testing.assert_close(found[point], meant[point], rtol=1e-5, atol=1e-6)
    reached = name != "table:17.9" or tied
    assert torch.equal(found["logits"], plain["logits"]) != reached, "a token that is not there has its row in the head alone"
    assert float(model.get_parameter(matrix)[row, column]) != 0
    with_others = ["attention:2", "unit:1.60", "norm:2.2", name]
    one, two = trace.run(model, IDS, edits=with_others), trace.run(other, IDS, edits=with_others[:3])
    torch.testing.assert_close(one["logits"], two["logits"], rtol=1e-5, atol=1e-6)


def test_an_entry_that_is_0_changes_no_bit():
    model = copy.deepcopy(MODEL)
    model.blocks[0].ff.expand.weight[3, 5] = 0
    plain, found = trace.run(model, IDS), trace.run(model, IDS, edits=["entry:1.expand.3.5"])
    assert all(torch.equal(plain[point], found[point]) for point in plain.tensors)
    assert edits.words(edits.parse("entry:1.expand.3.5,entry:*.value.0.1,table:464.3")) == (
        "row 0, column 1 of the value matrix is 0 in every block, row 3, column 5 of the expand matrix is 0 in block 1, "
        'number 3 of "The" in the token table is 0'
    )


def test_names_go_there_and_back_in_one_order():
    text = "position:mean,block:4,head:12.1:even,head:5.1,no-mask,unit:3.17"
    found = edits.parse(text)
    assert edits.write(found) == "no-mask,head:5.1,head:12.1:even,unit:3.17,block:4,position:mean"
    for some in itertools.permutations(found, 3):
        assert edits.parse(edits.write(some)) == edits.ordered(some)
    assert edits.parse("head:05.1:zero, head:5.1") == edits.parse("head:5.1"), "one edit, however it is written"
    assert hash(found) == hash(edits.parse(text)), "a key of a cache"


def test_the_same_edit_twice_is_once_and_the_order_does_not_matter():
    once = trace.run(MODEL, IDS, edits=["head:2.1:mean"])
    twice = trace.run(MODEL, IDS, edits=["head:2.1:mean", edits.parse("head:2.1:mean")[0], "head:2.1:mean"])
    assert twice.edits == once.edits and torch.equal(twice["logits"], once["logits"])
    one, two = (trace.run(MODEL, IDS, edits=names) for names in (["no-mask", "zero-mask"], ["zero-mask", "no-mask"]))
    assert one.edits == two.edits and torch.equal(one["logits"], two["logits"])


def test_words():
    said = edits.words(edits.parse("head:5.1,no-mask,norm:3.1,shortcut:2.2,position,block:4,head:2.3:mean,norm:final"))
    assert "head 5.1 is off" in said and "block 4 is off" in said and "positions are off" in said
    assert "head 2.3 hands on its mean over the sentence" in said and "the final LayerNorm is off" in said
    assert "the LayerNorm before attention is off in block 3" in said
    assert "the shortcut around feed-forward is off in block 2" in said
    assert "later tokens are not hidden in every block" in said


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("haed:5.1", "did you mean head"),
        ("head", "head takes block and head, such as head:2.3"),
        ("head:5", "head takes block and head"),
        ("head:0.1", "the block must be a whole number from 1"),
        ("head:1.x", "the head must be a whole number"),
        ("head:1.1:loud", "can be zero, mean, even, not 'loud'"),
        ("norm:1.3", "1 is before"),
        ("block:1:mean", "switched only"),
        ("position:-1", "zero, mean or a number of rows"),
        ("unit:1.²", "the unit must be a whole number"),
        ("norm:final.1", "the block must be a whole number from 1"),
        ("weight:1.1.2.3", "token 2 may not read token 3, which comes later"),
        ("weight:1.1.2.1:2", "a number from 0 to 1"),
        ("weight:1.1.2", "weight takes block and head and query and key"),
        ("row:1.2", "ids of another sentence"),
        ("row:1.2:the cat", "such as row:5.3:464"),
        ("row:2:464", "row takes block and token"),
        ("entry:1.expand.3", "entry takes block and matrix and row and column, such as entry:2.expand.3.17"),
        ("entry:1.expnad.3.4", "did you mean expand"),
        ("entry:1.2.3.4", "a block has query, key, value, output, expand, contract"),
        ("entry:1.query.3.x", "the column must be a whole number from 0"),
        ("table:464", "table takes row and column, such as table:3.17"),
        (",".join(f"block:{n}" for n in range(1, 100)), "at most 64"),
    ],
)
def test_a_name_that_is_none_is_refused_with_the_reason(name, says):
    with pytest.raises(ValueError, match=says):
        edits.parse(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("block:3", "this model has 2 blocks"),
        ("head:1.3", "this model has 2 heads"),
        ("unit:1.64", "units 0 to 63"),
        ("position:32", "32 rows"),
        ("position:29", "4 tokens would need 33 rows"),
        ("weight:1.1.5.2", "the text has 4 tokens, counted from 0; there is no token 5"),
        ("weight:1.1.40.2", "reads at most 32 tokens"),
        ("row:1.4:6109-1110-6622-257-1", "the text has 4 tokens"),
        ("row:1.3:6109-1110", "the other sentence has 2 tokens, counted from 0, so it has no row for token 3"),
        ("row:1.0:60000", "this model has no token 60000"),
        ("entry:3.query.0.0", "this model has 2 blocks"),
        ("entry:1.query.0.16", "here this model has columns 0 to 15"),
        ("entry:1.expand.16.0", "here this model has rows 0 to 15"),
        ("entry:1.expand.0.64", "here this model has columns 0 to 63"),
        ("entry:1.contract.64.0", "here this model has rows 0 to 63"),
        ("table:60000.0", "here this model has rows 0 to 50,256"),
    ],
)
def test_a_place_that_a_smaller_model_has_not_is_refused(name, says):
    with pytest.raises(ValueError, match=says):
        trace.run(MODEL, IDS, edits=[name])


def test_a_row_from_the_same_sentence_changes_nothing():
    own = trace.run(MODEL, IDS, edits=[f"row:1.2:{'-'.join(map(str, IDS))}"])
    torch.testing.assert_close(own["logits"], trace.run(MODEL, IDS)["logits"], rtol=1e-5, atol=1e-6)
    assert "token 2 has its row of" in edits.words(edits.parse(f"row:1.2:{DAY}")) and '"Every day holds a"' in edits.words(
        edits.parse(f"row:1.2:{DAY}")
    )


@pytest.mark.parametrize("name", ["weight:1.2.2.0", "weight:2.1.3.1:0.5", f"row:1.2:{DAY}", f"row:1.3:{DAY}", "head:1.1"])
def test_rows_to_the_left_of_an_edit_are_bit_equal(name):
    plain, found = trace.run(MODEL, IDS), trace.run(MODEL, IDS, edits=[name])
    (edit,) = edits.parse(name)
    assert (edit.first_row > 0) == (edit.kind != "head")
    for point, tensor in plain.tensors.items():
        rows = [n for n, axis in enumerate(plain.axes(point)) if axis in ("token", "query")]
        if rows and point != "pos_emb":
            left = [one.movedim(rows[0], 0)[: edit.first_row] for one in (tensor, found[point])]
            if point.endswith((".scores", ".scaled")):  # not masked yet: of the keys those to the left
                left = [one[..., : edit.first_row] for one in left]
            assert torch.equal(*left), point
    assert not torch.equal(plain["logits"][:, edit.first_row :], found["logits"][:, edit.first_row :])


def test_nothing_else_is_changed():
    before = {name: parameter.clone() for name, parameter in MODEL.named_parameters()}
    plain = trace.run(MODEL, IDS)
    for name in SAME:
        trace.run(MODEL, IDS, edits=[name])
    assert all(torch.equal(before[name], parameter) for name, parameter in MODEL.named_parameters())
    again = trace.run(MODEL, IDS)
    assert all(torch.equal(plain[point], again[point]) for point in plain.tensors) and again.edits == ()


def test_what_lies_before_an_edit_is_as_it_was():
    plain, found = trace.run(MODEL, IDS), trace.run(MODEL, IDS, edits=["head:2.2"])
    first = list(plain.tensors).index(AT + "att.context")
    for number, point in enumerate(plain.tensors):
        same = torch.equal(plain[point], found[point])
        assert same if number < first else not same, point


# ---- addresses


def test_an_address_goes_there_and_back():
    one = Address("blocks.0.att.weights", (0, 1, 2, 2))
    assert one.write() == "blocks.0.att.weights@0,1,2,2" and Address.parse(one.write()) == one
    assert one.code == "blocks.0.att.weights[0, 1, 2, 2]" and one == ("blocks.0.att.weights", (0, 1, 2, 2))


@pytest.mark.parametrize(
    "text", ["", "tok_emb", "@1", "tok_emb@", "tok_emb@1,", "tok_emb@-1", "a@1,2,3,4,5,6,7", "x" * 61 + "@1", "a@²"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match=r"such as tok_emb@0,3,17"):
        Address.parse(text)
