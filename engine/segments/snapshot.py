"""What one search sees: an immutable picture of a collection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...storage.columns.partial import concat_columns
from ...storage.columns.payloads import PayloadColumn
from ...storage.columns.vectors import VectorColumn
from .. import deadline
from ..results.point import PointId
from ..schema.collection_schema import CollectionSchema
from ..tenants.grants import Grants
from ..vector_kinds.registry import kind_of
from ..vocabulary.token_columns import column_with_tokens, token_ids
from ..vocabulary.vocabularies import Vocabularies
from ..vocabulary.vocabulary import RememberedTokens, TokenNames, TokensBelow
from .granted import seen_by
from .view import SegmentView

_VIEW_SHIFT = 32
_ROW_MASK = (1 << _VIEW_SHIFT) - 1
NO_PLACE = -1
# So few ids or payloads of several views are read faster one by one.
_FEW = 64
# Tenants who see more than their own points, of whom the picture is kept.
_SEEN_KEPT = 1024
# So many vectors are read at once, where what they have is all that is wanted of them.
_MANY = 1024

_Column = TypeVar("_Column", PayloadColumn, VectorColumn)


class Snapshot:
    """The views of all segments at one sequence number.

    Immutable, so readers take no locks; it keeps the segment files it shows mapped for as long as it lives,
    even when a merge has replaced them. A row is named across views by its *place*: the number of the
    view in the high 32 bits, the row in the low ones.

    Attributes
    ----------
    views : tuple
        Sealed segments in the order they came to be, then the growing one when it has rows.
    next_sequence : int
        Every write with a lower sequence number is in the snapshot, none with this or a higher one.
    vocabularies : Vocabularies
        What has the ids of tokens, of these points and of later ones.
    grants : mapping of int to Grants
        What tenants see beside their own points, of those that were granted anything.
    raised : mapping
        By how many rungs indexes try harder than was measured, by kinds of searches, as audits show it now.
    statistics : dict
        Whatever is counted of its points and kept, by keys of its own.
    joined : dict
        Whatever is prepared for searches of several views as of one, by keys of its own.
    """

    def __init__(
        self,
        schema: CollectionSchema,
        views: tuple[SegmentView, ...],
        next_sequence: int,
        vocabularies: Vocabularies,
        remembered: Mapping[str, TokenNames] = MappingProxyType({}),
        grants: Mapping[int, Grants] = MappingProxyType({}),
        raised: Mapping[Any, int] = MappingProxyType({}),
    ) -> None:
        self.schema = schema
        self.views = views
        self.next_sequence = next_sequence
        self.vocabularies = vocabularies
        self._remembered = remembered
        self.grants = grants
        self.raised = raised
        self._seen: dict[int, Snapshot] = {}
        self._looked_up: dict[str, Callable[[Any], Any]] = {}
        self.statistics: dict[Any, Any] = {}
        self.joined: dict[Any, Any] = {}

    def seen_by(self, tenant: int | None) -> Snapshot:
        """Return what a tenant reads from: this, or where it was granted points, views that show it those.

        What writes goes by the tenant's own points alone, and so by this.
        """
        grants = None if tenant is None else self.grants.get(tenant)
        if tenant is None or grants is None:
            return self
        seen = self._seen.get(tenant)
        if seen is None:
            views = seen_by(self.views, grants, tenant)
            seen = Snapshot(
                self.schema,
                views,
                self.next_sequence,
                self.vocabularies,
                grants=self.grants,
                raised=self.raised,
            )
            if len(self._seen) >= _SEEN_KEPT:
                self._seen.clear()
            self._seen[tenant] = seen
        return seen

    def without_points(self) -> Snapshot:
        """Return what a snapshot of no points of this collection is."""
        return Snapshot(self.schema, (), self.next_sequence, self.vocabularies)

    def remembering(self, places: NDArray[np.int64], fields: Iterable[str] | None = None) -> Snapshot:
        """Return this snapshot with the tokens of some rows, in some fields or in all.

        The vectors of those rows can be read from it whatever becomes of the database.
        """
        remembered: dict[str, TokenNames] = {}
        for name in self.schema.vectors if fields is None else fields:
            names = self._names(name)
            if names is not None and len(places):
                pieces = _in_time(np.split(places, range(_MANY, len(places), _MANY)))
                ids = [token_ids(self._vector_column(name, piece)) for piece in pieces]
                remembered[name] = RememberedTokens.of(names, np.unique(np.concatenate(ids)))
        if not remembered:
            return self
        return Snapshot(self.schema, self.views, self.next_sequence, self.vocabularies, remembered)

    @cached_property
    def n_points(self) -> int:
        """How many points are alive."""
        return sum(view.n_live for view in self.views)

    def n_owned(self, tenant: int) -> int:
        """Return how many points of a tenant are alive."""
        return sum(view.n_owned(tenant) for view in self.views)

    @cached_property
    def largest_payload(self) -> int:
        """Bytes that no payload exceeds."""
        return max((view.largest_payload for view in self.views), default=0)

    def find(self, ids: Sequence[PointId], tenant: int) -> NDArray[np.int64]:
        """Return the place of each id, -1 where there is no such point."""
        places = np.full(len(ids), NO_PLACE, np.int64)
        for number, view in enumerate(self.views):
            rows = view.find(ids, tenant)
            found = rows >= 0
            places[found] = place(number, rows[found])
        return places

    def by_view(
        self, places: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.bool_] | slice, NDArray[np.int64], SegmentView]]:
        """Yield each view that some of the places are in: which of them, their rows, and the view."""
        if len(self.views) == 1 and (places >= 0).all():
            yield slice(None), places, self.views[0]
            return
        numbers = places >> _VIEW_SHIFT
        for number, view in enumerate(self.views):
            here = numbers == number
            if here.any():
                yield here, places[here] & _ROW_MASK, view

    def ids(self, places: NDArray[np.int64]) -> list[PointId]:
        """Return the ids of rows named by place."""
        if len(self.views) == 1:
            return self.views[0].ids(places)
        return self._few_ids(places)

    def _few_ids(self, places: NDArray[np.int64]) -> list[PointId]:
        id_of = self._id_of
        return [id_of[p >> _VIEW_SHIFT](p & _ROW_MASK) for p in places.tolist()]

    @cached_property
    def _id_of(self) -> list[Callable[[int], PointId]]:
        return [view.id_of for view in self.views]

    def id_column(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return ids by place: uint64 when every id of the snapshot is a number, else object."""
        if len(self.views) == 1:
            return self.views[0].id_column(places)
        kind = np.uint64 if self._ids_are_numeric else object
        if len(places) <= _FEW:
            return np.array(self._few_ids(places), kind)
        column = np.empty(len(places), kind)
        numbers, rows = places >> _VIEW_SHIFT, places & _ROW_MASK
        for number in set(numbers.tolist()):
            (here,) = (numbers == number).nonzero()
            column[here] = self.views[number].id_column(rows[here])
        return column

    @cached_property
    def _ids_are_numeric(self) -> bool:
        return all(view.ids_are_numeric for view in self.views)

    def payload(self, place: int) -> dict[str, Any]:
        """Return the payload of one row."""
        return self.views[place >> _VIEW_SHIFT].payload(place & _ROW_MASK)

    def vectors(self, place: int, fields: Iterable[str] | None = None) -> dict[str, Any]:
        """Return the vectors that one row has, by field name, as copies: of some fields or of all."""
        view = self.views[place >> _VIEW_SHIFT]
        row = np.array([place & _ROW_MASK])
        stored = {
            name: self.answered(name, view.vector_column(name, row)).row(0)
            for name in (self.schema.vectors if fields is None else fields)
        }
        return {name: vector for name, vector in stored.items() if vector is not None}

    def payload_column(self, places: NDArray[np.int64]) -> PayloadColumn:
        """Return the payloads of rows named by place, in that order, as they are stored."""
        views = self.views
        if len(views) == 1:
            return views[0].payload_column(places)
        if len(places) > _FEW:
            return _gathered(
                views, places, lambda view, rows: view.payload_column(rows), PayloadColumn.concat
            )
        return PayloadColumn.from_raw(
            [views[p >> _VIEW_SHIFT].raw_payload(p & _ROW_MASK) for p in places.tolist()]
        )

    def vector_columns(
        self, places: NDArray[np.int64], fields: Iterable[str] | None = None
    ) -> dict[str, VectorColumn]:
        """Return the vectors of rows named by place, in that order, by field name, as copies: of some fields
        or of all.
        """
        vectors = self.schema.vectors
        chosen = vectors if fields is None else fields
        if not len(places):
            return {name: self.answered(name, kind_of(vectors[name]).empty(vectors[name])) for name in chosen}
        return {name: self.answered(name, self._vector_column(name, places)) for name in chosen}

    def resolved(self, field: str, queries: Any) -> Any:
        """Return queries that were checked over ids and with weights, where they are without."""
        looked_up = self._looked_up.get(field)
        if looked_up is None:
            looked_up = self._looked_up[field] = self._look_up(field)
        return looked_up(queries)

    def _look_up(self, field: str) -> Callable[[Any], Any]:
        spec, known = self.schema.vectors[field], self.vocabularies
        kind = kind_of(spec)
        vocabulary = known.of(self.schema, field) if kind.has_tokens(spec) else None
        tokens = None if vocabulary is None else TokensBelow(vocabulary, self.next_sequence)
        weights = None if kind.query_weights(spec) is None else known.query_table(self.schema, field)
        return lambda queries: kind.resolved(spec, queries, tokens, weights)

    def answered(self, field: str, column: VectorColumn) -> VectorColumn:
        """Return a column of stored vectors as callers are given it: over tokens where the field has them."""
        names = self._names(field)
        return column if names is None else column_with_tokens(column, names)

    def _names(self, field: str) -> TokenNames | None:
        return self._remembered.get(field) or self.vocabularies.of(self.schema, field)

    def _vector_column(self, field: str, places: NDArray[np.int64]) -> VectorColumn:
        return _gathered(
            self.views, places, lambda view, rows: view.vector_column(field, rows), concat_columns
        )


