"""A stored point as a caller sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from ...storage.columns.payloads import PayloadColumn
from ...storage.columns.vectors import VectorColumn

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
        ``(indices, values)`` for sparse ones, a (tokens, dim) array for multi-vector ones. A field in
        which the point has none is not there. Empty unless vectors were asked for.
    """

    id: PointId
    payload: dict[str, Any] = field(default_factory=dict)
    vectors: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a scroll.

    Attributes
    ----------
    points : sequence of Point
        In the order the points were written.
    next : int or None
        Where the next page starts: pass it as ``after``. None when this page is the last.
    """

    points: Sequence[Point]
    next: int | None


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
