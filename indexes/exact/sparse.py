"""Exact search of sparse vectors: the dot product of every allowed row with every query."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.metric import Metric
from ..rows.neighbors import Neighbors, SearchStats
from ..rows.row_set import RowSet
from .dense import address, listed_rows

Csr = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""``indptr`` (n + 1,) int64, ``indices`` uint32, ``values`` float32."""


def check_offsets(name: str, offsets: NDArray[Any], total: int) -> None:
    """Refuse offsets that do not rise from 0 to ``total``."""
    if offsets.dtype != np.int64 or offsets.ndim != 1 or not len(offsets):
        raise ValueError(f"{name} are {offsets.dtype} {offsets.shape}; expected int64 (n + 1,)")
    if offsets[0] != 0 or int(offsets[-1]) != total or (np.diff(offsets) < 0).any():
        raise ValueError(f"{name} run from {offsets[0]} to {offsets[-1]}; expected to rise from 0 to {total}")


def _checked(name: str, csr: Csr) -> Csr:
    indptr, indices, values = (np.ascontiguousarray(array) for array in csr)
    fits = indices.dtype == np.uint32 and values.dtype == np.float32
    if not fits or indices.shape != values.shape or indices.ndim != 1:
        raise ValueError(
            f"{name} have indices {indices.dtype} {indices.shape} and values {values.dtype} {values.shape}; "
            "expected uint32 and float32 of one length"
        )
    check_offsets(f"{name}' indptr", indptr, len(indices))
    return indptr, indices, values


def exact_sparse_search(rows: Csr, queries: Csr, k: int, allowed: RowSet | None = None) -> Neighbors:
    """Return the ``min(k, allowed)`` rows of the largest dot products with each query, ties by row.

    Rows that share no term with a query score 0 and are returned when nothing better is left. A term that
    stands twice in a query counts with the sum of its values.
    """
    indptr, indices, values = _checked("rows", rows)
    query_indptr, query_indices, query_values = _checked("queries", queries)
    if k < 1:
        raise ValueError(f"k is {k}; expected at least 1")
    n, n_queries = len(indptr) - 1, len(query_indptr) - 1
    result = Neighbors.empty(n_queries, k, Metric.DOT)
    lo, hi, listed = listed_rows(allowed, n)
    wanted = min(k, hi - lo)
    if not n_queries or not wanted:
        return result
    from ..kernels.sparse import scan_sparse

    # At most half full, so that searching an empty place is short.
    table_size = 1 << max(4, int(2 * np.diff(query_indptr).max()).bit_length())
    terms, weights = np.empty(table_size, np.int64), np.empty(table_size, np.float32)
    heap = np.empty(wanted, np.uint64)
    narrow = Neighbors.empty(n_queries, wanted, Metric.DOT)
    scan_sparse(
        address(indptr),
        address(indices),
        address(values),
        n,
        address(query_indptr),
        address(query_indices),
        address(query_values),
        n_queries,
        wanted,
        lo,
        hi,
        address(listed),
        table_size,
        address(terms),
        address(weights),
        address(heap),
        narrow.rows,
        narrow.scores,
    )
    result.rows[:, :wanted], result.scores[:, :wanted] = narrow.rows, narrow.scores
    return Neighbors(result.rows, result.scores, SearchStats(rescored=(hi - lo) * n_queries))
