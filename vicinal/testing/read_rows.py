"""Rows that are not in memory, for tests of what reads them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vicinal.indexes.rows.dense import DenseRows
from vicinal.indexes.rows.multi import MultiRows
from vicinal.indexes.rows.offsets import chosen_offsets

R = TypeVar("R", DenseRows, MultiRows)


class ArrayReader:
    """Gives rows of an array, and keeps what it was asked for; other rows are in no place a kernel finds.

    Attributes
    ----------
    asked, read_calls
        The rows that were asked for ahead and read, call by call.
    """

    def __init__(self, matrix: NDArray[Any], offsets: NDArray[np.int64] | None = None) -> None:
        self._matrix = matrix
        self._offsets = np.arange(len(matrix) + 1) if offsets is None else offsets
        self.shape: tuple[int, int] = (len(matrix), matrix.shape[1])
        self.dtype: np.dtype[Any] = matrix.dtype
        self.asked: list[NDArray[Any]] = []
        self.read_calls: list[NDArray[Any]] = []

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def read_ahead(self, rows: NDArray[np.integer[Any]]) -> None:
        """Keep what is asked for."""
        assert (np.diff(rows.astype(np.int64)) > 0).all()
        self.asked.append(np.array(rows))

    def read(self, rows: NDArray[np.integer[Any]], into: NDArray[Any]) -> int:
        """Copy the rows; nothing had to be waited for."""
        assert (np.diff(rows.astype(np.int64)) > 0).all()
        offsets, places = chosen_offsets(self._offsets, rows)
        assert into.shape == (offsets[-1], self.shape[1])
        self.read_calls.append(np.array(rows))
        into[:] = self._matrix[places]
        return 0


def not_in_memory(rows: R) -> tuple[R, ArrayReader]:
    """Return the same rows as they are where they have to be read, and what reads them."""
    if isinstance(rows, MultiRows):
        reader = ArrayReader(rows.tokens, rows.offsets)
        return replace(rows, tokens=rows.tokens[:0], reader=reader), reader
    reader = ArrayReader(rows.rows)
    return replace(rows, rows=rows.rows[:0], reader=reader), reader
