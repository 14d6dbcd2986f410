"""The values of one payload field in some rows, by JSON type: arrays that conditions are asked of at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..areas import point_of
from ..canonical import INT64_MAX, INT64_MIN, MISSING
from .scanned import (
    Between,
    DuringTimes,
    EqualsOne,
    HasElement,
    HasNull,
    HasValues,
    IsInside,
    IsThere,
    Number,
    OtherThan,
    Scanned,
    size_of,
    time_of,
    values_of,
)
from .text import OfTexts

MOST_ROWS = 1 << 16
"""Rows of one column, which are numbered from 0 in 16 bits."""

Rows = NDArray[np.uint16]
Test = Callable[["FieldColumn", Rows], Rows]

_NO_ROWS = np.empty(0, np.uint16)
# About what a column takes beside its values, and a text, with its number and time, beside its characters.
_BYTES_OF_COLUMN = 2048
_BYTES_OF_TEXT = 190
_WHOLE_NUMBERS: dict[np.dtype[Any], tuple[int, int]] = {
    np.dtype(np.int64): (INT64_MIN, INT64_MAX),
    np.dtype(np.uint64): (INT64_MAX + 1, 2**64 - 1),
}
_FLOAT: np.dtype[Any] = np.dtype(np.float64)


class FieldColumn:
    """One field of n rows, by their positions 0 to n - 1. Immutable.

    Parameters
    ----------
    found : sequence
        What ``paths.reader`` found in each payload.

    Attributes
    ----------
    present, null, true, false : (m,) uint16
        Rows that have the field; those of which it, or a value in its list, is null, true, false. A row may
        occur twice.
    others : (o,) uint16
        Rows of which a value is an object or a list.
    points : (lat, lon, rows)
        Those of the objects that are points of the earth.
    single : (s,) uint16
        Rows with one value at a place of the field.
    sizes : (sizes, rows)
        How many values are at each other place, null being none.
    numbers : list of (values, rows)
        Those of int64, those beyond it as uint64, and those of float64, each with its row.
    texts : dict
        The number of each text.
    codes, text_rows : (t,) uint16
        The number and the row of every text; numbers in 32 bits where there are more.
    """

    def __init__(self, found: Sequence[Any]) -> None:
        assert len(found) <= MOST_ROWS
        kinds = set(map(type, found))
        everywhere = np.arange(len(found), dtype=np.uint16)
        self.n_rows = len(found)
        by_type: dict[type, tuple[Any, Any]] = {}
        if len(kinds) == 1 and kinds <= {str, int, float, bool}:
            self.present = self.single = everywhere
            self.sizes = np.empty(0, np.int32), _NO_ROWS
            by_type[kinds.pop()] = (found, everywhere)
        else:
            self.present, self.single, self.sizes, by_type = _by_type(found)
        none: tuple[Any, Any] = ((), _NO_ROWS)
        self.null = by_type.get(type(None), none)[1]
        self.points = _points(*by_type.get(dict, none))
        self.others = np.concatenate([by_type.get(kind, none)[1] for kind in (dict, list)])
        bools, rows = by_type.get(bool, none)
        truth = np.array(bools, np.bool_)
        self.true, self.false = rows[truth], rows[~truth]
        self.numbers = [*_whole(*by_type.get(int, none)), *_floats(*by_type.get(float, none))]
        texts, self.text_rows = by_type.get(str, none)
        self.texts = {text: code for code, text in enumerate(dict.fromkeys(texts))}
        width = np.uint16 if len(self.texts) <= MOST_ROWS else np.uint32
        self.codes = np.fromiter(map(self.texts.__getitem__, texts), width, len(texts))

    @property
    def nbytes(self) -> int:
        """Bytes in memory, of texts about."""
        arrays = [self.present, self.null, self.true, self.false, self.codes, self.text_rows]
        arrays += [self.others, *self.points, *self.sizes]
        arrays += [] if self.single is self.present else [self.single]
        arrays += [array for pair in self.numbers for array in pair]
        texts = sum(map(len, self.texts)) + _BYTES_OF_TEXT * len(self.texts)
        return _BYTES_OF_COLUMN + texts + sum(int(array.nbytes) for array in arrays)

    @cached_property
    def times(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The time that each text is, in microseconds from 1970, and whether it is one."""
        moments = [time_of(text) for text in self.texts]
        is_time = np.array([moment is not None for moment in moments], np.bool_)
        return np.array([moment or 0 for moment in moments], np.int64), is_time

    def rows_of_texts(self, chosen: NDArray[np.bool_]) -> Rows:
        """Return the rows of the texts that are chosen by number."""
        rows: Rows = self.text_rows[chosen[self.codes]]
        return rows

    def rows_accepted(self, accepts: Callable[[str], bool], among: Rows) -> Rows:
        """Return the rows of the texts that are accepted, of which those of the rows ``among`` are asked."""
        wanted, asked = np.zeros(self.n_rows, np.bool_), np.zeros(len(self.texts), np.bool_)
        wanted[among] = True
        asked[self.codes[wanted[self.text_rows]]] = True
        chosen = asked.copy()
        chosen[asked] = np.fromiter(map(accepts, compress(self.texts, asked.tolist())), np.bool_)
        return self.rows_of_texts(chosen)


