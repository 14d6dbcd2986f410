"""Approximate search of sparse rows by blocks of similar rows (Bruch et al., "Efficient Inverted Indexes for
Approximate Retrieval over Learned Sparse Representations", SIGIR 2024).
"""

from __future__ import annotations

import numpy as np

from .forward import estimate, prefetch_heavy
from .kernel import entry_point, inner
from .memory import prefetch_lines, view_f32, view_i16, view_i32, view_i64, view_u32, view_u64
from .scan import write_result
from .sparse import COSINE, inverse_length, load_terms, row_score, view_csr
from .summaries import MOST_LISTS, choose_terms, view_blocks, view_visits
from .top import NO_KEY, clear_heap, key_of, replace_largest, sort_heap
from .visiting import AHEAD, LOWEST, holds, keep, visit_lists

_HIGHER = np.bool_(True)


@inner
def estimate_all(blocks, visits, lo, hi, allowed, words, table, pool):
    """Score every row that may be found."""
    stats = view_i64(visits.stats, 3)
    for row in range(np.uint64(lo), np.uint64(hi)):
        if allowed and not words[row >> np.uint64(6)] >> (row & np.uint64(63)) & np.uint64(1):
            continue
        keep(pool, visits.scan_size, estimate(blocks.forward, row, table, LOWEST), row)
        stats[1] += 1


@inner
def estimate_listed(blocks, visits, listed, count, table, pool):
    """Score the rows of a list."""
    for i in range(count):
        if i + AHEAD < count:
            prefetch_heavy(blocks.forward, np.uint64(listed[i + AHEAD]))
        row = np.uint64(listed[i])
        keep(pool, visits.scan_size, estimate(blocks.forward, row, table, LOWEST), row)
    view_i64(visits.stats, 3)[1] += count


@entry_point("sparse blocks search")
def search_blocks(
    blocks_address,
    visits_address,
    query_indptr,
    query_indices,
    query_values,
    n_queries,
    k,
    cut,
    n_heavy,
    heap_factor,
    rest_factor,
    lo,
    hi,
    allowed,
    listed_address,
    n_listed,
    fill,
    slope,
    found,
    scores,
):
    """Find about the ``k`` best rows of ``lo`` to ``hi``, and of the bitset ``allowed`` if there is one.

    With ``cut`` 0 every one of them is scored, as where lists bring fewer than ``k`` and are to ``fill`` the
    page. Return how many queries have a weight below zero, for which there are no bounds; they are left
    unanswered.
    """
    blocks, visits = view_blocks(blocks_address), view_visits(visits_address)
    starts, indices, values = view_csr(query_indptr, query_indices, query_values, n_queries)
    n, n_terms = blocks.forward.n, blocks.forward.n_terms
    pointers, row_terms, row_values = view_csr(blocks.indptr, blocks.indices, blocks.values, n)
    longest = 1
    for q in range(n_queries):
        longest = max(longest, starts[q + 1] - starts[q])
    table, terms = view_i16(visits.table, n_terms), view_u64(visits.terms, longest)
    weights, words = view_i32(visits.weights, longest), view_u64(allowed, (n + 63) // 64)
    table_terms = view_i64(visits.table_terms, visits.table_size)
    table_weights = view_f32(visits.table_weights, visits.table_size)
    mask = np.uint64(visits.table_size - 1)
    pool, heap = view_u64(visits.pool, visits.scan_size), view_u64(visits.heap, k)
    negative = 0
    listed = view_u32(listed_address, n_listed)
    stats = view_i64(visits.stats, 3)
    stats[:] = 0
    for q in range(n_queries):
        count = choose_terms(blocks, visits, indices, values, starts[q], starts[q + 1], table, terms, weights)
        clear_heap(pool, visits.pool_size)
        known, size = abs(count), visits.pool_size
        negative += count < 0
        lists, factor = min(cut, count), heap_factor
        while lists > 0:
            visit_lists(
                blocks,
                visits,
                lists,
                n_heavy,
                factor,
                rest_factor,
                lo,
                hi,
                allowed,
                words,
                table,
                terms,
                weights,
                count,
                pool,
            )
            most = min(count, MOST_LISTS)
            if not fill or holds(pool, size, k) or (lists == most and factor <= 0):
                break
            # Terms that few rows have: whatever any of them leads to.
            lists, factor = most, np.float64(0.0)
            clear_heap(pool, visits.pool_size)
        if count >= 0 and fill and (not cut or not count or not holds(pool, size, k)):
            size = visits.scan_size
            clear_heap(pool, size)
            if n_listed:
                estimate_listed(blocks, visits, listed, n_listed, table, pool)
            else:
                estimate_all(blocks, visits, lo, hi, allowed, words, table, pool)
        for j in range(known):
            table[terms[j]] = 0
        load_terms(table_terms, table_weights, mask, indices, values, starts[q], starts[q + 1])
        first = blocks.flat
        if blocks.form == COSINE:
            first = inverse_length(table_weights)
        clear_heap(heap, k)
        sort_heap(pool, size)
        for i in range(size):
            if pool[i] == NO_KEY:
                break
            row = np.int64(pool[i] & np.uint64(0xFFFFFFFF))
            prefetch_lines(blocks.indices + np.uint64(4 * pointers[row]), 8)
            prefetch_lines(blocks.values + np.uint64(4 * pointers[row]), 8)
        for i in range(size):
            if pool[i] == NO_KEY:
                break
            row = np.int64(pool[i] & np.uint64(0xFFFFFFFF))
            score = row_score(
                table_terms,
                table_weights,
                mask,
                row_terms,
                row_values,
                pointers[row],
                pointers[row + 1],
                blocks.form,
                first,
                slope,
            )
            stats[2] += 1
            key = key_of(score, np.uint64(row), _HIGHER)
            if key < heap[0]:
                replace_largest(heap, k, key)
        sort_heap(heap, k)
        write_result(heap, k, _HIGHER, np.float32(-np.inf), found[q], scores[q])
    return negative
