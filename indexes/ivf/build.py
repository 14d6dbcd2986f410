"""Builds the arrays of inverted lists."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..clustering.clusters import clustered
from ..clustering.n_lists import usual_lists
from ..codecs.centroids import centroid_codes
from ..protocol import BuildJob
from ..rows.dense import DenseRows
from ..rows.vectors import Vectors
from .blocks import groups_of, in_blocks
from .index import IvfIndex
from .layout import Layout
from .opened import OF_CODEC, OF_LISTS
from .residuals import Anchors, ListedVectors
from .spilling import spilled

SMALLEST = 512
"""Fewer rows are scanned faster than lists of them are searched."""

_SAMPLED_A_LIST, _ITERATIONS = 64, 10
_ASSIGNED, _CODED = 0.7, 0.9


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
    clustering = replace(job, threads=threads, progress=lambda share: job.progress(share * _ASSIGNED))
    centroids, assigned = clustered(vectors, n_lists, _SAMPLED_A_LIST, _ITERATIONS, clustering)
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
    list_arrays = centroid_codes(centroids, vectors.metric, job)
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
