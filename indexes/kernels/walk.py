"""Approximate search: a best-first walk over a graph by codes, then exact scores of the nearest."""

from __future__ import annotations

import numpy as np

from .allowed_nodes import add_copies, list_allowed, rank_of
from .codes import encode_query, four_products, keys_of, view_codes
from .graph import STATS, view_graph, view_walk
from .kernel import entry_point, inner
from .memory import LINE, prefetch_lines, view_f32, view_i64, view_u8, view_u32, view_u64
from .pool import BLOCK, EXPANDED, clear_pool, offer, pool_size, row_of
from .reaching import key_at, number_of, number_of_query
from .rows import COSINE, DOT, pad_query, view_rows
from .scan import scan_block, write_listed, write_result
from .strips import prefetch_row
from .top import NO_KEY, clear_heap, sort_heap

# Of numpy's type: for a number of Python's numba compiles the called function once more.
_FIRST = np.int64(0)
# How many entry rows a walk starts from.
_STARTS = np.int64(4)
_LAST_EPOCH = 255
_MOST_LINES_AHEAD = 64
# So much farther than results a row is not among those that lie near together.
_GAP = 0.15


@inner
def next_epoch(visited, epochs):
    """Return what marks a row as visited from now on, and nothing that was visited before."""
    if epochs[0] == _LAST_EPOCH:
        visited[:] = 0
        epochs[0] = 0
    epochs[0] += 1
    return np.uint8(epochs[0])


@inner
def start_walk(graph, codes, n, walk, scale, visited, epoch, pool):
    """Offer the nearest entry rows to the pool."""
    entries = view_u32(graph.entries, graph.n_entries)
    keys, last = view_u64(walk.keys, 4), np.uint64(graph.n_entries - 1)
    for first in range(0, graph.n_entries, 4):
        a = np.uint64(first)
        b, c, d = min(a + np.uint64(1), last), min(a + np.uint64(2), last), min(a + np.uint64(3), last)
        four_products(codes, graph.entry_codes, a, b, c, d, walk.query_codes, walk.products)
        count = min(4, graph.n_entries - first)
        keys_of(codes, n, entries, walk.products, first, count, *scale, keys)
        offer(walk.pool, pool, _STARTS, keys, count, keys)
    for i in range(min(_STARTS, graph.n_entries)):
        visited[row_of(pool[i])] = epoch
    # What fell out of the first places was not marked as visited.
    for i in range(_STARTS, BLOCK):
        pool[i] = NO_KEY


@inner
def collect_fresh(graph, n, links, row, fresh, visited, epoch):
    """List the neighbours of ``row`` that this query has not seen; return how many there are."""
    count, first, none = 0, np.uint64(row) * np.uint64(graph.degree), np.uint32(n)
    for i in range(graph.degree):
        # Unused places become row n, which always counts as seen: cheaper than a branch.
        neighbour = min(links[first + np.uint64(i)], none)
        fresh[count] = neighbour
        count += visited[neighbour] != epoch
        visited[neighbour] = epoch
    return count


@inner
def compare(codes, n, walk, fresh, count, scale, keys):
    """Make the keys of the rows listed in ``fresh``, whose codes are on their way."""
    for i in range(count, count + 3):
        fresh[i] = fresh[0]
    for i in range(0, count, 4):
        a, b = np.uint64(fresh[i]), np.uint64(fresh[i + 1])
        c, d = np.uint64(fresh[i + 2]), np.uint64(fresh[i + 3])
        four_products(codes, codes.codes, a, b, c, d, walk.query_codes, walk.products + np.uint64(4 * i))
    keys_of(codes, n, fresh, walk.products, _FIRST, count, *scale, keys)


