"""Choosing the next token: from the logits after the last token to one token written."""

from ..lab import Lab
from . import drawing, temperature, writing

LAB = Lab(
    key="Sampling",
    title="Choosing the next token",
    about="Logits become one token: temperature, top-k, top-p, argmax, 1,000 draws, and a text written token by token.",
    experiments=(temperature.TEMPERATURE, drawing.POOL, drawing.DRAWING, writing.WRITING, temperature.TOY),
)
