"""The notes: a second window beside the projector, for the one who leads a room.

It follows what the projector shows and can send it on. Whoever opens its address without leading a room reads one line.
"""

import streamlit as st

from .. import verbatim
from ..classroom import votes
from ..stages import BY_KEY, STAGES, Notes, Question
from ..trace import NotFinite
from ..verbatim import Html
from . import beside, cache, guide, lesson, links, seats, state, story, top, walk
from .seats import ROOMS

_CLOCK = """
<p class="clock"></p>
<style>.clock { margin: 0; font: 600 1.3rem var(--st-font); color: var(--st-text-color); font-variant-numeric: tabular-nums; }</style>
"""
_TICK = """
export default function ({ data, parentElement }) {
  const place = parentElement.querySelector(".clock");
  const began = Date.now() - 1000 * data.since;
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  const tell = () => {
    const now = new Date(), past = Math.max(0, (Date.now() - began) / 1000);
    place.textContent = `${two(now.getHours())}:${two(now.getMinutes())} · ${two(past / 60)}:${two(past % 60)} since the start`;
  };
  tell();
  const timer = setInterval(tell, 1000);
  return () => clearInterval(timer);
}
"""
LABEL = 12  # letters
_clock = st.components.v2.component("gptviz_clock", html=_CLOCK, js=_TICK)


def show() -> None:
    """The whole page."""
    top.style()
    seat = seats.leads()
    room = ROOMS.at(seat) if seat else None
    if room is None:
        st.info("Notes are for the one who leads a room. Switch Present on, open a room there, and choose Notes.")
        return
    st.set_page_config(page_title="Notes · gptviz")
    _clock(key="clock", data={"since": ROOMS.clock() - room.opened})
    page, params = room.place.page, dict(room.place.params)
    title, said, question, after = lab(page, params) if page else stage(params)
    led = guide.led(state.from_url(params or {"stage": state.OVERVIEW})[0])
    st.html(f"<h1 class='title'>{verbatim.html(led.step.title if led else title)}</h1>")
    if led:
        st.caption(verbatim.markdown(f"{led.lesson.title}: {led.count}, {title}"))
        after = led.after
    lines = {"Say": said.say, "Ask": said.ask, "Trap": said.trap} if said else {}
    own = led.step.notes if led else ()
    if own:
        lines = {}
        st.html("".join(f"<p class='notes'>{labelled(line)}</p>" for line in own))
    if question:
        lines["Answer"] = f"{question.ask} {question.choices[question.answer]}. {question.why}"
    lines["Next"] = after
    st.html(
        "".join(
            f"<p class='notes'><b>{verbatim.html(name)}</b> {verbatim.html(line)}</p>" for name, line in lines.items() if line
        )
    )
    with st.container(horizontal=True, gap="small"):
        st.button("‹ Back", key="notes-back", on_click=ROOMS.order, args=(seat, -1))
        st.button("Next ›", key="notes-next", type="primary", on_click=ROOMS.order, args=(seat, 1))
        dark = "Show the picture again" if room.black else "Black screen"
        st.button(dark, key="notes-black", on_click=ROOMS.darken, args=(seat, not room.black))
    voting(seat)
    st.caption(f"Room {verbatim.markdown(seat.word)}: {ROOMS.count(seat):d} here.")
    lesson.follow_along()


def labelled(line: str) -> Html:
    """A line of a lesson's notes; a short word before its first colon stands out, as Say and Ask do."""
    name, colon, rest = line.partition(": ")
    if not colon or not name.isalpha() or len(name) > LABEL:
        return verbatim.html(line)
    return f"<b>{verbatim.html(name)}</b> {verbatim.html(rest)}"


def voting(seat) -> None:
    """The vote, which here alone is seen before it is revealed."""
    vote = ROOMS.vote(seat)
    if vote is None:
        return
    counts = ROOMS.peeked(seat)
    named = {one: count for one, count in sorted(counts.items(), key=lambda pair: -pair[1])}
    told = ROOMS.named(seat)
    st.html(
        f"<p class='notes'><b>Asked</b> {verbatim.html(vote.ask)}</p>"
        + "".join(f"<p class='notes'><b>{count:d}</b> {verbatim.html(told[one])}</p>" for one, count in named.items())
    )
    if vote.revealed == votes.NOTHING:
        st.button("Reveal counts", key="notes-counts", on_click=ROOMS.reveal, args=(seat, votes.COUNTS))
    elif vote.revealed == votes.COUNTS and not vote.free:
        st.button("Reveal answer", key="notes-answer", on_click=ROOMS.reveal, args=(seat, votes.ANSWER))


def stage(params: dict[str, str]) -> tuple[str, Notes | None, Question | None, str]:
    """What is shown in the walk: its title, what to say, its question, and the title of what comes next."""
    choice = state.from_url(params)[0]
    order = (state.OVERVIEW, *BY_KEY, state.END)
    titles = {**story.TITLES, **{one.key: one.title for one in STAGES}}
    at = order.index(choice.stage)
    after = titles[order[at + 1]] if at + 1 < len(order) else ""
    found = BY_KEY.get(choice.stage)
    if found is None:
        return titles[choice.stage], None, None, after
    try:
        model = cache.model(choice.model)
        seen = beside.half(walk.placed(choice, model), choice.model, model).seen
        question = found.asked(seen)
    except (NotFinite, MemoryError):  # the projector says why there is nothing to see
        question = None
    return found.title, found.notes, question, after


def lab(page: str, params: dict[str, str]) -> tuple[str, Notes | None, Question | None, str]:
    """The same of an experiment."""
    one = links.LABS[page]
    if not one.experiments:
        return one.title, None, None, ""
    found = one.find(params.get("view", ""))
    at = one.experiments.index(found) + 1
    return found.title, found.notes, found.question, one.experiments[at].title if at < len(one.experiments) else ""
