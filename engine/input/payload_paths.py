"""Where in a payload a write goes, or values are looked at: dotted paths of keys in objects, checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import InvalidArgument, UnindexedField
from ..filters.paths import checked_filter_path
from ..filters.values import can_be_iterated
from ..schema.collection_schema import CollectionSchema
from ..schema.payload_field import FieldType

PayloadPath = tuple[str, ...]
"""The keys from the payload inwards; none for the payload itself."""

_MOST_BYTES = 255
_MOST_PATHS = 256
FACET_LIMIT = 100_000
"""Values of the longest list of facets that is cut."""


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
    listed = None if isinstance(keys, str | bytes) or not can_be_iterated(keys) else list(keys)
    if listed is None or not 1 <= len(listed) <= _MOST_PATHS:
        raise InvalidArgument(
            f"keys is {keys!r:.80}; pass a list of 1 to {_MOST_PATHS} paths, as ['year', 'maker.city']",
            field="keys",
        )
    return [_checked(key, "keys") for key in listed]


def value_kind(schema: CollectionSchema, path: str) -> FieldType | None:
    """Return the type as which the values of a field are indexed, None where payloads are read for them."""
    kind = schema.fields.get(path)
    return kind if kind is not None and kind.valued else None


def read_path(schema: CollectionSchema, value: Any, field: str = "field") -> str:
    """Return a path whose values are looked at, as filters take it: ``a.b``, ``a[].b`` or ``a[0].b``.

    ``field`` is what the caller calls it.

    Raises
    ------
    UnindexedField
        No index has it, and the collection is strict.
    InvalidArgument
        It is no path.
    """
    try:
        path = checked_filter_path(value)
    except InvalidArgument as error:
        raise InvalidArgument(
            f"the payload field is {value!r:.200}; expected a path, as 'genre' or 'cast[].name'",
            field=field,
        ) from error
    if schema.strict and value_kind(schema, path) is None:
        raise UnindexedField(
            f"no index has the values of the payload field {path!r}, and the collection is strict: it reads "
            f"no payloads for them; indexed fields are {sorted(schema.fields)}",
            field=field,
        )
    return path


def ordered_path(schema: CollectionSchema, value: Any) -> str:
    """Return a path, as :func:`read_path`, whose values have an order.

    Raises
    ------
    InvalidArgument
        It is no path, or indexed as a type of which no value is less than another.
    """
    path = read_path(schema, value)
    kind = schema.fields.get(path)
    if kind is not None and not kind.ordered:
        raise InvalidArgument(
            f"the payload field {path!r} is of type {kind.value}; integer, float and datetime fields have a "
            "least and a most value",
            field="field",
        )
    return path


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
