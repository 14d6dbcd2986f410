"""Stored rows that sums of postings lead to: which may be found, what they can reach, their exact scores."""

from __future__ import annotations

import numpy as np

from .bounds import LOWEST
from .kernel import inner
from .memory import view_f32, view_i64, view_u32
from .postings import MOST_SUM
from .sparse import row_score
from .sparse_scores import prefetch_entries
from .top import NO_KEY, key_of, replace_largest, score_of

HIGHER = np.bool_(True)
ROWS_AHEAD = 8
"""While a row is scored, the entries of those behind it are fetched."""
NO_ROW = np.uint64(0xFFFFFFFF)
_LARGEST = np.float64(np.finfo(np.float32).max)
# More than float32 scores and weights in whole units are rounded by.
_SLACK, _STEP = np.float64(1e-6), np.float64(1e-3)


@inner
def allows(words, row):
    return words[row >> 6] >> np.uint64(row & 63) & np.uint64(1)


@inner
def reach(summing, bound):
    """Return the highest score that a row of this bound can have."""
    units = np.float64(bound) * summing.unit
    return units + abs(units) * _SLACK + summing.unit * _STEP + summing.rest * (1 + _SLACK)


@inner
def least_score(heap):
    """Return the lowest score of a full heap; of those beyond float32, all alike to the heap, the largest."""
    return min(np.float64(score_of(heap[0], HIGHER)), _LARGEST)


@inner
def row_of(key):
    return key & np.uint64(0xFFFFFFFF)


@inner
def prefetch_row(postings, row):
    pointers = view_i64(postings.indptr, postings.n + 1)
    start, stop = pointers[row], pointers[row + np.uint64(1)]
    prefetch_entries(postings.indices, postings.values, start, stop, postings.form)


@inner
def prefetch_candidates(postings, candidates, i, count):
    """Fetch what is scored after the ``i``-th of some candidates, and before the first that one too."""
    for j in range(i + ROWS_AHEAD if i else 0, min(i + ROWS_AHEAD + 1, count)):
        prefetch_row(postings, np.uint64(candidates[j]))


@inner
def exact_score(postings, summing, row, first, slope):
    """Return the score of a row with the query whose terms are loaded."""
    pointers = view_i64(postings.indptr, postings.n + 1)
    size = summing.table_size
    return row_score(
        view_i64(summing.table_terms, size),
        view_f32(summing.table_weights, size),
        np.uint64(size - 1),
        view_u32(postings.indices, postings.nnz),
        view_f32(postings.values, postings.nnz),
        pointers[row],
        pointers[row + 1],
        postings.form,
        first,
        slope,
    )


@inner
def keep_scored(postings, row, score, heap, k):
    """Keep a row of the index among the best."""
    key = key_of(score, np.uint64(row + postings.before), HIGHER)
    if key < heap[0]:
        replace_largest(heap, k, key)


@inner
def least_bound(summing, score):
    """Return the lowest bound of which :func:`reach` may come to a score, above 0; above any sum if none."""
    units = (score - summing.rest * (1 + _SLACK)) / summing.unit
    # One less, as this is rounded as well.
    bound = np.floor((units - _STEP) / (1 + _SLACK)) - 1
    return np.int64(min(max(bound, np.float64(0)), MOST_SUM + 1))


@inner
def least_wanted(summing, heap):
    """Return the lowest bound of a row that may get into the heap; 0 if any may, or bounds do not tell."""
    if heap[0] != NO_KEY and summing.floor > LOWEST and summing.unit > 0:
        return least_bound(summing, least_score(heap))
    return np.int64(0)
