"""What a search of lists writes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from ..rows.dense import aligned
from ..scratch_pool import ScratchPool, capacity_for, record_of


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
        from ..kernels.block_scans import CHUNK_BLOCKS, SAMPLED
        from ..kernels.fast_scan import BLOCK_ROWS, GROUP_BYTES
        from ..kernels.list_records import SEARCH, STATS
        from ..kernels.list_scans import LISTED, room_for
        from ..kernels.strips import COMPARED, STRIP_BYTES

        self.capacity = capacity
        keys = int(room_for.py_func(max(capacity, sizes.n_lists)))
        buffers: dict[str, NDArray[Any]] = {
            "padded": aligned((sizes.padded,), np.uint8),
            "query": aligned((sizes.query,), np.uint8),
            "list_query": aligned((sizes.list_query,), np.uint8),
            "list_near": aligned((sizes.n_lists + COMPARED - 1,), np.float32),
            # Behind the last block lie the sums that its nearnesses are made of.
            "chunk_near": aligned((CHUNK_BLOCKS * BLOCK_ROWS + BLOCK_ROWS // 2,), np.float32),
            "chunk_entries": aligned((CHUNK_BLOCKS,), np.int64),
            "sample": aligned((SAMPLED,), np.uint64),
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
        self._buffers, self._record = buffers, record_of(SEARCH, buffers)
        self.stats = buffers["stats"]
        self.address = address(self._record)


def search_scratch(sizes: ScratchSizes) -> ScratchPool[SearchScratch]:
    """Return scratch for searches of lists."""

    def fitting(free: SearchScratch | None, capacity: int) -> SearchScratch:
        if free is not None and free.capacity >= capacity:
            return free
        return SearchScratch(sizes, capacity_for(capacity))

    return ScratchPool(fitting)
