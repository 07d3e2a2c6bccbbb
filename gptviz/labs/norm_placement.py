"""Edits that rewire a block: shortcuts off, LayerNorms off, LayerNorms after the sum."""

from ..hooks import Edit
from ..model import GPT
from ..stages.base import stream_in


def without_shortcuts(layers: int, *, attention: bool = True, feed_forward: bool = True) -> tuple[Edit, ...]:
    """Every sum takes what its sublayer made, alone."""
    edits = []
    for block in range(layers):
        edits += [(f"blocks.{block}.shortcut1", f"blocks.{block}.drop1")] if attention else []
        edits += [(f"blocks.{block}.shortcut2", f"blocks.{block}.drop2")] if feed_forward else []
    return tuple(edits)


def without_norms(layers: int, *, final: bool = True) -> tuple[Edit, ...]:
    """Every LayerNorm hands on what it was given."""
    edits = []
    for block in range(layers):
        edits += [(f"blocks.{block}.norm1", stream_in(block)), (f"blocks.{block}.norm2", f"blocks.{block}.shortcut1")]
    return (*edits, ("final_norm", stream_in(layers))) if final else tuple(edits)


def post_norm(model: GPT) -> tuple[Edit, ...]:
    """Each LayerNorm, with its own scale and shift, moved from its sublayer's input to the sum behind it (Vaswani et al. 2017);
    that wiring has none after the last block."""
    moved = []
    for number, block in enumerate(model.blocks):
        moved += [(f"blocks.{number}.shortcut1", block.norm1), (f"blocks.{number}.shortcut2", block.norm2)]
    return (*without_norms(model.config.n_layer), *moved)
