"""The lab of choosing the next token: what temperature, top-k and top-p do, and what is drawn."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from streamlit.testing.v1 import AppTest

from gptviz import sampling, tokenizer, trace
from gptviz.figures.chips import Chips
from gptviz.labs.lab import Setting
from gptviz.labs.sampling import drawing, temperature, writing
from gptviz.labs.sampling import lab as choosing
from sample_models import EFFORT, ending, forget, mini, once, tiny, untrained

APP = str(Path(__file__).parents[1] / "app.py")
TOY = temperature.TOY_LOGITS
WORD = {word: at for at, word in enumerate(temperature.TOY_WORDS)}
EXPERIMENTS = {one.key: one for one in choosing.LAB.experiments}
LOGITS = arrays(np.float32, st.integers(1, 40), elements=st.integers(-80, 80).map(lambda n: n / 8))


def setting(key: str, model=None, ids=EFFORT, **values) -> Setting:
    """An experiment's setting with its defaults, but for the values given."""
    model = model or mini()
    bare = Setting(model, tuple(ids), {}, model_key=str(id(model)), once=once)
    controls = EXPERIMENTS[key].controls_for(bare)
    return replace(bare, values={control.name: control.start() for control in controls} | values)


def trace_of(figure: go.Figure, name: str):
    return next(one for one in figure.data if one.name == name)


# temperature


def test_temperature_divides_logits():
    logits = trace.run(mini(), EFFORT)["logits"][0]
    for t in (0.1, 0.7, 1.0, 5.0):
        np.testing.assert_allclose(
            sampling.tempered(logits.numpy(), t), (logits.double() / t).softmax(-1).numpy(), rtol=1e-9, atol=1e-300
        )


@settings(deadline=None, derandomize=True, database=None)
@given(LOGITS, st.floats(0.05, 50))
def test_temperature_never_changes_the_order(logits, t):
    shares = sampling.tempered(logits, t)
    order = np.argsort(-logits, kind="stable")
    assert (np.diff(shares[order]) <= 0).all()
    assert temperature.tempered(logits, t).moved == 0


def test_the_models_own_ranks_stay():
    logits = setting("temperature").last_logits()
    for t in (0.1, 0.5, 2.0, 5.0):
        found = temperature.tempered(logits, t)
        assert found.moved == 0
        assert [sampling.rank(found.after, int(word)) for word in sampling.top(logits, 30)] == list(range(1, 31))


def test_temperature_zero_is_argmax_and_not_a_division():
    logits = np.array([[1.0, 3.0, 3.0], [5.0, 1.0, 0.0]], dtype=np.float32)
    assert sampling.tempered(logits, 0).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert np.isfinite(sampling.tempered(logits, 1e-320)).all()
    with pytest.raises(ValueError, match="0 or more, got -1"):
        sampling.tempered(logits, -1)


def test_the_books_nine_words():
    share = {t: dict(zip(WORD, sampling.tempered(TOY, t))) for t in (0.1, 1, 5)}
    assert [round(100 * share[1][word], 1) for word in ("forward", "toward", "closer")] == [57.2, 35.8, 6.1]
    assert round(100 * share[0.1]["forward"], 1) == 99.1
    assert [round(100 * share[5][word], 1) for word in ("forward", "pizza")] == [24.2, 4.3]
    bits = [-(p := np.array(list(share[t].values()))) @ np.log2(p) for t in (0.1, 1, 5)]
    assert np.round(bits, 2).tolist() == [0.07, 1.32, 2.88]
    top3 = sampling.pool(TOY, k=3)
    assert np.round(top3.probabilities, 4).tolist() == [0.5775, 0.3610, 0.0615]
    assert [temperature.TOY_WORDS[word] for word in top3.words] == ["forward", "toward", "closer"]


def test_the_curves_are_the_shares():
    words = [3, 0, 6]
    lines = temperature.curves(TOY, words)
    for at in (0, 9, 49):
        np.testing.assert_allclose(lines[:, at], sampling.tempered(TOY, temperature.TEMPERATURES[at])[words])


# the pool


@settings(deadline=None, derandomize=True, database=None)
@given(LOGITS, st.floats(0.01, 1))
def test_the_nucleus_is_the_smallest_set_that_reaches_p(logits, p):
    shares = sampling.softmax(logits)
    kept = sampling.top_p(shares, p)
    best = np.sort(shares)[::-1]
    assert np.allclose(np.sort(shares[kept])[::-1], best[: kept.size])
    if p < 1:
        assert best[: kept.size].sum() >= p - 1e-12
        assert best[: kept.size - 1].sum() < p + 1e-12
    else:
        assert kept.size == shares.size


def test_the_nucleus_of_a_whole_vocabulary_is_found_however_many_tokens_it_takes():
    for model, p in ((mini(), 0.5), (mini(), 0.99), (untrained(), 0.5), (untrained(), 0.99)):
        shares = sampling.softmax(Setting(model, tuple(EFFORT), {}).last_logits())
        reached = np.cumsum(np.sort(shares)[::-1])
        assert sampling.top_p(shares, p).size == 1 + int((reached < p).sum())


