"""A class around one lesson: rooms, who is in them, where the lesson is, and what was voted. It knows no page and no model."""

from .processes import Shared
from .rooms import Place, Refused, Room, Rooms, Seat, Unreached
from .store import Away
from .votes import Vote

__all__ = ["Away", "Place", "Refused", "Room", "Rooms", "Seat", "Shared", "Unreached", "Vote"]
