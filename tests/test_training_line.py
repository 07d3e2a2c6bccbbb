"""The line under strain: ten readers, processes that are killed or stopped, a server that is killed, no place on the disk."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from gptviz.training import jobs, kept
from gptviz.training.jobs import Job, Line, Refused
from gptviz.training.worker import Order
from test_live_training import ids, told, until

ROOT = Path(__file__).parents[1]
IDS = tuple(range(300))
LONG = 10**6  # steps that nobody waits for
STAND_IN = """
import json, os, sys, threading, time

order, wishes = json.loads(sys.stdin.readline()), []
seed = order["seed"]

def listen():
    for line in sys.stdin:
        wishes.append(line.strip())
    os._exit(1)

def say(kind, **facts):
    print(json.dumps({"kind": kind} | facts), flush=True)

threading.Thread(target=listen, daemon=True).start()
counts = ("layers", "heads", "width", "context", "batch", "parameters", "tokens", "held_out", "words")
say("ready", **dict.fromkeys(counts, 1), uniform=1.0, unigram=1.0)
for step in range(order["steps"]):
    if "pause" in wishes:
        say("paused")
        while "go on" not in wishes:
            time.sleep(0.001)
        say("going")
        wishes.clear()
    if "stop" in wishes:
        break
    say("steps", steps=[step + 1], seconds=[float(step)], losses=[float(seed)])
    time.sleep(0.001)
say("end", why="stopped" if wishes else "done", step=0, seconds=0.0, saved=seed != 8, trouble="No space left" if seed == 8 else "")
os._exit(0)
"""
"""It speaks as a run does and learns nothing, so that ten of them take a moment. Every loss is its seed; number 8 cannot save."""


def running(job: Job) -> bool:
    return job._process is not None and job._process.poll() is None


def pid_is_gone(pid: int) -> bool:
    """No such process, or a dead one that nobody has asked about."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except (ProcessLookupError, FileNotFoundError):
        return True


