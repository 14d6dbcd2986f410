"""Exact search of multi-vectors by MaxSim: for each query token its best token of the row, summed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.metric import Metric
from ..rows.neighbors import Neighbors, SearchStats
from ..rows.row_set import RowSet
from .dense import address, listed_rows
from .sparse import check_offsets

Ragged = tuple[NDArray[Any], NDArray[Any]]
"""``offsets`` (n + 1,) int64 into ``tokens`` (t, width)."""


def exact_maxsim_search(rows: Ragged, queries: Ragged, k: int, allowed: RowSet | None = None) -> Neighbors:
    """Return the ``min(k, allowed)`` rows of the largest MaxSim with each query, ties by row.

    Tokens of rows are float16 or float32, those of queries are taken as float32. Tokens are compared by their
    dot product. A row without tokens scores minus infinity.
    """
    offsets, tokens = np.ascontiguousarray(rows[0]), np.ascontiguousarray(rows[1])
    query_offsets = np.ascontiguousarray(queries[0])
    query_tokens = np.ascontiguousarray(queries[1], np.float32)
    if tokens.ndim != 2 or tokens.dtype not in (np.float16, np.float32) or not tokens.shape[1]:
        raise ValueError(f"tokens are {tokens.dtype} {tokens.shape}; expected float16 or float32 (t, width)")
    width = tokens.shape[1]
    if query_tokens.ndim != 2 or query_tokens.shape[1] != width:
        raise ValueError(f"query tokens have shape {query_tokens.shape}; expected (t, {width})")
    check_offsets("offsets", offsets, len(tokens))
    check_offsets("query offsets", query_offsets, len(query_tokens))
    if k < 1:
        raise ValueError(f"k is {k}; expected at least 1")
    n, n_queries = len(offsets) - 1, len(query_offsets) - 1
    result = Neighbors.empty(n_queries, k, Metric.DOT)
    lo, hi, listed = listed_rows(allowed, n)
    wanted = min(k, hi - lo)
    if not n_queries or not wanted:
        return result
    from ..kernels.maxsim import kind_of, scan_maxsim

    longest = max(1, int(np.diff(query_offsets).max()))
    padded_width = -(-width // 16) * 16
    padded = np.empty(longest * padded_width, np.float32)
    best, heap = np.empty(longest, np.float32), np.empty(wanted, np.uint64)
    block = np.empty(4 * padded_width + 4, np.float32)
    narrow = Neighbors.empty(n_queries, wanted, Metric.DOT)
    scan_maxsim(
        kind_of(tokens.dtype == np.float16),
        width,
        address(offsets),
        address(tokens),
        n,
        address(query_offsets),
        address(query_tokens),
        n_queries,
        wanted,
        lo,
        hi,
        address(listed),
        address(padded),
        address(best),
        address(block),
        address(heap),
        narrow.rows,
        narrow.scores,
    )
    result.rows[:, :wanted], result.scores[:, :wanted] = narrow.rows, narrow.scores
    return Neighbors(result.rows, result.scores, SearchStats(rescored=(hi - lo) * n_queries))
