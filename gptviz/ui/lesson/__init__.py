"""A lesson in a room, as a page shows it: the desk that leads, readers who follow, and the question that stands before everybody.

A follower's page takes the place of the lesson as it takes a link, so whatever a link can say is followed. What a page holds of a
room is the visit's own seat; numbers of a vote come out of the rooms only once they are revealed.
"""

from array import array
from collections.abc import Callable, Mapping
from pathlib import Path
from random import SystemRandom

import streamlit as st

from ... import tokenizer, verbatim
from ...classroom import Away, Place, Refused, Unreached, votes
from ...sampling import softmax, top
from ...stages import Question
from ...verbatim import Html
from ...words import percent
from .. import address, incoming, seats, state
from ..seats import ROOMS
from . import joining, news

_here = Path(__file__).parent
CSS = (_here / "lesson.css").read_text(encoding="utf-8")
_component = st.components.v2.component(
    "gptviz_lesson", html="<span hidden></span>", js=(_here / "lesson.js").read_text(encoding="utf-8")
)
OFFERED = 20  # tokens to pick from when a class says what comes next
NOTES = "Notes"  # the page that only a desk can read
NEXT = "What comes next?"
LETTERS = "ABCDEFGHIJ"

FOLLOWING = """
@media (max-width: 640px) {
  [data-testid=stLayoutWrapper]:has(> .st-key-top), .st-key-pipeline, [data-testid=stBottom] {
    position: absolute; left: -200vw; width: 90vw; visibility: hidden;
  }
}
"""
"""A small screen that follows has room for the picture alone. Controls that are not drawn at all take the first of what they offer."""

Go = Callable[[str, Mapping[str, str]], None]
"""Goes to a page ("" is the walk) with these parameters, and ends the run."""


# coming and going -----------------------------------------------------------------------------------------------------


def arrive(page: str, go: Go) -> None:
    """Before a page is drawn: take a seat that the address or the tab has, and go where the lesson is."""
    kept = st.session_state
    kept["page"], kept["lesson-away"] = page, ""
    _join()
    _take_back()
    seat = seats.mine()
    try:
        room = ROOMS.find(seat) if seat else None
    except Away as error:
        kept["lesson-away"] = str(error)
        return
    if seat and room is None:
        _stand_up("The lesson is over. You can go on by yourself.")
        return
    if room is None:
        return
    kept["lesson-number"], kept["lesson-dark"] = room.number, room.black
    if seat.desk and page != NOTES:
        _steps(page, ROOMS.ordered(seat), go)
    elif not seat.desk and kept["following"]:
        if room.placed != kept["followed"]:
            kept["followed"] = room.placed
            _follow(room.place, page, go)
        elif page != room.place.page:
            seats.let_go()


def _follow(place: Place, page: str, go: Go) -> None:
    params = dict(place.params)
    written, _ = state.carried(params)
    if place.page:
        st.session_state[f"lab-{place.page}"] = state.own(params)
    state.lead(written)  # even where this visit has been there before
    if place.page != page:
        go(place.page, written)


def _steps(page: str, by: int, go: Go) -> None:
    """What the notes' window asked for: some steps on."""
    if not by or "choice" not in st.session_state:
        return
    if (choice := state.chosen()).lesson:
        st.session_state["guide-to"] = (choice.lesson, choice.stop + by)
        return
    state.step(by)
    if page:
        go("", state.carried(state.to_url(state.chosen()))[0])


def _join() -> None:
    """Take a seat in the room that the address names, once for each word."""
    kept = st.session_state
    word = st.query_params.get("join", "")
    if not word or word == kept.get("join-tried") or seats.leads():
        return
    kept["join-tried"] = word
    join(word)


def join(word: str) -> None:
    """Take a seat in the room of a word, or say why not."""
    kept = st.session_state
    try:
        seat = ROOMS.join(word, seats.who())
    except Refused as error:
        kept["lesson-note"] = str(error)
        return
    kept.update(
        {"seat": seat, "following": True, "followed": 0, "lesson-note": "", "join-tried": seat.word, "member-wanted": True}
    )
    address.along({"join": seat.word})


def _take_back() -> None:
    """A page that was loaded anew asks its tab for the key it had."""
    kept = st.session_state
    if "desk" in st.query_params and not seats.mine() and not kept.get("desk-asked"):
        kept["desk-asked"] = True
        kept["desk-wanted"] = True


