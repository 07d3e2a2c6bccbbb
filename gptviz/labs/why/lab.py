"""The lab "Why this word": the answer as it forms, the logit taken apart, what units say, and a row of one sentence in another."""

from ..lab import Lab
from .forming import FORMING
from .ledger import LEDGER
from .two_sentences import TWO_SENTENCES
from .units import UNITS

LAB = Lab(
    key="Why",
    title="Why this word",
    about="The answer as it forms, and a logit taken apart",
    experiments=(FORMING, LEDGER, UNITS, TWO_SENTENCES),
)
