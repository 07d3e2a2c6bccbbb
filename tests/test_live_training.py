"""A reader's own run: what the child process does, and that runs take turns, stop, and belong to one reader each."""

import json
import os
import re
import time
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from gptviz import tokenizer, weights
from gptviz.figures import learning
from gptviz.figures.learning import Before, Level, Measured
from gptviz.training import jobs, losses, report, texts, worker
from gptviz.training.data import UNIFORM_LOSS, encode_documents
from gptviz.training.jobs import Full, Job, Line, Ready, Sample, Seen
from gptviz.training.worker import Order, Wishes, longest_copied, train
from gptviz.ui import train as page

RHYME = "The cat sat on the mat. The dog lay on the rug. The hen is in the pen, and the pig is in the wig. "


def ids(text: str = RHYME * 20) -> tuple[int, ...]:
    return tuple(encode_documents(text).tolist())


def told(order: Order, wishes: Wishes | None = None) -> list[tuple[str, dict]]:
    """What a run says, without a process."""
    found: list[tuple[str, dict]] = []
    train(order, lambda kind, **facts: found.append((kind, facts)), wishes or Wishes())
    return found


def of(found: list[tuple[str, dict]], kind: str) -> list[dict]:
    return [facts for name, facts in found if name == kind]


def step_losses(found: list[tuple[str, dict]]) -> list[float]:
    return [loss for facts in of(found, "steps") for loss in facts["losses"]]


def until(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def gone(job: Job) -> bool:
    """Whether its process is no more."""
    return job._process is None or job._process.poll() is not None


@pytest.fixture(autouse=True)
def in_time(monkeypatch):
    """Runs of the tests give way to nobody, so that busy cores do not make them late."""
    monkeypatch.setattr(jobs, "PRIORITY", 0)


@pytest.fixture
def line():
    """A line of its own; whatever still runs in it is stopped."""
    made, joined = Line(), []
    join = made.join
    made.join = lambda *args, **options: joined.append(join(*args, **options)) or joined[-1]
    yield made
    for job in joined:
        job.stop()
    for job in joined:
        job.wait(10)


# ---- the run


@pytest.fixture(scope="module")
def learned() -> list[tuple[str, dict]]:
    return told(Order(ids(), size="smaller", steps=130))


def test_it_learns_a_small_text_below_its_unigram_entropy(learned):
    ready, taken = of(learned, "ready")[0], step_losses(learned)
    assert len(taken) == 130 and ready["words"] == len(set(ids()[: ready["tokens"]]))
    assert taken[0] == pytest.approx(ready["uniform"], abs=0.15) and ready["uniform"] == pytest.approx(np.log(50257))
    assert np.mean(taken[-5:]) < 0.5 * ready["unigram"]
    held_out = of(learned, "held out")
    assert held_out[0]["step"] == 0 and held_out[-1]["step"] == 130 and held_out[-1]["loss"] < held_out[0]["loss"] / 2


def test_the_same_seed_gives_the_same_losses_and_another_does_not():
    first, second, other = (told(Order(ids(), size="smaller", steps=12, seed=seed)) for seed in (3, 3, 4))
    assert step_losses(first) == step_losses(second) != step_losses(other)
    assert [one["ids"] for one in of(first, "sample")] == [one["ids"] for one in of(second, "sample")]


def test_the_loss_of_a_step_is_the_full_softmax_up_to_words_that_never_occur():
    run = worker.begin(Order(ids(texts.TEXTS["walrus"].read()), steps=5))
    for _ in range(3):
        run.advance()
    tokens, targets = run.windows.read(run.step)
    found = run.forward(run.model, tokens).flatten(0, 1)
    exact = losses.full(found, run.model.out_head.weight, targets.flatten())
    assert run.loss(tokens, targets).item() == pytest.approx(exact.item(), abs=0.02)


def test_sampled_with_every_word_always_is_the_full_softmax():
    torch.manual_seed(0)
    hidden, table, targets = torch.randn(5, 8), torch.randn(30, 8), torch.tensor([3, 7, 7, 29, 0])
    always = torch.arange(30)
    found = losses.sampled(hidden, table, targets, 6, torch.Generator().manual_seed(1), always)
    assert found.item() == pytest.approx(losses.full(hidden, table, targets).item(), abs=1e-5)


def test_samples_begin_as_the_text_begins_and_say_what_is_copied(learned):
    samples = of(learned, "sample")
    assert samples[0]["step"] == 0 and samples[-1]["step"] == 130 and len(samples) >= 8
    assert all(tuple(one["prompt"]) == ids()[:4] and len(one["ids"]) == worker.SAMPLE_TOKENS for one in samples)
    assert samples[0]["copied"] < 5 < samples[-1]["copied"]  # noise at first, whole sentences of the rhyme in the end


def test_the_longest_run_copied():
    text = np.array([5, 1, 2, 3, 9, 1, 2, 4])
    assert longest_copied([1, 2, 3, 1, 2, 4, 7], text) == 3
    assert longest_copied([7, 7], text) == 0
    assert longest_copied(text.tolist(), text) == len(text)


@pytest.mark.parametrize(
    "text",
    ["word " * 299 + "word", RHYME * 20 + "<|endoftext|>" + RHYME * 3, "🦜🎈" * 100, "\x00\x01\x7f" * 150, "<b>x</b>" * 60],
)
def test_odd_texts_train_too(text):
    found = told(Order(ids(text), size="smaller", steps=3))
    assert len(step_losses(found)) == 3 and all(np.isfinite(step_losses(found)))
    assert [kind for kind, _ in found][-1] == "end"


def test_what_is_asked_for_is_checked():
    with pytest.raises(ValueError, match="at least 300 tokens, this one has 20"):
        Order(tuple(range(20)), steps=1)
    with pytest.raises(ValueError, match="one of smaller, small, larger"):
        Order(ids(), size="huge", steps=1)
    with pytest.raises(ValueError, match="at most 60 seconds"):
        Order(ids(), seconds=61)
    order = Order(ids(), seconds=5.0, seed=2)
    assert Order.read(order.write()) == order


def test_the_trained_model_is_kept_where_it_was_asked_for(tmp_path):
    found = told(Order(ids(), size="smaller", steps=2, folder=str(tmp_path / "kept")))
    assert of(found, "end")[0]["saved"] and weights.is_trained(weights.load(tmp_path / "kept"))


def test_a_pause_that_lasts_too_long_ends_it(monkeypatch):
    monkeypatch.setattr(worker, "LONGEST_PAUSE", 0.2)
    wishes = Wishes()
    wishes.take("pause")
    found = told(Order(ids(), size="smaller", steps=50), wishes)
    assert of(found, "end")[0]["why"] == "paused" and step_losses(found) == []


def test_the_texts_that_ship():
    for text in texts.TEXTS.values():
        count = len(ids(text.read()))
        assert worker.FEWEST_TOKENS <= count and len(text.read().encode()) < 66_000 and text.source and text.author
        assert "\ufffd" not in text.read() and "<|" not in text.read()


# ---- the process and the line


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="this system has no priorities of that kind")
def test_a_run_has_the_lowest_priority(line, monkeypatch):
    monkeypatch.undo()  # as on a server
    job = line.join(Order(ids(), size="smaller", seconds=40))
    until(lambda: job.pid and os.getpriority(os.PRIO_PROCESS, job.pid) == 19)