def column_test(condition: Scanned) -> Test | None:
    """Return what finds the rows of columns for which a condition holds, None where columns do not tell.

    It finds those of the rows that it is given, and perhaps others; a row may occur twice.
    """
    match condition:
        case EqualsOne():
            return _equality(condition)
        case OtherThan():
            return _inequality(condition)
        case HasValues():
            return _counting(condition)
        case Between():
            return _between(condition)
        case DuringTimes():
            return _during(condition)
        case HasNull():
            return lambda column, _: column.null
        case IsThere():
            return lambda column, _: column.present
        case IsInside(_, area):
            return lambda column, _: column.points[2][area.contains(*column.points[:2])]
        case OfTexts():
            return lambda column, among: column.rows_accepted(condition.accepts, among)
        case HasElement():
            return None
    raise AssertionError(f"{type(condition).__name__} is no condition")


def _by_type(
    found: Sequence[Any],
) -> tuple[Rows, Rows, tuple[NDArray[np.int32], Rows], dict[type, tuple[Any, Any]]]:
    present: list[int] = []
    single: list[int] = []
    sizes: list[int] = []
    sized: list[int] = []
    listed: dict[type, tuple[list[Any], list[int]]] = {}
    for row, value in enumerate(found):
        if value is MISSING:
            continue
        present.append(row)
        # Most are plain, and calls cost more than the rest.
        kind = type(value)
        items = value if kind is list else values_of(value) if kind is tuple else (value,)
        if kind is tuple:
            single += [row for place in value if size_of(place) == 1]
            others = [size for size in map(size_of, value) if size != 1]
            sizes += others
            sized += [row] * len(others)
        elif value is None or (kind is list and len(value) != 1):
            sizes.append(size_of(value))
            sized.append(row)
        else:
            single.append(row)
        for item in items:
            values, rows = listed.setdefault(type(item), ([], []))
            values.append(item)
            rows.append(row)
    by_type = {kind: (values, np.array(rows, np.uint16)) for kind, (values, rows) in listed.items()}
    of_places = np.array(sizes, np.int32), np.array(sized, np.uint16)
    return np.array(present, np.uint16), np.array(single, np.uint16), of_places, by_type


def _points(objects: Sequence[Any], rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64], Rows]:
    found = [(point, row) for value, row in zip(objects, rows, strict=True) if (point := point_of(value))]
    places = np.array([point for point, _ in found], np.float64).reshape(-1, 2)
    return places[:, 0], places[:, 1], np.array([row for _, row in found], np.uint16)


def _whole(values: Sequence[int], rows: Rows) -> Iterable[tuple[NDArray[Any], Rows]]:
    if not len(values):
        return
    try:
        yield np.array(values, np.int64), rows
    except OverflowError:
        large = np.array([value > INT64_MAX for value in values], np.bool_)
        yield np.array([value for value in values if value <= INT64_MAX], np.int64), rows[~large]
        yield np.array([value for value in values if value > INT64_MAX], np.uint64), rows[large]


def _floats(values: Sequence[float], rows: Rows) -> Iterable[tuple[NDArray[Any], Rows]]:
    if len(values):
        yield np.array(values, np.float64), rows


