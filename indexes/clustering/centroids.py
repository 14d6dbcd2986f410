"""Centroids laid out for kernels, and which of them is the nearest to each vector."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels.centroids import PANEL, TILE, nearest_centroids
from ..rows.addresses import address
from ..rows.dense import aligned
from ..rows.vectors import Vectors

# Squares of numbers beyond these leave what a float32 holds, or lose digits there.
_LARGEST, _SMALLEST = 1e15, 1e-15
_BLOCK_BYTES = 1 << 22


def panels_of(centroids: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return ``(k, d)`` centroids as kernels read them, and half their squared lengths.

    Panels are ``(ceil(k / PANEL), d, PANEL)``; a centroid that only fills a panel up is infinitely far away.
    """
    k, dim = centroids.shape
    count = -(-k // PANEL)
    padded = np.zeros((count * PANEL, dim), np.float32)
    padded[:k] = centroids
    halves = aligned((count * PANEL,), np.float32)
    halves[:] = np.inf
    with np.errstate(over="ignore"):
        halves[:k] = np.einsum("kd,kd->k", centroids, centroids, dtype=np.float64) / 2
    panels = aligned((count, dim, PANEL), np.float32)
    panels[:] = padded.reshape(count, PANEL, dim).transpose(0, 2, 1)
    return panels, halves


def safe_scale(values: NDArray[np.float32]) -> np.float32:
    """Return the power of two that brings values to where their squares can be summed; usually 1."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0.0 or _SMALLEST < largest < _LARGEST:
        return np.float32(1.0)
    return np.float32(2.0 ** np.clip(-np.floor(np.log2(largest)), -126, 126))


def tiled(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return contiguous float32 rows, zeros behind them where there are fewer than a kernel takes at once."""
    rows = np.ascontiguousarray(rows, np.float32)
    if len(rows) >= TILE:
        return rows
    padded = np.zeros((TILE, rows.shape[1]), np.float32)
    padded[: len(rows)] = rows
    return padded


def in_parts(count: int, threads: int, work: Callable[[slice], None]) -> None:
    """Do ``work`` on that many slices of ``range(count)``, each of as many rows as a kernel takes at once."""
    threads = max(1, min(threads or os.cpu_count() or 1, count // (64 * TILE)))
    if threads == 1:
        return work(slice(0, count))
    ends = [count * part // threads for part in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, map(slice, ends[:-1], ends[1:])))
    return None


class Centroids:
    """What vectors are compared with; immutable.

    Parameters
    ----------
    centroids
        float32 ``(k, d)``, at least one.
    """

    def __init__(self, centroids: NDArray[np.float32]) -> None:
        self._scale = safe_scale(centroids)
        self._panels, self._halves = panels_of(np.asarray(centroids * self._scale, np.float32))

    def nearest(
        self, rows: NDArray[np.float32], threads: int = 1
    ) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
        """Return the nearest centroid of each of ``(n, d)`` rows, and their squared distance.

        Of equally near centroids the first. The distance is a difference of sums in float32: of a vector
        close to its centroid few digits are true. The answers do not depend on ``threads``.
        """
        n = len(rows)
        with np.errstate(over="ignore"):
            floats = tiled(rows if self._scale == 1 else rows * self._scale)
        ids, values = np.empty(len(floats), np.uint32), np.empty(len(floats), np.float32)

        def work(part: slice) -> None:
            own = floats[part]
            nearest_centroids(
                address(own),
                floats.strides[0],
                len(own),
                floats.shape[1],
                address(self._panels),
                address(self._halves),
                len(self._panels),
                ids[part],
                values[part],
            )

        in_parts(len(floats), threads, work)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.einsum("nd,nd->n", floats, floats) + 2 * values
            distances = np.maximum(squares, 0) / self._scale / self._scale
        return ids[:n], distances[:n]


def assign(
    vectors: Vectors, centroids: NDArray[np.float32], threads: int = 1
) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """Return the nearest of ``(k, d)`` centroids of each vector, and their squared distance.

    What :meth:`Centroids.nearest` says of a block holds here.

    ``threads`` is 0 for one a core.
    """
    n, compared = len(vectors), Centroids(centroids)
    ids, distances = np.empty(n, np.uint32), np.empty(n, np.float32)
    step = max(1024, _BLOCK_BYTES // (4 * centroids.shape[1]))

    def work(part: slice) -> None:
        for start in range(part.start, part.stop, step):
            block = slice(start, min(start + step, part.stop))
            ids[block], distances[block] = compared.nearest(vectors.floats(block))

    in_parts(n, threads, work)
    return ids, distances


def counts_of(ids: NDArray[np.uint32], k: int) -> NDArray[Any]:
    """Return how many vectors each centroid has, int64 ``(k,)``."""
    return np.bincount(ids, minlength=k)
