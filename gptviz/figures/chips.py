"""Text cut into coloured chips, each with the id of its token."""

from dataclasses import dataclass


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
