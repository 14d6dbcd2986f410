"""Exact scan of sparse rows for many queries at once: each row is read once and meets their postings."""

from __future__ import annotations

import numpy as np

from .kernel import entry_point, inner
from .memory import view_u32
from .scan import write_result
from .sparse import BINARY, COSINE, SATURATED, inverse_length, load_terms, place_of, view_csr
from .top import NO_KEY, clear_heap, key_of, replace_largest, score_of, sort_heap

_HIGHER_IS_NEARER = np.bool_(True)


@inner
def _list_queries(indices, values, starts, n_queries, terms, spans, owners, weights):
    """List by term which queries have it and what they say of it, from where to where by its place."""
    mask = np.uint64(len(terms) - 1)
    for i in range(starts[n_queries]):
        place = place_of(terms, mask, indices[i])
        terms[place] = np.int64(indices[i])
        spans[place, 1] += 1
    total = np.int64(0)
    for place in range(len(terms)):
        spans[place, 0], total = total, total + spans[place, 1]
        spans[place, 1] = spans[place, 0]
    for q in range(n_queries):
        for i in range(starts[q], starts[q + 1]):
            place = place_of(terms, mask, indices[i])
            end = spans[place, 1]
            if end > spans[place, 0] and owners[end - 1] == q:
                weights[end - 1] += values[i]
                continue
            owners[end], weights[end] = q, values[i]
            spans[place, 1] += 1


@inner
def _sum_row(indices, values, start, stop, form, added, terms, spans, owners, weights, sums):
    """Fill in a row's product with each query, of its weights in their form; return the sum of squares."""
    mask, squares = np.uint64(len(terms) - 1), np.float64(0)
    sums[:] = 0
    for i in range(start, stop):
        weight = np.float64(1) if form == BINARY else np.float64(values[i])
        squares += weight * weight
        place = place_of(terms, mask, indices[i])
        if form == SATURATED:
            if not weight > 0:
                continue
            weight = weight / (weight + added)
        for entry in range(np.uint64(spans[place, 0]), np.uint64(spans[place, 1])):
            sums[np.uint64(owners[entry])] += weight * np.float64(weights[entry])
    return squares


@entry_point("sparse scan of many queries")
def scan_together(
    indptr,
    indices,
    values,
    n_rows,
    query_indptr,
    query_indices,
    query_values,
    n_queries,
    k,
    lo,
    hi,
    listed,
    form,
    flat,
    slope,
    table_size,
    found,
    scores,
):
    """Find what ``scan_sparse`` does, to the last bit."""
    pointers, row_terms, row_values = view_csr(indptr, indices, values, n_rows)
    starts, query_terms, query_weights = view_csr(query_indptr, query_indices, query_values, n_queries)
    n_entries, size = starts[n_queries], 16
    while size < 4 * n_entries:
        size *= 2
    terms, spans = np.full(size, -1, np.int64), np.zeros((size, 2), np.int64)
    owners, weights = np.empty(n_entries, np.int32), np.empty(n_entries, np.float32)
    inverses = np.ones(n_queries)
    if form == COSINE:
        own_terms, own_weights = np.empty(table_size, np.int64), np.empty(table_size, np.float32)
        mask = np.uint64(table_size - 1)
        for q in range(n_queries):
            load_terms(
                own_terms,
                own_weights,
                mask,
                query_terms,
                query_weights,
                starts[q],
                starts[q + 1],
            )
            inverses[q] = inverse_length(own_weights)
    _list_queries(query_terms, query_weights, starts, n_queries, terms, spans, owners, weights)
    heaps, least = np.empty((n_queries, k), np.uint64), np.full(n_queries, -np.inf, np.float32)
    for q in range(n_queries):
        clear_heap(heaps[q], k)
    sums, rows = np.empty(n_queries), view_u32(listed, hi)
    for i in range(lo, hi):
        row = np.int64(rows[i]) if listed else i
        start, stop = pointers[row], pointers[row + 1]
        added = np.float64(0)
        if form == SATURATED:
            for entry in range(start, stop):
                added += max(np.float64(row_values[entry]), np.float64(0))
            added = flat + slope * added
        squares = _sum_row(
            row_terms, row_values, start, stop, form, added, terms, spans, owners, weights, sums
        )
        if form == COSINE:
            length = np.sqrt(squares)
            for q in range(n_queries):
                sums[q] = sums[q] / length * inverses[q] if squares > 0 else np.float64(0)
        for q in range(n_queries):
            score = np.float32(sums[q])
            if score >= least[q]:
                heap = heaps[q]
                key = key_of(score, np.uint64(row), _HIGHER_IS_NEARER)
                if key < heap[0]:
                    replace_largest(heap, k, key)
                    if heap[0] != NO_KEY:
                        least[q] = score_of(heap[0], _HIGHER_IS_NEARER)
    for q in range(n_queries):
        sort_heap(heaps[q], k)
        write_result(heaps[q], k, _HIGHER_IS_NEARER, np.float32(-np.inf), found[q], scores[q])
