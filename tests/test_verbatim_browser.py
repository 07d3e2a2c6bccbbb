"""In a real browser: whatever a text holds, every place that understands markup shows it character by character."""

import random
import re
from collections.abc import Iterator

import pytest

from conftest import settle
from hostile import BITS, TEXT, watched

ODD = (
    *(
        "``",
        "$$x$$",
        "# x",
        "1. x",
        "1) x",
        "- x",
        "+ x",
        "> x",
        "    x",
        "x\n\nx",
        "| a |\n|--|",
        "---",
        "[x]: http://evil.example",
    ),
    *(
        "https://evil.example",
        "WWW.evil.example",
        "mailto:x@evil.example",
        "a:-> x",
        "<->",
        "<-",
        "~=",
        "<=",
        ":material_home:",
    ),
    *(
        ":streamlit:",
        "&amp; &#65; &lt;b&gt;",
        "\\",
        "a\\*b",
        "[^1]",
        "::x[y]",
        ":::x",
        ":small[]",
        "<!-- x -->",
        "🦜 x",
        "👩‍👩‍👧",
        "日本",
        "x ",
    ),
)
PIECES = (
    *"`*_~$:@[](){}<>!#|&;.-=+/\\\"'^%? \n",
    *(
        "http",
        "www",
        ".com",
        "evil.example",
        "red",
        "material",
        "smile",
        "a",
        "1",
        "://",
        "->",
        "<-",
        "--",
        ">=",
        "![",
        "](",
        "\t",
    ),
    *("é", "🦜", "&#58;", "&amp;", "<b>", "</b>", ":red[", ":material/home:", "$x$", "`x`"),
)
CHART = ("<br>x", "<a href='http://evil.example/'>x</a>", "%{x}", "#000001", "&lt;x&gt;", "x<sup>2</sup>", "a\nb")


def some(count: int, seed: int) -> Iterator[str]:
    """Texts put together from pieces that mean something somewhere."""
    dice = random.Random(seed)
    while count:
        text = "".join(dice.choice(PIECES) for _ in range(dice.randint(1, 8)))
        if text.strip():
            count -= 1
            yield text


TEXTS = (*BITS, TEXT, *ODD, *some(150, seed=7))
SHOWN = (*BITS, *CHART)
SCRIPT = f"""
import plotly.graph_objects as go
import streamlit as st

from gptviz import verbatim

TEXTS, SHOWN, BITS = {TEXTS!r}, {SHOWN!r}, {BITS!r}
words = verbatim.markdown
st.container(key="body").markdown("\\n\\n".join(f"zz {{words(text)}} zz" for text in TEXTS))
st.container(key="caption").caption("\\n\\n".join(f"**{{words(text)}}**: b" for text in TEXTS))
st.container(key="start").warning("\\n\\n".join(map(words, TEXTS)))
st.container(key="options").radio("Which", TEXTS, format_func=words)
with st.container(key="buttons"):
    for n, text in enumerate(BITS):
        st.button(words(text), key=f"button-{{n}}")
st.container(key="beside").segmented_control("Which", BITS, format_func=words)
with st.container(key="formulas"):
    for text in BITS:
        st.latex(rf"\\text{{{{{{verbatim.latex(text)}}}}}}")
st.container(key="html").html("".join(f"<p title='{{verbatim.html(text)}}'>{{verbatim.html(text)}}</p>" for text in TEXTS))
labels = [verbatim.chart(text) for text in SHOWN]
places = list(range(len(labels)))
bars = go.Bar(x=[1] * len(labels), y=places, orientation="h", text=labels, textposition="inside", name=labels[0])
bars.hovertemplate = f"{{verbatim.chart(' '.join(SHOWN[:-1]))}}<extra></extra>"
figure = go.Figure(bars, {{"title": {{"text": labels[1]}}, "height": 900, "showlegend": True}})
figure.update_yaxes(tickvals=places, ticktext=labels)
st.container(key="chart").plotly_chart(figure, theme=None)
"""
WHERE = {
    "body": (".st-key-body p", TEXTS, "zz {} zz"),
    "caption": (".st-key-caption p", TEXTS, "{}: b"),
    "start": (".st-key-start p", TEXTS, "{}"),
    "options": (".st-key-options label[data-testid=stRadioOption] p, .st-key-options [role=radiogroup] p", TEXTS, "{}"),
    "buttons": (".st-key-buttons button p", BITS, "{}"),
    "beside": (".st-key-beside button p", BITS, "{}"),
    "html": (".st-key-html [data-testid=stHtml] p", TEXTS, "{}"),
    "titles": (".st-key-html [data-testid=stHtml] p", TEXTS, "{}"),
    "formulas": (".st-key-formulas .katex-html", BITS, "{}"),
    "ticks": (".st-key-chart .ytick text", SHOWN, "{}"),
    "bars": (".st-key-chart .bartext", SHOWN, "{}"),
}


@pytest.fixture(scope="module")
def server(serve, tmp_path_factory):
    script = tmp_path_factory.mktemp("texts") / "app.py"
    script.write_text(SCRIPT, encoding="utf-8")
    return serve(script)


@pytest.fixture
def page(server, chromium):
    context = chromium.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    happened = watched(page, server.url)
    page.goto(f"{server.url}/?stage=text")
    page.locator(".st-key-chart .bartext").nth(len(SHOWN) - 1).wait_for(state="attached")
    settle(page)
    yield page
    assert happened == []
    context.close()


def words(text: str) -> str:
    """A text as a browser sets it: spaces in a row are one."""
    return " ".join(text.replace("\xa0", " ").split())


def test_every_text_is_shown_as_it_is(page):
    for name, (selector, texts, frame) in WHERE.items():
        found = page.eval_on_selector_all(
            selector, "(all, title) => all.map(one => title ? one.title : one.textContent)", name == "titles"
        )
        wanted = [words(frame.format(text)) for text in texts]
        if name == "formulas":  # its letters have no straight quotes
            wanted = [text.replace("`", "‘").replace("'", "’").replace(" ", "") for text in wanted]
            found = [text.replace(" ", "").replace("\xa0", "") for text in found]
        if name == "titles":  # Streamlit leaves out an attribute that looks like the end of a comment
            wanted = [text * (re.search("--!?>|]>", text) is None) for text in wanted]
        if name in ("ticks", "bars"):
            wanted = [text.replace("a b", "ab") for text in wanted]  # two lines
        assert [words(text) for text in found] == wanted, name
    made = "a, img, del, em, ul, ol, table, blockquote, hr, h1, h2, h3, h4, code, [role=img], .stMarkdownColoredText"
    assert (
        page.locator(
            f":is(.st-key-body, .st-key-caption, .st-key-start, .st-key-options, .st-key-buttons, .st-key-beside, .st-key-html) :is({made})"
        ).count()
        == 0
    )
    assert page.locator(".st-key-chart :is(a, text tspan[style])").count() == 0
    assert words(page.locator(".st-key-chart .gtitle").text_content()) == SHOWN[1]
    assert words(page.locator(".st-key-chart .legendtext").text_content()) == SHOWN[0]
    page.locator(".st-key-chart .bars path").first.hover(force=True)
    page.locator(".st-key-chart .hoverlayer .hovertext").wait_for(state="attached")
    assert words(page.locator(".st-key-chart .hoverlayer .hovertext").text_content()) == words(" ".join(SHOWN[:-1]))
