"""A `Grid` on the page: what the reader points at comes back as an event."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...canvas.grid import payload
from ...figures.matrix import Grid, Panel
from .. import element, incoming


@dataclass(frozen=True)
class Cell:
    """The reader chose a number: tensor[point][index]."""

    point: str
    index: tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """The reader chose a row by its label. axis: what the rows of that panel are ("token", "query: reads")."""

    row: int
    axis: str = field(default="", compare=False)


@dataclass(frozen=True)
class Pick:
    """The reader chose a whole panel by its title, or one tile of it: field ("head", "block") is to become value."""

    field: str
    value: int


Event = Cell | Row | Pick


def show(
    grid: Grid,
    *,
    key: str,
    cell: tuple[str, tuple[int, ...]] | None = None,
    present: bool = False,
    on_event: Callable[[Event], None] | None = None,
) -> Event | None:
    """Draw the grid, and return what the reader just did in it, or None.

    cell: the (point, index) outlined wherever it is shown. present: type for a projector. on_event: called with the event
    before the script runs again, so that the page can change its state first and draw once.
    """

    offered = [replace(panel, values=np.broadcast_to(np.float32(0), panel.values.shape), marks=None) for panel in grid.panels]

    def changed() -> None:
        event = read(key, offered)
        if event is None:
            incoming.ignored("a picture")
        elif on_event is not None:
            on_event(event)

    element.show(payload(grid, cell, present), key=key, on_event=changed)
    return read(key, offered)


def read(key: str, panels: Sequence[Panel]) -> Event | None:
    """The event of the element `key` in this run, if one of the panels has that place; their numbers do not matter."""
    event = translate(incoming.sent(key, "event"))
    return event if event is not None and any(_holds(panel, event) for panel in panels) else None


def translate(message: object) -> Event | None:
    """What the browser sent, as an Event. Anything that is not one, such as a forged message, is None."""
    match message:
        case {"kind": "cell", "point": str(point), "index": list(index)} if point and index and all(map(_natural, index)):
            return Cell(point, tuple(index))
        case {"kind": "row", "row": row, "axis": str(axis)} if _natural(row):
            return Row(row, axis)
        case {"kind": "pick", "field": str(name), "value": value} if name and _natural(value):
            return Pick(name, value)
    return None


def _natural(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 31


def _holds(panel: Panel, event: Event) -> bool:
    match event:
        case Cell(point, index):
            return len(index) >= 2 and panel.find(point, index) is not None
        case Row(row, axis):
            return axis == panel.row_axis and (row in panel.row_index if panel.row_index else row < len(panel.rows))
        case Pick(name, value):
            tiles = panel.tiles
            return panel.pick == (name, value) or tiles is not None and tiles.field == name and value in tiles.values