def _in_time(pieces: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Yield pieces for as long as the deadline allows."""
    for piece in pieces:
        deadline.check()
        yield piece


def place(view_number: int, rows: NDArray[Any]) -> NDArray[np.int64]:
    """Name rows of one view across the views of a snapshot."""
    places = rows.astype(np.int64)
    if view_number:
        places |= view_number << _VIEW_SHIFT
    return places


def rows_by_view(places: Iterable[int]) -> dict[int, list[int]]:
    """Return the rows at places, which are few, by the number of their view."""
    rows: dict[int, list[int]] = {}
    for one in places:
        rows.setdefault(one >> _VIEW_SHIFT, []).append(one & _ROW_MASK)
    return rows


def rows_in(places: NDArray[np.int64], view_number: int) -> NDArray[np.int64]:
    """Return the rows of those of the places that are in one view."""
    rows: NDArray[np.int64] = places[places >> _VIEW_SHIFT == view_number] & _ROW_MASK
    return rows


def _gathered(
    views: Sequence[SegmentView],
    places: NDArray[np.int64],
    column_of: Callable[[SegmentView, NDArray[np.int64]], _Column],
    concat: Callable[[Sequence[_Column]], _Column],
) -> _Column:
    """Return one column of the rows at one or more places, from ``column_of``, which reads one view."""
    if len(views) == 1:
        return column_of(views[0], places)
    # Rows of one view are read together, in the order they are stored in.
    order = np.argsort(places)
    ordered = places[order]
    cuts: list[int] = (np.flatnonzero(np.diff(ordered >> _VIEW_SHIFT)) + 1).tolist()
    rows = ordered & _ROW_MASK
    parts = [
        column_of(views[int(ordered[lo]) >> _VIEW_SHIFT], rows[lo:hi])
        for lo, hi in pairwise([0, *cuts, len(rows)])
    ]
    column = parts[0] if len(parts) == 1 else concat(parts)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return column.take(rank)
