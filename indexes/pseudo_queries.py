"""Queries made out of the rows themselves, to measure a new index before it has seen any query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .codes import float_block
from .dense_vectors import DenseVectors
from .metric import Metric

COUNT = 256
# The neighbour that says how far a query is put from its row.
NEIGHBOUR = 10
# Directions are random sums of this many rows: enough that none of them becomes a second target.
_SUMMED = 32
_BACKGROUND_ROWS = 4096

Nearest = Callable[[NDArray[Any], int], NDArray[np.uint32]]
"""``nearest(queries, k)``: rows, nearest first."""


def pseudo_queries(vectors: DenseVectors, metric: Metric, nearest: Nearest, seed: int) -> NDArray[Any]:
    """Return queries that are about as hard as those of another distribution than the rows.

    A stored row is the easiest query there is: its neighbours link to each other. Each query here is a row
    moved as far as its tenth neighbour is away, in a direction drawn from the covariance of the rows. Where
    rows are close together it moves little, so clustered rows give queries around clusters, not between.
    """
    rng = np.random.default_rng(seed + 2)
    n = len(vectors)
    chosen = rng.choice(n, min(n, COUNT), replace=False)
    background = rng.choice(n, min(n, _BACKGROUND_ROWS), replace=False)
    if metric is Metric.HAMMING:
        return _flipped(vectors, nearest, chosen, background, rng)
    own = float_block(vectors, metric, chosen)
    far = float_block(vectors, metric, _neighbours(vectors, nearest, own, chosen))
    others = float_block(vectors, metric, background)
    others -= others.mean(axis=0)
    weights = rng.standard_normal((len(chosen), _SUMMED)).astype(np.float32)
    picks = rng.integers(0, len(others), weights.shape)
    direction = np.einsum("qj,qjd->qd", weights, others[picks])
    length = np.linalg.norm(direction, axis=1)
    reach = np.linalg.norm(far - own, axis=1)
    step = np.divide(reach, length, out=np.zeros_like(reach), where=length > 0)
    queries = own + step[:, None] * direction
    # Under the cosine a query of zeros has no neighbours; a row that is one stays what it is.
    return np.ascontiguousarray(queries, np.float32)


def _neighbours(
    vectors: DenseVectors, nearest: Nearest, queries: NDArray[Any], rows: NDArray[Any]
) -> NDArray[Any]:
    wanted = min(NEIGHBOUR + 1, len(vectors))
    found = nearest(np.ascontiguousarray(queries), wanted)[:, wanted - 1]
    return np.where(found < len(vectors), found, rows)


def _flipped(
    vectors: DenseVectors,
    nearest: Nearest,
    chosen: NDArray[Any],
    background: NDArray[Any],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Flip as many bits of each row as differ from its tenth neighbour, the undecided ones most."""
    own = vectors.matrix[chosen]
    far = vectors.matrix[_neighbours(vectors, nearest, own, chosen)]
    flips = np.unpackbits(own ^ far, axis=1).sum(axis=1)
    share = np.unpackbits(vectors.matrix[background], axis=1, count=vectors.dim).mean(axis=0)
    weight = share * (1 - share)
    chance = flips[:, None] * weight / max(float(weight.sum()), 1e-9)
    flip = rng.random(chance.shape) < chance
    queries: NDArray[np.uint8] = own ^ np.packbits(flip, axis=1)
    return queries
