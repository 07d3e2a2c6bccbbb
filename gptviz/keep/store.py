"""What a kept file holds: one text that is read, and the arrays it speaks of, each number once. js/kept.js reads it back.

`<uint32 length of the text><JSON text><arrays>`, deflated and in base85. An array lies there in planes: the first bytes of all its
numbers, then the second ones, and so on, which packs smaller.
"""

import base64
import json
import struct
import zlib
from typing import Any

import numpy as np

HARMLESS = str.maketrans("<>&", ".,:")  # base85 as Python writes it, without what is markup
BACK = str.maketrans(".,:", "<>&")


class Store:
    """Arrays by number: equal ones are held once."""

    def __init__(self):
        self.arrays: list[np.ndarray] = []
        self.known: dict[tuple[str, bytes], int] = {}

    def add(self, values: np.ndarray) -> int:
        """The number of an array of this type with these values, in their order."""
        values = np.ascontiguousarray(values).reshape(-1)
        key = (values.dtype.str[1:], values.tobytes())
        if key not in self.known:
            self.known[key] = len(self.arrays)
            self.arrays.append(values)
        return self.known[key]

    @property
    def size(self) -> int:
        """Bytes of all arrays, before they are packed."""
        return sum(values.nbytes for values in self.arrays)

    def pack(self, content: dict[str, Any]) -> str:
        """The content and the arrays, as a text that any page can hold. content must not have "arrays" of its own."""
        kinds = [(values.dtype.str[1:], values.size) for values in self.arrays]
        text = json.dumps(content | {"arrays": kinds}, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        planes = (values.view(np.uint8).reshape(-1, values.itemsize).T.tobytes() for values in self.arrays)
        packed = zlib.compress(b"".join((struct.pack("<I", len(text)), text, *planes)), 9)
        return base64.b85encode(packed).decode("ascii").translate(HARMLESS)


def unpack(packed: str) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The content and the arrays of a packed text."""
    raw = zlib.decompress(base64.b85decode(packed.translate(BACK)))
    (size,) = struct.unpack_from("<I", raw)
    content, at, arrays = json.loads(raw[4 : 4 + size]), 4 + size, []
    for kind, count in content["arrays"]:
        wide = np.dtype(f"<{kind}").itemsize
        planes = np.frombuffer(raw, np.uint8, count * wide, at).reshape(wide, count)
        arrays.append(np.ascontiguousarray(planes.T).view(f"<{kind}").reshape(count))
        at += count * wide
    return content, arrays
