"""Append-only arrays that one thread extends while others read a prefix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.rows.dense import aligned

Array = NDArray[Any]


class GrowableArray:
    """Rows that are appended and never changed.

    One thread appends. Any thread may call :meth:`view` with a length it knows to be written: a row below
    that length keeps its bytes for good, because growth copies into a new buffer and leaves the old one to
    the views that hold it. No locks.
    """

    __slots__ = ("_buffer", "_length")

    def __init__(self, dtype: Any, width: int | None = None, capacity: int = 1024) -> None:
        shape = (capacity,) if width is None else (capacity, width)
        self._buffer = aligned(shape, np.dtype(dtype))
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def nbytes(self) -> int:
        """Bytes reserved, which is at most about twice the bytes written."""
        return self._buffer.nbytes

    def view(self, length: int) -> Array:
        """Return the first ``length`` rows, without a copy."""
        return self._buffer[:length]

    def reserve(self, n_more: int) -> None:
        """Make room for ``n_more`` rows beyond those written."""
        needed = self._length + n_more
        if needed <= len(self._buffer):
            return
        capacity = max(needed, len(self._buffer) + len(self._buffer) // 2)
        grown = aligned((capacity, *self._buffer.shape[1:]), self._buffer.dtype)
        grown[: self._length] = self._buffer[: self._length]
        self._buffer = grown

    def extend(self, rows: Array) -> None:
        """Append ``rows``; a narrower matrix is padded with zeros on the right."""
        self.reserve(len(rows))
        target = self._buffer[self._length : self._length + len(rows)]
        if target.ndim == 2 and rows.shape[1] < target.shape[1]:
            target[:, : rows.shape[1]] = rows
            target[:, rows.shape[1] :] = 0
        else:
            target[...] = rows
        self._length += len(rows)
