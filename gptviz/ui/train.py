"""The page on which a reader trains a very small model: choose a text, watch the run, see what it came to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from .. import catalogue, tokenizer, verbatim
from ..config import GPTConfig
from ..figures import learning
from ..figures.learning import Before, Level, Measured
from ..labs.train.lab import BEFORE, DURING, LAB, OWN, RATE
from ..training import report
from ..training.data import UNIFORM_LOSS, encode_documents
from ..training.jobs import LINE, Job, Refused, Sample, Seen
from ..training.texts import TEXTS
from ..training.worker import FEWEST_TOKENS, HELD_OUT, LIKELIEST, SIZES, TEMPERATURE, Order, part
from ..verbatim import Html
from . import cache, lab, links, state, top, whatif
from .state import Choice

EVERY, EVERY_WAITING = 1.0, 3.0  # seconds between two looks at a run under way, and at the line before it
MOST_CHARACTERS = 200_000
GONE = (
    "There is no run here any more: a run belongs to one reader's visit. Reloading the page or restarting the server ends it, and its "
    "link opens it nowhere else. Press Start to train again."
)
STYLE = """
.passage { height: 17rem; overflow-y: auto; padding: 0.5rem 0.8rem; border: 1px solid color-mix(in srgb, currentColor 25%, transparent);
  border-radius: 0.4rem; white-space: pre-wrap; line-height: 1.5rem; }
.facts { font-size: 0.95rem; line-height: 1.45rem; margin: 0; font-variant-numeric: tabular-nums; }
.samples { max-height: 15.5rem; overflow-y: auto; }
.written { margin: 0 0 0.5rem; line-height: 1.4rem; overflow-wrap: anywhere; }
.written .when { display: inline-block; margin-right: 0.4rem; padding: 0 0.4rem; border-left: 0.25rem solid var(--part-token); font-size: 0.85rem;
  font-variant-numeric: tabular-nums; opacity: 0.85; }
