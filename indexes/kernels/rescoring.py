"""Exact scores of the rows that were found for each query by something else."""

from __future__ import annotations

import numpy as np

from .kernel import entry_point
from .memory import LINE, view_u32, view_u64
from .rows import COSINE, DOT, pad_query, view_rows
from .scan import scan_block, write_result
from .strips import STRIP_BYTES, prefetch_row
from .top import clear_heap, sort_heap

# Of numpy's type: for a number of Python's numba compiles the called function once more.
_FIRST = np.int64(0)
_NO_ROW = np.uint32(0xFFFFFFFF)


@entry_point("rescoring")
def rescore_rows(rows_address, queries, n_queries, k, candidates, width, scratch, found, scores):
    """Find the ``k`` nearest of the ``width`` candidates of each query; ``_NO_ROW`` among them is none.

    ``scratch`` is the address of ``rescoring_scratch_bytes`` bytes; ``found`` and ``scores`` are written.
    """
    rows = view_rows(rows_address)
    higher_is_nearer = rows.metric == COSINE or rows.metric == DOT
    worst = np.float32(-np.inf) if higher_is_nearer else np.float32(np.inf)
    out = scratch
    heap_at = scratch + np.uint64(STRIP_BYTES)
    padded = heap_at + np.uint64((k * 8 + LINE - 1) // LINE * LINE)
    listing = padded + np.uint64(rows.padded_bytes)
    heap, listed = view_u64(heap_at, k), view_u32(listing, width)
    for q in range(n_queries):
        given, count = view_u32(candidates + np.uint64(q * width * 4), width), np.int64(0)
        for i in range(width):
            if given[i] != _NO_ROW:
                listed[count] = given[i]
                count += 1
        clear_heap(heap, k)
        if count:
            for i in range(min(count, 4)):
                prefetch_row(rows.rows, np.uint64(rows.row_bytes), listed[i])
            inv_norm = pad_query(rows, queries + np.uint64(q * rows.query_bytes), padded, out)
            scan_block(rows, listing, _FIRST, count, padded, inv_norm, higher_is_nearer, heap, k, out)
        sort_heap(heap, k)
        write_result(heap, k, higher_is_nearer, worst, found[q], scores[q])


def rescoring_scratch_bytes(padded_bytes: int, k: int, width: int) -> int:
    """Return how many bytes :func:`rescore_rows` needs for itself."""
    return STRIP_BYTES + (k * 8 + LINE - 1) // LINE * LINE + padded_bytes + 4 * width
