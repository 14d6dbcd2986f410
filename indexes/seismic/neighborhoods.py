"""Builds the k-nearest-neighbour graph of sparse rows by searching for each of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np
from numpy.typing import NDArray

from ..rows.sparse import SparseRows
from .index import SeismicIndex

_CHUNK_ROWS = 1 << 10


def find_neighbors(
    index: SeismicIndex,
    queries: SparseRows,
    n_knn: int,
    threads: int,
    progress: Callable[[float], None],
) -> NDArray[np.uint32]:
    """Return ``(n, n_knn)``: rows that are near each of the index's, best first.

    ``queries`` are the rows as queries. A row stands in the places of neighbours that its lists do not bring.
    """
    n = len(queries)
    neighbors = np.empty((n, n_knn), np.uint32)

    def fill(begin: int) -> None:
        end = min(n, begin + _CHUNK_ROWS)
        own = np.arange(begin, end, dtype=np.uint32)[:, None]
        found = index.nearest(queries.between(begin, end), n_knn + 1)
        found = np.where(found < n, found, own)
        # A row is its own nearest, unless many are as near.
        order = np.argsort(found == own, axis=1, kind="stable")
        neighbors[begin:end] = np.take_along_axis(found, order, axis=1)[:, :n_knn]

    begins = range(0, n, _CHUNK_ROWS)
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(fill, begin) for begin in begins]
        try:
            for done, work in enumerate(as_completed(waiting)):
                work.result()
                progress((done + 1) / len(waiting))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return neighbors
