"""The training lab: every number at a step is that of the model as it was then."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gptviz import catalogue, snapshots, tokenizer, trace, weights
from gptviz.catalogue import Entry
from gptviz.config import GPTConfig
from gptviz.figures.matrix import Grid
from gptviz.labs.lab import Setting
from gptviz.labs.replay import heads as training_heads
from gptviz.labs.replay import lab as training
from gptviz.labs.replay import loss as training_loss
from gptviz.labs.replay import moments
from gptviz.labs.replay import predictions as training_predictions
from gptviz.labs.replay import word_places as training_words
from sample_models import once, randomised
from test_lab_choosing import html, open_lab

TEXTS = ("Every effort moves you", "Hi", "She 🦜 opened\tthe door", "word " * 60)
NUMBERS = [step.number for step in catalogue.MODELS["mini"].history.steps]


@pytest.fixture(scope="module")
def make():
    model = catalogue.load("mini")

    def build(experiment, text="Every effort moves you", **values):
        setting = Setting(model=model, ids=tuple(tokenizer.encode(text)), values={}, text=text, model_key="mini", once=once)
        controls = experiment.controls_for(setting)
        found = {control.name: control.start() for control in controls} | values
        return replace(setting, values=found)

    return build


def model_at(number):
    run = catalogue.MODELS["mini"].history
    return run.steps[NUMBERS.index(number)].load(run.config)


@pytest.mark.parametrize("experiment", training.LAB.experiments, ids=lambda one: one.key)
@pytest.mark.parametrize("text", TEXTS)
def test_every_experiment_draws_and_speaks_at_every_step(make, experiment, text):
    for number in NUMBERS if text is TEXTS[0] else NUMBERS[:2] + NUMBERS[-1:]:
        setting = make(experiment, text, step=number)
        assert experiment.pictures(setting) and experiment.caption(setting)
        (badge,) = experiment.state(setting)
        assert f"step {number:,}" in badge and ("RANDOM INIT" in badge) == (number == 0)


@pytest.mark.parametrize("number", NUMBERS[:3])
def test_the_loss_of_each_token_is_cross_entropy(make, number):
    setting = make(training_loss.LOSS, step=number)
    ids = torch.tensor(setting.ids)
    logits = trace.run(model_at(number), setting.ids, points=["logits"])["logits"][0]
    expected = F.cross_entropy(logits[:-1], ids[1:], reduction="none")
    shown = next(one for one in training_loss.LOSS.pictures(setting)[0].data if one.name == "surprisal")
    np.testing.assert_allclose(shown.x, expected, atol=1e-4)
    made = training_loss.losses_of(setting)
    assert made.means.shape == (len(NUMBERS),) and made.means[NUMBERS.index(number)] == pytest.approx(
        float(expected.mean()), abs=1e-4
    )


def test_training_makes_an_old_sentence_cheaper(make):
    means = training_loss.losses_of(make(training_loss.LOSS, "The old man looked at the little boy and said nothing.")).means
    assert means[0] == pytest.approx(np.log(50257), abs=0.3) and means[-1] < 6 and means[0] > means[2] > means[-1]


def test_the_curve_shows_what_was_written_down(make):
    setting = make(training_loss.LOSS, step=NUMBERS[2])
    run = catalogue.MODELS["mini"].history
    curve = training_loss.LOSS.pictures(setting)[-1]
    dots, line = (next(one for one in curve.data if one.name == name) for name in ("held-out", "batches"))
    assert list(dots.y) == [step.held_out for step in run.steps] and list(dots.customdata) == NUMBERS
    assert list(line.y) == [entry["loss"] for entry in run.log if entry.get("loss") is not None]
    assert np.argmax(dots.marker.size) == 2


@pytest.mark.parametrize("number", [NUMBERS[0], NUMBERS[2]])
def test_the_next_tokens_are_the_models_own(make, number):
    setting = make(training_predictions.PREDICTIONS, step=number)
    logits = trace.run(model_at(number), setting.ids, points=["logits"])["logits"][0, -1]
    expected = logits.softmax(-1)
    (bars,) = training_predictions.PREDICTIONS.pictures(setting)[0].data
    for share, (_, token) in zip(bars.x, bars.customdata):
        assert share == pytest.approx(float(expected[token]), rel=1e-4)
    assert bars.customdata[0][1] == int(logits.argmax())


def test_the_first_guess_is_nearly_even(make):
    made = training_predictions.favourites_of(make(training_predictions.PREDICTIONS))
    assert made.probabilities[0].max() < 10 / 50257 < made.probabilities[-1].max()
    np.testing.assert_allclose(made.probabilities.sum(1), 1, atol=1e-4)


def test_a_heads_weights_at_a_step_are_that_models(make):
    setting = make(training_heads.HEADS, step=NUMBERS[2], head="3.5")
    grid = training_heads.HEADS.pictures(setting)[0]
    assert isinstance(grid, Grid)
    for panel, number in zip(grid.panels, (NUMBERS[2], NUMBERS[-1])):
        expected = trace.run(model_at(number), setting.ids)["blocks.2.att.weights"][0, 4]
        np.testing.assert_allclose(panel.values, expected, atol=1e-5)


def test_heads_start_even():
    even = np.tril(np.ones((5, 5))) / np.arange(1, 6)[:, None]
    assert training_heads.uneven(even) == pytest.approx(0) and training_heads.uneven(np.eye(5)) > 0.5
    ids = tokenizer.encode("The old man looked at the little boy")
    maps = [trace.run(model_at(number), ids).array("blocks.1.att.weights")[0, 0] for number in (0, NUMBERS[-1])]
    start, end = map(training_heads.uneven, maps)
    assert start < 0.1 < end


def test_cosines_at_a_step_are_those_of_its_table(make):
    setting = make(training_words.PAIR, step=NUMBERS[1])
    made = training_words.paired(setting)
    a, b, c = (tokenizer.encode(f" {word}")[0] for word in training_words.WORDS)
    for at, number in enumerate(NUMBERS):
        table = model_at(number).tok_emb.weight
        for line, (one, two) in zip(made.values, ((a, b), (a, c), (b, c))):
            assert line[at] == pytest.approx(float(torch.cosine_similarity(table[one], table[two], dim=0)), abs=1e-5)
    chart = training_words.PAIR.pictures(setting)[0]
    np.testing.assert_array_equal(next(one for one in chart.data if one.name == "·cat ·dog").y, made.values[0])
    assert made.values[0][-1] > made.values[1][-1] + 0.1  # cat is nearer to dog than to government
    assert np.abs(made.values[:, 0]).max() < 0.25 and made.spread[0] == pytest.approx(1 / 16, abs=0.005)


def test_words_of_a_group_gather(make):
    made = training_words.grown(make(training_words.MAP))
    assert made.vectors.shape[:2] == (len(NUMBERS), len(made.words.ids))
    np.testing.assert_allclose(np.linalg.norm(made.vectors, axis=-1), 1, rtol=1e-5)
    chart = training_words.MAP.pictures(make(training_words.MAP, step=NUMBERS[2]))[0]
    points = next(one for one in chart.data if one.name == "points")
    np.testing.assert_allclose(np.stack([points.x, points.y], 1), made.places[2])
    same, apart = zip(*(training_words.means(training_words.cosines(rows), made.words.groups) for rows in made.vectors))
    assert abs(same[0] - apart[0]) < 0.1 and same[-1] - apart[-1] > 0.25


def test_words_that_cannot_be_looked_up_are_told(make):
    setting = make(training_words.MAP, words="unlookupable")
    assert "Left out" in training_words.MAP.caption(setting) and len(training_words.MAP.pictures(setting)) == 1
    setting = make(training_words.PAIR, word1="antidisestablishment", word2="")
    assert "stands for it" in training_words.PAIR.caption(setting)


def test_a_model_without_snapshots_shows_minis():
    setting = Setting(model=catalogue.load("mini-untrained"), ids=(1, 2, 3), values={}, model_key="mini-untrained", once=once)
    assert moments.run(setting).key == "mini"
    asked = replace(setting, values={"step": 0})
    assert "kept no snapshots" in moments.remark(asked) and "mini" in training_loss.LOSS.caption(asked)


def test_a_run_of_ones_own_is_replayed(tmp_path, monkeypatch):
    """A folder that the training command left, of another shape, with a context shorter than the sentence."""
    shape = GPTConfig(context_length=8, n_embd=32, n_head=2, n_layer=3)
    model = randomised(shape)
    weights.save(model, tmp_path)
    for step in (0, 30):
        facts = {"step": step, "tokens": step * 4, "held_out": 10 - step / 10}
        snapshots.save(randomised(shape, seed=step), tmp_path / snapshots.FOLDER / f"step{step:06d}.safetensors", facts)
    lines = [{"step": 10, "tokens": 40, "loss": 9.0}, {"step": 40, "tokens": 160, "loss": 6.0, "held_out": 6.5}]
    (tmp_path / snapshots.LOG).write_text("\n".join(map(json.dumps, lines)))
    monkeypatch.setitem(catalogue.MODELS, "own", Entry("own", "own", "", lambda: model, tmp_path))
    ids = tuple(tokenizer.encode("Every effort moves you and every day holds a gift"))[-8:]
    for experiment in training.LAB.experiments:
        setting = Setting(model=model, ids=ids, values={}, model_key="own", once=once)
        controls = experiment.controls_for(setting)
        assert controls[0].options == (0, 30, 40) and controls[0].start() == 30
        for step in controls[0].options:
            asked = replace(setting, values={one.name: one.start() for one in controls} | {"step": step})
            assert experiment.pictures(asked) and experiment.state(asked)[0].startswith(f"own at step {step}")


def test_a_step_the_run_does_not_have_is_named(make):
    control = moments.control(make(training_loss.LOSS))
    assert control.parse("300") == 300
    with pytest.raises(ValueError, match="choices"):
        control.parse("301")


def test_the_page_moves_through_the_run():
    app = open_lab("Replay", view="next", step=str(NUMBERS[1]))
    assert not app.exception and f"After {NUMBERS[1]} steps" in html(app)
    app.select_slider(key="control-step").set_value(0).run()
    assert not app.exception and "Before the first step" in html(app)
    app = open_lab("Replay", step="-3")
    assert not app.exception and 'asked to be "-3"' in app.warning[0].value


@pytest.mark.parametrize("experiment", training.LAB.experiments, ids=lambda one: one.key)
def test_every_view_opens_with_a_model_that_has_no_snapshots(experiment):
    app = open_lab("Replay", view=experiment.key, model="mini-untrained")
    assert not app.exception and not app.error


def own_run(folder, step: bytes, end: dict) -> None:
    """mini with a run of its own: the drawn start, its first stored snapshot with these bytes, and the end."""
    mini = catalogue.MODELS["mini"]
    (folder / snapshots.FOLDER).mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).symlink_to(mini.folder / name)
    snapshots.save_drawn(
        1, folder / snapshots.FOLDER / "step000000.drawn.safetensors", {"step": 0, "tokens": 0, "held_out": 10.8}
    )
    (folder / snapshots.FOLDER / mini.history.steps[1].path.name).write_bytes(step)
    (folder / snapshots.LOG).write_text("\n".join(map(json.dumps, ({"step": 1, "tokens": 120, "loss": 9.0}, end))))


@pytest.mark.parametrize("view", [experiment.key for experiment in training.LAB.experiments])
@pytest.mark.parametrize("half", [False, True])
def test_a_broken_run_is_one_message_in_every_view(tmp_path, monkeypatch, view, half):
    stored = catalogue.MODELS["mini"].history.steps[1].path.read_bytes()
    own_run(tmp_path, stored[:200_000] if half else b"nothing", {"step": 10**6, "tokens": 10**9, "held_out": 6.5})
    key = f"broken{half}{view}"
    entry = Entry(key, key, "", lambda: weights.load(tmp_path), tmp_path)
    monkeypatch.setattr(catalogue, "MODELS", catalogue.MODELS | {key: entry})
    app = open_lab("Replay", model=key, view=view, step=str(NUMBERS[1]))
    assert not app.exception and len(app.error) == 1
    assert "cannot be replayed" in app.error[0].value and "Choose another model" in app.error[0].value


def test_an_end_whose_loss_was_not_measured_is_shown_without(tmp_path, monkeypatch):
    stored = catalogue.MODELS["mini"].history.steps[1].path.read_bytes()
    own_run(tmp_path, stored, {"step": 10**6, "tokens": 10**9, "loss": 8.0})
    model = catalogue.load("mini")
    monkeypatch.setattr(
        catalogue, "MODELS", catalogue.MODELS | {"unmeasured": Entry("unmeasured", "", "", lambda: model, tmp_path)}
    )
    setting = Setting(model=model, ids=(1, 2, 3), values={"step": 10**6}, model_key="unmeasured", once=once)
    drawn = moments.losses(setting)
    assert len(next(line for line in drawn.data if line.name == "held-out").x) == 2


def test_what_did_not_fall_is_not_called_learned(make, monkeypatch):
    setting = make(training_loss.LOSS, step=NUMBERS[1])
    made = training_loss.losses_of(setting)
    same = training_loss.Losses(made.now, made.means, made.now.surprisals)
    monkeypatch.setattr(training_loss, "losses_of", lambda setting: same)
    assert "None of its tokens has become cheaper" in training_loss.caption(setting)
    assert "fell most" not in training_loss.pictures(setting)[0].layout.title.text


def test_numbers_of_another_model_are_said_to_be_so():
    app = open_lab("Replay", model="mini-untrained", step="0")
    page = html(app)
    assert "Look for:</b> &quot;mini (untrained)&quot; kept no snapshots of its training: this is mini" in page
    assert page.count("RANDOM INIT") == 1 and "mini at step 0, RANDOM INIT" in page  # nothing else claims a state


def test_an_unknown_view_is_named():
    app = open_lab("Replay", view="nonsense")
    assert not app.exception and 'no experiment "nonsense"' in app.warning[0].value
