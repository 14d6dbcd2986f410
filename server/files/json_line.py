"""One line of a JSON lines file, read without a loss: numbers as they stand, every key once."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import orjson

from ..wire.bounded_json import has_long_number

_BOM = b"\xef\xbb\xbf"
# Every key ends so, and text seldom has it.
_KEY_END = re.compile(rb'"[ \t\r\n]*:')


def read_line(line: bytes, first: bool = False) -> dict[str, Any]:
    """Return the object of one line; the first line of a file may begin with a byte order mark.

    Raises
    ------
    ValueError
        When it is not JSON in UTF-8, not an object, or has a key twice; its text begins with the verb.
    """
    if first:
        line = line.removeprefix(_BOM)
    try:
        record: Any = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from error
    if type(record) is not dict:
        raise ValueError(f"is a JSON {type(record).__name__}; expected an object")
    # orjson makes a float of a larger integer and keeps the last of equal keys; a slower reader knows both.
    if has_long_number(line) or _may_repeat_a_key(line, record):
        try:
            record = json.loads(line, object_pairs_hook=_unique, parse_constant=_refuse)
        except RecursionError as error:
            raise ValueError("is nested too deeply") from error
    found: dict[str, Any] = record
    return found


def _may_repeat_a_key(line: bytes, record: dict[str, Any]) -> bool:
    written = len(_KEY_END.findall(line))
    return written != len(record) and written != _count_keys(record)


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


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"has {name}, which is no JSON number")
