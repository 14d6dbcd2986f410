"""Search of cells: allowed rows of those nearest to a query by their codes, then exact scores of the best.

Cells are clusters of all rows. They are visited from the nearest outwards until as many were as the caller
says, and where few of their rows were allowed until the last of them brought nothing any more.
"""

from __future__ import annotations

import numpy as np

from .bounds import first_bit
from .codes import encode_query, four_products, keys_of, view_codes
from .kernel import entry_point, inner
from .memory import (
    prefetch_lines,
    record_at,
    view_f32,
    view_i64,
    view_u32,
    view_u64,
)
from .near_centroids import gather_near, near_centroids
from .pool import row_of
from .reservoir import select_least
from .rows import COSINE, DOT, pad_query, view_rows
from .scan import scan_block, write_listed, write_result
from .strips import COMPARED, prefetch_row
from .top import NO_KEY, ascending, clear_heap, replace_largest, score_of, sort_heap

CELLS = np.dtype(
    [
        ("rows", np.uint64),  # address of a rows.ROWS record
        ("codes", np.uint64),  # address of a codes.CODES record
        ("centroid_codes", np.uint64),  # address of a codes.CODES record
        ("n_cells", np.int64),
        ("offsets", np.uint64),  # address of (n_cells + 1,) int64: where each cell begins
        ("members", np.uint64),  # address of (n,) uint32 rows by cell; 0 where rows stand in this order
    ]
)
CELL_SEARCH = np.dtype(
    [
        ("padded", np.uint64),  # address: the query as the exact scores read it
        ("query", np.uint64),  # address: the query as codes are compared with it
        ("cell_query", np.uint64),
        ("near", np.uint64),  # address of float32: how near each cell is, and ``COMPARED`` more
        ("order", np.uint64),  # address of uint64: a key of each cell, and ``COMPARED`` more
        ("fresh", np.uint64),  # address: uint32 rows whose codes are compared next
        ("products", np.uint64),  # address: of each of them, int32 or float32
        ("chunk_keys", np.uint64),
        ("keys", np.uint64),  # address of uint64: what is kept
        ("nearest", np.uint64),  # address of uint64: a heap of as many keys as results are asked for
        ("listed", np.uint64),
        ("heap", np.uint64),
        ("out", np.uint64),
        ("stats", np.uint64),  # address of (STATS,) int64: cells, codes, rescored, thin queries
    ]
)
CHUNK = 128
"""Rows whose codes are compared together at most."""
FULL = CHUNK - 64
"""With more rows than this there might not be room for those of a further word of a bitset."""
STATS = 4

_LOW = np.uint64(0xFFFFFFFF)
_FIRST = np.int64(0)
_ONE = np.uint64(1)
_EVERY = ~np.uint64(0)
_ENDLESS = np.float32(np.inf)
_WORD = np.uint64(64)
_AHEAD = 16
# Keys of so many times as many cells as are wanted, and some more, are gathered before they are thinned out.
_ROOM = 3
# With less than this share of the allowed rows that chance would bring, and so many standard deviations less,
# the filter is thin near a query.
_LEAST_SHARE_SEEN, _SPREAD = 0.9, 3.0
# A fourth more cells are visited before it is looked again whether they brought anything.
_MORE = 4

view_cells = record_at(CELLS)
view_cell_search = record_at(CELL_SEARCH)


@inner
def room_for_keys(wanted):
    """Return how many keys are kept before they are thinned out to so many."""
    return np.int64(3 * wanted + 2 * CHUNK)


@inner
def order_nearest(cells, search, query, wanted):
    """Put keys of the ``wanted`` nearest cells first, the farthest of them last; the smaller the nearer."""
    codes, n = view_codes(cells.centroid_codes), cells.n_cells
    near_centroids(codes, n, query, search.cell_query, search.near)
    order, room = view_u64(search.order, n + COMPARED), _ROOM * wanted + FULL
    bound, count = _ENDLESS, _FIRST
    for first in range(0, n, COMPARED):
        count = gather_near(search.near, n, first, bound, np.uint64(0), order, count)
        if count > room:
            select_least(order, count, wanted)
            bound, count = score_of(order[wanted - 1], False), wanted
    select_least(order, count, wanted)


