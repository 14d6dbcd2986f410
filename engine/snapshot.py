"""What one search sees: an immutable picture of a collection."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..storage.vector_column import DenseColumn, MultiColumn, SparseColumn, VectorColumn
from .point import PointId
from .schema import CollectionSchema
from .segment_view import SegmentView

_VIEW_SHIFT = 32
_ROW_MASK = (1 << _VIEW_SHIFT) - 1
NO_PLACE = -1


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
    """

    def __init__(self, schema: CollectionSchema, views: tuple[SegmentView, ...], next_sequence: int) -> None:
        self.schema = schema
        self.views = views
        self.next_sequence = next_sequence

    @cached_property
    def n_points(self) -> int:
        """How many points are alive."""
        return sum(view.n_live for view in self.views)

    def find(self, ids: Sequence[PointId], tenant: int) -> NDArray[np.int64]:
        """Return the place of each id, -1 where there is no such point."""
        places = np.full(len(ids), NO_PLACE, np.int64)
        for number, view in enumerate(self.views):
            rows = view.find(ids, tenant)
            found = rows >= 0
            places[found] = place(number, rows[found])
        return places

    def ids(self, places: NDArray[np.int64]) -> list[PointId]:
        """Return the ids of rows named by place."""
        if len(self.views) == 1:
            return self.views[0].ids(places)
        return [self.views[p >> _VIEW_SHIFT].ids(np.array([p & _ROW_MASK]))[0] for p in places.tolist()]

    def id_column(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return ids by place: uint64 when every id of the snapshot is a number, else object."""
        if len(self.views) == 1:
            return self.views[0].id_column(places)
        numeric = all(view.ids_are_numeric for view in self.views)
        column = np.empty(len(places), np.uint64 if numeric else object)
        numbers = places >> _VIEW_SHIFT
        for number, view in enumerate(self.views):
            here = numbers == number
            if here.any():
                column[here] = view.id_column(places[here] & _ROW_MASK)
        return column

    def payload(self, place: int) -> dict[str, Any]:
        """Return the payload of one row."""
        return self.views[place >> _VIEW_SHIFT].payload(place & _ROW_MASK)

    def vectors(self, place: int) -> dict[str, Any]:
        """Return the vectors of one row, by field name, as copies."""
        view = self.views[place >> _VIEW_SHIFT]
        row = np.array([place & _ROW_MASK])
        return {name: _one(view.vector_column(name, row)) for name in self.schema.vectors}


def place(view_number: int, rows: NDArray[Any]) -> NDArray[np.int64]:
    """Name rows of one view across the views of a snapshot."""
    places = rows.astype(np.int64)
    if view_number:
        places |= view_number << _VIEW_SHIFT
    return places


def _one(column: VectorColumn) -> Any:
    match column:
        case DenseColumn():
            return column.matrix[0]
        case SparseColumn():
            return column.indices, column.values
        case MultiColumn():
            return column.tokens
    raise AssertionError(type(column))
