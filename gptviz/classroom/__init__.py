"""A class around one lesson: rooms, who is in them, where the lesson is, and what was voted. It knows no page and no model."""

from .rooms import Place, Refused, Room, Rooms, Seat
from .votes import Vote

__all__ = ["Place", "Refused", "Room", "Rooms", "Seat", "Vote"]