def test_pause_stands_still_and_stop_ends_it(line, monkeypatch):
    monkeypatch.setattr(jobs, "LOOK_AFTER_EVERY", 0.2)
    job = line.join(Order(ids(), size="smaller", seconds=40))
    until(lambda: job.seen().step > 3)
    job.pause()
    until(lambda: job.seen().state == "paused")
    stood = job.seen().step
    time.sleep(0.8)
    assert job.seen().step == stood and job.seen().state == "paused"
    job.go_on()
    until(lambda: job.seen().step > stood)
    job.stop()
    assert job.seen().state in ("ending", "stopped")
    seen = job.wait(10)
    assert seen.state == "stopped" and gone(job) and seen.saved
    assert seen.samples[-1].step == seen.held_out[-1].step == seen.step == len(seen.losses)
    assert weights.load(job.folder).config == worker.SIZES["smaller"] and not job.forgotten
    told_so = []
    job.when_forgotten(lambda: told_so.append(True))
    monkeypatch.setattr(jobs, "ABSENT_FOR_GOOD", -1.0)  # its reader is taken to be gone at once
    until(lambda: job.forgotten and told_so == [True])
    until(lambda: line._keeper is None)


def test_first_come_first_served_one_at_a_time_and_each_for_itself(line):
    cats, dogs = "the cat purrs on and on. " * 60, "five dogs bark at night! " * 60
    one, left, two = (line.join(Order(ids(text), size="smaller", steps=30)) for text in (cats, cats, dogs))
    assert line.before(left)[-1] is one and line.before(two)[-2:] == (one, left)
    left.stop()
    assert line.before(two)[-1] is one and left.seen().state == "stopped"
    assert two.seen().state == "waiting" and two.pid is None and two.longest_left() > two.usual_left() > 0
    alive: list[int] = []
    ends: list[Job] = []

    def over() -> bool:
        alive.append(sum(not gone(job) for job in (one, two)))
        ends.extend(job for job in (one, two) if job.over and job not in ends)
        return two.over

    until(over)
    assert max(alive) == 1 and ends == [one, two] and left.pid is None
    for job, own, other in ((one, cats, dogs), (two, dogs, cats)):
        seen = job.seen()
        assert seen.state == "finished" and len(seen.losses) == 30 and line.before(job) == ()
        assert {tokenizer.decode(list(sample.prompt)) for sample in seen.samples} == {tokenizer.decode(list(ids(own)[:4]))}
        assert not any(set(sample.prompt) & set(ids(other)) - set(ids(own)) for sample in seen.samples)
    assert one.seen().losses != two.seen().losses and one.folder != two.folder


