"""Rooms, their words and secrets, votes and limits: without a page."""

import math
import subprocess
import threading
import time
from array import array

import pytest

from conftest import free_port, program
from gptviz.classroom import Away, Place, Refused, Rooms, Seat, Shared, Unreached, processes, rooms, votes


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["one process", "redis"])
def all_rooms(clock, request):
    """Rooms in this process, and rooms in a Redis."""
    if request.param == "one process":
        return Rooms(clock)
    return Rooms(clock, emptied(request.getfixturevalue("redis_server")))


def emptied(address: str) -> Shared:
    store = Shared(address)
    store.redis.flushall()
    return store


SOFTMAX = Place("", (("stage", "softmax"),))
GELU = Place("", (("stage", "gelu"),))


def test_a_word_lets_in_and_only_the_desk_leads(all_rooms):
    desk = all_rooms.open(SOFTMAX)
    assert len(desk.word) >= 4 and desk.word.isalpha()
    pupil = all_rooms.join(f"  {desk.word.upper()} ", "phone")
    assert all_rooms.at(pupil).place == SOFTMAX and all_rooms.count(desk) == 1
    all_rooms.move(desk, GELU)
    assert all_rooms.at(pupil).place == GELU
    before = all_rooms.at(desk).number
    for forged in (
        pupil,
        Seat(desk.word, pupil.key, desk=True),
        Seat(desk.word, "", desk=True),
        Seat(desk.word, desk.word, desk=True),
    ):
        all_rooms.move(forged, SOFTMAX)
        all_rooms.ask(forged, "x", "?", ("a", "b"), answer=0)
        all_rooms.reveal(forged, votes.ANSWER)
        all_rooms.darken(forged, True)
        all_rooms.order(forged, 1)
        all_rooms.close(forged)
        assert all_rooms.peeked(forged) == {} and all_rooms.ordered(forged) == 0
    room = all_rooms.at(desk)
    assert room.number == before and room.place == GELU and room.vote is None and not room.orders and not room.black


def test_rooms_never_meet(all_rooms):
    one, two = all_rooms.open(SOFTMAX), all_rooms.open(GELU)
    here, there = all_rooms.join(one.word, "a"), all_rooms.join(two.word, "b")
    all_rooms.ask(one, "q", "?", ("a", "b"), answer=1)
    number = all_rooms.vote(one).number
    all_rooms.cast(there, number, 0)
    all_rooms.cast(Seat(one.word, there.key), number, 0)  # somebody else's word with one's own key
    assert all_rooms.vote(there) is None and all_rooms.vote(one).voted == 0
    all_rooms.cast(here, number, 1)
    assert all_rooms.peeked(one) == {1: 1} and all_rooms.peeked(two) == {}


def test_nothing_of_a_vote_is_seen_before_it_is_revealed(all_rooms):
    desk = all_rooms.open()
    pupils = [all_rooms.join(desk.word, n) for n in range(3)]
    all_rooms.ask(desk, "q", "Which?", ("a", "b", "c"), answer=2, why="because")
    number = all_rooms.vote(desk).number
    for pupil, ballot in zip(pupils, (0, 0, 2)):
        all_rooms.cast(pupil, number, 1)
        all_rooms.cast(pupil, number, ballot)  # the last one counts
    for bad in (3, -1, "0", None, True, 1.0):
        all_rooms.cast(pupils[0], number, bad)
    all_rooms.cast(pupils[0], number - 1, 1)
    for seat, mine in ((desk, None), (pupils[2], 2)):
        seen = all_rooms.vote(seat)
        assert (seen.voted, seen.mine, seen.rounds, seen.answer, seen.why) == (3, mine, (), None, "")
    all_rooms.reveal(desk, votes.COUNTS)
    seen = all_rooms.vote(pupils[1])
    assert seen.rounds == ({0: 2, 2: 1},) and seen.answer is None and seen.why == ""
    all_rooms.cast(pupils[0], number, 2)  # too late
    all_rooms.reveal(desk, votes.ANSWER)
    all_rooms.reveal(desk, votes.COUNTS)  # there is no way back
    assert all_rooms.vote(desk).rounds == ({0: 2, 2: 1},) and all_rooms.vote(desk).answer == 2
    all_rooms.again(desk)
    seen = all_rooms.vote(desk)
    assert (seen.rounds, seen.answer, seen.voted, seen.round) == ((), None, 0, 2) and seen.number != number
    all_rooms.cast(pupils[0], seen.number, 2)
    all_rooms.reveal(desk, votes.COUNTS)
    assert all_rooms.vote(desk).rounds == ({0: 2, 2: 1}, {2: 1})


