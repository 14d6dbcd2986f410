"""A stored point as a caller sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from ...storage.arrow.vector_arrays import array_of_vectors
from ...storage.columns.ids import IdColumn
from ...storage.columns.payloads import PayloadColumn
from ...storage.columns.vectors import VectorColumn
from .frame import AsFrame, FrameColumns

PointId = int | str


@dataclass(frozen=True, slots=True)
class Point:
    """One point: its id, its payload and, when asked for, its vectors.

    Attributes
    ----------
    id : int or str
        The id it was upserted with.
    payload : dict
        The JSON payload; empty when none was given.
    vectors : dict
        Field name to vector: a (dim,) array for dense fields (packed ``uint8`` for binary ones), a pair
        ``(indices, values)`` for sparse ones or ``{token: weight}`` for those by token, a (tokens, dim) array
        for multi-vector ones. A field in
        which the point has none is not there. Empty unless vectors were asked for.
    """

    id: PointId
    payload: dict[str, Any] = field(default_factory=dict)
    vectors: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page(AsFrame):
    """One page of a scroll; as a frame (:class:`AsFrame`) the points of it.

    Attributes
    ----------
    points : sequence of Point
        In the order the points were written, or in that which was asked for.
    next : int, str or None
        Where the next page starts: pass it as ``after``. None when this page is the last.
    """

    points: Sequence[Point]
    next: int | str | None

    def _frame_columns(self) -> FrameColumns:
        ids = IdColumn.from_values([point.id for point in self.points]).column()
        fields = dict.fromkeys(name for point in self.points for name in point.vectors)
        vectors = {
            name: array_of_vectors([point.vectors.get(name) for point in self.points]) for name in fields
        }
        return FrameColumns({"id": ids}, [point.payload for point in self.points], vectors)


@dataclass(frozen=True, slots=True, eq=False)
class PointColumns:
    """Points as columns, one row in each.

    Attributes
    ----------
    ids : (n,) uint64, or object when one of the collection is a text
    payloads : PayloadColumn
        As they are stored.
    vectors : dict of str to VectorColumn
        By field name; empty unless they were asked for.
    """

    ids: NDArray[Any]
    payloads: PayloadColumn
    vectors: dict[str, VectorColumn]

    def __len__(self) -> int:
        return len(self.ids)
