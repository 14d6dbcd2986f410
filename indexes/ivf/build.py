"""Builds the arrays of inverted lists."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codecs.scalar import Scalar
from ..protocol import BuildJob
from ..rows.dense import DenseRows, pad
from ..rows.element import Element
from .blocks import groups_of, in_blocks
from .index import IvfIndex
from .layout import Layout
from .opened import OF_CODEC, OF_LISTS, centroid_rows
from .residuals import Anchors, ListedVectors

SMALLEST = 512
"""Fewer rows are scanned faster than lists of them are searched."""

_LISTS_A_ROOT = 4
_CLUSTERED, _CODED = 0.7, 0.9


def build(
    rows: DenseRows, lists_wanted: int | None, layout: Layout, job: BuildJob
) -> dict[str, NDArray[Any]]:
    """Return the arrays of lists over ``rows``: none for few rows, which are scanned instead."""
    n = len(rows)
    if n >= 1 << 31:
        raise ValueError(f"a segment has at most {(1 << 31) - 1} rows; got {n}")
    if n < SMALLEST:
        job.progress(1.0)
        return {}
    threads = job.threads or os.cpu_count() or 1
    n_lists = min(n, lists_wanted or max(1, round(_LISTS_A_ROOT * math.sqrt(n))))
    centroids, assigned = _clustered(rows, n_lists, job)
    job.progress(_CLUSTERED)
    members = np.argsort(assigned, kind="stable").astype(np.uint32)
    lists = assigned[members]
    offsets = np.searchsorted(lists, np.arange(n_lists + 1)).astype(np.int64)
    padded = pad(centroids, Element.FLOAT32, rows.dim)
    compared = centroid_rows(padded, rows)
    of_lists = Scalar(8).train(compared, job)
    list_arrays = of_lists.arrays() | of_lists.encode(compared).arrays()
    arrays: dict[str, NDArray[Any]] = {"centroids": padded, "offsets": offsets, "members": members}
    arrays |= {OF_LISTS + name: array for name, array in list_arrays.items()}
    if layout.codec is not None:
        vectors = ListedVectors(rows, members, lists, centroids if layout.residual else None)
        anchors = Anchors(rows, lists, centroids) if layout.residual else None
        codec = layout.codec.train(vectors, job)
        arrays |= {OF_CODEC + name: array for name, array in codec.arrays().items()}
        coded = codec.encode(vectors, anchors, threads)
        arrays |= in_blocks(codec, coded, offsets) if groups_of(codec) else coded.arrays()
    job.progress(_CODED)
    arrays |= IvfIndex(arrays, rows, layout).self_calibrated(job.seed, threads)
    job.progress(1.0)
    return arrays


def _clustered(
    rows: DenseRows, n_lists: int, job: BuildJob
) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    rng = np.random.default_rng(job.seed)
    sample = rows.floats(np.sort(rng.choice(len(rows), min(len(rows), 64 * n_lists), replace=False)))
    centroids = sample[rng.choice(len(sample), n_lists, replace=False)].copy()
    for _ in range(10):
        nearest = _nearest(sample, centroids)
        counts = np.bincount(nearest, minlength=n_lists)
        order = np.argsort(nearest, kind="stable")
        starts = np.searchsorted(nearest[order], np.arange(n_lists))
        sums = np.add.reduceat(sample[order], np.minimum(starts, len(sample) - 1), axis=0)
        held = counts > 0
        centroids[held] = sums[held] / counts[held, None]
    assigned = [_nearest(rows.floats(slice(i, i + 65536)), centroids) for i in range(0, len(rows), 65536)]
    return centroids, np.concatenate(assigned)


def _nearest(vectors: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.uint32]:
    halves = np.einsum("ij,ij->i", centroids, centroids) / 2
    step = max(1, (1 << 24) // len(centroids))
    parts = [
        np.argmax(vectors[i : i + step] @ centroids.T - halves, axis=1) for i in range(0, len(vectors), step)
    ]
    return np.concatenate(parts).astype(np.uint32)
