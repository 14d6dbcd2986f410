"""Payloads as JSON text: one object a row, one rule of what a row may hold.

A row is an object: any mapping whose keys are text, or None for the empty one. Values are null, bool,
integers of 64 bits (signed or unsigned), finite floats, text, and lists and objects of these. Stored as
those are NumPy's numbers and arrays, members of an enumeration (their value), any sequence (a list), any
mapping (an object), a date or time (ISO 8601 text; without a zone: UTC) and a UUID (text).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import numpy as np
import orjson

from ..invalid_value import InvalidValueError

_OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
)
_EMPTY = b"{}"
# Compact JSON has no line feed of its own (text escapes it), so one between rows cuts exactly.
_ROW_END = orjson.Fragment(b"\n")
_BETWEEN_ROWS = b",\n,"
_EXPECTED = (
    "a payload is a JSON object: keys are text; values are null, bool, 64-bit integers, finite floats, text, "
    "lists or objects"
)
MAX_DEPTH = 254
"""Objects and lists that may lie in each other; the encoder knows no more."""
_ROW_TYPES = frozenset({dict, type(None)})
_WITHOUT_NUMBERS = frozenset({str, int, bool, type(None)})


def encode(rows: Sequence[Any]) -> list[bytes]:
    """Return the JSON text of each row.

    Raises
    ------
    InvalidValueError
        At the first row that is not an object or holds what JSON does not: a key that is not text, NaN,
        infinity, an integer beyond 64 bits, another type.
    """
    texts = _encode_all(rows)
    if texts is None:
        return [encode_row(row, number) for number, row in enumerate(rows)]
    # orjson writes NaN and infinity as null, so only a row with a null can hide one.
    for number, text in enumerate(texts):
        if b"null" in text and not _is_plain(rows[number]):
            texts[number] = encode_row(rows[number], number)
    return texts


def encode_row(row: Any, number: int) -> bytes:
    """Return the JSON text of one row; InvalidValueError as :func:`encode`, which calls it ``number``."""
    if row is None:
        return _EMPTY
    if not isinstance(row, Mapping):
        message = f"payloads row {number} is {row!r:.80} ({type(row).__name__}); {_EXPECTED}"
        raise InvalidValueError(message, field="payloads", row=number)
    try:
        return orjson.dumps(_plain(row, ""), None, _OPTIONS)
    except (TypeError, ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        message = f"payloads row {number} cannot be stored: {reason}; {_EXPECTED}"
        raise InvalidValueError(message, field="payloads", row=number) from error


def iso_text(moment: date) -> str:
    """Return a date or a time as ISO 8601 text; a time without a zone is one in UTC.

    Raises
    ------
    ValueError
        When it is no time, as the NaT of pandas: a datetime that does not equal itself.
    """
    if moment != moment:
        raise ValueError(f"{moment!r:.80} is no time")
    if isinstance(moment, datetime) and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.isoformat()


def _encode_all(rows: Sequence[Any]) -> list[bytes] | None:
    """Return the JSON text of each row from one call of the encoder; None when a row needs a closer look."""
    if not rows or not set(map(type, rows)) <= _ROW_TYPES:
        return None
    parts: list[Any] = [_ROW_END] * (2 * len(rows) - 1)
    parts[::2] = [row or {} for row in rows]
    try:
        text = orjson.dumps(parts, _plain_scalar, _OPTIONS)
    except TypeError:
        return None
    return text[1:-1].split(_BETWEEN_ROWS)


def _plain_scalar(value: Any) -> Any:
    """Return the scalars that the encoder does not know; anything else asks for a closer look."""
    if isinstance(value, date | np.generic | str):
        return _plain(value, "")
    raise TypeError


def _plain(value: Any, path: str) -> Any:
    """Return ``value`` made of what JSON has; ValueError, which says where, when it holds anything else."""
    match value:
        case None | bool():
            return value
        case Enum():
            return _plain(value.value, path)
        case float() | np.floating():
            if not math.isfinite(value):
                raise ValueError(
                    f"it has {float(value)} at {path!r}, and numbers must be finite (None for none)"
                )
            return float(value)
        case int() | np.integer():
            number = int(value)
            if not -(2**63) <= number < 2**64:
                raise ValueError(f"it has {number} at {path!r}, which is beyond 64 bits")
            return number
        case np.bool_():
            return bool(value)
        case str():
            return _checked_text(value, path)
        case date():
            return _checked_time(value, path)
        case UUID():
            return str(value)
        case Mapping():
            return _plain_object(value, path)
        case np.ndarray():
            return _plain(value.tolist(), path)
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            return [_plain(item, f"{path}[{place}]") for place, item in enumerate(value)]
    raise ValueError(f"it has {value!r:.80} ({type(value).__name__}) at {path!r}")


def _plain_object(value: Mapping[Any, Any], path: str) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, item in value.items():
        name = _checked_key(key, path)
        if name in plain:
            raise ValueError(f"it has the key {name!r} twice at {path!r}")
        plain[name] = _plain(item, _inside(path, name))
    return plain


def _checked_time(moment: date, path: str) -> str:
    try:
        return iso_text(moment)
    except ValueError as error:
        raise ValueError(f"it has at {path!r} what {error} (None for none)") from error


def _inside(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _checked_key(key: Any, path: str) -> str:
    if not isinstance(key, str):
        raise ValueError(f"it has the key {key!r:.80} ({type(key).__name__}) at {path!r}, but keys are text")
    return _checked_text(key, path)


def _checked_text(text: str, path: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"it has text at {path!r} that UTF-8 cannot hold: {error.reason}") from error
    return str.__str__(text)


def _is_plain(value: Any) -> bool:
    """Return whether the encoder saw nothing but JSON's own types, and no number that it wrote as null."""
    # Asked of every value of a row with a null in it: the type is compared before anything slower.
    kind = type(value)
    if kind in _WITHOUT_NUMBERS:
        return True
    if kind is dict:
        return all(map(_is_plain, value.values()))
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    return kind is float and math.isfinite(value)
