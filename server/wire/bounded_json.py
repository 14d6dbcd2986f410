"""JSON objects that somebody else wrote: bounded in size and nesting, and every number kept as it stands."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import orjson

from ...engine.errors import InvalidArgument, LimitExceeded

# An integer beyond 64 bits, which orjson makes a float of, has at least so many digits.
_LONG = b"0" * 19
_AS_ZERO = bytes(0x30 if chr(byte).isdecimal() else 0x20 for byte in range(128)) + b" " * 128


def write_json(record: Any) -> bytes:
    """Return JSON text; integers beyond 64 bits are kept."""
    try:
        return orjson.dumps(record)
    except TypeError:
        return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def has_long_number(text: bytes) -> bool:
    """Return whether a JSON text may have an integer beyond 64 bits."""
    return _LONG in text.translate(_AS_ZERO)


def read_object(text: bytes | memoryview, what: str, field: str, long_number: bool) -> dict[str, Any]:
    """Return the JSON object that a text holds.

    Parameters
    ----------
    text : bytes
    what, field : str
        What it is, and in which argument it came, for errors.
    long_number : bool
        What :func:`has_long_number` says of it.

    Raises
    ------
    InvalidArgument
        When it is not a JSON object in UTF-8.
    """
    try:
        value = orjson.loads(text)
        if long_number:
            value = json.loads(bytes(text), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{what} is not JSON in UTF-8: {error}", field=field) from error
    if type(value) is not dict:
        raise InvalidArgument(f"{what} is a JSON {type(value).__name__}; expected an object", field=field)
    return value


def read_bounded_object(
    text: bytes, what: str, field: str, *, max_bytes: int, max_nesting: int
) -> dict[str, Any]:
    """Return a JSON object of limited size.

    Raises
    ------
    InvalidArgument
        As :func:`read_object`.
    LimitExceeded
        When it has more bytes, or is nested more deeply, than it may.
    """
    if len(text) > max_bytes:
        raise LimitExceeded(
            f"{what} has {len(text):,} bytes of JSON; at most {max_bytes:,} are taken", field=field
        )
    value = read_object(text, what, field, has_long_number(text))
    # Fewer brackets than levels is the common case, and needs no walk.
    if text.count(b"[") + text.count(b"{") > max_nesting:
        _check_nesting(value, what, field, max_nesting)
    return value


def _check_nesting(value: dict[str, Any], what: str, field: str, max_nesting: int) -> None:
    level: list[Any] = [value]
    for _ in range(max_nesting):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    raise LimitExceeded(f"{what} is JSON nested more than {max_nesting} deep; make it flatter", field=field)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
