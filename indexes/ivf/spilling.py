"""A second list for each row, which finds it where the first is missed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..rows.vectors import Vectors

# How much a residual that points where the first one does counts against a list.
_PARALLEL = np.float32(1.0)
_BLOCK_SCORES = 1 << 23


def spilled(rows: Vectors, centroids: NDArray[np.float32], first: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return another list for each row, by SOAR (arXiv 2404.00774).

    Of all lists but the first it has the least ``|r'|^2 + <r', r>^2 / |r|^2``, ``r`` and ``r'`` being what
    is left of the row beside the centroids of its first list and of this one: queries that miss the first
    list are far along ``r``, so the second residual should lie across. The paper tunes how much the second
    term counts; here it counts as the first.
    """
    n, step = len(rows), max(1, _BLOCK_SCORES // len(centroids))
    squares = np.einsum("ij,ij->i", centroids, centroids)
    second = np.empty(n, np.uint32)
    for start in range(0, n, step):
        block = slice(start, min(n, start + step))
        vectors, own = rows.floats(block), first[block]
        left = vectors - centroids[own]
        length = np.linalg.norm(left, axis=1, keepdims=True)
        left = np.divide(left, length, out=np.zeros_like(left), where=length > 0)
        # Up to the squared length of the row, which all lists share.
        losses = squares - 2 * (vectors @ centroids.T)
        along = np.einsum("ij,ij->i", left, vectors)[:, None] - left @ centroids.T
        losses += _PARALLEL * along * along
        losses[np.arange(len(own)), own] = np.inf
        second[block] = np.argmin(losses, axis=1)
    return second