def test_a_process_that_breaks_off_says_why(line, monkeypatch):
    monkeypatch.setattr(Order, "write", lambda self: "no order at all")
    seen = line.join(Order(ids(), size="smaller", steps=2)).wait(30)
    assert seen.state == "failed" and "JSONDecodeError" in seen.message and "exit status 1" in seen.message


def test_a_process_that_does_not_begin_or_end_is_ended(line, monkeypatch):
    monkeypatch.setattr(jobs, "STARTING", 0.1)
    job = line.join(Order(ids(), size="smaller", seconds=60))
    assert job.wait(10).state == "failed" and "not begun within" in job.seen().message and gone(job)


def test_a_stop_before_the_first_step(line):
    job = line.join(Order(ids(), size="smaller", seconds=60))
    until(lambda: job.seen().state == "starting")
    job.stop()
    assert job.wait(10).state == "stopped" and gone(job) and job.seen().message == ""


def test_the_line_has_an_end(line, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_WAITING", 1)
    line.join(Order(ids(), size="smaller", seconds=60))
    until(lambda: not line._waiting)
    line.join(Order(ids(), size="smaller", seconds=60))
    with pytest.raises(Full, match="1 readers wait"):
        line.join(Order(ids(), size="smaller", seconds=60))


def test_the_model_goes_with_its_job():
    job = Job(Order(ids(), steps=1))
    folder = job.folder
    assert folder.is_dir() and job.seen().on
    job.stop()
    del job
    until(lambda: not folder.exists())


# ---- the picture


def number(text: str, name: str) -> float:
    """The number written at a line of the chart."""
    return float(re.search(rf"{name} <tspan[^>]*>([\d.]+)</tspan>", text).group(1))


def heights(text: str) -> list[float]:
    """Where the names of the lines stand."""
    return [float(y) for y in re.findall(rf"<text x='{learning.RIGHT + 32}' y='([\d.]+)'", text)]


def test_the_chart_holds_the_losses():
    seconds, batches = np.linspace(0.1, 9.9, 1000).tolist(), np.linspace(10.8, 2.0, 1000).tolist()
    held = [Measured(0, 0.0, 10.8), Measured(500, 5.0, 6.4), Measured(1000, 10.0, 14.2)]
    levels = (Level("even guess", 10.82), Level("word frequencies", 6.08))
    text = learning.losses(seconds, batches, held, levels=levels, whole=10, alt='<"said">')
    ElementTree.fromstring(text)
    assert number(text, "batches just read") == pytest.approx(2.0 + 8.8 / 64, abs=0.02)
    assert number(text, "held-out text") == 14.2
    assert number(text, "word frequencies") == 6.08 and "after 500 steps: held-out text 6.400" in text
    points = re.search(r"class='batches' points='([^']+)'", text).group(1).split()
    assert len(points) <= learning.POINTS
    places = [float(point.split(",")[1]) for point in points]
    assert places == sorted(places) and places[0] < places[-1]  # falling losses lie lower and lower
    assert min(np.diff(sorted(heights(text)))) >= learning.LABEL - 0.2
    assert "&lt;&quot;said&quot;&gt;" in text


def test_the_held_out_line_of_an_earlier_run_stays_for_comparison():
    held, levels = [Measured(0, 0.0, 10.8), Measured(5, 5.0, 6.4)], (Level("even guess", 10.82),)
    before = Before("earlier, no dropout", [Measured(0, 0.0, 10.8), Measured(5, 5.0, 7.7)])
    text = learning.losses([5.0], [6.0], held, levels=levels, before=before, whole=10, alt="")
    ElementTree.fromstring(text)
    assert number(text, before.name) == 7.7 and number(text, "held-out text") == 6.4
    assert "class='before'" in text and "class='before'" not in learning.losses(
        [5.0], [6.0], held, levels=levels, whole=10, alt=""
    )


def test_dropout_belongs_to_the_order_and_to_what_is_kept(tmp_path):
    plain, dropped = (step_losses(told(Order(ids(), size="smaller", steps=4, dropout=rate))) for rate in (0.0, 0.3))
    assert plain[0] != dropped[0]
    told(Order(ids(), size="smaller", steps=1, dropout=0.1, folder=str(tmp_path / "kept")))
    assert json.loads((tmp_path / "kept" / "config.json").read_text())["resid_pdrop"] == 0.1


def run_of(steps: int, seconds: float, seed: int = 0) -> tuple[list[float], list[float]]:
    """The ends of so many steps in this time, and falling losses that jump about as those of small batches do."""
    random = np.random.default_rng(seed)
    ends = np.cumsum(random.uniform(0.5, 1.5, steps)) * seconds / max(steps, 1)
    return ends.tolist(), (10.8 - 0.18 * ends + random.normal(0, 0.3, steps)).tolist()


def test_a_running_mean_is_over_the_same_time_at_every_speed():
    for steps in (1, 27, 2000):
        ends, losses = run_of(steps, 15)
        found = learning.running(ends, losses, 45)
        for end, mean in list(zip(ends, found, strict=True))[:: max(1, steps // 30)]:
            within = [loss for time, loss in zip(ends, losses, strict=True) if end - learning.span(45) < time <= end]
            assert mean == pytest.approx(np.mean(within))
    assert learning.running([], [], 45) == []


@pytest.mark.parametrize("state", ["training", "paused", "stopped", "finished", "failed"])
@pytest.mark.parametrize(("steps", "seconds"), [(1, 0.4), (3, 2.0), (27, 15.0), (700, 44.9), (3000, 45.3)])
def test_the_line_ends_at_the_number_that_is_written_and_said(state, steps, seconds):
    ends, losses = run_of(steps, seconds)
    facts = Ready(2, 2, 64, 64, 8, 3_000_000, 14_458, 1_606, 2_000, UNIFORM_LOSS, 6.08)
    written = Sample(0, 0.0, (1, 2), (3,), 0), Sample(steps, ends[-1], (1, 2), (5, 6), 0)
    seen = Seen(state, ready=facts, seconds=tuple(ends), losses=tuple(losses), samples=written)
    means = learning.running(seen.seconds, seen.losses, 45)
    text = learning.losses(seen.seconds, seen.losses, [], levels=(), whole=45, alt="")
    points = re.search(r"class='batches' points='([^']+)'", text).group(1).split()
    pixel = learning.TOP / (learning.LOWER - learning.UPPER)
    end = (learning.LOWER - float(points[-1].split(",")[1])) * pixel
    shown = f"{number(text, 'batches just read'):.2f}"
    assert end == pytest.approx(float(shown), abs=0.06 * pixel + 0.005)
    said = report.told(seen, means, learning.span(45))
    assert f"cost {shown} nats" in said if seen.on else f" to {shown}." in said
    assert f"step {steps:,} · loss {shown}<" in page.samples(seen, means) and "step 0 · untrained<" in page.samples(seen, means)


@pytest.mark.parametrize("losses", [(10.8, 10.81, 10.83), (0.0, 0.0, 0.0), (9.0, 10.8, 10.82)])
def test_the_names_of_its_lines_keep_apart_and_inside(losses):
    unigram, recent, held = losses
    levels = (Level("even guess", 10.82), Level("word frequencies", unigram))
    text = learning.losses([1.0], [recent], [Measured(1, 1.0, held)], levels=levels, whole=45, alt="")
    found = sorted(heights(text))
    assert len(found) == 4 and min(np.diff(found)) >= learning.LABEL - 0.2
    assert learning.UPPER <= found[0] - 4 and found[-1] <= learning.LOWER + 5


def test_the_chart_before_the_first_step():
    text = learning.losses([], [], [], levels=(Level("even guess", 10.82),), whole=10, alt="")
    assert "points=''" in text and "batches just read" not in text
