"""Approximate search of sparse rows by blocks of similar rows (Bruch et al., "Efficient Inverted Indexes for
Approximate Retrieval over Learned Sparse Representations", SIGIR 2024).
"""

from __future__ import annotations

import numpy as np

from .forward import estimate, prefetch_heavy
from .kernel import entry_point, inner
from .memory import (
    prefetch,
    prefetch_lines,
    view_f32,
    view_i16,
    view_i32,
    view_i64,
    view_u32,
    view_u64,
)
from .scan import write_result
from .sparse import COSINE, inverse_length, load_terms, row_score
from .summaries import (
    MOST_LISTS,
    TOUCHED,
    WAITING,
    choose_lists,
    choose_terms,
    order_blocks,
    prefetch_table,
    sum_part,
    view_blocks,
    view_visits,
)
from .top import NO_KEY, clear_heap, key_of, replace_largest, sort_heap

_AHEAD = 4
_HIGHEST = np.int64(0x7FFFFFFF)
_LOWEST = np.int32(-(1 << 31) + 1)
_HIGHER = np.bool_(True)


@inner
def least_sum(pool):
    return _HIGHEST - np.int64(pool[0] >> np.uint64(32))


@inner
def keep(pool, pool_size, total, row):
    key = np.uint64(_HIGHEST - np.int64(total)) << np.uint64(32) | np.uint64(row)
    if key < pool[0]:
        replace_largest(pool, pool_size, key)


@inner
def holds(pool, pool_size, wanted):
    """Return whether as many rows as are wanted were found."""
    held = 0
    for i in range(pool_size):
        held += pool[i] != NO_KEY
    return held >= wanted


@inner
def least_of_use(pool, rest_factor):
    """Return what the heavy part of a row must come to for the rest to be read."""
    return np.int32(rest_factor * np.float64(least_sum(pool))) if pool[0] != NO_KEY else _LOWEST


@inner
def estimate_waiting(blocks, waiting, count, rest_factor, table, pool, pool_size):
    """Score the rows that wait, with their records asked for ahead."""
    for i in range(min(count, _AHEAD)):
        prefetch_heavy(blocks.forward, np.uint64(waiting[i]))
    for i in range(count):
        if i + _AHEAD < count:
            prefetch_heavy(blocks.forward, np.uint64(waiting[i + _AHEAD]))
        row = np.uint64(waiting[i])
        keep(pool, pool_size, estimate(blocks.forward, row, table, least_of_use(pool, rest_factor)), row)


@inner
def visit_block(
    blocks,
    visits,
    begin,
    end,
    lo,
    hi,
    allowed,
    words,
    visited,
    touched,
    n_touched,
    waiting,
    n_waiting,
    rest_factor,
    table,
    pool,
):
    """Let the rows of a block wait that may be found and were not visited; return how many were and wait."""
    postings = view_u32(blocks.postings, blocks.n_postings)
    stats = view_i64(visits.stats, 3)
    stats[0] += 1
    for i in range(np.uint64(begin), np.uint64(end)):
        row = np.uint64(postings[i])
        if row < np.uint64(lo) or row >= np.uint64(hi):
            continue
        word, bit = row >> np.uint64(6), np.uint64(1) << (row & np.uint64(63))
        if visited[word] & bit or (allowed and not words[word] & bit):
            continue
        visited[word] |= bit
        if n_touched < TOUCHED:
            touched[n_touched] = word
        n_touched += 1
        prefetch(blocks.forward.offsets + np.uint64(4) * row)
        waiting[n_waiting] = row
        n_waiting += 1
        if n_waiting == WAITING:
            estimate_waiting(blocks, waiting, WAITING, rest_factor, table, pool, visits.pool_size)
            stats[1] += WAITING
            n_waiting = 0
    return n_touched, n_waiting


@inner
def estimate_all(blocks, visits, lo, hi, allowed, words, table, pool):
    """Score every row that may be found."""
    stats = view_i64(visits.stats, 3)
    for row in range(np.uint64(lo), np.uint64(hi)):
        if allowed and not words[row >> np.uint64(6)] >> (row & np.uint64(63)) & np.uint64(1):
            continue
        keep(pool, visits.scan_size, estimate(blocks.forward, row, table, _LOWEST), row)
        stats[1] += 1


@inner
def estimate_listed(blocks, visits, listed, count, table, pool):
    """Score the rows of a list."""
    for i in range(count):
        if i + _AHEAD < count:
            prefetch_heavy(blocks.forward, np.uint64(listed[i + _AHEAD]))
        row = np.uint64(listed[i])
        keep(pool, visits.scan_size, estimate(blocks.forward, row, table, _LOWEST), row)
    view_i64(visits.stats, 3)[1] += count


