"""Which payload fields a collection declares by itself: those whose values, as written, are of one kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from ...storage.columns.payloads import PayloadColumn
from ..errors import InvalidArgument
from ..filters.canonical import INT64_MAX, INT64_MIN, canonical
from ..schema.collection_schema import CollectionSchema
from ..schema.names import MAX_NAME, checked_path
from ..schema.payload_field import FieldType
from ..state.collection_state import CollectionState

LAST_WRITE: Final = 1000
"""The sequence number from which on a collection declares no more fields by itself."""

MOST_DECLARED: Final = 64
MOST_PATHS: Final = 256
"""Paths that are declared or settled; of others nothing is decided."""

_MOST_BYTES = 256
_MOST_WORDS = 10
# Other notations of ISO 8601, as 20240501, are as likely to be numbers of something.
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}.*)?", re.ASCII)
_CHUNK_ROWS = 4096
# A whole number up to this is the same one as a float.
_MOST_AS_FLOAT = 2**53


@dataclass(slots=True)
class _Shown:
    """What the values at a path are: their types, None for what is declared as none."""

    kinds: set[FieldType | None] = field(default_factory=set)
    wide: bool = False

    def kind(self) -> FieldType | None:
        """Return the one type that all values fit, None for none."""
        if self.kinds == {FieldType.INTEGER, FieldType.FLOAT} and not self.wide:
            return FieldType.FLOAT
        return next(iter(self.kinds)) if len(self.kinds) == 1 else None


def declared_by(state: CollectionState, payloads: PayloadColumn) -> CollectionSchema:
    """Return the schema with what payloads that are going to be written declare; the same when it is nothing.

    A field is declared when all its values are of one kind; whole numbers and others together are floats. One
    that shows another kind later is declared no more, and settled. So is a path that was written with a dot
    in a key, where no index would find it.
    """
    schema = state.schema
    fields, settled = dict(schema.fields), set(schema.settled)
    for path, shown in _shown(payloads).items():
        known = fields.get(path)
        if path in settled or (known is None and len(fields.keys() | settled) >= MOST_PATHS):
            continue
        if known is not None:
            shown.kinds.add(known)
            if known is FieldType.INTEGER and FieldType.FLOAT in shown.kinds:
                shown.wide |= _has_wide(state, path)
            if known is FieldType.FLOAT and shown.wide:
                shown.kinds.add(None)
        kind = shown.kind()
        if kind is None or (known is None and len(fields) >= MOST_DECLARED):
            settled.add(path)
            fields.pop(path, None)
        else:
            fields[path] = kind
    schema = schema.with_shown(fields, settled)
    ends = state.next_sequence + len(payloads) > LAST_WRITE
    return schema.without_more_fields() if ends else schema


def _has_wide(state: CollectionState, path: str) -> bool:
    """Return whether stored whole numbers of a field are not the same as floats."""
    for view in state.pending().views:
        values, _ = view.postings().values(path)
        if len(values) and (values.max() > _MOST_AS_FLOAT or values.min() < -_MOST_AS_FLOAT):
            return True
    return False


def _shown(payloads: PayloadColumn) -> Mapping[str, _Shown]:
    """Return what the values of payloads are at each path that can be declared."""
    found: dict[str, _Shown] = {}
    impossible: set[str] = set()
    for start in range(0, len(payloads), _CHUNK_ROWS):
        stop = min(start + _CHUNK_ROWS, len(payloads))
        for payload in payloads.slice(start, stop).to_list():
            for path, value, dotted in _values(payload):
                shown = found.get(path)
                if shown is None:
                    if path in impossible or not _is_path(path):
                        impossible.add(path)
                        continue
                    shown = found[path] = _Shown()
                kind = None if dotted else _kind_of(value)
                shown.kinds.add(kind)
                if kind is FieldType.INTEGER and abs(value) > _MOST_AS_FLOAT:
                    shown.wide = True
    return found


def _values(payload: Mapping[str, Any]) -> Iterator[tuple[str, Any, bool]]:
    """Yield each value but null with its path, and whether a key on the way has a dot, then of nulls too.

    Objects are values, and lists within lists.
    """
    # The first is the last, so that fields are declared in the order of the payload.
    waiting = list(_members("", payload, False))[::-1]
    while waiting:
        path, value, dotted = waiting.pop()
        if dotted:
            yield path, None, True
        # Most are plain.
        if not isinstance(value, dict | list):
            if value is not None:
                yield path, value, dotted
            continue
        inner: list[tuple[str, Any, bool]] = []
        for item in value if isinstance(value, list) else [value]:
            if item is None:
                continue
            if isinstance(item, dict):
                inner += _members(f"{path}.", item, dotted)
            elif isinstance(item, list):
                inner += [(path, each, dotted) for each in item if isinstance(each, dict | list)]
            yield path, item, dotted
        waiting += reversed(inner)


def _members(before: str, value: Mapping[str, Any], dotted: bool) -> Iterable[tuple[str, Any, bool]]:
    # Longer ones can be declared no more than what lies below them.
    return (
        (path, member, dotted or "." in key)
        for key, member in value.items()
        if len(path := f"{before}{key}") <= MAX_NAME
    )


def _kind_of(value: Any) -> FieldType | None:
    kind = type(value)
    if kind is str:
        # Long ones are not worth remembering.
        return _kind_of_text(value) if len(value) <= _MOST_BYTES else None
    if kind is int:
        return FieldType.INTEGER if INT64_MIN <= value <= INT64_MAX else None
    return FieldType.FLOAT if kind is float else FieldType.BOOL if kind is bool else None


# Many texts come again and again.
@lru_cache(4096)
def _kind_of_text(text: str) -> FieldType | None:
    if _is_time(text):
        return FieldType.DATETIME
    return None if _is_prose(text) else FieldType.KEYWORD


def _is_time(text: str) -> bool:
    if not _TIME.fullmatch(text):
        return False
    try:
        canonical(text, FieldType.DATETIME)
    except ValueError:
        return False
    return True


def _is_prose(text: str) -> bool:
    return "\n" in text or len(text.encode()) > _MOST_BYTES or len(text.split()) > _MOST_WORDS


def _is_path(path: str) -> bool:
    try:
        checked_path(path, "a field")
    except InvalidArgument:
        return False
    return True
