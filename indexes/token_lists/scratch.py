"""What a search of token lists writes to: allocated once, used by one thread at a time, then used again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address


class Sums:
    """What the tokens of a query bring to each of ``n`` rows."""

    def __init__(self, n: int) -> None:
        from ..kernels.token_lists import SUMS

        buffers: dict[str, NDArray[Any]] = {
            "sums": np.empty(n, np.float32),
            "best": np.empty(n, np.float32),
            "turns": np.zeros(n, np.int64),
            "touched": np.empty(n, np.uint64),
            "turn": np.zeros(1, np.int64),
            "met": np.zeros(2, np.int64),
        }
        self._buffers, self._record = buffers, np.zeros(1, SUMS)
        for name, buffer in buffers.items():
            self._record[name] = address(buffer)
        self.address = address(self._record)


class SumsPool:
    """Sums for any number of threads; lists give and take atomically, so there is no lock."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._free: list[Sums] = []

    def take(self) -> Sums:
        """Return sums; give them back with :meth:`give`."""
        try:
            return self._free.pop()
        except IndexError:
            return Sums(self._n)

    def give(self, sums: Sums) -> None:
        """Keep ``sums`` for the next search."""
        self._free.append(sums)
