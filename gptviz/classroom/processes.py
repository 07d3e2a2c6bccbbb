"""Rooms that several processes share, in Redis: a room is one value, and who changes one has the lock of all.

A room that nobody changes any more is gone from Redis after a while, and so is everything else that is written here. What the lock
guards is kept only by one who still has it, so a process that was held up meanwhile cannot undo another's change.
"""

import json
import logging
import secrets
import threading
import time
from array import array
from collections import OrderedDict, deque
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from hashlib import sha256

from .rooms import ALONE, ORDERS, ROOMS, Place, Room
from .store import Away, Ears, Wake
from .votes import Vote

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ImportError:  # the extra `redis` is not installed, and nobody needs it
    redis = None

LOG = logging.getLogger(__name__)
PREFIX = "gptviz:"
WORDS, LOCK, NEWS = f"{PREFIX}words", f"{PREFIX}lock", f"{PREFIX}news"
ROOM, CHANCES = f"{PREFIX}room:", f"{PREFIX}chances:"
KEPT = int(ALONE) + 3600  # seconds after its last change for which a value is kept
ANSWERS = 1.0  # seconds for which an answer of Redis is waited for
HELD = 5000  # milliseconds after which the lock of a process that died is free
TURN = 3.0  # seconds for which the lock is waited for
POLL = 0.002  # seconds between two tries for it
AGAIN = 2.0  # seconds after a failure for which Redis is left alone
GONE = (
    "The rooms cannot be reached at the moment. You can go on by yourself: what the lesson does now is not seen here, and nothing "
    "that is sent to the room counts. This page joins again by itself."
)