def open_room() -> None:
    """The reader opens a room and leads it from here."""
    try:
        seat = ROOMS.open()
    except Refused as error:
        st.session_state["lesson-note"] = str(error)
        return
    st.session_state.update({"seat": seat, "lesson-note": "", "lesson-large": True})
    address.along({"desk": "1"})


def _close() -> None:
    seat = seats.mine()
    if seat is None:
        return
    if seat.desk:
        ROOMS.close(seat)
    else:
        ROOMS.leave(seat)
    _stand_up("")


def _stand_up(note: str) -> None:
    kept = st.session_state
    seat = kept.pop("seat", None)
    kept["lesson-note"] = note
    kept["lesson-forget"] = "desk" if seat and seat.desk else "member"
    kept["lesson-large"], kept["following"] = False, False
    address.along({})


def _let_go() -> None:
    seats.let_go()


def _return() -> None:
    st.session_state.update({"following": True, "followed": 0})


# the line of a room ---------------------------------------------------------------------------------------------------


def strip() -> None:
    """Above every page: what a reader in a room, or one who could not get in, has to know. The desk's own page has `desk`."""
    kept, seat = st.session_state, seats.mine()
    wanted, forget, note = kept.pop("desk-wanted", False), kept.pop("lesson-forget", ""), kept.get("lesson-note", "")
    if wanted or forget:
        _listen(None, wanted="desk" if wanted else "", forget=forget)
    if kept.get("lesson-away"):
        st.warning(verbatim.markdown(kept["lesson-away"]), icon=":material/info:")
        _listen(-1)
        return
    if note:
        left, right = st.columns([6, 1], vertical_alignment="center")
        left.warning(verbatim.markdown(note), icon=":material/info:")
        right.button("All right", key="lesson-read", width="stretch", on_click=kept.update, args=({"lesson-note": ""},))
    room = ROOMS.at(seat) if seat else None
    if room and seat.desk and room.black and kept["page"] != NOTES:
        st.html("<div class='black'>&nbsp;</div>")
    if seat is None or seat.desk:
        return
    if kept["following"]:
        st.html(f"<style>{FOLLOWING}</style>")
    with st.container(key="lesson", horizontal=True, vertical_alignment="center", gap="small"):
        said = f"Room <b>{verbatim.html(seat.word)}</b>: " + (
            "your page follows the lesson." if kept["following"] else "you look around by yourself."
        )
        st.html(f"<p class='lesson'>{said}</p>", width="stretch")
        if kept["following"]:
            st.button("Look around", key="let-go", on_click=_let_go)
        else:
            st.button("Back to the lesson", key="return", type="primary", on_click=_return)
        st.button("Leave", key="leave-room", type="tertiary", on_click=_close)
        _listen(kept["lesson-number"] if room else -1, wanted="member" if kept.pop("member-wanted", False) else "")


def _listen(after: int | None, *, wanted: str = "", forget: str = "", calm: bool = False) -> None:
    """The small element that waits for news and remembers the key. after: the news this page shows, None while it has no seat."""
    seat = st.session_state.get("seat") if after is not None else None
    kind = ("desk" if seat.desk else "member") if seat else ""
    _component(
        key="lesson-news",
        data={
            "url": news.path(),
            "key": seat.key if seat else "",
            "after": after,
            "calm": calm,
            "keep": kind,
            "forget": forget,
            "wanted": wanted,
        },
        on_news_change=_told,
        on_found_change=_found,
    )


def _told() -> None:
    """Nothing to do: the run that this starts looks for itself."""


def _found() -> None:
    """The tab had a key, or "" for none."""
    key = incoming.sent("lesson-news", "found")
    seat = seats.mine()
    if not isinstance(key, str) or not key or seat and seat.desk:
        return
    if seat:  # a follower's page was loaded anew: what it voted is still its own
        before = ROOMS.again_here(key[:64], seats.who()) if key != seat.key else None
        if before:
            ROOMS.leave(seat)
            st.session_state["seat"] = before
            address.along({"join": before.word})
        return
    try:
        seat = ROOMS.back(key[:64])
    except Unreached as error:  # the tab keeps its key
        st.session_state["lesson-note"] = str(error)
        return
    except Refused as error:
        _stand_up(str(error))
        st.session_state["lesson-forget"] = "desk"
        return
    st.session_state.update({"seat": seat, "lesson-note": ""})
    address.along({"desk": "1"})


