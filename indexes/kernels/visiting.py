"""Visits the rows of promising blocks of sparse rows, and the neighbours of the best of them.

Neighbours: Bruch et al., "Pairing Clustered Inverted Indexes with k-NN Graphs for Fast Approximate Retrieval
over Learned Sparse Representations" (CIKM 2024).
"""

from __future__ import annotations

import numpy as np

from .forward import estimate, prefetch_heavy
from .kernel import inner
from .memory import prefetch, prefetch_lines, view_i32, view_i64, view_u32, view_u64
from .summaries import TOUCHED, WAITING, choose_lists, order_blocks, prefetch_table, sum_part
from .top import NO_KEY, replace_largest

AHEAD = 4
LOWEST = np.int32(-(1 << 31) + 1)
_HIGHEST = np.int64(0x7FFFFFFF)


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
    return np.int32(rest_factor * np.float64(least_sum(pool))) if pool[0] != NO_KEY else LOWEST


@inner
def estimate_waiting(blocks, waiting, count, rest_factor, table, pool, pool_size):
    """Score the rows that wait, with their records asked for ahead."""
    for i in range(min(count, AHEAD)):
        prefetch_heavy(blocks.forward, np.uint64(waiting[i]))
    for i in range(count):
        if i + AHEAD < count:
            prefetch_heavy(blocks.forward, np.uint64(waiting[i + AHEAD]))
        row = np.uint64(waiting[i])
        keep(pool, pool_size, estimate(blocks.forward, row, table, least_of_use(pool, rest_factor)), row)


@inner
def visit_rows(
    blocks,
    visits,
    listed,
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
    """Let the listed rows wait that may be found and were not visited; return how many were and wait."""
    stats = view_i64(visits.stats, 3)
    stats[0] += 1
    for i in range(np.uint64(begin), np.uint64(end)):
        row = np.uint64(listed[i])
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
def visit_neighbors(
    blocks,
    visits,
    lo,
    hi,
    allowed,
    words,
    visited,
    touched,
    n_touched,
    waiting,
    rest_factor,
    table,
    pool,
):
    """Visit the neighbours of the rows in the pool; return how many rows were visited."""
    n_knn = blocks.n_knn
    neighbors = view_u32(blocks.neighbors, blocks.forward.n * n_knn)
    best = view_u64(visits.best, visits.pool_size)
    n_best, n_waiting = 0, 0
    for i in range(visits.pool_size):
        if pool[i] != NO_KEY:
            best[n_best] = pool[i]
            n_best += 1
            row = pool[i] & np.uint64(0xFFFFFFFF)
            prefetch_lines(blocks.neighbors + np.uint64(4 * n_knn) * row, 1 + n_knn // 16)
    for i in range(n_best):
        begin = np.int64(best[i] & np.uint64(0xFFFFFFFF)) * n_knn
        n_touched, n_waiting = visit_rows(
            blocks,
            visits,
            neighbors,
            begin,
            begin + n_knn,
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
    view_i64(visits.stats, 3)[1] += n_waiting
    return n_touched


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
    """Visit the promising blocks of the heaviest terms, then the known neighbours of the best rows."""
    list_parts = view_i64(blocks.list_parts, blocks.forward.n_terms + 1)
    part_blocks = view_i64(blocks.part_blocks, blocks.n_parts + 1)
    block_ends = view_u32(blocks.block_ends, blocks.n_blocks)
    postings = view_u32(blocks.postings, blocks.n_postings)
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
            n_touched, n_waiting = visit_rows(
                blocks,
                visits,
                postings,
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
    if blocks.n_knn:
        n_touched = visit_neighbors(
            blocks,
            visits,
            lo,
            hi,
            allowed,
            words,
            visited,
            touched,
            n_touched,
            waiting,
            rest_factor,
            table,
            pool,
        )
    if n_touched > TOUCHED:
        visited[:] = 0
    else:
        for i in range(n_touched):
            visited[touched[i]] = 0
