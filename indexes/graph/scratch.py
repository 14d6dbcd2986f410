"""What a walk writes to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from ..rows.dense import aligned
from ..scratch_pool import ScratchPool, capacity_for, record_of

# Rows that a walk remembers: more than the widest compares.
_MOST_MET = 1 << 18


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
            "met": aligned((min(n, _MOST_MET) + 2 * (degree + 4),), np.uint64),
            # A block before the pool holds the zero that inserting needs, one behind it what falls out.
            "pool": aligned((capacity + 2 * BLOCK,), np.uint64)[BLOCK:],
            "heap": aligned((capacity,), np.uint64),
            "out": aligned((STRIP,), np.float32),
            "stats": aligned((4,), np.int64),
        }
        self._buffers, self._record = buffers, record_of(WALK, buffers)
        self._record["met_room"] = len(buffers["met"])
        self.stats = buffers["stats"]
        self.address = address(self._record)


def walk_scratch(n: int, padded_bytes: int, query_code_bytes: int, degree: int) -> ScratchPool[WalkScratch]:
    """Return scratch for walks of a graph over ``n`` rows."""

    def fitting(free: WalkScratch | None, capacity: int) -> WalkScratch:
        if free is not None and free.capacity >= capacity:
            return free
        return WalkScratch(n, padded_bytes, query_code_bytes, degree, capacity_for(capacity))

    return ScratchPool(fitting)
