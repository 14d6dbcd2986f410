"""Filter postings of the growing segment: extended row by row, read without locks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ....storage.columns.payloads import PayloadColumn
from ...filters.canonical import Canonical
from ...filters.conditions.scanned import (
    HasElement,
    Scanned,
)
from ...filters.expression import Filter, key_of
from ...filters.parsing import ParsedElements, ParsedField, ParsedFields, element_paths, parse_fields
from ...schema.payload_field import FieldType
from ...vector_kinds.growable_array import GrowableArray
from ..filtering.elements import Elements
from ..value_rows import ValueRows
from .payload_field import GrowingPayloadField, rows_below

__all__ = ["GrowingPostings", "GrowingReader", "ParsedFields"]


class GrowingPostings:
    """Which rows have which values in the indexed fields.

    One thread calls :meth:`apply` with ascending rows; any thread calls :meth:`parse` or reads through
    :meth:`reader`. A reader names how many rows it sees, and rows that are being applied lie beyond those.
    """

    def __init__(self, fields: Mapping[str, FieldType]) -> None:
        self._kinds = dict(fields)
        self._fields = {path: GrowingPayloadField(kind) for path, kind in fields.items()}
        self._elements = {path: _GrowingElements(within) for path, within in element_paths(fields).items()}

    def with_fields(self, fields: Mapping[str, FieldType], payloads: PayloadColumn) -> GrowingPostings:
        """Return the postings of other fields of the same rows, whose payloads are given.

        Fields that both have are shared, so that readers of either see them grow.
        """
        changed = GrowingPostings(fields)
        kept = {path: field for path, field in self._fields.items() if fields.get(path) is self._kinds[path]}
        added = {path: kind for path, kind in fields.items() if path not in kept}
        changed._fields.update(kept)
        changed._apply_fields(0, parse_fields(added, payloads, stored=True).fields)
        under, before = element_paths(fields), element_paths(self._kinds)
        alike = {path: self._elements[path] for path in under if under[path] == before.get(path)}
        changed._elements.update(alike)
        renewed = {
            f"{path}.{field}": kind
            for path, within in under.items()
            if path not in alike
            for field, kind in within.items()
        }
        changed._apply_elements(0, parse_fields(renewed, payloads, stored=True).elements, {*alike})
        return changed

    def parse(self, payloads: PayloadColumn, *, stored: bool = False) -> ParsedFields:
        """Read the indexed fields of ``payloads``, and check them unless they are stored; changes nothing.

        Raises
        ------
        InvalidArgument
            At the first row that does not fit.
        """
        return parse_fields(self._kinds, payloads, stored=stored)

    def apply(self, first_row: int, parsed: ParsedFields) -> None:
        """Take over parsed payloads as the rows from ``first_row`` on."""
        self._apply_fields(first_row, parsed.fields)
        self._apply_elements(first_row, parsed.elements)

    def _apply_fields(self, first_row: int, parsed: Mapping[str, ParsedField]) -> None:
        for path, field in parsed.items():
            self._fields[path].extend(first_row, field)

    def _apply_elements(
        self, first_row: int, parsed: Mapping[str, ParsedElements], but: Collection[str] = ()
    ) -> None:
        for path, elements in parsed.items():
            if path not in but:
                self._elements[path].extend(first_row, elements)

    def reader(self, n_rows: int) -> GrowingReader:
        """Return the postings of the first ``n_rows`` rows."""
        return GrowingReader(self._fields, n_rows, self._elements)


class GrowingReader:
    """The postings of the first rows of a growing segment, as ``evaluation.evaluate`` reads them."""

    __slots__ = ("_elements", "_fields", "_n_rows")

    def __init__(
        self, fields: Mapping[str, GrowingPayloadField], n_rows: int, elements: Mapping[str, _GrowingElements]
    ) -> None:
        self._fields = fields
        self._n_rows = n_rows
        self._elements = elements

    def equal(self, field: str, value: Canonical) -> BitMap:
        """Return the rows of which a value equals ``value``."""
        return self._fields[field].equal(value, self._n_rows)

    def equal_any(self, field: str, values: Sequence[Canonical]) -> BitMap:
        """Return the rows of which a value equals one of ``values``."""
        return BitMap.union(BitMap(), *(self.equal(field, value) for value in values))

    def bits(self, condition: Filter) -> None:
        """Return None: the few rows that grow are as quickly a set."""

    def range(
        self, field: str, lo: Canonical | None, lo_open: bool, hi: Canonical | None, hi_open: bool
    ) -> BitMap:
        """Return the rows of which a value lies between the bounds; None is no bound, open excludes it."""
        return self._fields[field].range(lo, lo_open, hi, hi_open, self._n_rows)

    def values(self, field: str) -> tuple[NDArray[Any], NDArray[np.uint32]]:
        """Return every value of a field of an ordered kind, and the row of each."""
        return self._fields[field].pairs(self._n_rows)

    def other(self, field: str, values: Sequence[Canonical]) -> BitMap:
        """Return the rows of which a value equals none of ``values``."""
        return self._fields[field].other(frozenset(values), self._n_rows)

    def value_rows(self, field: str) -> ValueRows:
        """Return the values of a field and the rows of each; those of uuid fields as 16 bytes."""
        return self._fields[field].value_rows(self._n_rows)

    def answers(self, condition: Scanned) -> bool:
        """Whether :meth:`answer` knows a condition on payload fields."""
        if isinstance(condition, HasElement):
            elements = self._elements.get(condition.key)
            return elements is not None and elements.first(self._n_rows).answers(condition)
        field = self._fields.get(condition.key)
        return field is not None and field.answers(condition)

    def exact(self, condition: Scanned) -> bool:
        """Whether :meth:`answer` returns the rows for which a condition holds, and no others."""
        return isinstance(condition, HasElement) or self._fields[condition.key].exact(condition)

    def answer(self, condition: Scanned) -> BitMap:
        """Return the rows for which a condition holds, or may hold."""
        if isinstance(condition, HasElement):
            return self._elements[condition.key].first(self._n_rows).rows_of(condition)
        return self._fields[condition.key].answer(condition, self._n_rows)

    def entries(self, condition: Filter) -> int:
        """Return about how many entries are read for a condition."""
        if isinstance(condition, HasElement):
            return self._elements[condition.key].first(self._n_rows).entries(condition)
        return self._fields[key_of(condition)].entries(condition, self._n_rows)

    def looked_up(self, condition: Filter, among: BitMap) -> None:
        """Return None: of the few rows that grow a set is as quickly found."""

    def null(self, field: str) -> BitMap:
        """Return the rows of which the field, or one of its values, is null."""
        return rows_below(self._fields[field].null, self._n_rows)

    def present(self, field: str) -> BitMap:
        """Return the rows whose payload has the field."""
        return rows_below(self._fields[field].present, self._n_rows)


class _GrowingElements:
    """The objects in the lists at one path: the row of each, and the fields of all."""

    __slots__ = ("_fields", "_owners")

    def __init__(self, fields: Mapping[str, FieldType]) -> None:
        self._fields = {path: GrowingPayloadField(kind) for path, kind in fields.items()}
        self._owners = GrowableArray(np.uint32)

    def extend(self, first_row: int, parsed: ParsedElements) -> None:
        first = len(self._owners)
        for path, field in parsed.fields.items():
            self._fields[path].extend(first, field)
        # A reader takes their number from the owners, so the fields are there before them.
        self._owners.extend(parsed.owners + np.uint32(first_row))

    def first(self, n_rows: int) -> Elements:
        """Return the objects of the first rows."""
        owners = self._owners.view(len(self._owners))
        owners = owners[: np.searchsorted(owners, n_rows)]
        return Elements(owners, GrowingReader(self._fields, len(owners), {}), frozenset(self._fields))
