"""Any text as it is, wherever markup is understood: a sentence, a token, a link's parameter, a folder's name, an exception.

One function for every language a page is written in. What a reader sees is the text itself, character by character; nothing
in it becomes a link, a picture, a formula, a colour or a line. What cannot be seen, or would turn the words around it, is
written as its number: <00>, <202E>.
"""

import re
from html import escape

Html = str  # markup already: whatever text went into it, went through html() below
Markdown = str  # the same, through markdown()

_UNSEEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SEAM = ":small[]"  # an empty span: nothing to see, but what stands before and after it is no longer read together
_APART = r"(?P<apart>:(?=\S|\Z)|@|www(?=\.)|[-<>~](?=[-=>]))"
_MARKS = re.compile(_APART + r"|[\\`*_{}\[\]<>|~$&\n\t\r]", re.IGNORECASE)
_WORD = re.compile(r"[a-z]|\d+(?!\d|[.)](?:\s|$))", re.IGNORECASE)  # a start that begins no list, heading or icon


def plain(text: object) -> str:
    """For places that know no markup: a list to choose from, a text box, an attribute."""
    return _UNSEEN.sub(lambda found: f"<{ord(found[0]):02X}>", str(text))


def html(text: object) -> Html:
    """In HTML and SVG, between tags or inside a quoted attribute."""
    return escape(plain(text))


def markdown(text: object) -> Markdown:
    """In Streamlit's Markdown: bodies, messages, labels, help, and the options of buttons beside each other.

    Characters that can be markup are written as references. That is not enough: addresses, icons, emoji and arrows are looked
    for afterwards, in the words as they read by then. So a seam stands between their parts.
    """
    text = plain(text)
    return _SEAM * (not _WORD.match(text)) + _MARKS.sub(_reference, text) + _SEAM * text[-1:].isspace()


def _reference(found: re.Match) -> str:
    return "".join(f"&#{ord(char)};" for char in found[0]) + _SEAM * (found["apart"] is not None)


def latex(text: object) -> str:
    r"""In LaTeX, inside \text{...}."""
    return "".join(_LATEX.get(char, char) for char in plain(text))


def chart(text: object) -> str:
    """In a Plotly figure: titles, names, labels of axes, annotations, and what stands under the pointer.

    Plotly knows some tags, formulas between dollars, and %{...} in templates; Streamlit replaces colours wherever they stand. A
    line end stays one.
    """
    text = escape(plain(text), quote=False).replace("\n", "<br>")
    return text.replace("$", "&#36;").replace("%{", "&#37;{").replace("#0", "&#35;0")


_LATEX = {
    "\\": r"{\textbackslash}",
    "{": r"{\textbraceleft}",
    "}": r"{\textbraceright}",
    "$": r"{\textdollar}",
    "^": r"{\textasciicircum}",
    "~": r"{\textasciitilde}",
    "_": r"{\textunderscore}",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "-": "{-}",  # two in a row would join to a dash, two quotes to one
    "'": "{'}",
    "`": "{`}",
    ":": "{:}",  # Streamlit looks for icons in a formula too
}
