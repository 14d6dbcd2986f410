"""Exact search of sparse rows by postings: windows of rows whose sums stay in the cache.

The rows of the highest sums, which are upper bounds, are scored exactly until none that is left can be
better.
"""

from __future__ import annotations

import numpy as np

from .bounds import BLOCK, block_maximum, block_rows, bound_key, bound_of, collect
from .essential import (
    FIRST_SHARE,
    LESS,
    MORE,
    MOST_CANDIDATES,
    MOST_SHARE,
    POSTINGS_A_ROW,
    count_essential,
    find_candidates,
    may_leave_out,
    postings_between,
    reached_sum,
    sort_lists,
)
from .kernel import entry_point, inner
from .memory import prefetch, view_f32, view_i16, view_i64, view_u32, view_u64
from .postings import (
    MOST_SUM,
    WINDOW,
    WINDOW_BITS,
    choose_lists,
    lists_of,
    part_at,
    sum_lists,
    sum_window,
    view_postings,
    view_summing,
)
from .scan import write_result
from .sparse import COSINE, inverse_length, load_terms, row_score, view_csr
from .sparse_scores import prefetch_entries
from .top import NO_KEY, clear_heap, key_of, replace_largest, score_of, sort_heap

_HIGHER = np.bool_(True)
# While a row is scored, the entries of those behind it are fetched.
_ROWS_AHEAD = 8
_LARGEST = np.float64(np.finfo(np.float32).max)
# More than float32 scores and weights in whole units are rounded by.
_SLACK, _STEP = np.float64(1e-6), np.float64(1e-3)


@inner
def allows(words, row):
    return words[row >> 6] >> np.uint64(row & 63) & np.uint64(1)


@inner
def reach(summing, bound):
    """Return the highest score that a row of this bound can have."""
    units = np.float64(bound) * summing.unit
    return units + abs(units) * _SLACK + summing.unit * _STEP + summing.rest * (1 + _SLACK)


@inner
def least_score(heap):
    """Return the lowest score of a full heap; of those beyond float32, all alike to the heap, the largest."""
    return min(np.float64(score_of(heap[0], _HIGHER)), _LARGEST)


@inner
def row_of(key):
    return key & np.uint64(0xFFFFFFFF)


@inner
def prefetch_row(postings, row):
    pointers = view_i64(postings.indptr, postings.n + 1)
    start, stop = pointers[row], pointers[row + np.uint64(1)]
    prefetch_entries(postings.indices, postings.values, start, stop, postings.form)


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
def score_again(postings, summing, number, first, slope, least, lo, hi, allowed, words, heap, k):
    """Score every row of a part whose bound reaches ``least``, which ``k`` rows are known to reach.

    Returns the score that ``k`` rows are known to reach then.
    """
    part = part_at(postings, number)
    lists, weights, extras = lists_of(summing, number)
    count = view_i64(summing.counts, postings.n_parts)[number]
    sums, stats = view_i16(summing.sums, WINDOW), view_i64(summing.stats, 2)
    positive = not part.signed and summing.rest == 0
    for j in range(count):
        positive = positive and weights[j] > 0
    for window in range(part.n_windows):
        base = part.first + (window << WINDOW_BITS)
        size = min(WINDOW, part.first + part.n - base)
        if base >= hi or base + size <= lo:
            continue
        stats[0] += sum_window(part, window, size, lists, weights, extras, count, sums)
        for block in range(0, size, BLOCK):
            last = min(block + BLOCK, size)
            rows = block_rows(base + block, last - block, lo, hi, allowed, words)
            if not rows or reach(summing, block_maximum(summing.sums + np.uint64(2 * block), rows)) < least:
                continue
            for i in range(block, last):
                if not rows >> np.uint64(i - block) & np.uint64(1) or reach(summing, sums[i]) < least:
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
def score_candidates(postings, summing, count, first, slope, pool):
    """Keep the candidates, scored, among the rows of the highest bounds."""
    candidates, stats = view_u32(summing.candidates, count), view_i64(summing.stats, 2)
    for i in range(min(count, _ROWS_AHEAD)):
        prefetch_row(postings, np.uint64(candidates[i]))
    for i in range(count):
        if i + _ROWS_AHEAD < count:
            prefetch_row(postings, np.uint64(candidates[i + _ROWS_AHEAD]))
        row = np.int64(candidates[i])
        score = np.float64(exact_score(postings, summing, row, first, slope))
        bound = np.int64(min(np.ceil(score / summing.unit) + 1, np.float64(MOST_SUM)))
        key = bound_key(bound, row)
        if key < pool[0]:
            replace_largest(pool, summing.pool_size, key)
    stats[1] += count


