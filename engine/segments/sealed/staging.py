"""The vectors of a new segment that stay on disk, gathered without holding them in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....indexes.protocol import Arrays
from ....storage.columns.partial import PartialColumn, concat_columns, present_rows
from ....storage.columns.vectors import VectorColumn
from ....storage.segments.segment import SegmentWriting
from ...schema.vector_field import VectorField
from ...vector_kinds.registry import kind_of
from ..view import SegmentView

# Rows in memory at once.
_BLOCK_ROWS = 4096

Parts = Sequence[tuple[SegmentView, NDArray[np.int64]]]


def staged(
    parts: Parts,
    name: str,
    field: VectorField,
    order: NDArray[Any] | None,
    sink: SegmentWriting,
    block_rows: int = _BLOCK_ROWS,
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
    """
    kind, on_disk = kind_of(field), kind_of(field).read_from_disk(field)
    assert on_disk is not None
    empty = kind.sealed_arrays(field, kind.empty(field))
    n = sum(len(rows) for _, rows in parts)
    room = sink.room((n, *empty[on_disk].shape[1:]), empty[on_disk].dtype)
    gathered: dict[str, list[NDArray[Any]]] = {key: [array] for key, array in empty.items() if key != on_disk}
    present: list[NDArray[np.uint32]] = []
    filled = first = 0
    for column in _columns(parts, name, order, block_rows):
        vectors = column.vectors if isinstance(column, PartialColumn) else column
        arrays = kind.sealed_arrays(field, vectors)
        for key, pieces in gathered.items():
            pieces.append(arrays[key])
        room[filled : filled + len(vectors)] = arrays[on_disk]
        present.append(present_rows(column) + np.uint32(first))
        filled, first = filled + len(vectors), first + len(column)
    whole = {on_disk: room[:filled]} | {key: np.concatenate(pieces) for key, pieces in gathered.items()}
    return whole if filled == n else whole | {"present": np.concatenate(present)}


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
