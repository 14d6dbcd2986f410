"""The indexed fields of payloads, and of objects in them, read and checked before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.columns.payloads import PayloadColumn
from ..errors import InvalidArgument
from ..schema.payload_field import FieldType
from .areas import point_of
from .canonical import (
    INT64_MAX,
    INT64_MIN,
    MISSING,
    canonical,
    extract,
    flat_key,
    microseconds,
    refusal,
    uuid_number,
)

Positions = NDArray[np.uint32]
Values = list[Any] | NDArray[Any]

# Payloads decoded at a time: enough to keep the loops long, few enough to keep their objects in cache.
_CHUNK_ROWS = 4096


@dataclass(frozen=True, slots=True)
class ParsedField:
    """One field of n payloads, by position 0 to n - 1.

    Attributes
    ----------
    rows : (m,) uint32
        The position of each value, ascending; a list in a payload gives several values.
    values : list of str, bool or, of uuid fields, int; or (m,) int64, or (m,) float64, or (m, 2)
        The m values in canonical form (see ``canonical``); an array for the ordered types.
    null : (a,) uint32
        Positions at which the field, or a value in its list, is null; ascending.
    present : (b,) uint32
        Positions at which the payload has the field; ascending.
    sized, sizes : (c,) uint32
        Those of them with another number of values than one, ascending, and that number; null is none.
    """

    rows: Positions
    values: Values
    null: Positions
    present: Positions
    sized: Positions
    sizes: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class ParsedElements:
    """The objects in the lists at one path of n payloads.

    Attributes
    ----------
    owners : (e,) uint32
        The position of the payload of each, ascending.
    fields : mapping
        The indexed fields of the objects, by position 0 to e - 1, under their paths from the object on.
    """

    owners: Positions
    fields: Mapping[str, ParsedField]


@dataclass(frozen=True, slots=True)
class ParsedFields:
    """The indexed fields of n payloads.

    Attributes
    ----------
    fields : mapping
    elements : mapping
        By each path that an indexed field lies under.
    """

    fields: Mapping[str, ParsedField]
    elements: Mapping[str, ParsedElements]


def element_paths(fields: Mapping[str, FieldType]) -> dict[str, dict[str, FieldType]]:
    """Return the paths under which fields lie, where lists of objects may be, and those fields from there."""
    found: dict[str, dict[str, FieldType]] = {}
    for path, kind in fields.items():
        keys = path.split(".")
        for cut in range(1, len(keys)):
            found.setdefault(".".join(keys[:cut]), {})[".".join(keys[cut:])] = kind
    return found


def parse_fields(
    fields: Mapping[str, FieldType], payloads: PayloadColumn, *, stored: bool = False
) -> ParsedFields:
    """Return the indexed fields of ``payloads``.

    With ``stored`` they were taken before, perhaps by a version that knew fewer rules: nothing is refused,
    what does not fit its field is not indexed.

    They are read from the stored JSON rather than from what the caller passed, so that a payload is indexed
    in the same way now, when the log is replayed and when a segment is built.

    Raises
    ------
    InvalidArgument
        At the first row that holds a value of another type than its field, or spells the path of one as a
        key with dots, under which no filter would find it.
    """
    if not fields:
        return ParsedFields({}, {})
    lists = {path: _Lists(path, within) for path, within in element_paths(fields).items()}
    parts: dict[str, list[ParsedField]] = {path: [] for path in fields}
    for start in range(0, max(len(payloads), 1), _CHUNK_ROWS):
        stop = min(start + _CHUNK_ROWS, len(payloads))
        rows = payloads.slice(start, stop).to_list()
        for path, kind in fields.items():
            parts[path].append(_parse(path, kind, rows, start, stored))
        for each in lists.values():
            each.add(rows, start)
    return ParsedFields(
        {path: _joined(found) for path, found in parts.items()},
        {path: each.parsed() for path, each in lists.items()},
    )


class _Lists:
    """The objects in the lists at one path, read part by part of the payloads."""

    def __init__(self, path: str, fields: Mapping[str, FieldType]) -> None:
        self._path, self._kinds = path, fields
        self._owners: list[int] = []
        self._parts: dict[str, list[ParsedField]] = {field: [] for field in fields}
        self.add([], 0)

    def add(self, payloads: Sequence[dict[str, Any]], first: int) -> None:
        """Read the objects of payloads, which are the ``first`` and those behind it."""
        objects: list[dict[str, Any]] = []
        start = len(self._owners)
        for row, payload in enumerate(payloads, first):
            found = extract(payload, self._path)
            if type(found) is list:
                elements = [each for each in found if type(each) is dict]
                objects += elements
                self._owners += [row] * len(elements)
        if objects or not payloads:
            for field, kind in self._kinds.items():
                # Whatever does not fit was refused as a value of the payload.
                self._parts[field].append(_parse(field, kind, objects, start, stored=True))

    def parsed(self) -> ParsedElements:
        """Return what was read."""
        fields = {field: _joined(parts) for field, parts in self._parts.items()}
        return ParsedElements(np.array(self._owners, np.uint32), fields)


def _joined(parts: Sequence[ParsedField]) -> ParsedField:
    if len(parts) == 1:
        return parts[0]
    values: Values
    if isinstance(parts[0].values, list):
        values = [value for part in parts for value in part.values]
    else:
        values = np.concatenate([part.values for part in parts])
    return ParsedField(
        np.concatenate([part.rows for part in parts]),
        values,
        np.concatenate([part.null for part in parts]),
        np.concatenate([part.present for part in parts]),
        np.concatenate([part.sized for part in parts]),
        np.concatenate([part.sizes for part in parts]),
    )


def _stored(values: list[Any], kind: FieldType) -> Values:
    if kind is FieldType.GEO:
        return np.array(values, np.float64).reshape(-1, 2)
    if not kind.ordered:
        return values
    return np.array(values, np.float64 if kind is FieldType.FLOAT else np.int64)


def _parse(
    path: str, kind: FieldType, payloads: Sequence[dict[str, Any]], first: int, stored: bool
) -> ParsedField:
    if "." in path:
        if not stored:
            _refuse_flat_keys(path, payloads, first)
        column = [extract(payload, path) for payload in payloads]
    else:
        column = [payload.get(path, MISSING) for payload in payloads]
    values = _plain_values(column, kind)
    if values is None:
        return _parse_each(path, kind, column, first, stored)
    everywhere = np.arange(first, first + len(column), dtype=np.uint32)
    none = np.empty(0, np.uint32)
    return ParsedField(everywhere, _stored(values, kind), none, everywhere, none, none)


def _plain_values(column: list[Any], kind: FieldType) -> list[Any] | None:
    """Return the canonical values of a column that has one in every row, None for any other column."""
    found = set(map(type, column))
    match kind:
        case FieldType.KEYWORD | FieldType.TEXT if found == {str}:
            return column
        case FieldType.BOOL if found == {bool}:
            return column
        case FieldType.INTEGER if found == {int} and min(column) >= INT64_MIN and max(column) <= INT64_MAX:
            return column
        case FieldType.FLOAT if found and found <= {int, float}:
            return list(map(float, column))
        case FieldType.DATETIME if found == {str}:
            try:
                return list(map(microseconds, column))
            except ValueError:
                return None
        case FieldType.GEO if found == {dict}:
            points = list(map(point_of, column))
            return None if None in points else points
        case FieldType.UUID if found == {str}:
            try:
                return list(map(uuid_number, column))
            except ValueError:
                return None
    return None


def _refuse_flat_keys(path: str, payloads: Sequence[dict[str, Any]], first: int) -> None:
    for row, payload in enumerate(payloads, first):
        key = flat_key(payload, path)
        if key is not None:
            raise InvalidArgument(
                f"payloads row {row} has the key {key!r}, but the indexed field {path!r} reads objects in "
                f"objects, {_nested(path)}, and would not find it; nest the payload so",
                field="payloads",
            )


def _nested(path: str) -> str:
    opened = "".join(f"{{{key!r}: " for key in path.split("."))
    return f"{opened}...{'}' * (path.count('.') + 1)}"


def _parse_each(path: str, kind: FieldType, column: Iterable[Any], first: int, stored: bool) -> ParsedField:
    rows: list[int] = []
    values: list[Any] = []
    null: list[int] = []
    present: list[int] = []
    sized: list[int] = []
    sizes: list[int] = []
    for row, value in enumerate(column, first):
        if value is MISSING:
            continue
        present.append(row)
        items = value if type(value) is list else (value,)
        if value is None or len(items) != 1:
            sized.append(row)
            sizes.append(0 if value is None else len(items))
        found = []
        for item in items:
            if item is None:
                continue
            try:
                found.append(canonical(item, kind))
            except ValueError as error:
                if not stored:
                    raise refusal(path, row, error) from error
        if None in items:
            null.append(row)
        rows.extend([row] * len(found))
        values.extend(found)
    return ParsedField(
        np.array(rows, np.uint32),
        _stored(values, kind),
        np.array(null, np.uint32),
        np.array(present, np.uint32),
        np.array(sized, np.uint32),
        np.array(sizes, np.uint32),
    )
