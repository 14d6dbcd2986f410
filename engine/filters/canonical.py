"""Indexed payload fields: where they are in a payload, and the form in which their values are compared.

The canonical form of a value: text for keyword and text, bool for bool, int for integer, float for float, for
datetime the int of microseconds since 1970 in UTC, for uuid the int of its 128 bits, for
geo latitude and longitude.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from ..errors import InvalidArgument
from ..schema.payload_field import FieldType
from .areas import Corner, point_of

Canonical = str | bool | int | float

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_EXPECTED: Final = {
    FieldType.KEYWORD: "text",
    FieldType.INTEGER: "a whole number from -2**63 to 2**63 - 1",
    FieldType.FLOAT: "a finite number",
    FieldType.BOOL: "true or false",
    FieldType.DATETIME: "a time as ISO 8601 text, as '2024-05-01T12:30:00Z'",
    FieldType.TEXT: "text",
    FieldType.GEO: "a place as {'lat': 52.5, 'lon': 13.4}, in degrees",
    FieldType.UUID: "a UUID as text, as '6ba7b810-9dad-11d1-80b4-00c04fd430c8'",
}


class Missing:
    """The type of :data:`MISSING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
"""What :func:`extract` finds where a payload has no such key; null is a value, this is none."""


def extract(payload: Mapping[str, Any], path: str) -> Any:
    """Return what ``payload`` has at a dotted path, or MISSING.

    A dot goes from an object into one of its keys, and from a list into that key of each object in it: then
    what is found is one list of all values.
    """
    return extract_keys(payload, path.split("."))


def extract_keys(payload: Mapping[str, Any], keys: list[str]) -> Any:
    """Return what ``payload`` has at the path of some keys, as :func:`extract` does."""
    value: Any = payload
    for key in keys:
        # Decoded JSON has exact types, which are compared ten times as fast.
        if type(value) is not dict:
            return _extract_through_lists(payload, keys)
        value = value.get(key, MISSING)
    return value


def _extract_through_lists(value: Any, keys: list[str]) -> Any:
    for depth, key in enumerate(keys):
        if isinstance(value, list):
            return _gathered(value, keys[depth:])
        if not isinstance(value, Mapping) or key not in value:
            return MISSING
        value = value[key]
    return value


def flat_key(payload: Mapping[str, Any], path: str) -> str | None:
    """Return the key with a dot by which a payload spells ``path``, as in ``{"a.b": 7}``; None for none.

    A path goes into objects, so what stands there would never be found.
    """
    return _flat_key(payload, path.split("."), None)


def _gathered(items: list[Any], keys: list[str]) -> Any:
    found = [
        _gathered(item, keys) if isinstance(item, list) else extract_keys(item, keys)
        for item in items
        if isinstance(item, list | Mapping)
    ]
    found = [value for value in found if value is not MISSING]
    if not found:
        return MISSING
    return [item for value in found for item in (value if isinstance(value, list) else (value,))]


def _flat_key(value: Any, keys: list[str], spelled: str | None) -> str | None:
    if not keys:
        return spelled
    if isinstance(value, list):
        return next(filter(None, (_flat_key(item, keys, spelled) for item in value)), None)
    if not isinstance(value, Mapping):
        return None
    for n in range(1, len(keys) + 1):
        key = ".".join(keys[:n])
        if key in value:
            found = _flat_key(value[key], keys[n:], spelled or (key if n > 1 else None))
            if found is not None:
                return found
    return None


def canonical(value: Any, kind: FieldType) -> Canonical | Corner:
    """Return one value of an indexed field in canonical form.

    Raises
    ------
    ValueError
        When the value is not of this kind; the message says what was expected.
    """
    if kind is FieldType.GEO and (point := point_of(value)) is not None:
        return point
    if kind in (FieldType.KEYWORD, FieldType.TEXT) and isinstance(value, str):
        return value
    if kind is FieldType.BOOL and isinstance(value, bool):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is FieldType.INTEGER and is_number and isinstance(value, int) and INT64_MIN <= value <= INT64_MAX:
        return value
    if kind is FieldType.FLOAT and is_number:
        return _finite(value)
    if kind is FieldType.DATETIME and isinstance(value, str | date):
        return microseconds(value)
    if kind is FieldType.UUID and isinstance(value, str):
        return uuid_number(value)
    raise ValueError(f"is {value!r:.80} ({type(value).__name__}); expected {_EXPECTED[kind]}")


def microseconds(moment: str | date) -> int:
    """Return the microseconds from 1970 in UTC to a time; one without a zone is in UTC.

    Raises
    ------
    ValueError
        When a text is not ISO 8601.
    """
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError as error:
            expected = _EXPECTED[FieldType.DATETIME]
            raise ValueError(f"is {moment!r:.80}, which is no time; expected {expected}") from error
    elif not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND


def uuid_number(text: str) -> int:
    """Return the 128 bits of a UUID.

    Raises
    ------
    ValueError
        When a text is none.
    """
    try:
        return UUID(text).int
    except ValueError as error:
        raise ValueError(
            f"is {text!r:.80}, which is no UUID; expected {_EXPECTED[FieldType.UUID]}"
        ) from error


def refusal(path: str, row: int, error: ValueError) -> InvalidArgument:
    """Return the error for a payload whose indexed field cannot be compared."""
    return InvalidArgument(
        f"payloads row {row}: field {path!r} {error}; correct it, or do not index the field",
        field="payloads",
    )


def _finite(value: int | float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"is {value!r:.40}; expected {_EXPECTED[FieldType.FLOAT]}")
    return number
