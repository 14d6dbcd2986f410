"""Exact search of sparse rows by postings: windows of rows whose sums stay in the cache.

A window is 65,536 rows, so that a posting is a 16-bit row and an 8-bit code. Sums of codes are upper bounds
of scores; the best of them are scored exactly from the stored rows until none that is left can be better.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from .kernel import entry_point, inner
from .memory import (
    prefetch,
    prefetch_lines,
    record_at,
    view_f32,
    view_i8,
    view_i32,
    view_i64,
    view_u8,
    view_u16,
    view_u32,
    view_u64,
)
from .scan import write_result
from .sparse import COSINE, inverse_length, load_terms, row_score
from .top import NO_KEY, clear_heap, key_of, replace_largest, score_of, sort_heap
from .vectors import I32, call, load, vector

POSTINGS = np.dtype(
    [
        ("n", np.int64),
        ("indptr", np.uint64),  # addresses of the stored rows
        ("indices", np.uint64),
        ("values", np.uint64),
        ("nnz", np.int64),
        ("n_postings", np.int64),
        ("terms", np.uint64),  # address: (n_terms,) uint32, ascending
        ("n_terms", np.int64),
        ("slots", np.uint64),  # address: (n_slots,) uint32, where each term stands or n_terms; or 0
        ("n_slots", np.int64),
        ("n_windows", np.int64),
        ("starts", np.uint64),  # address: (n_terms * n_windows + 1,) int64
        ("local", np.uint64),  # address: (n_postings,) uint16, the row within its window
        ("codes", np.uint64),  # address: (n_postings,) uint8, or int8 if signed
        ("steps", np.uint64),  # address: (n_terms,) float32, what a code of each term is multiplied with
        ("signed", np.int64),
        ("form", np.int64),
        ("flat", np.float64),  # what a row's length adds to a term frequency besides its slope
    ]
)
SUMMING = np.dtype(
    [
        ("sums", np.uint64),  # address: (WINDOW,) int32
        ("lists", np.uint64),  # address of int64: the terms of the query that have postings
        ("weights", np.uint64),  # address of int32
        ("table_terms", np.uint64),
        ("table_weights", np.uint64),
        ("table_size", np.int64),
        ("pool", np.uint64),  # address of uint64
        ("pool_size", np.int64),
        ("heap", np.uint64),
        ("stats", np.uint64),  # address of (2,) int64: postings summed, rows scored exactly
    ]
)
WINDOW_BITS = 16
WINDOW = 1 << WINDOW_BITS
_BLOCK = 64
_LINES_AHEAD = 2
_LOWEST, _HIGHEST = np.int32(-(1 << 31) + 1), np.int64(0x7FFFFFFF)
_HIGHER = np.bool_(True)
_LARGEST = np.float64(np.finfo(np.float32).max)
# Codes times weights of a query stay below this, and so does their sum.
_MOST_SUM = np.float64(1 << 30)
_MOST_WEIGHT = np.float64(65535)
# More than float32 scores and weights in whole units are rounded by.
_SLACK, _STEP = np.float64(1e-6), np.float64(1e-3)
view_postings = record_at(POSTINGS)
view_summing = record_at(SUMMING)


@inner
def find_term(postings, terms, slots, term):
    """Return where ``term`` stands among the terms that have postings, ``n_terms`` if it does not."""
    if postings.slots:
        return np.int64(slots[term]) if term < postings.n_slots else postings.n_terms
    lo, hi = 0, postings.n_terms
    while lo < hi:
        middle = (lo + hi) >> 1
        if terms[middle] < term:
            lo = middle + 1
        else:
            hi = middle
    return lo if lo < postings.n_terms and terms[lo] == term else postings.n_terms


@inner
def choose_lists(postings, indices, values, start, stop, above, below, lists, weights):
    """List the query's terms that have postings and their whole weights; return how many, and the unit.

    Weights above 0 are taken times ``above``, those below 0 times ``below``.
    """
    terms, steps = view_u32(postings.terms, postings.n_terms), view_f32(postings.steps, postings.n_terms)
    slots, starts = view_u32(postings.slots, postings.n_slots), postings.starts
    count, largest, total = 0, np.float64(0), np.float64(0)
    for i in range(start, stop):
        place = find_term(postings, terms, slots, indices[i])
        prefetch(starts + np.uint64(8 * place * postings.n_windows))
        if place < postings.n_terms:
            scale = above if values[i] > 0 else below
            product = abs(np.float64(values[i])) * scale * np.float64(steps[place])
            largest, total = max(largest, product), total + product
            lists[count] = place << 32 | i
            count += 1
    unit = max(largest / _MOST_WEIGHT, total * np.float64(255) / _MOST_SUM)
    for j in range(count):
        i = lists[j] & 0xFFFFFFFF
        lists[j] = lists[j] >> 32
        scale = above if values[i] > 0 else below
        product = np.float64(values[i]) * scale * np.float64(steps[lists[j]])
        weights[j] = np.int32(np.ceil(product / unit)) if unit > 0 else np.int32(0)
        first = view_i64(starts + np.uint64(8 * lists[j] * postings.n_windows), 1)[0]
        prefetch_lines(postings.local + np.uint64(2 * first), _LINES_AHEAD)
        prefetch_lines(postings.codes + np.uint64(first), _LINES_AHEAD)
    return count, unit


@inner
def sum_window(postings, window, size, lists, weights, count, sums):
    """Fill ``sums`` with upper bounds of a window's scores; return how many postings were read."""
    starts = view_i64(postings.starts, postings.n_terms * postings.n_windows + 1)
    local = view_u16(postings.local, postings.n_postings)
    codes, signed = view_u8(postings.codes, postings.n_postings), view_i8(postings.codes, postings.n_postings)
    for i in range(size):
        sums[i] = 0
    read = 0
    for j in range(count):
        first = lists[j] * postings.n_windows + window
        weight = weights[j]
        # A code is the value rounded up; times a negative weight that is a lower bound, one step too low.
        extra = -weight if weight < 0 else np.int32(0)
        if postings.signed:
            # Weights are rounded up too, by less than one, which lowers the product with a code below zero.
            extra += np.int32(128)
        # Of numbers without a sign numba does not ask whether they count from the end.
        begin, end = np.uint64(starts[first]), np.uint64(starts[first + 1])
        if postings.signed:
            for p in range(begin, end):
                sums[local[p]] += weight * np.int32(signed[p]) + extra
        else:
            for p in range(begin, end):
                sums[local[p]] += weight * np.int32(codes[p]) + extra
        read += starts[first + 1] - starts[first]
    return read


