"""The sizes, and the parameter counts every book and model card quotes."""

import dataclasses

import pytest
import torch

from gptviz.config import PRESETS, GPTConfig
from gptviz.model import GPT

SMALL = PRESETS["gpt2"]
TOTALS = {
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
}
FOUR_WAYS = {  # (tied head, bias for queries, keys and values) -> learned numbers at GPT-2 small's sizes
    (True, False): 124_412_160,
    (True, True): 124_439_808,
    (False, False): 163_009_536,
    (False, True): 163_037_184,
}


def counted(config: GPTConfig) -> int:
    """Numbers in a real model, built without memory for them; a shared tensor counts once."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in GPT(config).parameters())


@pytest.mark.parametrize(("name", "total"), TOTALS.items())
def test_the_four_published_sizes(name, total):
    assert PRESETS[name].n_parameters == counted(PRESETS[name]) == total
    assert PRESETS[name].head_size == 64


@pytest.mark.parametrize(("choice", "total"), FOUR_WAYS.items())
def test_the_four_totals_called_124M_and_163M(choice, total):
    config = dataclasses.replace(SMALL, tied_head=choice[0], qkv_bias=choice[1])
    assert config.n_parameters == counted(config) == total


@pytest.mark.parametrize("name", ["mini", "tiny"])
def test_small_presets_count_themselves(name):
    assert PRESETS[name].n_parameters == counted(PRESETS[name])


def test_parts_of_gpt2_small():
    assert SMALL.parameters() == {
        "token table": 38_597_376,
        "position table": 786_432,
        "LayerNorms": 38_400,
        "attention": 12 * 2_362_368,
        "feed-forward": 12 * 4_722_432,
        "output head": 0,
    }
    bare = dataclasses.replace(SMALL, qkv_bias=False, tied_head=False).parameters()
    assert bare["attention"] == 12 * 2_360_064
    assert bare["output head"] == 38_597_376


@pytest.mark.parametrize("qkv_bias", [True, False])
def test_parts_are_those_of_a_real_model(qkv_bias):
    config = dataclasses.replace(SMALL, qkv_bias=qkv_bias, tied_head=False)
    with torch.device("meta"):
        model = GPT(config)

    def numbers(*modules) -> int:
        return sum(parameter.numel() for module in modules for parameter in module.parameters())

    block = model.blocks[0]
    assert numbers(block.norm1) == 1_536
    assert numbers(block.ff.expand) == 2_362_368
    assert numbers(block.ff.contract) == 2_360_064
    assert numbers(block.att.out_proj) == 590_592
    assert numbers(block) == (7_087_872 if qkv_bias else 7_085_568)
    assert numbers(*model.blocks) == (85_054_464 if qkv_bias else 85_026_816)
    assert config.parameters() == {
        "token table": numbers(model.tok_emb),
        "position table": numbers(model.pos_emb),
        "LayerNorms": numbers(model.final_norm, *(norm for b in model.blocks for norm in (b.norm1, b.norm2))),
        "attention": numbers(*(b.att for b in model.blocks)),
        "feed-forward": numbers(*(b.ff for b in model.blocks)),
        "output head": numbers(model.out_head),
    }


def test_places_of_dropout():
    assert SMALL.dropout_sites == 37
    assert PRESETS["gpt2-medium"].dropout_sites == 73


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SMALL.n_head = 8


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"n_embd": 768, "n_head": 7}, ["768", "7 heads", "rest of 5"]),
        ({"n_layer": 0}, ["n_layer", "at least 1", "0"]),
        ({"n_embd": -3}, ["n_embd", "-3"]),
        ({"vocab_size": None}, ["vocab_size", "None"]),
        ({"context_length": 10.5}, ["context_length", "10.5"]),
        ({"n_head": "12"}, ["n_head", "'12'"]),
        ({"n_head": True}, ["n_head", "True"]),
        ({"eps": 0.0}, ["eps", "0.0"]),
        ({"eps": "1e-5"}, ["eps", "'1e-5'"]),
    ],
)
def test_sizes_that_make_no_model(sizes, words):
    with pytest.raises(ValueError) as caught:
        GPTConfig(**sizes)
    assert all(word in str(caught.value) for word in words), str(caught.value)
