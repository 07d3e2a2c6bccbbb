"""A lesson that leads: its steps stand in the place of the walk's, for the keys, in the bar and in the address.

A reader can look elsewhere at any step and come back to it; Next goes on from the step. What was answered is kept for the visit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from ... import verbatim
from ...lessons import Lesson, Step, places
from ...lessons import shelf as shelves
from ...verbatim import Html
from .. import address, cache, incoming, seats, state
from ..state import Choice

_here = Path(__file__).parent
CSS = (_here / "guide.css").read_text(encoding="utf-8")
_keys = st.components.v2.component(
    "gptviz_guide", html="<span hidden></span>", js=(_here / "guide.js").read_text(encoding="utf-8")
)
PLACE = ("stage", "text", "model", "beside", "second", "item", "edit", "dropout", "more", "special")
"""Choices that make a step; the others a reader moves while looking at it."""
ACROSS = 3  # lessons beside each other

Go = Callable[[str, Mapping[str, str]], None]


@dataclass(frozen=True)
class Led:
    """A lesson and which of its steps it is at, from 1."""

    lesson: Lesson
    at: int

    @property
    def step(self) -> Step:
        return self.lesson.steps[self.at - 1]

    @property
    def count(self) -> str:
        return f"step {self.at} of {len(self.lesson.steps)}"

    @property
    def after(self) -> str:
        """The title of the next step, "" at the last one."""
        return self.lesson.steps[self.at].title if self.at < len(self.lesson.steps) else ""


def _load(key: str):
    """The model that ships is in memory anyway; any other is looked at when a step shows it."""
    return cache.model(key) if key == Choice.model else None


def shelf() -> shelves.Shelf:
    return shelves.shelf(_load)


def led(choice: Choice) -> Led | None:
    """The lesson that leads, None where none does."""
    found = shelf().lessons.get(choice.lesson) if choice.lesson else None
    return Led(found, min(max(choice.stop, 1), len(found.steps))) if found else None


# going ----------------------------------------------------------------------------------------------------------------


def arrive(page: str, go: Go) -> None:
    """Before a page is drawn: go to the step that was asked for, by a press or by an address that names a lesson and nothing else."""
    kept = st.session_state
    wanted = kept.pop("guide-to", None)
    here = address.here()
    if (
        wanted is None
        and "lesson" in here
        and not page
        and here.keys() <= {"lesson", "stop", "present"}
        and not address.known()
    ):
        at = here.get("stop", "1")
        wanted = here["lesson"], int(at) if at.isascii() and at.isdecimal() and len(at) < 5 else 1
    if wanted is None:
        return
    name, at = wanted
    found = shelf().lessons.get(name)
    if found is None:
        return  # said once the page is drawn
    at = min(max(at, 1), len(found.steps))
    step = found.steps[at - 1]
    present = kept["choice"].present if "choice" in kept else here.get("present") == "1"
    params = {**step.params, "lesson": name, "stop": str(at)} | ({"present": "1"} if present else {})
    written, _ = state.carried(params)
    if step.page:
        kept[f"lab-{step.page}"] = {name: raw for name, raw in step.params.items() if name not in state.SHARED}
    state.lead(written)  # even where this visit has written that address before
    if step.page != page:
        go(step.page, address.outward(written))


def begin(name: str, at: int = 1) -> None:
    """To a step of a lesson, once the page is drawn again."""
    seats.let_go({"lesson": name, "stop": at})
    state.moved()
    st.session_state["guide-to"] = (name, at)


def step(by: int) -> None:
    """Some steps on in the lesson that leads; there is none before the first and none after the last."""
    now = led(state.chosen())
    if now and 1 <= (to := min(max(now.at + by, 1), len(now.lesson.steps))) != now.at:
        begin(now.lesson.name, to)


def gone(**to) -> None:
    """What a press in the map asked for: a step of the lesson, or a stage or block to look at."""
    at = to.pop("at", 0)
    choice = state.chosen()
    if at and choice.lesson:
        begin(choice.lesson, at)
    elif to:
        state.change(**to, cell="")


def leave() -> None:
    """The reader goes on without the lesson, from where they are."""
    choice = state.chosen()
    st.session_state["guide-left"] = (choice.lesson, choice.stop)
    state.change(lesson="", stop=0)


def away(now: Led, choice: Choice) -> bool:
    """Whether the reader looks at something else than the step shows."""
    step, page = now.step, st.session_state.get("page", "")
    if page != step.page:
        return True
    if page:
        asked = places.experiment(page, step.params)
        shown = places.experiment(page, st.session_state.get(f"lab-{page}", {}))
        return asked is not shown or choice.text != step.params.get("text", Choice.text)
    asked, _ = state.from_url(step.params or {"stage": Choice.stage})
    return any(getattr(asked, name) != getattr(choice, name) for name in PLACE) or any(
        getattr(asked, name) not in (0, getattr(choice, name)) for name in ("block", "head")
    )


def order(now: Led | None) -> list[str]:
    """The stage of every step, "" where it is none, for the map."""
    return [places.answered(one.page, one.params) if not one.page else "" for one in now.lesson.steps] if now else []


# what is said ---------------------------------------------------------------------------------------------------------


def progress(lesson: Lesson) -> str:
    """How many of its questions were answered in this visit, and how many rightly."""
    kept = st.session_state.get("answers", {})
    names = list(dict.fromkeys(filter(None, (places.answered(one.page, one.params) for one in lesson.steps))))
    found = [kept[name] for name in names if name in kept]
    return f"{len(found)} of {len(names)} questions answered, {sum(one.right for one in found)} rightly" if names else ""


def words(choice: Choice) -> Html:
    """What the lesson itself says at the step on screen."""
    now = led(choice)
    if now is None or away(now, choice):
        return ""
    return "".join(f"<p class='told'>{verbatim.html(one)}</p>" for one in now.step.words)


def strip(choice: Choice) -> None:
    """The line of the lesson: where it is, what was answered, its steps, and the ways back and out. In Present it is in the bar."""
    now = led(choice)
    if now is None:
        if choice.lesson:
            there = ", ".join(shelf().lessons) or "none"
            said = f'There is no lesson "{choice.lesson}" here; there are: {there}.'
            st.warning(verbatim.markdown(said), icon=":material/info:")
        return
    if choice.present:
        return
    st.html(f"<style>{CSS}</style>")
    with st.container(key="guide", horizontal=True, vertical_alignment="center", gap="small"):
        answered = progress(now.lesson)
        st.html(
            f"<p class='lesson'><b>{verbatim.html(now.lesson.title)}</b> · {verbatim.html(now.count)} · {verbatim.html(now.step.title)}"
            f"{' · ' if answered else ''}<span class='facts'>{verbatim.html(answered)}</span></p>"
            f"<p class='bar' aria-hidden='true'><i style='width:{100 * now.at / len(now.lesson.steps):.1f}%'></i></p>",
            width="stretch",
        )
        if away(now, choice):
            st.button("Back to the step", key="guide-back", type="primary", on_click=begin, args=(now.lesson.name, now.at))
        with st.popover("Steps", key="guide-steps"):
            steps(now)
        st.button("Leave", key="guide-leave", type="tertiary", on_click=leave)


def steps(now: Led) -> None:
    """Every step, to go there, with what was answered."""
    kept = st.session_state.get("answers", {})
    for n, one in enumerate(now.lesson.steps, 1):
        answer = kept.get(places.answered(one.page, one.params))
        mark = "" if answer is None else "answer shown" if answer.guess is None else f"answered: {answer.guess}"
        sign = "" if answer is None else " ✓" if answer.right else " ·"
        st.button(
            f"**{n:d}  {verbatim.markdown(one.title)}**{sign}"
            if n == now.at
            else f"{n:d}  {verbatim.markdown(one.title)}{sign}",
            key=f"guide-step-{n}",
            type="tertiary",
            help=verbatim.markdown(mark) if mark else None,
            on_click=begin,
            args=(now.lesson.name, n),
        )


def menu(now: Led, choice: Choice) -> None:
    """In Present: where the lesson is, and behind it its steps and the ways back and out."""
    with st.popover(verbatim.markdown(now.count), key="guide-menu", width="stretch"):
        st.markdown(f"**{verbatim.markdown(now.lesson.title)}**")
        if away(now, choice):
            st.button("Back to the step", key="guide-back", type="primary", on_click=begin, args=(now.lesson.name, now.at))
        steps(now)
        st.button("Leave the lesson", key="guide-leave", on_click=leave)


def offered(where: str) -> None:
    """Every lesson, to begin or to go on with, and what is wrong with those that cannot be used as they are."""
    there = shelf()
    left = st.session_state.get("guide-left")
    if left and left[0] in there.lessons:
        title = verbatim.markdown(there.lessons[left[0]].title)
        st.button(f"Go on with {title}, step {left[1]:d}", key=f"guide-on-{where}", type="primary", on_click=begin, args=left)
    lessons = list(there.lessons.values())
    across = ACROSS if where == "overview" else 1
    for first in range(0, len(lessons), across):
        for place, one in zip(st.columns(across, gap="small"), lessons[first : first + across]):
            minutes = f"{one.minutes:d} minutes, " if one.minutes else ""
            alone = ", alone" if one.alone else ""
            place.button(
                f"**{verbatim.markdown(one.title)}**  \n{minutes}{len(one.steps):d} steps{alone}",
                key=f"lesson-{where}-{one.name}",
                width="stretch",
                help=verbatim.markdown(one.about) if one.about and where == "overview" else None,
                on_click=begin,
                args=(one.name,),
            )
    for problem in there.problems:
        st.html(f"<p class='message'>{verbatim.html(problem)}</p>")


# on a lab's page ------------------------------------------------------------------------------------------------------


def bar(choice: Choice) -> None:
    """Back and Next of a lab's page in a lesson, and the keys that do the same."""
    now = led(choice)
    if now is None:
        return
    back, count, forward, _ = st.columns([1, 1.2, 1, 5], vertical_alignment="center", gap="small")
    back.button("‹ Back", width="stretch", key="guide-before", disabled=now.at == 1, on_click=step, args=(-1,))
    count.html(f"<div class='count'>{verbatim.html(now.count)}</div>")
    forward.button(
        "Next ›", width="stretch", type="primary", key="guide-next", disabled=not now.after, on_click=step, args=(1,)
    )
    _keys(key="guide-keys", data={"at": now.at, "steps": len(now.lesson.steps)}, on_go_change=_pressed)


def _pressed() -> None:
    to, now = incoming.sent("guide-keys", "go"), led(state.chosen())
    if type(to) is int and now and 1 <= to <= len(now.lesson.steps):
        begin(now.lesson.name, to)
    else:
        incoming.ignored("a lesson")
