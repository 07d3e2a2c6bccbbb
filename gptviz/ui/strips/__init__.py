"""Dropout with its own slider on the page: the browser computes while it moves, the server hears of p once it rests."""

from collections.abc import Callable
from dataclasses import dataclass

from ...canvas.strips import payload
from ...figures.strips import DropoutStrips
from .. import element, incoming


@dataclass(frozen=True)
class Released:
    """The reader let go of the slider: the control of that name is to become value."""

    control: str
    value: float


def show(picture: DropoutStrips, *, key: str, on_event: Callable[[Released], None] | None = None) -> None:
    """Draw the picture. on_event: called when the slider rests, before the script runs again."""

    control, span = picture.control, picture.span  # what Streamlit keeps of this run must not hold the numbers

    def changed() -> None:
        value = translate(incoming.sent(key, "event"), span)
        if value is None:
            incoming.ignored("a slider in a picture")
        elif on_event is not None:
            on_event(Released(control, value))

    element.show(payload(picture), key=key, on_event=changed)


def translate(message: object, span: tuple[float, float, float]) -> float | None:
    """What the browser sent, as a value on the slider's steps. Anything else, such as a forged message, is None."""
    low, high, step = span
    if type(message) not in (int, float) or not low <= message <= high:
        return None
    return round(low + step * round((message - low) / step), 6)
