"""All vectors in clusters that were learnt from a sample of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..protocol import BuildJob
from ..rows.vectors import Vectors
from .centroids import assign
from .kmeans import kmeans

_LEARNT = 0.85


def clustered(
    vectors: Vectors, k: int, sampled: int, iterations: int, job: BuildJob
) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Return ``k`` centroids, float32 ``(k, dim)``, and which is the nearest of each vector, uint32 ``(n,)``.

    They are learnt from ``sampled`` vectors for each, of all if there are no more, in as many iterations.
    """
    n, rng = len(vectors), np.random.default_rng(job.seed)
    chosen = np.sort(rng.choice(n, min(n, sampled * k), replace=False))
    centroids = kmeans(
        vectors.floats(chosen),
        k,
        job.seed,
        job.threads,
        iterations=iterations,
        progress=lambda share: job.progress(share * _LEARNT),
    )
    nearest = assign(vectors, centroids, job.threads)[0]
    job.progress(1.0)
    return centroids, nearest