@settings(deadline=None, derandomize=True, database=None)
@given(LOGITS, st.floats(0.1, 5), st.integers(1, 50), st.floats(0.01, 1))
def test_with_both_cuts_the_smaller_set_wins(logits, t, k, p):
    shares = sampling.tempered(logits, t)
    pool = sampling.pool(logits, temperature=t, k=k, p=p)
    assert pool.size == min(k, sampling.top_p(shares, p).size, int((shares > 0).sum()))
    assert pool.words.tolist() == sampling.top(logits, pool.size).tolist()
    assert pool.probabilities.sum() == pytest.approx(1)
    assert pool.kept == pytest.approx(shares[pool.words].sum())


def test_a_pool_at_temperature_zero_is_the_argmax():
    logits = setting("pool").last_logits()
    for p in (0.1, 1.0):
        assert sampling.pool(logits, temperature=0, p=p).words.tolist() == [int(logits.argmax())]


@pytest.mark.parametrize("wrong", [{"k": 0}, {"k": -1}, {"p": 0.0}, {"p": 1.5}, {"p": float("nan")}, {"temperature": -0.5}])
def test_settings_without_a_pool_are_refused(wrong):
    with pytest.raises(ValueError, match="must"):
        sampling.pool(TOY, **wrong)


def test_top_p_over_what_top_k_left_is_the_rule_of_transformers():
    warpers = transformers.generation.logits_process
    logits = setting("pool").last_logits()
    for t, k, p in ((1.0, 50, 0.9), (1.0, 5, 0.5), (0.7, 100, 0.95), (2.0, 40, 0.05), (1.0, 1, 0.9)):
        scores = torch.tensor(logits[None].astype(np.float64)) / t
        scores = warpers.TopPLogitsWarper(p)(None, warpers.TopKLogitsWarper(k)(None, scores))
        size = sampling.chained(logits, temperature=t, k=k, p=p)
        assert size == int(torch.isfinite(scores).sum()) <= sampling.pool(logits, temperature=t, k=k, p=p).size
    assert sampling.chained(logits, temperature=0.0, k=50, p=0.9) == 1


def test_with_both_on_the_words_give_the_other_rules_pool_too():
    chosen = setting("pool", k=50, p=0.9)
    logits = chosen.last_logits()
    here, there = sampling.pool(logits, k=50, p=0.9).size, sampling.chained(logits, k=50, p=0.9)
    assert there < here and f"count p over what top-k left: a pool of {there}, not {here}." in drawing.pool_caption(chosen)
    assert "the same pool" in drawing.pool_caption(setting("pool", k=1, p=0.9))
    assert "transformers" not in drawing.pool_caption(setting("pool", k=50, p=1.0)) + drawing.pool_caption(
        setting("pool", p=0.9)
    )


# draws


def test_a_thousand_draws_follow_the_probabilities_and_their_seed():
    pool = sampling.pool(TOY)
    one, again, other = (drawing.draw(pool, seed) for seed in (3, 3, 4))
    assert one.counts.sum() == 1000
    assert (one.places == again.places).all() and (one.places != other.places).any()
    many = drawing.draw(pool, 0, 200_000).counts / 200_000
    spread = np.sqrt(pool.probabilities * (1 - pool.probabilities) / 200_000)
    assert (abs(many - pool.probabilities) <= 5 * spread + 1e-5).all()


def test_a_number_falls_on_the_share_it_lies_in():
    pool = sampling.Pool(np.array([7, 8, 9]), np.array([0.2, 0.2, 0.1]))
    assert pool.places(np.array([0, 0.39999, 0.4, 0.79, 0.8, 0.999999999999])).tolist() == [0, 0, 1, 1, 2, 2]


# writing


def test_undoing_a_token_and_writing_it_again():
    six = writing.steps(setting("write", steps=6))
    four = writing.steps(setting("write", steps=4))
    assert [step.token for step in four] == [step.token for step in six][:4]
    assert [step.token for step in six] != [step.token for step in writing.steps(setting("write", steps=6, seed=1))]


def test_every_step_draws_from_the_models_own_last_row():
    for step in writing.steps(setting("write", steps=5, p=0.8)):
        logits = trace.run(mini(), step.ids)["logits"][0, -1]
        shares = logits.double().softmax(-1).numpy()
        assert step.pool.kept == pytest.approx(np.sort(shares)[::-1][: step.pool.size].sum(), rel=1e-9)
        before = step.pool.probabilities[: step.place].sum()
        assert before <= step.number < before + step.pool.probabilities[step.place] + 1e-12


def test_at_temperature_zero_writing_is_generating_by_argmax():
    written = [step.token for step in writing.steps(setting("write", steps=5, t=0.0))]
    assert written == list(sampling.generate(mini(), EFFORT, 5))


def test_the_text_is_cropped_to_what_fits():
    steps = writing.steps(setting("write", steps=6, limit=4))
    assert [len(step.ids) for step in steps] == [4] * 6
    assert [step.left_out for step in steps] == list(range(6))
    assert steps[5].ids == tuple(step.token for step in steps[1:5])
    ids = torch.arange(100, 132).tolist()
    assert [len(step.ids) for step in writing.steps(setting("write", tiny(), ids, steps=3))] == [32] * 3


