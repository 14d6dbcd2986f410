"""The vectors of one field of a growing segment, and which rows have one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....indexes.protocol import Index, Rows
from ....storage.columns.partial import PartialColumn, Present, chosen_vectors
from ....storage.columns.vectors import VectorColumn
from ...schema.vector_field import VectorField
from ...vector_kinds.growable_array import GrowableArray
from ...vector_kinds.registry import kind_of


class GrowingField:
    """Append-only; one thread appends, any thread reads the first rows, as many as it knows are written.

    Attributes
    ----------
    counted : dict
        What views counted of its vectors.
    """

    def __init__(self, field: VectorField) -> None:
        self._vectors = kind_of(field).growing(field)
        self._n_rows = 0
        self.counted: dict[Any, Any] = {}
        # None for as long as every row has a vector.
        self._present: GrowableArray | None = None

    @property
    def nbytes(self) -> int:
        """Bytes reserved in memory."""
        return self._vectors.nbytes + (0 if self._present is None else self._present.nbytes)

    def append(self, column: VectorColumn) -> None:
        """Append a column of the field's kind."""
        first, self._n_rows = self._n_rows, self._n_rows + len(column)
        if not isinstance(column, PartialColumn):
            if self._present is not None:
                self._present.extend(np.arange(first, self._n_rows, dtype=np.uint32))
            self._vectors.append(column)
            return
        present = self._present
        if present is None:
            present = GrowableArray(np.uint32)
            present.extend(np.arange(first, dtype=np.uint32))
        present.extend(column.present + np.uint32(first))
        self._vectors.append(column.vectors)
        self._present = present

    def present(self, n_rows: int) -> Present | None:
        """Return which of the first ``n_rows`` rows have a vector, ascending; None when all have."""
        if self._present is None:
            return None
        present = self._present.view(len(self._present))
        count = int(np.searchsorted(present, n_rows))
        return None if count == n_rows else present[:count]

    def rows(self, n_rows: int) -> Rows:
        """Return the vectors of the first ``n_rows`` rows as an index sees them, without a copy."""
        present = self.present(n_rows)
        rows: Rows = self._vectors.rows(n_rows if present is None else len(present))
        return rows

    def index(self, n_rows: int) -> Index[Any, Any] | None:
        """Return an index of the vectors of the first ``n_rows`` rows, None where they are scanned."""
        present = self.present(n_rows)
        return self._vectors.index(n_rows if present is None else len(present))

    def column(self, rows: NDArray[np.int64]) -> VectorColumn:
        """Copy out the vectors of ``rows``."""
        return chosen_vectors(self.present(self._n_rows), rows, self._vectors.column)
