"""The vectors of a field that some points lack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptionError
from .ragged import Rows, row_numbers
from .vectors import COLUMN_OF_KIND, ColumnKind, StoredKind, VectorColumn

Present = NDArray[np.uint32]


class PartialColumn:
    """A column of ``n`` rows, of which only those of ``present``, ascending, have a vector in ``vectors``.

    It is a column like any other; :func:`partial_column` makes one, or none where every row has its vector.
    """

    __slots__ = ("n", "present", "vectors")

    def __init__(self, n: int, present: Present, vectors: VectorColumn) -> None:
        self.n = n
        self.present = present
        self.vectors = vectors

    @property
    def kind(self) -> ColumnKind:
        """The kind of the vectors that are there."""
        return self.vectors.kind

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return self.present.nbytes + self.vectors.nbytes

    def __len__(self) -> int:
        return self.n

    def row_bytes(self) -> NDArray[np.int64]:
        """Return the bytes that each row takes, (n,)."""
        sizes = np.zeros(self.n, np.int64)
        sizes[self.present] = self.vectors.row_bytes() + self.present.itemsize
        return sizes

    def row(self, row: int) -> Any:
        """Return the vector of one row, a view; None where there is none."""
        at = int(np.searchsorted(self.present, row))
        has = at < len(self.present) and self.present[at] == row
        return self.vectors.row(at) if has else None

    def take(self, rows: Rows) -> VectorColumn:
        """Return the column of ``rows``, in that order."""
        return chosen_vectors(self.present, row_numbers(rows), self.vectors.take)

    def slice(self, start: int, stop: int) -> VectorColumn:
        """Return the column of rows ``start`` to ``stop``; vectors are not copied."""
        lo, hi = np.searchsorted(self.present, [start, stop]).tolist()
        present = self.present[lo:hi] - np.uint32(start)
        return partial_column(stop - start, present, self.vectors.slice(lo, hi))

    def concat(self, columns: Sequence[VectorColumn]) -> VectorColumn:
        """Return one or more columns laid end to end."""
        return concat_columns(columns)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return ``present`` and the arrays of the vectors."""
        return {"present": self.present, **self.vectors.arrays()}


@dataclass(frozen=True, slots=True, eq=False)
class PartialVectors:
    """The vectors of one field where some points of a call have none, in columns.

    A list may hold None in the place of a vector instead.

    Parameters
    ----------
    vectors : array or list
        One for each point that has one, in any form that the field takes.
    present : (n,) array of bool
        Whether each point of the call has one.
    """

    vectors: Any
    present: Any


def partial_column(n: int, present: Present, vectors: VectorColumn) -> VectorColumn:
    """Return ``n`` rows of which those of ``present`` have the vectors; those alone when all have."""
    return vectors if len(present) == n else PartialColumn(n, present, vectors)


def column_of(
    kind: StoredKind, arrays: Mapping[str, NDArray[Any]], n: int, source: str = "vectors"
) -> VectorColumn:
    """Return the column of ``n`` rows over arrays that a column gave.

    Raises
    ------
    CorruptionError
        When the arrays do not fit each other, or ``n``.
    """
    rest = dict(arrays)
    present = rest.pop("present", None)
    vectors = COLUMN_OF_KIND[kind].from_arrays(rest, source)
    if present is None:
        return vectors
    return PartialColumn(n, checked_present(present, n, len(vectors), source), vectors)


def checked_present(present: NDArray[Any], n: int, n_vectors: int, source: str) -> Present:
    """Return the numbers of the rows of ``n`` that have one of the vectors; CorruptionError for others."""
    if present.dtype != np.uint32 or present.shape != (n_vectors,):
        raise CorruptionError(
            source, f"present is {present.dtype} {present.shape}, expected uint32 ({n_vectors},)"
        )
    if np.any(present[1:] <= present[:-1]) or (n_vectors and present[-1] >= n):
        raise CorruptionError(source, f"present does not ascend below {n}")
    return present


def chosen_vectors(
    present: Present | None, rows: NDArray[np.int64], read: Callable[[NDArray[np.int64]], VectorColumn]
) -> VectorColumn:
    """Return the column of ``rows``, in that order, of rows of which those of ``present`` have a vector.

    ``read`` returns the vectors at places among those that are there; ``present`` None says that all are.
    """
    if present is None:
        return read(rows)
    places, has = places_among(present, rows)
    return partial_column(len(rows), np.flatnonzero(has).astype(np.uint32), read(places[has]))


def places_among(present: Present, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the place of each of ``rows`` among those that have a vector, and which of them have one."""
    places = np.searchsorted(present, rows)
    if len(present):
        has = present[np.minimum(places, len(present) - 1)] == rows
    else:
        has = np.zeros(len(rows), np.bool_)
    return places, has


def concat_columns(columns: Sequence[VectorColumn]) -> VectorColumn:
    """Return one or more columns of one field laid end to end, of which some may lack vectors."""
    if len(columns) == 1:
        return columns[0]
    there = [column.vectors if isinstance(column, PartialColumn) else column for column in columns]
    vectors = there[0].concat(there)
    if not any(isinstance(column, PartialColumn) for column in columns):
        return vectors
    starts = np.cumsum([0, *map(len, columns)])
    present = [
        present_rows(column) + np.uint32(start) for column, start in zip(columns, starts, strict=False)
    ]
    return partial_column(int(starts[-1]), np.concatenate(present), vectors)


def map_vectors(column: VectorColumn, change: Callable[[VectorColumn], VectorColumn]) -> VectorColumn:
    """Return a column with what ``change`` makes of the vectors that are there, as many."""
    if isinstance(column, PartialColumn):
        return PartialColumn(column.n, column.present, change(column.vectors))
    return change(column)


def present_rows(column: VectorColumn) -> Present:
    """Return the rows of a column that have a vector, ascending."""
    return column.present if isinstance(column, PartialColumn) else np.arange(len(column), dtype=np.uint32)
