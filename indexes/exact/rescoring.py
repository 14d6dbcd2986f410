"""The exact scores of candidates, wherever their rows are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from ..rows.dense import DenseRows, room
from ..rows.neighbors import NO_ROW, Neighbors, SearchStats
from .dense import DescribedRows, check_queries, described_rows

# Rows in memory at once, where they are not all: enough for the disk to be busy with.
_READ_BYTES = 2 << 20


def rescore(
    stored: DenseRows,
    candidates: NDArray[np.uint32],
    queries: NDArray[Any],
    k: int,
    *,
    read_bytes: int = _READ_BYTES,
) -> Neighbors:
    """Score the candidates of each query exactly and return the nearest of them.

    Rows that are not in memory are read for as many queries at once as ``read_bytes`` hold, all of those at
    the same time, and for the queries after them while these are scored.

    Parameters
    ----------
    stored
        The rows that candidates are numbers of.
    candidates
        ``(q, c)``, of a query each row at most once; ``2**32 - 1`` in the place of none.
    queries
        ``(q, dim)`` float32, or packed bits.
    k
        How many of each query's are returned, padded where there are fewer.
    read_bytes
        How much of rows that are read is in memory at once.
    """
    queries = check_queries(queries, stored, k)
    if candidates.dtype != np.uint32 or candidates.ndim != 2 or len(candidates) != len(queries):
        raise ValueError(
            f"candidates are {candidates.dtype} {candidates.shape}; expected uint32 ({len(queries)}, c)"
        )
    known = candidates[candidates != NO_ROW]
    if int(known.max(initial=0)) >= max(1, len(stored)):
        raise ValueError(f"candidate {known.max()} is beyond the last of {len(stored)} rows")
    if not len(known):
        return Neighbors.empty(len(queries), k, stored.metric)
    if stored.reader is None:
        score = prepared_rescore(described_rows(stored), k, candidates.shape[1])
        return score(np.ascontiguousarray(candidates), queries)
    rows_at_once = max(1, read_bytes // stored.row_bytes)
    parts: list[Neighbors] = []
    for begin, found in _read_and_scored(stored, candidates, queries, k, rows_at_once):
        if begin == 0:
            parts.append(found)
        else:
            parts[-1] = parts[-1].nearest(found, k, stored.metric)
    return Neighbors.concat(parts)


def _read_and_scored(
    stored: DenseRows, candidates: NDArray[np.uint32], queries: NDArray[Any], k: int, rows_at_once: int
) -> Iterator[tuple[int, Neighbors]]:
    """Yield what is found for a group of queries, with the place of the first of the candidates looked at."""
    width = candidates.shape[1]
    step, wide = max(1, rows_at_once // width), min(width, rows_at_once)
    pieces = [
        (slice(first, first + step), begin)
        for first in range(0, len(queries), step)
        for begin in range(0, width, wide)
    ]

    def asked_for(piece: tuple[slice, int]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Return the rows of a piece, on their way by now, and its candidates as places among them."""
        some, begin = piece
        chosen = candidates[some, begin : begin + wide]
        rows, places = np.unique(chosen, return_inverse=True)
        local = places.reshape(chosen.shape).astype(np.uint32)
        if len(rows) and rows[-1] == NO_ROW:
            rows = rows[:-1]
            local[local == len(rows)] = NO_ROW
        stored.read_ahead(rows)
        return rows, local

    ahead = asked_for(pieces[0])
    for number, (some, begin) in enumerate(pieces):
        rows, local = ahead
        if number + 1 < len(pieces):
            ahead = asked_for(pieces[number + 1])
        work = SearchStats()
        score = prepared_rescore(described_rows(stored.in_memory(rows, work)), k, local.shape[1])
        found = score(local, queries[some])
        found.stats += work
        yield begin, found.renumbered(rows)


def prepared_rescore(
    described: DescribedRows, k: int, width: int
) -> Callable[[NDArray[np.uint32], NDArray[Any]], Neighbors]:
    """Return :func:`rescore` of rows in memory, for all but ``width`` candidates of each query and queries.

    Both are contiguous and known to fit the rows.
    """
    from ..kernels.rescoring import rescore_rows, rescoring_scratch_bytes

    size = rescoring_scratch_bytes(described.padded_bytes, k, width)

    def score(candidates: NDArray[np.uint32], queries: NDArray[Any]) -> Neighbors:
        n_queries = len(queries)
        rows, scores = np.empty((n_queries, k), np.uint32), np.empty((n_queries, k), np.float32)
        asked, (_space, scratch) = (address(queries), n_queries, k, address(candidates), width), room(size)
        rescore_rows(described.record, *asked, scratch, rows, scores)
        # As np.count_nonzero does, in half of its time.
        return Neighbors(rows, scores, SearchStats(rescored=candidates[candidates != NO_ROW].size))

    return score