def way_in() -> None:
    """A box for the word of a room, for who has no camera."""
    if seats.mine() is None:
        st.text_input("The word of a room, to follow a lesson", key="room-word", max_chars=20, on_change=_typed)


def _typed() -> None:
    word = st.session_state["room-word"]
    if isinstance(word, str) and word.strip():
        join(word)


# the desk -------------------------------------------------------------------------------------------------------------


def desk(*, walk: bool) -> None:
    """The room, for the one who leads it, or the button that opens one. walk: this page has a next token to ask for."""
    with st.container(key="room"):
        _desk(walk)


def _desk(walk: bool) -> None:
    """A popover is another one, and closed, once something else is shown."""
    seat = seats.leads()
    if seat is None:
        with st.popover("Room", key="room-new", width="stretch"):
            st.markdown("Students join with a word or a QR code. Their pages follow yours, and you can ask them something.")
            st.button("Open a room", key="open-room", type="primary", on_click=open_room, disabled=bool(seats.mine()))
            if seats.mine():
                st.caption("You are in a room already; leave it first.")
        return
    vote = ROOMS.vote(seat)
    if vote or st.session_state.get("lesson-large"):
        with st.popover(verbatim.markdown(seat.word), key=f"desk-{vote.number if vote else 'large'}", width="stretch"):
            _lead(walk)
    else:
        _live_desk(walk)


@st.fragment
def _live_desk(walk: bool) -> None:
    """The same, with the number of those who are here."""
    kept, seat = st.session_state, seats.leads()
    if seat is None or _behind(seat) or kept.get("lesson-large") or kept.pop("lesson-pressed", False):
        st.rerun()
    with st.popover(f"{verbatim.markdown(seat.word)} · {ROOMS.count(seat):d}", key="desk-open", width="stretch"):
        _lead(walk)
    _listen(_stir(seat), calm=True)


def _behind(seat) -> bool:
    """Whether this page shows less than the room has: something came from the notes' window."""
    room, dark = ROOMS.at(seat), st.session_state.get("lesson-dark", False)
    return room is None or bool(room.orders) or room.black != dark or room.number != st.session_state["lesson-number"]


def _stir(seat) -> int:
    room = ROOMS.at(seat)
    return room.stir if room else -1


def _lead(walk: bool) -> None:
    """What the one who leads can do."""
    seat = seats.leads()
    st.button(
        "Show the way in", key="room-large", width="stretch", on_click=st.session_state.update, args=({"lesson-large": True},)
    )
    if walk:
        st.button(NEXT, key="room-next", width="stretch", on_click=_next)
    st.link_button("Notes, in a window of their own", joining.notes(NOTES), width="stretch")
    st.button("Close the room", key="close-room", width="stretch", on_click=_close)
    st.html(joining.card(seat.word))


def _next() -> None:
    st.session_state.update({"lesson-next": True, "lesson-pressed": True, "lesson-large": False})


def follow_along() -> None:
    """On the notes' page: it asks for itself when there is something new."""
    _listen(_stir(seats.mine()), calm=True)


def offer(key: str, question: Question) -> bool:
    """Inside a question's own box: the desk can ask it of the room. True where it is to stay closed: the room is voting on it."""
    seat = seats.mine()
    if seat is None:
        return False
    about = f"{st.session_state['page']}/{key}"
    if seat.desk:
        ask = {"about": about, "ask": question.ask, "choices": question.choices, "answer": question.answer, "why": question.why}
        st.button("Ask the room", key=f"ask-{key}", type="primary", on_click=_ask, kwargs=ask)
        return False
    vote = ROOMS.vote(seat)
    if vote and vote.about == about and vote.revealed != votes.ANSWER:
        st.caption("The room is asked this.")
        return True
    return False


def _ask(**asked) -> None:
    if seat := seats.leads():
        st.session_state["lesson-large"] = False
        ROOMS.ask(seat, **asked)


