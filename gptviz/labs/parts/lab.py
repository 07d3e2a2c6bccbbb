"""The parts lab: every head and every sublayer switched off in turn, and what that does to one word."""

from ..lab import Lab
from .heads import HEADS
from .sublayers import SUBLAYERS

LAB = Lab(
    key="Parts",
    title="Parts",
    about="Every head and sublayer switched off in turn, and what that does to a word",
    experiments=(HEADS, SUBLAYERS),
)
