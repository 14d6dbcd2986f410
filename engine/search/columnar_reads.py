"""Reads points of a snapshot as columns, within a budget: what takes how much is told before it is read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...storage.columns.payloads import PayloadColumn
from .. import deadline
from ..results.carried import Carried, fields_of, picked_column
from ..results.point import PointColumns
from ..segments.sizes import Admit, stored_sizes
from ..segments.snapshot import Snapshot
from .point_reads import PagePlaces

# An id that is a number, and where its payload and its vectors begin.
_ROW_BYTES = 64


def read_columns(
    snapshot: Snapshot, places: NDArray[np.int64], carried: Carried, admit: Admit
) -> PointColumns:
    """Return the points at these places; ``admit`` is told what they take before any is read."""
    deadline.check()
    admit(int(_sizes(snapshot, places, carried).sum()))
    return PointColumns(
        snapshot.id_column(places),
        picked_column(snapshot.payload_column(places), carried.payload)
        if carried.payload
        else PayloadColumn.from_rows(None, len(places)),
        snapshot.vector_columns(places, fields_of(carried.vectors)) if carried.vectors else {},
    )


def fitting(snapshot: Snapshot, page: PagePlaces, carried: Carried, most_bytes: int) -> PagePlaces:
    """Return the page, ended before its points take more than so many bytes; one point it has in any case."""
    if not len(page.places):
        return page
    ids = snapshot.id_column(page.places)
    sizes = (
        stored_sizes(snapshot, page.places, payloads=bool(carried.payload), vectors=carried.vectors)
        + _ROW_BYTES
    )
    if ids.dtype != np.uint64:
        sizes += np.fromiter((len(i.encode()) if isinstance(i, str) else 0 for i in ids), np.int64, len(ids))
    fits = int(np.searchsorted(np.cumsum(sizes), most_bytes, side="right"))
    return page.first(max(1, fits))


def _sizes(snapshot: Snapshot, places: NDArray[np.int64], carried: Carried) -> NDArray[np.int64]:
    # A payload is read whole, whatever is kept of it.
    return stored_sizes(snapshot, places, payloads=bool(carried.payload), vectors=carried.vectors)
