"""Queries that are lists of tokens or of indices, whose weights the field has.

One is a list of tokens, or of indices, or an array of those; several are a list of lists of tokens, or of
arrays of indices. A list of lists of two numbers each is pairs of index and value, as everywhere.

Until its weights are looked up, such a query has NaN for each of them, also on its way to a server. A term
that is there several times counts once, as in the queries of opensearch-neural-sparse-encoding-doc-v1, whose
model card has the code for them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.rows.sparse import SparseRows
from ...storage.columns.ragged import offsets_of
from ...storage.columns.tokens import TokenColumn
from ...storage.columns.vectors import SparseColumn
from ..errors import InvalidArgument
from .matrices import MAX_INDEX
from .protocol import TermWeights


def listed_tokens(value: Any) -> tuple[TokenColumn, bool] | None:
    """Return queries that are lists of tokens, and whether there is but one; None for anything else."""
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "UO":
        value = value.tolist()
    single = isinstance(value, list) and bool(value) and _are_texts(value)
    rows = [value] if single else value
    if not isinstance(rows, list) or not any(isinstance(row, list) and row for row in rows):
        return None
    if not all(isinstance(row, list) and _are_texts(row) for row in rows):
        return None
    return TokenColumn.of_rows([dict.fromkeys(row, np.nan) for row in rows]), single


def listed_indices(value: Any, what: str) -> tuple[SparseColumn, bool] | None:
    """Return queries that are lists of indices, and whether there is but one; None for anything else.

    Raises
    ------
    InvalidArgument
        An index is not below 2**32.
    """
    if isinstance(value, list) and value and all(map(_is_whole, value)):
        value = np.array(value, object)
    single = _are_indices(value)
    rows = [value] if single else value
    if not isinstance(rows, list) or not rows or not all(map(_are_indices, rows)):
        return None
    distinct = [np.unique(row) for row in rows]
    for number, row in enumerate(distinct):
        if len(row) and not (row[0] >= 0 and row[-1] <= MAX_INDEX):
            wrong = row[0] if row[0] < 0 else row[-1]
            message = f"{what} row {number} has the index {wrong}; expected 0 to 2**32 - 1"
            raise InvalidArgument(message, field=what)
    indices = np.concatenate([row.astype(np.uint32) for row in distinct])
    indptr = offsets_of(map(len, distinct), len(distinct))
    return SparseColumn(indptr, indices, np.full(len(indices), np.nan, np.float32)), single


def weighted(queries: SparseRows, weights: TermWeights) -> SparseRows:
    """Return queries with their weights looked up; terms that have none are left out."""
    unknown = np.isnan(queries.values)
    if not unknown.any():
        return queries
    values = queries.values.copy()
    values[unknown] = weights.weights_of(queries.indices[unknown])
    kept = ~np.isnan(values)
    counts = np.concatenate([[0], np.cumsum(kept)])
    indptr: NDArray[np.int64] = counts[queries.indptr]
    return replace(queries, indptr=indptr, indices=queries.indices[kept], values=values[kept])


def refuse_unweighted(what: str) -> InvalidArgument:
    """Return the error for lists of terms where the field has no weights for them."""
    return InvalidArgument(
        f"{what} is a list of tokens or indices without weights, and the field has none for them: pass "
        "{token: weight}, or make the field with Sparse(query_weights={token: weight})",
        field=what,
    )


def _are_texts(row: list[Any]) -> bool:
    return all(isinstance(token, str) for token in row)


def _is_whole(index: Any) -> bool:
    return isinstance(index, int | np.integer) and not isinstance(index, bool)


def _are_indices(row: Any) -> bool:
    if not isinstance(row, np.ndarray) or row.ndim != 1:
        return False
    return row.dtype.kind in "iu" or (row.dtype == object and all(map(_is_whole, row)))
