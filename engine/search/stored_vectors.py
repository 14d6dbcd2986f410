"""Queries by points: which points, and the vectors they have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...storage.columns.partial import PartialColumn
from ...storage.columns.vectors import VectorColumn
from ..errors import InvalidArgument, NotFound
from ..input.options import MAX_K, SearchOptions
from ..input.stored_queries import StoredQueries
from ..segments.snapshot import NO_PLACE, Snapshot
from ..tenants.tenant import Tenant
from .point_reads import find_points


def stored_vectors(
    snapshot: Snapshot, owner: Tenant | None, field: str, asked: StoredQueries, options: SearchOptions
) -> tuple[VectorColumn, NDArray[np.int64]]:
    """Return the vectors of the named points, and the places of those.

    Raises
    ------
    NotFound
        The tenant has no such point, or it has no vector in the field.
    InvalidArgument
        More hits are asked for than there are besides those of the points themselves.
    """
    depth = options.k + options.offset
    if depth >= MAX_K:
        raise InvalidArgument(
            f"k + offset is {depth:,}; by_id, which leaves one hit out, takes at most {MAX_K - 1:,}",
            field="k",
        )
    places = find_points(snapshot, asked.ids, owner)
    missing = np.flatnonzero(places == NO_PLACE)
    if len(missing):
        raise NotFound(
            f"no point has the id {asked.ids[int(missing[0])]!r}, so there is no vector of it to search by",
            field="by_id",
        )
    column = snapshot.vector_columns(places, (field,))[field]
    if isinstance(column, PartialColumn):
        lacking = next(row for row in range(len(column)) if column.row(row) is None)
        raise NotFound(
            f"the point {asked.ids[lacking]!r} has no vector in field {field!r} to search by", field="by_id"
        )
    return column, places
