"""What a search returns: columns of numpy, read as objects only when asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from ...storage.arrow.vector_arrays import array_of_column
from ...storage.columns.payloads import PayloadColumn
from ...storage.columns.vectors import VectorColumn
from ..error_translation import public
from .carried import Named, fields_of, picked, picked_column
from .frame import AsFrame, FrameColumns
from .hit_rows import HitRows
from .point import PointId


@dataclass(frozen=True, slots=True)
class Hit:
    """One found point.

    Attributes
    ----------
    id : int or str
        The point's id.
    score : float
        Higher is nearer for cosine and dot; lower is nearer for l2 (Euclidean distance) and hamming (number
        of differing bits).
    payload : dict
        Its JSON payload, or what ``with_payload`` named of it; empty when it has none.
    vectors : dict
        Its vectors by field name, as far as ``with_vectors`` asked for them.
    """

    id: PointId
    score: float
    payload: dict[str, Any] = field(default_factory=dict)
    vectors: dict[str, Any] = field(default_factory=dict)


class HitSource(Protocol):
    """Where ids, payloads and vectors of found rows come from."""

    def ids(self, places: NDArray[np.int64]) -> list[PointId]:
        """Return the ids of rows named by place."""

    def id_column(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the same ids as an array: uint64 when all are numbers, else object."""

    def payload(self, place: int) -> dict[str, Any]:
        """Return one payload."""

    def vectors(self, place: int, fields: tuple[str, ...] | None = None) -> dict[str, Any]:
        """Return one row's vectors, of some fields or of all."""

    def payload_column(self, places: NDArray[np.int64]) -> PayloadColumn:
        """Return the payloads of rows named by place, in that order, as they are stored."""

    def vector_columns(
        self, places: NDArray[np.int64], fields: tuple[str, ...] | None = None
    ) -> dict[str, VectorColumn]:
        """Return the vectors of rows named by place, in that order, by field name: of some fields or all."""


@public
class Hits(AsFrame, Sequence[Hit]):
    """The answer to one query, nearest first.

    Behaves as a sequence of :class:`Hit`. ``ids`` and ``scores`` are the same answer as numpy columns and
    cost nothing per row; :meth:`payload_column` and :meth:`vector_columns` are columns too. Payloads are
    read when they are looked at, from the snapshot that was searched, so they agree with the scores whatever
    has been written since. To pickle hits reads them. Immutable; safe to share between threads. As a frame
    (:class:`AsFrame`) they have ``score`` beside ``id``.
    """

    __slots__ = ("_places", "_source", "_with_payload", "_with_vectors", "scores")

    def __init__(
        self,
        source: HitSource,
        places: NDArray[np.int64],
        scores: NDArray[np.float32],
        with_payload: Named = True,
        with_vectors: Named = False,
    ) -> None:
        self._source = source
        self._places = places
        self.scores = scores
        self._with_payload = with_payload
        self._with_vectors = with_vectors

    @property
    def ids(self) -> NDArray[Any]:
        """Ids as a column: uint64 when every id is a number, else object."""
        return _id_column(self._source, self._places)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> list[Hit]: ...
    def __getitem__(self, index: int | slice) -> Hit | list[Hit]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = self._places[index]
        return self._hit(int(place), self._source.ids(self._places[[index]])[0], float(self.scores[index]))

    def __iter__(self) -> Iterator[Hit]:
        ids = self._source.ids(self._places)
        for place, point_id, score in zip(self._places.tolist(), ids, self.scores.tolist(), strict=True):
            yield self._hit(place, point_id, score)

    def __repr__(self) -> str:
        return f"Hits({list(self)!r})"

    def __copy__(self) -> Hits:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        places = np.arange(len(self))
        return Hits, (_read(self, self._places), places, self.scores, self._with_payload, self._with_vectors)

    def payload_column(self) -> PayloadColumn:
        """Return the payloads of all hits as JSON text, not parsed; empty objects if hits carry none."""
        return _payload_column(self._source, self._places, self._with_payload)

    def vector_columns(self) -> dict[str, VectorColumn]:
        """Return the vectors of all hits by field name, copied; no fields if hits carry none.

        Of a field that some hits lack, the column is partial: ``present`` (m,) uint32 are the rows that
        have one, and ``vectors`` the column of those.
        """
        return _vector_columns(self._source, self._places, self._with_vectors)

    def origin(self) -> tuple[HitSource, NDArray[np.int64]]:
        """Return where the rows of the hits are read from, and their places there."""
        return self._source, self._places

    def _frame_columns(self) -> FrameColumns:
        return _frame_columns({"id": self.ids, "score": self.scores}, self)

    def _hit(self, place: int, point_id: PointId, score: float) -> Hit:
        payload = picked(self._source.payload(place), self._with_payload) if self._with_payload else {}
        vectors = self._source.vectors(place, fields_of(self._with_vectors)) if self._with_vectors else {}
        return Hit(point_id, score, payload, vectors)


