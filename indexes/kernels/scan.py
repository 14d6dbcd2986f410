"""Exact search: every row of a range or a list is scored against every query."""

from __future__ import annotations

import numpy as np

from .kernel import entry_point, inner
from .memory import LINE, prefetch_lines, view_f32, view_u32, view_u64
from .rows import COSINE, DOT, four_scores, pad_query, view_rows
from .top import NO_KEY, clear_heap, key_of, replace_largest, score_of, sort_heap

# Queries scored together, and bytes of rows that stay in the second-level cache while they are.
GROUP = 32
_BLOCK_BYTES = 1 << 18
_MOST_LINES_AHEAD = 64


@inner
def write_result(heap, k, higher_is_nearer, worst, found, scores):
    """Write a sorted heap, padding where it holds no row."""
    for i in range(k):
        if heap[i] == NO_KEY:
            found[i] = np.uint32(0xFFFFFFFF)
            scores[i] = worst
        else:
            found[i] = np.uint32(heap[i] & np.uint64(0xFFFFFFFF))
            scores[i] = score_of(heap[i], higher_is_nearer)


@inner
def prefetch_row(rows, row):
    lines = min(rows.row_bytes // LINE, _MOST_LINES_AHEAD)
    prefetch_lines(rows.rows + np.uint64(row) * np.uint64(rows.row_bytes), lines)


@inner
def scan_block(rows, listed, start, stop, padded, inv_norm, higher_is_nearer, heap, k, out):
    """Offer rows ``start`` to ``stop``, or the entries of ``listed`` at those places, to one query's heap."""
    scores = view_f32(out, 4)
    last = np.uint64(stop - 1)
    places = view_u32(listed, stop)
    for first in range(start, stop, 4):
        a = np.uint64(first)
        b, c, d = min(a + np.uint64(1), last), min(a + np.uint64(2), last), min(a + np.uint64(3), last)
        if listed:
            for ahead in range(first + 4, min(first + 8, stop)):
                prefetch_row(rows, places[ahead])
            a, b, c, d = (
                np.uint64(places[a]),
                np.uint64(places[b]),
                np.uint64(places[c]),
                np.uint64(places[d]),
            )
        four_scores(rows, a, b, c, d, padded, inv_norm, out)
        for i in range(min(4, stop - first)):
            row = a if i == 0 else b if i == 1 else c if i == 2 else d
            key = key_of(scores[i], row, higher_is_nearer)
            if key < heap[0]:
                replace_largest(heap, k, key)


@entry_point("exact scan")
def scan(rows_address, queries, n_queries, k, lo, hi, listed, scratch, found, scores):
    """Find the ``k`` nearest of rows ``lo`` to ``hi``, or of ``listed[lo:hi]``, for each query.

    ``scratch`` is the address of ``scan_scratch_bytes`` bytes; ``found`` and ``scores`` are written.
    """
    rows = view_rows(rows_address)
    higher_is_nearer = rows.metric == COSINE or rows.metric == DOT
    worst = np.float32(-np.inf) if higher_is_nearer else np.float32(np.inf)
    out = scratch
    norms = view_f32(scratch + np.uint64(LINE), GROUP)
    padded = scratch + np.uint64(LINE + GROUP * 4)
    heaps = padded + np.uint64(GROUP * rows.padded_bytes)
    block = max(4, _BLOCK_BYTES // rows.row_bytes // 4 * 4)
    for group in range(0, n_queries, GROUP):
        size = min(GROUP, n_queries - group)
        for i in range(size):
            at = padded + np.uint64(i * rows.padded_bytes)
            norms[i] = pad_query(rows, queries + np.uint64((group + i) * rows.query_bytes), at, out)
            clear_heap(view_u64(heaps + np.uint64(i * k * 8), k), k)
        for start in range(lo, hi, block):
            stop = min(hi, start + block)
            for i in range(size):
                heap = view_u64(heaps + np.uint64(i * k * 8), k)
                at = padded + np.uint64(i * rows.padded_bytes)
                scan_block(rows, listed, start, stop, at, norms[i], higher_is_nearer, heap, k, out)
        for i in range(size):
            heap = view_u64(heaps + np.uint64(i * k * 8), k)
            sort_heap(heap, k)
            write_result(heap, k, higher_is_nearer, worst, found[group + i], scores[group + i])


def scan_scratch_bytes(padded_bytes: int, k: int) -> int:
    """Return how many bytes :func:`scan` needs for itself."""
    return LINE + GROUP * (4 + padded_bytes + 8 * k)
