"""One copy of a model for all readers, two models beside each other, and nothing kept of one that is let go."""

import gc
import threading
import weakref

import pytest
from sample_models import randomised

from gptviz import catalogue, hub, weights
from gptviz.config import PRESETS
from gptviz.ui import cache

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


def test_readers_share_one_copy(monkeypatch):
    loads = []
    real = catalogue.load
    monkeypatch.setattr(catalogue, "load", lambda key: loads.append(key) or real(key))
    got, together = [], threading.Barrier(6)

    def reader():
        together.wait()
        got.append(cache.model("a"))

    threads = [threading.Thread(target=reader) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert loads == ["a"] and len(set(map(id, got))) == 1


def test_the_third_model_takes_the_place_of_the_least_recently_used():
    first, second = cache.model("a"), cache.model("b")
    assert cache.model("a") is first  # now b was used longest ago
    cache.model("c")
    assert cache.model("a") is first
    assert cache.model("b") is not second


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
    entry = catalogue.Entry("gpt2-xl", "gpt2-xl", "", lambda: pytest.fail("it was loaded"), memory=hub.PUBLISHED["gpt2-xl"].memory)
    monkeypatch.setattr(catalogue, "MODELS", catalogue.MODELS | {"gpt2-xl": entry})
    monkeypatch.setattr(hub, "memory", lambda: hub.Memory(1_000_000_000, free=True))
    with pytest.raises(MemoryError, match=r"6\.50 GB of memory needed, 1\.00 GB free"):
        cache.model("gpt2-xl")
