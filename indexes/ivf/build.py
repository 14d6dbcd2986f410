"""Builds the arrays of inverted lists."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..clustering.centroids import assign
from ..clustering.kmeans import kmeans
from ..codecs.scalar import Scalar
from ..protocol import BuildJob
from ..rows.dense import NO_NORMS, DenseRows, pad
from ..rows.element import Element
from ..rows.vectors import Vectors
from .blocks import groups_of, in_blocks
from .index import IvfIndex
from .layout import Layout
from .n_lists import usual_lists
from .opened import OF_CODEC, OF_LISTS, centroid_metric
from .residuals import Anchors, ListedVectors
from .spilling import spilled

SMALLEST = 512
"""Fewer rows are scanned faster than lists of them are searched."""

_SAMPLED_A_LIST, _ITERATIONS = 64, 10
_CLUSTERED, _ASSIGNED, _CODED = 0.6, 0.7, 0.9


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
    arrays = lists_of(rows, lists_wanted, layout, job)
    arrays |= IvfIndex(arrays, rows, layout).self_calibrated(job.seed, threads)
    job.progress(1.0)
    return arrays


def lists_of(
    vectors: Vectors,
    lists_wanted: int | None,
    layout: Layout,
    job: BuildJob,
    levels: NDArray[np.integer[Any]] | None = None,
) -> dict[str, NDArray[Any]]:
    """Return the arrays of lists over vectors, all but the ladder of efforts; at least one vector.

    Vectors stand in a list by their ``levels``, ``(n,)``, if they have any, and then as they come.
    """
    n, threads = len(vectors), job.threads or os.cpu_count() or 1
    n_lists = min(n, lists_wanted or usual_lists(n))
    centroids, assigned = _clustered(vectors, n_lists, job, threads)
    job.progress(_ASSIGNED)
    if layout.spill and n_lists > 1:
        second = spilled(vectors, centroids, assigned)
        owners = np.concatenate([assigned, second])
        entries = np.lexsort((np.tile(np.arange(n), 2), owners))
        members, lists = (entries % n).astype(np.uint32), owners[entries]
    else:
        keys = (assigned,) if levels is None else (levels, assigned)
        members = np.lexsort(keys).astype(np.uint32)
        lists = assigned[members]
    offsets = np.searchsorted(lists, np.arange(n_lists + 1)).astype(np.int64)
    padded, metric = pad(centroids, Element.FLOAT32, vectors.dim), centroid_metric(vectors.metric)
    compared = DenseRows(padded, vectors.dim, Element.FLOAT32, NO_NORMS, metric)
    of_lists = Scalar(8).train(compared, job)
    list_arrays = of_lists.arrays() | of_lists.encode(compared).arrays()
    arrays: dict[str, NDArray[Any]] = {"offsets": offsets, "members": members}
    arrays |= {OF_LISTS + name: array for name, array in list_arrays.items()}
    if layout.codec is not None:
        listed = ListedVectors(vectors, members, lists, centroids if layout.residual else None)
        anchors = Anchors(vectors, lists, centroids) if layout.residual else None
        span = _CODED - _ASSIGNED
        coding = replace(job, progress=lambda share: job.progress(_ASSIGNED + share * span))
        codec = layout.codec.train(listed, coding)
        arrays |= {OF_CODEC + name: array for name, array in codec.arrays().items()}
        coded = codec.encode(listed, anchors, threads)
        arrays |= in_blocks(codec, coded, offsets) if groups_of(codec) else coded.arrays()
    job.progress(_CODED)
    return arrays


def _clustered(
    vectors: Vectors, n_lists: int, job: BuildJob, threads: int
) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Return the centroids, learnt from a sample, and the nearest of each vector."""
    n, rng = len(vectors), np.random.default_rng(job.seed)
    chosen = np.sort(rng.choice(n, min(n, _SAMPLED_A_LIST * n_lists), replace=False))
    centroids = kmeans(
        vectors.floats(chosen),
        n_lists,
        job.seed,
        threads,
        iterations=_ITERATIONS,
        progress=lambda share: job.progress(share * _CLUSTERED),
    )
    return centroids, assign(vectors, centroids, threads)[0]
