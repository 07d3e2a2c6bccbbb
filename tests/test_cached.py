"""With keys and values kept nothing changes but the work, and the work is what the formula says."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gptviz import cached, tokenizer, trace
from gptviz.config import PRESETS
from gptviz.labs.context.cached import CACHED
from gptviz.labs.lab import Setting
from sample_models import mini, randomised, tiny

CAT = tokenizer.encode("The cat sat by the fire, and the kitten sat by the")


def opened(model=None, ids=CAT, **values) -> Setting:
    bare = Setting(model or tiny(), tuple(ids), {})
    return replace(bare, values={one.name: one.start() for one in CACHED.controls_for(bare)} | values)


@pytest.mark.parametrize("name", ["mini", "tiny", "untied"])
def test_at_every_length_it_is_the_models_own_answer(name):
    model = {"mini": mini, "tiny": tiny}.get(
        name, lambda: randomised(replace(PRESETS["tiny"], tied_head=False, qkv_bias=False))
    )()
    ids, kept = CAT[: 32 if name != "mini" else 8], cached.Kept()
    whole = trace.run(model, ids, points=["logits"])["logits"][0]
    for length, token in enumerate(ids, 1):
        grown = cached.read(model, [token], kept)
        assert torch.allclose(grown.logits, whole[length - 1], rtol=1e-4, atol=1e-4)
        assert grown.work == model.config.cached_flops(length)
        kept = grown.kept
        assert kept.held == kept.tokens == length and kept.nbytes == 4 * model.config.kv_cache(length)
    again = cached.read(model, ids)
    assert again.work == model.config.flops(len(ids)) and torch.allclose(again.logits, whole[-1], rtol=1e-4, atol=1e-4)


def test_several_new_tokens_see_each_other_and_no_later_one():
    first = cached.read(tiny(), CAT[:5])
    rest = cached.read(tiny(), CAT[5:9], first.kept)
    assert torch.allclose(rest.logits, cached.read(tiny(), CAT[:9]).logits, atol=1e-5)
    for one, other in zip(rest.kept.keys, cached.read(tiny(), CAT[:9]).kept.keys):
        assert torch.allclose(one, other, atol=1e-5)


def test_what_was_thrown_away_is_missed():
    kept = cached.read(tiny(), CAT[:6]).kept
    less = kept.newest(2)
    assert (less.held, less.tokens, kept.held) == (2, 6, 6) and kept.newest(9).held == 6
    whole, cut = (cached.read(tiny(), CAT[6:7], one).logits for one in (kept, less))
    assert float((whole - cut).abs().max()) > 1e-3
    with pytest.raises(ValueError, match="at least one"):
        kept.newest(0)


def test_a_full_table_takes_no_more():
    model = tiny()
    kept = cached.read(model, (CAT * 3)[: model.config.context_length]).kept
    with pytest.raises(ValueError, match="33 tokens do not fit"):
        cached.read(model, [1], kept)


def test_the_experiment_says_what_is_so():
    said = CACHED.caption(opened())
    assert "Nothing changed" in said and "rounding" in said or "no logit differs" in said
    assert "Nothing changed" in CACHED.caption(opened(room=len(CAT) - 1)), "the new token's own are always there"
    less = CACHED.caption(opened(room=3))
    assert "the oldest 9 were thrown away" in less and "Nothing changed" not in less
    without, keeping = CACHED.pictures(opened(room=3))[0].panels
    assert set(without.texts) == {"asks", "new"} and keeping.texts.count("new") == 2, "one new key, one new value"
    shown = np.array(keeping.texts).reshape(3, -1)
    assert list(shown[:, -2]) == ["dropped", "kept", "kept"] and shown[0, -1] == "asks" and "asks" not in shown[0, :-1]
    assert shown[1].tolist().count("kept") == 3 and shown[1, 0] == "gone"
    assert CACHED.caption(opened(ids=CAT[:1])) and list(CACHED.pictures(opened(ids=CAT[:1])))


def test_the_query_is_asked_about():
    question = CACHED.question
    assert "query" in question.ask and question.choices[question.answer].startswith("No")
