"""Exact answers of sparse queries by postings, and the recall measured against them.

As for dense vectors, a returned row counts as found when its true score reaches the true k-th score.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...engine.progress import Progress, silent
from ..datasets.sparse_dataset import SparseDataset, SparseRows
from .truth import Ids, Scores, Truth

# Documents whose postings are in memory at a time.
CHUNK = 500_000
# float32 sums decide which rows are scored again in float64; so many more than k are taken along.
MARGIN = 32
# How far float32 may be off: far below any difference that matters, above any rounding of some 100 products.
TOLERANCE = 1e-6


def exact_sparse_truth(
    dataset: SparseDataset, k: int, *, rows: Ids | None = None, step: Progress = silent
) -> Truth:
    """Find the k best rows of every query exactly; places that no row with a common term fills hold -1.

    Parameters
    ----------
    dataset : SparseDataset
        What to search.
    k : int
        Rows per query.
    rows : ndarray, optional
        Search only these, which ascend.
    step : callable, optional
        Told the finished share.
    """
    documents, queries = dataset.documents, dataset.queries
    best = np.zeros((len(queries), k + MARGIN), dtype=np.float32)
    ids = np.full(best.shape, -1, dtype=np.int64)
    for start in range(0, len(documents), CHUNK):
        part = documents.part(start, min(start + CHUNK, len(documents)))
        allowed = np.ones(len(part), dtype=bool)
        if rows is not None:
            allowed[:] = False
            allowed[rows[(rows >= start) & (rows < start + len(part))] - start] = True
        postings = _postings(part.indptr, part.indices, part.values, dataset.vocabulary)
        _search(postings, allowed, queries.indptr, queries.indices, queries.values, start, best, ids)
        step("exact truth", (start + len(part)) / len(documents))
    scores = true_sparse_scores(dataset, ids)
    order = np.lexsort((ids, -scores), axis=1)[:, :k]
    return Truth(np.take_along_axis(ids, order, axis=1), np.take_along_axis(scores, order, axis=1))


def true_sparse_scores(dataset: SparseDataset, ids: NDArray[Any], *, first_query: int = 0) -> Scores:
    """Score given rows in float64; what is no row gets minus infinity."""
    rows = np.full(ids.shape, -1, dtype=np.int64)
    np.copyto(rows, ids, where=(ids >= 0) & (ids < len(dataset.documents)), casting="unsafe")
    asked = dataset.queries.part(first_query, first_query + len(rows))
    return np.asarray(_score(*_arrays(dataset.documents), *_arrays(asked), dataset.vocabulary, rows))


def sparse_recall(dataset: SparseDataset, truth: Truth, ids: NDArray[Any], *, first_query: int = 0) -> float:
    """Mean of :func:`sparse_recall_by_query`."""
    return float(sparse_recall_by_query(dataset, truth, ids, first_query=first_query).mean())


def sparse_recall_by_query(
    dataset: SparseDataset, truth: Truth, ids: NDArray[Any], *, first_query: int = 0
) -> Scores:
    """Share of the k places of each query that hold a right answer, a row returned twice counting once.

    Places that no row can fill count neither way; a query without any answer is right when nothing is found.
    """
    known = truth.scores[first_query : first_query + len(ids)]
    possible = np.isfinite(known).sum(axis=1)
    least = np.where(possible == known.shape[1], known[:, -1] * (1.0 - TOLERANCE), -np.inf)
    scores = true_sparse_scores(dataset, ids, first_query=first_query)
    right = np.isfinite(scores) & (scores > 0) & (scores >= least[:, None])
    for line, row in zip(right, ids, strict=True):
        line &= np.isin(np.arange(len(row)), np.unique(row, return_index=True)[1])
    found = right.sum(axis=1)
    shares: Scores = np.where(possible > 0, found / np.maximum(possible, 1), found == 0)
    return shares


def _arrays(rows: SparseRows) -> tuple[NDArray[Any], ...]:
    return rows.indptr, rows.indices, rows.values


@njit(nogil=True, error_model="numpy", cache=True)
def _postings(indptr, indices, values, vocabulary):  # type: ignore[no-untyped-def]
    starts = np.zeros(vocabulary + 1, dtype=np.int64)
    for term in indices:
        starts[term + 1] += 1
    starts = np.cumsum(starts)
    free = starts[:-1].copy()
    rows = np.empty(len(indices), dtype=np.uint32)
    weights = np.empty(len(indices), dtype=np.float32)
    for row in range(len(indptr) - 1):
        for place in range(indptr[row], indptr[row + 1]):
            at = free[indices[place]]
            rows[at] = row
            weights[at] = values[place]
            free[indices[place]] += 1
    return starts, rows, weights


@njit(nogil=True, error_model="numpy", cache=True)
def _search(postings, allowed, indptr, indices, values, first, best, ids):  # type: ignore[no-untyped-def]
    """Merge the scores of the rows from number `first` on into the best of every query, best first."""
    starts, rows, weights = postings
    sums = np.zeros(len(allowed), dtype=np.float32)
    for query in range(len(indptr) - 1):
        sums[:] = 0
        for place in range(indptr[query], indptr[query + 1]):
            term, weight = indices[place], values[place]
            for at in range(starts[term], starts[term + 1]):
                sums[rows[at]] += weight * weights[at]
        scores, found = best[query], ids[query]
        for row in range(len(sums)):
            if sums[row] > scores[-1] and allowed[row]:
                at = len(scores) - 1
                while at > 0 and scores[at - 1] < sums[row]:
                    scores[at] = scores[at - 1]
                    found[at] = found[at - 1]
                    at -= 1
                scores[at] = sums[row]
                found[at] = first + row


@njit(nogil=True, error_model="numpy", cache=True)
def _score(  # type: ignore[no-untyped-def]
    indptr, indices, values, query_indptr, query_indices, query_values, vocabulary, rows
):
    scores = np.full(rows.shape, -np.inf)
    weights = np.zeros(vocabulary)
    for query in range(len(rows)):
        for place in range(query_indptr[query], query_indptr[query + 1]):
            weights[query_indices[place]] = query_values[place]
        for column in range(rows.shape[1]):
            row = rows[query, column]
            if row < 0:
                continue
            score = 0.0
            for place in range(indptr[row], indptr[row + 1]):
                score += weights[indices[place]] * values[place]
            scores[query, column] = score
        for place in range(query_indptr[query], query_indptr[query + 1]):
            weights[query_indices[place]] = 0.0
    return scores
