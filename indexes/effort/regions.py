"""Where rows are much sparser and where they are more crowded than most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..rows.dense import DenseRows
from ..rows.metric import Metric

_SAMPLE = 2048
# The neighbour among the sample that says how much room there is around a row.
_TENTH = 10
# Rows with so many times as much room as is usual, or so many times less, are in a region of their own.
_UNLIKE = 2.0
# Regions of fewer rows of the sample are not looked at, and of more so many are enough.
_FEWEST, _MOST = 16, 64
# Room that is a smaller share of the rows' deviation is what products of float32 round away.
_ROUNDED = 2e-3
_BLOCK_ROWS = 64


def regions_of(stored: DenseRows, seed: int) -> list[NDArray[np.int64]]:
    """Return some rows of each region that is much sparser, or more crowded, than is usual.

    How much room a row has is the distance of its tenth neighbour in a sample of the rows. Regions of fewer
    than 16 rows of the sample are left out; where all rows have about as much room there is none.
    """
    n = len(stored)
    sample = np.random.default_rng([seed, n]).choice(n, min(n, _SAMPLE), replace=False)
    if len(sample) <= _TENTH:
        return []
    room = _room(stored, sample)
    usual = float(np.median(room))
    unlike = room > _UNLIKE * usual, room * _UNLIKE < usual
    return [sample[region][:_MOST] for region in unlike if region.sum() >= _FEWEST]


def _room(stored: DenseRows, sample: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far the tenth neighbour of each row is away."""
    room = np.empty(len(sample))
    if stored.metric is Metric.HAMMING:
        words = stored.matrix[sample]
        for start in range(0, len(words), _BLOCK_ROWS):
            block = words[start : start + _BLOCK_ROWS, None]
            away = np.bitwise_count(block ^ words).sum(axis=2, dtype=np.int64)
            room[start : start + _BLOCK_ROWS] = np.partition(away, _TENTH, axis=1)[:, _TENTH]
        return room
    rows = stored.floats(sample)
    rows -= rows.mean(axis=0)
    squares = np.einsum("ij,ij->i", rows, rows)
    for start in range(0, len(rows), _BLOCK_ROWS):
        some = slice(start, start + _BLOCK_ROWS)
        away = squares[some, None] + squares - 2 * rows[some] @ rows.T
        room[some] = np.partition(away, _TENTH, axis=1)[:, _TENTH]
    np.maximum(room, _ROUNDED**2 * squares.mean(), out=room)
    return np.sqrt(room, out=room)
