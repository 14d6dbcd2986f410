"""Which rows of multi-vectors are likely near a query, by what lists of their tokens hold near its tokens."""

from __future__ import annotations

import numpy as np

from .codes import view_codes
from .kernel import entry_point, inner
from .list_records import view_lists, view_search
from .list_scans import room_for
from .lists import ENDLESS, find_lists, gather_entries, keep_least, prepare_codes
from .memory import record_at, view_f32, view_i64, view_u32, view_u64
from .reservoir import select_least
from .top import ascending, score_of

SUMS = np.dtype(
    [
        ("sums", np.uint64),  # address of (rows,) float32: what the tokens of the query have brought each row
        ("best", np.uint64),  # address of (rows,) float32: what the last of them brought that brought any
        ("turns", np.uint64),  # address of (rows,) int64: which token that was, counted over all queries
        ("touched", np.uint64),  # address of uint64 for each row that the tokens of a query may lead to
        ("turn", np.uint64),  # address of 2 int64: tokens counted so far, rows that the last query has met
        ("met", np.uint64),  # address of 2 int64
    ]
)
_FIRST = np.int64(0)
_LOW = np.uint64(0xFFFFFFFF)
_NO_ROW = np.uint32(0xFFFFFFFF)
view_sums = record_at(SUMS)


@inner
def add_gains(lists, rows, first_turn, turn, keys, count, n_rows, touched):
    """Add to each row what its nearest token is nearer than the farthest gathered; return how many are met.

    A row whose tokens are all farther is given nothing, as if it had one at the farthest's distance.
    """
    members = view_u32(lists.members, lists.n_entries)
    sums, best, turns = view_f32(rows.sums, n_rows), view_f32(rows.best, n_rows), view_i64(rows.turns, n_rows)
    listed, farthest = view_u64(rows.touched, n_rows), np.uint64(0)
    for i in range(count):
        farthest = max(farthest, keys[i])
    floor = score_of(farthest, False)
    for i in range(count):
        row = np.uint64(members[keys[i] & _LOW])
        gain = np.float32(floor - score_of(keys[i], False))
        last = turns[row]
        if last < first_turn:
            listed[touched] = row
            touched += 1
            sums[row] = np.float32(0.0)
        if last < turn:
            turns[row], best[row] = turn, gain
            sums[row] += gain
        elif gain > best[row]:
            sums[row] += gain - best[row]
            best[row] = gain
    return touched


@entry_point("token lists")
def find_candidates(
    lists_address,
    search_address,
    sums_address,
    tokens,
    prepared,
    starts,
    n_queries,
    n_rows,
    n_probe,
    pool,
    allowed,
    done,
    found,
    work,
):
    """Write the likeliest rows of each query to ``found``, ``(n_queries, candidates)``, in no order.

    Tokens of all queries are float32 one behind the other, and as codes take them; ``starts`` says where
    each query's begin and the last's end. Each token gathers the ``pool`` entries nearest to it in its
    ``n_probe`` nearest lists. Of a query alone ``done`` tokens were counted by the call before, with the same
    sums. ``work`` gets how many lists were read, entries compared and rows met.
    """
    lists, search, rows = view_lists(lists_address), view_search(search_address), view_sums(sums_address)
    codes, of_lists = view_codes(lists.codes), view_codes(lists.centroid_codes)
    offsets, stops = view_i64(lists.offsets, lists.n_lists + 1), view_i64(lists.stops, lists.n_lists)
    begins = view_i64(starts, n_queries + 1)
    keys, order = view_u64(search.keys, room_for(pool)), view_u64(search.order, n_probe)
    listed, sums = view_u64(rows.touched, n_rows), view_f32(rows.sums, n_rows)
    counted, met, wanted = view_i64(rows.turn, 2), view_i64(rows.met, 2), found.shape[1]
    for q in range(n_queries):
        first_turn, known = counted[0] + 1 - done, counted[1] if done else np.int64(0)
        for i in range(known):
            listed[i] &= _LOW
        touched = known
        for token in range(begins[q] + done, begins[q + 1]):
            query = tokens + np.uint64(token * of_lists.given_bytes)
            find_lists(lists, search, query, n_probe, order)
            given = prepared + np.uint64(token * codes.given_bytes)
            asked = prepare_codes(lists, codes, search, query, given)
            count, _ = gather_entries(
                lists,
                codes,
                search,
                asked,
                order,
                _FIRST,
                n_probe,
                pool,
                allowed,
                n_rows,
                keys,
                _FIRST,
                ENDLESS,
                met,
            )
            count = keep_least(keys, count, pool)
            counted[0] += 1
            if count:
                touched = add_gains(lists, rows, first_turn, counted[0], keys, count, n_rows, touched)
            work[0] += n_probe
            for place in range(n_probe):
                one = np.int64(order[place] & _LOW)
                work[1] += stops[one] - offsets[one]
        work[2] += touched - known
        counted[1] = touched
        for i in range(touched):
            row = listed[i]
            listed[i] = np.uint64(ascending(np.float32(-sums[row]))) << np.uint64(32) | row
        if touched > wanted:
            select_least(listed, touched, wanted)
        for i in range(wanted):
            found[q, i] = np.uint32(listed[i] & _LOW) if i < touched else _NO_ROW
