"""Windows of which only the essential lists are summed: those without which no row is among the best.

The lists that say the least for their length are left out as long as all of them together cannot lift a row
to what k rows of earlier windows are known to reach. Rows that they might lift are scored. As in MaxScore
(Turtle and Flood, 1995), a window at a time.
"""

from __future__ import annotations

import numpy as np

from .bounds import (
    BLOCK,
    LOWEST,
    above,
    block_rows,
    bound_of,
    count_bits,
    count_groups,
    find_maxima,
    first_bit,
)
from .kernel import inner
from .memory import view_i64, view_u32
from .sparse import COSINE, PRODUCT
from .top import NO_KEY, clear_heap, replace_largest

# Sorting more lists than these would take longer than summing them saves.
MOST_SORTED = 256
# What a list's postings, and its codes in particular, are rounded by at most, besides a 256th of its weight.
_ROUNDED = np.int64(3)
# What the lists left out may add, as a share of what is reached: at first, after a failure, after a success.
FIRST_SHARE, LESS, MORE, MOST_SHARE = 0.6, 0.8, 1.15, 0.9
# A row is scored in the time in which so many postings are summed.
POSTINGS_A_ROW = 400
MOST_CANDIDATES = 1024


@inner
def may_leave_out(postings, summing, part, count):
    """Return whether sums only grow by more lists, and tell of scores what they tell of bounds."""
    fits = postings.form == PRODUCT or postings.form == COSINE
    fits = fits and postings.n_parts == 1 and part.n_windows > 1
    return fits and summing.floor > LOWEST and count <= MOST_SORTED


@inner
def sort_lists(part, lists, weights, extras, count):
    """Put those lists first that say the most for their length."""
    starts, windows = view_i64(part.starts, part.n_terms * part.n_windows + 1), part.n_windows
    for j in range(1, count):
        term, weight, extra = lists[j], weights[j], extras[j]
        length = np.float64(starts[(term + 1) * windows] - starts[term * windows])
        place = j
        while place > 0:
            other = lists[place - 1]
            of_other = np.float64(starts[(other + 1) * windows] - starts[other * windows])
            if np.float64(weights[place - 1]) * length >= np.float64(weight) * of_other:
                break
            lists[place], weights[place], extras[place] = other, weights[place - 1], extras[place - 1]
            place -= 1
        lists[place], weights[place], extras[place] = term, weight, extra


@inner
def reached_sum(pool, pool_size, heap, k, weights, count):
    """Return a sum that the scores of ``k`` rows of the pool come to; less than 0 if it has fewer."""
    clear_heap(heap, k)
    for i in range(pool_size):
        if pool[i] < heap[0]:
            replace_largest(heap, k, pool[i])
    if heap[0] == NO_KEY:
        return np.int64(-1)
    reached = bound_of(heap[0])
    for j in range(count):
        reached -= (np.int64(weights[j]) >> 8) + _ROUNDED
    return reached


@inner
def count_essential(weights, count, budget):
    """Return how many lists remain when those behind add no more than ``budget``, and what these add."""
    rest = np.int64(0)
    while count > 1 and rest + np.int64(weights[count - 1]) + _ROUNDED <= budget:
        count -= 1
        rest += np.int64(weights[count]) + _ROUNDED
    return count, rest


@inner
def postings_between(part, window, lists, begin, end):
    starts, total = view_i64(part.starts, part.n_terms * part.n_windows + 1), np.int64(0)
    for j in range(begin, end):
        first = lists[j] * part.n_windows + window
        total += starts[first + 1] - starts[first]
    return total


@inner
def find_candidates(summing, base, size, lo, hi, allowed, words, least, most):
    """List the rows of a window whose sums are at least ``least``.

    Returns how many, or -1 if they are more than ``most``.
    """
    if find_maxima(summing, base, size, lo, hi, allowed, words) < least:
        return np.int64(0)
    return list_candidates(summing, base, size, lo, hi, allowed, words, least, most)


@inner
def list_candidates(summing, base, size, lo, hi, allowed, words, least, most):
    """Do the same where the maxima of blocks are known, and ``least`` is at most one more than any sum."""
    candidates, count = view_u32(summing.candidates, MOST_CANDIDATES), np.int64(0)
    bound = np.int16(least - 1)
    for group in range(count_groups(size)):
        blocks = above(summing.maxima + np.uint64(2 * BLOCK * group), bound)
        while blocks:
            first = (group * BLOCK + np.int64(first_bit(blocks))) * BLOCK
            blocks &= blocks - np.uint64(1)
            rows = block_rows(base + first, min(BLOCK, size - first), lo, hi, allowed, words)
            rows &= above(summing.sums + np.uint64(2 * first), bound)
            if count + np.int64(count_bits(rows)) > most:
                return np.int64(-1)
            while rows:
                candidates[count] = np.uint32(base + first + np.int64(first_bit(rows)))
                rows &= rows - np.uint64(1)
                count += 1
    return count
