"""Size and cost: learned numbers, memory and work follow from the configuration alone."""

from ..lab import Lab
from . import ledger, memory, totals, work

LAB = Lab(
    key="Size",
    title="Size and cost",
    about="Parameters, memory and work",
    experiments=(ledger.LEDGER, totals.TOTALS, totals.HEADS, memory.MEMORY, work.COST),
)
