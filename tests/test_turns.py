"""Turns and work: short work is never behind long work, everybody gets a share, and what nobody waits for is given up."""

import threading
import time

import pytest

from gptviz import trace
from gptviz.ui import waiting, work
from gptviz.ui.room import Room
from gptviz.ui.turns import Turns
from gptviz.ui.work import Waiter, Works
from sample_models import EFFORT, tiny


class Clock:
    """Time that passes when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def until(true, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


class Hog:
    """A reader whose work never ends by itself: a step of it whenever the test lets it."""

    def __init__(self, turns: Turns, who: str, *, long: bool = True):
        self.steps, self.stop = 0, False
        self.thread = threading.Thread(target=self.work, args=(turns, who, long))
        self.thread.start()

    def work(self, turns: Turns, who: str, long: bool) -> None:
        with turns.turn(who, long=long, waiting=lambda: None):
            while not self.stop:
                self.steps += 1
                turns.clock.now += 0.02
                turns.pause()
                time.sleep(0.001)


@pytest.fixture
def turns():
    return Turns(Room(), places=2, clock=Clock())


@pytest.fixture
def hogs(turns):
    """Ten readers with long work."""
    made = [Hog(turns, f"long {n}") for n in range(10)]
    until(lambda: sum(hog.steps for hog in made) > 50)
    yield made
    for hog in made:
        hog.stop = True
    for hog in made:
        hog.thread.join(10)


def test_short_work_begins_at_once_beside_ten_long_ones(turns, hogs):
    for n in range(5):
        began = time.monotonic()
        with turns.turn(f"short {n}", waiting=lambda: None):
            assert sum(one.long for one in turns.running) == 1 and time.monotonic() - began < 1
        time.sleep(0.01)


def test_long_work_of_a_reader_who_has_had_nothing_begins_after_a_slice(turns, hogs):
    before = turns.clock.now
    with turns.turn("new", long=True, waiting=lambda: None):
        assert turns.clock.now - before <= 0.1  # of the others' time


def test_everybody_gets_an_equal_share(turns, hogs):
    before = [hog.steps for hog in hogs]
    until(lambda: sum(hog.steps for hog in hogs) - sum(before) > 1000, 30)
    shares = [hog.steps - was for hog, was in zip(hogs, before)]
    assert min(shares) > 0.5 * max(shares)


def test_work_that_turns_out_to_be_long_makes_way(turns, hogs):
    """It said it was short, and has had the short place for longer than short work may."""
    hog = Hog(turns, "liar", long=False)
    until(lambda: hog.steps > 0)
    until(lambda: sum(one.long for one in turns.running) == len(turns.running))
    with turns.turn("short", waiting=lambda: None):
        pass
    hog.stop = True
    hog.thread.join(10)


def test_two_places_even_on_one_core():
    assert Turns(Room(), places=1).places == 2


def test_a_wait_can_be_given_up(turns):
    class Gone(BaseException):
        pass

    def gone():
        raise Gone

    with turns.turn("one", long=True, waiting=lambda: None):
        done = threading.Event()

        def other():
            with pytest.raises(Gone), turns.turn("two", long=True, waiting=gone):
                pytest.fail("it had no place")
            done.set()

        threading.Thread(target=other).start()
        assert done.wait(10)
    assert turns.running == turns.waiting == []


# work -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def works():
    room = Room()
    return Works(room, Turns(room))


def test_work_may_ask_for_passes_and_for_other_work(works):
    """As one thread holding one of a few places, that would wait for itself."""

    def outer(number: int):
        inner = works.once(("inner", number), number, lambda: trace.run(tiny(), EFFORT, seed=number), "", Waiter())
        return trace.run(tiny(), EFFORT, seed=inner.seed + 1).seed

    found = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: works.once(("outer", n), n, lambda: outer(n), "", Waiter())}))
        for n in range(12)
    ]
    [thread.start() for thread in threads]
    [thread.join(20) for thread in threads]
    assert found == {n: n + 1 for n in range(12)}


def test_a_pass_within_a_pass_takes_its_place(works):
    def edit(x):
        return x + trace.run(tiny(), EFFORT)["logits"].mean()

    made = works.once(("edited",), 0, lambda: trace.run(tiny(), EFFORT, edits=[("tok_emb", edit)]), "", Waiter())
    assert made.edits == ("tok_emb",) and works.turns.running == []


def test_work_that_would_wait_for_itself_says_so(works):
    def make():
        return works.once(("b",), 0, lambda: works.once(("a",), 0, lambda: 1, "", Waiter()), "", Waiter())

    with pytest.raises(RuntimeError, match=r"to make \('b',\) takes \('a',\), which is being made of it"):
        works.once(("a",), 0, make, "", Waiter())
    assert works.under_way == {}


def test_pages_that_wait_for_work_let_others_be_drawn(works):
    goes_on = threading.Event()

    def page(number: int):
        with waiting.drawing():
            works.once((number,), number, lambda: goes_on.wait(20), "", waiting.PAGE)

    threads = [threading.Thread(target=page, args=(n,)) for n in range(2 * works.turns.places)]
    [thread.start() for thread in threads]
    until(lambda: len(works.under_way) == len(threads))  # each has begun to draw, though there are fewer places
    goes_on.set()
    [thread.join(20) for thread in threads]
    assert works.under_way == {}


class Leaves(Waiter):
    """A reader who goes away as soon as the work has begun."""

    def waits(self, work):
        raise InterruptedError


def long_pass(works, seen: list[str]):
    """A pass that takes its time at every point."""

    def slow(x):
        seen.append("point")
        time.sleep(0.02)
        return x

    edits = [(point, slow) for point in tiny().points if point != "ids"]
    return lambda: trace.run(tiny(), EFFORT, edits=edits)


def test_work_nobody_waits_for_any_more_is_given_up(works, monkeypatch):
    monkeypatch.setattr(work, "GRACE", 0.05)
    seen = []
    with pytest.raises(InterruptedError):
        works.once(("pass",), 0, long_pass(works, seen), "", Leaves())
    until(lambda: not works.under_way)
    assert 0 < len(seen) < len(tiny().points) - 1
    assert works.turns.running == [] and works.room.promised == 0 and works.room.get(("pass",), 0) is None


def test_it_goes_on_for_whoever_asks_for_the_same_again(works):
    seen = []
    make = long_pass(works, seen)
    with pytest.raises(InterruptedError):
        works.once(("pass",), 0, make, "", Leaves())
    works.once(("pass",), 0, make, "", Waiter())
    assert len(seen) == len(tiny().points) - 1


def test_a_way_back_is_given_up_too(works):
    seen = []

    def guard(about, go):
        def told(point):
            seen.append(point)
            if seen.count(point) == 2:  # on the way back
                raise InterruptedError

        return go(told)

    with trace.guarded(guard), pytest.raises(InterruptedError):
        trace.run(tiny(), EFFORT, grad=lambda made: made["logits"].sum())
    assert len(seen) == len(tiny().points) + 1


def test_an_error_reaches_everybody_who_waits_and_holds_no_numbers(works):
    go_on, errors = threading.Event(), []

    def make():
        big = trace.run(tiny(), EFFORT)
        assert go_on.wait(10)
        raise ValueError(f"seed {big.seed}")

    def reads(n: int):
        try:
            works.once(("broken",), n, make, "", Waiter())
        except ValueError as error:
            errors.append(error)

    threads = [threading.Thread(target=reads, args=(n,)) for n in range(3)]
    [thread.start() for thread in threads]
    until(lambda: works.under_way and works.under_way[("broken",)].readers == 3)
    go_on.set()
    [thread.join(10) for thread in threads]
    assert [str(error) for error in errors] == ["seed 0"] * 3
    assert works.room.alive() == 0


def test_what_work_says_of_itself(works):
    said = set()

    class Listens(Waiter):
        def waits(self, work):
            said.add(work.said()[1])

    works.once(("pass",), 0, long_pass(works, []), "The text goes through tiny", Listens())
    assert any(words.startswith("The text goes through tiny, block 2 of 2") for words in said)
