"""The vectors of a new segment that stay on disk or are coded, gathered without holding them in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....indexes.protocol import Arrays, BuildJob
from ....storage.columns.partial import (
    PartialColumn,
    chosen_vectors,
    concat_columns,
    places_among,
    present_rows,
)
from ....storage.columns.ragged import concat_offsets
from ....storage.columns.vectors import VectorColumn
from ....storage.segments.segment import SegmentWriting
from ...schema.vector_field import VectorField
from ...vector_kinds.protocol import Sealer
from ...vector_kinds.registry import kind_of
from ..view import SegmentView

# In memory at once, of rows of usual length.
_BLOCK_BYTES = 32 << 20

Parts = Sequence[tuple[SegmentView, NDArray[np.int64]]]
Reading = Callable[[SegmentView, NDArray[np.int64]], VectorColumn]


def sealer_of(parts: Parts, name: str, field: VectorField, job: BuildJob) -> Sealer | None:
    """Return what codes the vectors of a field in the segment of these parts; None where nothing does."""
    sources = [(view.rows(name), _places(view, name, rows)) for view, rows in parts]
    return kind_of(field).sealer(field, sources, job)


def staged(
    parts: Parts,
    name: str,
    field: VectorField,
    order: NDArray[Any] | None,
    sink: SegmentWriting,
    block_bytes: int = _BLOCK_BYTES,
    sealer: Sealer | None = None,
) -> Arrays:
    """Return the arrays that a segment keeps of a field, as `sealed_arrays` of the whole would give them.

    The one that the kind names is room of the sink's, and filled in a block of rows at a time.

    Parameters
    ----------
    parts
        Views, and which of their rows the segment has.
    name, field
        A field whose vectors stay on disk or are coded.
    order
        The place among all rows of the parts of each row of the segment; None for the same.
    sink
        What the segment is written to.
    block_bytes
        How much is in memory at once.
    sealer
        What codes the vectors; None where they stay as they are.
    """
    kind, filled_in = kind_of(field), kind_of(field).staged(field)
    assert filled_in is not None
    nothing = kind.empty(field)
    if sealer is not None:
        nothing = sealer.column(parts[0][0].rows(name), np.empty(0, np.int64))
    empty = kind.sealed_arrays(field, nothing)
    n = sum(len(rows) for _, rows in parts)
    count = sum(kind.disk_rows(field, view.rows(name), _places(view, name, rows)) for view, rows in parts)
    room = sink.room((count, *empty[filled_in.name].shape[1:]), empty[filled_in.name].dtype)
    gathered = {key: [array] for key, array in empty.items() if key != filled_in.name}
    present = [np.empty(0, np.uint32)]
    filled = first = 0
    block_rows = max(1, block_bytes * n // max(1, room.nbytes))
    for column in _columns(parts, _reading(name, sealer), order, block_rows):
        vectors = column.vectors if isinstance(column, PartialColumn) else column
        arrays = kind.sealed_arrays(field, vectors)
        for key, pieces in gathered.items():
            pieces.append(arrays[key])
        block = arrays[filled_in.name]
        room[filled : filled + len(block)] = block
        present.append(present_rows(column) + np.uint32(first))
        filled, first = filled + len(block), first + len(column)
    whole = {filled_in.name: room}
    for key, pieces in gathered.items():
        whole[key] = concat_offsets(pieces) if key == filled_in.offsets else np.concatenate(pieces)
    if sealer is not None:
        whole |= sealer.arrays()
    there = np.concatenate(present)
    return whole if len(there) == n else whole | {"present": there}


def _places(view: SegmentView, name: str, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of those rows that have a vector, among all that have one."""
    present = view.present(name)
    if present is None:
        return rows
    places, has = places_among(present, rows)
    return places[has]


def _reading(name: str, sealer: Sealer | None) -> Reading:
    """Return what copies the vectors of a field out of a view, coded where they are to be."""
    if sealer is None:
        return lambda view, rows: view.vector_column(name, rows)
    column = sealer.column
    return lambda view, rows: chosen_vectors(
        view.present(name), rows, lambda places: column(view.rows(name), places)
    )


def _columns(
    parts: Parts, read: Reading, order: NDArray[Any] | None, block_rows: int
) -> Iterator[VectorColumn]:
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
            columns.append(read(view, rows[within]))
        column = concat_columns(columns)
        yield column if len(columns) == 1 else column.take(np.argsort(by_part))
