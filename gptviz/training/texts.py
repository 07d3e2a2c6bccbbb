"""The short texts that ship with gptviz for a reader to train on, all in the public domain in the United States."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .data import read_text

FOLDER = Path(__file__).parents[1] / "assets" / "texts"


@dataclass(frozen=True)
class Text:
    """A text on offer. key: its file's name and its place in the URL; about: in a few words what a run on it shows; source: the
    Standard Ebooks edition it is cut from."""

    key: str
    title: str
    author: str
    about: str
    source: str

    def read(self) -> str:
        return _read(self.key)


@cache
def _read(key: str) -> str:
    return read_text(FOLDER / f"{key}.txt")


TEXTS = {
    text.key: text
    for text in (
        Text(
            "potter",
            "Peter Rabbit and other tales",
            "Beatrix Potter (1866-1943)",
            "Short sentences and names that come back.",
            "beatrix-potter/short-fiction",
        ),
        Text(
            "grimm",
            "Six household tales",
            "Jacob and Wilhelm Grimm, translated by Margaret Hunt (1831-1912)",
            "Longer sentences, many ands.",
            "jacob-grimm_wilhelm-grimm/household-tales/margaret-hunt",
        ),
        Text(
            "holmes",
            "A Scandal in Bohemia",
            "Arthur Conan Doyle (1859-1930)",
            "Talk between two people, and a wide choice of words.",
            "arthur-conan-doyle/the-adventures-of-sherlock-holmes",
        ),
        Text(
            "walrus",
            "The Walrus and the Carpenter",
            "Lewis Carroll (1832-1898)",
            "One poem: so short that a model learns it by heart.",
            "lewis-carroll/through-the-looking-glass/john-tenniel",
        ),
    )
}
