"""Conditions on payload fields without an index, asked of the payloads of one segment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from .. import deadline
from ..filters.conditions.columns import FieldColumn, column_test
from ..filters.conditions.scanned import Scanned
from ..filters.paths import reader
from ..filters.scanning import ScanWork
from .bitmaps import bitmap, rows_of
from .column_budget import ColumnBudget

PART_ROWS: Final = 8192
"""Rows whose values of a field are read and kept together."""

# What columns of all segments take; more are read again.
_BUDGET = ColumnBudget(256 << 20)
# A column of a part takes as long as reading this share of its payloads one by one.
_WORTH_MAKING = 0.7
_PARTS_COUNTED = 1 << 16
# Payloads may be large.
_ROWS_BETWEEN_CHECKS = 512

ReadPayloads = Callable[[NDArray[np.int64]], Iterable[dict[str, Any]]]
ReadPart = tuple[FieldColumn, NDArray[np.bool_] | None, NDArray[np.int64]]
"""The values of a field in some rows, which positions are asked for, None being all, and the row of each."""
_Part = tuple[str, int]


class PayloadColumns:
    """Which rows of a segment satisfy conditions on fields that it has no index of. Safe to share.

    The rows are cut into parts of ``PART_ROWS``. Of a part of which few rows are asked for, those payloads
    are read. When it would have cost less to read all of them, they are, and the values of the field are kept
    in a column that answers from then on, until the budget of all segments has no room for it.

    Threads that want the same columns make them together, some parts each; what one has made when its time is
    over is there for the next.

    Parameters
    ----------
    read : callable
        Returns the payloads of rows, in that order; rows never change.
    """

    def __init__(self, read: ReadPayloads) -> None:
        self._read = read
        self._columns: dict[_Part, FieldColumn] = {}
        # Payloads that were read one by one, of parts without a column.
        self._read_before: dict[_Part, int] = {}
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of the columns that are kept."""
        return sum(column.nbytes for column in list(self._columns.values()))

    def holding(self, condition: Scanned, among: BitMap, n_rows: int, work: ScanWork, fixed: bool) -> BitMap:
        """Return those of the rows ``among``, all below ``n_rows``, for which a condition holds.

        Parameters
        ----------
        condition : Scanned
        among : BitMap
        n_rows : int
        work : ScanWork
            Where it is counted what was read.
        fixed : bool
            Whether no row will come behind the last; otherwise a part that is not full has no column.

        Raises
        ------
        DeadlineExceeded
            The time was over before all of them were looked at.
        """
        test = column_test(condition)
        found: list[NDArray[Any]] = [np.empty(0, np.uint32)]
        for number, wanted, first, stop in _cut(among, n_rows):
            column = None
            if test is not None:
                column = self._column((condition.key, number), len(wanted), first, stop, work, fixed)
            if test is not None and column is not None:
                inside = (wanted - first).astype(np.uint16)
                found.append(test(column, inside) + np.uint32(first))
            else:
                work.payloads_read += len(wanted)
                holds = map(condition.holds, self._values(condition.key, wanted))
                found.append(wanted[np.fromiter(holds, np.bool_, len(wanted))])
        _BUDGET.used(self, condition.key)
        return among & bitmap(np.concatenate(found))

    def parts(
        self, field: str, among: BitMap, n_rows: int, work: ScanWork, fixed: bool
    ) -> Iterator[ReadPart]:
        """Yield the values of a field in the rows ``among``, part after part, as :meth:`holding` does."""
        for number, wanted, first, stop in _cut(among, n_rows):
            column = self._column((field, number), len(wanted), first, stop, work, fixed)
            if column is None:
                work.payloads_read += len(wanted)
                yield FieldColumn(self._values(field, wanted)), None, wanted
            elif len(wanted) == stop - first:
                yield column, None, wanted
            else:
                chosen = np.zeros(stop - first, np.bool_)
                chosen[wanted - first] = True
                yield column, chosen, np.arange(first, stop)
        _BUDGET.used(self, field)

    def drop(self, field: str) -> None:
        """Forget the columns of one field; scans under way go on with what they have got."""
        for part in [part for part in list(self._columns) if part[0] == field]:
            self._columns.pop(part, None)

    def _column(
        self, part: _Part, n_wanted: int, first: int, stop: int, work: ScanWork, fixed: bool
    ) -> FieldColumn | None:
        """Return the column of a part, None where few rows are asked for or others will come."""
        column = self._columns.get(part)
        if column is None and (fixed or stop - first == PART_ROWS):
            column = self._worth_making(part, n_wanted, first, stop, work)
        return column

    def _worth_making(
        self, part: _Part, n_wanted: int, first: int, stop: int, work: ScanWork
    ) -> FieldColumn | None:
        """Return the column of a part if that pays; else None, and count what is going to be read instead."""
        read = self._read_before.get(part, 0) + n_wanted
        if read < _WORTH_MAKING * (stop - first):
            # Callers may come with ever new fields.
            if len(self._read_before) >= _PARTS_COUNTED:
                self._read_before.clear()
            self._read_before[part] = read
            return None
        with self._lock:
            column = self._columns.get(part)
            if column is not None:
                return column
            column = FieldColumn(self._values(part[0], np.arange(first, stop)))
            self._columns[part] = column
            self._read_before.pop(part, None)
            work.payloads_read += stop - first
        _BUDGET.used(self, part[0], column.nbytes)
        return column

    def _values(self, key: str, rows: NDArray[np.int64]) -> list[Any]:
        values: list[Any] = []
        found_in = reader(key)
        for start in range(0, len(rows), _ROWS_BETWEEN_CHECKS):
            deadline.check()
            values += map(found_in, self._read(rows[start : start + _ROWS_BETWEEN_CHECKS]))
        return values


def _cut(among: BitMap, n_rows: int) -> Iterator[tuple[int, NDArray[np.int64], int, int]]:
    """Yield of each part that has rows ``among`` its number, those rows, its first row and where it ends."""
    rows = rows_of(among)
    cuts = np.searchsorted(rows, np.arange(0, n_rows + PART_ROWS, PART_ROWS)).tolist()
    for number in np.flatnonzero(np.diff(cuts)).tolist():
        deadline.check()
        first = number * PART_ROWS
        yield number, rows[cuts[number] : cuts[number + 1]], first, min(first + PART_ROWS, n_rows)
