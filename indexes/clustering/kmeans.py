"""Lloyd's k-means over a sample, with or without a bound on how many vectors a centroid may have."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from ..kernels.centroids import centroid_sums
from .centroids import Centroids, counts_of, safe_scale

ITERATIONS = 25
# An iteration that brings less than this share of the distances ends it.
_LEAST_GAIN = 1e-4
# A bound may take so many times the iterations.
_PATIENCE = 2


def _silent(_share: float) -> None: ...


def kmeans(
    sample: NDArray[np.float32],
    k: int,
    seed: int,
    threads: int = 1,
    iterations: int = ITERATIONS,
    balance: float | None = None,
    progress: Callable[[float], None] = _silent,
    start: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return ``k`` centroids of a sample, float32 ``(k, d)``.

    Lloyd's iterations from ``k`` rows drawn without replacement, until one of them lowers the sum of squared
    distances by less than a ten-thousandth. A centroid without rows goes to a row drawn from the largest
    cluster, which splits it.

    With a ``balance`` no centroid of the answer is the nearest of more than ``balance * n / k`` rows of the
    sample: in every iteration clusters beyond that are split so by centroids of the smallest ones, which
    leave their rows to their neighbours. So lists keep being what is nearest, and a query is compared with
    centroids alone. Where rows that are equal or nearly so, or too few iterations, do not allow the bound,
    the centroids whose largest cluster is the smallest are returned.

    Parameters
    ----------
    sample
        float32 ``(n, d)``, at least ``k`` rows.
    seed
        Whatever is drawn is drawn from it. Equal samples give equal centroids, whatever the threads.
    threads
        0 for one a core.
    iterations
        The most of them; with a balance up to twice as many.
    balance
        At least 2; None for no bound.
    progress
        Told 0 to 1. What it raises ends the work.
    start
        The centroids to begin with, instead of rows that are drawn.

    Raises
    ------
    ValueError
        There are fewer rows than centroids, or the balance is too strict.
    """
    n = len(sample)
    if not 1 <= k <= n:
        raise ValueError(f"k-means of {n} rows cannot have {k} centroids; expected 1 to {n}")
    if balance is not None and balance < 2:
        raise ValueError(f"balance is {balance!r}; expected 2 or more, or None")
    rng = np.random.default_rng([seed, k])
    scale = safe_scale(sample)
    rows = np.ascontiguousarray(sample if scale == 1 else sample * scale, np.float32)
    limit = n if balance is None else max(1, int(balance * n / k))
    drawn = rows[np.sort(rng.choice(n, k, replace=False))]
    centroids = drawn if start is None else np.ascontiguousarray(start * scale, np.float32)
    best, least, before = centroids, n + 1, np.inf
    for turn in range(iterations if balance is None else iterations * _PATIENCE):
        ids, distances = Centroids(centroids).nearest(rows, threads)
        sizes, total = counts_of(ids, k), float(distances.sum(dtype=np.float64))
        largest = int(sizes.max())
        settled = turn >= iterations or (turn > 0 and before - total <= _LEAST_GAIN * total)
        if balance is not None and largest < least:
            best, least = centroids, largest
        if settled and largest <= limit:
            if balance is not None:
                best = centroids
            break
        before = total if largest <= limit else np.inf
        centroids = _means(rows, ids, centroids, threads)
        _move(centroids, rows, ids, sizes, limit, rng)
        progress(min(1.0, (turn + 1) / iterations))
    chosen = centroids if balance is None else best
    progress(1.0)
    return chosen if scale == 1 else np.asarray(chosen / scale, np.float32)


def _means(
    rows: NDArray[np.float32], ids: NDArray[np.uint32], centroids: NDArray[np.float32], threads: int
) -> NDArray[np.float32]:
    """Return the mean of each cluster; the centroid itself where it is empty."""
    k, dim = centroids.shape
    sums, counts = np.zeros((k, dim), np.float64), np.zeros(k, np.int64)
    # Threads take dimensions, so that sums are the same however many they are.
    count = max(1, min(threads or os.cpu_count() or 1, dim // 32))
    ends = [dim * part // count for part in range(count + 1)]

    def work(first: int, last: int) -> None:
        centroid_sums(rows, ids, first, last, sums, counts)

    if count == 1:
        work(0, dim)
    else:
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(work, ends[:-1], ends[1:]))
    means = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
    means[counts == 0] = centroids[counts == 0]
    return means


def _move(
    centroids: NDArray[np.float32],
    rows: NDArray[np.float32],
    ids: NDArray[np.uint32],
    sizes: NDArray[np.int64],
    limit: int,
    rng: np.random.Generator,
) -> None:
    """Move centroids of no rows, and of the smallest clusters, to rows of clusters that are too large."""
    empty = np.flatnonzero(sizes == 0)
    over = np.flatnonzero(sizes > limit)
    wanted = np.repeat(over, -(-sizes[over] // limit) - 1)
    if len(wanted) < len(empty):
        largest = np.argsort(-sizes, kind="stable")
        large = largest[sizes[largest] > 1][: len(empty) - len(wanted)]
        wanted = np.concatenate([wanted, large])
    # A cluster half as large as the mean is not given up: those beside it would be too large in turn.
    smallest = np.argsort(sizes, kind="stable")
    free = smallest[sizes[smallest] <= len(rows) // (2 * len(sizes))]
    for source, moved in zip(wanted, free, strict=False):
        members = np.flatnonzero(ids == source)
        centroids[moved] = rows[members[rng.integers(len(members))]]
