"""What the blocks of sparse rows promise a query, by their summaries, and what searching them works on.

All sums are whole numbers: a weight of the query times the step of its term, in one unit, times a code.
"""

from __future__ import annotations

import numpy as np

from .blocking import home_of
from .forward import FORWARD, MOST_CODE
from .kernel import inner
from .memory import prefetch, record_at, view_f32, view_f64, view_i64, view_u16, view_u32

BLOCKS = np.dtype(
    [
        ("forward", FORWARD),
        ("indptr", np.uint64),  # addresses of the stored rows
        ("indices", np.uint64),
        ("values", np.uint64),
        ("nnz", np.int64),
        ("order", np.uint64),  # address: (n_terms,) uint32, the terms ascending
        ("slot_of", np.uint64),  # address: (n_terms,) uint32, the slot of each of those
        ("slots", np.uint64),  # address: (n_slots,) uint32, the slot of each term number, or 0
        ("n_slots", np.int64),
        ("steps", np.uint64),  # address: (n_terms,) float32
        ("form", np.int64),
        ("flat", np.float64),
        ("list_parts", np.uint64),  # address: (n_terms + 1,) int64, the first part of each list
        ("n_parts", np.int64),
        ("part_blocks", np.uint64),  # addresses: (n_parts + 1,) int64, the first block of each part,
        ("part_tables", np.uint64),  # where its table starts,
        ("part_pairs", np.uint64),  # and its pairs
        ("block_ends", np.uint64),  # address: (n_blocks,) uint32, behind the last posting of each block
        ("n_blocks", np.int64),
        ("postings", np.uint64),  # address of uint32: rows
        ("n_postings", np.int64),
        (
            "tables",
            np.uint64,
        ),  # address of uint32: the low half of a slot; where its pairs start, or its pair
        ("no_entry", np.uint64),  # what stands where a table is empty
        ("single", np.uint64),  # the bit by which an only pair is told
        ("pairs", np.uint64),  # address of uint16: block of the part, whether it is the slot's last, code
        ("neighbors", np.uint64),  # address: (n, n_knn) uint32, rows that are near each
        ("n_knn", np.int64),
    ]
)
VISITS = np.dtype(
    [
        ("table", np.uint64),  # address: (n_terms,) int16, all zero
        ("terms", np.uint64),  # address of uint64: the query's slots
        ("given", np.uint64),  # address of float64: what the query says of each
        ("weights", np.uint64),  # address of int32: the same, whole
        ("lists", np.uint64),  # address of uint64
        ("sums", np.uint64),  # address of int32: of the blocks of all lists that are visited
        ("chosen", np.uint64),  # address of uint32, as many
        ("ordered", np.uint64),  # address of uint32, as many
        (
            "firsts",
            np.uint64,
        ),  # address of int64: the first block of each list visited, and its place in sums
        ("begins", np.uint64),  # address of uint64: where the pairs of each of the query's terms start
        ("n_sums", np.int64),
        ("visited", np.uint64),  # address: (ceil(n / 64),) uint64, all zero
        ("touched", np.uint64),  # address: (TOUCHED,) uint32
        ("waiting", np.uint64),  # address: (WAITING,) uint32
        ("table_terms", np.uint64),
        ("table_weights", np.uint64),
        ("table_size", np.int64),
        ("pool", np.uint64),
        ("pool_size", np.int64),
        ("scan_size", np.int64),  # how large the pool is where every row is scored
        ("best", np.uint64),  # address: (pool_size,) uint64
        ("heap", np.uint64),
        (
            "stats",
            np.uint64,
        ),  # address of (3,) int64: blocks and neighbourhoods visited, rows estimated, scored exactly
    ]
)
WAITING = 32
MOST_LISTS = 64
TOUCHED = 1 << 14
_BUCKETS = 256
_MOST_WEIGHT = np.float64(32767)
_MOST_SUM = np.float64(1 << 30)
view_blocks = record_at(BLOCKS)
view_visits = record_at(VISITS)


@inner
def find_slot(blocks, term):
    """Return the slot of ``term``, ``n_terms`` for none."""
    n = blocks.forward.n_terms
    if blocks.slots:
        return np.int64(view_u32(blocks.slots, blocks.n_slots)[term]) if term < blocks.n_slots else n
    order = view_u32(blocks.order, n)
    lo, hi = 0, n
    while lo < hi:
        middle = (lo + hi) >> 1
        if order[middle] < term:
            lo = middle + 1
        else:
            hi = middle
    return np.int64(view_u32(blocks.slot_of, n)[lo]) if lo < n and order[lo] == term else n


