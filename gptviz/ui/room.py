"""What is alive of all that was computed, and what of it is kept for the next reader who asks.

One budget holds for everything together: what is kept here, what readers' pages still use, and what the passes under way are going
to hold. Whatever was made is followed by weak references to its memory, so it counts for as long as anybody holds any part of it,
and not a moment longer.
"""

import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass

import numpy as np
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from ..trace import Trace

BUDGET = 2 << 30  # bytes alive, for all readers together
SMALL = 1 / 8  # share of the budget that is left to small things
ALONE = 20.0  # seconds that something is kept after the last reader who used it has left
LEAST = 1024  # bytes anything counts for
TINY = 64 << 10  # bytes of things that go last: they free next to nothing

Key = tuple[Hashable, ...]


class Followed:
    """Something that was made, and how much of it is still alive. It does not keep it so."""

    def __init__(self, made: object):
        parts = dict(_memory(made))
        self.size = max(LEAST, sum(size for _, size in parts.values()))
        self.parts = list(parts.values())
        try:
            self.whole: Callable[[], object] = weakref.ref(made)
        except TypeError:  # a tuple, for instance
            self.whole = lambda: None

    def alive(self) -> int:
        """Bytes of it that somebody holds."""
        if self.whole() is not None:
            return self.size
        self.parts = [(there, size) for there, size in self.parts if there()]
        return sum(size for _, size in self.parts)


def _memory(made: object, seen: set[int] | None = None) -> Iterator[tuple[Hashable, tuple[Callable[[], bool], int]]]:
    """Every piece of memory that a value holds, once: its name, whether it is still there, its bytes. A trace does not hold its
    model's weights."""
    seen = set() if seen is None else seen
    if id(made) in seen:
        return
    seen.add(id(made))
    match made:
        case Tensor():
            storage = made.untyped_storage()
            reference = StorageWeakRef(storage)
            yield ("storage", storage.data_ptr()), (lambda: not reference.expired(), storage.nbytes())
        case np.ndarray():
            while isinstance(made.base, np.ndarray):
                made = made.base
            if isinstance(made.base, Tensor):
                yield from _memory(made.base, seen)
            else:
                owner = weakref.ref(made)
                yield ("array", id(made)), (lambda: owner() is not None, made.nbytes)
        case Trace():
            weights = {parameter.untyped_storage().data_ptr() for parameter in made.model.parameters()}
            for tensor in (*made.tensors.values(), *made.grads.values()):
                if tensor.untyped_storage().data_ptr() not in weights:
                    yield from _memory(tensor, seen)
        case nn.Module():
            for parameter in made.parameters():
                yield from _memory(parameter, seen)
        case Mapping():
            for part in made.values():
                yield from _memory(part, seen)
        case tuple() | list():
            for part in made:
                yield from _memory(part, seen)
        case _ if is_dataclass(made) and not isinstance(made, type):
            for part in vars(made).values():
                yield from _memory(part, seen)


@dataclass(eq=False)
class Kept:
    """Something kept for whoever asks for it next. made: itself, None once it had to go; found again as long as somebody uses it.
    readers: who asked for it, used: when last."""

    made: object
    followed: Followed
    readers: set[Hashable]
    used: float = field(default_factory=time.monotonic)

    @property
    def value(self) -> object:
        return self.made if self.made is not None else self.followed.whole()


class Room:
    """The memory there is for computed things. See `turns.Room` for what `could`, `take` and `give` are for."""

    def __init__(self, budget: int = BUDGET):
        self.budget = budget
        self.lock = threading.RLock()
        self.kept: dict[Key, Kept] = {}
        self.followed: list[Followed] = []
        self.promised = 0

    @property
    def most(self) -> int:
        """Bytes that one piece of work may take."""
        return int(self.budget * (1 - SMALL))

    def alive(self) -> int:
        """Bytes that somebody holds, here or in a reader's page."""
        with self.lock:
            sizes = [one.alive() for one in self.followed]
            self.followed = [one for one, size in zip(self.followed, sizes) if size]
            return sum(sizes)

    def follow(self, made: object) -> Followed:
        """Count something from now on."""
        one = next((one for one in reversed(self.followed) if one.whole() is made), None) if made is not None else None
        if one is None:
            one = Followed(made)
            with self.lock:
                self.followed.append(one)
        return one

    def get(self, key: Key, who: Hashable) -> object:
        """What is kept under a key, or None."""
        with self.lock:
            one = self.kept.get(key)
            if one is None:
                return None
            value = one.value
            if value is None:
                del self.kept[key]
                return None
            one.made, one.used = value, time.monotonic()
            one.readers.add(who)
            return value

    def keep(self, key: Key, made: object, who: Hashable) -> None:
        """Keep what was made for those who ask for it next; what was used longest ago goes when there is too little room."""
        with self.lock:
            self.kept[key] = Kept(made, self.follow(made), {who})
            self._until(0, who)

    def drop(self, unwanted: Callable[[Key], bool]) -> None:
        """Let go of everything with such a key."""
        with self.lock:
            self.kept = {key: one for key, one in self.kept.items() if not unwanted(key)}

    def clear(self) -> None:
        """Let go of everything."""
        self.drop(lambda key: True)

    def tidy(self, gone: Callable[[Hashable], bool]) -> bool:
        """Let go of what belongs to nobody any more; whether there was anything."""
        now = time.monotonic()
        with self.lock:
            for one in self.kept.values():
                one.readers = {who for who in one.readers if not gone(who)}
            left = {key for key, one in self.kept.items() if one.made is None or not one.readers and now - one.used > ALONE}
            self.drop(left.__contains__)
        return bool(left)

    def could(self, needed: int) -> bool:
        with self.lock:
            idle = sum(one.followed.size for one in self.kept.values() if one.made is not None)
            return self.alive() - idle + self.promised + needed <= self._limit(needed)

    def take(self, needed: int, who: Hashable) -> bool:
        with self.lock:
            fits = self._until(needed, who)
            if fits:
                self.promised += needed
            return fits

    def give(self, needed: int) -> None:
        with self.lock:
            self.promised -= needed

    def refusal(self, needed: int) -> MemoryError:
        wants, has = f"it needs {needed / 2**20:,.0f} MiB", f"{self.budget / 2**20:,.0f} MiB"
        if needed > self.most:
            return MemoryError(
                f"{wants}, and of the {has} there are for all readers together one may take {self.most / 2**20:,.0f}: "
                "take a shorter text or a smaller model"
            )
        used = self.alive() + self.promised
        return MemoryError(
            f"{wants}, and readers' pages hold {used / 2**20:,.0f} of the {has} there are for all together: "
            "try again in a moment, or take a shorter text"
        )

    def _limit(self, needed: int) -> int:
        return self.budget if needed <= self.budget * SMALL else self.most

    def _until(self, needed: int, who: Hashable) -> bool:
        """Let go of kept things until so much fits: first what only this reader used, then the others', the oldest first."""
        while (over := self.alive() + self.promised + needed - self._limit(needed)) > 0:
            held = [one for one in self.kept.values() if one.made is not None]
            if not held:
                return False
            for one in sorted(held, key=lambda one: (one.followed.size <= TINY, not one.readers <= {who}, one.used)):
                one.made = None
                over -= one.followed.size
                if over <= 0:
                    break
        return True