def test_what_is_sent_before_the_counts_is_the_same_whatever_is_right_and_whoever_voted_what(all_rooms):
    sent = []
    for answer, why, others in ((0, "because", (0, 1)), (2, "for that", (2, 2))):
        desk = all_rooms.open()
        mine, *rest = [all_rooms.join(desk.word, n) for n in range(3)]
        all_rooms.ask(desk, "q", "Which?", ("a", "b", "c"), answer=answer, why=why)
        for seat, ballot in zip((mine, *rest), (1, *others)):
            all_rooms.cast(seat, all_rooms.vote(desk).number, ballot)
        sent.append((all_rooms.vote(mine), all_rooms.vote(desk)))
    assert sent[0] == sent[1]


def test_a_class_as_a_language_model(all_rooms):
    desk = all_rooms.open()
    pupils = [all_rooms.join(desk.word, n) for n in range(4)]
    chances = (0.5, 0.25, 0.125, 0.125)
    all_rooms.ask(desk, "n", "What comes next?", (" to", " in"), tokens=(2, 0), chances=chances, own=votes.entropy(chances))
    number = all_rooms.vote(desk).number
    for pupil, token in zip(pupils, (0, 0, 2, 3)):
        all_rooms.cast(pupil, number, token, "·free")
    all_rooms.cast(pupils[0], number, 4)  # no token of this model
    assert all_rooms.vote(desk).chances == {} and all_rooms.vote(pupils[3]).name(3) == "·free"
    assert all_rooms.vote(pupils[0]).words == {0: "·free"}
    all_rooms.reveal(desk, votes.COUNTS)
    seen = all_rooms.vote(desk)
    shares = seen.shares()
    assert list(shares.items()) == [(0, 0.5), (2, 0.25), (3, 0.25)] and seen.name(0) == " in"
    assert votes.entropy(list(shares.values())) == pytest.approx(1.5 * math.log(2))
    assert votes.cross_entropy(shares, seen.chances) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(8))
    assert votes.cross_entropy({0: 1.0}, {0: 0.0}) == math.inf


def test_guessing_is_bounded_and_an_ended_room_is_like_none(all_rooms, clock):
    desk = all_rooms.open()
    gone = all_rooms.open()
    all_rooms.close(gone)
    said = set()
    for word in (gone.word, "nothing"):
        with pytest.raises(Refused) as refused:
            all_rooms.join(word, f"honest {word}")
        said.add(str(refused.value))
    assert len(said) == 1
    inside = refusals = 0
    for n in range(2000):
        right = n >= 200  # every one of the 20 has tried ten wrong words by then
        try:
            all_rooms.join(desk.word if right else f"word{n}", n % 20)
            inside += 1
        except Refused as error:
            refusals += str(error) == rooms.TOO_MANY
    assert inside == 0 and refusals == 1800
    clock.now += rooms.MINUTE
    assert all_rooms.join(desk.word, 0)


def test_limits_are_told(all_rooms, clock, monkeypatch):
    monkeypatch.setattr(rooms, "MEMBERS", 3)
    desks = [all_rooms.open() for _ in range(rooms.ROOMS)]
    with pytest.raises(Refused, match="20 rooms"):
        all_rooms.open()
    for n in range(3):
        all_rooms.join(desks[0].word, n)
    with pytest.raises(Refused, match="3 are in this room"):
        all_rooms.join(desks[0].word, 3)
    assert all_rooms.join(desks[0].word, 0)  # who is in already is no news
    clock.now += rooms.HERE
    assert all_rooms.count(desks[0]) == 0
    for n in range(100, 200):  # who went makes room for others, and is forgotten at last
        clock.now += rooms.HERE
        all_rooms.join(desks[0].word, n)
    assert len(all_rooms.at(desks[0]).here) <= 6 and len(all_rooms.at(desks[0]).who) <= 6


