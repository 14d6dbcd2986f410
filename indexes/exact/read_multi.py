"""Exact search of multi-vectors whose tokens are read when they are asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from ..costs import costs
from ..protocol import EVERYTHING, Scope
from ..rows.dense import aligned
from ..rows.multi import MultiRows
from ..rows.neighbors import NO_ROW, Neighbors, SearchStats
from ..rows.offsets import packed_offsets
from ..scratch_pool import ScratchPool
from .dense import listed_rows
from .multi import (
    Find,
    MultiScan,
    Room,
    check_asked,
    check_candidates,
    check_listed,
    comparing_seconds,
    counted_tokens,
)

# Few enough to stay in the processor's cache until scored, enough that Python's share of a piece is small.
_PIECE_BYTES = 2 << 20
# Enough for the disk to be busy with.
_AHEAD_BYTES = 8 << 20

Piece = NDArray[np.uint32]


class ReadMultiScan:
    """Compares rows with queries as `MultiScan` does, and reads them for that piece by piece; thread-safe.

    While a piece is scored the next ones are on their way, of a batch of queries those of the queries after
    it too: what finds the candidates of a query works while the rows of the query before are read.

    Parameters
    ----------
    rows
        Rows with a reader.
    piece_bytes
        How many bytes of tokens are in memory at once, or those of one row.
    ahead_bytes
        How many are on their way.
    tokens
        How many tokens of a row count, its first; None for all. A row is read whole.
    """

    def __init__(
        self,
        rows: MultiRows,
        piece_bytes: int = _PIECE_BYTES,
        ahead_bytes: int = _AHEAD_BYTES,
        tokens: int | None = None,
    ) -> None:
        self._rows, self._piece_bytes, self._ahead_bytes = rows, piece_bytes, ahead_bytes
        self._tokens = tokens
        self._buffers = ScratchPool[NDArray[np.uint8]](
            lambda free: aligned((piece_bytes,), np.uint8) if free is None else free
        )
        self._rooms: list[Room] = []

    def search(self, queries: MultiRows, k: int, scope: Scope = EVERYTHING) -> Neighbors:
        """Return the rows nearest to each query, ties by row; each row is read once."""
        check_asked(queries, self._rows, k)
        lo, hi, listed = listed_rows(scope, len(self._rows))
        rows = np.arange(lo, hi, dtype=np.uint32) if listed is None else listed[lo:hi]
        pieces = ((0, piece) for piece in self._pieces(rows))
        return self._nearest([queries], k, pieces if len(queries) else ())

    def best_found(self, queries: MultiRows, k: int, find: Find) -> Neighbors:
        """Return the nearest of the candidates that ``find`` names, as :meth:`best_of` does."""
        check_asked(queries, self._rows, k)
        work = SearchStats()
        each = [queries[q : q + 1] for q in range(len(queries))]
        asked: list[Piece] = []
        # In a batch the rows of the query before are read meanwhile.
        early = partial(self._ask_early, asked) if len(each) == 1 else None

        def pieces() -> Iterator[tuple[int, Piece]]:
            nonlocal work
            for q, query in enumerate(each):
                candidates, stats = find(query, early)
                work += stats
                yield from ((q, piece) for piece in self._candidate_pieces(candidates[0]))

        found = self._nearest(each, k, pieces(), asked)
        found.stats += work
        return found

    def best_of(self, queries: MultiRows, candidates: NDArray[np.uint32], k: int) -> Neighbors:
        """Score the candidates of each query exactly and return the nearest of them, ties by row.

        Candidates are ``(q, c)``, of a query each row at most once; ``2**32 - 1`` in the place of none.
        """
        check_candidates(candidates, len(queries), len(self._rows))
        lines = iter(candidates)
        return self.best_found(queries, k, lambda *_: (next(lines)[None], SearchStats()))

    def score(self, queries: MultiRows, rows: NDArray[np.uint32]) -> NDArray[np.float32]:
        """Return the ``(q, c)`` exact scores of the given rows, NaN where a row has no token."""
        check_asked(queries, self._rows)
        check_listed(rows, len(self._rows))
        distinct, places = np.unique(rows, return_inverse=True)
        scores, done = np.empty((len(queries), len(distinct)), np.float32), 0
        for _, piece in self._on_their_way((0, piece) for piece in self._pieces(distinct)):
            with self._read(piece) as scan:
                local = np.arange(len(piece), dtype=np.uint32)
                scores[:, done : done + len(piece)] = scan.score(queries, local)
            done += len(piece)
        return scores[:, places.reshape(-1)]

    def cost(self, queries: MultiRows | None, count: int, contiguous: bool) -> float:
        """Predict the seconds of one query over ``count`` rows."""
        rows, known = self._rows, costs()
        row_bytes = rows.n_tokens * rows.token_bytes / max(1, len(rows))
        reading = count * (row_bytes / 64 * known.read_line + (0.0 if contiguous else known.read))
        return reading + comparing_seconds(rows, queries, count, self._counted)

    def with_tokens(self, count: int) -> ReadMultiScan:
        """Return the scan that compares only the first ``count`` tokens of each row."""
        return ReadMultiScan(self._rows, self._piece_bytes, self._ahead_bytes, count)

    @cached_property
    def _counted(self) -> int:
        return counted_tokens(self._rows, self._tokens)

    def _nearest(
        self,
        batches: list[MultiRows],
        k: int,
        pieces: Iterable[tuple[int, Piece]],
        asked: Sequence[Piece] = (),
    ) -> Neighbors:
        """Return the nearest of the rows that each of the batches is to be compared with."""
        metric = self._rows.metric
        found: dict[int, Neighbors] = {}
        for number, piece in self._on_their_way(pieces, asked):
            work = SearchStats()
            with self._read(piece, work) as scan:
                part = scan.search(batches[number], k).renumbered(piece)
            part.stats += work
            found[number] = found[number].nearest(part, k, metric) if number in found else part
        every = [
            found.get(number) or Neighbors.empty(len(queries), k, metric)
            for number, queries in enumerate(batches)
        ]
        return Neighbors.concat(every) if len(every) != 1 else every[0]

    def _ask_early(self, asked: list[Piece], likely: NDArray[np.uint32]) -> None:
        """Have rows read that are likely to be candidates, as far as there is room; add them to ``asked``."""
        on_way = 0
        for piece in self._candidate_pieces(likely):
            on_way += self._bytes_of(piece)
            if on_way <= self._ahead_bytes:
                self._rows.read_ahead(piece)
                asked.append(piece)

    def _candidate_pieces(self, candidates: NDArray[np.uint32]) -> Iterator[Piece]:
        return self._pieces(np.sort(candidates[candidates != NO_ROW]))

    def _pieces(self, rows: Piece) -> Iterator[Piece]:
        """Yield ascending rows in pieces of as many bytes as are in memory at once."""
        ends = packed_offsets(self._rows.offsets, rows) * self._rows.token_bytes
        first = 0
        while first < len(rows):
            until = int(np.searchsorted(ends, ends[first] + self._piece_bytes, "right")) - 1
            until = max(until, first + 1)
            yield rows[first:until]
            first = until

    def _on_their_way(
        self, pieces: Iterable[tuple[int, Piece]], asked: Sequence[Piece] = ()
    ) -> Iterator[tuple[int, Piece]]:
        """Yield pieces, and ask before for those that come next, but for rows that are ``asked`` already."""
        waiting: deque[tuple[int, int, Piece]] = deque()
        on_way = 0
        for number, piece in pieces:
            new = np.setdiff1d(piece, np.concatenate(asked), assume_unique=True) if asked else piece
            self._rows.read_ahead(new)
            size = self._bytes_of(piece)
            waiting.append((size, number, piece))
            on_way += size
            while on_way > self._ahead_bytes:
                size, first, come = waiting.popleft()
                on_way -= size
                yield first, come
        yield from ((number, piece) for _, number, piece in waiting)

    def _bytes_of(self, rows: Piece) -> int:
        offsets = self._rows.offsets
        return int((offsets[rows + 1] - offsets[rows]).sum()) * self._rows.token_bytes

    @contextmanager
    def _read(self, rows: Piece, stats: SearchStats | None = None) -> Iterator[MultiScan]:
        """Read rows, and lend a scan of them."""
        buffer = self._buffers.take()
        yield MultiScan(self._rows.in_memory(rows, buffer, stats), self._rooms, self._tokens)
        self._buffers.give(buffer)


def open_multi_scan(rows: MultiRows) -> MultiScan | ReadMultiScan:
    """Return the scan of rows, wherever their tokens are."""
    return MultiScan(rows) if rows.reader is None else ReadMultiScan(rows)
