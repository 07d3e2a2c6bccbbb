"""How alike vectors are: the cosine of the angle between them, 1 for the same direction, 0 at right angles."""

import numpy as np
import torch
from torch import Tensor


def cosines(vectors: np.ndarray) -> np.ndarray:
    """Cosine similarity of every pair of rows, (rows, rows); NaN where a row is all zeros and has no direction."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, norms, out=np.full(vectors.shape, np.nan, dtype=np.float32), where=norms > 0)
    return (unit @ unit.T).astype(np.float32)


def with_all(table: Tensor, row: int) -> Tensor:
    """Cosine of one row of a table with every row of it, (rows,); 0 where either is all zeros."""
    with torch.inference_mode():
        lengths = torch.linalg.vector_norm(table, dim=1).clamp_min(1e-12)
        return (table @ table[row]) / lengths / lengths[row]


def closest(table: Tensor, row: int, count: int = 1) -> list[tuple[int, float]]:
    """The other rows of the whole table that point most nearly the same way as this one, with their cosines."""
    with torch.inference_mode():
        likeness = with_all(table, row)
        likeness[row] = -torch.inf
        best = likeness.topk(min(count, len(table) - 1))
    return list(zip(best.indices.tolist(), best.values.tolist()))