def test_a_desk_comes_back_within_a_minute_and_a_room_ends_after_two_hours(all_rooms, clock):
    desk = all_rooms.open()
    pupil = all_rooms.join(desk.word, "p")
    clock.now += 50
    assert all_rooms.back(desk.key) == desk
    for wrong in (pupil.key, "", desk.word):
        with pytest.raises(Refused, match="over"):
            all_rooms.back(wrong)
    clock.now += rooms.BACK + 1
    with pytest.raises(Refused, match="60 seconds"):
        all_rooms.back(desk.key)
    assert all_rooms.at(desk)  # the page itself may still be there, behind a lost connection
    clock.now += rooms.ALONE
    assert (
        all_rooms.at(desk) is None
        and all_rooms.at(pupil) is None
        and all_rooms.heard(desk.key) is None
        and all_rooms.heard(pupil.key) is None
    )
    other = all_rooms.open()
    with all_rooms.store.looking() as left:
        assert list(left) == [other.word]


def test_a_left_room_makes_place_for_another(all_rooms, clock):
    first = all_rooms.open()
    others = [all_rooms.open() for _ in range(rooms.ROOMS - 1)]
    clock.now += rooms.BACK + 1
    for one in others:
        all_rooms.heard(one.key)
    all_rooms.open()
    assert all_rooms.at(first) is None and all(map(all_rooms.at, others))


def test_a_tab_that_is_loaded_again_has_its_ballot(all_rooms):
    desk = all_rooms.open()
    pupil = all_rooms.join(desk.word, "before")
    all_rooms.ask(desk, "q", "?", ("a", "b"), answer=0)
    all_rooms.cast(pupil, all_rooms.vote(desk).number, 1)
    assert all_rooms.again_here(pupil.key, "after") == pupil and all_rooms.again_here(desk.key, "after") is None
    assert all_rooms.vote(pupil).mine == 1 and all_rooms.count(desk) == 1
    all_rooms.leave(pupil)
    assert all_rooms.vote(desk).voted == 0 and all_rooms.at(pupil) is None


def test_many_threads_in_many_rooms(all_rooms):
    desks = [all_rooms.open(Place("", (("stage", str(n)),))) for n in range(8)]
    wrong, woken = [], []
    stops = [all_rooms.listen(desk.key, lambda: woken.append(1)) for desk in desks]

    def reader(n: int):
        desk = desks[n % 8]
        seat = all_rooms.join(desk.word, n)
        for turn in range(30):
            all_rooms.heard(seat.key)
            vote = all_rooms.vote(seat)
            if vote:
                all_rooms.cast(seat, vote.number, turn % 2)
                if vote.ask != desk.word:
                    wrong.append(vote)
            if dict(all_rooms.at(seat).place.params)["stage"].split("-")[0] != str(n % 8):
                wrong.append(seat)

    def leads(n: int):
        for turn in range(30):
            all_rooms.move(desks[n], Place("", (("stage", f"{n}-{turn}"),)))
            all_rooms.ask(desks[n], "q", desks[n].word, ("a", "b"), answer=0)

    threads = [threading.Thread(target=reader, args=(n,)) for n in range(80)]
    threads += [threading.Thread(target=leads, args=(n,)) for n in range(8)]
    [one.start() for one in threads]
    [one.join() for one in threads]
    [stop() for stop in stops]
    assert not wrong and woken and all(all_rooms.count(desk) == 10 for desk in desks)
    assert not all_rooms.store.ears.wakes


def test_keys_are_no_words_and_words_differ(all_rooms):
    desks = [all_rooms.open() for _ in range(rooms.ROOMS)]
    seen = {desk.word for desk in desks}
    assert len(seen) == rooms.ROOMS and not any(blunt in word for word in seen for blunt in rooms.BLUNT)
    secrets = {desk.key.removeprefix(f"{desk.word}-") for desk in desks}
    assert len(secrets) == rooms.ROOMS and all(len(secret) >= 20 for secret in secrets)


# several processes, and a Redis that goes ----------------------------------------------------------------------------------


