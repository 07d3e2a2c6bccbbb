"""The context lab: what the model gets to see of a text, and what a batch and an order of words are to it."""

from ..lab import Lab
from .batches import BATCH
from .cached import CACHED
from .cropping import CROPPING, LIMIT
from .order import SHIFT, SWAP
from .windows import POSITIONS, SLIDING

LAB = Lab(
    key="Context",
    title="Context and batch",
    about="What the model sees: cropping, sliding windows, batches, a cache",
    experiments=(CROPPING, LIMIT, SLIDING, POSITIONS, CACHED, BATCH, SWAP, SHIFT),
)
