"""Names of collections, fields and tenants: what they may look like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidArgument

MAX_NAME = 64
"""Characters of a name."""

_NAME = re.compile(rf"[A-Za-z0-9_.-]{{1,{MAX_NAME}}}", re.ASCII)
_FOLDERS = (".", "..")


def checked_name(value: Any, what: str) -> str:
    """Return ``value`` when it is a name; ``what`` says in the error what it would name.

    Raises
    ------
    InvalidArgument
        When it is not 1 to 64 of the characters A-Z a-z 0-9 _ . -
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidArgument(
            f"{what} is named {value!r}; a name is 1 to 64 characters of A-Z a-z 0-9 _ . -", field=what
        )
    return value


def checked_collection_name(value: Any, what: str = "a collection") -> str:
    """Return ``value`` when a collection can be named so: a name, but not that of a folder's own entries."""
    name = checked_name(value, what)
    if name in _FOLDERS:
        raise InvalidArgument(
            f"{what} is named {name!r}, a folder wherever names become paths; take another name",
            field=what,
        )
    return name


def checked_aliases(changes: Any) -> dict[str, str | None]:
    """Return ``changes`` as a dict when it maps names of aliases to names of collections, or to None.

    Raises
    ------
    InvalidArgument
        It is no mapping, or has what cannot be such a name.
    """
    if not isinstance(changes, Mapping):
        raise InvalidArgument(
            f"aliases is a {type(changes).__name__}; expected a mapping, as {{'alias': 'collection'}}, "
            "with None for an alias to drop",
            field="aliases",
        )
    return {
        checked_collection_name(alias, "an alias"): None if name is None else checked_collection_name(name)
        for alias, name in changes.items()
    }


def checked_path(value: Any, what: str) -> str:
    """Return ``value`` when it is a name whose dots stand between non-empty parts, as in ``maker.city``."""
    path = checked_name(value, what)
    if not all(path.split(".")):
        raise InvalidArgument(
            f"{what} is named {path!r}; a dot stands between two keys, as in 'maker.city'", field=what
        )
    return path
