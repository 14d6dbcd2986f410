"""The schema of a collection: its vector fields, its indexed payload fields, whether tenants part it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..errors import AlreadyExists, InvalidArgument, NotFound
from .names import checked_name, checked_path
from .payload_field import FieldType
from .strict_json import checked_object
from .vector_field import VectorField, vector_field_from_json

MAX_VECTOR_FIELDS = 32
MAX_PAYLOAD_FIELDS = 256
_PAYLOAD_FIELD = "an indexed payload field"


@dataclass(frozen=True, init=False, slots=True)
class CollectionSchema:
    """What the points of a collection have.

    Parameters
    ----------
    vectors : mapping of str to Dense, Sparse or Multi
        At least one; every point has a vector in each.
    fields : mapping of str to FieldType or its text, optional
        Payload fields to index, by dotted path. Payloads may hold anything else beside them.
    partitioned : bool
        Whether every point belongs to a tenant.

    Raises
    ------
    InvalidArgument
        When a name or a field is not valid.
    """

    vectors: Mapping[str, VectorField]
    fields: Mapping[str, FieldType]
    partitioned: bool

    def __init__(
        self,
        vectors: Mapping[str, VectorField],
        fields: Mapping[str, FieldType | str] | None = None,
        partitioned: bool = False,
    ) -> None:
        object.__setattr__(self, "vectors", MappingProxyType(_checked_vectors(vectors)))
        object.__setattr__(
            self, "fields", MappingProxyType(_checked_fields({} if fields is None else fields))
        )
        if not isinstance(partitioned, bool):
            raise InvalidArgument(f"partitioned is {partitioned!r}; pass True or False", field="partitioned")
        object.__setattr__(self, "partitioned", partitioned)

    def with_field(self, path: str, kind: FieldType | str) -> CollectionSchema:
        """Return this schema with one more indexed payload field; itself when it has just that one.

        Raises
        ------
        AlreadyExists
            When the path is indexed as another type.
        InvalidArgument
            When path or type is not valid, or there are as many fields as may be.
        """
        (checked,) = _checked_fields({checked_path(path, _PAYLOAD_FIELD): kind}).values()
        known = self.fields.get(path)
        if known is checked:
            return self
        if known is not None:
            raise AlreadyExists(
                f"payload field {path!r} is indexed as {known.value}; drop_field({path!r}) first, then "
                f"add it as {checked.value}",
                field="name",
            )
        return CollectionSchema(self.vectors, {**self.fields, path: checked}, self.partitioned)

    def without_field(self, path: str) -> CollectionSchema:
        """Return this schema without an indexed payload field; NotFound when that is not indexed."""
        if not isinstance(path, str) or path not in self.fields:
            raise NotFound(
                f"no payload field {path!r} is indexed; indexed fields: {sorted(self.fields)}", field="name"
            )
        rest = {name: kind for name, kind in self.fields.items() if name != path}
        return CollectionSchema(self.vectors, rest, self.partitioned)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that the catalog keeps."""
        return {
            "vectors": {name: vector.to_json() for name, vector in self.vectors.items()},
            "fields": {name: kind.value for name, kind in self.fields.items()},
            "partitioned": self.partitioned,
        }

    @classmethod
    def from_json(cls, record: Any) -> CollectionSchema:
        """Return the schema that :meth:`to_json` described.

        Raises
        ------
        InvalidArgument
            When a key is unknown or missing, or a value is out of range.
        """
        known = checked_object(record, "schema", required=["vectors", "fields", "partitioned"])
        vectors = known["vectors"]
        if not isinstance(vectors, Mapping):
            raise InvalidArgument(f"vectors is {vectors!r:.80}; expected an object", field="vectors")
        return cls(
            {name: vector_field_from_json(value, f"vectors[{name!r}]") for name, value in vectors.items()},
            known["fields"],
            known["partitioned"],
        )


def _checked_vectors(vectors: Any) -> dict[str, VectorField]:
    if not isinstance(vectors, Mapping) or not 1 <= len(vectors) <= MAX_VECTOR_FIELDS:
        raise InvalidArgument(
            f"vectors is {vectors!r:.80}; pass 1 to {MAX_VECTOR_FIELDS} by name, as {{'plot': Dense(384)}}",
            field="vectors",
        )
    for name, vector in vectors.items():
        checked_name(name, "a vector field")
        if not isinstance(vector, VectorField):
            message = f"vectors[{name!r}] is {vector!r:.80}; pass a Dense, Sparse or Multi field"
            raise InvalidArgument(message, field=f"vectors[{name!r}]")
    return dict(vectors)


def _checked_fields(fields: Any) -> dict[str, FieldType]:
    if not isinstance(fields, Mapping) or len(fields) > MAX_PAYLOAD_FIELDS:
        raise InvalidArgument(
            f"fields is {fields!r:.80}; pass at most {MAX_PAYLOAD_FIELDS} by name, as {{'year': 'integer'}}",
            field="fields",
        )
    checked = {}
    for path, kind in fields.items():
        checked_path(path, _PAYLOAD_FIELD)
        try:
            checked[path] = FieldType(kind)
        except ValueError as error:
            known = ", ".join(repr(member.value) for member in FieldType)
            message = f"fields[{path!r}] is {kind!r}; expected one of {known}"
            raise InvalidArgument(message, field=f"fields[{path!r}]") from error
    return checked