@inner
def keep_essential(
    postings, summing, part, window, base, size, count, share, first, slope, lo, hi, allowed, words, heap, k
):
    """Keep the best rows of a window by its essential lists, whose rest adds a ``share`` of what is reached.

    Returns the share for the next window.
    """
    pool, stats = view_u64(summing.pool, summing.pool_size), view_i64(summing.stats, 2)
    lists, weights, extras = lists_of(summing, 0)
    sums = view_i16(summing.sums, WINDOW)
    reached = reached_sum(pool, summing.pool_size, heap, k, weights, count)
    summed, rest = count_essential(weights, count, np.int64(share * np.float64(reached)))
    stats[0] += sum_window(part, window, size, lists, weights, extras, summed, sums)
    while summed < count:
        # Summing more is worth its time if it saves scoring as many rows as take as long.
        more, less = count_essential(weights, count, np.int64(LESS * np.float64(rest)))
        most = min(MOST_CANDIDATES, postings_between(part, window, lists, summed, more) // POSTINGS_A_ROW)
        found = find_candidates(summing, base, size, lo, hi, allowed, words, reached - rest, most)
        if found >= 0:
            score_candidates(postings, summing, found, first, slope, pool)
            return min(MOST_SHARE, MORE * np.float64(rest) / np.float64(reached))
        stats[0] += sum_lists(part, window, lists, weights, extras, summed, more, sums)
        summed, rest = more, less
    collect(summing, base, size, lo, hi, allowed, words, pool)
    return share


@inner
def fill_pool(postings, summing, first, slope, lo, hi, allowed, words, heap, k):
    """Keep the rows of the highest bounds."""
    sums, pool = view_i16(summing.sums, WINDOW), view_u64(summing.pool, summing.pool_size)
    counts, stats = view_i64(summing.counts, postings.n_parts), view_i64(summing.stats, 2)
    clear_heap(pool, summing.pool_size)
    for number in range(postings.n_parts):
        part = part_at(postings, number)
        lists, weights, extras = lists_of(summing, number)
        count, share = counts[number], FIRST_SHARE
        leaves_out = may_leave_out(postings, summing, part, weights, count)
        if leaves_out:
            sort_lists(part, lists, weights, count)
        for window in range(part.n_windows):
            base = part.first + (window << WINDOW_BITS)
            size = min(WINDOW, part.first + part.n - base)
            if base >= hi or base + size <= lo:
                continue
            if leaves_out:
                share = keep_essential(
                    postings,
                    summing,
                    part,
                    window,
                    base,
                    size,
                    count,
                    share,
                    first,
                    slope,
                    lo,
                    hi,
                    allowed,
                    words,
                    heap,
                    k,
                )
                continue
            stats[0] += sum_window(part, window, size, lists, weights, extras, count, sums)
            collect(summing, base, size, lo, hi, allowed, words, pool)


@inner
def score_pool(postings, summing, ordered, first, slope, lo, hi, allowed, words, heap, k):
    """Score rows in the order of their bounds until none that is left can be better.

    Where bounds are ``ordered`` as scores are, ties included, the first ``k`` of the pool are the best.
    """
    pool, stats = view_u64(summing.pool, summing.pool_size), view_i64(summing.stats, 2)
    full, dropped = pool[0] != NO_KEY, bound_of(pool[0])
    sort_heap(pool, summing.pool_size)
    filled = np.int64(0)
    while filled < summing.pool_size and pool[filled] != NO_KEY:
        filled += 1
    # Few are scored besides the first k.
    likely = min(filled, k)
    for i in range(likely):
        prefetch(postings.indptr + np.uint64(8) * row_of(pool[i]))
    for i in range(min(likely, _ROWS_AHEAD)):
        prefetch_row(postings, row_of(pool[i]))
    for i in range(likely if ordered else filled):
        if i + _ROWS_AHEAD < likely:
            prefetch_row(postings, row_of(pool[i + _ROWS_AHEAD]))
        if heap[0] != NO_KEY and reach(summing, bound_of(pool[i])) < least_score(heap):
            break
        row = np.int64(row_of(pool[i]))
        score = exact_score(postings, summing, row, first, slope)
        stats[1] += 1
        key = key_of(score, np.uint64(row), _HIGHER)
        if key < heap[0]:
            replace_largest(heap, k, key)
    if full and not ordered:
        least = least_score(heap)
        if reach(summing, dropped) >= least:
            clear_heap(heap, k)
            scan_uncovered(postings, summing, first, slope, lo, hi, allowed, words, heap, k)
            for number in range(postings.n_parts):
                least = score_again(
                    postings, summing, number, first, slope, least, lo, hi, allowed, words, heap, k
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
    starts, terms, values = view_csr(query_indptr, query_indices, query_values, n_queries)
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
        ordered = choose_lists(postings, summing, terms, values, start, stop, average, slope, inverse)
        fill_pool(postings, summing, first, slope, lo, hi, allowed, words, heap, k)
        clear_heap(heap, k)
        scan_uncovered(postings, summing, first, slope, lo, hi, allowed, words, heap, k)
        score_pool(postings, summing, ordered, first, slope, lo, hi, allowed, words, heap, k)
        sort_heap(heap, k)
        write_result(heap, k, _HIGHER, np.float32(-np.inf), found[q], scores[q])
