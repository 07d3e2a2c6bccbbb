"""Many numbers per vector seen in two or three: the directions in which a cloud of points is widest (principal components)."""

from dataclasses import dataclass

import numpy as np

from ...likeness import lengths
from ..lab import Control

DIMENSIONS = Control(
    "dims", "Map", "choice", 2, (2, 3), show=lambda dims: f"{dims}-D", help="Drag the 3-D map to turn it round."
)


@dataclass(frozen=True, eq=False)
class Projection:
    """Points on their widest directions. places: (points, dimensions). shares: (dimensions,) of the points' variance."""

    places: np.ndarray
    shares: np.ndarray


def unit(vectors: np.ndarray) -> np.ndarray:
    """The same directions, each of length 1; rows of zeros stay zeros."""
    sizes = lengths(vectors)
    return vectors / np.where(sizes > 0, sizes, 1)


def project(vectors: np.ndarray, dimensions: int) -> Projection:
    """(points, width) -> their places along the directions of largest variance, by singular values of the centred points.

    The largest place on every direction is positive, so that the same points always give the same map. Points that lie in
    fewer directions have 0 in the others.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    if len(centred) > centred.shape[1]:  # many points: their scatter matrix is smaller, and has the same directions
        variances, columns = np.linalg.eigh(centred.T @ centred)
        variances, axes = np.clip(variances[::-1], 0, None), columns.T[::-1]
    else:
        sizes, axes = np.linalg.svd(centred, full_matrices=False)[1:]
        variances = sizes**2
    places = np.zeros((len(centred), dimensions))
    shares = np.zeros(dimensions)
    count = min(dimensions, len(axes))
    places[:, :count] = centred @ axes[:count].T
    total = variances.sum()
    if total > 1e-12:
        shares[:count] = variances[:count] / total
    else:
        places[:] = 0
    largest = np.take_along_axis(places, np.abs(places).argmax(axis=0)[None], axis=0)
    return Projection(places * np.where(largest < 0, -1, 1), shares)


def nearest(points: np.ndarray, count: int) -> np.ndarray:
    """(points, count) the numbers of each point's nearest others, nearest first."""
    points = points.astype(np.float64)
    squares = (points**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * points @ points.T
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, :count]


def kept(vectors: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """(points,) how many of each point's `count` true nearest others are among its `count` nearest on the map."""
    true, drawn = nearest(vectors, count), nearest(places, count)
    return (true[:, :, None] == drawn[:, None, :]).any(axis=2).sum(axis=1)


def compared(points: int) -> int:
    """How many neighbours of each point are compared: at most 3, and at most a third of the others."""
    return max(1, min(3, (points - 1) // 3))


def honesty(kept: np.ndarray, count: int) -> str:
    """How far the map's neighbours can be believed, in words, with what points strewn at random would keep."""
    points = len(kept)
    if points < 3:
        return "Two points are each other's nearest on any map."
    return (
        f"Distances are a projection: of the {points * count} true nearest neighbours ({count} each) {kept.sum()} are nearest "
        f"on the map too; points strewn at random would keep {points * count * count / (points - 1):.0f}."
    )
