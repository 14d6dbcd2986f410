"""Search of inverted lists: the nearest lists of a query, their codes, exact scores of the best rows."""

from __future__ import annotations

import numpy as np

from .block_scans import CHUNK_BLOCKS, keep_chunk, measure_block
from .byte_tables import round_tables
from .codes import bias_weight, encode_query, nibble_tables, view_codes
from .fast_scan import BLOCK_ROWS, GROUP_BYTES
from .going_on import nearest_possible, read_on, score_on
from .kernel import entry_point, inner
from .list_records import BLOCKS, ROWS, STATS, view_lists, view_search
from .list_scans import keep_entries, room_for, scan_codes, scan_rows, thin_out
from .memory import prefetch_lines, view_f64, view_i64, view_u32, view_u64
from .near_centroids import gather_near, near_centroids
from .rabitq import finite_weight, mean_product
from .reservoir import select_least
from .rows import COSINE, DOT, pad_query, view_rows
from .scan import scan_block, write_listed, write_result
from .strips import COMPARED, prefetch_row
from .top import clear_heap, replace_largest, score_of, sort_heap

_FIRST = np.int64(0)
_LOW = np.uint64(0xFFFFFFFF)
_NO_ROW = np.uint32(0xFFFFFFFF)
ENDLESS = np.float32(np.inf)
"""The bound of what is gathered first."""
_LINES_AHEAD = 8


@inner
def find_lists(lists, search, query, wanted, order):
    """Fill ``order`` with keys of the ``wanted`` lists that codes say are nearest, nearest first.

    A key is a nearness and a number. What 8 bits a dimension lose is little beside what codes of rows lose.
    """
    codes, n = view_codes(lists.centroid_codes), lists.n_lists
    keys, room = view_u64(search.keys, room_for(n)), room_for(wanted)
    bound, count = ENDLESS, _FIRST
    near_centroids(codes, n, query, search.list_query, search.list_near)
    for first in range(0, n, COMPARED):
        count = gather_near(search.list_near, n, first, bound, np.uint64(0), keys, count)
        if count > room - COMPARED:
            bound = thin_out(keys, count, wanted)
            count = wanted
    if count > wanted:
        select_least(keys, count, wanted)
    clear_heap(order, wanted)
    for i in range(wanted):
        replace_largest(order, wanted, keys[i])
    sort_heap(order, wanted)


@inner
def prepare_codes(lists, codes, search, query, given):
    """Make of a query what codes are compared with; return ``(unit, shift, weight, beside)``.

    The query comes as its lists were found, and as codes take it.
    """
    if lists.form == BLOCKS:
        nibble_tables(codes, given, search.exact_tables)
        unit, shift = round_tables(search.exact_tables, lists.groups, search.tables)
        weight = bias_weight(codes, given, 1.0)
    else:
        _, unit, shift, weight = encode_query(codes, given, search.query)
    beside = 0.0
    if lists.bias_weights:
        # Centroids are compared beside their mean, which the query has its share of too.
        beside = mean_product(codes, given) + mean_product(view_codes(lists.centroid_codes), query)
    return unit, shift, weight, beside


@inner
def gather_entries(
    lists, codes, search, asked, order, first, until, pool, allowed, n, keys, count, bound, met
):
    """Gather keys of the entries that are nearest by their codes to what was prepared of a query.

    Those of the lists ``first`` to ``until`` of ``order`` are compared, of rows of ``n`` that are allowed,
    and kept behind the ``count`` that are there if they are below the bound. Return how many there are,
    ``pool`` or some more, and the bound that others must be below to be among so many. They come in no order.
    """
    unit, shift, weight, beside = asked
    weights, measured = view_f64(lists.bias_weights, lists.n_lists), 0
    offsets, stops = view_i64(lists.offsets, lists.n_lists), view_i64(lists.stops, lists.n_lists)
    starts, block_bytes = view_u64(lists.block_starts, lists.n_lists), np.uint64(lists.groups * GROUP_BYTES)
    for place in range(first, until):
        one = np.int64(order[place] & _LOW)
        term = score_of(order[place], False) if lists.residual else np.float32(0)
        if lists.bias_weights:
            weight = finite_weight((beside - term) * weights[one])
        scale = unit, shift, weight
        if lists.form == BLOCKS:
            if place + 1 < until:
                prefetch_lines(
                    lists.blocks + starts[np.int64(order[place + 1] & _LOW)] * block_bytes, _LINES_AHEAD
                )
            block = lists.blocks + starts[one] * block_bytes
            for entry in range(offsets[one], stops[one], BLOCK_ROWS):
                if measured == CHUNK_BLOCKS:
                    count, bound = keep_chunk(
                        lists, search, measured, allowed, n, keys, count, bound, pool, met
                    )
                    measured = 0
                measure_block(lists, search, block, entry, stops[one], term, scale, measured)
                measured += 1
                block += block_bytes
        else:
            count, bound = scan_codes(
                lists, codes, search, one, term, scale, allowed, n, keys, count, bound, pool, met
            )
    if measured:
        count, bound = keep_chunk(lists, search, measured, allowed, n, keys, count, bound, pool, met)
    return np.int64(count), bound


@inner
def keep_least(keys, count, pool):
    """Move the ``pool`` least keys to the front, the largest of them last; return how many there are."""
    if count > pool:
        select_least(keys, count, pool)
    return min(count, pool)


