"""Typed words as rows of the token table: one word with or without its space, or a list of words in groups."""

import re
from dataclasses import dataclass

import numpy as np

from ... import tokenizer
from ...likeness import with_all
from ..lab import Control, Setting

MOST = 40  # words of a list

THEMES = "cat dog horse bird; red blue green white; two three four five; mother father sister brother; walked ran went looked"
PEOPLE = "king queen prince princess; man woman boy girl; he she it they; doctor soldier priest knight"
TIME = "Monday Tuesday Friday Saturday; January June July August; morning evening night noon; hour minute day week"

LISTED = Control(
    "words",
    "Words (a semicolon begins a new group)",
    "text",
    THEMES,
    help="Up to 40 words. The groups only choose the colours: the model knows nothing of them.",
)
SPACE = Control(
    "space",
    "Space before each",
    "switch",
    True,
    help="Inside a sentence the space belongs to the word that follows it, and word and space are one token.",
)


@dataclass(frozen=True)
class Word:
    """A word as it is looked up. text: its space included. ids: its tokens, one where the word has a row of its own."""

    text: str
    ids: tuple[int, ...]

    @property
    def shown(self) -> str:
        """The word with its space visible."""
        return tokenizer.printable(tokenizer.well_formed(self.text).encode())


@dataclass(frozen=True)
class WordList:
    """Words that are one token each. ids: without repeats. groups: the number of each word's group, from 0.

    left_out: the words that are several tokens. beyond: how many more were typed than are taken.
    """

    ids: tuple[int, ...]
    groups: tuple[int, ...]
    left_out: tuple[Word, ...]
    beyond: int

    @property
    def shown(self) -> tuple[str, ...]:
        return tuple(map(tokenizer.printable, self.ids))

    @property
    def remarks(self) -> str:
        """What was typed and is not there, in words; empty when everything is."""
        said = []
        if self.left_out:
            some = ", ".join(f'"{word.shown}" ({len(word.ids)} tokens)' for word in self.left_out[:4])
            more = f" and {len(self.left_out) - 4} more" if len(self.left_out) > 4 else ""
            said.append(f"Left out, as no row of the table is theirs: {some}{more}.")
        if self.beyond:
            said.append(f"The first {MOST} words are taken; {self.beyond} more {'was' if self.beyond == 1 else 'were'} typed.")
        return " ".join(said)


def read(text: str, space: bool) -> Word:
    """A typed word with a space before it, as inside a sentence, or without one. Spaces around it do not count."""
    text = (" " if space else "") + text.strip()
    return Word(text, tuple(tokenizer.encode(text)))


def listed(text: str, space: bool) -> WordList:
    """The words of a list, separated by spaces or commas, in groups separated by semicolons or new lines."""
    found: dict[int, int] = {}
    left_out, beyond, group = [], 0, 0
    for part in re.split(r"[;\n]", text):
        names = [name for name in re.split(r"[\s,]+", part) if name]
        for word in (read(name, space) for name in names):
            if len(word.ids) > 1:
                left_out.append(word)
            elif word.ids[0] not in found and len(found) == MOST:
                beyond += 1
            else:
                found.setdefault(word.ids[0], group)
        group += bool(names)
    return WordList(tuple(found), tuple(found.values()), tuple(dict.fromkeys(left_out)), beyond)


def likeness(setting: Setting, token: int) -> np.ndarray:
    """(rows,) cosine of a token's row with every row of the token table, itself included; not to be written to."""

    def make() -> np.ndarray:
        found = with_all(setting.model.tok_emb.weight, token).numpy()
        found.flags.writeable = False
        return found

    return setting.once(("likeness", setting.model_key, token), make)


def twin(token: int) -> int | None:
    """The token that differs only in the space before it, or None where the vocabulary has no such token."""
    raw = tokenizer.token_bytes(token)
    other = raw[1:] if raw.startswith(b" ") else b" " + raw
    return tokenizer.ranks().get(other)


def count_of(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def number(value: float, digits: int = 2) -> str:
    """A number as text, never minus nothing."""
    return f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "−")
