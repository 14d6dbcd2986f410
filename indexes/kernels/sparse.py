"""Exact scores of sparse rows and sparse queries, in each form of rows."""

from __future__ import annotations

import numpy as np

from .kernel import entry_point, inner
from .memory import view_f32, view_i64, view_u32, view_u64
from .scan import write_result
from .top import clear_heap, key_of, replace_largest, sort_heap

_HIGHER_IS_NEARER = np.bool_(True)
_NO_TERM = np.int64(-1)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
# Forms; the numbers beside them are the query's inverse length, and the two parts that a row's length adds.
PRODUCT, COSINE, SATURATED, BINARY = np.int64(0), np.int64(1), np.int64(2), np.int64(3)


@inner
def view_csr(indptr, indices, values, n):
    """Return where each of ``n`` sparse vectors begins, and terms and weights of all."""
    starts = view_i64(indptr, n + 1)
    return starts, view_u32(indices, starts[n]), view_f32(values, starts[n])


@inner
def table_places(n_terms):
    """Return how many places the table of a query of so many terms has.

    So few are taken that a term which the query lacks mostly meets an empty one at once.
    """
    places = 16
    while places <= 16 * n_terms:
        places *= 2
    return places


@inner
def place_of(terms, mask, term):
    """Return where ``term`` is, or would be put, in an open-addressed table."""
    place = (np.uint64(term) * _SPREAD >> np.uint64(32)) & mask
    while terms[place] != _NO_TERM and terms[place] != np.int64(term):
        place = (place + np.uint64(1)) & mask
    return place


@inner
def load_terms(terms, weights, mask, indices, values, start, stop):
    terms[:] = _NO_TERM
    weights[:] = 0
    for i in range(start, stop):
        place = place_of(terms, mask, indices[i])
        terms[place] = np.int64(indices[i])
        weights[place] += values[i]


@inner
def inverse_length(weights):
    """Return one by the length of a query, 0 if it has none."""
    squares = np.float64(0.0)
    for i in range(len(weights)):
        squares += np.float64(weights[i]) * np.float64(weights[i])
    return 1 / np.sqrt(squares) if squares > 0 else np.float64(0.0)


@inner
def product_score(terms, weights, mask, indices, values, start, stop):
    total = np.float64(0.0)
    for i in range(start, stop):
        # A term that the query lacks leads to an empty place of weight zero.
        total += np.float64(values[i]) * np.float64(weights[place_of(terms, mask, indices[i])])
    return total


@inner
def cosine_score(terms, weights, mask, indices, values, start, stop, inverse):
    total, squares = np.float64(0.0), np.float64(0.0)
    for i in range(start, stop):
        value = np.float64(values[i])
        total += value * np.float64(weights[place_of(terms, mask, indices[i])])
        squares += value * value
    return total / np.sqrt(squares) * inverse if squares > 0 else np.float64(0.0)


@inner
def saturated_score(terms, weights, mask, indices, values, start, stop, flat, slope):
    length = np.float64(0.0)
    for i in range(start, stop):
        length += max(np.float64(values[i]), np.float64(0.0))
    added, total = flat + slope * length, np.float64(0.0)
    for i in range(start, stop):
        weight = np.float64(weights[place_of(terms, mask, indices[i])])
        value = np.float64(values[i])
        if weight != 0 and value > 0:
            total += value / (value + added) * weight
    return total


@inner
def binary_score(terms, weights, mask, indices, start, stop):
    total = np.float64(0.0)
    for i in range(start, stop):
        total += np.float64(weights[place_of(terms, mask, indices[i])])
    return total


@inner
def row_score(terms, weights, mask, indices, values, start, stop, form, first, second):
    """Return the score of a row; the branch is outside of the loops."""
    if form == COSINE:
        return np.float32(cosine_score(terms, weights, mask, indices, values, start, stop, first))
    if form == SATURATED:
        return np.float32(saturated_score(terms, weights, mask, indices, values, start, stop, first, second))
    if form == BINARY:
        return np.float32(binary_score(terms, weights, mask, indices, start, stop))
    return np.float32(product_score(terms, weights, mask, indices, values, start, stop))


@entry_point("sparse scan")
def scan_sparse(
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
    terms_address,
    weights_address,
    heap_address,
    found,
    scores,
):
    """Find the ``k`` rows, of ``lo`` to ``hi`` or of ``listed[lo:hi]``, of the highest scores."""
    pointers, row_terms, row_values = view_csr(indptr, indices, values, n_rows)
    starts, query_terms, query_weights = view_csr(query_indptr, query_indices, query_values, n_queries)
    terms, weights = view_i64(terms_address, table_size), view_f32(weights_address, table_size)
    mask, heap, rows = np.uint64(table_size - 1), view_u64(heap_address, k), view_u32(listed, hi)
    for q in range(n_queries):
        load_terms(terms, weights, mask, query_terms, query_weights, starts[q], starts[q + 1])
        first = inverse_length(weights) if form == COSINE else flat
        clear_heap(heap, k)
        for i in range(lo, hi):
            row = np.int64(rows[i]) if listed else i
            start, stop = pointers[row], pointers[row + 1]
            score = row_score(terms, weights, mask, row_terms, row_values, start, stop, form, first, slope)
            key = key_of(score, np.uint64(row), _HIGHER_IS_NEARER)
            if key < heap[0]:
                replace_largest(heap, k, key)
        sort_heap(heap, k)
        write_result(heap, k, _HIGHER_IS_NEARER, np.float32(-np.inf), found[q], scores[q])
