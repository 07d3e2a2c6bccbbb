"""Size and cost: learned numbers, memory and work follow from the configuration alone."""

from ..lab import Lab
from . import forward, ledger, memory, totals, work

LAB = Lab(
    key="Size",
    title="Size and cost",
    about="Parameters, memory and work, and forward() line by line",
    experiments=(ledger.LEDGER, totals.TOTALS, totals.HEADS, memory.MEMORY, work.COST, forward.FORWARD),
)
