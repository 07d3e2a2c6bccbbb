"""Published sizes, fetched from a stand-in for the hub that cuts, throttles and lies."""

import errno
import os
import pathlib
import re
import socket
import threading
import time
from dataclasses import replace

import huggingface_hub
import pytest
import torch

from gptviz import __main__ as command
from gptviz import catalogue, hub, trace, transfer, weights
from gptviz.config import PRESETS
from sample_models import EFFORT, tiny
from stand_in_hub import StandInHub

REVISION = "0123456789abcdef0123456789abcdef01234567"
REPO = "openai-community/gpt2"


@pytest.fixture(scope="session")
def stored(tmp_path_factory):
    """The tiny model, written as the hub stores a model."""
    folder = tmp_path_factory.mktemp("hub")
    weights.save(tiny(), folder, prefix="")
    return folder


@pytest.fixture
def server(stored, tmp_path, monkeypatch):
    """A stand-in hub that has a tiny model under the name gpt2, and an empty cache."""
    with StandInHub(stored, REPO, REVISION) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.delenv("GPTVIZ_MODELS", raising=False)
        size = (stored / hub.WEIGHTS).stat().st_size
        one = hub.Published("gpt2", "GPT-2 small", REPO, REVISION, size, running.etag(hub.WEIGHTS), PRESETS["tiny"])
        monkeypatch.setattr(hub, "PUBLISHED", {"gpt2": one})
        monkeypatch.setattr(transfer, "_downloads", {})
        monkeypatch.setattr(transfer, "PAUSE", 0.01)
        monkeypatch.setattr(catalogue, "MODELS", catalogue.discover())
        yield running


def published() -> hub.Published:
    return hub.PUBLISHED["gpt2"]


def fetched() -> transfer.Progress:
    return transfer.start("gpt2").wait(20)


def failed(*words: str) -> str:
    """A download that fails, says these words, and leaves every model as it was."""
    before = dict(catalogue.MODELS)
    progress = fetched()
    assert progress.state == "failed" and all(word in progress.message for word in words), progress
    catalogue.refresh()
    assert list(catalogue.MODELS) == list(before) and hub.find(published()) is None
    return progress.message


