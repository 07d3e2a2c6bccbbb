"""Work that readers wait for: each piece in a thread of its own, one for all who ask for the same, given up with the last of them.

A page that waits looks up every moment, so a press or a closed tab takes effect at once, whatever the model is doing. The work
itself goes on for a moment without anybody, since the next press often asks for the same again.
"""

import re
import threading
import time
import traceback
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from functools import partial

from .. import trace
from ..trace import Go, Pass
from .room import Key, Room
from .turns import LOOK, Turns

GRACE = 1.0  # seconds work goes on after the last reader who waited for it
SHORT = 10_000_000_000  # multiply-adds of a pass that counts as short work: some 0.3 s of one core
BLOCK = re.compile(r"blocks\.(\d+)\.")

_current: ContextVar["Work | None"] = ContextVar("gptviz_work", default=None)


class Waiter:
    """Who waits for work. What any of these raises ends the wait."""

    def aside(self) -> AbstractContextManager[None]:
        """While it waits, it stands in nobody's way."""
        return nullcontext()

    def begins(self) -> None:
        """Something has to be made that nobody is making yet."""

    def waits(self, work: "Work") -> None:
        """Called again and again until the work is over."""

    def ends(self, work: "Work") -> None:
        """It is over."""


class Abandoned(BaseException):
    """Nobody waits for this work any more."""


class Work:
    """One thing being made. who: the reader whose turns it takes. doing: what it is, in words. readers: how many wait for it; left:
    since when nobody does. waits: the work this one waits for."""

    def __init__(self, key: Key, who: Hashable, doing: str):
        self.key, self.who, self.doing = key, who, doing
        self.readers = 0
        self.left: float | None = None
        self.waits: Work | None = None
        self.over = threading.Event()
        self.made: object = None
        self.error: BaseException | None = None
        self.passes, self.part = 0, ""
        self.share: float | None = None  # of the pass under way; None where there is none
        self.took = 0.0  # seconds of passes
        self.ahead = 0
        self.queued = -1.0  # when it last stood in the line

    def look_up(self) -> None:
        """Between two parts of the work: is anybody still waiting?"""
        if self.left is not None and time.monotonic() - self.left > GRACE:
            raise Abandoned

    def said(self) -> tuple[float | None, str]:
        """How much of what it is doing is done, and what that is."""
        if (waits := self.waits) is not None:
            return waits.said()
        if time.monotonic() - self.queued < 3 * LOOK:
            why = f"for a turn, {self.ahead} of other readers' come first" if self.ahead else "for memory"
            return None, f"{self.doing}: waiting {why}"
        number = f", pass {self.passes}" if self.passes > 1 else ""
        return self.share, f"{self.doing}{number}{self.part}"


class Works:
    """All work under way, and the memory and the turns it takes."""

    def __init__(self, room: Room, turns: Turns):
        self.room, self.turns = room, turns
        self.lock = threading.Lock()
        self.under_way: dict[Key, Work] = {}

    def once(
        self,
        key: Key,
        who: Hashable,
        make: Callable[[], object],
        doing: str,
        waiter: Waiter,
        keep: Callable[[], bool] = lambda: True,
    ) -> object:
        """What is kept under a key; else what make() gives, made by one for all who ask for it meanwhile, and kept if keep() then.

        make() may run passes and ask for other keys: it stands in nobody's way while it waits. Raises RuntimeError where a key
        would wait for itself."""
        asking = _current.get()
        while True:
            with self.lock:
                if (kept := self.room.get(key, who)) is not None:
                    return kept
                work, known = self.under_way.get(key), key in self.under_way
                if work is None:
                    if asking is None:
                        waiter.begins()
                    work = self.under_way[key] = Work(key, who, doing)
                elif asking is not None and _leads_to(work, asking):
                    raise RuntimeError(f"to make {asking.key} takes {key}, which is being made of it: give them different keys")
                work.readers, work.left = work.readers + 1, None
                if asking is not None:
                    asking.waits = work
            if not known:
                threading.Thread(target=self._run, args=(work, make, keep), name="gptviz-work", daemon=True).start()
            try:
                with self.turns.aside(), waiter.aside():
                    while not work.over.wait(LOOK / 2):
                        waiter.waits(work) if asking is None else asking.look_up()
            finally:
                with self.lock:
                    work.readers -= 1
                    if not work.readers:
                        work.left = time.monotonic()
                    if asking is not None:
                        asking.waits = None
            if asking is None:
                waiter.ends(work)
            else:
                asking.took += work.took
            if work.error is None:
                return work.made
            if not isinstance(work.error, Abandoned):  # as it can be when the last one left just before this one came
                raise work.error

    def _run(self, work: Work, make: Callable[[], object], keep: Callable[[], bool]) -> None:
        _current.set(work)
        try:
            with trace.guarded(partial(self._guard, work)):
                work.made = make()
            if keep():
                self.room.keep(work.key, work.made, work.who)
        except Abandoned:
            work.error = Abandoned()
        except BaseException as error:  # noqa: BLE001  raised where it is waited for
            traceback.clear_frames(error.__traceback__)  # the tensors in them are of no use any more
            work.error = error
        finally:
            with self.lock:
                del self.under_way[work.key]
            work.over.set()

    def _guard(self, work: Work, about: Pass, go: Go) -> object:
        """Let a pass run when it is its reader's turn and there is memory for it."""
        if about.needed > self.room.most:
            raise self.room.refusal(about.needed)
        points = about.points * (3 if about.backward else 1)
        seen = 0

        def waiting() -> None:
            work.queued, work.ahead = time.monotonic(), self.turns.before(work.who)
            work.look_up()

        def told(point: str) -> None:
            nonlocal seen
            seen += 1
            work.share = min(1.0, seen / points)
            block = BLOCK.match(point)
            work.part = f", block {int(block[1]) + 1} of {about.config.n_layer}" if block else ""
            work.look_up()
            self.turns.pause()

        with self.turns.turn(work.who, long=about.work > SHORT, needed=about.needed, waiting=waiting):
            work.passes += 1
            began = time.monotonic()
            made = go(told)
            work.took += time.monotonic() - began
            self.room.follow(made)
            return made


def tell(share: float) -> None:
    """How much of the work that this thread does is done; outside of any, nothing happens."""
    if (work := _current.get()) is not None:
        work.share, work.part = share, ""
        work.look_up()


def _leads_to(work: Work, asking: Work) -> bool:
    """Whether one work is, or waits for, another."""
    while work is not asking and work.waits is not None:
        work = work.waits
    return work is asking
