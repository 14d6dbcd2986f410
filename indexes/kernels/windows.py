"""Exact search of sparse rows by postings: windows of rows whose sums stay in the cache.

The rows of the highest sums, which are upper bounds, are scored exactly until none that is left can be
better.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .kernel import entry_point, inner
from .memory import view_f32, view_i32, view_i64, view_u32, view_u64
from .postings import (
    WINDOW,
    WINDOW_BITS,
    choose_lists,
    lists_of,
    part_at,
    sum_window,
    view_postings,
    view_summing,
)
from .scan import write_result
from .sparse import COSINE, inverse_length, load_terms, row_score
from .top import NO_KEY, clear_heap, key_of, replace_largest, score_of, sort_heap
from .vectors import I32, I64, call, load, splat, vector

_BLOCK = 64
_LOWEST, _HIGHEST = np.int32(-(1 << 31) + 1), np.int64(0x7FFFFFFF)
_HIGHER = np.bool_(True)
_LARGEST = np.float64(np.finfo(np.float32).max)
# More than float32 scores and weights in whole units are rounded by.
_SLACK, _STEP = np.float64(1e-6), np.float64(1e-3)


@intrinsic
def block_maximum(typingctx: Any, address: Any, rows: Any) -> Any:
    """Return the largest of 64 int32 at an address, of those whose bit is set."""
    kind, bits = vector(I32, 16), vector(ir.IntType(1), 16)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        parts = []
        for part in range(4):
            moved = builder.lshr(args[1], ir.Constant(I64, 16 * part))
            chosen = builder.bitcast(builder.trunc(moved, ir.IntType(16)), bits)
            sums = load(builder, kind, args[0], 64 * part)
            parts.append(builder.select(chosen, sums, splat(kind, int(_LOWEST))))
        while len(parts) > 1:
            pairs = zip(parts[::2], parts[1::2], strict=True)
            parts = [builder.select(builder.icmp_signed(">", a, b), a, b) for a, b in pairs]
        return call(builder, "llvm.vector.reduce.smax.v16i32", I32, parts)

    return types.int32(types.uint64, types.uint64), emit


@inner
def allows(words, row):
    return words[row >> 6] >> np.uint64(row & 63) & np.uint64(1)


@inner
def bound_key(bound, row):
    """Return a key that is the smaller the higher the bound."""
    return np.uint64(_HIGHEST - np.int64(bound)) << np.uint64(32) | np.uint64(row)


@inner
def bound_of(key):
    return _HIGHEST - np.int64(key >> np.uint64(32))


@inner
def reach(bound, unit):
    """Return the highest score that a row of this bound can have."""
    units = np.float64(bound) * unit
    return units + abs(units) * _SLACK + unit * _STEP


@inner
def least_score(heap):
    """Return the lowest score of a full heap; of those beyond float32, all alike to the heap, the largest."""
    return min(np.float64(score_of(heap[0], _HIGHER)), _LARGEST)


@inner
def block_rows(base, size, lo, hi, allowed, words):
    """Return a bit for each of up to 64 rows from ``base`` on that may be found."""
    rows = ~np.uint64(0)
    if lo >= base + size or hi <= base:
        return np.uint64(0)
    if lo > base:
        rows <<= np.uint64(lo - base)
    if hi < base + size:
        size = hi - base
    if size < _BLOCK:
        rows &= (np.uint64(1) << np.uint64(size)) - np.uint64(1)
    if allowed:
        place, shift = base >> 6, np.uint64(base & 63)
        chosen = words[place] >> shift
        if shift and place + 1 < len(words):
            chosen |= words[place + 1] << (np.uint64(64) - shift)
        rows &= chosen
    return rows


@inner
def collect(address, sums, base, size, lo, hi, allowed, words, pool, pool_size):
    """Keep the rows of a window whose sums are among the highest."""
    lowest = bound_of(pool[0])
    for block in range(0, size, _BLOCK):
        count = min(_BLOCK, size - block)
        rows = block_rows(base + block, count, lo, hi, allowed, words)
        if not rows or block_maximum(address + np.uint64(4 * block), rows) <= lowest:
            continue
        for i in range(block, block + count):
            if sums[i] > lowest and rows >> np.uint64(i - block) & np.uint64(1):
                key = bound_key(sums[i], base + i)
                if key < pool[0]:
                    replace_largest(pool, pool_size, key)
                    lowest = bound_of(pool[0])


@inner
def exact_score(postings, summing, row, first, slope):
    """Return the score of a row with the query whose terms are loaded."""
    pointers = view_i64(postings.indptr, postings.n + 1)
    size = summing.table_size
    return row_score(
        view_i64(summing.table_terms, size),
        view_f32(summing.table_weights, size),
        np.uint64(size - 1),
        view_u32(postings.indices, postings.nnz),
        view_f32(postings.values, postings.nnz),
        pointers[row],
        pointers[row + 1],
        postings.form,
        first,
        slope,
    )


@inner
def scan_uncovered(postings, summing, first, slope, lo, hi, allowed, words, heap, k):
    """Put the rows that are in no part into the heap."""
    stats = view_i64(summing.stats, 2)
    for row in range(max(lo, postings.covered), hi):
        if not allowed or allows(words, row):
            key = key_of(exact_score(postings, summing, row, first, slope), np.uint64(row), _HIGHER)
            stats[1] += 1
            if key < heap[0]:
                replace_largest(heap, k, key)


@inner
def score_again(postings, summing, number, unit, first, slope, least, lo, hi, allowed, words, heap, k):
    """Score every row of a part whose bound reaches ``least``, which ``k`` rows are known to reach.

    Returns the score that ``k`` rows are known to reach then.
    """
    part = part_at(postings, number)
    lists, weights = lists_of(summing, number)
    count = view_i64(summing.counts, postings.n_parts)[number]
    sums, stats = view_i32(summing.sums, WINDOW), view_i64(summing.stats, 2)
    positive = not part.signed
    for j in range(count):
        positive = positive and weights[j] > 0
    for window in range(part.n_windows):
        base = part.first + (window << WINDOW_BITS)
        size = min(WINDOW, part.first + part.n - base)
        if base >= hi or base + size <= lo:
            continue
        stats[0] += sum_window(part, window, size, lists, weights, count, sums)
        for block in range(0, size, _BLOCK):
            last = min(block + _BLOCK, size)
            rows = block_rows(base + block, last - block, lo, hi, allowed, words)
            if not rows or reach(block_maximum(summing.sums + np.uint64(4 * block), rows), unit) < least:
                continue
            for i in range(block, last):
                if not rows >> np.uint64(i - block) & np.uint64(1) or reach(sums[i], unit) < least:
                    continue
                score = np.float32(0.0)
                # With nothing negative a sum of zero is a row that shares no term with the query.
                if sums[i] or not positive:
                    score = exact_score(postings, summing, base + i, first, slope)
                    stats[1] += 1
                key = key_of(score, np.uint64(base + i), _HIGHER)
                if key < heap[0]:
                    replace_largest(heap, k, key)
                    if heap[0] != NO_KEY:
                        least = max(least, least_score(heap))
    return least


@inner
def fill_pool(postings, summing, lo, hi, allowed, words):
    """Keep the rows of the highest bounds."""
    sums, pool = view_i32(summing.sums, WINDOW), view_u64(summing.pool, summing.pool_size)
    counts, stats = view_i64(summing.counts, postings.n_parts), view_i64(summing.stats, 2)
    clear_heap(pool, summing.pool_size)
    for number in range(postings.n_parts):
        part = part_at(postings, number)
        lists, weights = lists_of(summing, number)
        for window in range(part.n_windows):
            base = part.first + (window << WINDOW_BITS)
            size = min(WINDOW, part.first + part.n - base)
            if base >= hi or base + size <= lo:
                continue
            stats[0] += sum_window(part, window, size, lists, weights, counts[number], sums)
            collect(summing.sums, sums, base, size, lo, hi, allowed, words, pool, summing.pool_size)


@inner
def score_pool(postings, summing, unit, ordered, first, slope, lo, hi, allowed, words, heap, k):
    """Score rows in the order of their bounds until none that is left can be better.

    Where bounds are ``ordered`` as scores are, ties included, the first ``k`` of the pool are the best.
    """
    pool, stats = view_u64(summing.pool, summing.pool_size), view_i64(summing.stats, 2)
    full, dropped = pool[0] != NO_KEY, bound_of(pool[0])
    sort_heap(pool, summing.pool_size)
    for i in range(summing.pool_size):
        if pool[i] == NO_KEY or (ordered and i >= k):
            break
        if heap[0] != NO_KEY and reach(bound_of(pool[i]), unit) < least_score(heap):
            break
        row = np.int64(pool[i] & np.uint64(0xFFFFFFFF))
        score = exact_score(postings, summing, row, first, slope)
        stats[1] += 1
        key = key_of(score, np.uint64(row), _HIGHER)
        if key < heap[0]:
            replace_largest(heap, k, key)
    if full and not ordered:
        least = least_score(heap)
        if reach(dropped, unit) >= least:
            clear_heap(heap, k)
            scan_uncovered(postings, summing, first, slope, lo, hi, allowed, words, heap, k)
            for number in range(postings.n_parts):
                least = score_again(
                    postings, summing, number, unit, first, slope, least, lo, hi, allowed, words, heap, k
                )


@entry_point("sparse windows")
def search_windows(
    postings_address,
    summing_address,
    query_indptr,
    query_indices,
    query_values,
    n_queries,
    k,
    lo,
    hi,
    allowed,
    average,
    slope,
    found,
    scores,
):
    """Find the ``k`` rows of ``lo`` to ``hi``, and of the bitset ``allowed`` if there is one, exactly.

    Of term frequencies ``average`` is the average length now, and ``slope`` what a row's is taken times.
    """
    postings, summing = view_postings(postings_address), view_summing(summing_address)
    starts = view_i64(query_indptr, n_queries + 1)
    terms, values = view_u32(query_indices, starts[n_queries]), view_f32(query_values, starts[n_queries])
    table_terms = view_i64(summing.table_terms, summing.table_size)
    table_weights = view_f32(summing.table_weights, summing.table_size)
    mask = np.uint64(summing.table_size - 1)
    words, heap = view_u64(allowed, (postings.n + 63) // 64), view_u64(summing.heap, k)
    view_i64(summing.stats, 2)[:] = 0
    for q in range(n_queries):
        start, stop = starts[q], starts[q + 1]
        load_terms(table_terms, table_weights, mask, terms, values, start, stop)
        inverse = inverse_length(table_weights) if postings.form == COSINE else np.float64(0)
        first = inverse if postings.form == COSINE else postings.flat
        unit, ordered = choose_lists(postings, summing, terms, values, start, stop, average, slope, inverse)
        fill_pool(postings, summing, lo, hi, allowed, words)
        clear_heap(heap, k)
        scan_uncovered(postings, summing, first, slope, lo, hi, allowed, words, heap, k)
        score_pool(postings, summing, unit, ordered, first, slope, lo, hi, allowed, words, heap, k)
        sort_heap(heap, k)
        write_result(heap, k, _HIGHER, np.float32(-np.inf), found[q], scores[q])
