"""Text -> token ids -> the windows a training run reads, in an order that a seed and a number of batches fix."""

import codecs
import shlex
from dataclasses import dataclass
from functools import cached_property
from math import log
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor

from .. import tokenizer
from ..weights import YARDSTICK

VOCABULARY = tokenizer.END_OF_TEXT_ID + 1

MARKS = {  # what a file in another encoding begins with
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def read_text(path: str | Path) -> str:
    """A text file in UTF-8, as `tokenizer.as_read` takes it. Raises ValueError with the place, what the file seems to be and what to
    do when it is in another encoding."""
    raw = Path(path).read_bytes()
    zeros = raw.count(0)
    try:
        text = raw.decode()
        if zeros * 4 < len(raw) or not raw:
            return tokenizer.as_read(text)
        at = raw.index(0)  # UTF-16 without a mark is valid UTF-8 where it is ASCII: every second byte is 0
    except UnicodeDecodeError as error:
        at = error.start
    found = next((name for mark, name in MARKS.items() if raw.startswith(mark)), "")
    if not found and zeros * 4 >= len(raw):
        found = "UTF-16LE" if raw[1::2].count(0) > zeros // 2 else "UTF-16BE"
    elif not found and not zeros:
        found = "WINDOWS-1252"
    line, name = 1 + raw.count(b"\n", 0, at), Path(path).name
    convert = f"iconv -f {found} -t UTF-8 {shlex.quote(name)} > {shlex.quote(f'utf8-{name}')}"
    advice = f"It may be {found}: save it as UTF-8 in an editor, or run: {convert}" if found else "It seems to be no text"
    raise ValueError(f"{path}: expected text in UTF-8, but byte {at:,} (line {line:,}) is 0x{raw[at]:02X}. {advice}")


def encode_text(path: str | Path) -> np.ndarray:
    """Token ids of a text file, (token,) uint16, as `encode_documents` finds them."""
    return encode_documents(read_text(path))


def encode_documents(text: str) -> np.ndarray:
    """Token ids of a text, (token,) uint16. A written `<|endoftext|>` becomes the special token between two documents; a byte order
    mark before one of them is no text."""
    found: list[np.ndarray] = []
    for number, document in enumerate(map(tokenizer.as_read, text.split(tokenizer.END_OF_TEXT))):
        if number:
            found.append(np.array([tokenizer.END_OF_TEXT_ID], dtype=np.uint16))
        found.append(np.array(tokenizer.encoding().encode_ordinary(document), dtype=np.uint16))
    return np.concatenate(found)


def read_tokens(path: str | Path) -> np.ndarray:
    """(token,) uint16 of a text, or of an .npy file that holds its token ids already (left on disk, mapped)."""
    if Path(path).suffix != ".npy":
        return encode_text(path)
    ids = np.load(path, mmap_mode="r", allow_pickle=False)
    if ids.ndim != 1 or ids.dtype != np.uint16:
        raise ValueError(f"{path}: expected one row of token ids as uint16, found shape {ids.shape} of {ids.dtype}")
    return ids


class Baselines:
    """What the frequencies of words alone say of a text. counts: (word,) of the text to learn from; held_out: (token,)."""

    counts: np.ndarray
    held_out: np.ndarray

    @property
    def unigram_entropy(self) -> float:
        """Nats a token of the training text itself, when every token is guessed by its share of that text."""
        share = self.counts[self.counts > 0] / self.counts.sum()
        return float(-(share * np.log(share)).sum())

    def unigram_loss(self) -> float:
        """Nats a held-out token under the training text's shares, each count raised by one so that none is impossible."""
        share = (self.counts + 1) / (self.counts.sum() + VOCABULARY)
        return float(-np.log(share[self.held_out]).mean())


@dataclass(frozen=True)
class Yardstick(Baselines):
    """What a model can be measured by without the text it learned from: the held-out tokens, (token,) uint16, and how often
    each word occurs in the rest, (word,)."""

    held_out: np.ndarray
    counts: np.ndarray

    @classmethod
    def read(cls, folder: str | Path) -> "Yardstick":
        """The one beside a model's weights. Raises FileNotFoundError where there is none."""
        path = Path(folder) / YARDSTICK
        if not path.is_file():
            raise FileNotFoundError(f"{path}: expected the held-out text that a finished run leaves there, found none")
        found = load_file(path)
        return cls(found["held_out"], found["counts"])

    def save(self, folder: str | Path) -> None:
        save_file({"held_out": self.held_out, "counts": self.counts.astype(np.int32)}, Path(folder) / YARDSTICK)


@dataclass(frozen=True)
class Corpus(Baselines):
    """One text cut in two: what a run learns from, and its last tokens, which it never reads. Both (token,) uint16."""

    train: np.ndarray
    held_out: np.ndarray

    @classmethod
    def read(cls, path: str | Path, held_out: int) -> "Corpus":
        """The last `held_out` tokens are kept apart, but never more than a twentieth of the text."""
        ids = read_tokens(path)
        apart = min(held_out, len(ids) // 20)
        return cls(ids[: len(ids) - apart], ids[len(ids) - apart :])

    @cached_property
    def counts(self) -> np.ndarray:
        """How often each id of the vocabulary occurs in the training text, (word,)."""
        return np.bincount(self.train, minlength=VOCABULARY)

    @property
    def yardstick(self) -> Yardstick:
        return Yardstick(np.array(self.held_out), self.counts)


UNIFORM_LOSS = log(VOCABULARY)


@dataclass(frozen=True)
class Windows:
    """Batches of windows of `length` tokens: each pass over the text reads every window once, shuffled, and the next pass
    cuts the text at other places. Batch n is the same whatever was read before it, so a run resumes by its number alone."""

    ids: np.ndarray
    length: int
    batch: int
    seed: int

    def __post_init__(self):
        if self.per_pass < 1:
            need = self.length * (self.batch + 1) + 1
            raise ValueError(
                f"the text has {len(self.ids):,} tokens to learn from; {self.batch} windows of {self.length} need {need:,}"
            )

    @property
    def per_pass(self) -> int:
        """Batches in one pass over the text."""
        return (len(self.ids) - 1 - self.length) // self.length // self.batch

    def read(self, number: int) -> tuple[Tensor, Tensor]:
        """Batch `number` from 0: tokens and, one place on, the tokens to predict; both (batch, token) int64."""
        passed, at = divmod(number, self.per_pass)
        offset, order = self._order(passed)
        starts = offset + order[at * self.batch : (at + 1) * self.batch] * self.length
        rows = np.stack([self.ids[start : start + self.length + 1] for start in starts]).astype(np.int64)
        found = torch.from_numpy(rows)
        return found[:, :-1].contiguous(), found[:, 1:].contiguous()

    def _order(self, passed: int) -> tuple[int, np.ndarray]:
        """Where pass number `passed` starts to cut, and the order of its windows."""
        random = np.random.default_rng((self.seed, passed))
        return int(random.integers(self.length)), random.permutation((len(self.ids) - 1 - self.length) // self.length)
