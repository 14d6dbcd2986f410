"""What a search of token lists writes to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from ..scratch_pool import ScratchPool, record_of


class Sums:
    """What the tokens of a query bring to each of ``n`` rows."""

    def __init__(self, n: int) -> None:
        from ..kernels.token_lists import SUMS

        buffers: dict[str, NDArray[Any]] = {
            "sums": np.empty(n, np.float32),
            "best": np.empty(n, np.float32),
            "turns": np.zeros(n, np.int64),
            "touched": np.empty(n, np.uint64),
            "turn": np.zeros(2, np.int64),
            "met": np.zeros(2, np.int64),
        }
        self._buffers, self._record = buffers, record_of(SUMS, buffers)
        self.address = address(self._record)


def sums_scratch(n: int) -> ScratchPool[Sums]:
    """Return scratch for sums of ``n`` rows."""
    return ScratchPool(lambda free: Sums(n) if free is None else free)
