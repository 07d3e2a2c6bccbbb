"""From logits to the next token."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gptviz import sampling, trace
from sample_models import EFFORT, mini, tiny

TOY = np.array([4.51, 0.89, -1.90, 6.75, 1.63, -1.62, -1.89, 6.28, 1.79])


def test_softmax_of_the_books_nine_words():
    chances = sampling.softmax(TOY)
    assert chances[3] == pytest.approx(0.572, abs=5e-4)
    assert chances[7] == pytest.approx(0.358, abs=5e-4)
    assert chances[0] == pytest.approx(0.061, abs=5e-4)


def test_softmax_agrees_with_torch_and_sums_to_one():
    logits = trace.run(mini(), EFFORT)["logits"][0]
    ours = sampling.softmax(logits.numpy())
    np.testing.assert_allclose(ours, logits.double().softmax(-1).numpy(), rtol=1e-9)
    np.testing.assert_allclose(ours.sum(-1), 1, rtol=1e-12)
    assert (ours.argmax(-1) == logits.numpy().argmax(-1)).all()


def test_softmax_neither_overflows_nor_minds_what_is_hidden():
    np.testing.assert_allclose(sampling.softmax(np.array([1e4, 1e4, -np.inf], dtype=np.float32)), [0.5, 0.5, 0])


@settings(deadline=None, derandomize=True, database=None)
@given(arrays(np.float32, st.integers(1, 60), elements=st.integers(-5, 5).map(float)), st.integers(0, 70))
def test_top_is_the_front_of_a_stable_sort(values, count):
    assert sampling.top(values, count).tolist() == np.argsort(-values, kind="stable")[:count].tolist()


def test_rank_counts_from_one_and_the_top_has_ranks_in_order():
    values = np.array([3.0, 9.0, 5.0, 5.0])
    assert [sampling.rank(values, index) for index in range(4)] == [4, 1, 2, 2]
    logits = trace.run(mini(), EFFORT)["logits"][0, -1].numpy()
    assert [sampling.rank(logits, index) for index in sampling.top(logits, 20)] == list(range(1, 21))


def test_generation_appends_the_argmax_again_and_again():
    ids = list(EFFORT)
    for token in sampling.generate(mini(), EFFORT, 5):
        logits = trace.run(mini(), ids)["logits"][0, -1]
        assert token == int(logits.argmax())
        ids.append(token)
    assert len(ids) == 9
    assert list(sampling.generate(mini(), EFFORT, 0)) == []


def test_generation_crops_to_the_context():
    ids = torch.arange(100, 140).tolist()
    first, second = sampling.generate(tiny(), ids, 2)
    assert first == int(trace.run(tiny(), ids[-32:])["logits"][0, -1].argmax())
    assert second == int(trace.run(tiny(), [*ids[-31:], first])["logits"][0, -1].argmax())


def test_generation_with_dropout_repeats_with_its_seed():
    def written(seed):
        return list(sampling.generate(tiny(), EFFORT, 6, dropout=0.5, seed=seed))

    assert written(1) == written(1)
    assert written(1) != written(2)


def test_generation_from_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one token"):
        next(sampling.generate(tiny(), [], 1))