@inner
def visit_lists(
    blocks,
    visits,
    cut,
    n_heavy,
    heap_factor,
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
):
    """Visit the promising blocks of the heaviest terms."""
    list_parts = view_i64(blocks.list_parts, blocks.forward.n_terms + 1)
    part_blocks = view_i64(blocks.part_blocks, blocks.n_parts + 1)
    block_ends = view_u32(blocks.block_ends, blocks.n_blocks)
    visited = view_u64(visits.visited, (blocks.forward.n + 63) // 64)
    touched, waiting = view_u32(visits.touched, TOUCHED), view_u32(visits.waiting, WAITING)
    sums, chosen = view_i32(visits.sums, visits.n_sums), view_u32(visits.chosen, visits.n_sums)
    ordered = view_u32(visits.ordered, visits.n_sums)
    lists, firsts = view_u64(visits.lists, max(cut, n_heavy)), view_i64(visits.firsts, 2 * cut)
    begins = view_u64(visits.begins, n_heavy)
    stats = view_i64(visits.stats, 3)
    n_heavy = choose_lists(weights, count, max(cut, n_heavy), lists)
    n_lists = min(cut, n_heavy)
    total, n_touched, n_waiting = 0, 0, 0
    prefetch_table(blocks, list_parts[terms[lists[0]]], terms, lists, n_heavy)
    for j in range(n_lists):
        slot = np.int64(terms[lists[j]])
        firsts[2 * j], firsts[2 * j + 1] = part_blocks[list_parts[slot]] - total, total
        for part in range(list_parts[slot], list_parts[slot + 1]):
            if part + 1 < list_parts[slot + 1]:
                prefetch_table(blocks, part + 1, terms, lists, n_heavy)
            elif j + 1 < n_lists:
                prefetch_table(blocks, list_parts[terms[lists[j + 1]]], terms, lists, n_heavy)
            total += sum_part(blocks, part, terms, weights, lists, n_heavy, begins, sums[total:])
    # The heaviest list first: its best blocks set a threshold that leaves few blocks of the others.
    for part in range(2):
        begin = 0 if part == 0 else (firsts[3] if n_lists > 1 else total)
        end = (firsts[3] if n_lists > 1 else total) if part == 0 else total
        threshold = np.int32(heap_factor * np.float64(least_sum(pool))) if pool[0] != NO_KEY else np.int32(-1)
        n_chosen = 0
        for i in range(begin, end):
            if sums[i] > threshold:
                chosen[n_chosen] = i
                n_chosen += 1
        order_blocks(sums, chosen, n_chosen, ordered)
        for i in range(n_chosen):
            place = np.int64(ordered[i])
            if pool[0] != NO_KEY and sums[place] <= np.int32(heap_factor * np.float64(least_sum(pool))):
                continue
            owner = 0
            while owner + 1 < n_lists and firsts[2 * owner + 3] <= place:
                owner += 1
            block = firsts[2 * owner] + place
            first = np.int64(block_ends[block - 1]) if block else 0
            n_touched, n_waiting = visit_block(
                blocks,
                visits,
                first,
                np.int64(block_ends[block]),
                lo,
                hi,
                allowed,
                words,
                visited,
                touched,
                n_touched,
                waiting,
                n_waiting,
                rest_factor,
                table,
                pool,
            )
        estimate_waiting(blocks, waiting, n_waiting, rest_factor, table, pool, visits.pool_size)
        stats[1] += n_waiting
        n_waiting = 0
    if n_touched > TOUCHED:
        visited[:] = 0
    else:
        for i in range(n_touched):
            visited[touched[i]] = 0


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
    slope,
    found,
    scores,
):
    """Find about the ``k`` best rows of ``lo`` to ``hi``, and of the bitset ``allowed`` if there is one.

    With ``cut`` 0 every one of them is scored. Return how many queries have a weight below zero, for which
    there are no bounds; they are left unanswered.
    """
    blocks, visits = view_blocks(blocks_address), view_visits(visits_address)
    starts = view_i64(query_indptr, n_queries + 1)
    indices, values = view_u32(query_indices, starts[n_queries]), view_f32(query_values, starts[n_queries])
    n, n_terms = blocks.forward.n, blocks.forward.n_terms
    pointers = view_i64(blocks.indptr, n + 1)
    row_terms, row_values = view_u32(blocks.indices, blocks.nnz), view_f32(blocks.values, blocks.nnz)
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
            if holds(pool, size, k) or (lists == most and factor <= 0):
                break
            # Terms that few rows have: whatever any of them leads to.
            lists, factor = most, np.float64(0.0)
            clear_heap(pool, visits.pool_size)
        if count >= 0 and (not cut or not count or not holds(pool, size, k)):
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