.written .given { opacity: 0.7; }
"""

_chart = st.components.v2.component(
    "gptviz_losses",
    html="<div></div>",
    css=":host { display: block; } svg { display: block; color: var(--st-text-color); font-family: var(--st-font, sans-serif); }",
    js="export default ({ data, parentElement }) => { parentElement.querySelector('div').innerHTML = data }",
)
"""SVG put into place as it is: another picture takes the old one's place without a gap, which no chart of Streamlit's does."""


def show() -> None:
    """The whole page."""
    st.set_page_config(page_title=f"{LAB.title} · gptviz")
    choice = whatif.check(state.current(state.SHARED))
    lab.arrive(LAB)
    top.style()
    st.html(f"<style>{STYLE}</style>")
    with st.container(gap="xsmall"):
        model = cache.opened(choice.model)
        top.show(replace(choice, present=False), model, lab=True, marked=False, presents=False)
        if isinstance(model, str):
            state.write_url(choice, state.SHARED)
            return
        for text in filter(None, (state.problem(), *state.notes())):
            st.warning(verbatim.markdown(text), icon=":material/info:")
        whatif.standing(choice, "Not here: what is trained is a model of its own.")
        every = _every()
        st.fragment(body, run_every=every)(every)


def _job() -> Job | None:
    """This reader's run; there is no way to another one's."""
    return st.session_state.get("job")


def _every() -> float | None:
    """Seconds until the page looks again by itself; None when there is nothing to wait for."""
    job = _job()
    seen = job.seen() if job else None
    return None if seen is None or not seen.on else EVERY_WAITING if seen.state == "waiting" else EVERY


def body(every: float | None) -> None:
    """Everything that changes while a run goes on, drawn again every second until it is over."""
    if st.session_state.pop("to-the-walk", False):
        links.walk_through(state.chosen())
    if _every() != every:
        st.rerun()
    values, notes = lab.read(LAB.controls, lab.values(LAB))
    head, line = st.columns([1, 4], vertical_alignment="center")
    head.html(f"<h1 class='title'>{verbatim.html(LAB.title)}</h1>")
    job = _job()
    if values["run"] and job is None:
        notes.append(GONE)
    values["run"] = job is not None
    for note in notes:
        st.warning(verbatim.markdown(note), icon=":material/info:")
    left, right = st.columns([1.9, 1], gap="medium")
    with left, st.container(key="stage", gap="small"):
        said = choose(values, line) if job is None else watch(job, line)
    with right, st.container(key="words", gap="xsmall"):
        lab.words(
            BEFORE if job is None else DURING, said, () if job is None else (report.standing(job.seen(), job.order.dropout),)
        )
        if left_out := lab.write(LAB, None, LAB.controls, values):
            top.too_long(left_out)


# ---- before a run


def choose(values: Mapping[str, Any], line) -> str:
    """The text and how to train on it; returns what to look for."""
    line.html(
        "<p class='facts'>Choose a text, press Start, and watch a model learn it. It takes its first steps a few seconds later. "
        "To reload the page ends the run.</p>"
    )
    places = st.columns([1.8, 1.95, 1.15, 1.25, 0.75], vertical_alignment="bottom")
    for place, control in zip(places, filter(lambda control: control.drawn, LAB.controls)):
        lab.widget(place, LAB, control, values[control.name])
    pick, size = values["pick"], values["size"]
    if pick == OWN:
        text = own_text()
    else:
        text = TEXTS[pick].read()
        st.html(f"<div class='passage' tabindex='0'>{verbatim.html(text)}</div>")
    ids, problem = tokens(text)
    places[-1].button(
        "Start",
        key="start",
        type="primary",
        width="stretch",
        disabled=bool(problem),
        on_click=start,
        args=(ids, size, float(values["seconds"]), RATE if values["dropout"] else 0.0),
    )
    for why in filter(None, (problem, st.session_state.get("refused", ""))):
        st.html(f"<p class='message'>{verbatim.html(why)}</p>")
    if problem:
        return ""
    st.html(f"<p class='facts'>{source(pick)}{amounts(ids, SIZES[size])}</p>")
    return report.to_beat(part(ids))


def own_text() -> str:
    """The box to paste into. What is in it stays, whatever is chosen meanwhile, and when the server has started again: then only
    the page still has it, and tells."""
    kept = st.session_state
    if "typed-own" not in kept:
        kept["own-first"] = kept.get("own-text", "")
    kept["own-text"] = st.text_area(
        "Your text",
        value=kept["own-first"],  # said in every run, as a text set only in the first is lost where another run follows at once
        key="typed-own",
        height=272,
        placeholder=f"Paste or type a text: at least {FEWEST_TOKENS} tokens (about 230 words), better some thousand words.",
        label_visibility="collapsed",
    )
    return kept["own-text"]


def tokens(text: str) -> tuple[tuple[int, ...], str]:
    """The ids of a text, and why a run cannot begin with it, "" when it can."""
    if not text.strip():
        return (), f"Paste or type a text first: a run needs at least {FEWEST_TOKENS} tokens, which is about 230 words."
    if len(text) > MOST_CHARACTERS:
        over = f"That text has {len(text):,} characters; up to {MOST_CHARACTERS:,} fit, which is more than a minute can read."
        return (), f"{over} Take a part of it; nothing you pasted is lost meanwhile."
    kept = st.session_state.get("ids", ("", ()))
    if kept[0] != text:
        kept = st.session_state["ids"] = (text, tuple(encode_documents(text).tolist()))
    ids = kept[1]
    if len(ids) < FEWEST_TOKENS:
        return (
            ids,
            f"That text has {len(ids):,} tokens; a run needs at least {FEWEST_TOKENS}. {FEWEST_TOKENS - len(ids):,} more are needed.",
        )
    return ids, ""


def source(pick: str) -> Html:
    if pick == OWN:
        return "Your text stays on this server while you train, and goes nowhere else. "
    text = TEXTS[pick]
    return f"<b>{verbatim.html(text.title)}</b> by {verbatim.html(text.author)}: {verbatim.html(text.about)} Standard Ebooks edition, public domain in the US.<br>"


def amounts(ids: tuple[int, ...], shape: GPTConfig) -> Html:
    """What the text and the model come to."""
    apart = len(ids) // HELD_OUT
    return (
        f"{len(ids):,} tokens: {len(ids) - apart:,} to learn from, {apart:,} held out. The model has {shape.n_parameters:,} numbers to learn, "
        f"{shape.vocab_size * shape.n_embd:,} of them in its token table."
    )


def start(ids: tuple[int, ...], size: str, seconds: float, dropout: float) -> None:
    """Join the line, once: a second press that was under way already begins no second run."""
    if _job() is not None:
        return
    st.session_state["refused"] = ""
    lab.keep(LAB, {"run": "0"})
    try:
        st.session_state["job"] = LINE.join(Order(ids, size=size, seconds=seconds, dropout=dropout), _there())
    except Refused as error:
        st.session_state["refused"] = str(error)


def _there() -> Callable[[], bool]:
    """Whether this reader's page is still open, asked later from another thread."""
    session = get_script_run_ctx().session_id
    return lambda: (
        not runtime.exists() or runtime.get_instance().is_active_session(session)
    )  # without a server there is no page to close


# ---- a run, and what it came to


def watch(job: Job, line) -> str:
    """Buttons, chart and samples of this reader's run; returns what to look for."""
    seen = job.seen()
    with line:
        buttons(job, seen)
    if seen.message:
        (st.error if seen.state == "failed" else st.info)(verbatim.markdown(seen.message))
    means = learning.running(seen.seconds, seen.losses, job.order.seconds)
    said = report.told(seen, means, learning.span(job.order.seconds)) or report.to_beat(job.corpus)
    chart = learning.losses(
        seen.seconds,
        seen.losses,
        [Measured(one.step, one.seconds, one.loss) for one in seen.held_out],
        before=earlier(job.order, st.session_state.get("before")),
        levels=(Level("even guess, ln 50257", UNIFORM_LOSS), Level("word frequencies", job.corpus.unigram_entropy)),
        whole=job.order.seconds,
        alt=f"Loss over seconds of training. {said}",
    )
    _chart(key="losses", data=chart)
    if seen.samples:
        st.html(samples(seen, means))
    return said


