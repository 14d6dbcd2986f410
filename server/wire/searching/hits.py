"""Hits as messages: columns on both sides, no object per row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....engine.errors import Corruption, InvalidArgument
from ....engine.results.hits import BatchHits, Hits
from ....engine.results.point import PointId
from ....proto.v1 import search_pb2 as pb
from ....storage.columns.payloads import PayloadColumn
from ....storage.columns.vectors import VectorColumn
from ..packed_column import integers, put_packed
from ..payloads import put_payloads, read_payload_column
from ..point_ids import put_ids, read_id_array
from ..vectors import one_vector, put_fields, read_fields

_SCORES = pb.HitColumns.SCORES_FIELD_NUMBER


def put_hits(message: pb.HitColumns, hits: Hits | BatchHits, with_payload: bool = True) -> None:
    """Fill ``message`` with hits, those of a batch query after query.

    Payloads go as the text they are stored as. Vectors are in the message when the hits have them.
    """
    ids, scores = hits.ids, hits.scores
    if isinstance(hits, BatchHits):
        found = np.arange(scores.shape[1]) < hits.counts[:, None]
        ids, scores = ids[found], scores[found]
    put_ids(message.ids, ids)
    put_packed(message, _SCORES, scores)
    if with_payload:
        put_payloads(message.payloads, hits.payload_column())
    put_fields(message.vectors, hits.vector_columns())


class ReceivedRows:
    """The rows of an answer: where hits that came over the wire have ids, payloads and vectors from.

    The place of a row is its number. Immutable.
    """

    __slots__ = ("_ids", "_payloads", "_vectors")

    def __init__(self, ids: NDArray[Any], payloads: PayloadColumn, vectors: dict[str, VectorColumn]) -> None:
        self._ids = ids
        self._payloads = payloads
        self._vectors = vectors

    @classmethod
    def read(cls, message: pb.HitColumns) -> ReceivedRows:
        """Return the rows of a message; InvalidArgument when its columns differ in length."""
        ids = read_id_array(message.ids)
        n = len(ids)
        payloads = read_payload_column(message.payloads, n)
        return cls(ids, payloads, read_fields(message.vectors, n) if message.vectors else {})

    @classmethod
    def concat(cls, parts: Sequence[ReceivedRows]) -> ReceivedRows:
        """Return the rows of one or more answers to parts of one batch, laid end to end."""
        if len(parts) == 1:
            return parts[0]
        columns = [part._vectors for part in parts if len(part)] or [parts[0]._vectors]
        vectors = {name: columns[0][name].concat([column[name] for column in columns]) for name in columns[0]}
        filled = [part._ids for part in parts if len(part)] or [parts[0]._ids]
        kind = np.uint64 if all(ids.dtype == np.uint64 for ids in filled) else object
        ids = np.concatenate([ids.astype(kind, copy=False) for ids in filled])
        return cls(ids, PayloadColumn.concat([part._payloads for part in parts]), vectors)

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self, places: NDArray[np.int64]) -> list[PointId]:
        """Return the ids of rows named by place."""
        ids: list[PointId] = self._ids[places].tolist()
        return ids

    def id_column(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the same ids as an array: uint64 when all of the answer are numbers, else object."""
        column: NDArray[Any] = self._ids[places]
        return column

    def payload(self, place: int) -> dict[str, Any]:
        """Return one payload."""
        return self._payloads.get(place)

    def vectors(self, place: int) -> dict[str, Any]:
        """Return one row's vectors."""
        return {name: one_vector(column, place) for name, column in self._vectors.items()}

    def payload_column(self, places: NDArray[np.int64]) -> PayloadColumn:
        """Return the payloads of rows named by place, not parsed."""
        return self._payloads.take(places)

    def vector_columns(self, places: NDArray[np.int64]) -> dict[str, VectorColumn]:
        """Return the vectors of rows named by place."""
        return {name: column.take(places) for name, column in self._vectors.items()}


def read_hits(message: pb.HitColumns, with_payload: bool = True, with_vectors: bool = False) -> Hits:
    """Return the hits of one query.

    Raises
    ------
    Corruption
        When the columns of the message do not fit each other.
    """
    rows, scores = _read(message)
    return Hits(rows, np.arange(len(rows)), scores, with_payload, with_vectors)


def read_batch_hits(
    message: pb.HitColumns,
    counts: Sequence[int],
    queries: int,
    k: int,
    higher_is_nearer: bool,
    with_payload: bool = True,
    with_vectors: bool = False,
) -> BatchHits:
    """Return the hits of a batch, padded as the engine pads them.

    Parameters
    ----------
    message : HitColumns
    counts : sequence of int
        Hits of each query, as the answer says.
    queries, k : int
        How many queries were sent, and how many hits of each were asked for.
    higher_is_nearer : bool
        Whether a higher score is a nearer point, which says what pads.
    with_payload, with_vectors : bool
        What was asked for.

    Raises
    ------
    Corruption
        When the columns of the message do not fit each other, or what was asked for.
    """
    rows, flat = _read(message)
    sizes = integers(counts)
    if len(sizes) != queries or sizes.max(initial=0) > k or sizes.sum() != len(rows):
        raise damaged(
            f"counts has {len(sizes)} rows of at most {sizes.max(initial=0)} for {len(rows)} hits; expected "
            f"{queries} rows of at most {k}"
        )
    places = np.full((queries, k), -1, np.int64)
    scores = np.full((queries, k), -np.inf if higher_is_nearer else np.inf, np.float32)
    found = np.arange(k) < sizes[:, None]
    places[found] = np.arange(len(rows))
    scores[found] = flat
    return BatchHits(rows, places, scores, sizes, with_payload, with_vectors)


def damaged(why: str) -> Corruption:
    """Return the error for an answer that does not fit itself, or the question."""
    return Corruption(f"the server's answer cannot be read: {why}; are both of the same release?")


def _read(message: pb.HitColumns) -> tuple[ReceivedRows, NDArray[np.float32]]:
    scores = np.fromiter(message.scores, np.float32, len(message.scores))
    try:
        rows = ReceivedRows.read(message)
    except InvalidArgument as error:
        raise damaged(str(error)) from error
    if len(scores) != len(rows):
        raise damaged(f"scores has {len(scores)} rows for {len(rows)} points")
    return rows, scores
