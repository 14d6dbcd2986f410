"""One vector of as many numbers a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Never

import numpy as np
from numpy.typing import NDArray

from ...indexes.exact.row_codes import RowCodes
from ...indexes.protocol import Arrays, BuildJob, Rows
from ...indexes.rows.dense import DenseRows, inverse_norms, pad
from ...indexes.rows.element import Element
from ...indexes.rows.metric import Metric
from ...storage.arrays.row_reader import CHECKSUMS, RowReader, row_checksums
from ...storage.columns.vectors import DenseColumn
from ..schema.query_weights import QueryWeights
from ..schema.vector_field import Dense
from .growable_array import GrowableArray
from .matrices import MAX_MAGNITUDE, SHORTEST, column, to_element, to_matrix
from .protocol import Array, Chosen, FieldStatistics, OnDisk, TermWeights, TokenIds

_LEAST_SQUARE, _MOST_SQUARE = SHORTEST**2, MAX_MAGNITUDE**2
_FLOAT32 = np.dtype(np.float32)
_ROWS = "rows"


class DenseKind:
    """Rows padded to whole cache lines, beside their inverse norms where the metric is the cosine."""

    def describe(self, field: Dense) -> str:
        """Return what a person is told of a field."""
        where = ", on disk" if field.on_disk else ""
        return f"dense, {field.dim} dimensions, {field.metric}, {field.element}{where}"

    def column(self, field: Dense, value: Any, what: str) -> DenseColumn:
        """Return vectors that a caller passed, as they are stored."""
        if isinstance(value, DenseColumn):
            value = value.matrix
        if field.element is Element.BINARY:
            return DenseColumn(_packed(value, what, field.dim))
        matrix = to_matrix(value, what, field.dim)
        return DenseColumn(to_element(matrix, field.element, what, cosine=field.metric is Metric.COSINE))

    def source(self, field: Dense) -> str | None:
        """Return None: vectors are given."""
        return None

    def encoded(self, field: Dense, texts: Sequence[Sequence[str]]) -> Never:
        """Refuse: no text makes a vector."""
        raise TypeError("vectors of the field are given")

    def queries(self, field: Dense, value: Any, name: str) -> tuple[Array, bool]:
        """Return queries as a batch, and whether the caller gave a single one."""
        return _queries(field, value, name)

    def has_tokens(self, field: Dense) -> bool:
        """Return False."""
        return False

    def has_budgets(self, field: Dense) -> bool:
        """Return False."""
        return False

    def query_weights(self, field: Dense) -> QueryWeights | None:
        """Return None: queries say all that they are."""
        return None

    def resolved(
        self, field: Dense, queries: Any, tokens: TokenIds | None, weights: TermWeights | None
    ) -> Any:
        """Return queries as they are."""
        return queries

    def query_floats(self, field: Dense) -> int | None:
        """Return how many float32 numbers each query is; None where it is packed bits."""
        return None if field.element is Element.BINARY else field.dim

    def prepares(self, field: Dense) -> bool:
        """Return False: queries are searched with as they are."""
        return False

    def prepare(self, field: Dense, queries: Array, statistics: FieldStatistics) -> Never:
        """Refuse: there is nothing to do."""
        raise TypeError("queries of the field are searched with as they are")

    def query_column(self, field: Dense, queries: Array) -> DenseColumn:
        """Return a batch of queries as it is sent."""
        return DenseColumn(queries)

    def query_arrays(self, queries: Array) -> dict[str, Array]:
        """Return a batch of queries as it is kept."""
        return {"queries": queries}

    def kept_queries(self, arrays: Arrays) -> Array:
        """Return the batch that :meth:`query_arrays` gave."""
        return arrays["queries"]

    def empty(self, field: Dense) -> DenseColumn:
        """Return a column without rows."""
        return DenseColumn(np.empty((0, field.element.width(field.dim)), field.element.dtype))

    def growing(self, field: Dense) -> GrowingDense:
        """Return a growing segment's vectors, none yet."""
        return GrowingDense(field)

    def sealed_arrays(self, field: Dense, column: DenseColumn) -> dict[str, Array]:
        """Return ``rows``, padded, and ``inv_norms``, empty unless the metric is the cosine.

        Of vectors on disk there are the checksums of their rows besides.
        """
        cosine = field.metric is Metric.COSINE
        norms = inverse_norms(column.matrix) if cosine else np.empty(0, np.float32)
        arrays = {_ROWS: pad(column.matrix, field.element, field.dim), "inv_norms": norms}
        return arrays | {_ROWS + CHECKSUMS: row_checksums(arrays[_ROWS])} if field.on_disk else arrays

    def sealer(self, field: Dense, sources: Sequence[tuple[Any, Chosen]], job: BuildJob) -> None:
        """Return None: vectors are stored as they are."""

    def staged(self, field: Dense) -> OnDisk | None:
        """Return what stays on disk."""
        return self.read_from_disk(field)

    def read_from_disk(self, field: Dense) -> OnDisk | None:
        """Return ``rows`` where the vectors stay on disk."""
        return OnDisk(_ROWS) if field.on_disk else None

    def disk_rows(self, field: Dense, rows: DenseRows, chosen: Chosen) -> int:
        """Return how many are chosen."""
        return len(chosen)

    def rows(self, field: Dense, arrays: Arrays, reader: RowReader | None = None) -> DenseRows:
        """Return the arrays of a segment as an index sees them, without a copy."""
        rows = arrays[_ROWS] if reader is None else arrays[_ROWS][:0]
        return DenseRows(rows, field.dim, field.element, arrays["inv_norms"], field.metric, reader)

    def stored(self, field: Dense, rows: DenseRows, chosen: Chosen) -> DenseColumn:
        """Copy out the chosen rows without their padding."""
        return DenseColumn(np.ascontiguousarray(rows.stored(chosen)))

    def sizes(self, field: Dense, rows: DenseRows, chosen: Chosen) -> int:
        """Return the bytes of each row."""
        return field.element.width(field.dim) * field.element.dtype.itemsize


