"""GPT-2's byte-level byte-pair encoding, from the two files shipped with this package and never from the network.

Sennrich et al. 2016 (byte-pair encoding of words), Radford et al. 2019 (on bytes). The work is done by `tiktoken`;
this module adds what a reader wants to see: the merges one by one, and pieces that can be printed.
"""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import regex
import tiktoken

ASSETS = Path(__file__).parent / "assets" / "tokenizer"
END_OF_TEXT = "<|endoftext|>"
END_OF_TEXT_ID = 50256
SIZE = END_OF_TEXT_ID + 1  # ids that text can become; a model's table may have rows beyond them
PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""


SHA256 = {
    "vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    "encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
}


def _shipped(name: str) -> str:
    """The text of a shipped file, which must be byte for byte OpenAI's."""
    content = (ASSETS / name).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        raise ValueError(f"{ASSETS / name}: expected the file with sha256 {SHA256[name]}, found {found}; install gptviz again")
    return content.decode()


@cache
def ranks() -> dict[bytes, int]:
    """Token -> id, from vocab.bpe, held against encoder.json. Raises ValueError when a file is not as OpenAI wrote it.

    The 256 bytes come first, then every merge in the order it was learned: merge n is id 255 + n. The files write each byte
    as one printable character: itself where it has one, else the next character from U+0100 on.
    """
    plain = [byte for byte in range(256) if chr(byte).isprintable() and byte != 32]
    order = plain + [byte for byte in range(256) if byte not in plain]
    byte_of = {chr(byte) if at < len(plain) else chr(256 + at - len(plain)): byte for at, byte in enumerate(order)}
    tokens = [*byte_of, *(line.replace(" ", "") for line in written_merges())]
    if [*tokens, END_OF_TEXT] != list(written()):
        raise ValueError(f"{ASSETS}: vocab.bpe and encoder.json name different tokens; install gptviz again")
    return {bytes(byte_of[char] for char in token): number for number, token in enumerate(tokens)}


def written() -> dict[str, int]:
    """Token -> id, all 50,257, each token as the files write it."""
    return json.loads(_shipped("encoder.json"))


def written_merges() -> list[str]:
    """The merges in the order they were learned, each as the files write it: two tokens with a space between them."""
    return _shipped("vocab.bpe").splitlines()[1:]


@cache
def encoding() -> tiktoken.Encoding:
    """tiktoken's "gpt2" encoding, from the shipped files."""
    return tiktoken.Encoding(
        "gpt2",
        pat_str=PATTERN,
        mergeable_ranks=ranks(),
        special_tokens={END_OF_TEXT: END_OF_TEXT_ID},
        explicit_n_vocab=SIZE,
    )


def well_formed(text: str) -> str:
    """The text as UTF-8 can carry it: halves of a surrogate pair joined, a half that stands alone becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def as_read(text: str) -> str:
    """A text from outside as it is taken here: well formed, without the byte order mark that some programs put before it, and
    with \\n for every line end, as in the texts GPT-2 learned from (none of its merges has a \\r)."""
    return well_formed(text).lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def encode(text: str, *, special: bool = False) -> list[int]:
    """Text -> token ids, of the `well_formed` text. A typed `<|endoftext|>` is ordinary unless `special` is on."""
    return encoding().encode(well_formed(text), allowed_special={END_OF_TEXT} if special else set(), disallowed_special=())


def decode(ids: list[int]) -> str:
    """Token ids -> text; bytes that are no valid UTF-8 on their own become U+FFFD, and ids beyond GPT-2's have no text."""
    return encoding().decode([token for token in ids if token < SIZE])


def token_bytes(token: int) -> bytes:
    """The bytes a token id stands for."""
    return encoding().decode_single_token_bytes(token)


def pieces(text: str, *, special: bool = False) -> list[str]:
    """The pieces the text is cut into before any merge (words with their leading space, numbers, punctuation)."""
    text = well_formed(text)
    if not special:
        return regex.findall(PATTERN, text)
    found = []
    for n, part in enumerate(text.split(END_OF_TEXT)):
        found += ([END_OF_TEXT] if n else []) + regex.findall(PATTERN, part)
    return found


