"""One inverted list, read by stored rows or by codes row by row."""

from __future__ import annotations

import numpy as np

from .codes import four_nearnesses
from .fast_scan import BLOCK_ROWS
from .kernel import inner
from .memory import view_f32, view_i64, view_u32, view_u64
from .reservoir import select_least
from .scan import scan_block
from .top import ascending, score_of

_FIRST = np.int64(0)
# Allowed rows of a list that are listed at once.
LISTED = 1024


@inner
def room_for(wanted):
    """Return how many keys are gathered before they are thinned out to so many."""
    return np.int64(3 * wanted + 2 * BLOCK_ROWS)


@inner
def thin_out(keys, count, wanted):
    """Keep the ``wanted`` least keys; return the nearness that a further one must be below."""
    select_least(keys, count, wanted)
    return score_of(keys[wanted - 1], False)


@inner
def is_allowed(words, row):
    return words[row >> np.uint64(6)] >> (row & np.uint64(63)) & np.uint64(1)


@inner
def scan_rows(lists, rows, search, one, allowed, inv_norm, higher_is_nearer, heap, k):
    """Score the allowed rows of a list exactly; return how many they are."""
    offsets, members = view_i64(lists.offsets, lists.n_lists + 1), view_u32(lists.members, lists.n_entries)
    begin, end = offsets[one], offsets[one + 1]
    words = view_u64(allowed, (rows.n + 63) // 64)
    if begin == end:
        return _FIRST
    if not allowed:
        first, last = np.int64(members[begin]), np.int64(members[end - 1])
        if last - first == end - begin - 1:
            listing, start, stop = np.uint64(0), first, last + 1
        else:
            listing, start, stop = lists.members, begin, end
        scan_block(rows, listing, start, stop, search.padded, inv_norm, higher_is_nearer, heap, k, search.out)
        return end - begin
    listed, scored = view_u32(search.listed, LISTED), _FIRST
    for start in range(begin, end, LISTED):
        count = _FIRST
        for place in range(start, min(start + LISTED, end)):
            row = np.uint64(members[place])
            listed[count] = row
            count += np.int64(is_allowed(words, row))
        if count:
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
        scored += count
    return scored


@inner
def keep_entries(lists, one, allowed, n, keys, count, met):
    """Keep the allowed rows of a list for others to score; return how many are kept."""
    offsets, members = view_i64(lists.offsets, lists.n_lists + 1), view_u32(lists.members, lists.n_entries)
    words = view_u64(allowed, (n + 63) // 64)
    met[0] += offsets[one + 1] - offsets[one]
    for entry in range(offsets[one], offsets[one + 1]):
        if not allowed or is_allowed(words, np.uint64(members[entry])):
            keys[count] = np.uint64(entry)
            count += 1
            met[1] += 1
    return count


@inner
def scan_codes(lists, codes, search, one, term, scale, allowed, n, keys, count, bound, wanted, met):
    """Keep keys of a list's rows that are nearer than the bound; return how many there are, and the bound."""
    offsets, members = view_i64(lists.offsets, lists.n_lists + 1), view_u32(lists.members, lists.n_entries)
    near, words = view_f32(search.out, 4), view_u64(allowed, (n + 63) // 64)
    begin, end = offsets[one], view_i64(lists.stops, lists.n_lists)[one]
    last = np.uint64(end - 1)
    for first in range(begin, end, 4):
        a = np.uint64(first)
        b, c, d = min(a + np.uint64(1), last), min(a + np.uint64(2), last), min(a + np.uint64(3), last)
        four_nearnesses(codes, codes.codes, a, b, c, d, search.query, *scale, search.out)
        for i in range(min(4, end - first)):
            value, entry = np.float32(near[i] + term), np.uint64(first + i)
            if value < bound:
                if allowed:
                    met[0] += 1
                    if not is_allowed(words, np.uint64(members[entry])):
                        continue
                    met[1] += 1
                keys[count] = np.uint64(ascending(value)) << np.uint64(32) | entry
                count += 1
        if count > room_for(wanted) - BLOCK_ROWS:
            bound = thin_out(keys, count, wanted)
            count = wanted
    return count, bound
