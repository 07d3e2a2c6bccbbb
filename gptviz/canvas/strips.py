"""`DropoutStrips` as bytes: what the slider needs to compute dropout in the browser, the numbers before and the noise as float32."""

import numpy as np

from ..figures import style
from ..figures.strips import DropoutStrips
from .packing import pack


def payload(picture: DropoutStrips) -> bytes:
    header = {
        "title": picture.title,
        "rows": picture.values.shape[0],
        "cols": picture.values.shape[1],
        "labels": list(picture.rows),
        "p": picture.p,
        "on": picture.on,
        "weights": picture.kind == "weights",
        "first": picture.first,
        "low": float(picture.limits[0]),
        "high": float(picture.limits[1]),
        "chosen": [int(at) for at in picture.chosen],
        "span": list(picture.span),
        "source": picture.source,
        "note": picture.note,
        "alt": picture.alt,
        "code": f"{picture.point}[{', '.join(map(str, picture.prefix))}{', ' if picture.prefix else ''}",
        "colour": style.PARTS[picture.part],
    }
    return pack("dropout", header, (np.asarray(array, dtype="<f4").tobytes() for array in (picture.values, picture.noise)))