def ask_next(seen, sentence, vocabulary: int) -> None:
    """Ask what comes next, where the desk has just asked for that. seen: the sentence with its numbers; vocabulary: how many tokens
    the model knows."""
    seat = seats.leads()
    st.session_state["lesson-pressed"] = False
    if not st.session_state.pop("lesson-next", False) or seat is None:
        return
    chances = softmax(seen.array("logits")[-1])[:vocabulary]
    offered = [int(one) for one in top(chances, OFFERED)]
    SystemRandom().shuffle(offered)
    text = tokenizer.decode([*sentence.cropped, *sentence.ids])
    ROOMS.ask(
        seat,
        about=f"next:{text}",
        ask=f"{NEXT} ... {tokenizer.in_one_line(text)[-200:]}",
        choices=tuple(seen.trace.word(one) for one in offered),
        tokens=tuple(offered),
        chances=array("f", chances.tolist()),
        own=votes.entropy(chances.tolist()),
    )


def busy() -> bool:
    """Whether the desk shows the room something else than the picture."""
    seat = seats.leads()
    return bool(seat and (ROOMS.vote(seat) or st.session_state.get("lesson-large")))


# in the picture's place -----------------------------------------------------------------------------------------------


def instead() -> bool:
    """What stands in the place of the picture: the way in, or what the room is asked. False where nothing does."""
    seat = seats.mine()
    if seat is None:
        return False
    vote = ROOMS.vote(seat)
    if seat.desk:
        if vote:
            _asked(vote.about)
            return True
        if st.session_state.get("lesson-large"):
            _way_in()
            return True
        return False
    if vote is None or not st.session_state["following"]:
        return False
    with st.container(key="asked"):
        _question(vote)
        if vote.revealed == votes.NOTHING:
            _ballot(vote)
        else:
            st.html(tally(vote))
    return True


@st.fragment
def _way_in() -> None:
    """How to get in, for the whole class to read."""
    seat = seats.leads()
    if seat is None or _behind(seat) or not st.session_state["lesson-large"]:
        st.rerun()
    st.html(joining.card(seat.word, large=True, here=ROOMS.count(seat)))
    _, middle, _ = st.columns([2, 1, 2])
    middle.button(
        "Begin", key="begin", type="primary", width="stretch", on_click=st.session_state.update, args=({"lesson-large": False},)
    )
    _listen(_stir(seat), calm=True)


@st.fragment
def _asked(about: str) -> None:
    """The question on the projector: how many have voted, and what is revealed. What the presenter presses keeps its place."""
    seat = seats.leads()
    vote = ROOMS.vote(seat) if seat else None
    if vote is None or vote.about != about or _behind(seat):
        st.rerun()
    with st.container(key="asked"):
        _question(vote)
        again = ", asked again" if vote.round > 1 else ""
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.button("Back to the picture", key="vote-done", on_click=_done)
            st.button("Ask again", key="ask-again", on_click=_again)
            if vote.revealed == votes.NOTHING:
                st.button("Reveal counts", key="reveal-counts", type="primary", on_click=_reveal, args=(votes.COUNTS,))
            elif vote.revealed == votes.COUNTS and not vote.free:
                st.button("Reveal answer", key="reveal-answer", type="primary", on_click=_reveal, args=(votes.ANSWER,))
            if vote.free and vote.revealed != votes.NOTHING and vote.rounds[-1]:
                best = next(iter(vote.shares()))
                label = f"Append {verbatim.markdown(repr(vote.name(best))[1:-1])}"
                st.button(label, key="append-class", on_click=_append, args=(vote.about.removeprefix("next:"), best))
            st.html(
                f"<p class='voted'><b>{vote.voted:d}</b> of {ROOMS.count(seat):d} here have voted{again}.</p>", width="content"
            )
        if vote.revealed == votes.NOTHING and not vote.free:
            st.html(
                "".join(f"<p class='asked choices'>{_letter(n)}{verbatim.html(one)}</p>" for n, one in enumerate(vote.choices))
            )
        elif vote.revealed == votes.NOTHING:
            st.html(
                f"<p class='asked choices'>{' &nbsp; '.join(f'<code>{verbatim.html(one)}</code>' for one in vote.choices)}</p>"
            )
        else:
            st.html(tally(vote))
    _listen(_stir(seat), calm=True)


def _reveal(what: str) -> None:
    if seat := seats.leads():
        ROOMS.reveal(seat, what)


def _again() -> None:
    if seat := seats.leads():
        ROOMS.again(seat)


def _done() -> None:
    if seat := seats.leads():
        ROOMS.done(seat)


