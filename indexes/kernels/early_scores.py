"""A window whose best rows are scored before the lists that are long and say little are summed.

Of texts these are the lists of words that most of them have. The k rows of the highest sums of the others
are scored exactly; what these reach mostly leaves a few more rows that the long lists could lift so far, and
to score those takes less than to read the lists. As in MaxScore (Turtle and Flood, 1995), within a window.
"""

from __future__ import annotations

import numpy as np

from .bounds import LOWEST, bound_key, bound_of, clear_sums, collect, find_maxima
from .essential import (
    MOST_CANDIDATES,
    MOST_SORTED,
    list_candidates,
    postings_between,
    sort_lists,
)
from .kernel import inner
from .memory import view_i16, view_i64, view_u32, view_u64
from .postings import WINDOW, lists_of, most_added, part_at, sum_lists
from .sparse import SATURATED
from .stored_rows import (
    NO_ROW,
    exact_score,
    keep_scored,
    least_wanted,
    prefetch_candidates,
    prefetch_row,
    row_of,
)
from .top import NO_KEY

# Fewer postings are summed in the time in which it is found out what may be left out.
_WORTH_LEAVING_OUT = 4096
# At first so large a part of the postings is left out at least.
_LEFT_OUT = 0.5
_POSTINGS_A_ROW = 200


@inner
def scores_early(postings, summing, number):
    """Return whether a part of one window has lists that are worth leaving out, and may be."""
    part, count = part_at(postings, number), view_i64(summing.counts, postings.n_parts)[number]
    fits = postings.form == SATURATED and part.n_windows == 1
    fits = fits and summing.floor > LOWEST and summing.unit > 0 and 1 < count <= MOST_SORTED
    lists, _, _ = lists_of(summing, number)
    return fits and postings_between(part, 0, lists, 0, count) >= _WORTH_LEAVING_OUT


@inner
def _score_row(postings, summing, row, first, slope, heap, k):
    keep_scored(postings, row, exact_score(postings, summing, row, first, slope), heap, k)


@inner
def _score_foremost(postings, summing, base, size, first, slope, lo, hi, allowed, words, heap, k):
    """Score the ``k`` rows of the highest sums above 0, and take them out of the sums; return how many."""
    pool, sums, scored = view_u64(summing.reached, k), view_i16(summing.sums, WINDOW), 0
    # Whatever has no postings is no better than these.
    for i in range(k):
        pool[i] = bound_key(0, NO_ROW)
    collect(summing, base, size, lo, hi, allowed, words, pool)
    for i in range(k):
        if bound_of(pool[i]) > 0:
            prefetch_row(postings, row_of(pool[i]))
    for i in range(k):
        if bound_of(pool[i]) > 0:
            row = row_of(pool[i])
            _score_row(postings, summing, np.int64(row), first, slope, heap, k)
            sums[row - np.uint64(base)] = np.int16(LOWEST)
            scored += 1
    return scored


@inner
def score_early(postings, summing, number, first, slope, lo, hi, allowed, words, heap, k):
    """Put the best rows of a part into the heap, which may hold others.

    Returns how many postings were summed, how many rows scored, and whether any other row may be as good:
    all lists are summed then, and the rows that were scored are taken out of the sums.
    """
    part, count = part_at(postings, number), view_i64(summing.counts, postings.n_parts)[number]
    base, size = part.first, part.n
    lists, weights, extras = lists_of(summing, number)
    sums = view_i16(summing.sums, WINDOW)
    sort_lists(part, lists, weights, extras, count)
    total, summed = postings_between(part, 0, lists, 0, count), 1
    while summed + 1 < count and postings_between(part, 0, lists, summed + 1, count) >= _LEFT_OUT * total:
        summed += 1
    clear_sums(summing, base, size, lo, hi, allowed, words)
    read = sum_lists(part, 0, lists, weights, extras, 0, summed, sums)
    scored, fresh = 0, False
    if least_wanted(summing, heap) <= most_added(part, weights, extras, summed, count):
        scored = _score_foremost(postings, summing, base, size, first, slope, lo, hi, allowed, words, heap, k)
        fresh = True
    while summed < count and heap[0] != NO_KEY:
        least = least_wanted(summing, heap) - most_added(part, weights, extras, summed, count)
        if least > 0:
            most = min(MOST_CANDIDATES, postings_between(part, 0, lists, summed, count) // _POSTINGS_A_ROW)
            # Maxima of before rows were taken out are bounds too.
            if not fresh:
                find_maxima(summing, base, size, lo, hi, allowed, words)
            found = list_candidates(summing, base, size, lo, hi, allowed, words, least, most)
            if found >= 0:
                candidates = view_u32(summing.candidates, found)
                for i in range(found):
                    prefetch_candidates(postings, candidates, i, found)
                    _score_row(postings, summing, np.int64(candidates[i]), first, slope, heap, k)
                return read, scored + found, False
        read += sum_lists(part, 0, lists, weights, extras, summed, summed + 1, sums)
        summed, fresh = summed + 1, False
    read += sum_lists(part, 0, lists, weights, extras, summed, count, sums)
    return read, scored, True
