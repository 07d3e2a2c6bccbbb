"""What `recompute` says of many numbers, kept small: texts that differ only in their numbers are one text and columns of numbers."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Context
from functools import lru_cache
from typing import Any

import numpy as np

from ..points import Address
from ..recompute import axes, recompute
from ..seen import Seen
from .store import Store

NUMBER = re.compile(r"\(-\d+(?:\.\d+)?\)|-?\d+(?:\.\d+)?")
PAREN, MINUS_ZERO, AFTER = 64, 128, 63  # flags beside the count of digits after the point
LARGEST = 2**31 - 1
SHOWN = "\3"  # stands for the number that is shown, in four digits
DIGITS = Context(prec=4, rounding=ROUND_HALF_UP)


def of_token(seen: Seen, cells: Iterable[Address]) -> list[Address]:
    """Those numbers, each once, that belong to the viewed token: to its row, or to no token's."""
    found, places = [], {}
    for cell in dict.fromkeys(cells):
        if cell.point not in places:
            names = axes(seen.trace, cell.point)
            places[cell.point] = next((names.index(name) for name in ("query", "token", "position") if name in names), None)
        place = places[cell.point]
        if place is None or cell.index[place] == seen.row:
            found.append(cell)
    return found


def keep(
    seen: Seen, cells: Iterable[Address], store: Store, told: Callable[[int], None] = lambda done: None
) -> dict[str, dict[str, Any]]:
    """Point -> what is said of its numbers. told: called with how many are done."""
    by_point: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for cell in dict.fromkeys(cells):
        by_point[cell.point].append(cell.index)
    kept, done = {}, 0
    for point, places in by_point.items():
        kinds: dict[tuple[str, ...], int] = {}
        rows: list[list[list[tuple[int, int]]]] = []
        of, off = [], []
        places.sort()
        for index in places:
            made = recompute(seen.trace, point, index)
            said = made.sentence, made.formula, without_end(made.numbers, made.shown), made.code
            parts, numbers = taken_apart("\2".join(said))
            kind = kinds.setdefault(parts, len(kinds))
            if kind == len(rows):
                rows.append([])
            rows[kind].append(numbers)
            of.append(kind)
            off.append(made.shown - made.value if made.difference else 0.0)
            done += 1
            told(done)
        kept[point] = {
            "runs": runs(places),
            "kinds": store.add(np.array(of, np.uint16)),
            "templates": [template(parts, numbers, store) for parts, numbers in zip(kinds, rows)],
            "off": store.add(rounded(np.array(off))),
        }
    return kept


def without_end(numbers: str, shown: float) -> str:
    """A computation without the number it ends in, where that is the shown one in four digits: the page has that one."""
    before, sign, last = numbers.rpartition(" = ")
    return f"{before}{sign}{SHOWN}" if sign and last == four(shown) else numbers


def four(value: float) -> str:
    """A number in four digits as a browser writes it (`toPrecision`, which rounds halves up); "" where it has a power of ten."""
    if not math.isfinite(value):
        return ""
    text = format(DIGITS.create_decimal(value).normalize(), "f") if value else "0"
    return text if not value or 1e-4 <= abs(value) < 1e4 else ""


def taken_apart(text: str) -> tuple[tuple[str, ...], list[tuple[int, int]]]:
    """A text without its numbers, and those: (digits as a whole number, flags and how many of them come after the point)."""
    parts, numbers, at = [], [], 0
    held = ""
    for found in NUMBER.finditer(text):
        held += text[at : found.start()]
        at = found.end()
        number = digits(found[0])
        if number is None:
            held += found[0]
        else:
            parts.append(held)
            numbers.append(number)
            held = ""
    return (*parts, held + text[at:]), numbers


@lru_cache(maxsize=1 << 16)  # most numbers come again and again
def digits(text: str) -> tuple[int, int] | None:
    """A number as it is written, in two whole ones; None for one that could not be written back the same."""
    bare = text.strip("()")
    whole, _, after = bare.partition(".")
    mantissa = int(whole + after)
    flags = len(after) + PAREN * (text != bare) + MINUS_ZERO * (mantissa == 0 and bare.startswith("-"))
    if abs(mantissa) > LARGEST or len(after) > AFTER or written(mantissa, flags) != text:
        return None
    return mantissa, flags


def written(mantissa: int, flags: int) -> str:
    """The text of `digits`."""
    after = flags & AFTER
    plain = str(abs(mantissa)).rjust(after + 1, "0")
    text = f"{plain[:-after]}.{plain[-after:]}" if after else plain
    text = f"-{text}" if mantissa < 0 or flags & MINUS_ZERO else text
    return f"({text})" if flags & PAREN else text


def template(parts: tuple[str, ...], rows: list[list[tuple[int, int]]], store: Store) -> dict[str, Any]:
    """Texts that differ only in their numbers: what stands between those, and a column for each that is not always the same."""
    texts, slots = [parts[0]], []
    for column, after in zip(zip(*rows), parts[1:]):
        if len(set(column)) == 1:
            texts[-1] += written(*column[0]) + after
            continue
        mantissas, places = np.array(column).T
        small = np.int16 if np.abs(mantissas).max() < 2**15 else np.int32
        slots.append((store.add(mantissas.astype(small)), store.add(places.astype(np.uint8))))
        texts.append(after)
    return {"parts": texts, "slots": slots}


def runs(places: list[tuple[int, ...]]) -> dict[str, list[tuple[int, int, int]]]:
    """Sorted indices as: all but the last -> [(number of the first, its last index, how many follow each other)]."""
    found: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for number, (*leading, last) in enumerate(places):
        row = found[",".join(map(str, leading))]
        if row and row[-1][0] + row[-1][2] == number and row[-1][1] + row[-1][2] == last:
            row[-1] = (row[-1][0], row[-1][1], row[-1][2] + 1)
        else:
            row.append((number, last, 1))
    return dict(found)


def rounded(off: np.ndarray) -> np.ndarray:
    """Differences in float32, to within 1 % of themselves: they are shown in two digits, and more would take room for nothing."""
    bits = off.astype("<f4").view(np.uint32)
    return ((bits + np.uint32(1 << 16)) & np.uint32(0xFFFE0000)).view("<f4")
