"""The field that a search is of, and what its caller said of it, checked against the schema once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...input.effort import index_knobs
from ...input.options import SearchOptions, check_budgets
from ...input.queries import carried, chosen_field
from ...schema.collection_schema import CollectionSchema
from ...schema.vector_field import VectorField
from ...vector_kinds.protocol import Kind
from ...vector_kinds.registry import kind_of

# The same words may be said of ever more collections.
_SCHEMAS_KEPT = 16


@dataclass(slots=True, eq=False)
class SearchedField:
    """What searches of one schema by the same options have in common. Nobody changes it.

    Attributes
    ----------
    schema : CollectionSchema
    name : str
        Of the vector field.
    spec : VectorField
        Its schema.
    kind : Kind
        What its queries are.
    knobs : optional
        What the caller said about effort, as the index of the field takes it.
    resolves : bool
        Whether queries have tokens, or lack weights, which a snapshot looks up.
    prepares : bool
        Whether they are not searched with as they are, but by what is known of all points.
    matches : bool
        Whether rows of no score above 0 are not found, as those of texts are not.
    alone : bool
        Whether no more is asked of a query alone than its nearest points: none is left out, weighed anew or
        looked for by several threads.
    """

    schema: CollectionSchema
    name: str
    spec: VectorField
    kind: Kind[Any]
    knobs: Any
    resolves: bool
    prepares: bool
    matches: bool
    alone: bool


def searched_field(schema: CollectionSchema, options: SearchOptions) -> SearchedField:
    """Return the field of a schema that is searched; the options keep it for the next search.

    Raises
    ------
    InvalidArgument
        There is no such field, or it has no such knobs or tokens; or one of the vectors that hits are to
        carry is of no field.
    """
    # What is kept has its schema, so no other one has the same identity.
    kept: SearchedField | None = options.of_schemas.get(id(schema))
    return _checked(schema, options) if kept is None else kept


def _checked(schema: CollectionSchema, options: SearchOptions) -> SearchedField:
    if options.with_vectors:
        carried(schema, options.with_payload, options.with_vectors)
    name, spec = chosen_field(schema, options.field)
    knobs = index_knobs(spec, options.effort)
    check_budgets(name, spec, options.tokens)
    kind = kind_of(spec)
    resolves = kind.has_tokens(spec) or kind.query_weights(spec) is not None
    prepares = kind.prepares(spec)
    matches = kind.source(spec) is not None
    alone = not _asks_more(options)
    found = SearchedField(schema, name, spec, kind, knobs, resolves, prepares, matches, alone)
    if len(options.of_schemas) >= _SCHEMAS_KEPT:
        options.of_schemas.clear()
    options.of_schemas[id(schema)] = found
    return found


def _asks_more(options: SearchOptions) -> bool:
    staged = options.candidates is not None or options.group_by is not None or options.tokens is not None
    left_out = options.offset > 0 or options.score_threshold is not None
    return staged or left_out or bool(options.with_vectors) or options.threads != 1