def until(condition, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def assert_whole() -> None:
    catalogue.refresh()
    model = catalogue.load("gpt2")
    assert torch.equal(trace.run(model, EFFORT)["logits"], trace.run(tiny(), EFFORT)["logits"])


# ---- what is published


def test_the_catalogue_offers_all_four_sizes():
    assert list(hub.PUBLISHED) == ["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"]
    for key, one in hub.PUBLISHED.items():
        assert one.config == PRESETS[key] and one.repo == f"openai-community/{key}"
        assert re.fullmatch("[0-9a-f]{40}", one.revision) and re.fullmatch("([0-9a-f]{64})?", one.sha256)
        assert 0 <= one.size - 4 * (one.config.n_parameters + one.config.n_layer * 1024**2) < 100_000
    assert [hub.in_words(one.size) for one in hub.PUBLISHED.values()] == ["548 MB", "1.52 GB", "3.25 GB", "6.43 GB"]


@pytest.mark.parametrize(
    ("size", "said"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (999_600, "1 MB"), (999_600_000, "1.00 GB")]
)
def test_sizes_in_words(size, said):
    assert hub.in_words(size) == said


# ---- on this machine


def place(folder, stored, names=(hub.CONFIG, hub.WEIGHTS)):
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes((stored / name).read_bytes())
    return folder


def test_the_pinned_revision_is_found_in_the_cache(server, stored):
    assert hub.find(published()) is None and "gpt2" in catalogue.offers()
    folder = place(hub.snapshot(published()), stored)
    assert hub.find(published()) == folder
    assert_whole()
    assert not catalogue.offers() and not server.requests


@pytest.mark.parametrize("name", ["models--openai-community--gpt2", "models--gpt2"])
def test_what_another_program_brought_is_found(server, stored, name):
    repo = hub.cache_folder() / name
    folder = place(repo / "snapshots" / ("f" * 40), stored)
    assert hub.find(published()) is None
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("f" * 40)
    assert hub.find(published()) == folder


def test_half_a_file_in_the_cache_is_none(server, stored):
    folder = place(hub.snapshot(published()), stored)
    whole = (folder / hub.WEIGHTS).read_bytes()
    (folder / hub.WEIGHTS).write_bytes(whole[: len(whole) // 2])
    assert hub.find(published()) is None
    assert fetched().state == "finished"
    assert_whole()


def test_a_folder_named_by_gptviz_models_comes_before_the_hub(server, stored, tmp_path, monkeypatch):
    mine = place(tmp_path / "gpt2", stored)
    monkeypatch.setenv(catalogue.FOLDERS, str(mine))
    catalogue.refresh()
    assert catalogue.MODELS["gpt2"].folder == mine and not catalogue.offers()
    cached = place(tmp_path / "models--openai-community--gpt2-medium" / "snapshots" / REVISION, stored)
    monkeypatch.setenv(catalogue.FOLDERS, str(cached))
    assert catalogue.discover()["gpt2-medium"].folder == cached


def test_loading_what_is_not_here_says_how_to_get_it(server):
    with pytest.raises(KeyError, match="python -m gptviz fetch gpt2"):
        catalogue.load("gpt2")


# ---- memory


def test_a_model_that_cannot_fit_is_refused_with_both_numbers(server, monkeypatch):
    monkeypatch.setattr(hub, "memory", lambda: hub.Memory(3_000_000_000, free=True))
    big = replace(published(), config=PRESETS["gpt2-xl"])
    monkeypatch.setattr(hub, "PUBLISHED", {"gpt2": big})
    with pytest.raises(transfer.HubError, match=r"6\.50 GB of memory needed, 3\.00 GB free"):
        transfer.start("gpt2")
    assert not server.requests


def test_a_system_that_does_not_tell_its_memory_refuses_nothing(monkeypatch):
    monkeypatch.setattr(hub, "memory", lambda: hub.Memory(None))
    for one in hub.PUBLISHED.values():
        assert hub.refusal(one) == "" and "does not say" in hub.memory_in_words(one)


def test_memory_is_read_where_the_system_has_it(monkeypatch):
    assert hub.memory().size > 1 << 20
    monkeypatch.setattr(hub, "Path", lambda path: pathlib.Path("/no/such/place", path.lstrip("/")))
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}[name], raising=False)
    assert hub.memory() == hub.Memory(4_096_000)
    monkeypatch.delattr(os, "sysconf")
    assert hub.memory() == hub.Memory(None)


# ---- a download that works


@pytest.mark.parametrize("redirect", [False, True], ids=["direct", "redirected"])
def test_a_download_arrives_whole(server, redirect):
    server.redirect = redirect
    progress = fetched()
    assert progress.state == "finished" and progress.done == progress.total == published().size
    assert set(server.fetched()) == {hub.CONFIG, hub.WEIGHTS}
    assert not any("authorization" in headers for headers in server.headers)
    assert not list(hub.cache_folder().rglob("*.incomplete"))
    assert_whole()


def test_other_programs_find_it_too(server, stored):
    fetched()
    path = huggingface_hub.try_to_load_from_cache(REPO, hub.WEIGHTS, cache_dir=hub.cache_folder(), revision=REVISION)
    assert path == str(hub.snapshot(published()) / hub.WEIGHTS)
    found = huggingface_hub.hf_hub_download(REPO, hub.WEIGHTS, revision=REVISION, cache_dir=hub.cache_folder())
    assert found == path


def test_the_stand_in_speaks_as_the_library_expects(server, tmp_path):
    for server.redirect in (False, True):
        metadata = huggingface_hub.get_hf_file_metadata(f"{server.url}/{REPO}/resolve/{REVISION}/{hub.WEIGHTS}", token=False)
        assert metadata.commit_hash == REVISION and metadata.size == published().size and metadata.etag == published().sha256
    api = huggingface_hub.HfApi(endpoint=server.url, token=False)
    assert [file.rfilename for file in api.model_info(REPO, revision=REVISION).siblings] == [hub.CONFIG, hub.WEIGHTS]


def test_progress_has_speed_and_time_left(server):
    server.speed = 2_000_000
    download = transfer.start("gpt2")
    until(lambda: download.progress().left is not None)
    progress = download.progress()
    assert progress.running and 0 < progress.done < progress.total and 0 < progress.speed < 8_000_000
    assert re.fullmatch(r"\S+ (kB|MB|bytes) of 3 MB, \S+ (kB|MB)/s, \d+ s left", str(progress)), str(progress)
    download.cancel()


def test_readers_share_one_download(server):
    server.speed = 4_000_000
    downloads = [None] * 8

    def reader(n):
        downloads[n] = transfer.start("gpt2")

    threads = [threading.Thread(target=reader, args=(n,)) for n in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(set(map(id, downloads))) == 1 and transfer.download("gpt2") is downloads[0]
    assert downloads[0].wait(20).state == "finished"
    assert server.fetched() == [hub.CONFIG, hub.WEIGHTS]


def test_cancelled_and_resumed_from_where_it_stopped(server):
    server.speed = 2_000_000
    download = transfer.start("gpt2")
    until(lambda: download.progress().done > 500_000)
    download.cancel()
    assert download.progress().state == "cancelled"
    assert download.wait(5).state == "cancelled"
    kept = hub.arrived(published())
    assert 500_000 < kept < published().size and hub.find(published()) is None
    server.speed = None
    assert fetched().state == "finished"
    assert server.requests[-1] == ("GET", f"/{REPO}/resolve/{REVISION}/{hub.WEIGHTS}", f"bytes={kept}-")
    assert_whole()


def test_started_again_at_once_after_a_cancel(server):
    server.speed = 1_000_000
    transfer.start("gpt2").cancel()
    server.speed = None
    assert fetched().state == "finished"
    assert_whole()


def test_a_new_program_goes_on_where_the_last_one_died(server, stored):
    whole = (stored / hub.WEIGHTS).read_bytes()
    partial = hub.incomplete(published(), hub.WEIGHTS)
    partial.parent.mkdir(parents=True)
    partial.write_bytes(whole[:1_000_000])
    assert fetched().state == "finished" and server.sent < len(whole) - 900_000
    assert_whole()


def test_another_program_that_is_at_it_is_left_alone(server):
    import filelock

    lock = hub.cache_folder() / ".locks" / "models--openai-community--gpt2" / f"{REVISION}.lock"
    lock.parent.mkdir(parents=True)
    with filelock.FileLock(lock):
        failed("Another program")
    assert fetched().state == "finished"


# ---- a download that meets trouble


def test_a_cut_connection_is_taken_up_again(server):
    server.cut = 700_000
    assert fetched().state == "finished"
    ranges = [asked for method, _, asked in server.requests if method == "GET" and asked]
    assert len(ranges) == published().size // 700_000
    assert_whole()


def test_a_connection_that_brings_nothing_more_is_given_up(server):
    server.cut = 0
    assert failed("broke 5 times", "try again")
    server.cut = None
    assert fetched().state == "finished"


def test_what_arrived_before_the_break_is_kept(server):
    server.short = 1_000_000
    download = transfer.start("gpt2")
    until(lambda: download.progress().done >= 1_000_000)
    server.short = 0
    progress = download.wait(20)
    assert progress.state == "failed" and "ended after" in progress.message
    kept = hub.arrived(published())
    assert kept >= 1_000_000
    server.short = None
    assert fetched().state == "finished"
    assert ("GET", f"/{REPO}/resolve/{REVISION}/{hub.WEIGHTS}", f"bytes={kept}-") in server.requests
    assert_whole()


def test_a_server_that_always_begins_at_the_start(server, stored):
    partial = hub.incomplete(published(), hub.WEIGHTS)
    partial.parent.mkdir(parents=True)
    partial.write_bytes((stored / hub.WEIGHTS).read_bytes()[:1_000_000])
    server.ranges = False
    assert fetched().state == "finished"
    assert_whole()


@pytest.mark.parametrize("pinned", [True, False], ids=["checksum known", "checksum from the hub"])
def test_wrong_bytes_are_thrown_away(server, monkeypatch, pinned):
    if not pinned:
        monkeypatch.setattr(hub, "PUBLISHED", {"gpt2": replace(published(), sha256="")})
    server.wrong = True
    failed("checksum", "thrown away")
    assert hub.arrived(published()) == 0
    server.wrong = False
    assert fetched().state == "finished"
    assert_whole()


def test_a_damaged_half_does_not_become_a_whole(server):
    partial = hub.incomplete(published(), hub.WEIGHTS)
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"x" * 1000)
    failed("checksum")
    assert fetched().state == "finished"


def test_another_file_than_the_published_one_is_not_fetched(server, monkeypatch):
    monkeypatch.setattr(hub, "PUBLISHED", {"gpt2": replace(published(), sha256="a" * 64)})
    failed("another file", "aaaaaaaaaaaa")
    assert hub.WEIGHTS not in server.fetched()


def test_no_network(server, monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", nobody)
    failed("No connection to", nobody, "Check the network")


def test_told_to_stay_offline(server, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    failed("HF_HUB_OFFLINE")
    assert not server.requests


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": 503}, ["answered 503"]),
        ({"status": 404}, ["does not have"]),
        ({"commit": "f" * 40}, ["does not answer as the Hugging Face hub"]),
        ({"etags": False}, ["checksum"]),
        ({"repo": "somebody/else"}, ["does not have"]),
    ],
    ids=["busy", "not found", "another revision", "no checksum", "another repository"],
)
def test_a_server_that_is_no_hub(server, monkeypatch, change, words):
    monkeypatch.setattr(hub, "PUBLISHED", {"gpt2": replace(published(), sha256="")})
    for name, value in change.items():
        setattr(server, name, value)
    failed(*words)


def test_a_full_disk_is_said_before_anything_is_fetched(server, monkeypatch):
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1_000_000})())
    assert str(hub.cache_folder()) not in failed("Not enough room", "1 MB are free", "HF_HOME")
    assert not server.fetched()


