"""Where rooms are while nobody changes them: in this process, or, in `processes`, where several processes find them.

A store hands out all rooms as one mapping, word -> room, and knows nothing of what they are for: the rules are `rooms.Rooms` alone.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .rooms import Room

Wake = Callable[[], None]


class Away(Exception):
    """The rooms cannot be reached at the moment; the message says so to a reader."""


class Store(Protocol):
    """said: where the rooms are, in a line for who starts the server. clock: seconds, the same for all who share the rooms."""

    said: str
    clock: Callable[[], float]

    def looking(self) -> AbstractContextManager[Mapping[str, "Room"]]:
        """The rooms as they are now. Raises Away, here and for every room that is looked at."""

    def changing(self) -> AbstractContextManager[MutableMapping[str, "Room"]]:
        """The same for one who changes them, while nobody else can; in the end it is kept, and who listens is woken. Raises Away, and
        then nothing is kept."""

    def listen(self, word: str, wake: Wake) -> Callable[[], None]:
        """Call `wake`, which must not wait, whenever that room's `stir` has changed or the room is gone; returns what ends it."""


class Ears:
    """Who of this process listens to which room."""

    def __init__(self):
        self.lock = threading.Lock()
        self.wakes: dict[str, tuple[Wake, ...]] = {}

    def listen(self, word: str, wake: Wake) -> Callable[[], None]:
        with self.lock:
            self.wakes[word] = (*self.wakes.get(word, ()), wake)

        def stop() -> None:
            with self.lock:
                left = tuple(one for one in self.wakes.get(word, ()) if one is not wake)
                self.wakes = {one: wakes for one, wakes in self.wakes.items() if one != word} | ({word: left} if left else {})

        return stop

    def wake(self, word: str | None) -> None:
        """Who listens to that room; to any, where none is named."""
        with self.lock:
            wakes = [wake for one, some in self.wakes.items() if word in (None, one) for wake in some]
        for wake in wakes:
            wake()


class Memory:
    """The rooms of one process."""

    said = "in this process: a class whose readers come to several needs GPTVIZ_REDIS"
    clock = staticmethod(time.monotonic)

    def __init__(self):
        self.lock = threading.RLock()
        self.rooms: dict[str, Room] = {}
        self.ears = Ears()
        self.listen = self.ears.listen

    @contextmanager
    def looking(self) -> Iterator[Mapping[str, "Room"]]:
        with self.lock:
            yield self.rooms

    @contextmanager
    def changing(self) -> Iterator[MutableMapping[str, "Room"]]:
        with self.lock:
            before = {word: room.stir for word, room in self.rooms.items()}
            try:
                yield self.rooms
            finally:
                for word, stir in before.items():
                    if word not in self.rooms or self.rooms[word].stir != stir:
                        self.ears.wake(word)
