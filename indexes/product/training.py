"""Codebooks learnt from a sample: k-means in each part."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from ..clustering.kmeans import ITERATIONS, kmeans
from ..rows.vectors import Vectors
from .codebooks import Codebooks, starts_of

# Rows of the sample: enough for each of 256 centroids to be the mean of as many.
SAMPLE_ROWS = 1 << 16
_BLOCK_ROWS = 4096
# Iterations over a quarter of the sample, or so many rows a centroid, bring centroids near to where those
# over all of it leave them.
_LEAST_ROWS, _FIRST_ITERATIONS, _WHOLE_ITERATIONS = 64, 12, 12


def sample_of(vectors: Vectors, most: int, seed: int) -> NDArray[np.float32]:
    """Return at most so many of the vectors, drawn without replacement, in their order."""
    n = len(vectors)
    if n <= most:
        chosen = np.arange(n)
    else:
        chosen = np.sort(np.random.default_rng([seed, n]).choice(n, most, replace=False))
    sample = np.empty((len(chosen), vectors.dim), np.float32)
    for start in range(0, len(chosen), _BLOCK_ROWS):
        block = chosen[start : start + _BLOCK_ROWS]
        # A whole range is read as one, which spares gathering it.
        picked = slice(start, start + len(block)) if n <= most else block
        sample[start : start + len(block)] = vectors.floats(picked)
    return sample


def train_codebooks(
    sample: NDArray[np.float32],
    m: int,
    width: int,
    seed: int,
    threads: int,
    progress: Callable[[float], None],
    iterations: int | None = None,
    begin: Codebooks | None = None,
) -> Codebooks:
    """Return codebooks of ``width`` centroids a part, fewer where there are fewer rows.

    The same whatever ``threads``: each part is learnt alone. ``begin`` has the centroids to begin with.
    Unless ``iterations`` are given a large sample is learnt from in two steps, a part of it first.
    """
    n, dim = sample.shape
    k = min(width, n)
    centroids, starts = np.zeros((dim, width), np.float32), starts_of(dim, m)
    if n == 0:
        return Codebooks(centroids, m)

    def learn(part: int) -> None:
        start, end = int(starts[part]), int(starts[part + 1])
        own = np.ascontiguousarray(sample[:, start:end])
        first = None if begin is None else begin.centroids[start:end, :k].T
        step = min(4, n // (_LEAST_ROWS * k))
        if iterations is None and step > 1:
            # Whole pieces of rows may be alike, so rows from everywhere are taken.
            few = np.ascontiguousarray(own[::step])
            first = kmeans(few, k, seed + part, 1, _FIRST_ITERATIONS, start=first)
            learnt = kmeans(own, k, seed + part, 1, _WHOLE_ITERATIONS, start=first)
        else:
            learnt = kmeans(own, k, seed + part, 1, iterations or ITERATIONS, start=first)
        centroids[start:end, :k] = learnt.T
        centroids[start:end, k:] = learnt[:1].T

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        waiting = [pool.submit(learn, part) for part in range(m)]
        try:
            for part, done in enumerate(waiting):
                done.result()
                progress((part + 1) / m)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Codebooks(centroids, m)
