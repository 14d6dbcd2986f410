"""The schema that a caller declares, and how it differs from the one a collection has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from ..errors import AlreadyExists
from .collection_schema import AUTO, CollectionSchema
from .vector_field import VectorField

_MOST_TOLD = 5

DeclaredFields: TypeAlias = Mapping[str, str] | Literal["auto"]
"""Payload fields that are indexed: types by path, or that they are declared by what is written first."""


def declared_schema(
    vectors: Mapping[str, VectorField] | VectorField,
    fields: DeclaredFields | None,
    partitioned: bool,
    strict: bool,
) -> CollectionSchema:
    """Return the schema of these fields; a vector field without a name is named ``vector``."""
    named = dict(vectors) if isinstance(vectors, Mapping) else {"vector": vectors}
    auto = isinstance(fields, str) and fields == AUTO
    # Another text is refused as no mapping.
    by_name: Any = None if auto else fields
    return CollectionSchema(vectors=named, fields=by_name, partitioned=partitioned, strict=strict, auto=auto)


def check_same_schema(name: str, found: CollectionSchema, declared: CollectionSchema) -> None:
    """Raise AlreadyExists, with what differs, unless a collection has the schema that is declared."""
    there, wanted = dict(_flat(_told(found))), dict(_flat(_told(declared)))
    differing = [key for key in sorted(there.keys() | wanted.keys()) if there.get(key) != wanted.get(key)]
    if differing:
        told = "; ".join(
            f"{key} is {there.get(key, 'absent')}, declared is {wanted.get(key, 'none')}"
            for key in differing[:_MOST_TOLD]
        )
        more = f" and {len(differing) - _MOST_TOLD} more" if len(differing) > _MOST_TOLD else ""
        raise AlreadyExists(
            f"collection {name!r} exists with another schema: {told}{more}; declare the schema it has, or "
            "take another name",
            field="name",
        )


def _told(schema: CollectionSchema) -> dict[str, Any]:
    """Return what a caller declares to get a schema, without the fields that what was written declared."""
    record = schema.to_json()
    if record.pop(AUTO, None) is not None:
        record["fields"] = AUTO
    return record


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of nested objects with its dotted path."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    elif value != {}:
        yield path, value
