"""The vectors of a new segment that stay on disk, gathered without holding them in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....indexes.protocol import Arrays
from ....storage.columns.partial import PartialColumn, concat_columns, places_among, present_rows
from ....storage.columns.ragged import concat_offsets
from ....storage.columns.vectors import VectorColumn
from ....storage.segments.segment import SegmentWriting
from ...schema.vector_field import VectorField
from ...vector_kinds.registry import kind_of
from ..view import SegmentView

# In memory at once, of rows of usual length.
_BLOCK_BYTES = 32 << 20

Parts = Sequence[tuple[SegmentView, NDArray[np.int64]]]


def staged(
    parts: Parts,
    name: str,
    field: VectorField,
    order: NDArray[Any] | None,
    sink: SegmentWriting,
    block_bytes: int = _BLOCK_BYTES,
) -> Arrays:
    """Return the arrays that a segment keeps of a field, as `sealed_arrays` of the whole would give them.

    The one whose rows are read from disk is room of the sink's, and filled in a block of rows at a time.

    Parameters
    ----------
    parts
        Views, and which of their rows the segment has.
    name, field
        A field whose vectors stay on disk.
    order
        The place among all rows of the parts of each row of the segment; None for the same.
    sink
        What the segment is written to.
    block_bytes
        How much is in memory at once.
    """
    kind, on_disk = kind_of(field), kind_of(field).read_from_disk(field)
    assert on_disk is not None
    empty = kind.sealed_arrays(field, kind.empty(field))
    n = sum(len(rows) for _, rows in parts)
    count = sum(kind.disk_rows(field, view.rows(name), _places(view, name, rows)) for view, rows in parts)
    room = sink.room((count, *empty[on_disk.name].shape[1:]), empty[on_disk.name].dtype)
    gathered = {key: [array] for key, array in empty.items() if key != on_disk.name}
    present = [np.empty(0, np.uint32)]
    filled = first = 0
    for column in _columns(parts, name, order, max(1, block_bytes * n // max(1, room.nbytes))):
        vectors = column.vectors if isinstance(column, PartialColumn) else column
        arrays = kind.sealed_arrays(field, vectors)
        for key, pieces in gathered.items():
            pieces.append(arrays[key])
        block = arrays[on_disk.name]
        room[filled : filled + len(block)] = block
        present.append(present_rows(column) + np.uint32(first))
        filled, first = filled + len(block), first + len(column)
    whole = {on_disk.name: room}
    for key, pieces in gathered.items():
        whole[key] = concat_offsets(pieces) if key == on_disk.offsets else np.concatenate(pieces)
    there = np.concatenate(present)
    return whole if len(there) == n else whole | {"present": there}


def _places(view: SegmentView, name: str, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of those rows that have a vector, among all that have one."""
    present = view.present(name)
    if present is None:
        return rows
    places, has = places_among(present, rows)
    return places[has]


def _columns(parts: Parts, name: str, order: NDArray[Any] | None, block_rows: int) -> Iterator[VectorColumn]:
    """Yield the vectors of all rows of the parts in that order, so many rows at a time."""
    ends = np.cumsum([len(rows) for _, rows in parts])
    n = int(ends[-1]) if len(ends) else 0
    for start in range(0, n, block_rows):
        stop = min(n, start + block_rows)
        places = np.arange(start, stop) if order is None else order[start:stop]
        owner = np.searchsorted(ends, places, side="right")
        by_part = np.argsort(owner, kind="stable")
        columns = []
        for part in np.unique(owner).tolist():
            view, rows = parts[part]
            within = places[by_part][owner[by_part] == part] - (int(ends[part]) - len(rows))
            columns.append(view.vector_column(name, rows[within]))
        column = concat_columns(columns)
        yield column if len(columns) == 1 else column.take(np.argsort(by_part))
