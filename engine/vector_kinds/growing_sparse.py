"""Sparse rows that grow, and their postings."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.protocol import FieldShape
from ...indexes.rows.sparse import SparseRows
from ...storage.columns.vectors import BinaryColumn, SparseColumn, VectorColumn
from ..schema.sparse_field import Sparse
from .growable_array import GrowableArray
from .protocol import Chosen

if TYPE_CHECKING:
    from ...indexes.scratch_pool import ScratchPool
    from ...indexes.sparse.part import Part
    from ...indexes.sparse.parts_index import PartsIndex
    from ...indexes.sparse.scratch import SummingScratch


class GrowingSparse:
    """Sparse rows in CSR form, with postings that the first search that wants them makes.

    A load that nobody searches makes none. Parts of postings are never changed: a search reads those that
    there are and scans the rows behind them, while another makes more.
    """

    def __init__(self, field: Sparse) -> None:
        self._shape = field.shape
        self._binary = field.is_binary
        self._indptr = GrowableArray(np.int64)
        self._indptr.extend(np.zeros(1, np.int64))
        self._indices = GrowableArray(np.uint32)
        self._values = GrowableArray(np.float32)
        self._parts: tuple[Part, ...] = ()
        self._scratch: ScratchPool[SummingScratch] | None = None
        self._opened: tuple[int, PartsIndex] | None = None
        # Only ever tried, never waited for.
        self._extending = threading.Lock()

    def append(self, column: Any) -> None:
        """Append the vectors of a sparse column, of a binary one where the field is."""
        base = len(self._indices)
        self._indices.extend(column.indices)
        if not self._binary:
            self._values.extend(column.values)
        self._indptr.extend(column.indptr[1:] + base)
        # It would keep the arrays that these have grown out of.
        self._opened = None

    def rows(self, length: int) -> SparseRows:
        """Return the first ``length`` vectors as an index sees them, without a copy."""
        indptr, indices = self._terms(length)
        if self._binary:
            return SparseRows.of_terms(indptr, indices)
        return sparse_rows(SparseColumn(indptr, indices, self._values.view(len(indices))), self._shape)

    def index(self, length: int) -> PartsIndex | None:
        """Return postings of the first ``length`` vectors, None while a scan of them costs nothing."""
        opened = self._opened
        if opened is not None and opened[0] == length:
            return opened[1]
        from ...indexes.sparse.part import SCANNED, WINDOW, extended
        from ...indexes.sparse.parts_index import PartsIndex
        from ...indexes.sparse.scratch import summing_scratch

        if length < SCANNED:
            return None
        rows = self.rows(length)
        extends = self._extending.acquire(blocking=False)
        if extends:
            try:
                self._parts = extended(self._parts, rows)
            finally:
                self._extending.release()
        if self._scratch is None:
            self._scratch = summing_scratch(WINDOW)
        index = PartsIndex(self._parts, rows, self._scratch)
        if extends:
            self._opened = (length, index)
        return index

    def _terms(self, length: int) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        indptr: NDArray[np.int64] = self._indptr.view(length + 1)
        return indptr, self._indices.view(int(indptr[-1]))

    def column(self, chosen: Chosen) -> VectorColumn:
        """Copy out the chosen vectors."""
        indptr, indices = self._terms(len(self._indptr) - 1)
        if self._binary:
            return BinaryColumn(indptr, indices).take(chosen)
        return SparseColumn(indptr, indices, self._values.view(len(indices))).take(chosen)

    @property
    def nbytes(self) -> int:
        """Bytes reserved in memory."""
        arrays = self._indptr.nbytes + self._indices.nbytes + self._values.nbytes
        return arrays + sum(part.nbytes for part in self._parts)


def sparse_rows(column: SparseColumn, shape: FieldShape) -> SparseRows:
    """Return a column as an index sees it, without a copy."""
    return SparseRows(column.indptr, column.indices, column.values, shape.metric, shape.saturation)
