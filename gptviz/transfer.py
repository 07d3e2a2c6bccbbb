"""Fetching a published size, for everybody who waits for it at once.

A download lands in the Hugging Face cache, where other programs find it too: config.json and model.safetensors of one fixed
revision, checked byte for byte. What has arrived stays when it stops, and the next start goes on from there.
"""

import errno
import hashlib
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import filelock
import httpx2
from huggingface_hub import constants, errors, get_hf_file_metadata, get_session, hf_hub_url, hf_raise_for_status

from . import hub
from .hub import CONFIG, WEIGHTS, Published, endpoint, in_words

constants.HF_HUB_DISABLE_TELEMETRY = (
    True  # else the library asks the hub for more than the files, to describe this machine to it
)

ATTEMPTS = 5  # in a row that bring nothing
PAUSE = 1.0  # seconds before the second attempt; doubled for each further one
WINDOW = 5.0  # seconds that the speed is taken over
SPARE = 64 << 20  # bytes that stay free on the disk


class HubError(Exception):
    """A model that cannot be fetched; the message says why and what to do."""


class _Cancelled(Exception):
    pass


class _ServerTrouble(Exception):
    """An answer that may be another one in a moment."""


@dataclass(frozen=True)
class Progress:
    """Where a download stands. state: connecting, checking, downloading, finished, failed or cancelled. done, total: bytes.
    speed: bytes a second lately. left: seconds, None when there is no telling. message: why it failed, or what it waits for."""

    state: str
    done: int
    total: int
    speed: float = 0.0
    left: float | None = None
    message: str = ""

    @property
    def running(self) -> bool:
        return self.state in ("connecting", "checking", "downloading")

    def __str__(self) -> str:
        """One line, without the model's name."""
        share = f"{in_words(self.done)} of {in_words(self.total)}"
        match self.state:
            case "finished":
                return f"{in_words(self.total)} are here and checked"
            case "failed":
                return self.message
            case "cancelled":
                return f"stopped at {share}; what has arrived is kept"
            case "connecting":
                return self.message or f"asking {endpoint()}"
            case "checking":
                return f"checking the {share} that are here"
        speed = f", {in_words(self.speed)}/s" if self.speed else ""
        return f"{share}{speed}{f', {_duration(self.left)} left' if self.left is not None else ''}"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


