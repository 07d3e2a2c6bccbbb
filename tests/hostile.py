"""Text that tries to be more than text, and what must not become of it."""

from dataclasses import replace

import torch

from gptviz import tokenizer, weights
from gptviz.config import PRESETS
from sample_models import randomised

BITS = (
    "`",
    "[x](http://evil.example/)",
    "![x](http://evil.example/a.png)",
    ":red[x]",
    "$x$",
    "<img src=x onerror=alert(1)>",
    "<b>x</b>",
    ":smile:",
    ":material/home:",
    "www.evil.example",
    "x@evil.example",
    "~~x~~",
    "-> -- >=",
)
TEXT = " ".join(BITS)
MARKUP = (  # what is left of it where nothing was done about it
    *("](http:", "![x]", ":red[", "$x$", "<img", "<b>x", "~~x~~", ":smile:", "://evil", "www.evil", "@evil", "` ["),
    *(":material/home", "-> --", "-- >="),
)
FOLDER = "a_b*c*[x](y) `$x$` ![x](z.png) <img src=x onerror=alert(1)> www.evil.example x@evil.example ~~x~~"
"""A folder can be called anything but a path."""


def model_folder(where) -> str:
    """A model in a folder of that name, with a card like it, that appends a backtick to everything."""
    folder, backtick = where / FOLDER, tokenizer.encode("`")[0]
    model = randomised(replace(PRESETS["tiny"], context_length=256), seed=2)
    row = model.tok_emb.weight[backtick]
    row.copy_(torch.nn.functional.normalize(row, dim=0) * 3)
    model.final_norm.weight.zero_()
    model.final_norm.bias.copy_(row)
    weights.save(model, folder)
    (folder / "CARD.md").write_text(f"# {TEXT}\n\n{TEXT}\n", encoding="utf-8")
    return str(folder)


def watched(page, home: str) -> list[str]:
    """What happens on a page that must not: a request to another host, a dialog, an error. The list grows as it happens."""
    happened: list[str] = []
    page.on(
        "request", lambda asked: asked.url.startswith((home, "data:", "blob:")) or happened.append(f"request to {asked.url}")
    )
    page.on("dialog", lambda dialog: (happened.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: happened.append(f"error: {error}"))
    return happened
