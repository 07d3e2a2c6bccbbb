"""Choosing the next token: from the logits after the last token to one token written."""

from ..lab import Lab
from . import drawing, temperature, writing

LAB = Lab(
    key="Sampling",
    title="Choosing the next token",
    about="Choosing the next token",
    experiments=(temperature.TEMPERATURE, drawing.POOL, drawing.DRAWING, writing.WRITING, temperature.TOY),
)
