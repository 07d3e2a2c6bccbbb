"""What is alive stays within one budget: pages hold nothing once they are drawn, and passes wait for memory or are refused."""

import gc
import threading
import time
import weakref

import numpy as np
import pytest
import torch

from gptviz import tokenizer, trace
from gptviz.labs import index
from gptviz.labs.lab import Setting
from gptviz.ui import cache, turns
from gptviz.ui.room import Followed, Room
from gptviz.ui.turns import Turns
from gptviz.ui.work import Waiter, Works
from sample_models import EFFORT, mini, tiny

MB = 1 << 20


@pytest.fixture
def passes(monkeypatch):
    """A weak reference to every trace that any pass makes, and its bytes: what is alive, counted without the room's own books."""
    made = []
    real = trace.run

    def followed(*args, **options):
        one = real(*args, **options)
        made.append((weakref.ref(one), one.nbytes))
        return one

    monkeypatch.setattr(trace, "run", followed)
    cache._kept.clear()
    yield made
    cache._kept.clear()


def alive(passes) -> int:
    return sum(size for one, size in passes if one() is not None)


# what is counted ------------------------------------------------------------------------------------------------------


def test_a_trace_counts_for_as_long_as_any_part_of_it_is_held():
    made = trace.run(tiny(), EFFORT)
    one = Followed(made)
    assert one.size == one.alive() == made.nbytes
    row = made.array("logits")[0, -1]  # a view of one tensor
    logits = made["logits"].nbytes
    del made
    gc.collect()
    assert one.alive() == logits
    del row
    assert one.alive() == 0


def test_arrays_in_whatever_a_lab_keeps_count():
    array = np.zeros(1000, np.float64)
    one = Followed({"a": (array[10:], [array]), "b": torch.zeros(1000)})
    assert one.size == 8000 + 4000
    del array
    assert one.alive() == 0


# the budget -----------------------------------------------------------------------------------------------------------


def reader(room: Room, key: str, needed: int) -> None:
    """What a pass does to a room."""
    assert room.take(needed, key)
    room.give(needed)
    room.keep((key,), np.zeros(needed, np.uint8), key)


def test_what_was_used_longest_ago_makes_room_and_first_that_of_the_same_reader():
    room = Room(budget=12 * MB)
    for key in ("one", "two", "three"):
        reader(room, key, 3 * MB)
    room.get(("one",), "one")
    reader(room, "four", 3 * MB)
    assert [key for key in ("one", "two", "three", "four") if room.get((key,), key) is not None] == ["one", "three", "four"]
    assert room.take(3 * MB, "four")
    assert room.get(("four",), "four") is None and room.get(("three",), "three") is not None


def test_what_somebody_still_uses_is_found_again_and_counts():
    room = Room(budget=10 * MB)
    held = np.zeros(8 * MB, np.uint8)
    room.keep(("held",), held, "one")
    assert not room.take(8 * MB, "two")  # let go of, but a page shows it
    assert room.alive() == 8 * MB and room.get(("held",), "three") is held
    del held
    room.drop(lambda key: True)
    assert room.take(8 * MB, "two")


def test_large_work_leaves_room_for_small_work():
    room = Room(budget=16 * MB)
    assert room.take(14 * MB, "large") and not room.could(3 * MB) and room.take(1 * MB, "small")
    assert "15 MiB, and of the 16 MiB there are for all readers together one may take 14" in str(room.refusal(15 * MB))


def test_a_pass_waits_for_memory_and_is_refused_with_both_numbers(monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", 0.3)
    room = Room(budget=10 * MB)
    works = Works(room, Turns(room))
    model, ids = mini(), tokenizer.encode("She opened the door and looked at the garden")

    def asked(seed: int):
        return works.once((seed,), seed, lambda: trace.run(model, ids, dropout=0.1, seed=seed), "", Waiter())

    page = asked(0)  # some 4 MiB
    other = asked(1)
    started = time.monotonic()
    with pytest.raises(MemoryError, match=r"needs \d MiB, and readers' pages hold \d of the 10 MiB there are for all together"):
        asked(2)
    assert 0.3 < time.monotonic() - started < 10
    threading.Timer(0.1, lambda: held.clear()).start()
    held = [page]
    del page, other
    assert asked(3).seed == 3  # it waited until a page was left
    assert room.promised == 0


def test_twenty_readers_together_stay_within_the_budget(passes, monkeypatch):
    budget = 40 * MB
    monkeypatch.setattr(cache._kept, "budget", budget)
    texts = [tuple(tokenizer.encode(f"Reader number {n} opened the door and looked at the garden" * 2)) for n in range(20)]
    most, drawn, stop = [0], [], threading.Event()

    def watch():
        while not stop.wait(0.005):
            most[0] = max(most[0], alive(passes))

    def reads(n: int):
        for block in range(2):
            page = cache.traced("mini", (texts[n],), 0.1 * block, n, block)
            drawn.append(page.seed)
            time.sleep(0.02)  # drawing it
            del page

    readers = [threading.Thread(target=reads, args=(n,)) for n in range(20)]
    watcher = threading.Thread(target=watch)
    [one.start() for one in (*readers, watcher)]
    [one.join() for one in readers]
    stop.set()
    watcher.join()
    assert sorted(drawn) == sorted([*range(20)] * 2)
    assert sum(size for _, size in passes) > 6 * budget  # so much was made
    assert 0.5 * budget < most[0] <= budget


def test_what_belongs_to_nobody_any_more_is_let_go(monkeypatch):
    room = Room(budget=10 * MB)
    reader(room, "gone", MB), reader(room, "here", MB)
    assert not room.tidy(lambda who: who == "gone")  # it may come back: a page loaded again
    monkeypatch.setattr("gptviz.ui.room.ALONE", 0.0)
    assert room.tidy(lambda who: who == "gone")
    assert list(room.kept) == [("here",)] and room.alive() == MB


# what a page leaves behind --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", index.LABS)
def test_the_controls_of_a_lab_hold_no_numbers(name):
    """Streamlit keeps them with the session for as long as their widgets are on the page."""
    kept = {}

    def once(key, make):
        return kept.setdefault(key, None) or kept.update({key: make()}) or kept[key]

    controls = []
    for experiment in index.LABS[name].experiments:
        setting = Setting(model=mini(), ids=tuple(EFFORT), values={}, model_key="mini", once=once)
        controls.append(experiment.controls_for(setting))
        setting = weakref.ref(setting)
        kept.clear()
        gc.collect()
        assert setting() is None, f"a control of {experiment.key} holds its setting"
    assert controls
