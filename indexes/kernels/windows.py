"""Exact search of sparse rows by postings: windows of rows whose sums stay in the cache.

The rows of the highest sums, which are upper bounds, are scored exactly until none that is left can be
better.
"""

from __future__ import annotations

import numpy as np

from .bounds import BLOCK, LOWEST, block_maximum, block_rows, bound_key, bound_of, clear_sums, collect
from .early_scores import score_early, scores_early
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
    POSTINGS_BYTES,
    WINDOW,
    WINDOW_BITS,
    choose_lists,
    lists_of,
    most_added,
    part_at,
    sum_lists,
    view_postings,
    view_summing,
)
from .scan import write_result
from .sparse import COSINE, inverse_length, load_terms, table_places, view_csr
from .stored_rows import (
    HIGHER,
    NO_ROW,
    ROWS_AHEAD,
    allows,
    exact_score,
    keep_scored,
    least_score,
    least_wanted,
    prefetch_candidates,
    prefetch_row,
    reach,
    row_of,
)
from .top import NO_KEY, clear_heap, key_of, replace_largest, sort_heap


@inner
def scan_uncovered(postings, summing, first, slope, lo, hi, allowed, words, heap, k):
    """Put the rows that are in no part into the heap."""
    stats = view_i64(summing.stats, 2)
    for row in range(max(lo, postings.covered), hi):
        if not allowed or allows(words, row):
            keep_scored(postings, row, exact_score(postings, summing, row, first, slope), heap, k)
            stats[1] += 1


@inner
def is_positive(postings, summing):
    """Return whether a sum of zero is a row that shares no term with the query, and none is below."""
    counts, positive = view_i64(summing.counts, postings.n_parts), summing.rest == 0
    for number in range(postings.n_parts):
        _, weights, _ = lists_of(summing, number)
        positive = positive and not part_at(postings, number).signed
        for j in range(counts[number]):
            positive = positive and weights[j] > 0
    return positive


@inner
def holds_key(heap, k, key):
    holds = False
    for i in range(k):
        holds = holds or heap[i] == key
    return holds


@inner
def score_again(postings, summing, number, first, slope, least, lo, hi, allowed, words, heap, k):
    """Score every row of a part whose bound reaches ``least``, which ``k`` rows are known to reach.

    Returns the score that ``k`` rows are known to reach then.
    """
    part = part_at(postings, number)
    lists, weights, extras = lists_of(summing, number)
    count = view_i64(summing.counts, postings.n_parts)[number]
    sums, stats = view_i16(summing.sums, WINDOW), view_i64(summing.stats, 2)
    positive = summing.floor > LOWEST
    for window in range(part.n_windows):
        base = part.first + (window << WINDOW_BITS)
        size = min(WINDOW, part.first + part.n - base)
        if base >= hi or base + size <= lo:
            continue
        clear_sums(summing, base, size, lo, hi, allowed, words)
        stats[0] += sum_lists(part, window, lists, weights, extras, 0, count, sums)
        for block in range(0, size, BLOCK):
            last = min(block + BLOCK, size)
            rows = block_rows(base + block, last - block, lo, hi, allowed, words)
            if not rows or reach(summing, block_maximum(summing.sums + np.uint64(2 * block), rows)) < least:
                continue
            for i in range(block, last):
                if not rows >> np.uint64(i - block) & np.uint64(1) or reach(summing, sums[i]) < least:
                    continue
                score = np.float32(0.0)
                if sums[i] or not positive:
                    score = exact_score(postings, summing, base + i, first, slope)
                    stats[1] += 1
                key = key_of(score, np.uint64(base + i + postings.before), HIGHER)
                # Some were scored before.
                if key < heap[0] and not holds_key(heap, k, key):
                    replace_largest(heap, k, key)
                    if heap[0] != NO_KEY:
                        least = max(least, least_score(heap))
    return least


@inner
def score_candidates(postings, summing, count, first, slope, pool):
    """Keep the candidates, scored, among the rows of the highest bounds."""
    candidates, stats = view_u32(summing.candidates, count), view_i64(summing.stats, 2)
    for i in range(count):
        prefetch_candidates(postings, candidates, i, count)
        row = np.int64(candidates[i])
        score = np.float64(exact_score(postings, summing, row, first, slope))
        bound = np.int64(min(np.ceil(score / summing.unit) + 1, np.float64(MOST_SUM)))
        key = bound_key(bound, row)
        if key < pool[0]:
            replace_largest(pool, summing.pool_size, key)
    stats[1] += count


@inner
def keep_essential(
    postings, summing, part, window, base, size, count, share, first, slope, lo, hi, allowed, words, k
):
    """Keep the best rows of a window by its essential lists, whose rest adds a ``share`` of what is reached.

    Returns the share for the next window.
    """
    pool, stats = view_u64(summing.pool, summing.pool_size), view_i64(summing.stats, 2)
    lists, weights, extras = lists_of(summing, 0)
    sums = view_i16(summing.sums, WINDOW)
    reached = reached_sum(pool, summing.pool_size, view_u64(summing.reached, k), k, weights, count)
    summed, rest = count_essential(weights, count, np.int64(share * np.float64(reached)))
    clear_sums(summing, base, size, lo, hi, allowed, words)
    stats[0] += sum_lists(part, window, lists, weights, extras, 0, summed, sums)
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
def clear_pool(summing, heap, pool):
    """Empty the pool; where ``k`` rows are scored only bounds that may come to as much get in."""
    least = least_wanted(summing, heap)
    key = bound_key(least - 1, NO_ROW) if least > 1 else NO_KEY
    for i in range(summing.pool_size):
        pool[i] = key