@inner
def list_rows(lists, search, keys, count):
    """List the rows of the kept keys, each once; return how many."""
    listed, members = view_u32(search.listed, count), view_u32(lists.members, lists.n_entries)
    if not lists.spilled:
        for i in range(count):
            listed[i] = members[keys[i] & _LOW]
        return np.int64(count)
    size = np.uint64(1)
    while size < np.uint64(2 * count):
        size *= np.uint64(2)
    seen, found = view_u32(search.seen, np.int64(size)), _FIRST
    seen[:] = _NO_ROW
    for i in range(count):
        row = members[keys[i] & _LOW]
        place = np.uint64(row) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32) & (size - np.uint64(1))
        while seen[place] != _NO_ROW and seen[place] != row:
            place = (place + np.uint64(1)) & (size - np.uint64(1))
        if seen[place] != row:
            seen[place] = row
            listed[found] = row
            found += 1
    return found


@inner
def drop_repeated(heap, count):
    """Put NO_KEY behind the different ones of sorted keys."""
    kept = 1
    for i in range(1, count):
        if heap[i] != heap[kept - 1]:
            heap[kept] = heap[i]
            kept += 1
    clear_heap(heap[kept:count], count - kept)


@entry_point("inverted lists")
def search_lists(
    lists_address,
    search_address,
    queries,
    prepared,
    n_queries,
    k,
    n_probe,
    wanted,
    allowed,
    watch,
    met,
    reached,
    found,
    scores,
):
    """Find about the ``k`` nearest rows of each query, given as exact scores and as codes take it.

    ``wanted`` rows that the codes of the ``n_probe`` nearest lists say are nearest, of those that the bitset
    ``allowed`` holds if there is one, are scored exactly. ``found``, ``scores`` and, under a filter, ``met``
    are written, the rest are numbers and addresses. ``met`` counts for each query the rows that were near
    enough to be looked up in the bitset, and those of them that are in it, then both in the lists that were
    read besides. With ``k`` 0 no row is scored: ``found`` gets what would be, all rows of the lists where
    there are no codes.

    ``watch`` are the rank of the row that stands for the results, 0 for none, and how many times as far from
    a query as that the next list is to be, and the last row that is scored; else more lists are read and more
    rows scored, up to ``most_lists`` and ``most_rows``. ``longest`` is the length of the longest row.
    ``reached``, ``(n_queries, 2)``, gets how far they were, 0 where that is not known.
    """
    lists, search = view_lists(lists_address), view_search(search_address)
    rows, codes = view_rows(lists.rows), view_codes(lists.codes)
    higher_is_nearer = rows.metric == COSINE or rows.metric == DOT
    worst = np.float32(-np.inf) if higher_is_nearer else np.float32(np.inf)
    offsets = view_i64(lists.offsets, lists.n_lists + 1)
    rank, next_list, last_row, most_lists, most_rows, longest = watch
    watched, most_rows = rank > 0 and lists.form != ROWS, max(wanted, most_rows)
    # A row may stand in two lists.
    twice = 2 if lists.spilled else 1
    width, pool = twice * k, twice * most_rows
    keys, order = view_u64(search.keys, room_for(pool)), view_u64(search.order, lists.n_lists)
    ordered = min(n_probe + 1, lists.n_lists) if watched else n_probe
    heap, stats = view_u64(search.heap, width), view_i64(search.stats, STATS)
    stats[:] = 0
    for q in range(n_queries):
        query = queries + np.uint64(q * rows.query_bytes)
        inv_norm = pad_query(rows, query, search.padded, search.out)
        find_lists(lists, search, query, ordered, order[:ordered])
        clear_heap(heap, width)
        count, read = _FIRST, np.int64(n_probe)
        if lists.form != ROWS:
            given = prepared + np.uint64(q * codes.given_bytes)
            asked, bound, begun = prepare_codes(lists, codes, search, query, given), ENDLESS, _FIRST
            nearest = nearest_possible(lists, query, rows.metric, longest) if watched else 0.0
            while begun < read:
                count, bound = gather_entries(
                    lists,
                    codes,
                    search,
                    asked,
                    order,
                    begun,
                    read,
                    pool,
                    allowed,
                    rows.n,
                    keys,
                    count,
                    bound,
                    met[q, 2:] if begun else met[q, :2],
                )
                more = watched and not begun and count >= rank
                begun = read
                if more:
                    read, reached[q, 0] = read_on(
                        lists, search, nearest, rank, next_list, most_lists, order, n_probe, keys, count
                    )
            count = keep_least(keys, count, pool)
            if watched:
                count, reached[q, 1] = score_on(keys, count, twice * wanted, rank, last_row, nearest)
        stats[0] += read
        for place in range(read):
            one = np.int64(order[place] & _LOW)
            stats[1] += offsets[one + 1] - offsets[one]
        for place in range(n_probe if lists.form == ROWS else 0):
            one = np.int64(order[place] & _LOW)
            if not k:
                count = keep_entries(lists, one, allowed, rows.n, keys, count, met[q])
            else:
                scored = scan_rows(lists, rows, search, one, allowed, inv_norm, higher_is_nearer, heap, width)
                met[q, 0] += offsets[one + 1] - offsets[one]
                met[q, 1] += scored
                stats[2] += scored
        if count:
            listed = list_rows(lists, search, keys, count)
            places = view_u32(search.listed, listed)
            if not k:
                write_listed(places, listed, found[q])
                continue
            for i in range(min(listed, 4)):
                prefetch_row(rows.rows, np.uint64(rows.row_bytes), places[i])
            scan_block(
                rows,
                search.listed,
                _FIRST,
                listed,
                search.padded,
                inv_norm,
                higher_is_nearer,
                heap,
                width,
                search.out,
            )
            stats[2] += listed
        elif not k:
            found[q, :] = _NO_ROW
            continue
        sort_heap(heap, width)
        if lists.spilled:
            drop_repeated(heap, width)
        write_result(heap, k, higher_is_nearer, worst, found[q], scores[q])
