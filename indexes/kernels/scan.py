"""Exact search: every row of a range or a list is scored against every query."""

from __future__ import annotations

import numpy as np

from .kernel import entry_point, inner
from .memory import view_f32, view_u64
from .rows import COSINE, DOT, pad_query, view_rows
from .screening import are_bytes, is_screened, prepare_screen, query_room, screen_strip, view_coded
from .strips import STRIP, STRIP_BYTES, finish_strip, offer_strip, score_strip
from .top import NO_KEY, clear_heap, score_of, sort_heap

# Queries scored together, and bytes of them that stay in the second-level cache while the rows pass by.
GROUP = 32
_GROUP_BYTES = 1 << 17
# Bytes of rows that stay in the first-level cache while the queries of a group pass by.
_TILE_BYTES = 1 << 14
# Bytes of rows that are on their way while others are scored.
_BYTES_AHEAD = 12 << 10
_NO_ROW = np.uint32(0xFFFFFFFF)
# Scores of a strip, its products and squares as whole numbers, and the rows of it that are chosen.
_STRIP_ROOM = 4 * STRIP_BYTES


@inner
def write_result(heap, k, higher_is_nearer, worst, found, scores):
    """Write a sorted heap, padding where it holds no row."""
    for i in range(k):
        if heap[i] == NO_KEY:
            found[i] = _NO_ROW
            scores[i] = worst
        else:
            found[i] = np.uint32(heap[i] & np.uint64(0xFFFFFFFF))
            scores[i] = score_of(heap[i], higher_is_nearer)


@inner
def write_listed(listed, count, found):
    """Write the first ``count`` rows of a list that are to be scored elsewhere, and padding behind them."""
    for i in range(count):
        found[i] = listed[i]
    found[count:] = _NO_ROW


@inner
def scan_block(rows, listed, start, stop, padded, inv_norm, higher_is_nearer, heap, k, out):
    """Offer the entries of ``listed`` from ``start`` to ``stop`` to one query's heap.

    The first four of the rows are on their way.
    """
    size, ahead = np.uint64(rows.row_bytes), np.int64(4)
    for first in range(start, stop, STRIP):
        count = min(STRIP, stop - first)
        score_strip(rows.kind, rows.rows, size, listed, first, count, stop, padded, rows.chunks, ahead, out)
        finish_strip(rows, listed, first, count, inv_norm, out)
        offer_strip(listed, first, count, higher_is_nearer, heap, k, out)


@inner
def offer_rows(
    rows, coded, listed, first, stop, hi, query, inv_norm, ahead, higher_is_nearer, heap, k, scratch
):
    """Offer a strip of rows to one query's heap; bytes and rows with codes are screened once it is full."""
    count, out = stop - first, scratch
    if heap[0] != NO_KEY and is_screened(rows, coded, listed, stop):
        raw, chosen = scratch + np.uint64(STRIP_BYTES), scratch + np.uint64(3 * STRIP_BYTES)
        near = screen_strip(
            rows,
            coded,
            listed,
            first,
            count,
            hi,
            query,
            inv_norm,
            ahead,
            higher_is_nearer,
            heap,
            raw,
            chosen,
            out,
        )
        if not near:
            return
        listed, first, count, hi, ahead = chosen, np.int64(0), near, near, np.int64(0)
    size = np.uint64(rows.row_bytes)
    score_strip(rows.kind, rows.rows, size, listed, first, count, hi, query, rows.chunks, ahead, out)
    finish_strip(rows, listed, first, count, inv_norm, out)
    offer_strip(listed, first, count, higher_is_nearer, heap, k, out)


@entry_point("exact scan")
def scan(rows_address, coded_address, queries, n_queries, k, lo, hi, listed, scratch, found, scores):
    """Find the ``k`` nearest of rows ``lo`` to ``hi``, or of ``listed[lo:hi]``, for each query.

    ``coded_address`` is that of what rows of floats have as codes besides. ``scratch`` is the address of
    ``scan_scratch_bytes`` bytes; ``found`` and ``scores`` are written.

    A strip of rows stays in the first-level cache while all queries of a group are compared with it.
    """
    rows, coded = view_rows(rows_address), view_coded(coded_address)
    higher_is_nearer = rows.metric == COSINE or rows.metric == DOT
    worst = np.float32(-np.inf) if higher_is_nearer else np.float32(np.inf)
    norms = view_f32(scratch + np.uint64(_STRIP_ROOM), GROUP)
    prepared = scratch + np.uint64(_STRIP_ROOM + GROUP * 4)
    query_bytes, heap_bytes = np.uint64(query_room(rows.padded_bytes)), np.uint64(k * 8)
    heaps = prepared + np.uint64(GROUP) * query_bytes
    most = min(GROUP, max(4, _GROUP_BYTES // rows.padded_bytes))
    read_bytes = coded.row_bytes if coded.n else rows.row_bytes
    strip = min(STRIP, max(4, _TILE_BYTES // read_bytes // 4 * 4))
    for asked in range(0, n_queries, most):
        group = min(most, n_queries - asked)
        for i in range(group):
            query = prepared + np.uint64(i) * query_bytes
            norms[i] = pad_query(rows, queries + np.uint64((asked + i) * rows.query_bytes), query, scratch)
            if are_bytes(rows) or coded.n:
                prepare_screen(rows, query)
            clear_heap(view_u64(heaps + np.uint64(i) * heap_bytes, k), k)
        for first in range(lo, hi, strip):
            stop, ahead = min(hi, first + strip), np.int64(max(4, _BYTES_AHEAD // read_bytes))
            for i in range(group):
                query, heap = prepared + np.uint64(i) * query_bytes, heaps + np.uint64(i) * heap_bytes
                offer_rows(
                    rows,
                    coded,
                    listed,
                    first,
                    stop,
                    hi,
                    query,
                    norms[i],
                    ahead,
                    higher_is_nearer,
                    view_u64(heap, k),
                    k,
                    scratch,
                )
                ahead = np.int64(0)
        for i in range(group):
            heap = view_u64(heaps + np.uint64(i) * heap_bytes, k)
            sort_heap(heap, k)
            write_result(heap, k, higher_is_nearer, worst, found[asked + i], scores[asked + i])


def scan_scratch_bytes(padded_bytes: int, k: int) -> int:
    """Return how many bytes :func:`scan` needs for itself."""
    return _STRIP_ROOM + GROUP * (4 + int(query_room.py_func(padded_bytes)) + 8 * k)