def _wanted(numbers: Iterable[Number]) -> dict[np.dtype[Any], NDArray[Any]]:
    """Return the numbers that values of each type can equal."""
    wanted: dict[np.dtype[Any], NDArray[Any]] = {}
    for dtype, (least, most) in _WHOLE_NUMBERS.items():
        whole = [int(number) for number in numbers if least <= number <= most and number == int(number)]
        wanted[dtype] = np.array(whole, dtype)
    wanted[_FLOAT] = np.array([near for number in numbers if (near := _nearest(number)) == number], _FLOAT)
    return wanted


def _equality(condition: EqualsOne) -> Test:
    numbers, wanted = condition.numbers, _wanted(condition.numbers)

    def test(column: FieldColumn, _: Rows) -> Rows:
        parts = [rows[np.isin(values, wanted[values.dtype])] for values, rows in column.numbers if numbers]
        if condition.texts:
            parts.append(column.rows_of_texts(_chosen(column, condition.texts)))
        if True in condition.bools:
            parts.append(column.true)
        if False in condition.bools:
            parts.append(column.false)
        return np.concatenate([_NO_ROWS, *parts])

    return test


def _inequality(condition: OtherThan) -> Test:
    excluded = condition.excluded
    wanted = _wanted(excluded.numbers)

    def test(column: FieldColumn, _: Rows) -> Rows:
        parts = [rows[~np.isin(values, wanted[values.dtype])] for values, rows in column.numbers]
        parts += [column.rows_of_texts(~_chosen(column, excluded.texts))]
        parts += [] if condition.plain else [column.others]
        parts += [
            rows
            for truth, rows in ((True, column.true), (False, column.false))
            if truth not in excluded.bools
        ]
        return np.concatenate([_NO_ROWS, *parts])

    return test


def _counting(condition: HasValues) -> Test:
    least, most = condition.least, condition.most

    def test(column: FieldColumn, _: Rows) -> Rows:
        sizes, rows = column.sizes
        rows = rows[(sizes >= least) & (True if most is None else sizes <= most)]
        if condition.includes(1):
            rows = np.concatenate([rows, column.single])
        if not condition.includes(0):
            return rows
        missing = np.ones(column.n_rows, np.bool_)
        missing[column.present] = False
        return np.concatenate([rows, np.flatnonzero(missing).astype(np.uint16)])

    return test


def _chosen(column: FieldColumn, wanted: frozenset[str]) -> NDArray[np.bool_]:
    chosen = np.zeros(len(column.texts), np.bool_)
    chosen[[column.texts[text] for text in wanted & column.texts.keys()]] = True
    return chosen


def _between(condition: Between) -> Test:
    lo, hi = condition.lo, condition.hi
    limits = {dtype: _whole_limits(condition, *ends) for dtype, ends in _WHOLE_NUMBERS.items()}
    low = -math.inf if lo is None else _nearest(lo)
    high = math.inf if hi is None else _nearest(hi)
    # Between a bound and the float nearest to it there is no other float.
    above = lo is not None and (low < lo or (low == lo and condition.lo_open))
    below = hi is not None and (high > hi or (high == hi and condition.hi_open))

    def test(column: FieldColumn, _: Rows) -> Rows:
        parts = [_NO_ROWS]
        for values, rows in column.numbers:
            if values.dtype == _FLOAT:
                after = values > low if above else values >= low
                parts.append(rows[after & (values < high if below else values <= high)])
            elif (limit := limits[values.dtype]) is not None:
                parts.append(rows[(values >= limit[0]) & (values <= limit[1])])
        return np.concatenate(parts)

    return test


def _whole_limits(condition: Between, least: int, most: int) -> tuple[Any, Any] | None:
    """Return the first and the last whole number between the bounds, None when there is none."""
    lo, hi = condition.lo, condition.hi
    if lo is not None:
        least = max(least, math.floor(lo) + 1 if condition.lo_open else math.ceil(lo))
    if hi is not None:
        most = min(most, math.ceil(hi) - 1 if condition.hi_open else math.floor(hi))
    return (least, most) if least <= most else None


def _nearest(number: Number) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _during(condition: DuringTimes) -> Test:
    def test(column: FieldColumn, _: Rows) -> Rows:
        times, is_time = column.times
        return column.rows_of_texts(is_time & (times >= condition.first) & (times <= condition.last))

    return test