def test_writing_stops_at_the_end_of_text():
    def sure(ids):
        logits = np.zeros(50257, dtype=np.float32)
        logits[tokenizer.END_OF_TEXT_ID if len(ids) == 3 else 11] = 100
        return logits

    steps = list(sampling.write(sure, (5,), 10, limit=8))
    assert [step.token for step in steps] == [11, 11, tokenizer.END_OF_TEXT_ID]
    assert len(list(sampling.write(sure, (5,), 10, limit=8, stop=None))) == 10


def test_the_lab_says_that_the_text_has_ended_and_writes_on_when_asked():
    over, on = (setting("write", ending(), t=0.0, on=on) for on in (False, True))
    assert [len(writing.steps(one)) for one in (over, on)] == [1, 6]
    assert "<|endoftext|> ends the text: nothing more is written, unless you let it write on" in writing.writing_caption(over)
    assert "It has written <|endoftext|> 6 times: what follows is another text." in writing.writing_caption(on)


# pictures


def test_a_row_of_the_pool_is_whole_and_the_number_hits_the_lit_segment():
    asked = setting("write", steps=12, p=1.0, seed=5)
    for step in writing.steps(asked):
        row = writing.row(asked, step, 1)
        assert row.widths.sum() == pytest.approx(1) and len(row.words) == len(row.widths)
        start = row.widths[: row.chosen].sum()
        assert start - 1e-9 <= row.number <= start + row.widths[row.chosen] + 1e-9
        assert row.words[row.chosen] == tokenizer.printable(step.token)


def test_bars_hold_the_numbers_they_stand_for():
    chosen = setting("temperature", t=0.5)
    (figure,) = EXPERIMENTS["temperature"].pictures(chosen)
    logits = chosen.last_logits()
    words = sampling.top(logits, temperature.WORDS)
    np.testing.assert_array_equal(trace_of(figure, "before").x, sampling.softmax(logits)[words])
    np.testing.assert_array_equal(trace_of(figure, "after").x, sampling.tempered(logits, 0.5)[words])
    (figure,) = EXPERIMENTS["draws"].pictures(setting("draws"))
    assert sum(trace_of(figure, "drawn").x) == 1000 and trace_of(figure, "argmax").x == (1000,)
    (figure,) = EXPERIMENTS["pool"].pictures(setting("pool", k=5, p=1.0))
    assert (np.array(trace_of(figure, "after").x) > 0).sum() == 5
    assert trace_of(figure, "edge").x == (5,)


@pytest.mark.parametrize("model", [mini, tiny, untrained])
@pytest.mark.parametrize("key", EXPERIMENTS)
def test_every_experiment_draws_and_speaks_at_its_extremes(key, model):
    for values in ({}, {"t": 0.0}, {"t": 0.1, "k": 1}, {"t": 5.0, "p": 0.05}):
        chosen = setting(key, model(), [50256], **values, **({"steps": 3} if key == "write" else {}))
        assert EXPERIMENTS[key].caption(chosen)
        assert all(isinstance(picture, Chips | go.Figure) for picture in EXPERIMENTS[key].pictures(chosen))


def test_captions_name_the_numbers():
    assert "57.2 % to 24.2 %" in temperature.toy_caption(setting("toy"))
    assert "Ranks that changed: 0 of 50,257" in temperature.temperature_caption(setting("temperature"))
    assert "T = 0 is no division" in temperature.temperature_caption(setting("temperature", t=0.0))
    pool = sampling.pool(setting("pool").last_logits(), p=0.8)
    assert f"rank {pool.size:,}" in drawing.pool_caption(setting("pool"))


# the page


def open_lab(lab: str, /, **params) -> AppTest:
    """A lab's page without a browser, with these parameters in its address."""
    forget()
    app = AppTest.from_file(APP, default_timeout=60)
    app.switch_page(f"pages/{lab}.py")
    for name, value in params.items():
        app.query_params[name] = str(value)
    app.run()
    assert not app.exception, app.exception[0].message
    return app


opened = partial(open_lab, "Sampling")


def html(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_every_experiment_has_its_page(key):
    app = opened(view=key)
    assert EXPERIMENTS[key].title in html(app) and "Look for" in html(app)
    assert not app.error and not app.warning
    assert ("TOY" in html(app)) == (key == "toy")


def test_odd_texts_and_nonsense_in_the_address():
    for key in ("temperature", "write"):
        assert not opened(view=key, text="<b>bold</b> 🦜 $x$").error
    app = opened(view="pool", t="hot", k="3")
    assert "hot" in app.warning[0].value and "rank 3" in html(app)


def test_undo_on_the_page():
    app = opened(view="write", steps=3)
    assert "Pass 3" in html(app)
    app = app.slider(key="control-steps").set_value(2).run()
    assert "Pass 2" in html(app) and app.query_params["steps"] == "2"