def test_two_processes_have_the_same_rooms(redis_server):
    one, two = Rooms(store=emptied(redis_server)), Rooms(store=Shared(redis_server))
    desk = one.open(SOFTMAX)
    pupil = two.join(desk.word, "phone")
    assert two.find(pupil).place == SOFTMAX and one.count(desk) == 1
    told = threading.Event()
    stop = two.listen(pupil.key, told.set)
    assert told.wait(5)  # it hears from now on
    told.clear()
    chances = array("f", [0.5, 0.25, 0.125, 0.125])
    one.ask(desk, "n", "What comes next?", (" to", " in"), tokens=(2, 0), chances=chances, own=votes.entropy(chances))
    assert told.wait(5), "what one process changes wakes who waits at the other"
    number = two.vote(pupil).number
    two.cast(pupil, number, 3, "·free")
    assert one.peeked(desk) == {3: 1} and one.named(desk)[3] == "·free"
    one.reveal(desk, votes.COUNTS)
    assert two.vote(pupil).rounds == ({3: 1},) and two.vote(pupil).chances == {3: 0.125}
    assert two.back(desk.key) == desk  # the desk's process has died
    two.order(desk, 2)
    assert one.ordered(desk) == 2
    two.close(desk)
    assert one.find(desk) is None and one.heard(pupil.key) is None
    stop()
    left = one.store.redis.keys()
    assert not [key for key in left if key.startswith(b"gptviz:room:")] and all(one.store.redis.ttl(key) > 0 for key in left)


def test_two_processes_at_once_lose_nothing(redis_server):
    several = [Rooms(store=emptied(redis_server)), Rooms(store=Shared(redis_server))]
    desk = several[0].open()
    several[0].ask(desk, "q", "?", ("a", "b"), answer=0)

    def reader(n: int):
        mine = several[n % 2]
        mine.cast(mine.join(desk.word, n), 1, n % 2)

    threads = [threading.Thread(target=reader, args=(n,)) for n in range(40)]
    [one.start() for one in threads]
    [one.join() for one in threads]
    assert several[1].peeked(desk) == {0: 20, 1: 20}


def test_what_a_dead_process_held_is_free_again_and_what_it_would_still_write_is_not_kept(redis_server, monkeypatch):
    monkeypatch.setattr(processes, "HELD", 100)
    one, two = Rooms(store=emptied(redis_server)), Rooms(store=Shared(redis_server))
    desk = one.open()
    with pytest.raises(Away), one.store.changing() as found:
        found[desk.word].black = True
        time.sleep(0.15)
        two.move(desk, GELU)
    assert two.find(desk).place == GELU and not two.find(desk).black


def test_a_redis_that_goes_is_told_and_found_again(redis_server, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "AGAIN", 0.05)
    port = free_port()

    def started():
        command = [program("redis-server"), "--port", str(port), "--save", "", "--dir", str(tmp_path)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def soon(ask):
        until = time.monotonic() + 10
        while True:
            try:
                return ask()
            except (Away, Refused):
                assert time.monotonic() < until
                time.sleep(0.02)

    server = started()
    try:
        all_rooms = Rooms(store=Shared(f"redis://127.0.0.1:{port}/0"))
        desk = soon(all_rooms.open)
        pupil = all_rooms.join(desk.word, "phone")
        server.kill()
        server.wait()
        with pytest.raises(Away, match="cannot be reached"):
            all_rooms.find(desk)
        with pytest.raises(Away):
            all_rooms.heard(pupil.key)
        for refused in (all_rooms.open, lambda: all_rooms.join(desk.word, "b"), lambda: all_rooms.back(desk.key)):
            with pytest.raises(Unreached, match="Try again"):
                refused()
        all_rooms.move(desk, GELU)
        all_rooms.cast(pupil, 1, 0)
        assert (all_rooms.at(desk), all_rooms.vote(desk), all_rooms.count(desk), all_rooms.peeked(desk)) == (None, None, 0, {})
        server = started()
        assert soon(lambda: all_rooms.find(desk)) is None, "nothing was on a disk"
        assert soon(all_rooms.open)
    finally:
        server.kill()
        server.wait()


def test_an_address_that_is_none_is_refused_and_says_what_was_expected(redis_server):
    with pytest.raises(ValueError, match="redis://127.0.0.1:6379"):
        Shared("localhost:6379")
