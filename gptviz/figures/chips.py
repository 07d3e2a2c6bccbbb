"""Text cut into coloured chips, each with the id of its token."""

from dataclasses import dataclass
from pathlib import Path

from .. import verbatim
from ..verbatim import Html
from . import style

CSS = (Path(__file__).parent / "chips.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Chip:
    """One piece of text. ids: the token ids it stands for (several when only together they make a character).

    state: "" or "cropped" (fell out of the context), "appended" (the model wrote it), "joined" (the merge just made it).
    note: small text under the id, such as the merge that made it.
    """

    text: str
    ids: tuple[int, ...]
    colour: int = 0
    state: str = ""
    note: str = ""


@dataclass(frozen=True)
class Chips:
    """Lines of chips under headings: (heading, chips) pairs; a heading without chips is for all lines below it, whose own
    headings stand beside their chips. selected: the chips outlined in the first line."""

    lines: tuple[tuple[str, tuple[Chip, ...]], ...]
    selected: tuple[int, ...] = ()
    note: str = ""
    alt: str = ""


def markup(chips: Chips, *, present: bool) -> Html:
    """Chips as markup; every text in them is escaped."""
    lines = ""
    under = False
    for n, (heading, line) in enumerate(chips.lines):
        drawn = "".join(_chip(chip, n == 0 and at in chips.selected) for at, chip in enumerate(line))
        made = f"<div class='heading'>{verbatim.html(heading)}</div>" + (f"<div class='line'>{drawn}</div>" if line else "")
        lines += f"<div class='under'>{made}</div>" if under else made
        under = under or not line
    note = f"<div class='note'>{verbatim.html(chips.note)}</div>" if chips.note else ""
    size = " present" if present else ""
    return f"<div class='chips{size}' role='img' aria-label='{verbatim.html(chips.alt)}'>{lines}{note}</div>"


def _chip(chip: Chip, selected: bool) -> Html:
    classes = " ".join(filter(None, ("chip", chip.state, "selected" if selected else "")))
    ids = f"<span class='ids'>{' '.join(map(str, chip.ids))}</span>" if chip.ids else ""
    note = f"<span class='about'>{verbatim.html(chip.note)}</span>" if chip.note else ""
    return (
        f"<span class='{classes}' style='--chip: {style.token_colour(chip.colour)}'>"
        f"<span class='piece'>{verbatim.html(chip.text)}</span>{ids}{note}</span>"
    )
