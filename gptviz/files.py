"""The files of a checkpoint folder, opened within bounds: a stranger's folder may hold anything under these names."""

import json
import os
import reprlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

JSON_BYTES = 16 << 20  # the largest tokenizer.json of a GPT-2 takes about a third of it
HEADER_BYTES = 4 << 20  # what a safetensors file may say of itself; GPT-2 XL's says 60 kB
POINTER = b"version https://git-lfs."  # how a file begins that Git LFS has not fetched
SHOWN = 2000  # characters of a message


class CheckpointError(ValueError):
    """A checkpoint folder that cannot become a model; the message says what was expected, what was found, and what to do."""

    def __init__(self, message: str):
        message = message.encode("utf-8", "replace").decode()  # a file's name may be no text
        super().__init__(message if len(message) <= SHOWN else f"{message[:SHOWN]} ...")


def brief(value: object) -> str:
    """What a file says, as a message can show it: as Python writes it, shortened where it is long."""
    shown = reprlib.Repr()
    shown.maxstring = shown.maxother = shown.maxlong = 60
    return shown.repr(value)


def opened(path: Path) -> BinaryIO:
    """The file, open for reading, links followed. Raises CheckpointError for what is no plain file (a folder, a device, a pipe,
    which might never end), OSError where there is none or it cannot be read."""
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0)))  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise CheckpointError(f"{path}: expected a plain file, found something else under this name; put the file itself there")
    return file


def content(path: Path, most: int = JSON_BYTES) -> bytes:
    """All of a file of at most `most` bytes. Raises CheckpointError as `opened` does, and when there is more of it."""
    with opened(path) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise CheckpointError(f"{path}: expected at most {most >> 20} MiB, found more; this is no file of a GPT-2 checkpoint")
    return found


def parsed(path: Path, text: bytes) -> Any:
    """What JSON stands for, in any encoding of Unicode that it may be in (RFC 4627). Raises CheckpointError when it is none."""
    try:
        return json.loads(text)
    except RecursionError:
        why = "lists in lists without end"
    except ValueError as error:  # no JSON, no Unicode, or a number of thousands of digits
        why = f"{error}"
    raise CheckpointError(f"{path}: expected a readable JSON file, got: {why}; copy or save it again")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds one object. Raises CheckpointError for anything else, FileNotFoundError or
    NotADirectoryError where there is none."""
    try:
        found = parsed(path, content(path))
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise CheckpointError(f"{path}: expected a readable file, got: {error.strerror or error}") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: expected one JSON object, found {brief(found)}")
    return found


@dataclass(frozen=True)
class Stored:
    """A tensor as a safetensors file describes it. dtype: in the file's own words, such as F32."""

    path: Path
    name: str
    dtype: str
    shape: tuple[int, ...]


def header(path: Path) -> Mapping[str, Stored]:
    """The tensors a safetensors file says it holds, by name, without reading them. What it says is checked as far as it can be
    without them: sizes are whole numbers, places lie inside the file and are as long as the numbers they hold. Raises
    CheckpointError, with what to do, when it is no whole safetensors file."""
    try:
        with opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(max(8, len(POINTER)))
            if start == POINTER:
                raise CheckpointError(
                    f"{path}: expected the weights, found only Git LFS's note of them; run `git lfs pull` there"
                )
            length = int.from_bytes(start[:8], "little")
            if size < 8 or length > size - 8:
                raise _incomplete(path, f"it ends after {size:,} bytes, before its own header does")
            if length > HEADER_BYTES:
                raise _incomplete(path, f"its header would take {length:,} bytes, more than any GPT-2's")
            file.seek(8)
            described = parsed(path, file.read(length))
    except OSError as error:
        raise CheckpointError(f"{path}: expected a complete safetensors file, got: {error.strerror or error}") from None
    if not isinstance(described, dict):
        raise _incomplete(path, f"its header is {brief(described)}")
    described.pop("__metadata__", None)
    return {name: _stored(path, name, entry, size - 8 - length) for name, entry in described.items()}


BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64, "I64": 64,
    "F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64,
}  # fmt: skip
"""Bits of one number, of the kinds whose size is beyond doubt."""


def _stored(path: Path, name: str, entry: Any, room: int) -> Stored:
    try:
        dtype, shape, (start, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        whole = isinstance(dtype, str) and all(type(number) is int and number >= 0 for number in (*shape, start, end))
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise _incomplete(path, f"its header says of {brief(name)}: {brief(entry)}")
    if not start <= end <= room:
        raise _incomplete(path, f"{brief(name)} would lie at bytes {start:,} to {end:,} of {room:,}")
    bits = BITS.get(dtype)
    for number in shape if bits else ():
        bits = min(bits * number, 1 << 80)  # sizes that multiply without end
    if bits is not None and bits != 8 * (end - start):
        raise _incomplete(path, f"{brief(name)} is said to be {dtype} of shape {brief(shape)}, but has {end - start:,} bytes")
    return Stored(path, name, dtype, shape)


def _incomplete(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"{path}: expected a complete safetensors file, got: {why}; copy, download or save it again")
