"""How much an address carries, and what becomes of a text that is too long for one.

Web servers take a request line of some length only: nginx 8,192 bytes unless told otherwise, and there a letter outside ASCII
takes up to twelve. So a parameter travels as it is while the address is short enough; else the longest ones are compressed
(`text.z`); and one that is still too long is left out, and a mark stands in its place (`text.kept`) by which the text is known
again where it was kept.
"""

import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import quote, urlencode

LONGEST = 8000  # bytes after the "?": beside them a request line of 8,192 has room for the method, the path and the version
UNPACKED = 1 << 18  # bytes all compressed parameters of one address may come to: no address makes more work than that
PACKED, KEPT = ".z", ".kept"


def size(params: Mapping[str, object]) -> int:
    """Bytes of these parameters in an address, in the longer of the two ways to write a space."""
    return len(urlencode(params, doseq=True, quote_via=quote))


def write(params: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The parameters as an address carries them, and the names of those that it cannot."""
    written = {name: (name, value) for name, value in params.items()}
    left: list[str] = []
    longest_first = sorted(params, key=lambda name: len(quote(params[name])), reverse=True)
    for shorten in (_packed, _marked):
        for name in longest_first:
            if size(dict(written.values())) <= LONGEST:
                break
            short = shorten(name, params[name])
            if size(dict([short])) < size(dict([written[name]])):
                written[name] = short
                left += [name] * (shorten is _marked)
    return dict(written.values()), tuple(left)


def read(params: Mapping[str, str], kept: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """The parameters an address stands for, by their plain names; for each that is not there, what to say of it; and the marks
    of the texts that are not here. kept: mark -> text."""
    plain = {name: value for name, value in params.items() if not name.endswith((PACKED, KEPT))}
    absent, missing, room = {}, [], UNPACKED
    for written, value in params.items():
        name = written.removesuffix(PACKED).removesuffix(KEPT)
        if name in plain:
            continue
        if written.endswith(PACKED):
            try:
                plain[name] = _unpacked(value, room)
                room -= len(plain[name].encode())
            except ValueError as error:
                absent[name] = f"The link's {name[:40]} {error}; the default is used instead."
        elif value in kept:
            plain[name] = kept[value]
        else:
            count = re.fullmatch(r"(\d{1,6})-[0-9a-f]{16}", value)
            of = f" of {int(count[1]):,} characters" if count else ""
            absent[name] = (
                f"This address is too short for its {name[:40]}{of}, which stayed in the tab it was typed in; the default is shown. "
                "Put the text in again to see it."
            )
            missing.append(value)
    return plain, {name: why for name, why in absent.items() if name not in plain}, tuple(missing)


def long(text: str) -> bool:
    """Whether an address may be too short for a text, beside what else it holds."""
    return len(quote(text)) > LONGEST // 2


def mark(text: str) -> str:
    """What stands in an address for a text that is kept elsewhere: its length, and by what it is known again."""
    return f"{len(text)}-{sha256(text.encode()).hexdigest()[:16]}"


def _marked(name: str, text: str) -> tuple[str, str]:
    return name + KEPT, mark(text)


def _packed(name: str, text: str) -> tuple[str, str]:
    return name + PACKED, urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


def _unpacked(raw: str, room: int) -> str:
    """The text in a compressed parameter. Raises ValueError when there is none, or more than `room` bytes of it."""
    unpack = zlib.decompressobj()
    try:
        content = unpack.decompress(urlsafe_b64decode(raw + "=" * (-len(raw) % 4)), room + 1)
        if len(content) <= room and unpack.eof:
            return content.decode()
    except (ValueError, zlib.error):
        raise ValueError("is damaged") from None
    raise ValueError(
        f"holds more than the {UNPACKED:,} bytes an address may stand for" if len(content) > room else "is damaged"
    )
