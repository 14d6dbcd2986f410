"""What a walk writes to: allocated once, used by one thread at a time, then used again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from ..rows.dense import aligned


class WalkScratch:
    """Buffers of one walk, for pools and lists up to a capacity."""

    def __init__(self, n: int, padded_bytes: int, query_code_bytes: int, degree: int, capacity: int) -> None:
        from ..kernels.graph import WALK
        from ..kernels.pool import BLOCK
        from ..kernels.strips import STRIP

        self.capacity = capacity
        buffers: dict[str, NDArray[Any]] = {
            "visited": aligned((n + 1,), np.uint8),
            "epoch": aligned((1,), np.int64),
            "padded": aligned((padded_bytes,), np.uint8),
            "query_codes": aligned((query_code_bytes,), np.int8),
            # The kernel fills lists up to a multiple of four rows.
            "fresh": aligned((degree + 4,), np.uint32),
            "products": aligned((degree + 4,), np.uint32),
            "listed": aligned((capacity,), np.uint32),
            "keys": aligned((degree + 4,), np.uint64),
            # A block before the pool holds the zero that inserting needs, one behind it what falls out.
            "pool": aligned((capacity + 2 * BLOCK,), np.uint64)[BLOCK:],
            "heap": aligned((capacity,), np.uint64),
            "out": aligned((STRIP,), np.float32),
            "stats": aligned((4,), np.int64),
        }
        self._buffers = buffers
        self._record = np.zeros(1, WALK)
        for name, buffer in buffers.items():
            self._record[name] = address(buffer)
        self.stats = buffers["stats"]
        self.address = address(self._record)


class ScratchPool:
    """Scratch for any number of threads; lists give and take atomically, so there is no lock."""

    def __init__(self, n: int, padded_bytes: int, query_code_bytes: int, degree: int) -> None:
        self._shape = (n, padded_bytes, query_code_bytes, degree)
        self._free: list[WalkScratch] = []

    def take(self, capacity: int) -> WalkScratch:
        """Return scratch of at least ``capacity``; give it back with :meth:`give`."""
        try:
            scratch = self._free.pop()
        except IndexError:
            return WalkScratch(*self._shape, max(capacity, 256))
        if scratch.capacity < capacity:
            return WalkScratch(*self._shape, 1 << (capacity - 1).bit_length())
        return scratch

    def give(self, scratch: WalkScratch) -> None:
        """Keep ``scratch`` for the next search."""
        self._free.append(scratch)
