"""One indexed payload field of the growing segment."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ...filters.canonical import Canonical
from ...filters.conditions.scanned import (
    EqualsOne,
    HasValues,
    IsInside,
    OtherThan,
    Scanned,
)
from ...filters.conditions.text import HasWords, IsLike, OfTexts
from ...filters.expression import AnyOf, Exists, Filter, IsNull, Match
from ...filters.parsing import ParsedField
from ...schema.payload_field import FieldType
from ...vector_kinds.growable_array import GrowableArray
from ..bitmaps import bitmap, joined
from ..value_counts import rows_with
from ..value_rows import ValueRows
from .places import GrowingPlaces
from .words import GrowingWords


class GrowingPayloadField:
    """One field: the rows of each value, and for ordered kinds every (row, value) in row order."""

    __slots__ = (
        *("_kind", "_places", "_rows", "_rows_of", "_sized", "_sizes", "_values", "_words"),
        *("null", "present"),
    )

    def __init__(self, kind: FieldType) -> None:
        self._kind = kind
        self._rows_of: dict[Any, array[int]] = {}
        self._rows = GrowableArray(np.uint32)
        self._values: GrowableArray | None = None
        if kind.ordered:
            self._values = GrowableArray(np.float64 if kind is FieldType.FLOAT else np.int64)
        self._words = GrowingWords() if kind is FieldType.TEXT else None
        self._places = GrowingPlaces() if kind is FieldType.GEO else None
        self._sized = GrowableArray(np.uint32)
        self._sizes = GrowableArray(np.uint32)
        self.null = GrowableArray(np.uint32)
        self.present = GrowableArray(np.uint32)

    def extend(self, first_row: int, parsed: ParsedField) -> None:
        offset = np.uint32(first_row)
        rows = parsed.rows + offset
        if self._words is not None:
            assert isinstance(parsed.values, list)
            self._words.extend(rows, parsed.values)
        elif self._places is not None:
            self._places.extend(rows, np.asarray(parsed.values))
        else:
            self._extend_values(rows, parsed)
        self._sizes.extend(parsed.sizes)
        self._sized.extend(parsed.sized + offset)
        self.null.extend(parsed.null + offset)
        self.present.extend(parsed.present + offset)

    def _extend_values(self, rows: NDArray[np.uint32], parsed: ParsedField) -> None:
        rows_of = self._rows_of
        values = parsed.values if isinstance(parsed.values, list) else parsed.values.tolist()
        for value, row in zip(values, rows.tolist(), strict=True):
            known = rows_of.get(value)
            if known is None:
                rows_of[value] = array("I", (row,))
            else:
                known.append(row)
        if self._values is not None:
            # A reader takes the length from the rows, so the values are there before them.
            self._values.extend(np.asarray(parsed.values))
            self._rows.extend(rows)

    def equal(self, value: Canonical, n_rows: int) -> BitMap:
        rows = self._rows_of.get(value)
        # The slice is a copy made under the interpreter lock: no append can come between.
        return BitMap() if rows is None else BitMap(rows[: bisect_left(rows, n_rows)])

    def other(self, values: frozenset[Canonical], n_rows: int) -> BitMap:
        return self._of_values(lambda value: value not in values, n_rows)

    def answers(self, condition: Scanned) -> bool:
        match condition:
            case HasValues():
                return True
            case OtherThan() | IsLike():
                return self._kind is FieldType.KEYWORD
            case OfTexts():
                return self._kind in (FieldType.KEYWORD, FieldType.TEXT)
            case EqualsOne():
                return self._kind is FieldType.TEXT
            case IsInside():
                return self._kind is FieldType.GEO
        return False

    def exact(self, condition: Scanned) -> bool:
        return self._words is None or isinstance(condition, HasWords | HasValues)

    def entries(self, condition: Filter, n_rows: int) -> int:
        match condition:
            case Match(_, value):
                return len(self._rows_of.get(value, ()))
            case AnyOf(_, values):
                return sum(len(self._rows_of.get(value, ())) for value in values)
            case IsNull():
                return len(self.null)
            case Exists():
                return len(self.present)
        return n_rows

    def answer(self, condition: Scanned, n_rows: int) -> BitMap:
        if self._words is not None and not isinstance(condition, HasValues):
            return self._words.rows_of(condition, n_rows)
        match condition:
            case HasValues():
                rows = self._sized.view(len(self._sized))
                rows = rows[: np.searchsorted(rows, n_rows)]
                sizes = self._sizes.view(len(rows))
                return rows_with(condition, rows_below(self.present, n_rows), rows, sizes, n_rows)
            case IsInside(_, area):
                assert self._places is not None
                return self._places.rows_in(area, n_rows)
            case OtherThan(_, excluded):
                return self.other(excluded.texts, n_rows)
            case OfTexts():
                return self._of_values(condition.accepts, n_rows)
        raise AssertionError(f"{type(condition).__name__} has no answer")

    def _of_values(self, accepts: Callable[[Any], bool], n_rows: int) -> BitMap:
        # A list at once, as values may come while it is looked at.
        found = (rows for value, rows in list(self._rows_of.items()) if accepts(value))
        return joined(found, n_rows)

    def pairs(self, n_rows: int) -> tuple[NDArray[Any], NDArray[np.uint32]]:
        assert self._values is not None
        rows = self._rows.view(len(self._rows))
        rows = rows[: np.searchsorted(rows, n_rows)]
        return self._values.view(len(rows)), rows

    def value_rows(self, n_rows: int) -> ValueRows:
        if self._values is not None:
            values, rows = self.pairs(n_rows)
            order = np.argsort(values, kind="stable")
            return ValueRows.of_pairs(values[order], rows[order])
        # A list at once, as keys may come while it is looked at.
        found = sorted(list(self._rows_of.items()), key=itemgetter(0))
        seen = [np.frombuffer(rows[: bisect_left(rows, n_rows)], np.uint32) for _, rows in found]
        listed: list[Any] = [value for value, _ in found]
        if self._kind is not FieldType.UUID:
            return ValueRows.of_lists(listed, seen)
        by_number = ValueRows.of_lists(range(len(listed)), seen)
        of_bytes = np.array([listed[code].to_bytes(16, "big") for code in by_number.values], "S16")
        return ValueRows(of_bytes, by_number.rows, by_number.starts)

    def range(
        self, lo: Canonical | None, lo_open: bool, hi: Canonical | None, hi_open: bool, n_rows: int
    ) -> BitMap:
        values, rows = self.pairs(n_rows)
        chosen = np.ones(len(rows), np.bool_)
        if lo is not None:
            chosen &= (values > lo) if lo_open else (values >= lo)
        if hi is not None:
            chosen &= (values < hi) if hi_open else (values <= hi)
        return bitmap(rows[chosen])


def rows_below(rows: GrowableArray, n_rows: int) -> BitMap:
    known = rows.view(len(rows))
    return bitmap(known[: np.searchsorted(known, n_rows)])