@inner
def walk_graph(
    graph, codes, rows, walk, scale, inv_norm, given, allowed, number, ef, most, asked, visited, epoch, stats
):
    """Fill the pool with the nearest rows that a best-first walk finds.

    Its spread is how many times as far from the query the last of it is as the ``allowed`` one of that
    ``number``. What is ``asked`` of it are two pairs: where it is below the first of one the walk goes on
    until it is the second, in a pool of up to ``most``. Returned are how many rows there are, how wide the
    pool has become, whether ``most`` was not enough, and whether no links lead on.
    """
    n, degree = rows.n, graph.degree
    links, pool = view_u32(graph.links, n * degree), view_u64(walk.pool, max(ef, most) + BLOCK)
    fresh, sifted = view_u32(walk.fresh, degree + 4), view_u64(walk.keys, degree + 4)
    met, step = view_u64(walk.met, walk.met_room), np.int64(degree + 4)
    code_bytes, lines = np.uint64(codes.row_bytes), min(codes.lines, _MOST_LINES_AHEAD)
    link_bytes, link_lines = np.uint64(degree * 4), degree * 4 // LINE
    clear_pool(pool, ef)
    visited[n] = epoch
    start_walk(graph, codes, n, walk, scale, visited, epoch, pool)
    stats[1] += graph.n_entries
    n_met = pool_size(pool, min(ef, BLOCK))
    for i in range(n_met):
        met[i] = pool[i]
    current, width, farthest = 0, ef, NO_KEY - EXPANDED
    reached, zero, goal, narrow, lost = 0.0, np.nan, 0.0, False, False
    while True:
        while current < width and pool[current] <= farthest:
            key = pool[current]
            pool[current] = key | EXPANDED
            current += 1
            if key & EXPANDED:
                continue
            count = collect_fresh(graph, n, links, row_of(key), fresh, visited, epoch)
            for i in range(count):
                prefetch_lines(codes.codes + np.uint64(fresh[i]) * code_bytes, lines)
            # The next row to expand, unless a nearer one turns up now. A prefetch of no row does no harm.
            if current < width:
                prefetch_lines(graph.links + row_of(pool[current]) * link_bytes, link_lines)
            # Where there is no room the last are forgotten: wide pools lack them.
            n_met = min(n_met, walk.met_room - step)
            compare(codes, n, walk, fresh, count, scale, met[n_met : n_met + step])
            least = offer(walk.pool, pool, width, met[n_met : n_met + step], count, sifted)
            n_met += count
            while current > 0 and pool[current - 1] >= least:
                current -= 1
            stats[0] += 1
            stats[1] += count
        if pool[width - 1] == NO_KEY:
            # At first because no links lead on, later because all that is near enough was looked at.
            lost = width == ef and graph.n_nodes > pool_size(pool, width)
            break
        if not most or number > ef:
            break
        if reached == 0:
            zero = number_of_query(graph, codes, rows, walk, scale, inv_norm, given, pool, ef)
        rank = rank_of(graph, n, pool, width, number, allowed)
        near, last = number_of(codes, pool[rank - 1]), number_of(codes, pool[width - 1])
        if not near > zero:
            break
        if reached == 0:
            reached = (last - zero) / (near - zero)
            if reached >= asked[0]:
                break
            goal = asked[3] if reached < asked[2] else asked[1]
        limit = near + (goal - 1.0) * (near - zero)
        if last >= limit:
            break
        if width >= most:
            narrow = True
            break
        behind, within = pool[width - 1], key_at(codes, limit)
        gap = key_at(codes, near + max(_GAP, goal - 1.0) * (near - zero))
        known, beyond = 0, 0
        for i in range(n_met):
            known += behind < met[i] and met[i] <= within
            beyond += behind < met[i] and met[i] <= gap
        if not known:
            # Rows that lie near together and have no links to others.
            lost = not beyond
            break
        # What is found on the way needs room too.
        wider = min(most, 2 * (width + known))
        for i in range(width, wider + BLOCK):
            pool[i] = NO_KEY
        current, width, farthest, count = width, wider, within, 0
        for i in range(n_met):
            if behind < met[i] and met[i] <= within:
                sifted[count] = met[i]
                count += 1
            if count == step:
                offer(walk.pool, pool, width, sifted, count, sifted)
                count = 0
        offer(walk.pool, pool, width, sifted, count, sifted)
    return pool_size(pool, width), width, narrow, lost


@inner
def write_spreads(graph, codes, rows, walk, scale, inv_norm, given, ef, ranked, n_ranks, spreads):
    """Write for each rank how many times as far as its row the last of a full pool is, 0 for others."""
    pool, ranks, found = view_u64(walk.pool, ef), view_i64(ranked, n_ranks), view_f32(spreads, n_ranks)
    found[:] = 0
    if pool[ef - 1] == NO_KEY:
        return
    zero = number_of_query(graph, codes, rows, walk, scale, inv_norm, given, pool, ef)
    last = number_of(codes, pool[ef - 1])
    for i in range(n_ranks):
        if ranks[i] <= ef:
            near = number_of(codes, pool[ranks[i] - 1])
            if near > zero:
                found[i] = np.float32((last - zero) / (near - zero))


@inner
def scan_codes(graph, codes, rows, walk, scale, width, candidates, n_candidates, stats):
    """Fill the pool with the ``width`` listed rows nearest by their codes; return how many there are."""
    n, degree = rows.n, graph.degree
    pool, listed = view_u64(walk.pool, width + BLOCK), view_u32(candidates, n_candidates)
    fresh, keys = view_u32(walk.fresh, degree + 4), view_u64(walk.keys, degree + 4)
    code_bytes, lines = np.uint64(codes.row_bytes), min(codes.lines, _MOST_LINES_AHEAD)
    clear_pool(pool, width)
    for first in range(0, n_candidates, degree):
        count = min(degree, n_candidates - first)
        for i in range(count):
            fresh[i] = listed[first + i]
        # The rows after these, so that their codes arrive while these are compared.
        for i in range(first + degree, min(first + 2 * degree, n_candidates)):
            prefetch_lines(codes.codes + np.uint64(listed[i]) * code_bytes, lines)
        compare(codes, n, walk, fresh, count, scale, keys)
        offer(walk.pool, pool, width, keys, count, keys)
    stats[1] += n_candidates
    return pool_size(pool, width)