@pytest.fixture
def line(monkeypatch):
    """A line whose runs are stand-ins, looked at often."""
    monkeypatch.setattr(jobs, "PROGRAM", (sys.executable, "-c", STAND_IN))
    monkeypatch.setattr(jobs, "PRIORITY", 0)
    monkeypatch.setattr(jobs, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(jobs, "LOOK_AFTER_EVERY", 0.01)
    made, joined = Line(), []
    join = made.join
    made.join = lambda *args, **options: joined.append(join(*args, **options)) or joined[-1]
    yield made
    for job in joined:
        job.forget()
    until(lambda: made._keeper is None)


@pytest.fixture
def disk(monkeypatch, tmp_path):
    """A temporary folder of its own, for a server that has made none yet."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(kept, "_own", None)
    return tmp_path


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot stop a process from outside")
def test_ten_readers_and_all_that_can_befall_them(line, monkeypatch):
    here = dict.fromkeys(range(10), True)
    everybody = [
        line.join(Order(IDS, steps=5 if number > 6 else LONG, seed=number), lambda number=number: here[number])
        for number in range(10)
    ]

    def turn(number: int) -> Job:
        """Wait until that reader trains; nobody else does."""
        until(lambda: everybody[number].seen().step > 0)
        assert [job for job in everybody if running(job)] == [everybody[number]]
        return everybody[number]

    os.kill(turn(0).pid, signal.SIGKILL)

    paused = turn(1)
    killed = everybody[0].seen()
    assert killed.state == "failed" and "broke off (exit status -9)" in killed.message and "ran out of memory" in killed.message
    paused.pause()
    until(lambda: paused.seen().state == "paused")
    everybody[2].stop()  # leaves the line
    monkeypatch.setattr(jobs, "ABSENT", 0.05)
    here[5] = False  # closes the page while waiting
    until(lambda: everybody[5].forgotten)
    monkeypatch.setattr(jobs, "SILENT", 0.0)
    time.sleep(0.1)  # who pauses may be silent
    assert paused.seen().state == "paused" and all(everybody[number].pid is None for number in range(2, 10))
    assert line.before(everybody[6]) == (paused, everybody[3], everybody[4])
    monkeypatch.setattr(jobs, "SILENT", 45.0)
    paused.go_on()
    until(lambda: paused.seen().state == "training")
    paused.stop()

    silent = turn(3)
    assert everybody[1].seen().state == "stopped" and everybody[1].seen().saved
    os.kill(silent.pid, signal.SIGSTOP)
    silent.pause()  # nobody hears it
    monkeypatch.setattr(jobs, "SILENT", 0.3)
    until(lambda: silent.over)
    monkeypatch.setattr(jobs, "SILENT", 45.0)
    assert silent.seen().state == "failed" and "said nothing for 0.3 s" in silent.seen().message and silent.seen().losses

    os.kill(turn(4).pid, signal.SIGSTOP)
    everybody[4].stop()
    monkeypatch.setattr(jobs, "ENDING", 0.0)
    everybody[4].stop()  # pressed once more
    everybody[4]._deadline = 0.0  # its time is over
    until(lambda: everybody[4].over)

    turn(6)
    here[6] = False  # closes the page while training
    until(lambda: everybody[9].over)
    assert everybody[6].forgotten and "away for more than" in everybody[6].seen().message
    states = [job.seen().state for job in everybody]
    assert states == ["failed", "stopped", "stopped", "failed", "failed", "stopped", "stopped", *["finished"] * 3]
    assert [job.pid is None for job in everybody] == [number in (2, 5) for number in range(10)]
    assert everybody[7].seen().saved and not everybody[8].seen().saved
    assert "could not be saved" in everybody[8].seen().message and "No space left" in everybody[8].seen().message
    for number, job in enumerate(everybody):
        assert set(job.seen().losses) <= {float(number)}
        for press in (job.pause, job.go_on, job.stop):  # by a page that has not heard yet that it is over
            press()
        assert job.seen().state == states[number]


def test_a_word_cut_in_two_by_a_kill_does_not_hold_the_line_up(line, monkeypatch):
    monkeypatch.setattr(jobs, "PROGRAM", (sys.executable, "-c", "print('{\"kind\": \"rea', end='')"))
    seen = line.join(Order(IDS, steps=1)).wait(10)
    assert seen.state == "failed" and "broke off (exit status 0)" in seen.message


def test_a_process_that_cannot_begin_holds_nobody_up(line, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(tempfile, "TemporaryFile", full)
        seen = line.join(Order(IDS, steps=1)).wait(10)
        assert seen.state == "failed" and "could not be started" in seen.message and "No space left" in seen.message
    with monkeypatch.context() as broken:
        broken.setattr(jobs, "PROGRAM", ("no-such-program-anywhere",))
        assert "could not be started" in line.join(Order(IDS, steps=1)).wait(10).message
    assert line.join(Order(IDS, steps=1)).wait(10).state == "finished"


def test_no_place_to_keep_a_model_is_said_before_anything_begins(line, monkeypatch, disk):
    monkeypatch.setattr(tempfile, "tempdir", str(disk / "nothing" / "here"))
    with pytest.raises(Refused, match=r"no place on this server to keep a model in: No such file.*TMPDIR"):
        line.join(Order(IDS, steps=1))
    assert not line._waiting
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    job = line.join(Order(IDS, steps=1))
    assert job.wait(10).state == "finished" and disk in job.folder.parents


def test_a_model_that_cannot_be_written_is_said_and_the_run_stays(tmp_path):
    (tmp_path / "file").touch()
    found = told(Order(ids(), size="smaller", steps=1, folder=str(tmp_path / "file" / "model")))
    kind, end = found[-1]
    assert kind == "end" and not end["saved"] and "Not a directory" in end["trouble"] and end["why"] == "done"


# ---- what stays of a server


SERVER = """
import time
from gptviz.training import jobs
from gptviz.training.worker import Order

jobs.PRIORITY = 0
job = jobs.LINE.join(Order(tuple(range(1000)), size="smaller", seconds=60))
while job.seen().state != "paused":  # it has nothing to say then, and must notice by itself
    job.pause()
    time.sleep(0.02)
print(job.pid, job.folder, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(os.name != "posix", reason="it looks at processes as this system does")
def test_a_killed_server_leaves_no_process_and_its_files_go_with_the_next(disk):
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER], cwd=ROOT, env=os.environ | {"TMPDIR": str(disk)}, stdout=subprocess.PIPE, text=True
    )
    try:
        pid, folder = server.stdout.readline().split()
        living = kept.folder()  # this process is another server
        kept.sweep()
        assert Path(folder).is_dir() and Path(living.name).is_dir() and not pid_is_gone(int(pid))
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    until(lambda: pid_is_gone(int(pid)), 10)
    assert Path(folder).is_dir()
    kept.sweep()
    assert not Path(folder).parent.exists() and Path(living.name).is_dir()
    living.cleanup()


def test_the_sweep_touches_nothing_but_what_such_a_server_made(disk, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for file in ("lock", "run-1/precious"):
        (elsewhere / file).parent.mkdir(exist_ok=True)
        (elsewhere / file).touch()
    (disk / "gptviz-runs-link").symlink_to(elsewhere)
    (disk / "gptviz-runs-file").touch()
    (disk / "gptviz-runs-other").mkdir()  # no lock in it: nobody knows what it is
    kept.sweep()
    assert (elsewhere / "run-1" / "precious").exists() and len(list(disk.iterdir())) == 3


def test_a_place_that_was_cleaned_away_is_made_again(disk):
    first = kept.folder()
    for file in sorted(disk.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    second = kept.folder()
    assert Path(second.name).is_dir() and not Path(first.name).exists()
