"""Rows that are read when they are asked for, as an index sees them: it does not know where they lie."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class RowReader(Protocol):
    """Gives rows that are not in memory; thread-safe. What it gives was verified.

    Each is a row of one matrix, or some rows of it that follow one another.
    """

    def __len__(self) -> int: ...

    @property
    def shape(self) -> tuple[int, int]:
        """Of the whole matrix, ``(m, width)``."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the matrix."""

    def read_ahead(self, rows: NDArray[np.integer[Any]]) -> None:
        """Begin to fetch ``rows``, ascending and each once, all at the same time, and return at once."""

    def read(self, rows: NDArray[np.integer[Any]], into: NDArray[Any]) -> int:
        """Fill ``into``, C-contiguous, with ``rows``, ascending and each once, one behind the other.

        Returns how many bytes had to be waited for.
        """
