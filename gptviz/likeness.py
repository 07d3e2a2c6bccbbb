"""How alike vectors are: the cosine of the angle between them, 1 for the same direction, 0 at right angles."""

import numpy as np
import torch
from torch import Tensor

from .trace import DAMAGED, NotFinite


def cosines(vectors: np.ndarray) -> np.ndarray:
    """Cosine similarity of every pair of rows, (rows, rows); NaN where a row is all zeros and has no direction."""
    norms = lengths(vectors)
    unit = np.divide(vectors, norms, out=np.full(vectors.shape, np.nan, dtype=np.float32), where=norms > 0)
    return (unit @ unit.T).astype(np.float32)


def lengths(vectors: np.ndarray) -> np.ndarray:
    """(rows, 1) length of every row. Raises NotFinite where one leaves what 32 bits can hold."""
    with np.errstate(over="ignore"):
        found = np.linalg.norm(vectors, axis=1, keepdims=True)
    return comparable(found)


def comparable(numbers: np.ndarray | Tensor) -> np.ndarray | Tensor:
    """The same lengths or cosines of rows, all finite. Raises NotFinite where the rows are too large to have any."""
    if not np.isfinite(np.asarray(numbers)).all():
        raise NotFinite(
            f"These rows of the model are too large to compare: their squares leave what 32 bits can hold. {DAMAGED}"
        )
    return numbers


def with_all(table: Tensor, row: int) -> Tensor:
    """Cosine of one row of a table with every row of it, (rows,); 0 where either is all zeros."""
    with torch.inference_mode():
        sizes = torch.linalg.vector_norm(table, dim=1).clamp_min(1e-12)
        return comparable((table @ table[row]) / sizes / sizes[row])


def closest(table: Tensor, row: int, count: int = 1) -> list[tuple[int, float]]:
    """The other rows of the whole table that point most nearly the same way as this one, with their cosines."""
    with torch.inference_mode():
        likeness = with_all(table, row)
        likeness[row] = -torch.inf
        best = likeness.topk(min(count, len(table) - 1))
    return list(zip(best.indices.tolist(), best.values.tolist()))
