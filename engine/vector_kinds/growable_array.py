"""Append-only arrays that one thread extends while others read a prefix."""

from __future__ import annotations

import resource
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.rows.dense import aligned

Array = NDArray[Any]

# An array up to this size grows by copying it. One beyond has address space for all that a growing segment
# holds, of which only what is written takes memory, so that no write ever copies the rows of others.
_COPIED_BYTES = 1 << 20
_RESERVED_BYTES = 1 << 30


class GrowableArray:
    """Rows that are appended and never changed.

    One thread appends. Any thread may call :meth:`view` with a length it knows to be written: a row below
    that length keeps its bytes for good, because growth, where it needs another buffer, leaves the old one to
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
        """Bytes that take memory."""
        if self._buffer.nbytes <= _COPIED_BYTES:
            return self._buffer.nbytes
        return self._length * self._row_bytes

    def view(self, length: int) -> Array:
        """Return the first ``length`` rows, without a copy."""
        return self._buffer[:length]

    def reserve(self, n_more: int) -> None:
        """Make room for ``n_more`` rows beyond those written."""
        needed = self._length + n_more
        if needed <= len(self._buffer):
            return
        grown = self._larger(needed)
        grown[: self._length] = self._buffer[: self._length]
        self._buffer = grown

    @property
    def _row_bytes(self) -> int:
        return self._buffer.nbytes // len(self._buffer)

    def _larger(self, needed: int) -> Array:
        """Return an empty buffer for at least ``needed`` rows."""
        capacity = max(needed, len(self._buffer) + len(self._buffer) // 2)
        shape, dtype = self._buffer.shape[1:], self._buffer.dtype
        if capacity * self._row_bytes > _COPIED_BYTES and not _address_space_is_limited():
            reserved = _RESERVED_BYTES // self._row_bytes
            while reserved > capacity:
                try:
                    return aligned((reserved, *shape), dtype)
                except MemoryError:
                    # Of a system that promises no more than it has.
                    reserved //= 2
        return aligned((capacity, *shape), dtype)

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


@cache
def _address_space_is_limited() -> bool:
    """Whether what is reserved and not written would be missing elsewhere."""
    limits = resource.getrlimit(resource.RLIMIT_AS), resource.getrlimit(resource.RLIMIT_DATA)
    return any(soft != resource.RLIM_INFINITY for soft, _ in limits)
