"""Where in a payload a write goes: dotted paths of keys in objects, checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import InvalidArgument

PayloadPath = tuple[str, ...]
"""The keys from the payload inwards; none for the payload itself."""

_MOST_BYTES = 255
_MOST_PATHS = 256


def payload_path(key: str | None) -> PayloadPath:
    """Return the keys of the path below which something is set; of None, none."""
    return () if key is None else _checked(key, "key")


def payload_paths(keys: Iterable[str]) -> list[PayloadPath]:
    """Return the keys of each path that is deleted.

    Raises
    ------
    InvalidArgument
        When there is none, or more than 256, or one is no path.
    """
    listed = None if isinstance(keys, str | bytes) or not isinstance(keys, Iterable) else list(keys)
    if listed is None or not 1 <= len(listed) <= _MOST_PATHS:
        raise InvalidArgument(
            f"keys is {keys!r:.80}; pass a list of 1 to {_MOST_PATHS} paths, as ['year', 'maker.city']",
            field="keys",
        )
    return [_checked(key, "keys") for key in listed]


def _checked(key: Any, field: str) -> PayloadPath:
    path = tuple(key.split(".")) if isinstance(key, str) else ()
    if not path or not all(path) or not _fits(key):
        raise InvalidArgument(
            f"{field} has {key!r:.80}; a path is text of at most {_MOST_BYTES} bytes in UTF-8, and a dot in "
            "it stands between two keys, as in 'maker.city'",
            field=field,
        )
    return path


def _fits(key: str) -> bool:
    try:
        return len(key.encode()) <= _MOST_BYTES
    except UnicodeEncodeError:
        return False
