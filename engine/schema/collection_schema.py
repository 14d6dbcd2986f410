"""The schema of a collection: its vector fields, its indexed payload fields, whether tenants part it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Self

from ..errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from .names import checked_name, checked_path
from .payload_field import FieldType
from .strict_json import checked_object
from .vector_field import VectorField, vector_field_from_json

MAX_VECTOR_FIELDS = 32
MAX_PAYLOAD_FIELDS = 256
AUTO: Final = "auto"
"""What is said instead of payload fields for those to be declared by what is written first."""
_PAYLOAD_FIELD = "an indexed payload field"


@dataclass(frozen=True, init=False, slots=True)
class CollectionSchema:
    """What the points of a collection have.

    Parameters
    ----------
    vectors : mapping of str to Dense, Sparse or Multi
        At least one.
    fields : mapping of str to FieldType or its text, optional
        Payload fields to index, by dotted path. Payloads may hold anything else beside them.
    partitioned : bool
        Whether every point belongs to a tenant.
    strict : bool
        Whether filters may name no payload field but those.
    auto : bool
        Whether payload fields are declared by what is written first; not where tenants would learn by it
        what others write.

    Attributes
    ----------
    declares : bool
        Whether more fields may be declared by what is written.
    settled : frozenset of str
        While that is so, the paths of which nothing is decided any more: those that showed values of two
        kinds or none that is declared, and those that a caller added or dropped. Not compared.
    since : mapping of str to int
        For vector fields that were added later, the sequence number from which on points can have a vector in
        them: what is stored before under the name is of a field that was dropped. Not compared.
    changed : int
        The sequence number at which vector fields were last added or dropped; 0 for never. Not compared.

    Raises
    ------
    InvalidArgument
        When a name or a field is not valid.
    """

    vectors: Mapping[str, VectorField]
    fields: Mapping[str, FieldType]
    partitioned: bool
    strict: bool
    auto: bool
    declares: bool
    settled: frozenset[str] = field(compare=False, repr=False)
    since: Mapping[str, int] = field(compare=False, repr=False)
    changed: int = field(compare=False, repr=False)

    def __init__(
        self,
        vectors: Mapping[str, VectorField],
        fields: Mapping[str, FieldType | str] | None = None,
        partitioned: bool = False,
        strict: bool = False,
        auto: bool = False,
    ) -> None:
        object.__setattr__(self, "vectors", MappingProxyType(_checked_vectors(vectors)))
        object.__setattr__(
            self, "fields", MappingProxyType(_checked_fields({} if fields is None else fields))
        )
        for name, said in (("partitioned", partitioned), ("strict", strict), (AUTO, auto)):
            if not isinstance(said, bool):
                raise InvalidArgument(f"{name} is {said!r}; pass True or False", field=name)
            object.__setattr__(self, name, said)
        if auto and partitioned:
            raise InvalidArgument(
                "fields is 'auto' and partitioned is True, so that what one tenant writes would decide what "
                "others may; declare the fields by name, as {'year': 'integer'}",
                field="fields",
            )
        self._set_declaring(auto, ())
        self._set_history({}, 0)

    def _set_declaring(self, declares: bool, settled: Iterable[str]) -> None:
        object.__setattr__(self, "declares", declares)
        object.__setattr__(self, "settled", frozenset(settled))

    def _set_history(self, since: Mapping[str, int], changed: int) -> None:
        object.__setattr__(self, "since", MappingProxyType(dict(since)))
        object.__setattr__(self, "changed", changed)

    def _with_vectors(
        self, vectors: Mapping[str, VectorField], since: Mapping[str, int], changed: int
    ) -> Self:
        schema = type(self)(vectors, self.fields, self.partitioned, self.strict, self.auto)
        schema._set_declaring(self.declares, self.settled)
        schema._set_history(since, changed)
        return schema

    def _with_fields(self, fields: Mapping[str, FieldType], settled: Iterable[str]) -> Self:
        schema = type(self)(self.vectors, fields, self.partitioned, self.strict, self.auto)
        schema._set_declaring(self.declares, settled if self.declares else ())
        schema._set_history(self.since, self.changed)
        return schema

    def with_shown(self, fields: Mapping[str, FieldType], settled: Iterable[str]) -> CollectionSchema:
        """Return this schema, which declares fields, with all that are declared by now; or itself."""
        if fields == self.fields and frozenset(settled) == self.settled:
            return self
        return self._with_fields(fields, settled)

    def without_more_fields(self) -> CollectionSchema:
        """Return this schema with the fields it has declared, which are all that it does."""
        schema = self._with_fields(self.fields, ())
        schema._set_declaring(False, ())
        return schema

    @property
    def fixed(self) -> Mapping[str, FieldType]:
        """The indexed payload fields that stay what they are, whatever is written."""
        if not self.declares:
            return self.fields
        return {path: kind for path, kind in self.fields.items() if path in self.settled}

    def shares(self, name: str, other: CollectionSchema) -> bool:
        """Return whether both have a vector field of this name that is the same one, not added anew."""
        both = name in self.vectors and name in other.vectors
        return both and self.since.get(name, 0) == other.since.get(name, 0)

    def with_vector_field(self, name: str, added: VectorField, sequence: int) -> CollectionSchema:
        """Return this schema with one more vector field; itself when it has just that one.

        Raises
        ------
        AlreadyExists
            When there is another field of this name.
        InvalidArgument
            When name or field is not valid, or there are as many fields as may be.
        """
        _checked_vectors({checked_name(name, "a vector field"): added})
        known = self.vectors.get(name)
        if known == added:
            return self
        if known is not None:
            raise AlreadyExists(
                f"there is a vector field {name!r}, {known}; drop_vector_field({name!r}) first, then add "
                f"{added}",
                field="name",
            )
        return self._with_vectors({**self.vectors, name: added}, {**self.since, name: sequence}, sequence)

    def without_vector_field(self, name: str, sequence: int) -> CollectionSchema:
        """Return this schema without a vector field.

        Raises
        ------
        NotFound
            When there is none of this name.
        FailedPrecondition
            When there is no other.
        """
        if not isinstance(name, str) or name not in self.vectors:
            raise NotFound(
                f"no vector field is named {name!r}; the collection has {sorted(self.vectors)}", field="name"
            )
        if len(self.vectors) == 1:
            raise FailedPrecondition(
                f"{name!r} is the only vector field, and a collection has at least one; add another first, "
                "or drop the collection",
                field="name",
            )
        rest = {other: known for other, known in self.vectors.items() if other != name}
        since = {other: number for other, number in self.since.items() if other != name}
        return self._with_vectors(rest, since, sequence)

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
        if known is checked and (path in self.settled or not self.declares):
            return self
        if known is not None and known is not checked:
            raise AlreadyExists(
                f"payload field {path!r} is indexed as {known.value}; drop_field({path!r}) first, then "
                f"add it as {checked.value}",
                field="name",
            )
        return self._with_fields({**self.fields, path: checked}, self.settled | {path})

    def without_field(self, path: str) -> CollectionSchema:
        """Return this schema without an indexed payload field; NotFound when that is not indexed."""
        if not isinstance(path, str) or path not in self.fields:
            raise NotFound(
                f"no payload field {path!r} is indexed; indexed fields: {sorted(self.fields)}", field="name"
            )
        rest = {name: kind for name, kind in self.fields.items() if name != path}
        return self._with_fields(rest, self.settled | {path})

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that the catalog keeps."""
        record: dict[str, Any] = {
            "vectors": {name: vector.to_json() for name, vector in self.vectors.items()},
            "fields": {name: kind.value for name, kind in self.fields.items()},
            "partitioned": self.partitioned,
        }
        # What never changed, and is neither strict nor auto, any release reads.
        if self.strict:
            record["strict"] = True
        if self.auto:
            record[AUTO] = {"settled": sorted(self.settled)} if self.declares else {}
        return record | ({"since": dict(self.since), "changed": self.changed} if self.changed else {})

    @classmethod
    def from_json(cls, record: Any) -> CollectionSchema:
        """Return the schema that :meth:`to_json` described.

        Raises
        ------
        InvalidArgument
            When a key is unknown or missing, or a value is out of range.
        """
        known = checked_object(
            record,
            "schema",
            required=["vectors", "fields", "partitioned"],
            optional=["since", "changed", "strict", AUTO],
        )
        vectors = known["vectors"]
        if not isinstance(vectors, Mapping):
            raise InvalidArgument(f"vectors is {vectors!r:.80}; expected an object", field="vectors")
        schema = cls(
            {name: vector_field_from_json(value, f"vectors[{name!r}]") for name, value in vectors.items()},
            known["fields"],
            known["partitioned"],
            known.get("strict", False),
            AUTO in known,
        )
        if AUTO in known:
            declaring = checked_object(known[AUTO], AUTO, required=[], optional=["settled"])
            schema._set_declaring("settled" in declaring, declaring.get("settled", ()))
        schema._set_history(known.get("since", {}), known.get("changed", 0))
        return schema


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
            f"fields is {fields!r:.80}; pass at most {MAX_PAYLOAD_FIELDS} by name, as {{'year': 'integer'}}, "
            "or 'auto'",
            field="fields",
        )
    checked = {}
    for path, kind in fields.items():
        checked_path(path, _PAYLOAD_FIELD)
        try:
            checked[path] = FieldType(kind)
        except (ValueError, TypeError) as error:
            known = ", ".join(repr(member.value) for member in FieldType)
            message = f"fields[{path!r}] is {kind!r}; expected one of {known}"
            raise InvalidArgument(message, field=f"fields[{path!r}]") from error
    return checked
