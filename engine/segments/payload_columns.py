"""Conditions on payload fields without an index, asked of the payloads of one segment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from .. import deadline
from ..filters.conditions.columns import FieldColumn, column_test
from ..filters.conditions.elements import (
    ElementColumn,
    element_columns,
    element_fields,
    element_tests,
    rows_with_element,
)
from ..filters.conditions.scanned import HasElement, Scanned
from ..filters.evaluation.scanning import ScanWork
from ..filters.paths import reader
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """The columns that are made of a payload field together, and what is asked of them.

    Attributes
    ----------
    key : str
        The payload field.
    fields : tuple of str
        By which name each column is kept.
    make : callable
        Returns the columns of what was found in payloads.
    test : callable
        Returns the rows of some positions for which the columns say that a condition holds, and perhaps of
        others; None where they do not tell.
    """

    key: str
    fields: tuple[str, ...]
    make: Callable[[list[Any]], list[Any]]
    test: Callable[[list[Any], NDArray[np.uint16]], NDArray[Any] | None]


def _field_column(found: list[Any]) -> list[Any]:
    return [FieldColumn(found)]


def _columns_of(condition: Scanned) -> _Asked | None:
    """Return the columns that tell of a condition, None where none does."""
    key = condition.key
    if isinstance(condition, HasElement):
        tests, fields = element_tests(condition), element_fields(condition)
        if tests is None:
            return None
        known = tests
        return _Asked(
            key,
            # No path has such a character.
            tuple(f"{key}\0{field}" for field in fields),
            lambda found: element_columns(found, fields),
            lambda columns, _: rows_with_element(condition, known, dict(zip(fields, columns, strict=True))),
        )
    test = column_test(condition)
    if test is None:
        return None
    of_one = test
    return _Asked(key, (key,), _field_column, lambda columns, rows: of_one(columns[0], rows))


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
        self._columns: dict[_Part, FieldColumn | ElementColumn] = {}
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
        asked = _columns_of(condition)
        found: list[NDArray[Any]] = [np.empty(0, np.uint32)]
        for number, wanted, first, stop in _cut(among, n_rows):
            rows = columns = None
            if asked is not None:
                columns = self._columns_for(asked, number, len(wanted), first, stop, work, fixed)
            if asked is not None and columns is not None:
                rows = asked.test(columns, (wanted - first).astype(np.uint16))
            if rows is not None:
                found.append(rows + np.uint32(first))
            else:
                work.payloads_read += len(wanted)
                holds = map(condition.holds, self._values(condition.key, wanted))
                found.append(wanted[np.fromiter(holds, np.bool_, len(wanted))])
        for field in () if asked is None else asked.fields:
            _BUDGET.used(self, field)
        return among & bitmap(np.concatenate(found))

    def unread(self, condition: Scanned, n_rows: int) -> float:
        """Return the share of the parts of ``n_rows`` rows of which no column tells of a condition."""
        asked = _columns_of(condition)
        if asked is None or not n_rows:
            return 1.0
        parts, field = -(-n_rows // PART_ROWS), asked.fields[0]
        return sum((field, number) not in self._columns for number in range(parts)) / parts

    def parts(
        self, field: str, among: BitMap, n_rows: int, work: ScanWork, fixed: bool
    ) -> Iterator[ReadPart]:
        """Yield the values of a field in the rows ``among``, part after part, as :meth:`holding` does."""
        asked = _Asked(field, (field,), _field_column, lambda _, rows: rows)
        for number, wanted, first, stop in _cut(among, n_rows):
            columns = self._columns_for(asked, number, len(wanted), first, stop, work, fixed)
            column = None if columns is None else columns[0]
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

    def _columns_for(
        self, asked: _Asked, number: int, n_wanted: int, first: int, stop: int, work: ScanWork, fixed: bool
    ) -> list[Any] | None:
        """Return the columns of a part, None where few rows are asked for or others will come."""
        columns = [self._columns.get((field, number)) for field in asked.fields]
        if any(column is None for column in columns):
            if not fixed and stop - first != PART_ROWS:
                return None
            return self._worth_making(asked, number, n_wanted, first, stop, work)
        return columns

    def _worth_making(
        self, asked: _Asked, number: int, n_wanted: int, first: int, stop: int, work: ScanWork
    ) -> list[Any] | None:
        """Return the columns of a part if that pays; else None, and count what is read instead."""
        part = asked.fields[0], number
        read = self._read_before.get(part, 0) + n_wanted
        if read < _WORTH_MAKING * (stop - first):
            # Callers may come with ever new fields.
            if len(self._read_before) >= _PARTS_COUNTED:
                self._read_before.clear()
            self._read_before[part] = read
            return None
        made: list[tuple[str, int]] = []
        with self._lock:
            columns: list[Any] = [self._columns.get((field, number)) for field in asked.fields]
            if any(column is None for column in columns):
                columns = asked.make(self._values(asked.key, np.arange(first, stop)))
                for field, column in zip(asked.fields, columns, strict=True):
                    if (field, number) not in self._columns:
                        made.append((field, column.nbytes))
                    self._columns[field, number] = column
                self._read_before.pop(part, None)
                work.payloads_read += stop - first
        for field, taken in made:
            _BUDGET.used(self, field, taken)
        return columns

    def _values(self, key: str, rows: NDArray[np.int64]) -> list[Any]:
        values: list[Any] = []
        found_in = reader(key)
        for start in range(0, len(rows), _ROWS_BETWEEN_CHECKS):
            deadline.check()
            values += map(found_in, self._read(rows[start : start + _ROWS_BETWEEN_CHECKS]))
        return values


@dataclass(frozen=True, slots=True)
class AskedPayloads:
    """The payloads of the first rows of a segment, as one filter asks for them.

    Attributes
    ----------
    columns : PayloadColumns
    n_rows : int
    work : ScanWork
        Where it is counted what was read.
    fixed : bool
        Whether no row will come behind the last.
    """

    columns: PayloadColumns
    n_rows: int
    work: ScanWork
    fixed: bool

    def holding(self, condition: Scanned, among: BitMap) -> BitMap:
        """Return those of the rows ``among`` for which a condition holds."""
        return self.columns.holding(condition, among, self.n_rows, self.work, self.fixed)

    def unread(self, condition: Scanned) -> float:
        """Return of which share of the rows payloads would be read for a condition."""
        return self.columns.unread(condition, self.n_rows)


def _cut(among: BitMap, n_rows: int) -> Iterator[tuple[int, NDArray[np.int64], int, int]]:
    """Yield of each part that has rows ``among`` its number, those rows, its first row and where it ends."""
    rows = rows_of(among)
    cuts = np.searchsorted(rows, np.arange(0, n_rows + PART_ROWS, PART_ROWS)).tolist()
    for number in np.flatnonzero(np.diff(cuts)).tolist():
        deadline.check()
        first = number * PART_ROWS
        yield number, rows[cuts[number] : cuts[number + 1]], first, min(first + PART_ROWS, n_rows)
