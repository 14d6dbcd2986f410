"""A scan of codes: which rows of a range or a list are nearest to each query by what their codes say."""

from __future__ import annotations

import numpy as np

from .codes import encode_query, four_nearnesses, view_codes
from .kernel import entry_point, inner
from .memory import LINE, prefetch_lines, view_f32, view_u32, view_u64
from .strips import STRIP, STRIP_BYTES, offer_strip, prefetch_row
from .top import NO_KEY, clear_heap, sort_heap

# Queries compared with a strip of codes while it is in the first-level cache, and bytes of these queries.
GROUP = 32
_GROUP_BYTES = 1 << 17
_STRIP_CODES = 1 << 14
# Bytes of codes that are on their way while others are compared.
_BYTES_AHEAD = 1 << 12
_NEARER_IS_LOWER = np.bool_(False)


@inner
def estimate_strip(codes, listed, first, count, stop, query, scale, ahead, out):
    """Store how near rows ``first`` to ``first + count``, or these of the entries of ``listed``, are."""
    base, size = codes.codes, np.uint64(codes.row_bytes)
    places, last = view_u32(listed, stop), np.uint64(first + count - 1)
    for i in range(0, count, 4):
        a = np.uint64(first + i)
        b, c, d = min(a + np.uint64(1), last), min(a + np.uint64(2), last), min(a + np.uint64(3), last)
        if listed:
            if ahead:
                for place in range(first + i + ahead, min(first + i + ahead + 4, stop)):
                    prefetch_row(base, size, places[place])
            a, b = np.uint64(places[a]), np.uint64(places[b])
            c, d = np.uint64(places[c]), np.uint64(places[d])
        elif ahead:
            prefetch_lines(base + (a + np.uint64(ahead)) * size, (4 * codes.row_bytes + LINE - 1) // LINE)
        four_nearnesses(codes, base, a, b, c, d, query, *scale, out + np.uint64(4 * i))


@entry_point("code scan")
def scan_codes(codes_address, prepared, n_queries, width, group, query_bytes, lo, hi, listed, scratch, found):
    """Find the ``width`` rows of ``lo`` to ``hi``, or of ``listed[lo:hi]``, that codes say are nearest.

    ``group`` queries, each of ``query_bytes`` as codes are compared with them, pass by a strip of codes
    together; ``scratch`` is the address of ``code_scan_scratch_bytes`` bytes. ``found`` is written, nearest
    first and ties by row.
    """
    codes = view_codes(codes_address)
    scales = view_f32(scratch + np.uint64(STRIP_BYTES), 3 * GROUP)
    queries = scratch + np.uint64(STRIP_BYTES + 12 * GROUP)
    heaps = queries + np.uint64(group * query_bytes)
    strip = min(STRIP, max(4, _STRIP_CODES // codes.row_bytes // 4 * 4))
    for asked in range(0, n_queries, group):
        size = min(group, n_queries - asked)
        for i in range(size):
            given = prepared + np.uint64((asked + i) * codes.given_bytes)
            scale = encode_query(codes, given, queries + np.uint64(i * query_bytes))
            scales[3 * i], scales[3 * i + 1], scales[3 * i + 2] = scale[1:]
            clear_heap(view_u64(heaps + np.uint64(i * width * 8), width), width)
        for first in range(lo, hi, strip):
            count, ahead = min(strip, hi - first), np.int64(max(4, _BYTES_AHEAD // codes.row_bytes))
            for i in range(size):
                query, heap = queries + np.uint64(i * query_bytes), heaps + np.uint64(i * width * 8)
                scale = scales[3 * i], scales[3 * i + 1], scales[3 * i + 2]
                estimate_strip(codes, listed, first, count, hi, query, scale, ahead, scratch)
                offer_strip(listed, first, count, _NEARER_IS_LOWER, view_u64(heap, width), width, scratch)
                ahead = np.int64(0)
        for i in range(size):
            heap = view_u64(heaps + np.uint64(i * width * 8), width)
            sort_heap(heap, width)
            for place in range(width):
                empty = heap[place] == NO_KEY
                found[asked + i, place] = np.uint32(0xFFFFFFFF) if empty else np.uint32(heap[place])


def queries_together(query_bytes: int) -> int:
    """Return how many queries of so many bytes pass by a strip of codes together."""
    return min(GROUP, max(1, _GROUP_BYTES // query_bytes))


def code_scan_scratch_bytes(group: int, query_bytes: int, width: int) -> int:
    """Return how many bytes :func:`scan_codes` needs for itself."""
    return STRIP_BYTES + 12 * GROUP + group * (query_bytes + 8 * width)
