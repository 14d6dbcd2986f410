"""What a search of inverted lists does more for a query than it was told to, because its results lie far off.

Lists that are hardly farther than the results may hold others as near, and rows whose codes say that they are
hardly farther may be nearer. Nearnesses by codes lack what is the same of all rows, so that of the query
itself is taken off first.
"""

from __future__ import annotations

import numpy as np

from .codes import view_codes
from .kernel import inner
from .near_centroids import gather_near
from .rabitq import mean_product
from .reaching import beside_mean, vector_length
from .reservoir import select_least
from .rows import L2
from .strips import COMPARED
from .top import ascending, score_of

_ENDLESS = np.float64(np.inf)


@inner
def nearest_possible(lists, query, metric, longest):
    """Return the nearness of what is as near to a query as can be: itself, or the longest row its way."""
    codes = view_codes(lists.centroid_codes)
    if metric == L2:
        return -beside_mean(codes, query) / 2.0
    return mean_product(codes, query) - longest * vector_length(query, codes.dim)


@inner
def read_on(lists, search, nearest, rank, asked, most, order, n_probe, keys, count):
    """Return how many lists are to be read, and how many times as far as the results the next list is.

    The next list stands in ``order`` behind those that were read. If it is less than ``asked`` times as far
    as the entry of that rank, those that are not farther are put there, in no order, the nearest of them up
    to ``most`` lists together. Where it cannot be compared nothing more is read, and 0 returned.
    """
    if n_probe >= lists.n_lists:
        return np.int64(n_probe), 0.0
    select_least(keys, count, rank)
    results = np.float64(score_of(keys[rank - 1], False)) - nearest
    following = np.float64(score_of(order[n_probe], False)) - nearest
    if not (results > 0 and following < _ENDLESS):
        return np.int64(n_probe), 0.0
    reached = following / results
    if reached >= asked or most <= n_probe:
        return np.int64(n_probe), reached
    after, n = order[n_probe - 1] + np.uint64(1), lists.n_lists
    more = order[n_probe:n]
    bound, kept = np.float32(nearest + asked * results), np.int64(0)
    for first in range(0, n, COMPARED):
        kept = gather_near(search.list_near, n, first, bound, after, more, kept)
    if kept > most - n_probe:
        select_least(more, kept, most - n_probe)
    return np.int64(min(n_probe + kept, most)), reached


@inner
def score_on(keys, count, wanted, rank, asked, nearest):
    """Return how many entries are to be scored, and how many times as far as the results the last wanted is.

    They are moved to the front. If the last wanted is less than ``asked`` times as far as the entry of that
    rank, so are all others of the ``count`` that are not farther than that.
    """
    if count < wanted or wanted < rank:
        return min(count, wanted), 0.0
    select_least(keys, count, wanted)
    last = np.float64(score_of(keys[wanted - 1], False)) - nearest
    select_least(keys, wanted, rank)
    results = np.float64(score_of(keys[rank - 1], False)) - nearest
    if not (results > 0 and last < _ENDLESS):
        return wanted, 0.0
    reached, kept = last / results, wanted
    if reached < asked:
        bound = np.uint64(ascending(np.float32(nearest + asked * results))) << np.uint64(32)
        for i in range(wanted, count):
            if keys[i] <= bound:
                keys[i], keys[kept] = keys[kept], keys[i]
                kept += 1
    return np.int64(kept), reached