def buttons(job: Job, seen: Seen) -> None:
    """How far it is, and what can be done now."""
    how, first, second = st.columns([5, 1.3, 1.2], vertical_alignment="center", gap="small")
    match seen.state:
        case "waiting":
            how.html(f"<p class='message'>{verbatim.html(report.turn(job))}</p>")
        case "starting":
            how.html(
                "<p class='message'>Getting ready: a process of its own begins, with the lowest priority, so that nobody waits for it.</p>"
            )
        case "training" | "paused" | "ending":
            how.progress(
                min(1.0, (seen.seconds[-1] if seen.seconds else 0.0) / job.order.seconds),
                text=verbatim.markdown(report.pace(job, seen)),
            )
    if seen.state == "training":
        first.button("Pause", key="pause", width="stretch", on_click=job.pause)
    elif seen.state == "paused":
        first.button("Go on", key="go-on", type="primary", width="stretch", on_click=job.go_on)
    if seen.state == "waiting":
        second.button("Leave the line", key="leave-line", width="stretch", on_click=put_away)
    elif seen.on:
        second.button("Stop", key="stop", width="stretch", disabled=seen.state == "ending", on_click=job.stop)
    else:
        if seen.saved:
            first.button("Walk through it", key="walk", type="primary", width="stretch", on_click=take_along, args=(job, seen))
        second.button("Train again", key="again", width="stretch", help="The model of this run is removed.", on_click=put_away)


def earlier(order: Order, kept: tuple | None) -> Before | None:
    """The held-out line of a reader's last run, (text, size, dropout, line), where it was on the same text, with the same size and dropout the other way."""
    if kept is None or kept[:2] != (hash(order.ids), order.size) or kept[2] == order.dropout:
        return None
    return Before("earlier, with dropout" if kept[2] else "earlier, no dropout", kept[3])


def put_away() -> None:
    """Back to the choice of a text; what the run left is removed, but for its held-out line."""
    job = st.session_state.pop("job", None)
    if job is None:  # pressed twice
        return
    if held_out := job.seen().held_out:
        line = tuple(Measured(one.step, one.seconds, one.loss) for one in held_out)
        st.session_state["before"] = (hash(job.order.ids), job.order.size, job.order.dropout, line)
    own = st.session_state.pop("own-models", ())
    if state.chosen().beside in own:
        state.change(beside="", other=False)
    if state.chosen().model in own:
        state.change(model=Choice().model, cell="")
    job.forget()


def take_along(job: Job, seen: Seen) -> None:
    """Choose the trained model, and go to the walk when the page is drawn. It is this reader's alone, and goes when their visit ends."""
    if not st.session_state.get("own-models"):
        shape = SIZES[job.order.size]
        about = (
            f"The model you have trained: {shape.n_layer} blocks, {shape.n_head} heads, {shape.n_embd} wide, {seen.step:,} steps on "
            f"{len(job.order.ids):,} tokens. Nobody else sees it; it is gone when you train again or leave."
        )
        key = catalogue.lend(job.folder, "your own", about)
        job.when_forgotten(partial(_let_go, key))
        st.session_state["own-models"] = (key,)
    state.change(model=st.session_state["own-models"][0], cell="")
    st.session_state["to-the-walk"] = True


def _let_go(key: str) -> None:
    """A model of a reader who has left, or trains again: out of the catalogue, and out of memory."""
    catalogue.take_back(key)
    cache.forget(key)


def samples(seen: Seen, means: Sequence[float]) -> Html:
    """What the model wrote so far, the newest first, as markup. means: the running mean of the loss at every step."""
    what = f"{len(seen.samples[0].ids)} tokens written after the text's first {len(seen.samples[0].prompt)}, always with the same dice"
    ended = any(tokenizer.END_OF_TEXT_ID in one.ids for one in seen.samples)
    end = f". At {verbatim.html(tokenizer.END_OF_TEXT)} it ends a text and begins another" if ended else ""
    head = f"<p class='facts'><b>What it writes</b> ({what}; temperature {TEMPERATURE:g}, {LIKELIEST} likeliest){end}</p>"
    return f"{head}<div class='samples' tabindex='0'>{''.join(sample(one, means) for one in reversed(seen.samples))}</div>"


def sample(one: Sample, means: Sequence[float]) -> Html:
    loss = f"loss {means[one.step - 1]:.2f}" if one.step else "untrained"
    copied = f" · {one.copied:d} copied" if one.copied > 3 else ""
    given, made = (tokenizer.in_one_line(tokenizer.decode(list(ids))) for ids in (one.prompt, one.ids))
    return (
        f"<p class='written'><span class='when'>step {one.step:,} · {loss}{copied}</span>"
        f"<span class='given'>{verbatim.html(given)}</span>{verbatim.html(made)}</p>"
    )