class GrowingDense:
    """Dense rows padded to 64 bytes, with inverse norms where the metric is cosine."""

    def __init__(self, field: Dense) -> None:
        self._field = field
        self._width = field.element.width(field.dim)
        self._rows = GrowableArray(field.element.dtype, field.element.stride(field.dim))
        self._inv_norms = GrowableArray(np.float32)
        self._codes = RowCodes()

    def append(self, column: DenseColumn) -> None:
        """Append the vectors of a dense column."""
        if self._field.metric is Metric.COSINE:
            self._inv_norms.extend(inverse_norms(column.matrix))
        self._rows.extend(column.matrix)

    def rows(self, length: int) -> Rows:
        """Return the first ``length`` vectors as an index sees them, without a copy."""
        # Only here, because a client describes vectors too and has none to scan.
        from ...indexes.exact.screened import screened

        field = self._field
        norms = self._inv_norms.view(length if field.metric is Metric.COSINE else 0)
        rows = DenseRows(self._rows.view(length), field.dim, field.element, norms, field.metric)
        return screened(rows, self._codes)

    def index(self, length: int) -> None:
        """Return None: growing vectors are scanned."""

    def column(self, chosen: Chosen) -> DenseColumn:
        """Copy out the chosen vectors without their padding."""
        return DenseColumn(np.ascontiguousarray(self._rows.view(len(self._rows))[chosen, : self._width]))

    @property
    def nbytes(self) -> int:
        """Bytes reserved in memory."""
        return self._rows.nbytes + self._inv_norms.nbytes + self._codes.nbytes


def _queries(field: Dense, query: Any, name: str) -> tuple[NDArray[Any], bool]:
    # The common call, which is to cost little. A sum of squares in range shows that every number is finite.
    if (
        type(query) is np.ndarray
        and query.dtype == _FLOAT32
        and query.shape == (field.dim,)
        and _LEAST_SQUARE <= query.dot(query) < _MOST_SQUARE
        and field.element is not Element.BINARY
    ):
        return np.ascontiguousarray(query).reshape(1, -1), True
    what = f"query for {name!r}"
    if isinstance(query, DenseColumn):
        query = query.matrix
    elif type(query) is not np.ndarray:
        query = column(query, what, "pass the numbers of one query, or a matrix")
    single = query.ndim < 2 if isinstance(query, np.ndarray) else _is_one_row(query)
    rows = query[None] if single and isinstance(query, np.ndarray) else [query] if single else query
    if field.element is Element.BINARY:
        return _packed(rows, what, field.dim), single
    if (
        isinstance(rows, np.ndarray)
        and rows.ndim == 2
        and rows.shape[1] == field.dim
        and rows.dtype.kind == "f"
    ):
        batch = np.ascontiguousarray(rows, dtype=np.float32)
        # Squares of finite numbers in range have a finite sum: one cheap look in the good case.
        squares = np.einsum("ij,ij->i", batch, batch)
        lowest, highest = (
            (squares[0], squares[0]) if single else (squares.min(initial=1), squares.max(initial=1))
        )
        if highest < _MOST_SQUARE and (lowest >= _LEAST_SQUARE or field.metric is not Metric.COSINE):
            return batch, single
    matrix = to_matrix(rows, what, field.dim)
    cosine = field.metric is Metric.COSINE
    return to_element(matrix, Element.FLOAT32, what, cosine=cosine, tiny=True), single


def _is_one_row(query: list[Any] | tuple[Any, ...]) -> bool:
    return not len(query) or np.isscalar(query[0]) or getattr(query[0], "ndim", None) == 0


def _packed(value: Any, what: str, dim: int) -> NDArray[np.uint8]:
    value = column(value, what, "pass a matrix of packed bits, or of bool")
    if isinstance(value, np.ndarray) and value.dtype == np.bool_:
        return np.packbits(to_matrix(value, what, dim), axis=1)
    matrix = to_matrix(value, what, dim // 8, f"bytes of eight bits (dim {dim})")
    return to_element(matrix, Element.BINARY, what)
