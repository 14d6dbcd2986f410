"""Rows that are read when they are asked for, as an index sees them: it does not know where they lie."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class RowReader(Protocol):
    """Gives rows of a matrix that is not in memory; thread-safe. What it gives was verified."""

    @property
    def shape(self) -> tuple[int, int]:
        """Of the whole matrix."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the matrix."""

    def read_ahead(self, rows: NDArray[np.integer[Any]]) -> None:
        """Begin to fetch ``rows``, ascending and each once, all at the same time, and return at once."""

    def read(self, rows: NDArray[np.integer[Any]], into: NDArray[Any]) -> None:
        """Fill ``into``, C-contiguous ``(len(rows), width)``, with ``rows``, ascending and each once."""
