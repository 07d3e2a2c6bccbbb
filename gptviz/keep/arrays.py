"""A whole pass in one file: every tensor it captured by its hook point's name, and the choices that made it, for numpy to read."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from ..trace import Trace

CHOICES = "choices"  # the name the JSON goes under
EACH = 400  # bytes an array's name and header take at most
TOLD = 1 << 15  # bytes of the choices, a long text aside
TOKEN = 100  # of one token in them


def size(trace: Trace) -> int:
    """Bytes of the file, in round numbers: all numbers, each with its name."""
    numbers = sum(tensor.numel() * tensor.element_size() + EACH for tensor in trace.tensors.values())
    return numbers + TOLD + TOKEN * trace.ids.numel()


def check(trace: Trace, budget: int) -> None:
    """Raise MemoryError when the file would take more than the budget."""
    if size(trace) > budget:
        raise MemoryError(
            f"this file would take {size(trace) / 2**20:,.0f} MiB and {budget / 2**20:,.0f} MiB is what one file may take: choose a "
            "shorter text"
        )


def write(trace: Trace, choices: Mapping[str, Any], file: BinaryIO) -> None:
    """One .npz, array by array. choices: what made the pass, as plain values."""
    told = {
        "state": trace.state,
        "tokens": [list(row) for row in trace.tokens],
        "axes": {name: trace.axes(name) for name in trace.tensors},
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, CHOICES, np.array(json.dumps(dict(choices) | told, ensure_ascii=False)))
        for name in trace.tensors:
            _add(archive, name, trace.array(name))


def _add(archive: zipfile.ZipFile, name: str, values: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array(member, values, allow_pickle=False)


def packed(trace: Trace, choices: Mapping[str, Any], budget: int) -> bytes:
    """The file in memory. Raises MemoryError where it is too large."""
    check(trace, budget)
    file = io.BytesIO()
    write(trace, choices, file)
    return file.getvalue()
