"""Exact scores of sparse rows that are named, wherever they stand."""

from __future__ import annotations

import numpy as np

from .kernel import entry_point, inner
from .memory import prefetch, prefetch_lines, view_f32, view_i64, view_u32
from .sparse import BINARY, COSINE, inverse_length, load_terms, row_score, view_csr

# While a row is scored, the entries of those behind it are fetched, and where those of later ones begin.
_ROWS_AHEAD = 3
_MOST_LINES = 16
_LINE_ENTRIES = 16


@inner
def prefetch_entries(indices, values, start, stop, form):
    lines = min((stop - start) // _LINE_ENTRIES + 1, _MOST_LINES)
    prefetch_lines(indices + np.uint64(4 * start), lines)
    if form != BINARY:
        prefetch_lines(values + np.uint64(4 * start), lines)


@entry_point("sparse scores")
def score_sparse(
    indptr,
    indices,
    values,
    n_rows,
    query_indptr,
    query_indices,
    query_values,
    n_queries,
    chosen_address,
    n_chosen,
    form,
    flat,
    slope,
    table_size,
    terms_address,
    weights_address,
    scores,
):
    """Write the score of each chosen row with each query."""
    pointers, row_terms, row_values = view_csr(indptr, indices, values, n_rows)
    starts, query_terms, query_weights = view_csr(query_indptr, query_indices, query_values, n_queries)
    terms, weights = view_i64(terms_address, table_size), view_f32(weights_address, table_size)
    mask, chosen = np.uint64(table_size - 1), view_u32(chosen_address, n_chosen)
    for q in range(n_queries):
        load_terms(terms, weights, mask, query_terms, query_weights, starts[q], starts[q + 1])
        first = inverse_length(weights) if form == COSINE else flat
        for i in range(n_chosen):
            later = min(i + 2 * _ROWS_AHEAD, n_chosen - 1)
            prefetch(indptr + np.uint64(8 * np.int64(chosen[later])))
            if i + _ROWS_AHEAD < n_chosen:
                ahead = np.int64(chosen[i + _ROWS_AHEAD])
                prefetch_entries(indices, values, pointers[ahead], pointers[ahead + 1], form)
            row = np.int64(chosen[i])
            start, stop = pointers[row], pointers[row + 1]
            scores[q, i] = row_score(
                terms, weights, mask, row_terms, row_values, start, stop, form, first, slope
            )