@entry_point("graph walk")
def search_graph(
    graph_address,
    walk_address,
    queries,
    prepared,
    n_queries,
    k,
    ef,
    wanted,
    allowed,
    candidates,
    n_candidates,
    enough,
    number,
    most,
    spread,
    goal,
    least,
    far_goal,
    share,
    ranked,
    n_ranks,
    spreads,
    found,
    scores,
):
    """Find about the ``k`` nearest rows of each query, given as exact scores and as codes take it.

    ``wanted`` of the nearest rows that a walk of width ``ef`` finds, and that the bitset ``allowed`` holds if
    there is one, are scored exactly. A query that sees fewer than ``enough`` of them compares the codes of
    all ``candidates``, the same rows as a list, all nodes where there is no bitset; so does every query if
    ``ef`` is 0. Without candidates it finds nothing. A walk whose pool is spread less than ``spread`` times
    the distance of the allowed row of that ``number`` goes on to ``goal``, of one below ``least`` to
    ``far_goal``, in a pool of up to ``most``, 0 for none, and a ``share`` of what it is wider is scored too;
    where that is not enough all candidates are compared. ``spreads``, ``(n_queries, n_ranks)``, is given how
    far pools of walks that do not go on are spread around the rows of the ranks ``ranked``. ``found`` and
    ``scores`` are written, the rest are numbers and addresses; addresses stay integers because an array's
    flags would be part of the signature. With ``k`` 0 no row is scored: ``found`` gets what would be.
    """
    graph, walk = view_graph(graph_address), view_walk(walk_address)
    rows, codes = view_rows(graph.rows), view_codes(graph.codes)
    higher_is_nearer = rows.metric == COSINE or rows.metric == DOT
    worst = np.float32(-np.inf) if higher_is_nearer else np.float32(np.inf)
    visited, epochs = view_u8(walk.visited, rows.n + 1), view_i64(walk.epoch, 1)
    pool, listed = view_u64(walk.pool, max(ef, wanted, most, k)), view_u32(walk.listed, max(wanted, most))
    heap = view_u64(walk.heap, k)
    asked = np.float64(spread), np.float64(goal), np.float64(least), np.float64(far_goal)
    stats = view_i64(walk.stats, STATS)
    stats[:] = 0
    for q in range(n_queries):
        inv_norm = pad_query(rows, queries + np.uint64(q * rows.query_bytes), walk.padded, walk.out)
        given = prepared + np.uint64(q * codes.given_bytes)
        scale = encode_query(codes, given, walk.query_codes)
        count, seen, scored, narrow, lost, by_nodes = 0, 0, wanted, False, False, False
        if ef:
            epoch = next_epoch(visited, epochs)
            size, width, narrow, lost = walk_graph(
                graph,
                codes,
                rows,
                walk,
                scale,
                inv_norm,
                given,
                allowed,
                number,
                ef,
                most,
                asked,
                visited,
                epoch,
                stats,
            )
            if n_ranks:
                own = spreads + np.uint64(4 * q * n_ranks)
                write_spreads(graph, codes, rows, walk, scale, inv_norm, given, ef, ranked, n_ranks, own)
            scored += np.int64(share * (width - ef))
            count, seen = list_allowed(graph, pool, size, allowed, rows.n, scored, listed)
            by_nodes = graph.copies > 0
        if (seen < enough or lost) and not n_candidates:
            count = 0
        elif seen < enough or ((narrow or lost) and n_candidates):
            stats[3] += np.int64(ef > 0)
            size = scan_codes(graph, codes, rows, walk, scale, scored, candidates, n_candidates, stats)
            count, seen = list_allowed(graph, pool, size, np.uint64(0), rows.n, scored, listed)
            by_nodes = graph.copies > 0 and not allowed
        if not k:
            write_listed(listed, count, found[q])
            continue
        clear_heap(heap, k)
        if count:
            for i in range(min(count, 4)):
                prefetch_row(rows.rows, np.uint64(rows.row_bytes), listed[i])
            listing = walk.listed
            scan_block(
                rows, listing, _FIRST, count, walk.padded, inv_norm, higher_is_nearer, heap, k, walk.out
            )
            stats[2] += count
        sort_heap(heap, k)
        if by_nodes:
            add_copies(graph, pool, heap, k, allowed, rows.n)
        write_result(heap, k, higher_is_nearer, worst, found[q], scores[q])