@inner
def order_others(cells, search, wanted):
    """Put keys of all other cells behind those of the ``wanted`` nearest, in no order."""
    n = cells.n_cells
    near, order = view_f32(search.near, n), view_u64(search.order, n + COMPARED)
    last, count = order[wanted - 1], wanted
    for i in range(n):
        key = np.uint64(ascending(near[i])) << np.uint64(32) | np.uint64(i)
        order[count] = key
        count += key > last


@inner
def compare_chunk(codes, n, search, scale, count):
    """Make the keys of the first ``count`` fresh rows."""
    fresh, keys = view_u32(search.fresh, CHUNK + 4), view_u64(search.chunk_keys, CHUNK)
    size, lines = np.uint64(codes.row_bytes), codes.lines
    for i in range(count, count + 3):
        fresh[i] = fresh[0]
    for i in range(min(_AHEAD, count)):
        prefetch_lines(codes.codes + np.uint64(fresh[i]) * size, lines)
    for i in range(0, count, 4):
        for ahead in range(i + _AHEAD, min(i + _AHEAD + 4, count)):
            prefetch_lines(codes.codes + np.uint64(fresh[ahead]) * size, lines)
        a, b = np.uint64(fresh[i]), np.uint64(fresh[i + 1])
        c, d = np.uint64(fresh[i + 2]), np.uint64(fresh[i + 3])
        four_products(codes, codes.codes, a, b, c, d, search.query, search.products + np.uint64(4 * i))
    keys_of(codes, n, fresh, search.products, _FIRST, count, *scale, keys)


@inner
def keep_near(search, count, kept, bound, k, wanted):
    """Keep those of a chunk's keys that are below the bound; return how many there are, the bound, and
    whether one of them is among the ``k`` nearest.
    """
    chunk, keys = view_u64(search.chunk_keys, CHUNK), view_u64(search.keys, room_for_keys(wanted))
    nearest, improved = view_u64(search.nearest, k), False
    for i in range(count):
        key = chunk[i]
        if key < nearest[0]:
            replace_largest(nearest, k, key)
            improved = True
        keys[kept] = key
        kept += key < bound
    if kept > room_for_keys(wanted) - CHUNK:
        select_least(keys, kept, wanted)
        kept = np.int64(wanted)
        bound = keys[wanted - 1]
    return kept, bound, improved


@inner
def first_from(members, begin, end, row):
    """Return the first entry from ``begin`` to ``end`` whose row is not below ``row``; they ascend."""
    left = end - begin
    # Which half it is cannot be foreseen, so there is no branch.
    while left > 0:
        half = (left + 1) >> 1
        begin += half * np.int64(members[begin + half - 1] < row)
        left -= half
    return begin


