"""Rooms: a word lets readers in, a secret lets one of them lead. Nothing is on a disk, and every number has a limit.

A seat is all that a page keeps: a random key that nobody can guess. A desk's key leads the room, a member's key only follows and
votes, so what a follower sends can move nobody else. Safe for any number of threads, and of processes where the store is one that
they share: rooms are changed by one at a time. While the store cannot be reached, nothing can be opened or joined, what is asked of a
room finds none, and `find` and `heard` raise Away.
"""

import secrets
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from .store import Away, Memory, Store
from .votes import ANSWER, COUNTS, NOTHING, Vote

ROOMS = 20  # a server has at once
MEMBERS = 200  # a room has at once
TRIES = 10  # words a session may try in a minute
MINUTE = 60.0
BACK = 60.0  # seconds after which a desk that was left cannot be taken again
ALONE = 2 * 3600.0  # seconds without the teacher that end a room
HERE = 45.0  # seconds since a page last asked for news, for which its reader counts as here
GUESSERS = 5000  # sessions of whom it is known how many words they tried lately
LONGEST = 40  # characters of a word that are looked at
NOTED = 5.0  # seconds between two notes that a page is still here
ORDERS = 20  # steps that wait to be taken
KNOWN = 2  # times as many members as may be here are remembered, with their ballots
CONSONANTS, VOWELS, SYLLABLES = "bdklmnprstv", "aeiou", 3
BLUNT = ("rape", "kaka", "popo", "pipi", "titi", "puta", "puto", "pene", "tit", "sot", "lus", "pis", "dum")  # not on a wall
LATER = "The rooms cannot be reached at the moment. Try again in a little while: load this page anew."
UNKNOWN = "There is no such room. Look at the word again: it may be spelled otherwise, or the lesson is over."
TOO_MANY = f"That was {TRIES} words within a minute. Wait a minute, then try again."


class Refused(ValueError):
    """Something a room does not do; the message says why and what to do."""


class Unreached(Refused):
    """The store cannot be reached; asked again later it may."""


@dataclass(frozen=True)
class Place:
    """Where a lesson is. page: "" is the walk, else a lab's address. params: what is chosen there, as in an address."""

    page: str = ""
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Seat:
    """A page's place in a room: its word and a key. desk: it leads."""

    word: str
    key: str
    desk: bool = False


@dataclass
class Room:
    """One room. placed: counts the places it was at; number: counts what followers must know of; stir: what a desk must. touched:
    when the teacher last did something; heard: when a page with the desk's key last asked for news. here: member -> the same.
    who: session -> member. orders: steps asked for in the notes."""

    word: str
    key: str
    opened: float
    touched: float
    heard: float
    place: Place = Place()
    placed: int = 0
    number: int = 0
    stir: int = 0
    here: dict[str, float] = field(default_factory=dict)
    who: dict[Hashable, str] = field(default_factory=dict)
    vote: Vote | None = None
    votes: int = 0
    black: bool = False
    orders: deque[int] = field(default_factory=lambda: deque(maxlen=ORDERS))

    def present(self, now: float) -> int:
        """How many are here."""
        return sum(now - heard < HERE for heard in self.here.values())

    def news(self) -> None:
        """Followers have something new to show."""
        self.number += 1
        self.stirred()

    def stirred(self) -> None:
        """The desk has something new to show."""
        self.stir += 1


def _else(otherwise: Any):
    """What a method answers while the store cannot be reached: this, or a refusal that says so."""

    def mended(method):
        @wraps(method)
        def asked(self, *args, **more):
            try:
                return method(self, *args, **more)
            except Away as error:
                if otherwise is Refused:
                    raise Unreached(LATER) from error
                return otherwise

        return asked

    return mended


