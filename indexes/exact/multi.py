"""Exact search of multi-vectors by MaxSim: for each query token its best token of the row, summed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..costs import costs
from ..protocol import EVERYTHING, Scope
from ..rows.addresses import address
from ..rows.dense import aligned
from ..rows.element import Element
from ..rows.metric import Metric
from ..rows.multi import MultiRows
from ..rows.neighbors import NO_ROW, Neighbors, SearchStats
from .dense import listed_rows

# Tokens of a query that nobody gave; and what room is made for at least.
_USUAL_TOKENS, _USUAL_RESULTS = 32, 64
# Bytes of room that is kept for the next search; with tables of codes.
_MOST_KEPT, _MOST_KEPT_CODED = 1 << 18, 1 << 22
_METRICS = {Metric.COSINE: 0, Metric.DOT: 1, Metric.L2: 2}
# What a product costs beside one of floats.
_SHARE = {Element.FLOAT32: 1.0, Element.FLOAT16: 1.0, Element.INT8: 0.65, Element.BINARY: 0.2}
# What an entry of a table costs beside a product of floats, and of how many tokens the tables of a query are.
_ENTRY_SHARE, _TABLE_TOKENS = 1.6, 256
_KINDS = {Element.FLOAT32: 0, Element.FLOAT16: 1, Element.INT8: 2, Element.BINARY: 3, None: 4}
_LINE = 64
# More tokens than a row has.
_ALL = 1 << 62

Early = Callable[[NDArray[np.uint32]], None]
"""Is told, before all is known, which rows are likely to be the candidates of a query that is alone."""
Find = Callable[[MultiRows, Early | None], tuple[NDArray[np.uint32], SearchStats]]
"""Names the candidates of each of some queries, contiguous ``(q, c)``, and says what that took."""


class MultiScan:
    """Compares every token of every row in scope with every token of every query; thread-safe.

    Parameters
    ----------
    rows
        Rows in memory.
    rooms
        Room of scans of other rows of the same kind, which is used again and left there.
    tokens
        How many tokens of a row count, its first; None for all.

    Notes
    -----
    Similarities of a query's tokens with the best of a row's are summed; under l2 the smallest squared
    distances are, and the score is the root of the sum. A row without tokens is not found. Queries are
    float32 whatever rows are made of. With rows of int8, a query in steps of its own, 63 to either side,
    finds the best token, whose exact score counts; with packed signs the query is in steps, 127 to either
    side. Of rows that are coded the scores are those of decoded tokens.
    """

    def __init__(self, rows: MultiRows, rooms: list[Room] | None = None, tokens: int | None = None) -> None:
        self._rows, self._tokens = rows, tokens
        if rows.codes is not None:
            rows.codes.check(rows.tokens)
        # Lists give and take atomically, so any number of threads can.
        self._free: list[Room] = [] if rooms is None else rooms

    def search(self, queries: MultiRows, k: int, scope: Scope = EVERYTHING) -> Neighbors:
        """Return the rows nearest to each query, ties by row."""
        check_asked(queries, self._rows, k)
        lo, hi, listed = listed_rows(scope, len(self._rows))
        wanted = min(k, hi - lo)
        if not len(queries) or not wanted:
            return Neighbors.empty(len(queries), k, self._rows.metric)
        found = self._nearest(queries, wanted, lo, hi, listed, 0)
        found.stats.rescored = (hi - lo) * len(queries)
        return found.padded(k, self._rows.metric)

    def best_found(self, queries: MultiRows, k: int, find: Find) -> Neighbors:
        """Return the nearest of the candidates that ``find`` names, as :meth:`best_of` does."""
        check_asked(queries, self._rows, k)
        candidates, stats = find(queries, None)
        # As np.count_nonzero does, in half of its time.
        stats.rescored += candidates[candidates != NO_ROW].size
        found = self._nearest(queries, k, 0, candidates.shape[1], candidates, candidates.shape[1])
        found.stats = stats
        return found

    def best_of(self, queries: MultiRows, candidates: NDArray[np.uint32], k: int) -> Neighbors:
        """Score the candidates of each query exactly and return the nearest of them, ties by row.

        Parameters
        ----------
        queries
            ``(q)`` rows of float32 tokens.
        candidates
            ``(q, c)``, of a query each row at most once; ``2**32 - 1`` in the place of none.
        k
            How many of each query's are returned, padded where there are fewer.
        """
        check_asked(queries, self._rows, k)
        count = check_candidates(candidates, len(queries), len(self._rows))
        if not count:
            return Neighbors.empty(len(queries), k, self._rows.metric)
        width = candidates.shape[1]
        found = self._nearest(queries, k, 0, width, np.ascontiguousarray(candidates), width)
        found.stats.rescored = count
        return found

    def score(self, queries: MultiRows, rows: NDArray[np.uint32]) -> NDArray[np.float32]:
        """Return the ``(q, c)`` exact scores of the given rows, NaN where a row has no token."""
        check_asked(queries, self._rows)
        check_listed(rows, len(self._rows))
        scores = np.empty((len(queries), len(rows)), np.float32)
        if scores.size:
            from ..kernels.maxsim import score_maxsim

            queries = self._turned(queries)
            room, listed = self._room_for(queries, 1), np.ascontiguousarray(rows, np.uint32)
            score_maxsim(room.described, *_asked(queries), address(listed), len(rows), scores)
            self._give(room)
        return scores

    def cost(self, queries: MultiRows | None, count: int, contiguous: bool) -> float:
        """Predict the seconds of one query over ``count`` rows."""
        return comparing_seconds(self._rows, queries, count, self._counted)

    def with_tokens(self, count: int) -> MultiScan:
        """Return the scan that compares only the first ``count`` tokens of each row."""
        return MultiScan(self._rows, tokens=count)

    @cached_property
    def _kernel(self) -> Any:
        # Loaded by the first search: importing numba takes longer than opening a database.
        from ..kernels.maxsim import find_maxsim

        return find_maxsim

    @cached_property
    def _counted(self) -> int:
        return counted_tokens(self._rows, self._tokens)

    def _nearest(
        self, queries: MultiRows, k: int, lo: int, hi: int, listed: NDArray[np.uint32] | None, each: int
    ) -> Neighbors:
        queries = self._turned(queries)
        room, asked = self._room_for(queries, k), _asked(queries)
        found, scores = np.empty((asked[-1], k), np.uint32), np.empty((asked[-1], k), np.float32)
        self._kernel(room.described, *asked, k, lo, hi, address(listed), each, found, scores)
        self._give(room)
        return Neighbors(found, scores)

    def _turned(self, queries: MultiRows) -> MultiRows:
        """Return queries as rows are: of those that are coded centroids and parts are turned."""
        codes = self._rows.codes
        return queries if codes is None else replace(queries, tokens=codes.turned(queries.tokens))

    def _room_for(self, queries: MultiRows, k: int) -> Room:
        """Return room for the longest query and for ``k`` rows; give it back with :meth:`_give`."""
        offsets = queries.offsets
        longest = int(offsets[-1]) if len(offsets) == 2 else int((offsets[1:] - offsets[:-1]).max())
        try:
            room = self._free.pop()
        except IndexError:
            return Room(self._rows, self._tokens, max(longest, _USUAL_TOKENS), max(k, _USUAL_RESULTS))
        if room.longest < longest or room.k < k:
            return Room(self._rows, self._tokens, max(longest, room.longest), max(k, room.k))
        if room.rows is not self._rows:
            room.describe(self._rows)
        return room

    def _give(self, room: Room) -> None:
        if room.nbytes <= (_MOST_KEPT if self._rows.codes is None else _MOST_KEPT_CODED):
            self._free.append(room)


class Room:
    """Rows as kernels see them, and what kernels write to, for queries of so many tokens and results.

    Used by one thread at a time; to look up where it is takes as long as to score a row.
    """

    def __init__(self, rows: MultiRows, tokens: int | None, longest: int, k: int) -> None:
        from ..kernels.maxsim_queries import MULTI, room_bytes, strip_of

        kind, token_bytes = _KINDS[rows.element], rows.token_bytes
        unit = {Element.BINARY: 8, None: 1}.get(rows.element, _LINE)
        padded, codes = -(-token_bytes // unit) * unit, rows.codes
        shape = rows.dim, kind, _METRICS[rows.metric], token_bytes, padded, strip_of(kind, padded)
        coded: tuple[int, ...] = (0, 0, 0, 0, 0)
        if codes is not None:
            arrays: tuple[NDArray[Any], ...] = codes.centroids, codes.parts, codes.starts
            coded = codes.m, len(codes.centroids), *(int(address(array)) for array in arrays)
        sizes = room_bytes(rows.dim, kind, padded, shape[-1], coded[0], coded[1], longest, k)
        self.longest, self.k, self.nbytes = longest, k, sum(sizes)
        room = aligned((self.nbytes,), np.uint8)
        places = accumulate((int(address(room)), *sizes[:-1]))
        self._record = np.array([0, 0, 0, 0, tokens or _ALL, *shape, *coded, *places], np.uint64)
        assert self._record.nbytes == MULTI.itemsize
        self._kept = room
        self.described = address(self._record)
        self.describe(rows)

    def describe(self, rows: MultiRows) -> None:
        """Have kernels see these rows, of the same kind as those before."""
        arrays = map(address, (rows.tokens, rows.scales, rows.offsets))
        self._record[:4] = [*map(int, arrays), len(rows)]
        self.rows = rows


def counted_tokens(rows: MultiRows, most: int | None) -> int:
    """Return how many tokens all rows have, counting the first ``most`` of each, all for None."""
    return rows.n_tokens if most is None else int(np.minimum(np.diff(rows.offsets), most).sum())


def comparing_seconds(rows: MultiRows, queries: MultiRows | None, count: int, counted: int) -> float:
    """Predict the seconds in which one query is compared with ``count`` rows in memory.

    ``counted`` tokens of all rows count.
    """
    tokens = count * counted / max(1, len(rows))
    asked = _USUAL_TOKENS if queries is None else queries.n_tokens / max(1, len(queries))
    compared = tokens * (1.0 if rows.element is None else _SHARE[rows.element])
    if rows.codes is not None:
        compared = tokens * _ENTRY_SHARE * rows.codes.m / rows.dim + _TABLE_TOKENS
    return compared * asked * rows.dim * costs().product


def check_asked(queries: MultiRows, rows: MultiRows, k: int = 1) -> None:
    """Refuse queries of other tokens than those of the rows, and fewer results than one."""
    if queries.dim != rows.dim or queries.tokens.dtype != np.float32:
        raise ValueError(
            f"query tokens are {queries.tokens.dtype} of {queries.dim}; expected float32 of {rows.dim}"
        )
    if k < 1:
        raise ValueError(f"k is {k}; expected at least 1")


def check_candidates(candidates: NDArray[np.uint32], n_queries: int, n: int) -> int:
    """Refuse candidates of another shape or beyond ``n`` rows; return how many there are."""
    if candidates.dtype != np.uint32 or candidates.ndim != 2 or len(candidates) != n_queries:
        raise ValueError(
            f"candidates are {candidates.dtype} {candidates.shape}; expected uint32 ({n_queries}, c)"
        )
    known = candidates[candidates != NO_ROW]
    if int(known.max(initial=0)) >= max(1, n):
        raise ValueError(f"candidate {known.max()} is beyond the last of {n} rows")
    return len(known)


def check_listed(rows: NDArray[np.uint32], n: int) -> None:
    """Refuse rows beyond ``n``."""
    if len(rows) and int(rows.max()) >= n:
        raise ValueError(f"row {int(rows.max())} is none of {n}")


def _asked(queries: MultiRows) -> tuple[np.uint64, np.uint64, int]:
    return *queries.located, len(queries)
