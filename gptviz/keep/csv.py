"""The numbers of pictures as CSV: header lines that say where they come from, then every table with its axes and tokens."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import verbatim
from ..figures.forms import Picture, table


def write(pictures: Iterable[Picture], about: Mapping[str, Any]) -> str:
    """about: what the header lines say, name -> value. Numbers are written so that reading them gives the same ones back."""
    text = io.StringIO()
    for name, value in about.items():
        text.write(f"# {name}: {' '.join(verbatim.plain(value).split())}\r\n")
    lines = csv.writer(text)
    for made in pictures:
        for part in table(made):
            if part.title or part.note:
                text.write(f"\r\n# {' '.join(filter(None, (part.title, part.note and f'({part.note})'))).strip()}\r\n")
            lines.writerow(list(part.columns))
            lines.writerows(zip(*map(_column, part.columns.values()), strict=True))
    return text.getvalue()


def _column(values: Sequence[Any]) -> list[str]:
    return [_cell(value) for value in values]


def _cell(value: Any) -> str:
    """A number in the fewest digits that give it back; "" for none."""
    if isinstance(value, np.floating | float):
        return (
            ""
            if np.isnan(value)
            else np.format_float_positional(value, trim="-")
            if 1e-5 < abs(value) < 1e9 or value == 0
            else str(value)
        )
    return verbatim.plain("" if value is None else value)


def read(text: str) -> list[tuple[str, list[str], list[list[str]]]]:
    """What `write` wrote: (title, names of the columns, rows) of every table."""
    found: list[tuple[str, list[str], list[list[str]]]] = []
    title, fresh = "", True
    for line in csv.reader(io.StringIO(text)):
        if line and line[0].startswith("# "):
            title, fresh = ",".join(line)[2:], True
        elif line and fresh:
            found.append((title, line, []))
            fresh = False
        elif line:
            found[-1][2].append(line)
    return found
