"""A logit taken apart: every sum on every way down equals the number above it, and nothing is counted twice or left out."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gptviz import attribution, lens, tokenizer, trace
from gptviz.attribution import KEPT, Taken, walk
from gptviz.config import PRESETS, GPTConfig
from sample_models import mini, randomised, tiny

CAT = tokenizer.encode("The cat sat by the fire, and the kitten sat by the")
SMALL = GPTConfig(n_layer=2)  # GPT-2 small's shape with two of its twelve blocks


def taken(model, ids) -> Taken:
    return Taken(trace.run(model, ids, points=KEPT))


def close(level) -> bool:
    """Whether the terms add up to the number above to 1e-4 of it. A logit is a number of the pass, which is in single precision: where
    it is close to 0 its rounding is measured by what cancels. Every level below is double precision throughout."""
    if level.kind == "logit":
        return abs(level.remainder) <= max(1e-4 * abs(level.value), 2e-6 * float(np.abs(level.terms).sum()))
    return abs(level.remainder) <= max(1e-8 * abs(level.value), 1e-13 * float(np.abs(level.terms).sum()))


def some_sentences(count: int, longest: int, seed: int) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 50257, rng.integers(1, longest + 1)).tolist() for _ in range(count)]


def batch(sentences: list[list[int]]) -> list[list[int]]:
    """Padded on the right, which no token reads."""
    longest = max(map(len, sentences))
    return [ids + [0] * (longest - len(ids)) for ids in sentences]


def test_63_parts_are_the_logit_of_fire():
    found = taken(mini(), CAT)
    word = int(found.trace["logits"][0, -1].argmax())
    level = found.logit(len(CAT) - 1, word)
    assert found.trace.word(word) == "·fire" and len(level.terms) == 63
    assert abs(level.remainder) < 1e-6
    assert level.names[0] == "token row" and level.names[2] == "head 1.1" and level.names[-1] == "LayerNorm's shift"


@pytest.mark.parametrize("shape", ["mini", "small", "untied", "no bias"])
def test_a_logit_is_the_sum_of_its_parts_in_200_sentences(shape):
    """Random biases, scales and shifts (mini has learned ones): one counted twice or left out would be far more than rounding."""
    config = {
        "small": SMALL,
        "untied": replace(PRESETS["tiny"], tied_head=False),
        "no bias": replace(PRESETS["tiny"], qkv_bias=False),
    }.get(shape)
    model = mini() if config is None else randomised(config, seed=4)
    rng = np.random.default_rng(1)
    sentences = some_sentences(200, 5 if shape != "small" else 2, seed=2)
    all_of_them = trace.run(model, batch(sentences), points=KEPT)
    exact = attribution.doubled(model, all_of_them.ids)
    for item, ids in enumerate(sentences):
        found, row = Taken(all_of_them, item, exact), int(rng.integers(len(ids)))
        word, other = (int(one) for one in rng.integers(0, 50257, 2))
        against = None if len(ids) % 2 else other
        assert close(found.logit(row, word, against)), (ids, row, word, against)


def test_a_bias_counted_twice_or_left_out_is_seen():
    found = taken(randomised(PRESETS["tiny"], seed=4), [1, 2, 3])
    level = found.logit(2, 7)
    biases = [n for n, part in enumerate(level.parts) if part.kind == "bias"] + [len(level.parts)]
    assert len(biases) == 3 and close(level)
    for n in biases:
        for times in (0, 2):
            terms = level.terms.copy()
            terms[n] *= times
            assert not close(replace(level, terms=terms))


def small():
    return randomised(SMALL, seed=4)


@pytest.mark.parametrize("model, ways, longest", [(tiny, 1000, 8), (mini, 8, 6), (small, 12, 6)], ids=["tiny", "mini", "small"])
def test_every_level_on_random_ways_down_equals_the_term_it_opens(model, ways, longest):
    rng = np.random.default_rng(3)
    model, met = model(), set()
    for n in range(ways):
        if n % 20 == 0:
            (ids,) = some_sentences(1, longest, seed=n)
            found = taken(model, ids)
        level = found.logit(int(rng.integers(len(ids))), int(rng.integers(50257)), [None, 5][n % 2])
        while level is not None:
            met.add(level.kind)
            assert close(level), level.title
            number = int(rng.integers(len(level.terms) + len(level.doors)))
            below = level.open(number)
            if below is not None and number < len(level.terms):
                assert below.value == level.terms[number], (level.title, level.names[number])
            level = below
    assert met == {"logit", "head", "read", "score", "channel", "feed-forward", "unit", "row"}


def test_parts_are_the_numbers_of_the_pass():
    found = taken(mini(), CAT)
    made = trace.run(mini(), CAT)
    row, along = len(CAT) - 1, np.ones(256)
    head = found.head(3, 2, row, along, float("nan"))
    np.testing.assert_allclose(head.columns["weight"], made["blocks.3.att.weights"][0, 2, row], atol=1e-6)
    np.testing.assert_allclose(head.columns["score"], made["blocks.3.att.scaled"][0, 2, row], rtol=1e-4, atol=1e-5)
    hidden, active = found.units(4, 5)
    np.testing.assert_allclose(hidden, made["blocks.4.ff.hidden"][0, 5], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(active, made["blocks.4.ff.active"][0, 5], rtol=1e-4, atol=1e-5)
    whole = sum(found.written(part, row) for part in attribution.parts(6, 8))
    np.testing.assert_allclose(whole, made["blocks.5.shortcut2"][0, row], rtol=1e-4, atol=1e-4)


def test_a_score_and_both_its_sides():
    found = taken(mini(), CAT)
    levels = walk(found.logit(len(CAT) - 1, 4), [2 + 10 * 2 + 3, 5])
    assert [one.kind for one in levels] == ["logit", "head", "read"]
    score = levels[-1].open(len(levels[-1].terms))
    weights = trace.run(mini(), CAT)["blocks.2.att.scaled"][0, 3, -1]
    assert score.kind == "score" and score.value == pytest.approx(float(weights[5]), abs=1e-5)
    query = score.open(7)
    key = query.open(len(query.terms))
    assert query.value == key.value == score.terms[7] and close(query) and close(key) and not key.doors
    assert not np.allclose(query.terms, key.terms)


def test_a_way_ends_where_there_is_no_such_term():
    start = taken(tiny(), [1, 2, 3]).logit(2, 0)
    assert [one.kind for one in walk(start, [0, 5])] == ["logit", "row"]
    assert walk(start, [99, 0]) == [start]
    with pytest.raises(IndexError, match="no term 99, there are"):
        start.open(99)


def test_a_changed_pass_is_no_sum_of_these_parts():
    for options in ({"dropout": 0.5}, {"edits": ["head:1.1"]}):
        with pytest.raises(ValueError, match="only the plain pass"):
            Taken(trace.run(tiny(), [1, 2], **options))


def test_units_add_up_with_what_they_promote():
    found = taken(tiny(), [3, 4, 5])
    some = attribution.strongest(found, 2, 4, 3)
    assert len(some) == 4 and [one.length for one in some] == sorted((one.length for one in some), reverse=True)
    one = some[0]
    for word, by in (*one.promotes, *one.suppresses):
        level = found.logit(2, word)
        layer = level.open(
            next(n for n, part in enumerate(level.parts) if (part.kind, part.block) == ("feed-forward", one.block))
        )
        assert layer.terms[one.unit] == pytest.approx(by, rel=1e-4, abs=1e-6)
    assert one.promotes[0][1] >= one.promotes[-1][1] > one.suppresses[-1][1] >= one.suppresses[0][1]


# the lens -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [None, SMALL, replace(PRESETS["tiny"], tied_head=False)], ids=["mini", "small", "untied"])
def test_the_last_depth_is_the_models_answer(config):
    model = mini() if config is None else randomised(config, seed=5)
    layers = model.config.n_layer
    for ids in ([464], CAT):
        made = trace.run(model, ids, points=[*lens.points(layers), "logits"])
        stream = lens.stream(made, lens.points(layers))
        assert stream.shape[:2] == (2 * layers + 1, len(ids))
        found = lens.read(model, stream, made["logits"][0])
        assert found.difference < 1e-3 and found.difference <= 1e-5 * float(made["logits"].abs().max())
        shares = made["logits"][0].double().softmax(-1)
        assert np.array_equal(found.best[-1], made["logits"][0].argmax(-1))
        np.testing.assert_allclose(found.shares[-1], shares.max(-1).values, rtol=1e-4)


def test_words_are_followed_where_the_lens_says():
    made = trace.run(mini(), CAT, points=[*lens.points(6), "logits"])
    stream = lens.stream(made, lens.points(6))
    found = lens.read(mini(), stream)
    words = [int(word) for word in found.best[:, -1]]
    shares, ranks = lens.follow(mini(), stream[:, -1], words)
    assert np.array_equal(np.diag(ranks), np.ones(13)), "each is the best in its own row"
    np.testing.assert_allclose(np.diag(shares), found.shares[:, -1], rtol=1e-5)
    assert [made.word(words[n]) for n in (5, 7, 12)] == ["·back", "·fire", "·fire"], "the best guess turns in block 4"


def test_a_copied_row_reaches_its_cone_and_nothing_else():
    model, points = mini(), lens.block_points(6)
    other = tokenizer.encode("The letter was sealed. She opened the")
    plain, source = (lens.stream(trace.run(model, ids, points=points), points) for ids in (CAT[:9], other))
    for depth, token in ((0, 1), (2, 3), (6, 6)):
        changed = lens.stream(lens.patched(model, CAT[:9], points[depth], token, source[depth, token], points), points)
        assert torch.equal(changed[depth, token], source[depth, token])
        can = torch.zeros(plain.shape[:2], dtype=torch.bool)
        can[depth + 1 :, token:] = True
        can[depth, token] = True
        assert torch.equal(changed[~can], plain[~can]), "bit by bit"
        moved = lens.moved(model, plain, changed)
        assert (moved[~can.numpy()] == 0).all() and moved[can.numpy()].min() > 0
    own = lens.patched(model, CAT[:9], points[2], 3, plain[2, 3], points)
    assert torch.equal(lens.stream(own, points), plain), "with its own row nothing changes"


def test_a_row_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="does not fit at token 5"):
        lens.patched(tiny(), [1, 2, 3], "drop_emb", 5, torch.zeros(16), ["logits"])
    with pytest.raises(ValueError, match="does not fit"):
        lens.patched(tiny(), [1, 2, 3], "drop_emb", 1, torch.zeros(32), ["logits"])
    with pytest.raises(ValueError, match="no rows in common"):
        lens.moved(tiny(), torch.zeros(2, 3, 16), torch.zeros(2, 4, 16))