@public
class BatchHits(AsFrame, Sequence[Hits]):
    """The answers to a batch of queries, in the order of the queries.

    As a frame (:class:`AsFrame`) they are all hits, query after query without the padding, with the number of
    the query in the column ``query``.

    Attributes
    ----------
    scores : (q, k) float32
        Nearest first. Where a query has fewer than k hits the rest of its row is padded with the worst
        score of the metric (-inf or +inf).
    counts : (q,) int64
        How many hits each query has.
    """

    __slots__ = ("_places", "_source", "_with_payload", "_with_vectors", "counts", "scores")

    def __init__(
        self,
        source: HitSource,
        places: NDArray[np.int64],
        scores: NDArray[np.float32],
        counts: NDArray[np.int64],
        with_payload: Named = True,
        with_vectors: Named = False,
    ) -> None:
        self._source = source
        self._places = places
        self.scores = scores
        self.counts = counts
        self._with_payload = with_payload
        self._with_vectors = with_vectors

    @property
    def ids(self) -> NDArray[Any]:
        """Ids as a (q, k) matrix; padding reads 2**64-1 in a column of numbers, None among texts."""
        found = self._places >= 0
        if found.all():
            return _id_column(self._source, self._places.ravel()).reshape(self._places.shape)
        column = _id_column(self._source, self._places[found])
        empty: Any = np.uint64(2**64 - 1) if column.dtype == np.uint64 else None
        ids = np.full(self._places.shape, empty, dtype=column.dtype)
        ids[found] = column
        return ids

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Hits: ...
    @overload
    def __getitem__(self, index: slice) -> list[Hits]: ...
    def __getitem__(self, index: int | slice) -> Hits | list[Hits]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        count = int(self.counts[index])
        return Hits(
            self._source,
            self._places[index, :count],
            self.scores[index, :count],
            self._with_payload,
            self._with_vectors,
        )

    def part(self, start: int, stop: int) -> BatchHits:
        """Return the answers to some of the queries, without a copy."""
        carried = self._with_payload, self._with_vectors
        some = self._places[start:stop], self.scores[start:stop], self.counts[start:stop]
        return BatchHits(self._source, *some, *carried)

    def payload_column(self) -> PayloadColumn:
        """Return the payloads of all hits as :meth:`Hits.payload_column` does, query after query.

        There is no padding: ``counts`` says how many rows each query has.
        """
        return _payload_column(self._source, self._found(), self._with_payload)

    def vector_columns(self) -> dict[str, VectorColumn]:
        """Return the vectors of all hits as :meth:`Hits.vector_columns` does, query after query."""
        return _vector_columns(self._source, self._found(), self._with_vectors)

    def origin(self) -> tuple[HitSource, NDArray[np.int64]]:
        """Return where the rows of all hits are read from, and their places there, query after query."""
        return self._source, self._found()

    def __copy__(self) -> BatchHits:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        found = self._places >= 0
        places = np.full(self._places.shape, -1, np.int64)
        places[found] = np.arange(np.count_nonzero(found))
        rows = _read(self, self._found())
        carried = self._with_payload, self._with_vectors
        return BatchHits, (rows, places, self.scores, self.counts, *carried)

    def _frame_columns(self) -> FrameColumns:
        numbers = {
            "query": np.repeat(np.arange(len(self), dtype=np.uint32), self.counts),
            "id": _id_column(self._source, self._found()),
            "score": self.scores[self._places >= 0],
        }
        return _frame_columns(numbers, self)

    def _found(self) -> NDArray[np.int64]:
        """Return the places of all hits laid end to end."""
        return self._places[self._places >= 0]


def _id_column(source: HitSource, places: NDArray[np.int64]) -> NDArray[Any]:
    column = source.id_column(places)
    # What else the collection holds is no part of the answer, and a remote caller is not told.
    if column.dtype != np.uint64 and not any(isinstance(point_id, str) for point_id in column):
        return column.astype(np.uint64)
    return column


def _payload_column(source: HitSource, places: NDArray[np.int64], with_payload: Named) -> PayloadColumn:
    if not with_payload:
        return PayloadColumn.from_rows(None, len(places))
    return picked_column(source.payload_column(places), with_payload)


def _vector_columns(
    source: HitSource, places: NDArray[np.int64], with_vectors: Named
) -> dict[str, VectorColumn]:
    return source.vector_columns(places, fields_of(with_vectors)) if with_vectors else {}


def _read(hits: Hits | BatchHits, places: NDArray[np.int64]) -> HitRows:
    """Return the rows of hits, read from where they are."""
    return HitRows(_id_column(hits.origin()[0], places), hits.payload_column(), hits.vector_columns())


def _frame_columns(numbers: dict[str, NDArray[Any]], hits: Hits | BatchHits) -> FrameColumns:
    vectors = {name: array_of_column(column) for name, column in hits.vector_columns().items()}
    return FrameColumns(numbers, hits.payload_column().to_list(), vectors)
