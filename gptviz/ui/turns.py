"""Who computes now: readers take turns, and nobody's short work stands behind more than one slice of long work.

There are as many places as cores, at least two, and one of them is never given to long work. Whoever has had the least lately
goes first; a reader who has had more steps aside at the next hook point, keeping what is done so far. What a reader has had is
forgotten by half every few seconds, so ten links that each ask for an hour of work share one place with each other, and a reader
who asks for a moment gets it at once.
"""

import os
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

SLICE = 0.05  # seconds a reader may have had more than the next one before stepping aside
LONG = 0.5  # seconds after which work that was thought to be short counts as long
HALF_LIFE = 10.0  # seconds in which half of what a reader has had is forgotten
PATIENCE = 30.0  # seconds that work waits for memory before it is refused
LOOK = 0.1  # seconds between two looks of somebody who waits
FORGOTTEN = 1000  # readers of whom it is known what they have had, before those of long ago are left out


class Room(Protocol):
    """Memory for what is about to be computed."""

    def could(self, needed: int) -> bool:
        """Whether so many bytes can be had once everything that nobody is using is let go."""

    def take(self, needed: int, who: Hashable) -> bool:
        """Let go of what nobody is using until so many bytes are free, and set them aside; False when they cannot be had."""

    def give(self, needed: int) -> None:
        """Bytes that are not set aside any more."""

    def refusal(self, needed: int) -> MemoryError:
        """Why so many bytes cannot be had, with the numbers."""


@dataclass(eq=False)
class Turn:
    """One piece of work of one reader. needed: bytes it will hold, set aside once it has room. waiting: called again and again
    while it waits. began: since when it has its place, None without one; had: seconds before that. starved: since when nothing
    but memory is missing."""

    who: Hashable
    long: bool
    needed: int
    waiting: Callable[[], None]
    arrived: int = field(default_factory=count().__next__)
    go: threading.Event = field(default_factory=threading.Event)
    began: float | None = None
    had: float = 0.0
    has_room: bool = False
    starved: float | None = None


class Turns:
    """The places, who has them, and who waits. Without room for it no turn can ask for memory."""

    def __init__(self, room: Room | None = None, places: int | None = None, clock: Callable[[], float] = time.monotonic):
        self.room = room
        self.places = max(2, places or os.cpu_count() or 1)
        self.clock = clock
        self.lock = threading.Lock()
        self.running: list[Turn] = []
        self.waiting: list[Turn] = []
        self.spent: dict[Hashable, tuple[float, float]] = {}  # who -> seconds had, and when that was counted
        self.looked = clock()
        self.mine = threading.local()

    @contextmanager
    def turn(self, who: Hashable, *, long: bool = False, needed: int = 0, waiting: Callable[[], None]) -> Iterator[None]:
        """A place for the work inside, and memory for it. waiting: called again and again until there is one; what it raises ends
        the wait. A thread has one place at a time: work inside other work takes its place meanwhile.

        Raises MemoryError when the memory cannot be had within PATIENCE seconds."""
        with self.aside():
            mine = Turn(who, long, needed, waiting)
            try:
                self._enter(mine)
                self.mine.turn = mine
                yield
            finally:
                self.mine.turn = None
                self._leave(mine)
                if mine.has_room:
                    self.room.give(mine.needed)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While this thread waits for something else, others have its place. Without a place nothing changes."""
        mine = getattr(self.mine, "turn", None)
        if mine is None:
            yield
            return
        self.mine.turn = None
        self._leave(mine)
        yield
        self._enter(mine)
        self.mine.turn = mine

    def pause(self) -> None:
        """Called between two parts of the work: somebody who has had less goes first."""
        mine = getattr(self.mine, "turn", None)
        if mine is None or not self.waiting:
            return
        with self.lock:
            mine.long = mine.long or mine.had + self.clock() - mine.began > LONG
            give_way = self._gives_way(mine)
        if give_way:
            self._leave(mine)
            self._enter(mine)

    def before(self, who: Hashable) -> int:
        """How many pieces of other readers' work are under way or go first."""
        with self.lock:
            had = self._had(who)
            return len(self.running) + sum(self._had(one.who) < had for one in self.waiting)

    def had(self, who: Hashable) -> float:
        """Seconds a reader has had lately."""
        with self.lock:
            return self._had(who)

    def _enter(self, mine: Turn) -> None:
        """Wait for a place."""
        with self.lock:
            mine.go.clear()
            self.waiting.append(mine)
            self._start()
        try:
            while not mine.go.wait(LOOK):
                mine.waiting()
                with self.lock:
                    if self.clock() - self.looked >= LOOK:
                        self._start()  # memory comes back without a word
                    if mine.starved is not None and self.clock() - mine.starved > PATIENCE:
                        raise self.room.refusal(mine.needed)
        except BaseException:
            with self.lock:
                if mine in self.waiting:
                    self.waiting.remove(mine)
            raise  # a place it got meanwhile is left by whoever called

    def _leave(self, mine: Turn) -> None:
        with self.lock:
            if mine in self.running:
                self.running.remove(mine)
                self._charge(mine)
                self._start()

    # under the lock ---------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Give what places there are to those who have had least."""
        self.looked = now = self.clock()
        for one in sorted(self.waiting, key=lambda one: (self._had(one.who), one.arrived)):
            if len(self.running) >= self.places:
                return
            if not self._has_place(one, self.running):
                continue
            if one.needed and not one.has_room:
                one.has_room = self.room.could(one.needed) and self.room.take(one.needed, one.who)
                if not one.has_room:
                    one.starved = one.starved or now
                    continue
            one.starved, one.began = None, now
            self.waiting.remove(one)
            self.running.append(one)
            one.go.set()

    def _had(self, who: Hashable) -> float:
        now = self.clock()
        under_way = sum(now - one.began for one in self.running if one.who == who)
        return self._counted(who, now) + under_way

    def _counted(self, who: Hashable, now: float) -> float:
        amount, counted = self.spent.get(who, (0.0, now))
        return amount * 0.5 ** ((now - counted) / HALF_LIFE)

    def _charge(self, mine: Turn) -> None:
        now = self.clock()
        took = now - mine.began
        mine.had += took
        mine.began = None
        self.spent[mine.who] = (self._counted(mine.who, now) + took, now)
        if len(self.spent) > FORGOTTEN:
            self.spent = {who: kept for who, kept in self.spent.items() if now - kept[1] < 10 * HALF_LIFE}

    def _has_place(self, one: Turn, running: list[Turn]) -> bool:
        if len(running) >= self.places:
            return False
        return not one.long or sum(other.long for other in running) < self.places - 1

    def _gives_way(self, mine: Turn) -> bool:
        others = [one for one in self.running if one is not mine]
        if not self._has_place(mine, others):
            return True  # it turned out to be long, and there are enough of those
        had = self._had(mine.who)
        return any(
            self._has_place(one, others)
            and not self._has_place(one, self.running)
            and self._had(one.who) + SLICE < had
            and (one.has_room or self.room.could(one.needed))
            for one in self.waiting
        )
