"""What a search of lists writes to: allocated once, used by one thread at a time, then used again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from ..rows.dense import aligned


@dataclass(frozen=True)
class ScratchSizes:
    """Bytes of queries in each form, and how many groups and lists there are."""

    padded: int
    query: int
    list_query: int
    groups: int
    n_lists: int


class SearchScratch:
    """Buffers of one search, for pools of up to a capacity."""

    def __init__(self, sizes: ScratchSizes, capacity: int) -> None:
        from ..kernels.fast_scan import BLOCK_ROWS, GROUP_BYTES
        from ..kernels.list_records import SEARCH, STATS
        from ..kernels.list_scans import LISTED, room_for
        from ..kernels.strips import STRIP_BYTES

        self.capacity = capacity
        keys = int(room_for.py_func(max(capacity, sizes.n_lists)))
        buffers: dict[str, NDArray[Any]] = {
            "padded": aligned((sizes.padded,), np.uint8),
            "query": aligned((sizes.query,), np.uint8),
            "list_query": aligned((sizes.list_query,), np.uint8),
            "list_near": aligned((sizes.n_lists + 3,), np.float32),
            "exact_tables": aligned((sizes.groups * GROUP_BYTES,), np.float32),
            "tables": aligned((sizes.groups * GROUP_BYTES,), np.uint8),
            "keys": aligned((keys,), np.uint64),
            "order": aligned((sizes.n_lists,), np.uint64),
            "listed": aligned((max(LISTED, capacity),), np.uint32),
            "seen": aligned((4 * capacity,), np.uint32),
            "heap": aligned((capacity,), np.uint64),
            "zeros": aligned((BLOCK_ROWS,), np.float32),
            "ones": aligned((BLOCK_ROWS,), np.float32),
            "out": aligned((max(6 * BLOCK_ROWS, STRIP_BYTES),), np.uint8),
            "stats": aligned((STATS,), np.int64),
        }
        buffers["ones"][:] = 1
        self._buffers, self._record = buffers, np.zeros(1, SEARCH)
        for name, buffer in buffers.items():
            self._record[name] = address(buffer)
        self.stats = buffers["stats"]
        self.address = address(self._record)


class ScratchPool:
    """Scratch for any number of threads; lists give and take atomically, so there is no lock."""

    def __init__(self, sizes: ScratchSizes) -> None:
        self._sizes = sizes
        self._free: list[SearchScratch] = []

    def take(self, capacity: int) -> SearchScratch:
        """Return scratch of at least ``capacity``; give it back with :meth:`give`."""
        try:
            scratch = self._free.pop()
        except IndexError:
            return SearchScratch(self._sizes, max(capacity, 256))
        if scratch.capacity < capacity:
            return SearchScratch(self._sizes, 1 << (capacity - 1).bit_length())
        return scratch

    def give(self, scratch: SearchScratch) -> None:
        """Keep ``scratch`` for the next search."""
        self._free.append(scratch)
