"""A picture against the same picture before a change: which rows stayed, what was added to every cell."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from .. import verbatim
from .forms import Picture
from .matrix import Grid, Panel

UNMASKED = (".scores", ".scaled")  # where a row still has numbers of later tokens
SAME = "="  # before the label of a row that cannot have changed


def marked(made: Picture, labels: Sequence[str], first: int) -> Picture:
    """The picture with a sign at the rows that cannot have changed. labels: of all tokens; first: the first row that may have."""
    if not first:
        return made
    if isinstance(made, go.Figure):
        same = {verbatim.chart(label) for label in labels[:first]}
        made = go.Figure(made)
        made.for_each_yaxis(
            lambda axis: axis.update(ticktext=[f"{SAME} {one}" if one in same else one for one in axis.ticktext or ()])
        )
        return made
    if not isinstance(made, Grid):
        return made

    def panel(one: Panel) -> Panel:
        if not one.row_axis.startswith(("token", "query", "position")) or one.point.endswith(UNMASKED):
            return one
        places = one.row_index or range(len(one.rows))
        rows = tuple(f"{SAME} {label}" if place < first else label for place, label in zip(places, one.rows))
        return replace(one, rows=rows, columns=rows if one.columns == one.rows else one.columns)

    panels = tuple(map(panel, made.panels))
    if panels == made.panels:
        return made
    note = f"{SAME} cannot have changed: left of the edit in the text."
    return replace(made, panels=panels, note=f"{made.note} {note}".strip())


def difference(edited: Picture, plain: Picture) -> Grid | None:
    """What the edit adds to every cell of a picture; None where the two do not show the same places as cells."""
    if not isinstance(edited, Grid) or not isinstance(plain, Grid):
        return None
    pairs = [(one, other) for one, other in zip(edited.panels, plain.panels) if not one.dim]
    if any(
        (one.values.shape, one.row_index, one.column_index) != (other.values.shape, other.row_index, other.column_index)
        for one, other in pairs
    ):
        return None
    with np.errstate(invalid="ignore"):  # of two hidden scores: no number
        panels = [
            replace(
                one,
                title=f"{one.title}: change",
                values=one.values - other.values,
                kind="signed",
                limits=None,
                point="",
                side=(),
                pick=None,
                joiner="",
                printed=False,  # most would round to 0
            )
            for one, other in pairs
        ]
    stays = not any(np.nan_to_num(panel.values).any() for panel in panels)
    note = "The edit changes no number of this picture." if stays else ""
    return replace(edited, panels=tuple(panels), note=note, alt="The picture with the edit minus the picture without it.")


def alone(made: Picture) -> Picture:
    """A picture without the step before, where three stand beside each other."""
    if not isinstance(made, Grid):
        return made
    panels = [panel for panel in made.panels if not panel.dim]
    return replace(made, panels=(replace(panels[0], joiner=""), *panels[1:]))
