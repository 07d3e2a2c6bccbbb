"""The glossary: a term opens where it is first mentioned on a page, and all of them stand on a page of their own."""

from dataclasses import replace

import streamlit as st

from .. import verbatim
from ..labs import index
from ..stages import BY_KEY
from ..story import terms
from ..story.beliefs import BELIEFS, Belief
from ..story.terms import Term
from ..verbatim import Html
from . import cache, links, state, top

TITLE = "Glossary"
STYLE = """
.prose { position: relative; }
.prose > div { margin: 0 0 0.8rem; line-height: 1.45; }
.prose details.term { display: inline; }
.prose details.term::details-content { display: contents; }
.prose details.term:not([open]) > .meaning { display: none; }
.prose details.term > summary { display: inline; list-style: none; cursor: pointer; border-bottom: 1.5px dotted currentColor; }
.prose details.term > summary::-webkit-details-marker { display: none; }
.prose details.term > .meaning { display: block; position: absolute; left: 0; right: 0; z-index: 3; padding: 0.4rem 0.6rem; font-size: 0.92rem;
  line-height: 1.35rem; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-left: 0.25rem solid var(--part-query);
  border-radius: 0.3rem; background: var(--st-background-color, Canvas); box-shadow: 0 2px 10px rgb(0 0 0 / 20%); }
.terms { columns: 22rem; column-gap: 2rem; margin: 0.3rem 0 0; }
.terms > div { break-inside: avoid; margin: 0 0 0.65rem; }
.terms dt { font-weight: 650; }
.terms dt span { font-weight: 400; font-size: 0.875rem; opacity: 0.8; margin-left: 0.4rem; }
.terms dd { margin: 0; font-size: 0.97rem; line-height: 1.38rem; }
table:is(.symbols, .beliefs) { border-collapse: collapse; font-size: 0.97rem; }
table:is(.symbols, .beliefs) :is(td, th) { text-align: left; padding: 0.15rem 1.2rem 0.15rem 0; vertical-align: top; }
table.symbols td:first-child { font-style: italic; white-space: nowrap; }
"""


def prose(text: str) -> None:
    """The words of a stage or an experiment; a term that is mentioned for the first time can be opened where it stands."""
    st.html(f"<style>{STYLE}</style><div class='prose'>{paragraphs(text)}</div>")


def paragraphs(text: str) -> Html:
    """Plain paragraphs as markup. A term is looked for once in all of them."""
    return f"<div>{''.join(told(piece, term) for piece, term in terms.mentions(text))}</div>"


def told(piece: str, term: Term | None) -> Html:
    return mention(piece, term) if term else plain(piece)


def plain(piece: str) -> Html:
    return "</div><div>".join(verbatim.html(part) for part in piece.split("\n\n"))


def mention(piece: str, term: Term) -> Html:
    return (
        f"<details class='term'><summary>{verbatim.html(piece)}</summary><span class='meaning'><b>{verbatim.html(term.word)}</b>: "
        f"{verbatim.html(term.said)}</span></details>"
    )


def show() -> None:
    """The page with all terms and symbols, and what is often believed."""
    st.set_page_config(page_title=f"{TITLE} · gptviz")
    choice = state.current(state.SHARED)
    top.style()
    st.html(f"<style>{STYLE}</style>")
    with st.container(gap="xsmall"):
        top.show(replace(choice, present=False), cache.opened(choice.model), lab=True, presents=False)
        for text in filter(None, (state.problem(), *state.notes())):
            st.warning(verbatim.markdown(text), icon=":material/info:")
        st.html(f"<h1 class='title'>{verbatim.html(TITLE)}</h1>")
        st.html(
            f"<dl class='terms'>{''.join(entry(term) for term in sorted(terms.TERMS, key=lambda term: term.word.lower()))}</dl>"
        )
        st.html("<h1 class='title'>Symbols</h1>")
        st.html(
            "<table class='symbols'><tr><th>letter</th><th>stands for</th><th>where</th></tr>"
            f"{''.join(row(*one) for one in terms.SYMBOLS)}</table>"
        )
        st.html("<h1 class='title'>Often believed, and what is so</h1>")
        st.html(
            "<table class='beliefs'><tr><th>believed</th><th>what is so</th><th>where to see it</th></tr>"
            f"{''.join(belief(one) for one in BELIEFS)}</table>"
        )
        links.to_walk(choice)
    state.write_url(choice, state.SHARED)


def entry(term: Term) -> Html:
    stage = BY_KEY.get(term.stage)
    where = f"{stage.number} {stage.title}".strip() if stage else ""
    return (
        f"<div><dt>{verbatim.html(term.word)}<span>{verbatim.html(where)}</span></dt><dd>{verbatim.html(term.said)}</dd></div>"
    )


def belief(one: Belief) -> Html:
    return f"<tr><td>{verbatim.html(one.believed)}</td><td>{verbatim.html(one.so)}</td><td>{verbatim.html(index.place(one.place))}</td></tr>"


def row(letter: str, said: str, where: str) -> Html:
    return f"<tr><td>{verbatim.html(letter)}</td><td>{verbatim.html(said)}</td><td>{verbatim.html(where)}</td></tr>"