@intrinsic
def block_maximum(typingctx: Any, address: Any) -> Any:
    """Return the largest of 64 int32 at an address."""
    kind = vector(I32, 16)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        parts = [load(builder, kind, args[0], offset) for offset in range(0, 256, 64)]
        while len(parts) > 1:
            pairs = zip(parts[::2], parts[1::2], strict=True)
            parts = [builder.select(builder.icmp_signed(">", a, b), a, b) for a, b in pairs]
        return call(builder, "llvm.vector.reduce.smax.v16i32", I32, parts)

    return types.int32(types.uint64), emit


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
def least_score(heap):
    """Return the lowest score of a full heap; of those beyond float32, all alike to the heap, the largest."""
    return min(np.float64(score_of(heap[0], _HIGHER)), _LARGEST)


@inner
def collect(address, sums, base, size, lo, hi, allowed, words, pool, pool_size):
    """Keep the rows of a window whose sums are among the highest."""
    lowest = bound_of(pool[0])
    for block in range(0, size, _BLOCK):
        if block_maximum(address + np.uint64(4 * block)) <= lowest:
            continue
        for i in range(block, min(block + _BLOCK, size)):
            row = base + i
            if sums[i] > lowest and lo <= row < hi and (not allowed or allows(words, row)):
                key = bound_key(sums[i], row)
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
def search_again(postings, summing, count, unit, first, slope, least, lo, hi, allowed, heap, k):
    """Score every row whose bound reaches ``least``, which ``k`` rows are known to reach."""
    lists, weights = view_i64(summing.lists, count), view_i32(summing.weights, count)
    sums, words = view_i32(summing.sums, WINDOW), view_u64(allowed, (postings.n + 63) // 64)
    stats = view_i64(summing.stats, 2)
    positive = not postings.signed
    for j in range(count):
        positive = positive and weights[j] > 0
    clear_heap(heap, k)
    for window in range(lo >> WINDOW_BITS, (hi + WINDOW - 1) >> WINDOW_BITS):
        base = window << WINDOW_BITS
        size = min(WINDOW, postings.n - base)
        stats[0] += sum_window(postings, window, size, lists, weights, count, sums)
        for i in range(max(0, lo - base), min(size, hi - base)):
            row = base + i
            bound = np.float64(sums[i]) * unit
            if bound + abs(bound) * _SLACK + unit * _STEP < least or (allowed and not allows(words, row)):
                continue
            score = np.float32(0.0)
            # With nothing negative a sum of zero is a row that shares no term with the query.
            if sums[i] or not positive:
                score = exact_score(postings, summing, row, first, slope)
                stats[1] += 1
            key = key_of(score, np.uint64(row), _HIGHER)
            if key < heap[0]:
                replace_largest(heap, k, key)
                if heap[0] != NO_KEY:
                    least = max(least, least_score(heap))


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
    slope,
    above,
    below,
    found,
    scores,
):
    """Find the ``k`` rows of ``lo`` to ``hi``, and of the bitset ``allowed`` if there is one, exactly.

    Term frequencies have an average length that changes: ``slope`` is what of it a row's length is taken
    times, ``above`` and ``below`` the most and the least that weights can be more than they were when codes
    were made of them.
    """
    postings, summing = view_postings(postings_address), view_summing(summing_address)
    starts = view_i64(query_indptr, n_queries + 1)
    terms, values = view_u32(query_indices, starts[n_queries]), view_f32(query_values, starts[n_queries])
    longest = 1
    for q in range(n_queries):
        longest = max(longest, starts[q + 1] - starts[q])
    lists, weights = view_i64(summing.lists, longest), view_i32(summing.weights, longest)
    table_terms = view_i64(summing.table_terms, summing.table_size)
    table_weights = view_f32(summing.table_weights, summing.table_size)
    mask = np.uint64(summing.table_size - 1)
    sums, words = view_i32(summing.sums, WINDOW), view_u64(allowed, (postings.n + 63) // 64)
    pool, heap = view_u64(summing.pool, summing.pool_size), view_u64(summing.heap, k)
    stats = view_i64(summing.stats, 2)
    stats[:] = 0
    for q in range(n_queries):
        load_terms(table_terms, table_weights, mask, terms, values, starts[q], starts[q + 1])
        first = postings.flat
        if postings.form == COSINE:
            first = above = below = inverse_length(table_weights)
        count, unit = choose_lists(
            postings, terms, values, starts[q], starts[q + 1], above, below, lists, weights
        )
        clear_heap(pool, summing.pool_size)
        for window in range(lo >> WINDOW_BITS, (hi + WINDOW - 1) >> WINDOW_BITS):
            base = window << WINDOW_BITS
            size = min(WINDOW, postings.n - base)
            stats[0] += sum_window(postings, window, size, lists, weights, count, sums)
            # Blocks are whole; what lies behind the last row is below everything.
            for i in range(size, (size + _BLOCK - 1) // _BLOCK * _BLOCK):
                sums[i] = _LOWEST
            collect(summing.sums, sums, base, size, lo, hi, allowed, words, pool, summing.pool_size)
        full = pool[0] != NO_KEY
        dropped = bound_of(pool[0])
        sort_heap(pool, summing.pool_size)
        clear_heap(heap, k)
        for i in range(summing.pool_size):
            if pool[i] == NO_KEY:
                break
            bound = np.float64(bound_of(pool[i])) * unit
            if heap[0] != NO_KEY:
                kth = least_score(heap)
                if bound + abs(bound) * _SLACK + unit * _STEP < kth:
                    break
            row = np.int64(pool[i] & np.uint64(0xFFFFFFFF))
            score = exact_score(postings, summing, row, first, slope)
            stats[1] += 1
            key = key_of(score, np.uint64(row), _HIGHER)
            if key < heap[0]:
                replace_largest(heap, k, key)
        if full:
            bound = np.float64(dropped) * unit
            bound += abs(bound) * _SLACK + unit * _STEP
            kth = least_score(heap)
            if bound >= kth:
                search_again(postings, summing, count, unit, first, slope, kth, lo, hi, allowed, heap, k)
        sort_heap(heap, k)
        write_result(heap, k, _HIGHER, np.float32(-np.inf), found[q], scores[q])
