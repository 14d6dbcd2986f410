"""Hits as messages: columns on both sides, no object per row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....engine.errors import Corruption, InvalidArgument
from ....engine.results.carried import Named
from ....engine.results.hit_rows import HitRows
from ....engine.results.hits import BatchHits, Hits
from ....proto.v1 import search_pb2 as pb
from ....proto.v1.vectors_pb2 import PointIds
from ..packed_column import head, integers, little_endian, put_packed
from ..payloads import put_payloads, read_payload_column
from ..point_ids import put_ids, read_id_array
from ..vectors import put_fields, read_fields

_IDS, _SCORES = pb.HitColumns.IDS_FIELD_NUMBER, pb.HitColumns.SCORES_FIELD_NUMBER
_NUMBERS = PointIds.NUMBERS_FIELD_NUMBER
# Of answers to one query and to several.
_HITS = pb.SearchBatchResponse.HITS_FIELD_NUMBER
assert pb.SearchResponse.HITS_FIELD_NUMBER == _HITS


def put_hits(message: pb.HitColumns, hits: Hits | BatchHits, with_payload: Named = True) -> None:
    """Fill ``message`` with hits, those of a batch query after query.

    Payloads go as the text they are stored as. Vectors are in the message when the hits have them.
    """
    _put_columns(message, *_found(hits))
    _put_carried(message, hits, with_payload)


def packed_hits(hits: Hits | BatchHits, with_payload: Named = True) -> bytes:
    """Return what :func:`put_hits` makes of hits as the bytes of an answer whose first field they are.

    Messages laid end to end are merged, so ids and scores are laid down as they stand in memory, between
    bytes that are the same for all answers of a length, and what else hits carry follows as a message.
    """
    columns, rest = b"", pb.SearchBatchResponse()
    ids, scores = _found(hits)
    if len(ids) and ids.dtype == np.uint64:
        before, between = _around_columns(len(ids))
        columns = b"".join((before, little_endian(ids), between, little_endian(scores)))
    else:
        _put_columns(rest.hits, ids, scores)
    _put_carried(rest.hits, hits, with_payload)
    if isinstance(hits, BatchHits):
        rest.counts.extend(hits.counts.tolist())
    return columns + rest.SerializeToString()


def _found(hits: Hits | BatchHits) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Return ids and scores without padding, those of a batch query after query."""
    ids, scores = hits.ids, hits.scores
    if not isinstance(hits, BatchHits):
        return ids, scores
    if ids.size == hits.counts.sum():
        return ids.ravel(), scores.ravel()
    found = np.arange(scores.shape[1]) < hits.counts[:, None]
    return ids[found], scores[found]


def _put_columns(message: pb.HitColumns, ids: NDArray[Any], scores: NDArray[np.float32]) -> None:
    put_ids(message.ids, ids)
    put_packed(message, _SCORES, scores)


def _put_carried(message: pb.HitColumns, hits: Hits | BatchHits, with_payload: Named) -> None:
    """Put in what hits carry besides ids and scores."""
    if with_payload:
        put_payloads(message.payloads, hits.payload_column())
    put_fields(message.vectors, hits.vector_columns())


@lru_cache(1024)
def _around_columns(n: int) -> tuple[bytes, bytes]:
    """Return what stands before the ids of ``n`` hits of an answer, and between them and the scores."""
    between = head(_SCORES, 4 * n)
    numbers = head(_NUMBERS, 8 * n)
    ids = head(_IDS, len(numbers) + 8 * n) + numbers
    return head(_HITS, len(ids) + 8 * n + len(between) + 4 * n) + ids, between


def read_rows(message: pb.HitColumns) -> HitRows:
    """Return the rows of a message; InvalidArgument when its columns differ in length."""
    ids = read_id_array(message.ids)
    n = len(ids)
    payloads = read_payload_column(message.payloads, n)
    return HitRows(ids, payloads, read_fields(message.vectors, n) if message.vectors else {})


def read_hits(message: pb.HitColumns, with_payload: Named = True, with_vectors: Named = False) -> Hits:
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
    with_payload: Named = True,
    with_vectors: Named = False,
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
    with_payload, with_vectors : bool or tuple of str
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


def _read(message: pb.HitColumns) -> tuple[HitRows, NDArray[np.float32]]:
    scores = np.fromiter(message.scores, np.float32, len(message.scores))
    try:
        rows = read_rows(message)
    except InvalidArgument as error:
        raise damaged(str(error)) from error
    if len(scores) != len(rows):
        raise damaged(f"scores has {len(scores)} rows for {len(rows)} points")
    return rows, scores
