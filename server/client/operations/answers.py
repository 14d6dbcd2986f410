"""Answers to searches: of one query, taken apart when it is looked at, and of a batch in parts, as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....engine.input.options import MAX_K, SearchOptions
from ....engine.results.carried import Named
from ....engine.results.hit_rows import HitRows
from ....engine.results.hits import BatchHits, Hits
from ....engine.results.point import PointId
from ....proto.v1 import search_pb2 as pb
from ....storage.columns.payloads import PayloadColumn
from ....storage.columns.vectors import VectorColumn
from ...wire.point_ids import read_id_array
from ...wire.searching.hits import read_rows
from .responses import parsed, understood, unreadable

_PLACES = np.arange(MAX_K)
_PLACES.flags.writeable = False


class UnreadRows:
    """Where the hits of one query have ids, payloads and vectors from: the message itself.

    Many a caller wants ids alone, or the first hit, and a single search is to cost little. Safe to share
    between threads, which at worst read it twice.
    """

    __slots__ = ("_column", "_message", "_rows")

    def __init__(self, message: pb.HitColumns) -> None:
        self._message = message
        self._column: NDArray[Any] | None = None
        self._rows: HitRows | None = None

    def ids(self, places: NDArray[np.int64]) -> list[PointId]:
        """Return the ids of rows named by place."""
        return self._read().ids(places)

    def id_column(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the same ids as an array: uint64 when all of the answer are numbers, else object."""
        column = self._column
        if column is None:
            with understood():
                column = self._column = read_id_array(self._message.ids)
        ids: NDArray[Any] = column[places]
        return ids

    def payload(self, place: int) -> dict[str, Any]:
        """Return one payload."""
        return self._read().payload(place)

    def vectors(self, place: int, fields: tuple[str, ...] | None = None) -> dict[str, Any]:
        """Return one row's vectors, of some fields or of all."""
        return self._read().vectors(place, fields)

    def payload_column(self, places: NDArray[np.int64]) -> PayloadColumn:
        """Return the payloads of rows named by place, not parsed."""
        return self._read().payload_column(places)

    def vector_columns(
        self, places: NDArray[np.int64], fields: tuple[str, ...] | None = None
    ) -> dict[str, VectorColumn]:
        """Return the vectors of rows named by place, of some fields or of all."""
        return self._read().vector_columns(places, fields)

    def _read(self) -> HitRows:
        rows = self._rows
        if rows is None:
            with understood():
                rows = self._rows = read_rows(self._message)
        return rows


def read_answer(data: bytes, options: SearchOptions) -> Hits:
    """Return the hits of one query, no more than were asked for.

    Raises
    ------
    Corruption
        When the bytes are no answer, or its columns differ in length.
    """
    message = parsed(pb.SearchResponse, data).hits
    scores = np.fromiter(message.scores, np.float32)
    n = len(scores)
    ids, k = message.ids, options.k
    if n > k or len(ids.numbers) + len(ids.texts) != n or len(message.payloads.row_sizes) not in (n, 0):
        raise unreadable(f"its columns are not of one length of at most {k}")
    return Hits(UnreadRows(message), _PLACES[:n], scores, options.with_payload, options.with_vectors)


def joined_hits(
    answers: Sequence[tuple[pb.HitColumns, BatchHits]], with_payload: Named, with_vectors: Named
) -> BatchHits:
    """Return the hits of several answers laid end to end, each given as it came and as it was read."""
    rows = HitRows.concat([read_rows(message) for message, _ in answers])
    scores = np.concatenate([hits.scores for _, hits in answers])
    counts = np.concatenate([hits.counts for _, hits in answers])
    places = np.full(scores.shape, -1, np.int64)
    places[np.arange(scores.shape[1]) < counts[:, None]] = np.arange(len(rows))
    return BatchHits(rows, places, scores, counts, with_payload, with_vectors)
