"""What points and hits carry besides their ids: everything, nothing, or what was named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from ...storage.columns.payloads import PayloadColumn

Named = bool | tuple[str, ...]
"""All of it, nothing of it, or what has these names."""

_Tree = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Carried:
    """What points carry.

    Attributes
    ----------
    payload : bool or tuple of str
        With names, what the payload has at these paths.
    vectors : bool or tuple of str
        With names, the vectors of these fields.
    """

    payload: Named = True
    vectors: Named = False


def fields_of(vectors: Named) -> tuple[str, ...] | None:
    """Return the named fields, None for all of them."""
    return None if isinstance(vectors, bool) else vectors


def picked(payload: dict[str, Any], named: Named) -> dict[str, Any]:
    """Return what a payload has at the named paths, objects in objects as it has them.

    A dot in a path goes from an object into one of its keys, and from a list into that key of each object
    in it, as in a filter.
    """
    if isinstance(named, bool):
        return payload if named else {}
    found: dict[str, Any] = _picked(payload, _tree(named))
    return found


def picked_column(payloads: PayloadColumn, named: Named) -> PayloadColumn:
    """Return the payloads with what they have at the named paths."""
    if named is True:
        return payloads
    if not named:
        return PayloadColumn.from_rows(None, len(payloads))
    tree = _tree(named)
    found = (_picked(payloads.get(row), tree) for row in range(len(payloads)))
    return PayloadColumn.from_raw([orjson.dumps(one) for one in found])


@lru_cache(maxsize=256)
def _tree(paths: tuple[str, ...]) -> _Tree:
    """Return the keys of each object that are kept, with those below them, None where all of it is."""
    tree: dict[str, Any] = {}
    for path in paths:
        *above, last = path.split(".")
        inside: dict[str, Any] | None = tree
        for key in above:
            inside = inside.setdefault(key, {}) if inside is not None else None
        if inside is not None:
            inside[last] = None
    return tree


def _picked(value: Any, tree: _Tree | None) -> Any:
    """Return what is kept of a value; an empty object, list or None where nothing is."""
    if tree is None:
        return value
    if isinstance(value, dict):
        found = {key: (_picked(value[key], below), below) for key, below in tree.items() if key in value}
        return {key: one for key, (one, below) in found.items() if below is None or one}
    if isinstance(value, list):
        return [one for item in value if isinstance(item, dict | list) and (one := _picked(item, tree))]
    return None