@inner
def list_allowed_rows(cells, allowed, n, begin, end, fresh, count):
    """List allowed rows of a cell from entry ``begin`` on; return how many there are, and where it ended.

    It ends early where a further word of the bitset might not fit.
    """
    words, entry = view_u64(allowed, (n + 63) // 64), begin
    members = view_u32(cells.members, n)
    while entry < end and count <= FULL:
        if cells.members:
            row = np.uint64(members[entry])
            fresh[count] = np.uint32(row)
            count += np.int64(words[row >> np.uint64(6)] >> (row & np.uint64(63)) & _ONE)
            entry += 1
            continue
        word = np.uint64(entry) >> np.uint64(6)
        first = word << np.uint64(6)
        bits, stop = words[word] & (_EVERY << (np.uint64(entry) - first)), first + _WORD
        if stop > np.uint64(end):
            bits &= (_ONE << (np.uint64(end) - first)) - _ONE
            stop = np.uint64(end)
        while bits:
            fresh[count] = np.uint32(first + first_bit(bits))
            bits &= bits - _ONE
            count += 1
        entry = np.int64(stop)
    return count, entry


@inner
def gather_rows(cells, codes, search, scale, n, k, least, wanted, allowed, lo, hi, share, patience):
    """Keep keys of the ``wanted`` allowed rows that are nearest by their codes; return how many.

    They come in no order.
    """
    order, offsets = view_u64(search.order, cells.n_cells), view_i64(cells.offsets, cells.n_cells + 1)
    fresh, members = view_u32(search.fresh, CHUNK + 4), view_u32(cells.members, n)
    stats = view_i64(search.stats, STATS)
    keys, nearest = view_u64(search.keys, room_for_keys(wanted)), view_u64(search.nearest, k)
    clear_heap(nearest, k)
    kept, bound, visited, more = _FIRST, NO_KEY, _FIRST, np.int64(least)
    met, compared, improved_at, thin = _FIRST, _FIRST, _FIRST, False
    while visited < cells.n_cells:
        left = cells.n_cells - visited
        if visited == least:
            order_others(cells, search, least)
        if visited and more < left:
            select_least(view_u64(search.order + np.uint64(8 * visited), left), left, more)
        last, count = visited + min(more, left), _FIRST
        for place in range(visited, last):
            cell = np.int64(order[place] & _LOW)
            entry, end = offsets[cell], offsets[cell + 1]
            met += end - entry
            if cells.members and hi - lo < n:
                entry = first_from(members, entry, end, lo)
                stop = entry
                while stop < end and members[stop] < hi:
                    stop += 1
                end = stop
            while entry < end or (count and place == last - 1):
                count, entry = list_allowed_rows(cells, allowed, n, entry, end, fresh, count)
                if count > FULL or (count and entry == end and place == last - 1):
                    compare_chunk(codes, n, search, scale, count)
                    kept, bound, improved = keep_near(search, count, kept, bound, k, wanted)
                    compared += count
                    count = _FIRST
                    if improved:
                        improved_at = compared
        visited = last
        if nearest[0] != NO_KEY:
            by_chance = share * met
            if not thin and compared >= min(
                _LEAST_SHARE_SEEN * by_chance, by_chance - _SPREAD * np.sqrt(by_chance)
            ):
                break
            if thin and compared - improved_at >= patience * compared:
                break
            thin = True
        more = max(visited // _MORE, np.int64(1))
    stats[0] += visited
    stats[1] += cells.n_cells + compared
    stats[3] += thin
    if kept > wanted:
        select_least(keys, kept, wanted)
        kept = np.int64(wanted)
    return kept


@entry_point("cells")
def search_cells(
    cells_address,
    search_address,
    queries,
    prepared,
    n_queries,
    k,
    asked,
    least,
    wanted,
    allowed,
    lo,
    hi,
    share,
    patience,
    found,
    scores,
):
    """Find about the ``k`` nearest of the rows of a bitset, a ``share`` of all, to each query.

    They lie from ``lo`` to ``hi``, which rows of a cell are looked up by where they do not stand together.
    Queries are given as exact scores and as codes take them. ``wanted`` rows that codes say are nearest, of
    the ``least`` nearest cells, are scored exactly. A query in whose cells clearly fewer rows are allowed
    than chance would bring, as is always so of an endless ``share``, goes on until, of all it compared, the
    last ``patience``, a share, brought nothing nearer than the nearest ``asked``. ``found`` and ``scores``
    are written, the rest are numbers and addresses. With ``k`` 0 no row is scored: ``found`` gets what would
    be.
    """
    cells, search = view_cells(cells_address), view_cell_search(search_address)
    rows, codes = view_rows(cells.rows), view_codes(cells.codes)
    higher_is_nearer = rows.metric == COSINE or rows.metric == DOT
    worst = np.float32(-np.inf) if higher_is_nearer else np.float32(np.inf)
    keys, listed = view_u64(search.keys, room_for_keys(wanted)), view_u32(search.listed, wanted)
    heap, stats = view_u64(search.heap, k), view_i64(search.stats, STATS)
    stats[:] = 0
    for q in range(n_queries):
        query = queries + np.uint64(q * rows.query_bytes)
        inv_norm = pad_query(rows, query, search.padded, search.out)
        scale = encode_query(codes, prepared + np.uint64(q * codes.given_bytes), search.query)
        order_nearest(cells, search, query, least)
        count = gather_rows(
            cells, codes, search, scale, rows.n, asked, least, wanted, allowed, lo, hi, share, patience
        )
        for i in range(count):
            listed[i] = np.uint32(row_of(keys[i]))
        if not k:
            write_listed(listed, count, found[q])
            continue
        clear_heap(heap, k)
        if count:
            for i in range(min(count, 4)):
                prefetch_row(rows.rows, np.uint64(rows.row_bytes), listed[i])
            scan_block(
                rows,
                search.listed,
                _FIRST,
                count,
                search.padded,
                inv_norm,
                higher_is_nearer,
                heap,
                k,
                search.out,
            )
            stats[2] += count
        sort_heap(heap, k)
        write_result(heap, k, higher_is_nearer, worst, found[q], scores[q])
