"""What a search of cells writes to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from ..rows.dense import aligned
from ..scratch_pool import ScratchPool, capacity_for, record_of


class CellScratch:
    """Buffers of one search, for results and lists up to a capacity."""

    def __init__(
        self, padded_bytes: int, query_bytes: int, cell_query_bytes: int, n_cells: int, capacity: int
    ) -> None:
        from ..kernels.cells import CELL_SEARCH, CHUNK, STATS, room_for_keys
        from ..kernels.strips import COMPARED, STRIP

        self.capacity = capacity
        buffers: dict[str, NDArray[Any]] = {
            "padded": aligned((padded_bytes,), np.uint8),
            "query": aligned((query_bytes,), np.uint8),
            "cell_query": aligned((cell_query_bytes,), np.uint8),
            "near": aligned((n_cells + COMPARED,), np.float32),
            "order": aligned((n_cells + COMPARED,), np.uint64),
            # The kernel fills lists up to a multiple of four rows.
            "fresh": aligned((CHUNK + 4,), np.uint32),
            "products": aligned((CHUNK + 4,), np.uint32),
            "chunk_keys": aligned((CHUNK,), np.uint64),
            "keys": aligned((int(room_for_keys.py_func(capacity)),), np.uint64),
            "nearest": aligned((capacity,), np.uint64),
            "listed": aligned((capacity,), np.uint32),
            "heap": aligned((capacity,), np.uint64),
            "out": aligned((STRIP,), np.float32),
            "stats": aligned((STATS,), np.int64),
        }
        self._buffers, self._record = buffers, record_of(CELL_SEARCH, buffers)
        self.stats = buffers["stats"]
        self.address = address(self._record)


def cell_scratch(
    padded_bytes: int, query_bytes: int, cell_query_bytes: int, n_cells: int
) -> ScratchPool[CellScratch]:
    """Return scratch for searches of so many cells."""

    def fitting(free: CellScratch | None, capacity: int) -> CellScratch:
        if free is not None and free.capacity >= capacity:
            return free
        return CellScratch(padded_bytes, query_bytes, cell_query_bytes, n_cells, capacity_for(capacity))

    return ScratchPool(fitting)
