"""Room for one query at addresses that are known."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .addresses import address
from .sparse import SparseRows

Addresses = tuple[np.uint64, np.uint64, np.uint64]


class QueryRoom:
    """Room for one query of up to ``terms`` terms. To copy one takes less than asking for its addresses."""

    def __init__(self, terms: int) -> None:
        self._indptr = np.zeros(2, np.int64)
        self._indices, self._values = np.empty(terms, np.uint32), np.empty(terms, np.float32)
        self._addresses = address(self._indptr), address(self._indices), address(self._values)

    def addresses(self, queries: SparseRows) -> Addresses:
        """Return where kernels read ``indptr``, ``indices`` and ``values``, until the next call."""
        if len(queries.indptr) != 2:
            return address(queries.indptr), address(queries.indices), address(queries.values)
        n = len(queries.indices)
        self._indptr[1] = n
        self._indices[:n], self._values[:n] = queries.indices, queries.values
        return self._addresses


# Every scan asks, and one of few rows takes a few microseconds.
@lru_cache
def table_size(terms: int) -> int:
    """Return how many places a table of a query's terms has, in which kernels look up those of a row."""
    from ..kernels.sparse import table_places

    return int(table_places.py_func(terms))
