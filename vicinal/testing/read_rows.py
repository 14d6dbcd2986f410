"""Dense rows that are not in memory, for tests of what reads them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vicinal.indexes.rows.dense import DenseRows


class ArrayReader:
    """Gives rows of an array, and keeps what it was asked for; other rows are in no place a kernel finds.

    Attributes
    ----------
    asked, read_calls
        The rows that were asked for ahead and read, call by call.
    """

    def __init__(self, matrix: NDArray[Any]) -> None:
        self._matrix = matrix
        self.shape: tuple[int, int] = (len(matrix), matrix.shape[1])
        self.dtype: np.dtype[Any] = matrix.dtype
        self.asked: list[NDArray[Any]] = []
        self.read_calls: list[NDArray[Any]] = []

    def read_ahead(self, rows: NDArray[np.integer[Any]]) -> None:
        """Keep what is asked for."""
        assert (np.diff(rows.astype(np.int64)) > 0).all()
        self.asked.append(np.array(rows))

    def read(self, rows: NDArray[np.integer[Any]], into: NDArray[Any]) -> None:
        """Copy the rows."""
        assert (np.diff(rows.astype(np.int64)) > 0).all()
        assert into.shape == (len(rows), self.shape[1])
        self.read_calls.append(np.array(rows))
        into[:] = self._matrix[rows]


def not_in_memory(rows: DenseRows) -> tuple[DenseRows, ArrayReader]:
    """Return the same rows as they are where they have to be read, and what reads them."""
    reader = ArrayReader(rows.rows)
    return replace(rows, rows=rows.rows[:0], reader=reader), reader