@inner
def choose_terms(blocks, visits, indices, values, start, stop, table, terms, weights):
    """Fill the table with whole weights and list the query's slots, ascending; return how many.

    The count is negative when a weight is below zero, for which blocks have no bounds.
    """
    n, given = blocks.forward.n_terms, view_f64(visits.given, stop - start)
    steps = view_f32(blocks.steps, n)
    count = 0
    for i in range(start, stop):
        slot = np.uint64(find_slot(blocks, indices[i]))
        if slot == np.uint64(n):
            continue
        place = count
        while place > 0 and terms[place - 1] > slot:
            place -= 1
        if place > 0 and terms[place - 1] == slot:
            given[place - 1] += np.float64(values[i])
            continue
        for j in range(count, place, -1):
            terms[j], given[j] = terms[j - 1], given[j - 1]
        terms[place], given[place] = slot, np.float64(values[i])
        count += 1
    largest, total, negative = np.float64(0), np.float64(0), False
    for j in range(count):
        product = abs(given[j]) * np.float64(steps[terms[j]])
        largest, total = max(largest, product), total + product
        negative = negative or given[j] < 0
    unit = max(largest / _MOST_WEIGHT, total * np.float64(MOST_CODE) / _MOST_SUM)
    for j in range(count):
        weights[j] = np.int32(given[j] * np.float64(steps[terms[j]]) / unit) if unit > 0 else np.int32(0)
        table[terms[j]] = weights[j]
    return -count if negative else count


@inner
def choose_lists(weights, count, cut, lists):
    """List the places of the ``cut`` heaviest terms, heaviest first; return how many."""
    kept = 0
    for j in range(count):
        if kept == cut and weights[j] <= weights[lists[kept - 1]]:
            continue
        place = min(kept, cut - 1)
        while place > 0 and weights[lists[place - 1]] < weights[j]:
            lists[place] = lists[place - 1]
            place -= 1
        lists[place] = j
        kept = min(kept + 1, cut)
    return kept


@inner
def prefetch_table(blocks, part, terms, heavy, n_heavy):
    """Ask for where a part's table is looked into."""
    tables = view_i64(blocks.part_tables, blocks.n_parts + 1)
    size = np.uint64(tables[part + 1] - tables[part])
    start = blocks.tables + np.uint64(4) * np.uint64(tables[part])
    for j in range(n_heavy):
        prefetch(start + np.uint64(4) * home_of(terms[heavy[j]], size))


@inner
def sum_part(blocks, part, terms, weights, heavy, n_heavy, begins, sums):
    """Fill in what each block of a part promises; return how many blocks there are."""
    part_blocks = view_i64(blocks.part_blocks, blocks.n_parts + 1)
    part_tables = view_i64(blocks.part_tables, blocks.n_parts + 1)
    part_pairs = view_i64(blocks.part_pairs, blocks.n_parts + 1)
    n_blocks = part_blocks[part + 1] - part_blocks[part]
    for i in range(n_blocks):
        sums[i] = 0
    size = np.uint64(part_tables[part + 1] - part_tables[part])
    table = view_u32(blocks.tables + np.uint64(4 * part_tables[part]), np.int64(size))
    start = blocks.pairs + np.uint64(2 * part_pairs[part])
    pairs = view_u16(start, part_pairs[part + 1] - part_pairs[part])
    found, no_entry, single = 0, np.uint32(blocks.no_entry), np.uint32(blocks.single)
    for j in range(n_heavy):
        slot = terms[heavy[j]]
        place, low = home_of(slot, size), np.uint32(slot & np.uint64(0xFFFF))
        while table[place] != no_entry:
            entry = table[place]
            if entry >> np.uint32(16) == low:
                if entry & single:
                    block = np.uint64(entry & np.uint32(0x7FFF)) >> np.uint64(6)
                    sums[block] += (weights[heavy[j]] << 2) * np.int32(entry & np.uint32(63))
                    break
                begin = np.uint64(entry & np.uint32(0xFFFF))
                prefetch(start + np.uint64(2) * begin)
                begins[found] = begin << np.uint64(32) | heavy[j]
                found += 1
                break
            place += np.uint64(1)
            if place == size:
                place = np.uint64(0)
    for j in range(found):
        entry, weight = begins[j] >> np.uint64(32), weights[begins[j] & np.uint64(0xFFFFFFFF)] << 2
        while True:
            pair = np.uint64(pairs[entry])
            sums[pair >> np.uint64(7)] += weight * np.int32(pair & np.uint64(63))
            if pair & np.uint64(64):
                break
            entry += np.uint64(1)
    return n_blocks


@inner
def order_blocks(sums, chosen, count, ordered):
    """Put the blocks of the highest sums first, roughly."""
    buckets = np.zeros(_BUCKETS, np.int64)
    largest = np.int32(1)
    for i in range(count):
        largest = max(largest, sums[chosen[i]])
    scale = np.float32(_BUCKETS - 1) / np.float32(largest)
    for i in range(count):
        buckets[_BUCKETS - 1 - np.int64(np.float32(sums[chosen[i]]) * scale)] += 1
    total = 0
    for i in range(_BUCKETS):
        held = buckets[i]
        buckets[i] = total
        total += held
    for i in range(count):
        bucket = _BUCKETS - 1 - np.int64(np.float32(sums[chosen[i]]) * scale)
        ordered[buckets[bucket]] = chosen[i]
        buckets[bucket] += 1
