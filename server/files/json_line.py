"""One line of a JSON lines file, read without a loss: numbers as they stand, every key once."""

from __future__ import annotations

from typing import Any

from ..wire.bounded_json import has_long_number, parse_object

_BOM = b"\xef\xbb\xbf"


def read_line(line: bytes, first: bool = False) -> dict[str, Any]:
    """Return the object of one line; the first line of a file may begin with a byte order mark.

    Raises
    ------
    ValueError
        When it is not JSON in UTF-8, not an object, or has a key twice; its text begins with the verb.
    """
    if first:
        line = line.removeprefix(_BOM)
    return parse_object(line, has_long_number(line))