def _append(text: str, token: int) -> None:
    """The class's word goes on the sentence."""
    choice = state.chosen()
    state.choose_text("second" if choice.item else "text", text + tokenizer.decode([token]))
    _done()


def _question(vote: votes.Seen) -> None:
    st.html(f"<p class='asked'>{verbatim.html(vote.ask)}</p>")


def _letter(n: int) -> Html:
    return f"<span class='letter'>{LETTERS[n]}</span> "


def _ballot(vote: votes.Seen) -> None:
    """The choices, to press."""
    for n, one in enumerate(vote.choices if not vote.free else ()):
        st.button(
            f"**{LETTERS[n]}** &nbsp; {verbatim.markdown(one)}",
            key=f"ballot-{n}",
            type="primary" if vote.mine == n else "secondary",
            width="stretch",
            on_click=_cast,
            args=(vote.number, n),
        )
    if vote.free:
        with st.container(key="ballot-next", horizontal=True, gap="small"):
            for token, one in zip(vote.tokens, vote.choices):
                st.button(
                    verbatim.markdown(one),
                    key=f"ballot-{token}",
                    type="primary" if vote.mine == token else "secondary",
                    on_click=_cast,
                    args=(vote.number, token),
                )
        st.text_input(
            "or another word, cut to its first token",
            key=f"word-{vote.number}",
            max_chars=40,
            on_change=_cast_word,
            args=(vote.number, vote.about[-1:].isspace()),
        )
    if vote.mine is None:
        st.html("<p class='lesson'>Choose one. You can change it until the counts are shown.</p>")
    else:
        mine = _letter(vote.mine) if not vote.free else ""
        st.html(f"<p class='lesson'>Your vote: {mine}<b>{verbatim.html(vote.name(vote.mine))}</b></p>")


def _cast(number: int, ballot: int, word: str = "") -> None:
    if seat := seats.mine():
        ROOMS.cast(seat, number, ballot, word)


def _cast_word(number: int, spaced: bool) -> None:
    """A free word: its first token, with the space that a word has."""
    word = st.session_state[f"word-{number}"]
    if not isinstance(word, str) or not word.strip():
        return
    word = tokenizer.as_read(word).strip()[:40]
    token = tokenizer.encode(word if spaced else f" {word}")[0]
    _cast(number, token, tokenizer.printable(token))


def tally(vote: votes.Seen) -> Html:
    """What was voted, the time before hatched beside it; for free words the model's own chances as well."""
    shares = [vote.shares(n) if counts else {} for n, counts in enumerate(vote.rounds)]
    rows = list(range(len(vote.choices)))
    if vote.free:
        rows = list(dict.fromkeys(one for round_ in reversed(shares) for one in round_))[: votes.SEEN_OF_NEXT]
    lines = []
    for one in rows:
        right = " right" if one == vote.answer and not vote.free else ""
        bars = []
        for n, (round_, counts) in enumerate(zip(shares, vote.rounds)):
            last = n == len(shares) - 1
            kind = right if last else " before"
            bars.append(
                _bar(
                    kind, round_.get(one, 0.0), f"{counts.get(one, 0)} ({round_.get(one, 0.0):.0%}){'' if last else ' before'}"
                )
            )
        if vote.free:
            bars.append(_bar(" model", vote.chances[one], f"model {percent(vote.chances[one])}"))
        letter = "" if vote.free else _letter(one)
        lines.append(
            f"<span class='what{right}'>{letter}{verbatim.html(vote.name(one))}{' ✓' if right else ''}</span>"
            f"<span class='bars'>{''.join(bars)}</span>"
        )
    said = f"<div class='tally'>{''.join(lines)}</div>"
    if vote.free and shares[-1]:
        own = votes.entropy(list(shares[-1].values()))
        model = votes.cross_entropy(shares[-1], vote.chances)
        said += (
            f"<p class='voted'>Cross-entropy with the class's words: the class itself {own:.2f}, the model {model:.2f} nats. "
            f"The model is {vote.own:.2f} nats uncertain of its own.</p>"
        )
    if vote.why:
        said += f"<p class='look'><b>{verbatim.html(vote.choices[vote.answer])}.</b> {verbatim.html(vote.why)}</p>"
    return said


def _bar(kind: Html, share: float, said: str) -> Html:
    return f"<span class='bar{kind}'><i style='width:{60 * share:.1f}%'></i>{verbatim.html(said)}</span>"
