"""One copy of a model for all readers, two models beside each other, and nothing kept of one that is let go."""

import gc
import threading
import weakref

import pytest

from gptviz import catalogue, hub, weights
from gptviz.config import PRESETS
from gptviz.ui import cache
from sample_models import randomised

IDS = ((6109, 3626, 6100, 345),)


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Three small checkpoint folders to choose from, and nothing held."""
    for n, key in enumerate("abc"):
        weights.save(randomised(PRESETS["tiny"], seed=n), tmp_path / key)
    monkeypatch.setenv(catalogue.FOLDERS, ":".join(str(tmp_path / key) for key in "abc"))
    monkeypatch.setattr(catalogue, "MODELS", catalogue.discover())
    cache._held.clear()
    cache._kept.clear()
    yield
    cache._held.clear()
    cache._kept.clear()


@pytest.fixture
def loads(monkeypatch):
    """The keys of the models that were loaded, in order."""
    found = []
    real = catalogue.load
    monkeypatch.setattr(catalogue, "load", lambda key: found.append(key) or real(key))
    return found


def test_readers_share_one_copy(loads):
    got, together = [], threading.Barrier(6)

    def reader():
        together.wait()
        got.append(cache.model("a"))

    threads = [threading.Thread(target=reader) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert loads == ["a"] and len(set(map(id, got))) == 1


def test_the_third_model_takes_the_place_of_the_least_recently_used(loads):
    for key in "aba":  # now b was used longest ago
        cache.model(key)
    cache.model("c")
    assert loads == ["a", "b", "c"]
    cache.model("a")
    assert loads == ["a", "b", "c"]
    cache.model("b")
    assert loads == ["a", "b", "c", "b"] and list(cache._held.held) == ["a", "b"]


def test_a_model_that_a_reader_still_uses_is_not_loaded_a_second_time(loads, monkeypatch):
    monkeypatch.setattr(cache, "LEAVING", 0.0)
    used = cache.model("a")
    cache.model("b"), cache.model("c")
    assert "a" not in cache._held.held
    assert cache.model("a") is used and loads == ["a", "b", "c"]


def test_going_to_and_fro_between_three_models_leaves_two_in_memory():
    alive = weakref.WeakSet()
    for _ in range(3):
        for key in "abc":
            alive.add(cache.model(key))
            cache.traced(key, IDS, 0.0, 0, 0)
            assert len(alive) <= 3  # the last one's place is free once the new one stands in it
    assert len(alive) == 2


def test_readers_go_on_while_another_model_is_loaded(monkeypatch):
    loading, go_on = threading.Event(), threading.Event()
    real = catalogue.load

    def slow(key):
        if key == "c":
            loading.set()
            assert go_on.wait(20)
        return real(key)

    cache.model("a")
    monkeypatch.setattr(catalogue, "load", slow)
    third = threading.Thread(target=cache.model, args=("c",))
    third.start()
    assert loading.wait(20)
    assert cache.traced("a", IDS, 0.5, 7, 0).seed == 7  # a pass of its own, while c is on its way
    go_on.set()
    third.join(20)
    assert list(cache._held.held) == ["a", "c"]


def test_a_model_that_is_let_go_leaves_the_memory_with_all_that_was_computed_with_it():
    gone = weakref.ref(cache.model("a").tok_emb.weight)
    cache.traced("a", IDS, 0.0, 0, 0)
    cache.run("a", cache.model("a"), IDS, dropout=0.1)
    cache.continued("a", IDS[0], 2, 0.0, 0)
    stays = cache.traced("b", IDS, 0.0, 0, 0)
    cache.model("c")
    gc.collect()
    assert gone() is None
    assert cache.traced("b", IDS, 0.0, 0, 0) is stays


def test_a_model_too_large_for_the_machine_is_not_loaded(monkeypatch):
    entry = catalogue.Entry(
        "gpt2-xl", "gpt2-xl", "", lambda: pytest.fail("it was loaded"), memory=hub.PUBLISHED["gpt2-xl"].memory
    )
    monkeypatch.setattr(catalogue, "MODELS", catalogue.MODELS | {"gpt2-xl": entry})
    monkeypatch.setattr(hub, "memory", lambda: hub.Memory(1_000_000_000, free=True))
    with pytest.raises(MemoryError, match=r"6\.50 GB of memory needed, 1\.00 GB free"):
        cache.model("gpt2-xl")