class Shared:
    """The rooms in the Redis of an address. Raises ValueError for an address that is none, and where redis-py is not installed."""

    clock = staticmethod(time.time)

    def __init__(self, address: str):
        if redis is None:
            raise ValueError("GPTVIZ_REDIS needs redis-py: pip install 'gptviz[redis]', or pip install redis")
        try:
            self.redis = redis.Redis.from_url(
                address,
                socket_timeout=ANSWERS,
                socket_connect_timeout=ANSWERS,
                health_check_interval=10,
                retry=Retry(NoBackoff(), 1),  # a connection from before Redis was started again
            )
        except ValueError as error:
            raise ValueError(f"GPTVIZ_REDIS is no address of a Redis such as redis://127.0.0.1:6379/0: {error}") from error
        place = self.redis.connection_pool.connection_kwargs
        where = place.get("path") or f"{place.get('host', 'localhost')}:{place.get('port', 6379)}"
        self.said = f"in the Redis at {where}, for all processes that name it"
        self.mine = threading.Lock()  # the threads of this process wait here, and one of them for the others
        self.ears = Ears()
        self.chances: OrderedDict[str, array] = OrderedDict()
        self.failed: float | None = None
        self.hearing: threading.Thread | None = None

    @contextmanager
    def looking(self) -> Iterator["Found"]:
        with self._reached():
            yield Found(self)

    @contextmanager
    def changing(self) -> Iterator["Found"]:
        with self.mine, self._reached():
            token = self._locked()
            found = Found(self)
            try:
                yield found
            except redis.RedisError:
                raise  # nothing is kept, and the lock ends by itself
            except BaseException:  # a refusal: what was changed before it counts
                self._keep(found, token)
                raise
            self._keep(found, token)

    def listen(self, word: str, wake: Wake):
        stop = self.ears.listen(word, wake)
        with self.ears.lock:
            if self.hearing is None:
                self.hearing = threading.Thread(target=self._hear, name="gptviz-rooms", daemon=True)
                self.hearing.start()
        return stop

    # Redis ------------------------------------------------------------------------------------------------------------

    @contextmanager
    def _reached(self) -> Iterator[None]:
        if self.failed is not None and time.monotonic() - self.failed < AGAIN:
            raise Away(GONE)
        try:
            yield
        except redis.RedisError as error:
            if self.failed is None:
                LOG.warning("The rooms in Redis cannot be reached: %s", error)
            self.failed = time.monotonic()
            raise Away(GONE) from error
        if self.failed is not None:
            self.failed = None
            LOG.warning("The rooms in Redis can be reached again.")

    def _locked(self) -> str:
        token, until = secrets.token_hex(16), time.monotonic() + TURN
        while not self.redis.set(LOCK, token, nx=True, px=HELD):
            if time.monotonic() > until:
                raise redis.TimeoutError(f"another process has kept the rooms for {TURN:.0f} seconds")
            time.sleep(POLL)
        return token

    def _keep(self, found: "Found", token: str) -> None:
        """Write what was changed, tell it, and give the lock back: all of it or nothing."""
        with self.redis.pipeline() as line:
            line.watch(LOCK)
            if line.get(LOCK) != token.encode():
                raise redis.TimeoutError("the lock of the rooms was lost")
            line.multi()
            for word, before in found.texts.items():
                room = found.rooms.get(word)
                if room is None:
                    line.srem(WORDS, word)
                    if before is not None:
                        line.delete(ROOM + word)
                        line.publish(NEWS, word)
                elif (text := self._written(room, line)) != before:
                    line.set(ROOM + word, text, ex=KEPT)
                    line.sadd(WORDS, word)
                    line.expire(WORDS, KEPT)
                    if room.stir != found.stirs.get(word):
                        line.publish(NEWS, word)
            line.delete(LOCK)
            line.execute()

    def _hear(self) -> None:
        """For as long as the process lives: wake those of it who listen. After a gap, in which news may have been lost, wakes all."""
        while True:
            try:
                with self.redis.pubsub(ignore_subscribe_messages=True) as line:
                    line.subscribe(NEWS)
                    self.ears.wake(None)
                    while True:
                        if message := line.get_message(timeout=ANSWERS):
                            self.ears.wake(message["data"].decode())
            except redis.RedisError:  # said where somebody asks for a room
                time.sleep(AGAIN)

    # a room as text ---------------------------------------------------------------------------------------------------

    def _written(self, room: Room, line) -> bytes:
        """A room as it is kept. The model's chances, 50,257 of them, are a value of their own that never changes."""
        kept = vars(room) | {"place": [room.place.page, room.place.params], "who": list(room.who.items())}
        kept["orders"] = list(room.orders)
        if vote := room.vote:
            kept["vote"] = vars(vote) | {
                "earlier": [list(counts.items()) for counts in vote.earlier],
                "words": list(vote.words.items()),
                "chances": self._chances_kept(vote.chances, line),
            }
        return json.dumps(kept).encode()

    def read(self, text: bytes) -> Room:
        kept = json.loads(text)
        page, params = kept["place"]
        kept["place"] = Place(page, tuple((name, value) for name, value in params))
        kept["who"] = {who: key for who, key in kept["who"]}
        kept["orders"] = deque(kept["orders"], maxlen=ORDERS)
        if vote := kept["vote"]:
            vote["choices"], vote["tokens"] = tuple(vote["choices"]), tuple(vote["tokens"])
            vote["earlier"] = [dict(counts) for counts in vote["earlier"]]
            vote["words"] = dict(vote["words"])
            vote["chances"] = self._chances_of(vote["chances"])
            kept["vote"] = Vote(**vote)
        return Room(**kept)

    def _chances_kept(self, chances, line) -> str:
        if not len(chances):
            return ""
        name = next((name for name, one in list(self.chances.items()) if one is chances), None)
        if name is None:
            content = array("f", chances).tobytes()
            name = sha256(content).hexdigest()
            line.set(CHANCES + name, content, ex=KEPT)
            self._remember(name, chances)
        line.expire(CHANCES + name, KEPT)
        return name

    def _chances_of(self, name: str):
        if not name:
            return ()
        if (known := self.chances.get(name)) is not None:
            return known
        content = self.redis.get(CHANCES + name)
        if content is None:
            raise redis.DataError("a room's chances are gone")
        found = array("f", content)
        self._remember(name, found)
        return found

    def _remember(self, name: str, chances) -> None:
        self.chances = OrderedDict([*list(self.chances.items())[1 - ROOMS :], (name, chances)])


class Found(MutableMapping[str, Room]):
    """The rooms as somebody finds them: each is fetched when it is first asked for."""

    def __init__(self, store: Shared):
        self.store = store
        self.texts: dict[str, bytes | None] = {}  # as they were fetched
        self.stirs: dict[str, int] = {}
        self.rooms: dict[str, Room] = {}

    def __getitem__(self, word: str) -> Room:
        if word not in self.texts:
            text = self.texts[word] = self.store.redis.get(ROOM + word)
            if text is not None:
                self.rooms[word] = self.store.read(text)
                self.stirs[word] = self.rooms[word].stir
        return self.rooms[word]

    def __setitem__(self, word: str, room: Room) -> None:
        self.get(word)
        self.rooms[word] = room

    def __delitem__(self, word: str) -> None:
        self.get(word)
        del self.rooms[word]

    def __iter__(self) -> Iterator[str]:
        return iter([word for word in map(bytes.decode, self.store.redis.smembers(WORDS)) if word in self])

    def __len__(self) -> int:
        return len(list(iter(self)))