@dataclass(frozen=True)
class Merge:
    """One state of a piece on its way to tokens.

    parts: the byte strings the piece consists of at this point; rank: the number of the merge (1 = learned first)
    that led here, None for the start; joined: the part that merge made.
    """

    parts: tuple[bytes, ...]
    rank: int | None = None
    joined: bytes | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """The token id of every part; each part is a token of the vocabulary at every step."""
        return tuple(encoding().encode_single_token(part) for part in self.parts)


def merges(piece: str) -> list[Merge]:
    """The byte-pair merges of one piece, from single bytes to its final tokens.

    Every step joins the neighbouring pair with the lowest rank, the leftmost one first, as the encoder does.
    """
    rank_of = ranks()
    parts = tuple(bytes([byte]) for byte in well_formed(piece).encode())
    steps = [Merge(parts)]
    while len(parts) > 1:
        pairs = [(rank_of.get(left + right), at) for at, (left, right) in enumerate(pairwise(parts))]
        known = [pair for pair in pairs if pair[0] is not None]
        if not known:
            break
        rank, at = min(known)
        joined = parts[at] + parts[at + 1]
        parts = parts[:at] + (joined,) + parts[at + 2 :]
        steps.append(Merge(parts, rank=rank - 255, joined=joined))
    return steps


@dataclass(frozen=True)
class Group:
    """Consecutive tokens that only together make whole characters: text to print, and the tokens' ids."""

    text: str
    ids: tuple[int, ...]


def groups(ids: list[int]) -> list[Group]:
    """Cut ids into the shortest runs that decode to whole characters: an emoji over three tokens is one group, and so is an id
    that is no token of GPT-2's, which has no text."""
    found, waiting = [], []
    for token in ids:
        if token >= SIZE:
            found += [Group(decode(waiting), tuple(waiting))] * bool(waiting) + [Group("", (token,))]
            waiting = []
            continue
        waiting.append(token)
        try:
            text = b"".join(token_bytes(one) for one in waiting).decode()
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data":
                continue
            text = b"".join(token_bytes(one) for one in waiting).decode(errors="replace")
        found.append(Group(text, tuple(waiting)))
        waiting = []
    if waiting:
        found.append(Group(decode(waiting), tuple(waiting)))
    return found


def printable(token: int | bytes, extra: Mapping[int, str] = MappingProxyType({})) -> str:
    """A token as it can be shown, another label for every token: a space as a visible dot, line ends and tabs as arrows, and
    what has no picture as its bytes, <C2><A0>, three and more of the same as <C2><A0>×3. A dot or an arrow of the text itself
    is shown as its bytes too. extra: what a model calls its rows beyond GPT-2's tokens; one without a name is <extra 50257>."""
    if isinstance(token, int) and token >= SIZE:
        return printable(extra[token].encode()) if token in extra else f"<extra {token}>"
    raw = token_bytes(token) if isinstance(token, int) else token
    try:
        text = raw.decode()
    except UnicodeDecodeError:  # a part of a character: byte for byte, ASCII as it is
        return "".join(_SHOWN.get(chr(byte)) or (chr(byte) if 32 < byte < 127 else f"<{byte:02X}>") for byte in raw)
    seen = any(unicodedata.category(char) not in ("Mn", "Me", "Cf") for char in text)  # marks need a letter to sit on
    shown = (_SHOWN.get(char) or (char if seen and char.isprintable() and char not in _TAKEN else _hex(char)) for char in text)
    return _REPEATED.sub(lambda run: f"{run[1]}×{len(run[0]) // len(run[1])}", "".join(shown))


def in_one_line(text: str) -> str:
    """A text to read in one line: line ends as arrows, and what has no picture as its bytes."""
    return "".join("↵ " if char == "\n" else char if char.isprintable() else printable(char.encode()) for char in text)


def _hex(char: str) -> str:
    return "".join(f"<{byte:02X}>" for byte in char.encode())


_SHOWN = {" ": "·", "\n": "↵", "\t": "⇥", "\r": "␍"}
_TAKEN = frozenset(_SHOWN.values())
_REPEATED = regex.compile(r"((?:·?<[0-9A-F]{2}>)+?)\1{2,}")
