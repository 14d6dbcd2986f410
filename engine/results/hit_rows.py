"""Rows of an answer as columns of their own, apart from any database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.columns.partial import concat_columns
from ...storage.columns.payloads import PayloadColumn
from ...storage.columns.vectors import VectorColumn
from .point import PointId


class HitRows:
    """The rows of an answer that came over the wire, or was pickled; the place of a row is its number.

    Immutable.
    """

    __slots__ = ("_ids", "_payloads", "_vectors")

    def __init__(self, ids: NDArray[Any], payloads: PayloadColumn, vectors: dict[str, VectorColumn]) -> None:
        self._ids = ids
        self._payloads = payloads
        self._vectors = vectors

    @classmethod
    def concat(cls, parts: Sequence[HitRows]) -> HitRows:
        """Return the rows of one or more answers to parts of one batch, laid end to end."""
        if len(parts) == 1:
            return parts[0]
        columns = [part._vectors for part in parts if len(part)] or [parts[0]._vectors]
        vectors = {name: concat_columns([column[name] for column in columns]) for name in columns[0]}
        filled = [part._ids for part in parts if len(part)] or [parts[0]._ids]
        kind = np.uint64 if all(ids.dtype == np.uint64 for ids in filled) else object
        ids = np.concatenate([ids.astype(kind, copy=False) for ids in filled])
        return cls(ids, PayloadColumn.concat([part._payloads for part in parts]), vectors)

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self, places: NDArray[np.int64]) -> list[PointId]:
        """Return the ids of rows named by place."""
        ids: list[PointId] = self._ids[places].tolist()
        return ids

    def id_column(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the same ids as an array: uint64 when all of the answer are numbers, else object."""
        column: NDArray[Any] = self._ids[places]
        return column

    def payload(self, place: int) -> dict[str, Any]:
        """Return one payload."""
        return self._payloads.get(place)

    def vectors(self, place: int, fields: tuple[str, ...] | None = None) -> dict[str, Any]:
        """Return one row's vectors, of some fields or of all."""
        return point_vectors(dict(self._chosen(fields)), place)

    def payload_column(self, places: NDArray[np.int64]) -> PayloadColumn:
        """Return the payloads of rows named by place, not parsed."""
        return self._payloads.take(places)

    def vector_columns(
        self, places: NDArray[np.int64], fields: tuple[str, ...] | None = None
    ) -> dict[str, VectorColumn]:
        """Return the vectors of rows named by place, of some fields or of all."""
        return {name: column.take(places) for name, column in self._chosen(fields)}

    def _chosen(self, fields: tuple[str, ...] | None) -> Iterator[tuple[str, VectorColumn]]:
        # An answer without rows has no columns either.
        return ((name, column) for name, column in self._vectors.items() if fields is None or name in fields)


def one_vector(column: VectorColumn, row: int) -> Any:
    """Return one row as ``Point.vectors`` and ``Hit.vectors`` have it, not a view; None where it has none."""
    vector = column.row(row)
    if vector is None:
        return None
    if isinstance(vector, dict):
        return vector
    return tuple(map(np.copy, vector)) if isinstance(vector, tuple) else vector.copy()


def point_vectors(columns: Mapping[str, VectorColumn], row: int) -> dict[str, Any]:
    """Return the vectors that one row has, by field."""
    vectors = {name: one_vector(column, row) for name, column in columns.items()}
    return {name: vector for name, vector in vectors.items() if vector is not None}