class Rooms:
    """All rooms of a server. store: where they are, in this process if None."""

    def __init__(self, clock: Callable[[], float] | None = None, store: Store | None = None):
        self.store = store or Memory()
        self.clock = clock or self.store.clock
        self.lock = threading.Lock()
        self.tried: dict[Hashable, deque[float]] = {}  # a session is of one process alone

    # the desk ---------------------------------------------------------------------------------------------------------

    @_else(Refused)
    def open(self, place: Place = Place()) -> Seat:
        """A new room, and the seat that leads it. Raises Refused when there are too many."""
        with self.store.changing() as rooms:
            now = self.clock()
            for room in [room for room in rooms.values() if now - room.touched > ALONE]:
                del rooms[room.word]
            if len(rooms) >= ROOMS:
                left = [room for room in rooms.values() if now - room.heard > BACK]
                if not left:
                    raise Refused(
                        f"There are {ROOMS} rooms open on this server, as many as it has. Close one, or try again later."
                    )
                del rooms[min(left, key=lambda room: room.heard).word]
            word = _word()
            while word in rooms:
                word = _word()
            rooms[word] = room = Room(word, _key(word), now, now, now, place, placed=1)
            return Seat(word, room.key, desk=True)

    @_else(Refused)
    def back(self, key: str) -> Seat:
        """The desk again, after its page was loaded anew or in a second window. Raises Refused when it was left too long ago."""
        with self._of(key) as (room, now):
            if room is None or room.key != key:
                raise Refused("The room is over.")
            if now - room.heard > BACK:
                raise Refused(f"The room was left for more than {BACK:.0f} seconds, and nobody can lead it any more.")
            room.touched = room.heard = now
            return Seat(room.word, key, desk=True)

    @_else(None)
    def close(self, seat: Seat) -> None:
        """The lesson is over."""
        with self.store.changing() as rooms:
            room = self._leads(self._get(rooms, _word_of(seat.key)), seat)
            if room:
                del rooms[room.word]

    @_else(None)
    def move(self, seat: Seat, place: Place) -> None:
        """The lesson is somewhere else now: what was asked is put away."""
        with self._leading(seat) as room:
            if room and place != room.place:
                room.place, room.placed, room.vote = place, room.placed + 1, None
                room.news()

    @_else(None)
    def darken(self, seat: Seat, black: bool) -> None:
        """The projector shows nothing, or again what it showed. Phones go on."""
        with self._leading(seat) as room:
            if room and room.black != black:
                room.black = black
                room.stirred()

    @_else(None)
    def order(self, seat: Seat, by: int) -> None:
        """From the notes: the projector is to go so many steps on."""
        with self._leading(seat) as room:
            if room:
                room.orders.append(by)
                room.stirred()

    @_else(0)
    def ordered(self, seat: Seat) -> int:
        """How many steps on the projector is asked to go; asked once."""
        with self._leading(seat) as room:
            if room is None:
                return 0
            by = sum(room.orders)
            room.orders.clear()
            return by

    @_else(None)
    def ask(self, seat: Seat, about: str, ask: str, choices: tuple[str, ...], **more) -> None:
        """Ask everybody something, see `Vote`."""
        with self._leading(seat) as room:
            if room:
                room.votes += 1
                room.vote = Vote(room.votes, about, ask, choices, **more)
                room.news()

    @_else(None)
    def reveal(self, seat: Seat, what: str) -> None:
        """Show more of the vote: the counts, then the answer. There is no way back but to ask again."""
        with self._leading(seat) as room:
            order = (NOTHING, COUNTS, ANSWER)
            if room and room.vote and what in order and order.index(what) > order.index(room.vote.revealed):
                room.vote.revealed = what
                room.news()

    @_else(None)
    def again(self, seat: Seat) -> None:
        """Ask the same once more."""
        with self._leading(seat) as room:
            if room and room.vote:
                room.vote.again()
                room.votes += 1
                room.vote.number = room.votes
                room.news()

    @_else(None)
    def done(self, seat: Seat) -> None:
        """Back from the question to the lesson."""
        with self._leading(seat) as room:
            if room and room.vote:
                room.vote = None
                room.news()

    @_else({})
    def peeked(self, seat: Seat) -> Mapping[int, int]:
        """Ballot -> how many, revealed or not: for the notes alone."""
        with self._leading(seat) as room:
            counts: dict[int, int] = {}
            for ballot in room.vote.ballots.values() if room and room.vote else ():
                counts[ballot] = counts.get(ballot, 0) + 1
            return counts

    @_else({})
    def named(self, seat: Seat) -> Mapping[int, str]:
        """What was voted for, in words: for the notes alone."""
        with self._leading(seat) as room:
            if room is None or room.vote is None:
                return {}
            vote = room.vote
            choices = dict(zip(vote.tokens or range(len(vote.choices)), vote.choices))
            return vote.words | choices

    # members ----------------------------------------------------------------------------------------------------------

    @_else(Refused)
    def join(self, word: str, who: Hashable) -> Seat:
        """A seat in the room of this word. who: the session that asks. Raises Refused when there is no such room, when the room is
        full, and when that session tried too many words."""
        wanted = "".join(filter(str.isalpha, word[:LONGEST])).casefold()
        with self.store.changing() as rooms:
            now, room = self.clock(), self._get(rooms, wanted)
            if room and (key := room.who.get(who)):
                room.here[key] = now
                return Seat(wanted, key)
            self._try(who, now)
            if room is None:
                raise Refused(UNKNOWN)
            if room.present(now) >= MEMBERS:
                raise Refused(f"{MEMBERS} are in this room, as many as it takes. Ask your teacher.")
            self._forget(room)
            key = _key(wanted)
            room.here[key] = now
            room.who[who] = key
            room.stirred()
            return Seat(wanted, key)

    @_else(None)
    def again_here(self, key: str, who: Hashable) -> Seat | None:
        """The seat a tab had before it was loaded anew, with its ballot; None where there is none any more."""
        with self._of(key) as (room, now):
            if room is None or key not in room.here:
                return None
            room.who = {one: kept for one, kept in room.who.items() if kept != key} | {who: key}
            room.here[key] = now
            return Seat(room.word, key)

    @_else(None)
    def leave(self, seat: Seat) -> None:
        """A member goes, and the ballot with it."""
        with self._of(seat.key) as (room, _):
            if room and seat.key in room.here:
                self._remove(room, seat.key)
                room.stirred()

    @_else(None)
    def cast(self, seat: Seat, number: int, ballot: object, word: str = "") -> None:
        """A member's ballot; the last one counts, until the counts are shown. word: what a free ballot says. What is no ballot of
        that vote changes nothing."""
        with self._of(seat.key) as (room, _):
            if room is None or seat.key not in room.here:
                return
            vote = room.vote
            if vote is None or vote.number != number or vote.revealed != NOTHING or not vote.takes(ballot):
                return
            fresh = seat.key not in vote.ballots
            vote.ballots[seat.key] = ballot
            if vote.free:
                kept = set(vote.ballots.values()) | {one for counts in vote.earlier for one in counts}
                vote.words = {one: said for one, said in (vote.words | {ballot: word}).items() if one in kept}
            if fresh:
                room.stirred()

    # everybody --------------------------------------------------------------------------------------------------------

    def find(self, seat: Seat) -> Room | None:
        """The room of a seat while both are there. What belongs to a vote is taken from `vote` instead. Raises Away."""
        with self.store.looking() as rooms:
            return self._seated(rooms, seat)

    @_else(None)
    def at(self, seat: Seat) -> Room | None:
        """The same, where a room that cannot be reached is none."""
        return self.find(seat)

    @_else(None)
    def vote(self, seat: Seat):
        """What this seat may see of the vote, None where nothing is asked."""
        with self.store.looking() as rooms:
            room = self._seated(rooms, seat)
            return room.vote.seen("" if seat.desk else seat.key) if room and room.vote else None

    @_else(0)
    def count(self, seat: Seat) -> int:
        """How many are here."""
        with self.store.looking() as rooms:
            room = self._seated(rooms, seat)
            return room.present(self.clock()) if room else 0

    def heard(self, key: str) -> int | None:
        """A page asks for news: the number of the newest, None for a key that is none (any more). Raises Away."""
        with self.store.looking() as rooms:
            room, now = self._get(rooms, _word_of(key)), self.clock()
            leads = room is not None and key == room.key
            last = None if room is None else room.heard if leads else room.here.get(key)
            if last is None:
                return None
            if now - last < NOTED:
                return room.stir if leads else room.number
        with self._of(key) as (room, now):
            if room is None:
                return None
            if key == room.key:
                room.heard = now
                return room.stir
            if key not in room.here:
                return None
            if now - room.here[key] >= HERE:
                room.stirred()  # here again
            room.here[key] = now
            return room.number

    def listen(self, key: str, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` whenever that key's room has news or ends; returns what ends it."""
        return self.store.listen(_word_of(key), wake)

    # what a store has -------------------------------------------------------------------------------------------------

    def _get(self, rooms: Mapping[str, Room], word: str) -> Room | None:
        """A room, unless its teacher has been away for too long."""
        room = rooms.get(word)
        return room if room and self.clock() - room.touched <= ALONE else None

    def _seated(self, rooms: Mapping[str, Room], seat: Seat) -> Room | None:
        room = self._get(rooms, _word_of(seat.key))
        return room if room and (room.key == seat.key if seat.desk else seat.key in room.here) else None

    @contextmanager
    def _of(self, key: str) -> Iterator[tuple[Room | None, float]]:
        """The room a key was made for, to change it, and what time it is."""
        with self.store.changing() as rooms:
            yield self._get(rooms, _word_of(key)), self.clock()

    @contextmanager
    def _leading(self, seat: Seat) -> Iterator[Room | None]:
        """The room this seat leads, None where it leads none."""
        with self._of(seat.key) as (room, now):
            room = self._leads(room, seat)
            if room:
                room.touched = now
            yield room

    def _leads(self, room: Room | None, seat: Seat) -> Room | None:
        return room if room and seat.desk and room.key == seat.key else None

    def _remove(self, room: Room, key: str) -> None:
        del room.here[key]
        room.who = {one: kept for one, kept in room.who.items() if kept != key}
        if room.vote:
            room.vote.ballots.pop(key, None)

    def _forget(self, room: Room) -> None:
        """Members who are long gone make room for new ones."""
        while len(room.here) >= KNOWN * MEMBERS:
            self._remove(room, min(room.here, key=room.here.get))

    def _try(self, who: Hashable, now: float) -> None:
        """Count a word that a session tries. Raises Refused when it tried enough."""
        with self.lock:
            if len(self.tried) >= GUESSERS and who not in self.tried:
                self.tried = {one: times for one, times in self.tried.items() if now - times[-1] < MINUTE}
                if len(self.tried) >= GUESSERS:
                    raise Refused(TOO_MANY)
            times = self.tried.setdefault(who, deque(maxlen=TRIES))
            if len(times) == TRIES and now - times[0] < MINUTE:
                raise Refused(TOO_MANY)
            times.append(now)


def _key(word: str) -> str:
    """A seat's key in the room of a word: it says which room, and nobody can guess it."""
    return f"{word}-{secrets.token_urlsafe(18)}"


def _word_of(key: str) -> str:
    return key.partition("-")[0]


def _word() -> str:
    """A word that can be said and written, and hardly guessed: one of some 1.8 million."""
    while True:
        letters = [secrets.choice(one) for one in (CONSONANTS, VOWELS) * SYLLABLES + (CONSONANTS,)]
        word = "".join(letters)
        if not any(one in word for one in BLUNT):
            return word