class Download:
    """One transfer in a thread of its own, shared by everybody who waits for it."""

    def __init__(self, published: Published, before: "Download | None" = None):
        self.published = published
        self._before = before
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._state, self._message = "connecting", ""
        self._done, self._total = hub.arrived(published), published.size
        self._samples: deque[tuple[float, int]] = deque()
        self._thread = threading.Thread(target=self._run, name=f"download {published.key}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Stop soon, and keep what has arrived."""
        self._stop.set()
        with self._lock:
            if self._state in ("connecting", "checking", "downloading"):
                self._state = "cancelled"

    def wait(self, seconds: float | None = None) -> Progress:
        """Until it is over, or for so many seconds."""
        self._thread.join(seconds)
        return self.progress()

    def progress(self) -> Progress:
        """Where it stands now."""
        with self._lock:
            now = time.monotonic()
            while self._samples and self._samples[0][0] < now - WINDOW:
                self._samples.popleft()
            speed, left = 0.0, None
            if self._state == "downloading" and len(self._samples) > 1:
                (since, first), last = self._samples[0], self._samples[-1][1]
                speed = (last - first) / max(now - since, 1e-3)
                left = (self._total - self._done) / speed if speed else None
            return Progress(self._state, self._done, self._total, speed, left, self._message)

    def _report(self, state: str, message: str = "") -> None:
        with self._lock:
            if self._state != "cancelled":
                self._state, self._message = state, message

    def _reached(self, done: int) -> None:
        with self._lock:
            self._done = done
            now = time.monotonic()
            if not self._samples or now - self._samples[-1][0] > 0.1:
                self._samples.append((now, done))

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise _Cancelled

    def _run(self) -> None:
        if self._before is not None:
            self._before.wait()  # a cancelled one may still hold the file for a moment
            self._before = None
        try:
            self._fetch_all()
        except _Cancelled:
            self._report("cancelled")
        except (HubError, httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            self._report("failed", _explain(error, self.published))
        else:
            self._report("finished")
        finally:
            if self.progress().running:  # anything else goes to the server's log, and nobody waits for ever
                self._report("failed", "The download stopped for a reason nobody thought of; the server's log has it.")

    def _fetch_all(self) -> None:
        lock = hub.cache_folder() / ".locks" / hub.repo_folder(self.published.repo).name / f"{self.published.revision}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            with filelock.FileLock(lock, timeout=0):
                if hub.find(self.published) is None:
                    self._fetch(CONFIG)
                    self._fetch(WEIGHTS)
        except filelock.Timeout:
            raise HubError(
                f"Another program on this machine is fetching {self.published.key}. Try again when it is done."
            ) from None
        self._reached(self._total)

    def _fetch(self, name: str) -> None:
        """One file: ask, make sure it fits on the disk, transfer, check, and put it into place."""
        published = self.published
        self._report("connecting")
        url = hf_hub_url(published.repo, name, revision=published.revision, endpoint=endpoint())
        offered = get_hf_file_metadata(url, token=False, timeout=10, endpoint=endpoint())
        self._check_stop()
        if offered.commit_hash != published.revision or offered.size is None:
            raise HubError(
                f"{endpoint()} does not answer as the Hugging Face hub does. Check HF_ENDPOINT, and any proxy in between."
            )
        known = published.sha256 if name == WEIGHTS else ""
        stated = offered.etag or ""
        if known and len(stated) == 64 and stated != known:
            raise HubError(
                f"{endpoint()} offers another file than the published one: its checksum is {stated[:12]}..., {known[:12]}... was "
                "expected. Nothing was fetched."
            )
        target, partial = hub.snapshot(published) / name, hub.incomplete(published, name)
        for folder in (target.parent, partial.parent):
            folder.mkdir(parents=True, exist_ok=True)
        if partial.exists() and partial.stat().st_size > offered.size:
            partial.unlink()
        here = partial.stat().st_size if partial.exists() else 0
        free = shutil.disk_usage(partial.parent).free
        if free < offered.size - here + SPARE:
            raise HubError(_disk_full(published, offered.size - here, free))
        watch = self._reached if name == WEIGHTS else (lambda done: None)
        if name == WEIGHTS:
            with self._lock:
                self._total = offered.size
        with partial.open("ab+") as file:
            made = self._transfer(url, file, offered.size, _checksum(known or stated, offered.size), watch)
        if made != (known or stated):
            partial.unlink()
            raise HubError(
                f"{name} arrived with the checksum {made[:12]}..., {(known or stated)[:12]}... was expected: it was changed on the "
                "way. It is thrown away; try again, or from another mirror."
            )
        os.replace(partial, target)

    def _transfer(self, url: str, file: BinaryIO, size: int, checksum, watch: Callable[[int], None]) -> str:
        """Bring an open file to `size` bytes, through as many connections as it takes; its checksum."""
        if file.tell():  # at its end: it was opened to append
            self._report("checking")
        file.seek(0)
        done = 0
        while block := file.read(1 << 20):
            self._check_stop()
            checksum.update(block)
            done += len(block)
            watch(done)
        with self._lock:
            self._samples.clear()
        self._report("connecting")
        failures = 0
        while done < size:
            before = done
            try:
                for block, restarted in self._blocks(url, done):
                    if restarted and done:
                        file.truncate(0)
                        checksum, done = _checksum(checksum, size), 0
                    self._check_stop()
                    block = block[: size - done]
                    file.write(block)
                    checksum.update(block)
                    done += len(block)
                    watch(done)
                    if done == size:
                        break
                trouble = f"it ended after {in_words(done)} of {in_words(size)}"
            except (httpx2.TransportError, _ServerTrouble) as error:
                trouble = str(error) or type(error).__name__
            if done < size:
                failures = 1 if done > before else failures + 1
                if failures >= ATTEMPTS:
                    file.flush()
                    raise HubError(
                        f"The connection to {endpoint()} broke {failures} times ({trouble}). {in_words(done)} of "
                        f"{in_words(size)} are kept; try again to go on from there."
                    )
                self._report("connecting", f"the connection broke ({trouble}); trying again")
                if self._stop.wait(PAUSE * 2 ** (failures - 1)):
                    raise _Cancelled
        file.flush()
        os.fsync(file.fileno())
        return checksum.hexdigest()

    def _blocks(self, url: str, done: int) -> Iterator[tuple[bytes, bool]]:
        """The file from byte `done` on, in pieces as they arrive, each with whether the server began again at byte 0."""
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
        timeout = httpx2.Timeout(constants.HF_HUB_DOWNLOAD_TIMEOUT)
        with get_session().stream("GET", url, headers=headers, timeout=timeout, follow_redirects=True) as response:
            if response.status_code >= 500 or response.status_code in (408, 429):
                raise _ServerTrouble(f"the server answered {response.status_code}")
            if response.is_error:
                response.read()
                hf_raise_for_status(response)
            self._report("downloading")
            restarted = done > 0 and response.status_code == 200
            for block in response.iter_bytes():
                yield block, restarted
                restarted = False


def _checksum(like, size: int):
    """A fresh sum of the kind `like` is (or spells): sha256, or git's own sha1 of a file of so many bytes."""
    length = len(like) if isinstance(like, str) else 2 * like.digest_size
    if length == 64:
        return hashlib.sha256()
    if length == 40:
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    raise HubError(f"{endpoint()} states no checksum for the file, so that nothing could tell whether it arrived whole.")


def _disk_full(published: Published, needed: int, free: int) -> str:
    return (
        f"Not enough room on the disk for {published.key}: {in_words(needed)} more are needed where the Hugging Face cache lies, "
        f"{in_words(free)} are free. HF_HOME can name a folder elsewhere."
    )


def _explain(error: Exception, published: Published) -> str:
    """What went wrong, in words a reader can act on."""
    match error:
        case HubError():
            return str(error)
        case errors.OfflineModeIsEnabled():
            return "HF_HUB_OFFLINE is set, so nothing is fetched. Start gptviz without it to download."
        case errors.HfHubHTTPError() if error.response.status_code in (401, 404):  # the hub says 401 for what it does not know
            return f"{endpoint()} does not have {published.repo} at {published.revision[:7]}."
        case errors.HfHubHTTPError():
            return f"{endpoint()} answered {error.response.status_code}. Try again later."
        case httpx2.HTTPError() | httpx2.InvalidURL():
            return f"No connection to {endpoint()} ({error or type(error).__name__}). Check the network, and try again."
        case OSError() if error.errno == errno.ENOSPC:
            free = shutil.disk_usage(hub.cache_folder()).free
            return _disk_full(published, published.size - hub.arrived(published), free)
    return f"The Hugging Face cache cannot be written: {error.strerror or error}. HF_HOME can name a folder elsewhere."


_downloads: dict[str, Download] = {}
_starting = threading.Lock()


def start(key: str) -> Download:
    """The download of a published size: the one under way, or a new one that goes on where the last stopped.

    Raises HubError when the model could not run here.
    """
    with _starting:
        last = _downloads.get(key)
        if last is not None and last.progress().running:
            return last
        if why := hub.refusal(hub.PUBLISHED[key]):
            raise HubError(why)
        _downloads[key] = Download(hub.PUBLISHED[key], before=last)
        _downloads[key].start()
        return _downloads[key]


def download(key: str) -> Download | None:
    """The last download of this size since the program started, under way or over."""
    return _downloads.get(key)


def forget(key: str) -> None:
    """Let go of a download that is over, so that the size is offered afresh."""
    with _starting:
        if key in _downloads and not _downloads[key].progress().running:
            del _downloads[key]