@inner
def fill_pool(postings, summing, first, slope, lo, hi, allowed, words, heap, k):
    """Keep the rows of the highest bounds, but for those of parts that it pays to score at once."""
    sums, pool = view_i16(summing.sums, WINDOW), view_u64(summing.pool, summing.pool_size)
    counts, stats = view_i64(summing.counts, postings.n_parts), view_i64(summing.stats, 2)
    clear_pool(summing, heap, pool)
    for number in range(postings.n_parts):
        part = part_at(postings, number)
        lists, weights, extras = lists_of(summing, number)
        count, share = counts[number], FIRST_SHARE
        if part.first >= hi or part.first + part.n <= lo:
            continue
        if most_added(part, weights, extras, 0, count) < least_wanted(summing, heap):
            continue
        if scores_early(postings, summing, number):
            read, scored, more = score_early(
                postings, summing, number, first, slope, lo, hi, allowed, words, heap, k
            )
            stats[0] += read
            stats[1] += scored
            if more:
                collect(summing, part.first, part.n, lo, hi, allowed, words, pool)
            continue
        leaves_out = may_leave_out(postings, summing, part, count)
        if leaves_out:
            sort_lists(part, lists, weights, extras, count)
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
                    k,
                )
                continue
            clear_sums(summing, base, size, lo, hi, allowed, words)
            stats[0] += sum_lists(part, window, lists, weights, extras, 0, count, sums)
            collect(summing, base, size, lo, hi, allowed, words, pool)


@inner
def score_pool(postings, summing, ordered, first, slope, lo, hi, allowed, words, heap, k):
    """Score rows in the order of their bounds until none that is left can be better.

    Where bounds are ``ordered`` as scores are, ties included, the first ``k`` of the pool are the best.
    """
    pool, stats = view_u64(summing.pool, summing.pool_size), view_i64(summing.stats, 2)
    full, dropped, positive = pool[0] != NO_KEY, bound_of(pool[0]), summing.floor > LOWEST
    sort_heap(pool, summing.pool_size)
    filled = np.int64(0)
    while filled < summing.pool_size and row_of(pool[filled]) != NO_ROW:
        filled += 1
    # Few are scored besides the first k.
    likely = min(filled, k)
    for i in range(likely):
        prefetch(postings.indptr + np.uint64(8) * row_of(pool[i]))
    for i in range(min(likely, ROWS_AHEAD)):
        prefetch_row(postings, row_of(pool[i]))
    for i in range(likely if ordered else filled):
        if i + ROWS_AHEAD < likely:
            prefetch_row(postings, row_of(pool[i + ROWS_AHEAD]))
        if heap[0] != NO_KEY and reach(summing, bound_of(pool[i])) < least_score(heap):
            break
        row, score = np.int64(row_of(pool[i])), np.float32(0.0)
        if bound_of(pool[i]) or not positive:
            score = exact_score(postings, summing, row, first, slope)
            stats[1] += 1
        keep_scored(postings, row, score, heap, k)
    # Of rows that share no term with the query the first are in the pool.
    if full and not ordered and (dropped or not positive):
        least = least_score(heap)
        if reach(summing, dropped) >= least:
            for number in range(postings.n_parts):
                least = score_again(
                    postings, summing, number, first, slope, least, lo, hi, allowed, words, heap, k
                )


@inner
def search_one(postings, summing, terms, values, start, stop, average, slope, first, inverse, heap, k):
    """Put the best rows of an index, exactly, among those that the heap holds of others."""
    lo, hi, allowed = postings.lo, postings.hi, postings.allowed
    words = view_u64(allowed, (postings.n + 63) // 64)
    ordered = choose_lists(postings, summing, terms, values, start, stop, average, slope, inverse)
    summing.floor = np.int64(-1) if is_positive(postings, summing) else LOWEST
    scan_uncovered(postings, summing, first, slope, lo, hi, allowed, words, heap, k)
    fill_pool(postings, summing, first, slope, lo, hi, allowed, words, heap, k)
    score_pool(postings, summing, ordered, first, slope, lo, hi, allowed, words, heap, k)


@entry_point("sparse windows")
def search_windows(
    indexes_address,
    n_indexes,
    summing_address,
    query_indptr,
    query_indices,
    query_values,
    n_queries,
    k,
    average,
    slope,
    found,
    scores,
):
    """Find the ``k`` rows of some indexes of one form, of each those that may be found, exactly.

    Of term frequencies ``average`` is the average length now, and ``slope`` what a row's is taken times.
    """
    summing, indexes = view_summing(summing_address), np.uint64(indexes_address)
    starts, terms, values = view_csr(query_indptr, query_indices, query_values, n_queries)
    form, flat = view_postings(indexes).form, view_postings(indexes).flat
    heap = view_u64(summing.heap, k)
    view_i64(summing.stats, 2)[:] = 0
    for q in range(n_queries):
        start, stop = starts[q], starts[q + 1]
        size = table_places(stop - start)
        # A small one stays in the nearest cache.
        table_terms = view_i64(summing.table_terms, size)
        table_weights = view_f32(summing.table_weights, size)
        summing.table_size, mask = size, np.uint64(size - 1)
        load_terms(table_terms, table_weights, mask, terms, values, start, stop)
        inverse = inverse_length(table_weights) if form == COSINE else np.float64(0)
        first = inverse if form == COSINE else flat
        clear_heap(heap, k)
        for number in range(n_indexes):
            postings = view_postings(indexes + np.uint64(number) * POSTINGS_BYTES)
            search_one(postings, summing, terms, values, start, stop, average, slope, first, inverse, heap, k)
        sort_heap(heap, k)
        write_result(heap, k, HIGHER, np.float32(-np.inf), found[q], scores[q])
