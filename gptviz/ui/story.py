"""The pages around the walk: the overview a first visit begins with, what was seen at the end, and the links between a stage and
the experiments that go deeper."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from .. import tokenizer, verbatim
from ..figures import style
from ..labs import Experiment, Lab, index
from ..lessons import places
from ..stages import STAGES, Stage
from ..story import CARDS, Card, cards, ending, trip
from ..story.trip import Guess
from ..trace import NotFinite
from ..verbatim import Html, Markdown
from ..words import percent
from . import cache, guide, links, predict, state
from .beside import Half
from .state import END, OVERVIEW, Choice, change

STYLE = (Path(__file__).parent / "story.css").read_text(encoding="utf-8")
TITLES = places.AROUND
ACROSS = 3  # cards beside each other
ORDER = (OVERVIEW, *(stage.key for stage in STAGES), END)
"""Every page of the walk, in the order in which Next goes through them."""


def show(main: Half, choice: Choice) -> None:
    """The page before the first stage, or the one after the last."""
    st.html(f"<style>{STYLE}</style>")
    with st.container(key="story", gap="xsmall"):
        try:
            overview(main, choice) if choice.stage == OVERVIEW else end(main, choice)
        except NotFinite as error:
            st.error(verbatim.markdown(error))


# the overview ---------------------------------------------------------------------------------------------------------


def overview(main: Half, choice: Choice) -> None:
    """The trip, the pair of sentences, and the examples."""
    seen = main.seen
    st.html(f"<h1 class='title'>{verbatim.html(TITLES[OVERVIEW])}</h1>")
    st.html(
        f"<p class='plain'>This is a real GPT-2, small enough to look into. {len(STAGES)} steps lead from your sentence to its next word, and "
        "every number on the way is the model's own.</p>"
    )
    thirds = trip.thirds(main.model.config, seen.size)
    out = trip.comes_out(seen)
    st.html(
        f"<ol class='trip'><li style='--part: {verbatim.html(style.PARTS['token'])}'><b>Words go in</b>{pieces(trip.goes_in(seen))}</li>"
        f"{''.join(third_box(third) for third in thirds)}"
        f"<li class='to' aria-hidden='true'>→</li><li style='--part: {verbatim.html(style.PARTS['output'])}'><b>One word comes out</b>"
        f"{bars(out, out[0].share)}</li></ol>"
    )
    st.html(f"<p class='plain'>{verbatim.html(trip.sizes(main.model.config))}</p>")
    hero(choice)
    st.html("<h2 class='part'>Or go straight to something worth seeing</h2>")
    offered(CARDS, "overview")
    st.html("<h2 class='part'>Or follow a lesson</h2>")
    guide.offered("overview")


def third_box(third: trip.Third) -> Html:
    part = style.PARTS[third.part]
    return (
        f"<li class='to' aria-hidden='true'>→</li><li style='--part: {verbatim.html(part)}'><b>{verbatim.html(third.title)}</b>"
        f"<span class='said'>{verbatim.html(third.said)}</span></li>"
    )


def pieces(words: Sequence[str]) -> Html:
    return f"<div class='pieces'>{''.join(f'<span>{verbatim.html(word)}</span>' for word in words)}</div>"


def bars(guesses: Sequence[Guess], most: float) -> Html:
    """Words with their shares, as bars; most: the share whose bar is as long as there is room."""
    return f"<div class='guesses'>{''.join(bar(one, most, n) for n, one in enumerate(guesses))}</div>"


def bar(one: Guess, most: float, place: int) -> Html:
    wide = 100 * one.share / most
    kind = "rest" if place else "first"
    return f"<span>{verbatim.html(one.word)}</span><i class='{kind}' style='width: {wide:.1f}%'></i><span>{verbatim.html(percent(one.share))}</span>"


def hero(choice: Choice) -> None:
    """Two sentences that end alike, measured with the model on screen, and a way into the walk with each."""
    ids = [tuple(tokenizer.encode(text)) for text in trip.HERO]
    found = trip.pair(*(cache.traced(choice.model, (row,), 0.0, 0, 0) for row in ids))
    most = max(one.share for out in found.out for one in out)
    st.html("<h2 class='part'>The same last words, another beginning</h2>")
    for n, (place, text, out) in enumerate(zip(st.columns(2, gap="medium"), trip.HERO, found.out)):
        before, word, after = marked(ids[n], found.place)
        with place, st.container(gap="xsmall"):
            st.html(
                f"<div class='hero'><p class='text'>{verbatim.html(before)}<mark>{verbatim.html(word)}</mark>{verbatim.html(after)} ...</p>"
                f"{bars(out, most)}</div>"
            )
            st.button("Walk with this sentence", key=f"hero-{n}", on_click=change, kwargs=walk_with(text))
    st.html(f"<p class='look'><b>Look for:</b> {verbatim.html(found.said)}</p>")


def marked(ids: Sequence[int], place: int) -> tuple[str, str, str]:
    """A sentence before, at and after one of its tokens."""
    cut = [tokenizer.decode(list(part)) for part in (ids[:place], ids[place : place + 1], ids[place + 1 :])]
    return cut[0], cut[1], cut[2]


def walk_with(text: str) -> dict[str, str | int]:
    """The changes that begin the walk with a sentence."""
    return {"text": text, "stage": STAGES[0].key, "item": 0, "token": -1, "more": 0, "piece": -1, "step": -1, "cell": ""}


def offered(some: Sequence[Card], where: str) -> None:
    """Examples to press: what to do, with which sentence."""
    for first in range(0, len(some), ACROSS):
        for place, card in zip(st.columns(ACROSS, gap="small"), some[first : first + ACROSS]):
            place.button(
                f"**{verbatim.markdown(card.verb)}**  \n{verbatim.markdown(tokenizer.in_one_line(card.text))}",
                key=f"card-{where}-{card.key}",
                width="stretch",
                on_click=take,
                args=(card.key,),
            )


def take(key: str) -> None:
    state.take(cards.BY_KEY[key])


def told(main: Half, choice: Choice) -> Html:
    """What an example says about the place where the reader is; empty where none leads here, or what it says does not hold."""
    card = cards.here(main.seen.text, choice.stage, choice.block, choice.head)
    if not card or main.seen.item or main.seen.appended or main.seen.row != main.seen.size - 1 or not card.holds(main.trace):
        return ""
    return f"<p class='message'><b>{verbatim.html(card.verb)}.</b> {verbatim.html(card.line)}</p>"


# the end --------------------------------------------------------------------------------------------------------------


def end(main: Half, choice: Choice) -> None:
    """What was seen, what to try, and three experiments."""
    best = trip.comes_out(main.seen)[0]
    st.html(f"<h1 class='title'>{verbatim.html(TITLES[END])}</h1>")
    st.html(
        f"<p class='plain'>{verbatim.html(tokenizer.in_one_line(main.seen.text))} → <b>{verbatim.html(best.word)}</b>, "
        f"{verbatim.html(percent(best.share))}: {main.seen.size:d} tokens, {main.model.config.n_layer:d} blocks, one next token.</p>"
    )
    if said := predict.progress():
        st.html(f"<p class='plain'>{verbatim.html(said)}</p>")
    left, right = st.columns([1.3, 1], gap="large")
    with left:
        st.html(f"<ul class='seen'>{''.join(seen_line(part, line) for part, line in ending.SEEN)}</ul>")
        st.html(f"<p class='plain'>{verbatim.html(ending.NOT_LEARNED)}</p>")
    with right, st.container(gap="xsmall"):
        st.html("<h2 class='part'>Three experiments</h2>")
        for name, question in ending.LABS:
            links.to_experiment(
                name, choice, f"**{verbatim.markdown(index.find(name)[1].title)}**: {verbatim.markdown(question)}"
            )
        st.html("<h2 class='part'>Again, from the beginning</h2>")
        st.button("The overview", key="again", on_click=change, kwargs={"stage": OVERVIEW, "cell": ""})
    st.html("<h2 class='part'>Try another sentence</h2>")
    offered([cards.BY_KEY[key] for key in ending.CARDS], "end")


def seen_line(part: str, line: str) -> Html:
    return f"<li style='--part: {verbatim.html(style.PARTS[part])}'>{verbatim.html(line)}</li>"


# links both ways ------------------------------------------------------------------------------------------------------


def deeper(stage: Stage, choice: Choice) -> None:
    """From a stage to the experiments that go on from there."""
    for name in stage.deeper:
        lab, experiment = index.find(name)
        links.to_experiment(name, choice, label(f"Experiment: {experiment.title}", lab))


def label(title: str, lab: Lab) -> Markdown:
    return f"{verbatim.markdown(title)} ({verbatim.markdown(lab.title)})"


def back(lab: Lab, experiment: Experiment, choice: Choice) -> None:
    """From an experiment to the stages it goes deeper into."""
    for stage in index.stages_of(lab, experiment):
        links.to_stage(stage, choice, f"In the walk: {verbatim.markdown(f'{stage.number} {stage.title}'.strip())}")
