"""Builds the arrays of a Seismic index and opens them."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays, BuildJob
from ..rows.sparse import SparseRows
from ..sparse import postings
from ..sparse.index import InvertedIndex
from .blocks import build_blocks, choose_postings
from .forward import build_forward
from .index import SeismicIndex
from .neighborhoods import find_neighbors
from .terms import count_terms

_LONGEST = 32_767
# Share of all weights that lists keep, unless said.
_KEPT = 0.125
# Of a build's time, as far as its progress knows; neighbours take several times as long as all the rest.
_FORWARD_SHARE, _BLOCKS_SHARE, _BLOCKS_SHARE_BEFORE_NEIGHBORS, _NEIGHBORS_SHARE = 0.1, 0.95, 0.3, 0.97
_CHUNK_ROWS = 1 << 16


def build(
    rows: SparseRows,
    job: BuildJob,
    *,
    n_postings: int | None,
    max_fraction: float,
    centroid_fraction: float,
    min_cluster_size: int,
    max_block_size: int,
    summary_energy: float,
    n_knn: int,
) -> dict[str, NDArray[Any]]:
    """Return the arrays: those of postings where blocks would not do."""
    longest = int(np.diff(rows.indptr).max(initial=0))
    if longest > _LONGEST or (rows.values < 0).any():
        arrays = postings.build(rows)
        job.progress(1.0)
        return arrays
    threads = job.threads or os.cpu_count() or 1
    weights = _weights(rows)
    terms = count_terms(rows.indices, weights)
    forward = build_forward(rows.indptr, weights, terms, threads)
    job.progress(_FORWARD_SHARE)
    n_terms = len(terms.numbers)
    n_postings = n_postings or max(1, int(_KEPT * int(terms.frequencies.sum()) / max(1, n_terms)))
    starts, chosen = choose_postings(rows.indptr, weights, terms, forward, n_postings, max_fraction)
    blocks_share = _BLOCKS_SHARE_BEFORE_NEIGHBORS if n_knn else _BLOCKS_SHARE
    part = blocks_share - _FORWARD_SHARE
    blocks = build_blocks(
        forward,
        starts,
        chosen,
        longest=max(longest, 1),
        centroid_fraction=centroid_fraction,
        min_cluster_size=min_cluster_size,
        max_block_size=max_block_size,
        summary_energy=summary_energy,
        job=replace(job, progress=lambda share: job.progress(_FORWARD_SHARE + part * share)),
        threads=threads,
    )
    arrays = {
        "terms": terms.numbers,
        "frequencies": terms.frequencies,
        "steps": forward.steps,
        "offsets": forward.offsets,
        "records": forward.records,
        "postings": chosen,
        **blocks,
    }
    if n_knn:
        left = _NEIGHBORS_SHARE - blocks_share
        queries = SparseRows(rows.indptr, rows.indices, weights, average=rows.mean_length())
        arrays["neighbors"] = find_neighbors(
            SeismicIndex(arrays, rows),
            queries,
            n_knn,
            threads,
            lambda share: job.progress(blocks_share + left * share),
        )
    index = SeismicIndex(arrays, rows)
    arrays |= index.self_calibrated(job.seed, threads)
    job.progress(1.0)
    return arrays


def opened(arrays: Arrays, rows: SparseRows) -> SeismicIndex | InvertedIndex:
    """Return the index that the arrays are of."""
    return InvertedIndex(arrays, rows) if "local" in arrays else SeismicIndex(arrays, rows)


def _weights(rows: SparseRows) -> NDArray[np.float32]:
    """Return what a query's weights are multiplied with, of term frequencies at their own average length."""
    if rows.form == 0:
        return rows.values
    average = rows.mean_length() if rows.saturation is not None else 1.0
    weights = np.empty_like(rows.values)
    for begin in range(0, len(rows), _CHUNK_ROWS):
        end = min(len(rows), begin + _CHUNK_ROWS)
        weights[rows.indptr[begin] : rows.indptr[end]] = rows.between(begin, end).weights(average)
    return weights
