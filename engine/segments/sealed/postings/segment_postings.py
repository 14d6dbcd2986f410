"""The filter postings of a sealed segment as filters read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from .....storage.errors import CorruptionError
from ....filters.canonical import Canonical
from ....filters.conditions.scanned import EqualsOne, HasValues, IsInside, OtherThan, Scanned
from ....filters.conditions.text import HasWords, IsLike, OfTexts
from ....filters.postings import Answer
from ....schema.payload_field import FieldType
from ...bitmaps import bitmap
from ...value_counts import rows_with
from .kept_sets import KeptSets
from .keys import BUCKETS_FROM, NULL, PRESENT, array_name, bucket_key, bucket_size, value_key
from .keywords import ARRAYS as KEYWORDS
from .keywords import Keywords
from .places import ARRAYS as PLACES
from .places import Places
from .uuids import UUID, as_uuids, stored_uuids
from .words import ARRAYS as WORDS
from .words import Words

# Fewer rows are read as fast as they would be found again.
_WORTH_KEEPING = 1024


class PostingsFile(Protocol):
    """The part of a segment that holds its postings."""

    def posting(self, field: str, key: bytes) -> bytes | None:
        """Return what was stored for one key of a field, None if nothing was."""

    def array(self, name: str) -> NDArray[Any]:
        """Return one array."""


class SegmentPostings:
    """The postings of one segment, as ``evaluation.evaluate`` reads them. Immutable, safe to share."""

    def __init__(self, file: PostingsFile, fields: Mapping[str, FieldType], n_rows: int) -> None:
        self._file = file
        self._n_rows = n_rows
        self._kept = KeptSets()
        self._sorted: dict[str, tuple[NDArray[Any], NDArray[np.uint32]]] = {}
        self._sizes: dict[str, tuple[NDArray[np.uint32], NDArray[np.uint32]]] = {}
        self._keywords: dict[str, Keywords] = {}
        self._words: dict[str, Words] = {}
        self._places: dict[str, Places] = {}
        for path, kind in fields.items():
            self._open(path, kind)
            if not kind.ordered and kind is not FieldType.UUID:
                continue
            values, rows = file.array(array_name(path, "value")), file.array(array_name(path, "row"))
            if kind is FieldType.UUID:
                values = stored_uuids(path, values)
            self._sorted[path] = values, rows
            if values.shape != rows.shape or rows.dtype != np.uint32:
                raise CorruptionError(
                    "segment", f"field {path!r} has values {values.shape} for rows {rows.dtype} {rows.shape}"
                )

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
        return self._kept.nbytes

    def equal(self, field: str, value: Canonical) -> BitMap:
        """Return the rows of which a value equals ``value``."""
        return self._kept.get(field, ("equal", value), partial(self._equal, field, value), _WORTH_KEEPING)

    def range(
        self, field: str, lo: Canonical | None, lo_open: bool, hi: Canonical | None, hi_open: bool
    ) -> BitMap:
        """Return the rows of which a value lies between the bounds; None is no bound, open excludes it."""
        bounds = lo, lo_open, hi, hi_open
        return self._kept.get(field, ("range", *bounds), partial(self._range, field, *bounds))

    def _equal(self, field: str, value: Canonical) -> BitMap:
        found, rows = self._sorted.get(field, (None, None))
        if found is None or rows is None:
            return self._posting(field, value_key(value))
        if found.dtype != UUID:
            return self._range(field, value, False, value, False)
        wanted = as_uuids([value])[0]
        start, stop = (int(np.searchsorted(found, wanted, side)) for side in ("left", "right"))
        return _set_of(rows[start:stop])

    def _range(
        self, field: str, lo: Canonical | None, lo_open: bool, hi: Canonical | None, hi_open: bool
    ) -> BitMap:
        values, rows = self._sorted[field]
        start, stop = 0, len(values)
        if lo is not None:
            start = int(np.searchsorted(values, lo, side="right" if lo_open else "left"))
        if hi is not None:
            stop = int(np.searchsorted(values, hi, side="left" if hi_open else "right"))
        if start >= stop:
            return BitMap()
        size = bucket_size(len(values))
        first, last = -(-start // size), stop // size
        if len(values) < BUCKETS_FROM or last - first < 2:
            return _set_of(rows[start:stop])
        whole = [self._posting(field, bucket_key(bucket)) for bucket in range(first, last)]
        ends = np.concatenate([rows[start : first * size], rows[last * size : stop]])
        return BitMap.union(_set_of(ends), *whole)

    def values(self, field: str) -> tuple[NDArray[Any], NDArray[np.uint32]]:
        """Return every value of a field of an ordered kind, ascending, and the row of each."""
        return self._sorted[field]

    def other(self, field: str, values: Sequence[Canonical]) -> BitMap:
        """Return the rows of which a value equals none of ``values``."""
        return self._kept.get(field, ("other", *values), partial(self._other, field, values))

    def _other(self, field: str, values: Sequence[Canonical]) -> BitMap:
        found, rows = self._sorted[field]
        wanted = as_uuids(values) if found.dtype == UUID else np.array(values, found.dtype)
        return _set_of(rows[np.isin(found, wanted, invert=True)])

    def answers(self, condition: Scanned) -> bool:
        """Whether :meth:`answer` knows a condition on payload fields."""
        match condition:
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

    def answer(self, condition: Scanned) -> Answer:
        """Return what is known of a condition."""
        field = condition.key
        found = self._kept.get(field, condition, partial(self._answer, condition))
        return Answer(found, exact=field not in self._words or isinstance(condition, HasWords | HasValues))

    def _answer(self, condition: Scanned) -> BitMap:
        if isinstance(condition, HasValues):
            present = self.present(condition.key)
            return rows_with(condition, present, *self._sizes[condition.key], self._n_rows)
        if isinstance(condition, IsInside):
            return _set_of(self._places[condition.key].rows_in(condition.area))
        if condition.key in self._words:
            return self._words[condition.key].rows_of(condition)
        return _set_of(self._keywords[condition.key].rows_of(condition))

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


def _set_in(field: str, key: bytes, stored: bytes) -> BitMap:
    try:
        return BitMap.deserialize(stored)
    except ValueError as error:
        raise CorruptionError("segment", f"the posting {key!r} of field {field!r}: {error}") from error


def _set_of(rows: NDArray[np.uint32]) -> BitMap:
    # A bitmap takes ascending rows more than ten times as fast as scattered ones.
    return bitmap(np.sort(rows))
