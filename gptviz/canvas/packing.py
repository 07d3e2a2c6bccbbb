"""How a picture travels: `<uint32 header length><JSON header>`, then the raw bytes of its arrays. js/decode.js reads it back."""

import json
import struct
from collections.abc import Iterable
from typing import Any

from ..figures import style

SHARED = {
    "scales": {kind: dict(stops) for kind, stops in style.SCALES.items()},
    "hidden": dict(style.HIDDEN),
}
"""What every header holds: the colours, which are written down once, in figures/style."""


def pack(picture: str, header: dict[str, Any], arrays: Iterable[bytes]) -> bytes:
    """picture: its kind, as js/canvas.js knows it."""
    whole = {"picture": picture} | header | SHARED
    encoded = json.dumps(whole, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return b"".join((struct.pack("<I", len(encoded)), encoded, *arrays))
