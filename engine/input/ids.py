"""Checks what a caller passes to a collection besides vectors and filters: ids and field names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from numpy.typing import NDArray

from ...storage.arrow.library import ArrowStream
from ...storage.arrow.vector_values import vectors_of
from ...storage.columns.array_like import column_input, list_of
from ...storage.columns.ids import IdColumn
from ...storage.columns.vectors import VectorColumn
from ..error_translation import translated
from ..errors import InvalidArgument
from ..filters.expression import And, AtLeast, Filter, Or
from ..filters.notations.reading import FilterLike, as_filter
from ..results.point import PointId
from ..schema.collection_schema import CollectionSchema
from .queries import bound
from .texts import source_of
from .vectors import validate_vectors

Ids = Sequence[PointId | UUID] | NDArray[Any] | ArrowStream


def id_list(ids: Ids) -> list[PointId]:
    """Return ids as plain numbers and texts."""
    with translated():
        return IdColumn.from_values(ids).to_list()


def unique_ids(ids: Ids) -> IdColumn:
    """Return ids as a column; InvalidArgument when one occurs twice."""
    with translated():
        column = IdColumn.from_values(ids)
    duplicate = column.first_duplicate()
    if duplicate is not None:
        first, second = duplicate
        raise InvalidArgument(
            f"id {column[first]!r} stands at positions {first} and {second} of one call; each id must occur "
            "once, so keep the version you want",
            field="ids",
        )
    return column


def selection(
    schema: CollectionSchema, ids: Ids | None, filter: FilterLike | None
) -> tuple[list[PointId] | None, Filter | None]:
    """Return the points a write is about, by id or by filter; exactly one of the two is given.

    The filter fits the schema, and is returned unbound: the collection may have another schema by the time it
    is written to.
    """
    if (ids is None) == (filter is None):
        raise InvalidArgument("give exactly one of ids and filter", field="ids")
    if ids is not None:
        return list(dict.fromkeys(id_list(ids))), None
    assert filter is not None
    return None, conditions(schema, filter)


def conditions(schema: CollectionSchema, filter: FilterLike) -> Filter:
    """Return the filter of a write, not bound; InvalidArgument unless it fits and has a condition."""
    expression = as_filter(filter)
    if _is_empty(bound(expression, schema)):
        raise InvalidArgument(
            f"the filter {filter!r:.80} has no condition and holds for every point, mostly as one was "
            "lost on the way; a change of every point is asked for by ~has_id([]), as JSON "
            '{"must_not": [{"has_id": []}]}',
            field="filter",
        )
    return expression


def _is_empty(expression: Filter | None) -> bool:
    """Return whether a filter holds everywhere because it, or one of its alternatives, has no condition."""
    match expression:
        case And(clauses):
            return all(map(_is_empty, clauses))
        case Or(clauses):
            return any(map(_is_empty, clauses))
        case AtLeast(clauses, count):
            return sum(map(_is_empty, clauses)) >= count
    return False


def vector_columns(schema: CollectionSchema, vectors: Any, n: int) -> dict[str, VectorColumn]:
    """Return the vectors of ``n`` points in every field; the only field needs no name.

    A field that is not named has none, and without ``vectors`` no field has.
    """
    return _columns(schema, {} if vectors is None else vectors, n, schema.vectors)


def named_columns(schema: CollectionSchema, vectors: Any, n: int) -> dict[str, VectorColumn]:
    """Return the vectors of ``n`` points in the fields that are named, given as to :func:`vector_columns`."""
    return _columns(schema, vectors, n, vectors if isinstance(vectors, Mapping) else schema.vectors)


def vector_fields(schema: CollectionSchema, fields: Any) -> list[str]:
    """Return one or more names of vector fields, each once, whose vectors are to be deleted.

    Raises
    ------
    InvalidArgument
        The schema has no such field, or it makes its vectors itself.
    """
    with translated():
        column = column_input(fields, "fields", "pass a list of vector fields")
    # A number of NumPy is an array too, and no list.
    named = list_of(column) if getattr(column, "shape", None) != () else []
    unknown = [name for name in named if not isinstance(name, str) or name not in schema.vectors]
    if unknown or not named:
        wrong = f"no vector field is named {unknown[0]!r:.80}" if unknown else "no vector field is named"
        raise InvalidArgument(f"{wrong}; the collection has {sorted(schema.vectors)}", field="fields")
    for name in named:
        if (path := source_of(schema, name)) is not None:
            raise InvalidArgument(
                f"vector field {name!r} makes its vectors of the payload field {path!r}; delete that instead",
                field="fields",
            )
    return list(dict.fromkeys(named))


def _columns(
    schema: CollectionSchema, vectors: Any, n: int, wanted: Iterable[str]
) -> dict[str, VectorColumn]:
    fields = schema.vectors
    if not isinstance(vectors, Mapping):
        if len(fields) != 1:
            raise InvalidArgument(
                f"vectors is a {type(vectors).__name__}, but the collection has the fields {sorted(fields)}; "
                "give a mapping of field name to vectors",
                field="vectors",
            )
        vectors = {next(iter(fields)): vectors}
    unknown = sorted(map(str, vectors.keys() - fields.keys()))
    if unknown:
        raise InvalidArgument(
            f"no field is named {unknown[0]!r}; the collection has the fields {sorted(fields)}",
            field="vectors",
        )
    with translated():
        vectors = {name: vectors_of(f"vectors[{name!r}]", value) for name, value in vectors.items()}
    return {name: validate_vectors(name, fields[name], vectors.get(name), n) for name in wanted}
