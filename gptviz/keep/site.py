"""A folder of walks for any web server: an index, and one file a sentence."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from .. import tokenizer, verbatim
from ..verbatim import Html
from .chosen import Chosen
from .walk import POLICY, version

LONGEST = 40  # characters of a file's name


@dataclass(frozen=True)
class Page:
    """One file of the folder."""

    name: str
    chosen: Chosen
    size: int


def names(texts: Sequence[str]) -> list[str]:
    """A file's name for every text: its letters and digits, each name once, none of them the index's."""
    taken, found = {"index"}, []
    for text in texts:
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
        stem = re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST].strip("-") or "walk"
        name, n = stem, 2
        while name in taken:
            name, n = f"{stem}-{n}", n + 1
        taken.add(name)
        found.append(f"{name}.html")
    return found


def index(pages: Sequence[Page]) -> Html:
    """The page that leads to the others."""
    rows = "\n".join(
        f'<li><a href="{verbatim.html(page.name)}">{verbatim.html(tokenizer.in_one_line(page.chosen.text))}</a> '
        f"<small>{verbatim.html(page.chosen.model)}, {page.size / 1e6:.1f} MB</small></li>"
        for page in pages
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Walks through a GPT · gptviz</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 44rem; margin: 2rem auto; padding: 0 1rem; font: 17px/1.5 system-ui, sans-serif; }}
li {{ margin: 0.4rem 0; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>See how a GPT turns a sentence into its next word</h1>
<p>Each is one file with every stage, block and head, and needs nothing else: save it and open it anywhere.</p>
<ul>
{rows}
</ul>
<p><small>Made by {verbatim.html(version())}.</small></p>
</body>
</html>
"""
