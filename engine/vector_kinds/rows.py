"""Vectors and queries as indexes see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.protocol import Queries
from ...indexes.rows.multi import MultiRows
from ...indexes.rows.sparse import SparseRows
from ...storage.columns.vectors import MultiColumn, SparseColumn, VectorColumn

Ragged = SparseRows | MultiRows


def ragged_rows(column: SparseColumn | MultiColumn) -> Ragged:
    """Return the rows of a column, without a copy."""
    if isinstance(column, SparseColumn):
        return SparseRows(column.indptr, column.indices, column.values)
    return MultiRows(column.offsets, column.tokens)


def column_rows(column: VectorColumn) -> Ragged:
    """Return the rows of a column that is known to be ragged."""
    assert isinstance(column, SparseColumn | MultiColumn)
    return ragged_rows(column)


def ragged_queries(column: SparseColumn | MultiColumn) -> Ragged:
    """Return a batch of queries; their tokens are float32 whatever is stored."""
    rows = ragged_rows(column)
    if isinstance(rows, MultiRows) and rows.tokens.dtype != np.float32:
        return rows[:]
    return rows


def query_arrays(queries: Queries) -> dict[str, NDArray[Any]]:
    """Return a batch of queries as arrays that :func:`queries_from` reads."""
    match queries:
        case SparseRows():
            return {"indptr": queries.indptr, "indices": queries.indices, "values": queries.values}
        case MultiRows():
            return {"offsets": queries.offsets, "tokens": queries.tokens}
    return {"queries": np.asarray(queries)}


def queries_from(arrays: Mapping[str, NDArray[Any]]) -> Queries:
    """Return a batch of queries, of the kind that its arrays tell."""
    if "queries" in arrays:
        return arrays["queries"]
    if "indptr" in arrays:
        return SparseRows(arrays["indptr"], arrays["indices"], arrays["values"])
    return MultiRows(arrays["offsets"], arrays["tokens"])
