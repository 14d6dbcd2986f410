"""JSON objects that somebody else wrote: bounded in size and nesting, and every number kept as it stands."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from ...engine.errors import InvalidArgument, LimitExceeded

# An integer beyond 64 bits, which orjson makes a float of, has at least so many digits.
_LONG = b"0" * 19
# Every key ends so, and text seldom has it.
_KEY_END = re.compile(rb'"[ \t\r\n]*:')
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


def parse_object(text: bytes, long_number: bool) -> dict[str, Any]:
    """Return the JSON object that a text holds, every number as it stands.

    Parameters
    ----------
    text : bytes
    long_number : bool
        What :func:`has_long_number` says of it.

    Raises
    ------
    ValueError
        When it is not JSON in UTF-8, not an object, or has a key twice; its text begins with the verb.
    """
    try:
        value: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is not JSON in UTF-8: {error}") from error
    if type(value) is not dict:
        raise ValueError(f"is a JSON {type(value).__name__}; expected an object")
    # orjson makes a float of a larger integer and keeps the last of equal keys; a slower reader knows both.
    if long_number or _may_repeat_a_key(text, value):
        try:
            value = json.loads(text, object_pairs_hook=_unique)
        except RecursionError as error:
            raise ValueError("is nested too deeply") from error
    found: dict[str, Any] = value
    return found


def read_object(text: bytes, what: str, field: str, long_number: bool) -> dict[str, Any]:
    """Return an object as :func:`parse_object` does.

    Raises
    ------
    InvalidArgument
        Where that raises ValueError; it says ``what`` it is and in which argument, ``field``, it came.
    """
    try:
        return parse_object(text, long_number)
    except ValueError as error:
        raise InvalidArgument(f"{what} {error}", field=field) from error


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


def _may_repeat_a_key(text: bytes, value: dict[str, Any]) -> bool:
    # Every key has a colon: where there are no more of them than keys were read, none was lost.
    return text.count(b":") != len(value) and len(_KEY_END.findall(text)) != _count_keys(value)


def _count_keys(value: Any) -> int:
    if type(value) is dict:
        return len(value) + sum(map(_count_keys, value.values()))
    return sum(map(_count_keys, value)) if type(value) is list else 0


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"has the key {repeated!r} twice in one object; keep one of them")
    return unique
