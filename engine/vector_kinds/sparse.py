"""Pairs of an index and a value, of any number a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Never

import numpy as np
from numpy.typing import NDArray

from ...indexes.protocol import Arrays, BuildJob
from ...indexes.rows.sparse import SparseRows
from ...storage.arrays.row_reader import RowReader
from ...storage.columns.vectors import SparseColumn, VectorColumn
from ..results.weighting import Weighting
from ..schema.query_weights import QueryWeights
from ..schema.sparse_field import Sparse
from .growing_sparse import GrowingSparse, sparse_rows
from .listed_terms import listed_indices, refuse_unweighted, weighted
from .protocol import Array, Chosen, FieldStatistics, TermWeights, TokenIds
from .sparse_input import is_one_vector, sparse_column, usual_vector

_ARRAYS = ("indptr", "indices", "values")


class SparseKind:
    """Rows in CSR form."""

    def describe(self, field: Sparse) -> str:
        """Return what a person is told of a field."""
        return f"sparse, {field.metric}"

    def column(self, field: Sparse, value: Any, what: str) -> SparseColumn:
        """Return vectors that a caller passed, as they are stored."""
        return sparse_column(value, what)

    def source(self, field: Sparse) -> str | None:
        """Return None: vectors are given."""
        return None

    def encoded(self, field: Sparse, texts: Sequence[Sequence[str]]) -> VectorColumn:
        """Refuse: no text makes a vector."""
        raise TypeError("vectors of the field are given")

    def queries(self, field: Sparse, value: Any, name: str) -> tuple[SparseRows, bool]:
        """Return queries as a batch, and whether the caller gave a single one."""
        usual = usual_vector(value)
        if usual is not None:
            return SparseRows.one(*usual), True
        what = f"query for {name!r}"
        listed = listed_indices(value, what)
        if listed is not None and field.query_weights is None:
            raise refuse_unweighted(what)
        if listed is not None:
            return sparse_rows(listed[0], field.shape), listed[1]
        single = is_one_vector(value)
        column = sparse_column([value] if single else value, what, field.query_weights is not None)
        return sparse_rows(column, field.shape), single

    def has_tokens(self, field: Sparse) -> bool:
        """Return False."""
        return False

    def has_budgets(self, field: Sparse) -> bool:
        """Return False."""
        return False

    def query_weights(self, field: Sparse) -> QueryWeights | None:
        """Return the weights that queries of a field need not say."""
        return field.query_weights

    def resolved(
        self, field: Sparse, queries: Any, tokens: TokenIds | None, weights: TermWeights | None
    ) -> Any:
        """Return queries with the weights that they do not say."""
        return queries if weights is None else weighted(queries, weights)

    def query_floats(self, field: Sparse) -> None:
        """Return None: a query is indices beside values."""

    def query_column(self, field: Sparse, queries: SparseRows) -> SparseColumn:
        """Return a batch of queries as it is sent."""
        return _column(queries)

    def prepares(self, field: Sparse) -> bool:
        """Return whether weights are multiplied with the inverse document frequency."""
        return field.idf

    def prepare(
        self, field: Sparse, queries: SparseRows, statistics: FieldStatistics
    ) -> tuple[SparseRows, Weighting | None]:
        """Return queries with their weights times the inverse document frequency."""
        factors = statistics.inverse_frequencies(queries.indices)
        return queries.weighted(factors), Weighting(statistics.n_vectors)

    def query_arrays(self, queries: SparseRows) -> dict[str, Array]:
        """Return a batch of queries as it is kept."""
        return _column(queries).arrays()

    def kept_queries(self, arrays: Arrays) -> SparseRows:
        """Return the batch that :meth:`query_arrays` gave."""
        column = SparseColumn.from_arrays(arrays)
        return SparseRows(column.indptr, column.indices, column.values)

    def empty(self, field: Sparse) -> SparseColumn:
        """Return a column without rows."""
        return SparseColumn(np.zeros(1, np.int64), np.empty(0, np.uint32), np.empty(0, np.float32))

    def growing(self, field: Sparse) -> GrowingSparse:
        """Return a growing segment's vectors, none yet."""
        return GrowingSparse(field)

    def sealed_arrays(self, field: Sparse, column: SparseColumn) -> dict[str, Array]:
        """Return ``indptr``, ``indices`` and ``values``."""
        return column.arrays()

    def sealer(self, field: Sparse, sources: Sequence[tuple[Any, Chosen]], job: BuildJob) -> None:
        """Return None: vectors are stored as they are."""

    def staged(self, field: Sparse) -> None:
        """Return None: all are gathered at once."""

    def read_from_disk(self, field: Sparse) -> None:
        """Return None: all of them are mapped."""

    def disk_rows(self, field: Sparse, rows: SparseRows, chosen: Chosen) -> Never:
        """Refuse: nothing stays on disk."""
        raise TypeError("sparse vectors are mapped")

    def rows(self, field: Sparse, arrays: Arrays, reader: RowReader | None = None) -> SparseRows:
        """Return the arrays of a segment as an index sees them, without a copy."""
        return sparse_rows(SparseColumn.from_arrays({name: arrays[name] for name in _ARRAYS}), field.shape)

    def stored(self, field: Sparse, rows: SparseRows, chosen: Chosen) -> SparseColumn:
        """Copy out the chosen rows."""
        return _column(rows).take(chosen)

    def sizes(self, field: Sparse, rows: SparseRows, chosen: Chosen) -> NDArray[np.int64]:
        """Return the bytes of each chosen row, which are not read."""
        entry = rows.indices.itemsize + rows.values.itemsize
        return (rows.indptr[chosen + 1] - rows.indptr[chosen]) * entry


def _column(rows: SparseRows) -> SparseColumn:
    return SparseColumn(rows.indptr, rows.indices, rows.values)
