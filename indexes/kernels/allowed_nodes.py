"""Which nodes of a pool may be found: those of a bitset, where of rows that are equal one is a node."""

from __future__ import annotations

import numpy as np

from .kernel import inner
from .memory import view_u32, view_u64
from .pool import row_of
from .top import NO_KEY, clear_heap, replace_largest, sort_heap

_NO_ROW = np.uint32(0xFFFFFFFF)
# Of a key of the heap.
_SCORE_BITS, _ROW_BITS = np.uint64(0xFFFFFFFF00000000), np.uint64(0xFFFFFFFF)


@inner
def is_allowed(allowed, words, row):
    return not allowed or words[row >> np.uint64(6)] >> (row & np.uint64(63)) & np.uint64(1)


@inner
def first_allowed(graph, copies, row, allowed, words):
    """Return the first allowed row from ``row`` on among those equal to it, or none."""
    while row != _NO_ROW and not is_allowed(allowed, words, np.uint64(row)):
        row = copies[row] if graph.copies else _NO_ROW
    return row


@inner
def rank_of(graph, n, pool, width, number, allowed):
    """Return the rank in the pool of the allowed node of that number, that of the last if it has fewer."""
    if not allowed:
        return number
    words, copies, count = view_u64(allowed, (n + 63) // 64), view_u32(graph.copies, n), 0
    for i in range(width):
        count += first_allowed(graph, copies, np.uint32(row_of(pool[i])), allowed, words) != _NO_ROW
        if count == number:
            return i + 1
    return width


@inner
def list_allowed(graph, pool, size, allowed, n, wanted, listed):
    """List the nearest ``wanted`` nodes of the pool that are allowed; return their and the whole number.

    Of rows that are equal the first allowed one is listed.
    """
    count, seen = 0, 0
    words, copies = view_u64(allowed, (n + 63) // 64), view_u32(graph.copies, n)
    for i in range(size):
        row = first_allowed(graph, copies, np.uint32(row_of(pool[i])), allowed, words)
        if row != _NO_ROW:
            seen += 1
            if count < wanted:
                listed[count] = row
                count += 1
    return count, seen


@inner
def add_copies(graph, pool, heap, k, allowed, n):
    """Put into the sorted ``heap`` what equals its rows too; it is sorted again at the end."""
    words, copies = view_u64(allowed, (n + 63) // 64), view_u32(graph.copies, n)
    for i in range(k):
        pool[i] = heap[i]
    clear_heap(heap, k)
    for i in range(k):
        if pool[i] == NO_KEY:
            break
        score, row = pool[i] & _SCORE_BITS, np.uint32(pool[i] & _ROW_BITS)
        while row != _NO_ROW and score | np.uint64(row) < heap[0]:
            replace_largest(heap, k, score | np.uint64(row))
            row = first_allowed(graph, copies, copies[row], allowed, words)
    sort_heap(heap, k)
