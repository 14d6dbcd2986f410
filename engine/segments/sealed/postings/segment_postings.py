"""The filter postings of a sealed segment as filters read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from .....indexes.rows.bits import Bitset, n_words, of_serialized
from .....storage.errors import CorruptionError
from ....filters.canonical import Canonical
from ....filters.conditions.scanned import (
    EqualsOne,
    HasElement,
    HasValues,
    IsInside,
    OtherThan,
    Scanned,
)
from ....filters.conditions.text import HasWords, IsLike, OfTexts
from ....filters.evaluation.costs import FEW
from ....filters.expression import AnyOf, Filter, Match, Range, key_of
from ....filters.parsing import element_paths
from ....schema.payload_field import FieldType
from ...bitmaps import bitmap, rows_of
from ...filtering.elements import Elements
from ...value_counts import rows_with
from .kept_sets import KeptSets
from .keys import ARRAYS, NULL, PRESENT, array_name, element_path, value_key
from .keywords import ARRAYS as KEYWORDS
from .keywords import Keywords
from .ordered import Ordered
from .places import ARRAYS as PLACES
from .places import Places
from .uuids import UUID, as_uuids, stored_uuids
from .words import ARRAYS as WORDS
from .words import Words

# Fewer rows are read as fast as they would be found again.
_WORTH_KEEPING = 1024
# What it takes to compare a place with an area, in entries of an index.
_ENTRIES_A_PLACE = 5


class PostingsFile(Protocol):
    """The part of a segment that holds its postings."""

    def posting(self, field: str, key: bytes) -> bytes | memoryview | None:
        """Return what was stored for one key of a field, None if nothing was."""

    def array(self, name: str) -> NDArray[Any]:
        """Return one array."""


class _ElementsFile:
    """The postings of the objects in the lists at one path, as if they were those of payloads."""

    def __init__(self, file: PostingsFile, path: str) -> None:
        self._file, self._path = file, path

    def posting(self, field: str, key: bytes) -> bytes | memoryview | None:
        """Return what was stored for one key of a field of the objects, None if nothing was."""
        return self._file.posting(element_path(self._path, field), key)

    def array(self, name: str) -> NDArray[Any]:
        """Return one array of a field of the objects."""
        return self._file.array(ARRAYS + element_path(self._path, name.removeprefix(ARRAYS)))


class SegmentPostings:
    """The postings of one segment, as ``evaluation.evaluate`` reads them. Immutable, safe to share."""

    def __init__(self, file: PostingsFile, fields: Mapping[str, FieldType], n_rows: int) -> None:
        self._file = file
        self._n_rows = n_rows
        self._kept = KeptSets()
        self._few = n_rows >> FEW
        self._bools = {path for path, kind in fields.items() if kind is FieldType.BOOL}
        self._ordered: dict[str, Ordered] = {}
        self._sizes: dict[str, tuple[NDArray[np.uint32], NDArray[np.uint32]]] = {}
        self._keywords: dict[str, Keywords] = {}
        self._words: dict[str, Words] = {}
        self._places: dict[str, Places] = {}
        self._under = element_paths(fields)
        self._elements: dict[str, Elements | None] = {}
        self._of_elements: dict[str, SegmentPostings] = {}
        for path, kind in fields.items():
            self._open(path, kind)
            if kind.ordered or kind is FieldType.UUID:
                self._open_ordered(path, kind)

    def _open_ordered(self, path: str, kind: FieldType) -> None:
        def array(name: str) -> NDArray[Any]:
            return self._file.array(array_name(path, name))

        values, buckets = array("value"), None
        if kind is FieldType.UUID:
            values = stored_uuids(path, values)
        # There are none of few values, nor of several in a row, nor in segments of earlier versions.
        with suppress(KeyError):
            buckets = array("bucket")
        self._ordered[path] = Ordered(path, values, array("row"), buckets, self._n_rows)

    def _open(self, path: str, kind: FieldType) -> None:
        def array(name: str) -> NDArray[Any]:
            return self._file.array(array_name(path, name))

        try:
            self._sizes[path] = array("sized"), array("size")
            if kind is FieldType.KEYWORD:
                self._keywords[path] = Keywords(*map(array, KEYWORDS))
            elif kind is FieldType.GEO:
                self._places[path] = Places(*map(array, PLACES))
            elif kind is FieldType.TEXT:
                self._words[path] = Words(partial(self._posting, path), *map(array, WORDS))
        except KeyError:
            # An earlier version wrote the segment. Payloads are read until it is merged.
            return

    @property
    def nbytes(self) -> int:
        """Bytes of the sets that are kept for filters that come again."""
        return self._kept.nbytes + sum(each.nbytes for each in list(self._of_elements.values()))

    def equal(self, field: str, value: Canonical) -> BitMap:
        """Return the rows of which a value equals ``value``."""
        return self._kept.get(field, ("equal", value), partial(self._equal, field, value), _WORTH_KEEPING)

    def range(
        self, field: str, lo: Canonical | None, lo_open: bool, hi: Canonical | None, hi_open: bool
    ) -> BitMap:
        """Return the rows of which a value lies between the bounds; None is no bound, open excludes it."""
        bounds = lo, lo_open, hi, hi_open
        return self._kept.get(field, ("range", *bounds), partial(self._range, field, *bounds))

    def equal_any(self, field: str, values: Sequence[Canonical]) -> BitMap:
        """Return the rows of which a value equals one of ``values``."""
        found = self._ordered.get(field)
        if found is None:
            return BitMap.union(BitMap(), *(self.equal(field, value) for value in values))
        return found.set_of_slices(*self._slices(field, values))

    def bits(self, condition: Filter) -> Bitset | None:
        """Return the rows of a condition as a bitset, None where a set of them is as quickly made."""
        match condition:
            case Match(field, value):
                return self._bits_equal(field, value)
            case AnyOf(field, values):
                return self._bits_of_any(field, values)
            case Range(field, lo, lo_open, hi, hi_open):
                ordered = self._ordered[field]
                start, stop = ordered.between(lo, lo_open, hi, hi_open)
                return None if stop - start <= self._few else ordered.bits_of(start, stop)
        return None

    def _bits_equal(self, field: str, value: Canonical) -> Bitset | None:
        ordered = self._ordered.get(field)
        if ordered is not None:
            starts, stops = self._slices(field, [value])
            start, stop = int(starts[0]), int(stops[0])
            return None if stop - start <= self._few else ordered.bits_of(start, stop)
        keywords = self._keywords.get(field)
        if (0 if keywords is None else keywords.count(str(value))) <= self._few and field not in self._bools:
            return None
        return self._kept.bits(field, value, partial(self._stored_bits, field, value_key(value)))

    def _bits_of_any(self, field: str, values: Sequence[Canonical]) -> Bitset | None:
        if field in self._keywords:
            return self._keywords[field].bits_of(list(map(str, values)), self._n_rows)
        if field not in self._ordered:
            return None
        return self._ordered[field].bits_of_slices(*self._slices(field, values))

    def _stored_bits(self, field: str, key: bytes) -> Bitset:
        stored = self._file.posting(field, key)
        words = np.zeros(n_words(self._n_rows), np.uint64)
        if stored is not None:
            found = of_serialized(stored, self._n_rows)
            if found is None:
                raise CorruptionError("segment", f"the posting {key!r} of field {field!r} is no set of rows")
            words = found
        return words

    def _slices(self, field: str, values: Sequence[Canonical]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        ordered = self._ordered[field]
        return ordered.slices(as_uuids(values) if ordered.values.dtype == UUID else values)

    def _equal(self, field: str, value: Canonical) -> BitMap:
        if field not in self._ordered:
            return self._posting(field, value_key(value))
        starts, stops = self._slices(field, [value])
        return self._ordered[field].set_of(int(starts[0]), int(stops[0]))

    def _range(
        self, field: str, lo: Canonical | None, lo_open: bool, hi: Canonical | None, hi_open: bool
    ) -> BitMap:
        ordered = self._ordered[field]
        return ordered.set_of(*ordered.between(lo, lo_open, hi, hi_open))

    def values(self, field: str) -> tuple[NDArray[Any], NDArray[np.uint32]]:
        """Return every value of a field of an ordered kind, ascending, and the row of each."""
        ordered = self._ordered[field]
        return ordered.values, ordered.rows

    def other(self, field: str, values: Sequence[Canonical]) -> BitMap:
        """Return the rows of which a value equals none of ``values``."""
        return self._kept.get(field, ("other", *values), partial(self._other, field, values))

    def _other(self, field: str, values: Sequence[Canonical]) -> BitMap:
        found, rows = self.values(field)
        wanted = as_uuids(values) if found.dtype == UUID else np.array(values, found.dtype)
        return _set_of(rows[np.isin(found, wanted, invert=True)])

    def answers(self, condition: Scanned) -> bool:
        """Whether :meth:`answer` knows a condition on payload fields."""
        match condition:
            case HasElement():
                elements = self._elements_at(condition.key)
                return elements is not None and elements.answers(condition)
            case HasValues():
                return condition.key in self._sizes
            case OtherThan():
                return condition.key in self._keywords
            case IsLike():
                return condition.key in self._keywords
            case OfTexts():
                return condition.key in self._keywords or condition.key in self._words
            case EqualsOne():
                return condition.key in self._words
            case IsInside():
                return condition.key in self._places
        return False

    def exact(self, condition: Scanned) -> bool:
        """Whether :meth:`answer` returns the rows for which a condition holds, and no others."""
        return condition.key not in self._words or isinstance(condition, HasWords | HasValues)

    def answer(self, condition: Scanned) -> BitMap:
        """Return the rows for which a condition holds, or may hold."""
        return self._kept.get(condition.key, condition, partial(self._answer, condition))

    def entries(self, condition: Filter) -> int:
        """Return about how many entries are read for a condition."""
        field = key_of(condition)
        match condition:
            case HasElement():
                return self._elements_of(condition).entries(condition)
            case Range(_, lo, lo_open, hi, hi_open):
                start, stop = self._ordered[field].between(lo, lo_open, hi, hi_open)
                return stop - start
            case Match(_, value) if field in self._ordered:
                return _length(self._slices(field, [value]))
            case AnyOf(_, values) if field in self._ordered:
                return _length(self._slices(field, values))
            case IsInside():
                return _ENTRIES_A_PLACE * len(self._places[field])
            case Match() | AnyOf() | OtherThan() | OfTexts() if field in self._keywords:
                return self._keywords[field].entries(condition)
            case HasWords() if field in self._words:
                return self._words[field].entries(condition)
        return self._n_rows

    def looked_up(self, condition: Filter, among: BitMap) -> BitMap | None:
        """Return those of a few rows for which a condition holds, None where a set is as quickly found."""
        match condition:
            case Range(field, lo, lo_open, hi, hi_open):
                if self._kept.has(field, ("range", lo, lo_open, hi, hi_open)):
                    return None
                ordered = self._ordered[field]
                start, stop = ordered.between(lo, lo_open, hi, hi_open)
                rows = None if stop - start <= self._few else ordered.those_in(rows_of(among), start, stop)
                return None if rows is None else bitmap(rows)
            case HasWords(field) if field in self._words and not self._kept.has(field, condition):
                return self._words[field].those_with(condition, among)
        return None

    def _answer(self, condition: Scanned) -> BitMap:
        if isinstance(condition, HasElement):
            return self._elements_of(condition).rows_of(condition)
        if isinstance(condition, HasValues):
            present = self.present(condition.key)
            return rows_with(condition, present, *self._sizes[condition.key], self._n_rows)
        if isinstance(condition, IsInside):
            return _set_of(self._places[condition.key].rows_in(condition.area))
        if condition.key in self._words:
            return self._words[condition.key].rows_of(condition)
        return _set_of(self._keywords[condition.key].rows_of(condition))

    def _elements_of(self, condition: HasElement) -> Elements:
        elements = self._elements_at(condition.key)
        assert elements is not None
        return elements

    def _elements_at(self, path: str) -> Elements | None:
        if path not in self._elements:
            self._elements[path] = self._open_elements(path) if path in self._under else None
        return self._elements[path]

    def _open_elements(self, path: str) -> Elements | None:
        try:
            owners = self._file.array(array_name(element_path(path), "owner"))
        except KeyError:
            # As for fields that an earlier version wrote.
            return None
        within = self._under[path]
        postings = SegmentPostings(_ElementsFile(self._file, path), within, len(owners))
        self._of_elements[path] = postings
        return Elements(owners, postings, frozenset(within))

    def null(self, field: str) -> BitMap:
        """Return the rows of which the field, or one of its values, is null."""
        return self._kept.get(field, "null", partial(self._posting, field, NULL))

    def present(self, field: str) -> BitMap:
        """Return the rows whose payload has the field."""
        return self._kept.get(field, "present", partial(self._posting, field, PRESENT))

    def _posting(self, field: str, key: bytes) -> BitMap:
        stored = self._file.posting(field, key)
        return BitMap() if stored is None else _set_in(field, key, stored)


def rows_of_posting(field: str, key: bytes, stored: bytes) -> NDArray[np.uint32]:
    """Return the rows of what was stored for one key of a field, ascending."""
    return np.frombuffer(_set_in(field, key, stored).to_array(), np.uint32)


def _set_in(field: str, key: bytes, stored: bytes | memoryview) -> BitMap:
    try:
        return BitMap.deserialize(bytes(stored))
    except ValueError as error:
        raise CorruptionError("segment", f"the posting {key!r} of field {field!r}: {error}") from error


def _length(slices: tuple[NDArray[np.int64], NDArray[np.int64]]) -> int:
    starts, stops = slices
    return int((stops - starts).sum())


def _set_of(rows: NDArray[np.uint32]) -> BitMap:
    # A bitmap takes ascending rows more than ten times as fast as scattered ones.
    return bitmap(np.sort(rows))
