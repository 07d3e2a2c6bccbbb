"""A small table of numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """Rows of a small table: column title -> values, all of one length. note: a line under it."""

    columns: Mapping[str, Sequence[Any]]
    title: str = ""
    note: str = ""
