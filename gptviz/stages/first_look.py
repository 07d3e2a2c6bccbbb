"""Where a first look falls: the block and the head in which the last token of a sentence can be seen to read another one.

One place for the whole walk, so that the steps of a block go together. It depends on the sentence alone, not on the step or the
chosen token; a reader's own choice takes its place.
"""

import numpy as np

from ..points import stream_in
from ..trace import Trace

WORDLESS = 0.5  # taken off the weight of a token without a letter


def place(trace: Trace, item: int = 0, length: int | None = None, block: int | None = None) -> tuple[int, int]:
    """Block and head, counted from 0, of those this trace has kept. block: only a head of this one.

    A block whose attention adds less than came in goes before one that is all new, so that the shortcut shows both; in it the head
    that reads one earlier token most, best one with letters, whose score is above 0, and which is neither the first token (where
    heads with nothing to read rest) nor the reader itself.
    """
    row = (length or trace.ids.shape[1]) - 1
    best, found = None, (block or 0, 0)
    for n in range(trace.config.n_layer) if block is None else [block]:
        names = [stream_in(n), *(f"blocks.{n}.{part}" for part in ("drop1", "att.scaled", "att.weights"))]
        if not all(name in trace.tensors and trace.finite(name) for name in names):
            continue
        came, added = (float(np.linalg.norm(trace.array(name)[item, row])) for name in names[:2])
        scores, weights = (trace.array(name)[item, :, row, : row + 1] for name in names[2:])
        for head, shares in enumerate(weights):
            key = int(shares.argmax())
            read = float(shares[key]) - WORDLESS * (not any(char.isalpha() for char in trace.tokens[item][key]))
            rank = (came > added, 0 < key < row, bool(scores[head, key] > 0) and read > 0, read)
            if best is None or rank > best:
                best, found = rank, (n, head)
    return found