def test_a_disk_that_fills_on_the_way(server, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(transfer.os, "fsync", full)
    failed("Not enough room")


def test_a_folder_that_cannot_be_written(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "file"))
    assert str(tmp_path) not in failed("cannot be written", "HF_HOME")  # readers need not know the server's paths


# ---- the command


def test_fetch_and_models_as_a_command(server, capsys):
    assert command.main(["models"]) == 0
    before = capsys.readouterr().out
    assert re.search(r"^mini +\S", before, re.MULTILINE)
    assert re.search(r"^gpt2 +not here: 3 MB to download", before, re.MULTILINE)
    assert not server.requests
    assert command.main(["fetch", "gpt2"]) == 0
    assert "are here and checked" in capsys.readouterr().out
    catalogue.refresh()
    assert command.main(["fetch", "gpt2"]) == 0
    assert "here already" in capsys.readouterr().out
    command.main(["models"])
    assert str(hub.snapshot(published())) in capsys.readouterr().out


def test_a_failed_fetch_says_why_and_fails(server, capsys):
    server.status = 503
    assert command.main(["fetch", "gpt2"]) == 1
    assert "answered 503" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main(["fetch", "gpt5"])


def test_a_fetch_that_is_interrupted_keeps_what_has_arrived(server, capsys, monkeypatch):
    server.speed = 2_000_000
    wait = transfer.Download.wait

    def interrupted(download, seconds=None):
        monkeypatch.setattr(transfer.Download, "wait", wait)
        until(lambda: download.progress().done > 100_000)
        raise KeyboardInterrupt

    monkeypatch.setattr(transfer.Download, "wait", interrupted)
    assert command.main(["fetch", "gpt2"]) == 130
    assert "what has arrived is kept" in capsys.readouterr().err and hub.arrived(published()) > 100_000
    server.speed = None
    assert command.main(["fetch", "gpt2"]) == 0


def test_nothing_is_said_to_be_checked_where_nothing_is(server, monkeypatch):
    """Until the first byte arrives the server is being asked; only what lies here from before is checked."""
    said, report = [], transfer.Download._report
    monkeypatch.setattr(
        transfer.Download, "_report", lambda self, state, message="": said.append(state) or report(self, state, message)
    )
    assert fetched().state == "finished"
    assert "checking" not in said and "connecting" in said


def test_a_folder_that_is_no_model_is_listed_with_the_reason(tmp_path, monkeypatch, capsys):
    entry = catalogue.Entry("broken", "broken", "", dict, tmp_path)
    monkeypatch.setattr(catalogue, "MODELS", catalogue.MODELS | {"broken": entry})
    assert command.main(["models"]) == 0
    assert f"broken          cannot be loaded: {tmp_path}: expected config.json, found none" in capsys.readouterr().out
