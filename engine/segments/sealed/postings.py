"""Filter postings of a sealed segment: roaring bitmaps by field and key, and sorted values for ranges.

Keys of a field, all optional, with a serialized set of rows as value::

    p                         rows whose payload has the field
    n                         rows of which it, or a value in its list, is null
    = value                   keyword and bool fields: rows with this value (text as UTF-8; true, false)
    # BLAKE2b-32 of value     the same for a text of more than 255 bytes
    b bucket, u16 big endian  ordered fields: rows of one bucket

A uuid field has ``posting.FIELD.value`` (m, 16) uint8, big endian and ascending, and the rows as below.

An ordered field also has the arrays ``posting.FIELD.value`` (m,) ascending, int64 or float64, and
``posting.FIELD.row`` (m,) uint32, one pair for each value of each row, equal values by row. From
``_BUCKETS_FROM`` pairs on they are cut into 256 buckets of equal length, the last of which may be shorter, so
that a wide range is a union of bitmaps and two short ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ....storage.columns.payloads import PayloadColumn
from ....storage.errors import CorruptionError
from ...filters.canonical import Canonical
from ...filters.parsing import ParsedField, parse_fields
from ...schema.payload_field import FieldType
from ..bitmaps import bitmap
from .kept_sets import KeptSets

ARRAYS = "posting."
"""How the names of the arrays begin."""

_PRESENT = b"p"
_NULL = b"n"
VALUE = b"="
LONG_VALUE = b"#"
_BUCKET = b"b"

_MAX_VALUE_BYTES = 255
_BUCKETS = 256
# Fewer rows are read as fast as they would be found again.
_WORTH_KEEPING = 1024
_UUID = np.dtype("S16")
_BUCKETS_FROM = 16_384

Posting = tuple[str, bytes, bytes]


class PostingsFile(Protocol):
    """The part of a segment that holds its postings."""

    def posting(self, field: str, key: bytes) -> bytes | None:
        """Return what was stored for one key of a field, None if nothing was."""

    def array(self, name: str) -> NDArray[Any]:
        """Return one array."""


def build(
    fields: Mapping[str, FieldType], payloads: PayloadColumn
) -> tuple[Iterable[Posting], dict[str, NDArray[Any]]]:
    """Return the postings of a segment with these payloads: (field, key, bytes) each, and arrays by name.

    The postings are made as they are read, each once.
    """
    parsed = parse_fields(fields, payloads, stored=True)
    arrays: dict[str, NDArray[Any]] = {}
    for path, field in parsed.items():
        values = field.values
        if fields[path] is FieldType.UUID:
            values = _uuids(field.values)
        if isinstance(values, np.ndarray):
            order = np.argsort(values, kind="stable")
            stored = values[order]
            arrays[_value_array(path)] = stored if stored.dtype != _UUID else _bytes_of(stored)
            arrays[_row_array(path)] = field.rows[order]
    return _postings(fields, parsed, arrays), arrays


class SegmentPostings:
    """The postings of one segment, as ``evaluation.evaluate`` reads them. Immutable, safe to share."""

    def __init__(self, file: PostingsFile, fields: Mapping[str, FieldType]) -> None:
        self._file = file
        self._kept = KeptSets()
        self._sorted: dict[str, tuple[NDArray[Any], NDArray[np.uint32]]] = {}
        for path, kind in fields.items():
            if not kind.ordered and kind is not FieldType.UUID:
                continue
            values, rows = file.array(_value_array(path)), file.array(_row_array(path))
            if kind is FieldType.UUID:
                values = _checked_uuids(path, values)
            self._sorted[path] = values, rows
            if values.shape != rows.shape or rows.dtype != np.uint32:
                raise CorruptionError(
                    "segment", f"field {path!r} has values {values.shape} for rows {rows.dtype} {rows.shape}"
                )

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
            return self._posting(field, _value_key(value))
        if found.dtype != _UUID:
            return self._range(field, value, False, value, False)
        wanted = _uuids([value])[0]
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
        size = _bucket_size(len(values))
        first, last = -(-start // size), stop // size
        if len(values) < _BUCKETS_FROM or last - first < 2:
            return _set_of(rows[start:stop])
        whole = [self._posting(field, _bucket_key(bucket)) for bucket in range(first, last)]
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
        wanted = _uuids(values) if found.dtype == _UUID else np.array(values, found.dtype)
        return _set_of(rows[np.isin(found, wanted, invert=True)])

    def null(self, field: str) -> BitMap:
        """Return the rows of which the field, or one of its values, is null."""
        return self._kept.get(field, "null", partial(self._posting, field, _NULL))

    def present(self, field: str) -> BitMap:
        """Return the rows whose payload has the field."""
        return self._kept.get(field, "present", partial(self._posting, field, _PRESENT))

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


def _postings(
    fields: Mapping[str, FieldType], parsed: dict[str, ParsedField], arrays: dict[str, NDArray[Any]]
) -> Iterator[Posting]:
    for path, field in parsed.items():
        if len(field.present):
            yield path, _PRESENT, bitmap(field.present).serialize()
        if len(field.null):
            yield path, _NULL, bitmap(field.null).serialize()
        if fields[path] is FieldType.UUID:
            continue
        if isinstance(field.values, list):
            yield from _value_postings(path, field.rows, field.values)
        else:
            yield from _bucket_postings(path, arrays[_row_array(path)])


def _value_postings(path: str, rows: NDArray[np.uint32], values: list[Any]) -> Iterator[Posting]:
    codes_of = {value: code for code, value in enumerate(dict.fromkeys(values))}
    codes = np.fromiter(map(codes_of.__getitem__, values), np.int64, len(values))
    by_value = rows[np.argsort(codes, kind="stable")]
    ends = np.cumsum(np.bincount(codes, minlength=len(codes_of)))
    start = 0
    for value, end in zip(codes_of, ends.tolist(), strict=True):
        yield path, _value_key(value), bitmap(by_value[start:end]).serialize()
        start = end


def _bucket_postings(path: str, rows: NDArray[np.uint32]) -> Iterator[Posting]:
    if len(rows) < _BUCKETS_FROM:
        return
    size = _bucket_size(len(rows))
    for bucket, start in enumerate(range(0, len(rows), size)):
        yield path, _bucket_key(bucket), _set_of(rows[start : start + size]).serialize()


def _set_of(rows: NDArray[np.uint32]) -> BitMap:
    # A bitmap takes ascending rows more than ten times as fast as scattered ones.
    return bitmap(np.sort(rows))


def _bucket_size(n: int) -> int:
    return max(-(-n // _BUCKETS), 1)


def _bucket_key(bucket: int) -> bytes:
    return _BUCKET + bucket.to_bytes(2, "big")


def _value_key(value: Canonical) -> bytes:
    if isinstance(value, bool):
        return VALUE + (b"true" if value else b"false")
    encoded = str(value).encode()
    if len(encoded) > _MAX_VALUE_BYTES:
        return LONG_VALUE + blake2b(encoded, digest_size=32).digest()
    return VALUE + encoded


def _uuids(numbers: Iterable[Any]) -> NDArray[Any]:
    return np.array([number.to_bytes(16, "big") for number in numbers], _UUID)


def _bytes_of(uuids: NDArray[Any]) -> NDArray[np.uint8]:
    return uuids.view(np.uint8).reshape(-1, 16)


def _checked_uuids(path: str, stored: NDArray[Any]) -> NDArray[Any]:
    if stored.dtype != np.uint8 or stored.ndim != 2 or stored.shape[1] != 16:
        raise CorruptionError("segment", f"field {path!r} has uuids {stored.dtype} {stored.shape}")
    # Of one length, texts of bytes are in the order of numbers that are big endian.
    return np.ascontiguousarray(stored).view(_UUID)[:, 0]


def _value_array(path: str) -> str:
    return f"{ARRAYS}{path}.value"


def _row_array(path: str) -> str:
    return f"{ARRAYS}{path}.row"
