"""What points take, told from how they are stored, so that nobody reads more of them than fits in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..results.carried import Named, fields_of
from ..results.hits import BatchHits, Hits
from ..schema.collection_schema import CollectionSchema
from ..schema.vector_field import VectorField
from ..vector_kinds.registry import kind_of
from .bitmaps import rows_of
from .live_statistics import keep
from .snapshot import Snapshot
from .view import SegmentView

# So little is not worth looking up what each row takes.
_LITTLE = 1 << 18
_ROWS_AT_ONCE = 256

Admit = Callable[[int], None]
"""Told how many bytes are going to be read; may raise."""


def stored_sizes(
    snapshot: Snapshot, places: NDArray[np.int64], *, payloads: bool = True, vectors: Named = False
) -> NDArray[np.int64]:
    """Return the bytes of payload and vectors of each row named by place; 0 where the place is negative."""
    sizes = np.zeros(len(places), np.int64)
    for here, rows, view in snapshot.by_view(places):
        if payloads:
            sizes[here] += view.payload_sizes(rows)
        if vectors:
            for name in fields_of(vectors) or snapshot.schema.vectors:
                field = snapshot.schema.vectors[name]
                if kind_of(field).has_tokens(field):
                    sizes[here] += _token_sizes(snapshot, name, view, rows)
                else:
                    sizes[here] += _vector_sizes(view, name, field, rows)
    return sizes


def tenant_bytes(snapshot: Snapshot, tenant: int) -> int:
    """Return what payloads and vectors of a tenant take, of tokens their ids; kept for views that stay."""
    return sum(_owned_bytes(snapshot.schema, view, tenant) for view in snapshot.views)


def bytes_at(snapshot: Snapshot, places: NDArray[np.int64]) -> int:
    """Return what payloads and vectors of rows named by place take, of tokens their ids."""
    return sum(_row_bytes(snapshot.schema, view, rows) for _, rows, view in snapshot.by_view(places))


def hits_bytes(hits: Hits | BatchHits, *, payloads: bool, vectors: Named) -> int:
    """Return the bytes of payloads and vectors of hits that a database of this process found.

    Where that is little for certain, it is what they take at most.
    """
    if not (payloads or vectors):
        return 0
    snapshot, places = hits.origin()
    assert isinstance(snapshot, Snapshot)
    if not vectors:
        most = len(places) * snapshot.largest_payload
        if most <= _LITTLE:
            return most
    return int(stored_sizes(snapshot, places, payloads=payloads, vectors=vectors).sum())


def _owned_bytes(schema: CollectionSchema, view: SegmentView, tenant: int) -> int:
    found = view.live_bytes.get(tenant)
    if found is None:
        found = _row_bytes(schema, view, rows_of(view.matching(None, tenant)))
        keep(view.live_bytes, tenant, found)
    return found


def _row_bytes(schema: CollectionSchema, view: SegmentView, rows: NDArray[np.int64]) -> int:
    sizes = view.payload_sizes(rows)
    for name, field in schema.vectors.items():
        sizes = sizes + _vector_sizes(view, name, field, rows)
    return int(sizes.sum())


def _token_sizes(
    snapshot: Snapshot, name: str, view: SegmentView, rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the bytes of rows by tokens, few of them read at a time: what a token takes is in no array."""
    pieces = np.split(rows, range(_ROWS_AT_ONCE, len(rows), _ROWS_AT_ONCE))
    columns = (snapshot.answered(name, view.vector_column(name, piece)) for piece in pieces)
    return np.concatenate([column.row_bytes() for column in columns])


def _vector_sizes(
    view: SegmentView, name: str, field: VectorField, rows: NDArray[np.int64]
) -> NDArray[np.int64] | int:
    kind, present = kind_of(field), view.present(name)
    if present is None:
        return kind.sizes(field, view.rows(name), rows)
    sizes = np.zeros(len(rows), np.int64)
    has = np.isin(rows, present)
    sizes[has] = kind.sizes(field, view.rows(name), np.searchsorted(present, rows[has]))
    return sizes
